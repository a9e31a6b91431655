//! `festina run` as a program of its own, for tests and benchmarks: arguments in, the library's run, its summary out.
//!
//! `festina-run [OPTIONS] [--] COMMAND … [::: VALUES …] [:::+ VALUES …] [:::: FILES …]`
#![expect(clippy::print_stderr, reason = "this is a program")]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use festina_run::Environment;
use festina_run::tasks::{
    Collect, Inputs, Origin, Pipe, Progress, Resume, RunRequest, RunResult, Source, Streams, Table,
    TableFormat, TaskError, TaskObserver, run, widen_pipe,
};
use festina_types::{Bytes, CancelToken, Exit, Seconds, Workers};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    match go() {
        Ok(exit) => ExitCode::from(exit.code()),
        Err((message, hint, exit)) => {
            eprintln!("festina: {message}");
            if let Some(hint) = hint {
                eprintln!("\nhint: {hint}");
            }
            ExitCode::from(exit.code())
        }
    }
}

type Failure = (String, Option<String>, Exit);

fn go() -> Result<Exit, Failure> {
    let mut arguments = Arguments::read(std::env::args_os().skip(1))?;
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| bad(error.to_string()))?;
    thread::spawn(move || {
        for signal in signals.forever() {
            token.request();
            if signal != SIGINT {
                // Whoever sends these does not come again.
                token.request();
            }
        }
    });
    let own = |fd: std::io::Result<std::os::fd::OwnedFd>| {
        fd.map(File::from).map_err(|error| bad(error.to_string()))
    };
    let mut output = own(std::io::stdout().as_fd().try_clone_to_owned())?;
    let mut errors = own(std::io::stderr().as_fd().try_clone_to_owned())?;
    widen_pipe(&output);
    let streams = Streams { output: &mut output, errors: &mut errors };
    let mut observer = Lines { wanted: arguments.progress, last: Instant::now() };
    arguments.request.environment = std::env::vars_os().collect::<Environment>();
    let result = run(&arguments.request, streams, &mut observer, &cancel).map_err(explain)?;
    if arguments.summary {
        print_summary(&result);
    }
    if let Some(path) = arguments.summary_json {
        let json = serde_json::to_vec_pretty(&result.summary).map_err(|error| bad(error.to_string()))?;
        File::create(path)
            .and_then(|mut file| file.write_all(&json))
            .map_err(|error| bad(error.to_string()))?;
    }
    Ok(result.exit())
}

fn bad(message: String) -> Failure {
    (message, None, Exit::BadInput)
}

fn explain(error: TaskError) -> Failure {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    (message, error.hint(), error.exit())
}

struct Lines {
    wanted: bool,
    last: Instant,
}

impl TaskObserver for Lines {
    fn progress(&mut self, progress: &Progress) {
        if !self.wanted || self.last.elapsed().as_secs_f64() < 1.0 {
            return;
        }
        self.last = Instant::now();
        let ended = progress.finished + progress.failed + progress.recorded;
        let total = progress.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        let left = progress.left().map_or_else(|| "?".to_owned(), |left| left.to_string());
        let efficiency = 100.0 * progress.efficiency();
        eprintln!("{ended}/{total}, {} failed, {efficiency:.0} % efficient, {left} left", progress.failed);
    }
}

fn print_summary(result: &RunResult) {
    let RunResult { summary, .. } = result;
    eprintln!(
        "{} finished, {} failed, {} recorded before, {} retries, in {}",
        result.finished,
        result.failed,
        result.recorded,
        result.retries,
        Seconds(summary.wall_s)
    );
    eprintln!(
        "speed-up {:.2} on {} slots (ideal {:.2}), efficiency {:.0} %",
        summary.speed_up(),
        summary.slots,
        summary.ideal(),
        100.0 * summary.efficiency()
    );
    for (name, loss) in summary.time.losses() {
        let part = 100.0 * loss / summary.time.total().0;
        if part >= 0.1 {
            eprintln!("  {part:5.1} %  {name}");
        }
    }
    for finding in &result.findings {
        eprintln!("{:?}: {}", finding.severity, finding.message);
    }
}

struct Arguments {
    request: RunRequest,
    summary: bool,
    summary_json: Option<OsString>,
    progress: bool,
}

impl Arguments {
    fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let request = RunRequest::new(Vec::new(), Inputs::new(), Environment::new());
        let mut own = Self { request, summary: false, summary_json: None, progress: false };
        let mut rest = arguments.peekable();
        let mut is_command = false;
        while let Some(argument) = rest.next() {
            match argument.to_str() {
                Some(":::" | ":::+" | "::::") => {
                    let mut words = vec![];
                    while let Some(word) = rest.next_if(|word| !is_separator(word)) {
                        words.push(word);
                    }
                    own.separated(&argument, words);
                }
                _ if is_command => own.request.command.push(argument),
                Some("--") => is_command = true,
                Some(option) if option.starts_with('-') && option != "-" => {
                    let mut value = || rest.next().ok_or_else(|| bad(format!("{option} needs a value")));
                    if let Some(slots) = option.strip_prefix("-j").filter(|slots| !slots.is_empty()) {
                        own.request.slots = Some(workers(slots)?);
                    } else if !own.flag(option) {
                        own.option(option, &value()?)?;
                    }
                }
                _ => {
                    is_command = true;
                    own.request.command.push(argument);
                }
            }
        }
        if own.request.inputs.is_empty() {
            own.add(Source::Lines { origin: Origin::StandardInput, end: b'\n' });
        }
        Ok(own)
    }

    fn add(&mut self, source: Source) {
        self.request.inputs = std::mem::take(&mut self.request.inputs).product(source);
    }

    fn separated(&mut self, separator: &OsStr, words: Vec<OsString>) {
        match separator.as_bytes() {
            b":::+" => {
                self.request.inputs = std::mem::take(&mut self.request.inputs).link(Source::Values(words));
            }
            b"::::" => words.into_iter().for_each(|path| self.add(Source::lines(path))),
            _ => self.add(Source::Values(words)),
        }
    }

    fn flag(&mut self, option: &str) -> bool {
        let request = &mut self.request;
        match option {
            "--shell" => request.shell = true,
            "-k" | "--keep-order" => request.keep_order = true,
            "--resume" => request.resume = Resume::Latest,
            "--retry-failed" => request.retry_failed = true,
            "--no-pin" => request.pin = false,
            "--pipe" => request.pipe = Some(Pipe::lines(Origin::StandardInput)),
            "--summary" => self.summary = true,
            "--progress" => self.progress = true,
            "-0" | "--null" => self.add(Source::Lines { origin: Origin::StandardInput, end: 0 }),
            _ => return false,
        }
        true
    }

    fn option(&mut self, option: &str, value: &OsStr) -> Result<(), Failure> {
        let text = || value.to_str().ok_or_else(|| bad(format!("{option} is not text")));
        let request = &mut self.request;
        let table = |origin: Origin, format| Source::Table { origin, format };
        let origin = || if value == "-" { Origin::StandardInput } else { Origin::File(value.into()) };
        match option {
            "-j" | "--jobs" => request.slots = Some(workers(text()?)?),
            "--cores-per-task" => request.cores_per_task = Some(workers(text()?)?),
            "--memory-per-task" => request.memory_per_task = Some(parse::<Bytes>(text()?)?),
            "--memory" => request.memory = Some(parse::<Bytes>(text()?)?),
            "--memory-growth" => request.memory_growth = parse(text()?)?,
            "--timeout" => request.timeout = Some(parse::<Seconds>(text()?)?),
            "--retries" => request.retries = parse(text()?)?,
            "--retry-delay" => request.retry_delay = parse::<Seconds>(text()?)?,
            "--halt" => request.halt = text()?.parse().map_err(explain)?,
            "--nice" => request.nice = Some(parse(text()?)?),
            "--seed" => request.seed = parse(text()?)?,
            "--outputs" => request.outputs = Some(value.into()),
            "--table" => request.table = Some(Table { columns: columns_of(request), ..Table::new(value) }),
            "--columns" => {
                let columns = text()?.split(',').map(str::to_owned).collect();
                request.table.get_or_insert_with(|| Table::new("/dev/stdout")).columns = columns;
            }
            "--collect" => {
                request.collect = match text()? {
                    "json" => Collect::Json,
                    "none" => Collect::Nothing,
                    "last-line" => Collect::LastLine,
                    other => return Err(bad(format!("'{other}' is not one of json, last-line, none"))),
                }
            }
            "--state" => request.state = value.into(),
            "--name" => request.name = Some(text()?.to_owned()),
            "--resume-run" => request.resume = Resume::Run(text()?.to_owned()),
            "--env" => {
                let (name, value) =
                    text()?.split_once('=').ok_or_else(|| bad("--env NAME=VALUE".to_owned()))?;
                request.variables.push((name.into(), value.into()));
            }
            "--pipe-file" => request.pipe = Some(Pipe::lines(origin())),
            "--block" => pipe(request)?.block = Some(parse::<Bytes>(text()?)?),
            "--recend" => {
                let bytes = text()?.replace("\\n", "\n").replace("\\0", "\0").into_bytes();
                pipe(request)?.record_end = bytes;
            }
            "--summary-json" => self.summary_json = Some(value.to_owned()),
            "-a" | "--lines" => self.add(Source::Lines { origin: origin(), end: b'\n' }),
            "--csv" => self.add(table(origin(), TableFormat::Csv)),
            "--tsv" => self.add(table(origin(), TableFormat::Tsv)),
            "--jsonl" => self.add(table(origin(), TableFormat::JsonLines)),
            "--glob" => self.add(Source::Pattern(text()?.to_owned())),
            "--range" => {
                let range = text()?.parse().map_err(explain)?;
                self.add(Source::Range(range));
            }
            _ => return Err(bad(format!("unknown option {option}"))),
        }
        Ok(())
    }
}

fn columns_of(request: &RunRequest) -> Vec<String> {
    request.table.as_ref().map_or_else(Vec::new, |table| table.columns.clone())
}

fn pipe(request: &mut RunRequest) -> Result<&mut Pipe, Failure> {
    request.pipe.as_mut().ok_or_else(|| bad("--pipe or --pipe-file comes first".to_owned()))
}

fn is_separator(word: &OsStr) -> bool {
    [":::", ":::+", "::::"].iter().any(|separator| word == *separator)
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| bad(format!("'{text}': {error}")))
}

fn workers(text: &str) -> Result<Workers, Failure> {
    parse(text)
}
