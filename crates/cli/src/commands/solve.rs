//! `festina solve`

use std::io::{Read, Write};
use std::path::Path;

use festina::mpi::Mpi;
use festina::solve::{
    Instance, Limit, Method, Progress, Request, Shape, read_instance, solve_tsp, tour_file, tsp_report,
    verify_tour, work_of,
};
use festina::{Backend, BackendName, CancelToken, Error, Exit, Seconds, Threads, Workers, cores};

use super::cores::surroundings;
use crate::args::{Problem, SolveArguments, TspArguments};
use crate::output::{self, Answer};
use crate::ranks;
use crate::signals::request_on_signals;

/// How long a search that could go on is given.
const DEFAULT_TIME: Seconds = Seconds(10.0);

/// The folder by which this process and the ranks that it starts talk.
const STATE: &str = ".festina";

pub(crate) fn run(arguments: &SolveArguments, ranks: Option<&Mpi>) -> Result<Exit, Error> {
    match &arguments.problem {
        Problem::Tsp(arguments) => tsp(arguments, ranks),
    }
}

fn tsp(arguments: &TspArguments, ranks: Option<&Mpi>) -> Result<Exit, Error> {
    let workers = arguments.jobs.or_else(|| Workers::new(cores(&surroundings()).workers.workers));
    let threads = Threads::new(workers.unwrap_or(Workers::MIN));
    let name = arguments.backend.on.as_deref().unwrap_or(BackendName::Threads.name());
    match (BackendName::parse(name, &[BackendName::Threads, BackendName::Mpi])?, ranks) {
        (BackendName::Mpi, Some(ranks)) => solve(arguments, ranks, ranks.cancel()),
        (BackendName::Mpi, None) => {
            let reads_input = arguments.file == Path::new("-");
            ranks::start(&arguments.backend, threads.workers(), Path::new(STATE), reads_input)
        }
        _ => solve(arguments, &threads, &CancelToken::new()),
    }
}

fn solve(arguments: &TspArguments, backend: &dyn Backend, cancel: &CancelToken) -> Result<Exit, Error> {
    let bytes = read(&arguments.file)?;
    let instance = read_instance(&arguments.file.to_string_lossy(), &bytes)?;
    let request = request(arguments, &instance)?;
    if let Some(tour) = &arguments.verify {
        return verify(&instance, request.shape, &read(tour)?);
    }
    request_on_signals(cancel);
    let mut screen = Screen { shown: ranks::are_terminals().errors };
    let result =
        solve_tsp(&instance, &request, limit(arguments), backend, cancel, &mut |news| screen.show(news))?;
    screen.finish();
    if let Some(path) = &arguments.tour {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        output::write_file(path, &tour_file(&instance, &result, request.shape, &ending)?)?;
    }
    let answer = Answer {
        report: tsp_report(&instance, &result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(if cancel.is_requested() { Exit::Interrupted } else { Exit::Done })
}

fn limit(arguments: &TspArguments) -> Limit {
    let time = arguments.time.unwrap_or(DEFAULT_TIME);
    if arguments.deterministic { work_of(time) } else { Limit::Time(time) }
}

fn request(arguments: &TspArguments, instance: &Instance) -> Result<Request, Error> {
    let city = |name: &Option<String>| -> Result<Option<usize>, Error> {
        let Some(name) = name else { return Ok(None) };
        let found = instance.find(name);
        found.map(Some).ok_or_else(|| Error::Input {
            message: format!("there is no city '{name}'"),
            hint: Some(format!("name one, or give its number from 1 to {}", instance.n())),
        })
    };
    let shape = if arguments.open {
        Shape::Open { start: city(&arguments.start)?, end: city(&arguments.end)? }
    } else {
        Shape::Closed
    };
    Ok(Request {
        method: arguments.method.parse::<Method>()?,
        shape,
        seed: arguments.seed,
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

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { action: format!("read {}", path.display()), source };
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(failed)
}

/// Length, bound and gap on standard error, if that is a terminal.
struct Screen {
    shown: bool,
}

impl Screen {
    fn show(&mut self, news: &Progress) {
        if self.shown {
            let gap = news
                .gap
                .map_or_else(String::new, |gap| format!(", at most {:.3} % above the optimum", 100.0 * gap));
            let _ = write!(
                std::io::stderr().lock(),
                "\r\x1b[K{} length {}{gap}",
                Seconds(news.elapsed_s),
                news.cost
            );
        }
    }

    fn finish(&self) {
        if self.shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
