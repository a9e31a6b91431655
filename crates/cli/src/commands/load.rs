//! `festina load`

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use festina::load::{
    KneeAnswer, LoadAnswer, LoadOptions, TimelinePoint, Totals, find_knee, knee_report, load, load_report,
};
use festina::{CancelToken, Error, Exit, LoadObserver, Seconds};

use crate::args::LoadArguments;
use crate::live::Live;
use crate::moving_line;
use crate::output::{self, Answer};
use crate::signals::cancel_on_signals;

pub(crate) fn run(arguments: &LoadArguments) -> Result<Exit, Error> {
    output::require_folders(&arguments.output, arguments.csv.as_deref())?;
    let options = options(arguments)?;
    let cancel = cancel_on_signals();
    let mut screen = if arguments.progress.quiet {
        Screen::Nothing
    } else {
        Screen::new(&format!("festina load {}", options.url), &cancel)
    };
    let (exit, table, seed, report, json) = if arguments.find_knee {
        let answer = find_knee(&options, &cancel, &mut screen)?;
        (
            answer.exit(),
            ladder(&answer),
            answer.seed,
            knee_report(&answer),
            output::to_json(&answer.to_json()),
        )
    } else {
        let answer = load(&options, &cancel, &mut screen)?;
        (
            answer.exit(),
            timeline(&answer),
            answer.seed,
            load_report(&answer),
            output::to_json(&answer.to_json()),
        )
    };
    // The terminal is given back before anything is printed.
    drop(screen);
    let provenance =
        vec![("command".to_owned(), output::command_line()), ("seed".to_owned(), seed.to_string())];
    let shown = Answer { report, json, provenance };
    if let Some(path) = &arguments.csv {
        output::emit_text(&table, path)?;
    }
    if arguments.csv.as_deref() == Some(Path::new("-")) {
        output::emit_files(&shown, &arguments.output)?;
    } else {
        output::emit(&shown, &arguments.output)?;
    }
    Ok(if cancel.is_requested() { Exit::Interrupted } else { exit })
}

fn options(arguments: &LoadArguments) -> Result<LoadOptions, Error> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path)
            .map(|text| (path.display().to_string(), text))
            .map_err(|source| Error::File { action: format!("read {}", path.display()), source })
    };
    let body_file = arguments.body_file.as_ref().map(read).transpose()?;
    Ok(LoadOptions {
        url: arguments.url.clone(),
        authorized: arguments.authorized_for.clone(),
        authorities: arguments.ca.as_ref().map(read).transpose()?,
        http2: arguments.http2,
        accepts_any_certificate: arguments.accept_any_certificate,
        rate: arguments.rate,
        profile: arguments.profile.clone(),
        duration: arguments.duration,
        arrivals: arguments.arrivals.clone(),
        trace: arguments.trace.as_ref().map(read).transpose()?,
        concurrency: arguments.concurrency,
        method: arguments.method.clone(),
        headers: arguments.headers.clone(),
        body: arguments.body.clone().or(body_file.map(|(_, text)| text)),
        rows: arguments.data.as_ref().map(read).transpose()?,
        checks: arguments.checks.clone(),
        slo: arguments.slo.clone(),
        threads: arguments.threads,
        connections: arguments.connections,
        no_keep_alive: arguments.no_keep_alive,
        timeout: arguments.timeout,
        seed: Some(arguments.seed),
        pid: arguments.pid,
    })
}

/// Returns the timeline as CSV: a row a span of time.
fn timeline(answer: &LoadAnswer) -> String {
    let mut text = "time_s,sent,good,errors,in_system,p50_s,p99_s,max_s\n".to_owned();
    for point in &answer.result.timeline {
        let TimelinePoint { time_s, sent, good, errors, p50_s, p99_s, max_s, in_system } = point;
        let [p50, p99, max] =
            [p50_s, p99_s, max_s].map(|value| value.map_or(String::new(), |value| format!("{value:.6}")));
        text += &format!("{time_s:.3},{sent},{good},{errors},{in_system},{p50},{p99},{max}\n");
    }
    text
}

/// Returns the ladder as CSV: a row a number of users.
fn ladder(answer: &KneeAnswer) -> String {
    let mut text = "users,throughput,latency_s\n".to_owned();
    for rung in &answer.result.knee.ladder {
        text += &format!("{},{:.3},{:.6}\n", rung.users, rung.throughput, rung.latency_s);
    }
    text
}

/// Tells how it goes on standard error: a view of its own on a terminal, a line there if that is too small, and a line every
/// few seconds elsewhere.
enum Screen {
    Nothing,
    /// With the title of a view, and what a request to stop is seen by.
    Waiting(String, CancelToken),
    Live(Box<Live>),
    Line(ProgressLine),
}

impl Screen {
    /// Returns a screen that begins with the first news: before, nothing has been loaded, and errors are printed as ever.
    fn new(title: &str, cancel: &CancelToken) -> Self {
        Self::Waiting(title.to_owned(), cancel.clone())
    }
}

impl LoadObserver for Screen {
    fn tick(&mut self, point: &TimelinePoint) {
        if let Self::Waiting(title, cancel) = self {
            let live = std::io::stderr().is_terminal().then(|| Live::new(title, cancel)).flatten();
            *self = live.map_or_else(|| Self::Line(ProgressLine::new()), |live| Self::Live(Box::new(live)));
        }
        match self {
            Self::Waiting(..) | Self::Nothing => {}
            Self::Live(live) => live.tick(point),
            Self::Line(line) => line.tick(point),
        }
    }

    fn totals(&mut self, totals: &Totals<'_>) {
        if let Self::Live(live) = self {
            live.totals(totals);
        }
    }
}

/// A line that tells how it goes.
struct ProgressLine {
    is_terminal: bool,
    told: Instant,
    sent: u64,
    errors: u64,
    before: f64,
}

impl ProgressLine {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { is_terminal, told: Instant::now(), sent: 0, errors: 0, before: 0.0 }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.is_terminal {
            moving_line::clear();
        }
    }
}

/// How often a line is written where there is no terminal.
const PERIOD: Duration = Duration::from_secs(5);

impl LoadObserver for ProgressLine {
    fn tick(&mut self, point: &TimelinePoint) {
        self.sent += point.sent;
        self.errors += point.errors;
        let span = (point.time_s - self.before).max(1e-9);
        self.before = point.time_s;
        let time = |value: Option<f64>| value.map_or("–".to_owned(), |value| Seconds(value).to_string());
        let line = format!(
            "{:.1} s: {:.0} requests/s, p50 {}, p99 {}, {} in flight, {} sent, {} failed",
            point.time_s,
            point.sent as f64 / span,
            time(point.p50_s),
            time(point.p99_s),
            point.in_system,
            self.sent,
            self.errors
        );
        if self.is_terminal {
            moving_line::show(&line);
        } else if self.told.elapsed() >= PERIOD {
            self.told = Instant::now();
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }
}
