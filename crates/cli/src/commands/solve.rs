//! `festina solve`

mod mst;

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use festina::mpi::Mpi;
use festina::run::Place;
use festina::solve::{
    Instance, Limit, Method, Progress, Request, Shape, open_shape, read_instance, require_tour_ending,
    solve_tsp, tour_file, tsp_report, verify_tour, work_of,
};
use festina::{Backend, BackendName, CancelToken, Error, Exit, Seconds, Threads, Workers, cores};

use super::cores::surroundings;
use crate::args::{Problem, SearchArguments, SolveArguments, TspArguments};
use crate::moving_line;
use crate::output::{self, Answer};
use crate::ranks;
use crate::signals::request_on_signals;

/// How long a search that could go on is given.
const DEFAULT_TIME: Seconds = Seconds(10.0);

/// The folder by which this process and the ranks that it starts talk.
const STATE: &str = ".festina";

pub(crate) fn run(arguments: &SolveArguments, ranks: Option<&Mpi>) -> Result<Exit, Error> {
    match &arguments.problem {
        Problem::Mst(arguments) => mst::run(arguments),
        Problem::Tsp(arguments) => {
            on_backend(&arguments.search, &arguments.file, ranks, &|backend, cancel| {
                solve(arguments, backend, cancel)
            })
        }
        Problem::Vrp(arguments) => {
            on_backend(&arguments.search, &arguments.file, ranks, &|backend, cancel| {
                super::vrp::solve(arguments, backend, cancel)
            })
        }
    }
}

/// Solves on the backend that was asked for: threads of this process, or the ranks of an MPI job, which are started first.
fn on_backend(
    search: &SearchArguments,
    file: &Path,
    ranks: Option<&Mpi>,
    solve: &dyn Fn(&dyn Backend, &CancelToken) -> Result<Exit, Error>,
) -> Result<Exit, Error> {
    let SearchArguments { backend, jobs, .. } = search;
    let threads = threads(*jobs);
    let name = backend.on.as_deref().unwrap_or(BackendName::Threads.name());
    let known = [BackendName::Threads, BackendName::Processes, BackendName::Mpi];
    match (BackendName::parse(name, &known)?, ranks) {
        (BackendName::Mpi, Some(ranks)) => solve(ranks, ranks.cancel()),
        (BackendName::Mpi, None) => {
            ranks::start(backend, threads.workers(), Path::new(STATE), file == Path::new("-"))
        }
        (BackendName::Processes, _) => {
            let mut place = Place::new(BackendName::Processes, std::env::vars_os().collect());
            place.workers = Some(threads.workers());
            solve(&place.processes()?, &place.cancel)
        }
        _ => solve(&threads, &CancelToken::new()),
    }
}

fn solve(arguments: &TspArguments, backend: &dyn Backend, cancel: &CancelToken) -> Result<Exit, Error> {
    let begin = Instant::now();
    let bytes = read(&arguments.file)?;
    let instance = read_instance(&arguments.file.to_string_lossy(), &bytes)?;
    let request = request(arguments, &instance)?;
    if let Some(tour) = &arguments.verify {
        return verify(&instance, request.shape, &read(tour)?);
    }
    output::require_folders(&arguments.output, arguments.tour.as_deref())?;
    let ending = arguments.tour.as_deref().map(ending);
    if let Some(ending) = &ending {
        require_tour_ending(&instance, ending)?;
    }
    request_on_signals(cancel);
    let screen = Screen::new();
    let limit = limit(&arguments.search, arguments.time.unwrap_or(DEFAULT_TIME), begin);
    let result = solve_tsp(&instance, &request, limit, backend, cancel, &mut |news| {
        screen.show(|| in_words(news));
    })?;
    screen.clear();
    if let (Some(path), Some(ending)) = (&arguments.tour, &ending) {
        output::write_file(path, &tour_file(&instance, &result, request.shape, ending)?)?;
    }
    let answer = Answer {
        report: tsp_report(&instance, &result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(if cancel.is_requested() { Exit::Interrupted } else { Exit::Done })
}

/// Returns as many threads as were asked for, or as the machine allows.
fn threads(jobs: Option<Workers>) -> Threads {
    let workers = jobs.or_else(|| Workers::new(cores(&surroundings()).workers.workers));
    Threads::new(workers.unwrap_or(Workers::MIN))
}

/// Returns the limit of a search that is given `time`, what has passed since `begin` included.
pub(super) fn limit(search: &SearchArguments, time: Seconds, begin: Instant) -> Limit {
    let left = || Seconds((time.0 - begin.elapsed().as_secs_f64()).max(0.001 * time.0));
    if search.deterministic { work_of(time) } else { Limit::Time(left()) }
}

/// Returns the ending of a file's name, without its dot; empty where there is none.
pub(super) fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().into_owned()
}

fn request(arguments: &TspArguments, instance: &Instance) -> Result<Request, Error> {
    let shape = if arguments.open {
        open_shape(instance, arguments.start.as_deref(), arguments.end.as_deref())?
    } else {
        Shape::Closed
    };
    Ok(Request {
        method: arguments.method.parse::<Method>()?,
        shape,
        seed: arguments.search.seed,
        gap: arguments.gap.as_deref().map(percent).transpose()?,
        bound: !arguments.no_bound,
    })
}

/// Reads `1%` or `0.01`.
fn percent(text: &str) -> Result<f64, Error> {
    let (number, unit) = text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |number| (number, 0.01));
    let value = number.trim().parse::<f64>().ok().map(|value| value * unit);
    value.filter(|value| *value >= 0.0 && value.is_finite()).ok_or_else(|| Error::Input {
        message: format!("'{text}' is not a gap"),
        hint: Some("write it as in --gap 1%".to_owned()),
    })
}

fn verify(instance: &Instance, shape: Shape, tour: &[u8]) -> Result<Exit, Error> {
    let verdict = verify_tour(instance, shape, tour)?;
    let length = verdict.length.map_or_else(String::new, |length| format!("length {length}"));
    if verdict.problems.is_empty() {
        output::print(&format!("right: every city once, {length}\n"))?;
        return Ok(Exit::Done);
    }
    output::print(&format!("wrong: {}\n", verdict.problems.join("; ")))?;
    Ok(Exit::No)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { action: format!("read {}", path.display()), source };
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(failed)
}

/// News on one line of standard error, if that is a terminal.
pub(super) struct Screen {
    is_shown: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { is_shown: ranks::are_terminals().errors }
    }

    /// Shows what `line` gives in place of what was shown before.
    pub(super) fn show(&self, line: impl FnOnce() -> String) {
        if self.is_shown {
            moving_line::show(&line());
        }
    }

    pub(super) fn clear(&self) {
        if self.is_shown {
            moving_line::clear();
        }
    }
}

/// Returns length, bound and gap in words.
fn in_words(news: &Progress) -> String {
    let gap =
        news.gap.map_or_else(String::new, |gap| format!(", at most {:.3} % above the optimum", 100.0 * gap));
    format!("{} length {}{gap}", Seconds(news.elapsed_s), news.cost)
}
