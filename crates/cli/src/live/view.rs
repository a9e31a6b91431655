//! What is drawn of a load: rate and percentiles over time, the distribution, errors.

use festina::Seconds;
use festina::load::{TimelinePoint, Totals};
use ratatui::Frame;
use ratatui::layout::{Constraint, Direction, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Bar, BarChart, BarGroup, Block, Chart, Dataset, GraphType, Paragraph};

/// The quantiles that are told.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1.0)];
/// Points that are drawn at most: the latest.
const MOST_POINTS: usize = 600;

/// What is known of a load.
#[derive(Debug, Default)]
pub(super) struct View {
    title: String,
    pub(super) is_stopping: bool,
    /// When the run under way began, on the axis of all runs: a search for the knee has many.
    base: f64,
    last: f64,
    in_system: u64,
    /// Over time: sent and good requests a second; decimal logarithms of p50, p99 and the longest latency.
    sent: Vec<(f64, f64)>,
    good: Vec<(f64, f64)>,
    latencies: [Vec<(f64, f64)>; 3],
    totals: Numbers,
}

#[derive(Debug, Default)]
struct Numbers {
    sent: u64,
    good: u64,
    errors: Vec<(String, u64)>,
    quantiles: Vec<(&'static str, Option<f64>)>,
    histogram: Vec<(f64, f64, u64)>,
}

/// A line's name, its points, and its colour.
type NamedLine<'a> = (&'static str, &'a [(f64, f64)], Color);

impl View {
    pub(super) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Takes what happened in a span of time.
    pub(super) fn add(&mut self, point: &TimelinePoint) {
        if point.time_s <= self.last {
            self.base += self.last;
            self.last = 0.0;
        }
        let span = (point.time_s - self.last).max(1e-9);
        self.last = point.time_s;
        self.in_system = point.in_system;
        let time = self.base + point.time_s;
        push(&mut self.sent, (time, point.sent as f64 / span));
        push(&mut self.good, (time, point.good as f64 / span));
        for (line, value) in self.latencies.iter_mut().zip([point.p50_s, point.p99_s, point.max_s]) {
            if let Some(value) = value.filter(|value| *value > 0.0) {
                push(line, (time, value.log10()));
            }
        }
    }

    /// Takes what happened since the begin.
    pub(super) fn set_totals(&mut self, totals: &Totals<'_>) {
        self.totals = Numbers {
            sent: totals.sent(),
            good: totals.good(),
            errors: totals.errors().iter().map(|(kind, count)| (kind.clone(), *count)).collect(),
            quantiles: QUANTILES.iter().map(|(name, p)| (*name, totals.latency(*p))).collect(),
            histogram: totals.histogram(),
        };
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let rows = [Constraint::Length(1), Constraint::Fill(3), Constraint::Fill(2)];
        let [head, charts, details] = Layout::vertical(rows).areas(frame.area());
        let halves = [Constraint::Fill(1), Constraint::Fill(1)];
        let [rate, latency] = Layout::horizontal(halves).areas(charts);
        let [histogram, numbers] = Layout::horizontal(halves).areas(details);
        let state = if self.is_stopping { "stopping" } else { "Ctrl-C to stop" };
        let text = format!(
            "{} · {:.1} s · {} in flight · {state}",
            self.title,
            self.base + self.last,
            self.in_system
        );
        frame.render_widget(Paragraph::new(text).style(Style::new().add_modifier(Modifier::BOLD)), head);
        self.draw_rate(frame, rate);
        self.draw_latency(frame, latency);
        self.draw_histogram(frame, histogram);
        self.draw_numbers(frame, numbers);
    }

    fn draw_rate(&self, frame: &mut Frame<'_>, area: Rect) {
        let highest = self.sent.iter().chain(&self.good).map(|point| point.1).fold(1.0, f64::max);
        let lines = [("sent", &self.sent, Color::Blue), ("good", &self.good, Color::Green)];
        let labels = [0.0, highest / 2.0, highest].map(|rate| format!("{rate:.0}"));
        let axis = Axis::default().bounds([0.0, highest * 1.05]).labels(labels);
        self.draw_lines(
            frame,
            area,
            "requests/s",
            &lines.map(|(name, line, color)| (name, line.as_slice(), color)),
            axis,
        );
    }

    fn draw_latency(&self, frame: &mut Frame<'_>, area: Rect) {
        let [p50, p99, longest] = &self.latencies;
        let all = || self.latencies.iter().flatten().map(|point| point.1);
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let (low, high) =
            if low <= high { (low.floor(), high.ceil().max(low.floor() + 1.0)) } else { (-3.0, 0.0) };
        let lines = [
            ("p50", p50.as_slice(), Color::Green),
            ("p99", p99, Color::Yellow),
            ("longest", longest, Color::Red),
        ];
        let labels =
            [low, f64::midpoint(low, high), high].map(|power| Seconds(10_f64.powf(power)).to_string());
        let axis = Axis::default().bounds([low, high]).labels(labels);
        self.draw_lines(frame, area, "latency", &lines, axis);
    }

    fn draw_lines(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        title: &str,
        lines: &[NamedLine<'_>],
        vertical: Axis<'_>,
    ) {
        let end = (self.base + self.last).max(1.0);
        let begin = self.sent.first().map_or(0.0, |point| point.0.min(end - 1.0)).max(0.0);
        let begin = if self.sent.len() < MOST_POINTS { 0.0 } else { begin };
        let datasets = lines.iter().map(|(_, points, color)| {
            let line = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
            line.style(Style::new().fg(*color)).data(points)
        });
        // A legend would hide what it explains.
        let names =
            lines.iter().map(|(name, _, color)| Span::styled(format!("{name} "), Style::new().fg(*color)));
        let title: Vec<Span<'_>> = [Span::raw(format!(" {title}: "))].into_iter().chain(names).collect();
        let horizontal =
            Axis::default().bounds([begin, end]).labels([begin, end].map(|time| format!("{time:.0} s")));
        let chart = Chart::new(datasets.collect()).x_axis(horizontal).y_axis(vertical);
        frame.render_widget(chart.block(Block::bordered().title(Line::from(title))), area);
    }

    fn draw_histogram(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows = usize::from(area.height.saturating_sub(2)).min(24);
        let bars: Vec<Bar<'_>> = condense(&self.totals.histogram, rows)
            .into_iter()
            .map(|(upper, count)| {
                let label = format!("≤ {:>8}", Seconds(upper).to_string());
                Bar::default().value(count).label(Line::from(label)).text_value(count.to_string())
            })
            .collect();
        let chart = BarChart::default()
            .block(Block::bordered().title(" distribution of the latency "))
            .direction(Direction::Horizontal)
            .bar_width(1)
            .bar_gap(0)
            .bar_style(Style::new().fg(Color::Cyan))
            .data(BarGroup::default().bars(&bars));
        frame.render_widget(chart, area);
    }

    fn draw_numbers(&self, frame: &mut Frame<'_>, area: Rect) {
        let Numbers { sent, good, errors, quantiles, .. } = &self.totals;
        let failed: u64 = errors.iter().map(|error| error.1).sum();
        let mut lines = vec![Line::from(format!("{sent} sent, {good} good, {failed} failed"))];
        for (name, value) in quantiles {
            let value = value.map_or("–".to_owned(), |value| Seconds(value).to_string());
            lines.push(Line::from(format!("{name:>8}  {value}")));
        }
        for (kind, count) in errors {
            lines.push(Line::styled(format!("{count:>8}  {kind}"), Style::new().fg(Color::Red)));
        }
        let block = Block::bordered().title(" since the begin ");
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }
}

fn push(line: &mut Vec<(f64, f64)>, point: (f64, f64)) {
    if line.len() == MOST_POINTS {
        line.remove(0);
    }
    line.push(point);
}

/// Returns `(upper, count)` of at most `rows` bars of equal ratio, from the shortest to the longest latency.
fn condense(bins: &[(f64, f64, u64)], rows: usize) -> Vec<(f64, u64)> {
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Vec::new() };
    let (low, high) = (first.1.max(1e-9).ln(), last.1.max(1e-9).ln());
    let rows = if high > low { rows.max(1) } else { 1 };
    let width = (high - low) / rows as f64;
    let mut bars: Vec<(f64, u64)> = (1..=rows).map(|row| ((low + width * row as f64).exp(), 0)).collect();
    for (_, upper, count) in bins {
        let place =
            if width > 0.0 { ((upper.max(1e-9).ln() - low) / width - 1e-9).max(0.0) as usize } else { 0 };
        bars[place.min(rows - 1)].1 += count;
    }
    bars
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn drawn(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn point(time_s: f64) -> TimelinePoint {
        let (p50_s, p99_s, max_s) = (Some(0.002), Some(0.01), Some(0.08));
        TimelinePoint { time_s, sent: 20, good: 18, errors: 2, p50_s, p99_s, max_s, in_system: 3 }
    }

    #[test]
    fn all_is_on_the_screen() {
        let mut view = View::new("festina load http://127.0.0.1:1/");
        (1..=20).for_each(|k| view.add(&point(f64::from(k) / 10.0)));
        view.totals = Numbers {
            sent: 400,
            good: 360,
            errors: vec![("timeout".to_owned(), 40)],
            quantiles: vec![("p50", Some(0.002)), ("p99", None)],
            histogram: vec![(0.001, 0.002, 300), (0.05, 0.08, 60)],
        };
        let screen = drawn(&view, 100, 30);
        for words in [
            "festina load http://127.0.0.1:1/ · 2.0 s · 3 in flight · Ctrl-C to stop",
            " requests/s: sent good ",
            " latency: p50 p99 longest ",
            "400 sent, 360 good, 40 failed",
            "p50  2.00 ms",
            "40  timeout",
            "≤  80.0 ms",
            "200",
        ] {
            assert!(screen.contains(words), "{words}:\n{screen}");
        }
    }

    #[test]
    fn runs_follow_each_other_on_one_axis() {
        let mut view = View::new("");
        [0.1, 0.2, 0.1, 0.2].into_iter().for_each(|time| view.add(&point(time)));
        let times: Vec<f64> = view.sent.iter().map(|point| (point.0 * 10.0).round()).collect();
        assert_eq!(times, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(view.sent[2].1.round(), 200.0);
    }

    #[test]
    fn bars_hold_every_request() {
        let bins: Vec<(f64, f64, u64)> =
            (1..=1000).map(|k| (f64::from(k) * 1e-4, f64::from(k + 1) * 1e-4, 2)).collect();
        for rows in [1, 3, 10] {
            let bars = condense(&bins, rows);
            assert_eq!((bars.len(), bars.iter().map(|bar| bar.1).sum::<u64>()), (rows, 2000));
        }
        assert_eq!(condense(&bins[..1], 5).len(), 1);
        assert!(condense(&[], 5).is_empty());
    }

    #[test]
    fn small_and_empty_screens_do_not_panic() {
        let mut view = View::new("x");
        for size in [(1, 1), (10, 3), (60, 16)] {
            drawn(&view, size.0, size.1);
            view.add(&point(0.5));
        }
    }
}
