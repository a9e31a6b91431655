//! Timelines and maps: what is drawn stands where it should, in any number.

#[allow(dead_code, reason = "each test uses its part")]
mod drawing;
#[allow(dead_code, reason = "each test uses its part")]
mod sample;

use drawing::{labels, number, of_class};
use festina_report::html::{self, HtmlOptions};
use festina_report::text::{self, TextOptions};
use festina_report::{Axis, Chart, PlotPoint, Report, Role, Series, Span, Unit, svg};
use proptest::prelude::*;
use roxmltree::{Document, Node};

fn draw(chart: &Chart) -> String {
    svg::chart(chart, &svg::SvgOptions::default())
}

fn timeline(spans: impl IntoIterator<Item = Span>) -> Chart {
    Chart::new("", Axis::new("time", Unit::Number), Axis::new("slot", Unit::Number)).with(Series::spans(
        "finished",
        Role::Measured,
        spans,
    ))
}

fn map(places: &[(f64, f64)]) -> Chart {
    Chart::new("", Axis::new("x", Unit::Number), Axis::new("y", Unit::Number))
        .with_equal_scales()
        .with(Series::line("tour", Role::Fit, places.iter().copied()))
}

/// Returns label and pixel of the ticks of an axis.
fn ticks(svg: &Document<'_>, anchor: &str, attribute: &str, shift: f64) -> Vec<(f64, f64)> {
    let of_axis = |node: &Node<'_, '_>| node.attribute("text-anchor") == Some(anchor);
    let ticks = of_class(svg, "tick").into_iter().filter(of_axis);
    ticks.filter_map(|node| Some((node.text()?.parse().ok()?, number(node, attribute) + shift))).collect()
}

/// Returns the pixels of one unit and the pixel of zero, by the outermost ticks.
fn scale(ticks: &[(f64, f64)]) -> (f64, f64) {
    let ((v0, p0), (v1, p1)) = (ticks[0], ticks[ticks.len() - 1]);
    let unit = (p1 - p0) / (v1 - v0);
    (unit, p0 - v0 * unit)
}

/// Follows a path of moves and relative lines, and returns its vertices in pixels.
fn vertices(path: Node<'_, '_>) -> Vec<(f64, f64)> {
    let scale = path.attribute("transform").map_or(1.0, |text| {
        text.trim_start_matches("scale(").trim_end_matches(')').parse().expect("a factor")
    });
    let data = path.attribute("d").unwrap().replace('l', " l ").replace('M', " M ").replace('-', " -");
    let mut words = data.split_whitespace();
    let (mut at, mut found) = ((0.0, 0.0), Vec::new());
    while let Some(letter) = words.next() {
        let mut next = || words.next().unwrap().parse::<f64>().unwrap();
        let (x, y) = (next(), next());
        at = if letter == "M" { (x, y) } else { (at.0 + x, at.1 + y) };
        found.push((at.0 * scale, at.1 * scale));
    }
    found
}

#[test]
fn spans_stand_on_their_lanes_between_their_times() {
    let chart = timeline([Span::new(0, 0.0, 40.0), Span::new(2, 90.0, 60.0), Span::new(1, 10.0, 10.0)]);
    let text = draw(&chart);
    let svg = Document::parse(&text).unwrap();
    let (unit, zero) = scale(&ticks(&svg, "middle", "x", 0.0));
    let lanes = ticks(&svg, "end", "y", -4.0);
    assert_eq!(lanes.iter().map(|lane| lane.0).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    let rects: Vec<_> = of_class(&svg, "span")
        .into_iter()
        .filter(|node| node.has_tag_name("rect") || node.tag_name().name() == "rect")
        .collect();
    assert_eq!(rects.len(), 3);
    for (rect, (lane, from, to)) in rects.into_iter().zip([(0, 0.0, 40.0), (2, 60.0, 90.0), (1, 10.0, 10.0)])
    {
        let (x, width) = (number(rect, "x"), number(rect, "width"));
        assert!((x - (zero + unit * from)).abs() < 0.05, "{x}");
        // The shortest span is a pixel wide.
        assert!((width - (unit * (to - from)).max(1.0)).abs() < 0.05, "{width}");
        let middle = number(rect, "y") + number(rect, "height") / 2.0;
        assert!((middle - lanes[lane].1).abs() < 0.05, "{middle}");
    }
    let title = svg.descendants().find(|node| node.text() == Some("finished: slot 3, 90 – 60"));
    assert!(title.is_some(), "{text}");
}

#[test]
fn failed_tasks_have_a_form_of_their_own() {
    let text = draw(&sample::timeline_chart(6, 60));
    let svg = Document::parse(&text).unwrap();
    let heights = |class: &str| -> Vec<f64> {
        let group = svg.descendants().filter(|node| node.attribute("class") == Some(class));
        let rects =
            group.flat_map(|group| group.descendants()).filter(|node| node.tag_name().name() == "rect");
        rects.map(|rect| number(rect, "height")).collect()
    };
    let (finished, failed) = (heights("measured"), heights("limit"));
    assert_eq!((finished.len(), failed.len()), (57, 3));
    assert!(failed.iter().all(|height| *height > 1.2 * finished[0]));
    // In the drawing and in the legend.
    assert_eq!(of_class(&svg, "hatch").len(), 2);
}

#[test]
fn a_million_spans_on_thousands_of_lanes_make_a_small_drawing_in_which_no_failure_is_lost() {
    let spans = (0..1_000_000_u32).map(|i| {
        let from = f64::from(i / 4000);
        Span::new(i % 4000, from, from + 0.9)
    });
    let chart = timeline(spans).with(Series::spans("failed", Role::Limit, [Span::new(1234, 100.0, 100.001)]));
    let text = draw(&chart);
    assert!(text.len() < 600_000, "{} bytes", text.len());
    let svg = Document::parse(&text).expect("well-formed");
    let failed: Vec<_> = svg.descendants().filter(|node| node.attribute("class") == Some("limit")).collect();
    assert!(failed.iter().any(|group| group.children().any(|node| node.attribute("class") == Some("busy"))));
    assert!(failed.iter().any(|group| group.children().any(|node| node.attribute("class") == Some("dot"))));
    let page = html::page(&Report::new("many").with(chart), &HtmlOptions::default());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn the_grid_of_many_spans_is_as_dark_as_the_lanes_are_busy() {
    // 10,000 spans on two lanes: the first busy all the time, the second for a fifth of it.
    let spans = (0..10_000_u32).map(|i| {
        let (lane, from) = (i % 2, f64::from(i / 2));
        Span::new(lane, from, from + if lane == 0 { 1.0 } else { 0.2 })
    });
    let mut chart = timeline(spans);
    chart.x.range = Some((0.0, 5000.0));
    let text = draw(&chart);
    let svg = Document::parse(&text).unwrap();
    let opacities: Vec<&str> =
        of_class(&svg, "busy").into_iter().filter_map(|node| node.attribute("stroke-opacity")).collect();
    assert_eq!(opacities, ["0.22", "1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_unit_is_as_long_across_as_up(
        places in prop::collection::vec((-500.0..500.0_f64, -500.0..500.0_f64), 2..30),
        stretch in 0.3..3.0_f64, width in 300.0..1200.0_f64, height in 200.0..600.0_f64,
    ) {
        let places: Vec<(f64, f64)> = places.into_iter().map(|(x, y)| (x, stretch * y)).collect();
        let text = svg::chart(&map(&places), &svg::SvgOptions { width, height, ..svg::SvgOptions::default() });
        let svg = Document::parse(&text).expect("well-formed");
        let (x, y) = (ticks(&svg, "middle", "x", 0.0), ticks(&svg, "end", "y", -4.0));
        prop_assume!(x.len() >= 2 && y.len() >= 2);
        let ((across, _), (up, _)) = (scale(&x), scale(&y));
        prop_assert!((across + up).abs() < 0.01 * across, "{across} {up}");
    }
}

#[test]
fn a_tour_of_a_hundred_thousand_places_is_drawn_without_gaps_and_near_every_place() {
    let chart = sample::tour_chart(100_000);
    let text = draw(&chart);
    assert!(text.len() < 800_000, "{} bytes", text.len());
    let svg = Document::parse(&text).expect("well-formed");
    let thread = of_class(&svg, "thread");
    assert_eq!(thread.len(), 1);
    assert_eq!(thread[0].attribute("d").unwrap().matches('M').count(), 1, "one stroke");
    let drawn = vertices(thread[0]);
    let festina_report::SeriesKind::Line(tour) = &chart.series[0].kind else { panic!("a line") };
    let ((across, left), (up, bottom)) =
        (scale(&ticks(&svg, "middle", "x", 0.0)), scale(&ticks(&svg, "end", "y", -4.0)));
    // In the order of the tour, each place is near the vertex that stands for it or the one after.
    let mut index = 0;
    for (x, y) in tour {
        let (x, y) = (left + across * x, bottom + up * y);
        let away = |i: usize| drawn.get(i).map_or(f64::INFINITY, |p| (p.0 - x).hypot(p.1 - y));
        if away(index + 1) < away(index) {
            index += 1;
        }
        assert!(away(index) < 1.2, "{} from the drawing at {index}", away(index));
    }
    assert!(index + 2 >= drawn.len(), "{index} of {}", drawn.len());
    // The start is marked, at the first place, above all.
    assert!(labels(&svg).iter().any(|label| label.text == "start"));
    let ring = of_class(&svg, "ring")[0];
    assert!((number(ring, "cx") - drawn[0].0).abs() < 0.2 && (number(ring, "cy") - drawn[0].1).abs() < 0.2);
    assert!(ring > thread[0], "later in the drawing");
    let page = html::page(&Report::new("tour").with(chart), &HtmlOptions::default());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn a_million_places_and_a_map_that_is_nowhere_are_drawn_too() {
    let text = draw(&sample::tour_chart(1_000_000));
    assert!(text.len() < 1_200_000, "{} bytes", text.len());
    for places in [&[][..], &[(1.0, 1.0); 3], &[(1e300, -1e300), (-1e300, 1e300)], &[(f64::NAN, 0.0)]] {
        Document::parse(&draw(&map(places))).expect("well-formed");
        assert!(text::plot(&map(places), &TextOptions::default()).contains("tour"));
    }
}

#[test]
fn a_map_in_a_terminal_keeps_its_shape() {
    // A square of dots twice as wide as high in cells: corners at both ends of as many columns as twice the rows.
    let corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)];
    let chart =
        map(&corners).with(Series::points("", Role::Measured, corners.map(|(x, y)| PlotPoint::new(x, y))));
    let shown = text::plot(&chart, &TextOptions::default());
    let rows: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
    let found: Vec<(usize, usize)> = rows
        .iter()
        .enumerate()
        .flat_map(|(y, row)| row.iter().enumerate().filter(|(_, c)| **c == '●').map(move |(x, _)| (x, y)))
        .collect();
    assert_eq!(found.len(), 4, "{shown}");
    let (across, down) = (found[1].0 - found[0].0, found[2].1 - found[0].1);
    assert!(across.abs_diff(2 * down) <= 2, "{across} {down}\n{shown}");
}

#[test]
fn more_lanes_than_rows_are_counted() {
    let chart = timeline((0..25).map(|lane| Span::new(lane, 0.0, 1.0)));
    let shown = text::plot(&chart, &TextOptions::default());
    assert!(shown.contains("… and 5 more") && shown.matches('┤').count() == 20, "{shown}");
}
