//! `festina load`

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use festina::load::{LoadAnswer, LoadOptions, TimelinePoint, find_knee, knee_report, load, load_report};
use festina::{CancelToken, Error, Exit, LoadObserver, Seconds};

use crate::args::LoadArguments;
use crate::output::{self, Answer};
use crate::signals::cancel_on_signals;

pub(crate) fn run(arguments: &LoadArguments) -> Result<Exit, Error> {
    output::require_folders(&arguments.output, arguments.csv.as_deref())?;
    let options = options(arguments)?;
    let cancel = cancel_on_signals();
    let mut screen = Screen::new();
    if arguments.find_knee {
        return knee(arguments, &options, &cancel, &mut screen);
    }
    let answer = load(&options, &cancel, &mut screen)?;
    screen.finish();
    if let Some(path) = &arguments.csv {
        output::emit_text(&timeline(&answer), path)?;
    }
    let exit = answer.exit();
    let to_stdout = arguments.csv.as_deref() == Some(Path::new("-"));
    let provenance =
        vec![("command".to_owned(), output::command_line()), ("seed".to_owned(), answer.seed.to_string())];
    let shown = Answer { report: load_report(&answer), json: output::to_json(&answer.to_json()), provenance };
    if to_stdout {
        output::emit_files(&shown, &arguments.output)?;
    } else {
        output::emit(&shown, &arguments.output)?;
    }
    Ok(if cancel.is_requested() { Exit::Interrupted } else { exit })
}

fn knee(
    arguments: &LoadArguments,
    options: &LoadOptions,
    cancel: &CancelToken,
    screen: &mut Screen,
) -> Result<Exit, Error> {
    let answer = find_knee(options, cancel, screen)?;
    screen.finish();
    let exit = answer.exit();
    let provenance =
        vec![("command".to_owned(), output::command_line()), ("seed".to_owned(), answer.seed.to_string())];
    let report = knee_report(&answer);
    if let Some(path) = &arguments.csv {
        output::emit_csv(&report, 0, path)?;
    }
    let shown = Answer { report, json: output::to_json(&answer.to_json()), provenance };
    output::emit(&shown, &arguments.output)?;
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

/// One line on standard error that tells how it goes: several times a second on a terminal, every few seconds elsewhere.
struct Screen {
    is_terminal: bool,
    told: Instant,
    sent: u64,
    errors: u64,
    before: f64,
}

impl Screen {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { is_terminal, told: Instant::now(), sent: 0, errors: 0, before: 0.0 }
    }

    fn finish(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// How often a line is written where there is no terminal.
const PERIOD: Duration = Duration::from_secs(5);

impl LoadObserver for Screen {
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
        let mut errors = std::io::stderr().lock();
        if self.is_terminal {
            let _ = write!(errors, "\r\x1b[K{line}");
        } else if self.told.elapsed() >= PERIOD {
            self.told = Instant::now();
            let _ = writeln!(errors, "{line}");
        }
    }
}
