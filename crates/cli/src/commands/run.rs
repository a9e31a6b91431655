//! `festina run`

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use festina::mpi::Mpi;
use festina::slurm::{SlurmOptions, pool};
use festina::tasks::{
    Collect, CommandBackend, Environment, Inputs, LocalCores, Origin, Pipe, Resume, RunRequest, Source,
    Streams, Table, TableFormat, add_timeline, run_report, run_tasks_on, stored_run_report, widen_pipe,
};
use festina::{BackendName, CancelToken, Error, Exit, Workers};

use crate::args::{CollectArgument, RunArguments};
use crate::output::{self, Answer};
use crate::progress::TaskScreen;
use crate::ranks;
use crate::signals::request_on_signals;

pub(crate) fn run(arguments: RunArguments, ranks: Option<&Mpi>) -> Result<Exit, Error> {
    if let Some(name) = &arguments.report {
        return show(name, &arguments);
    }
    let backend = arguments.backend.on.as_deref().unwrap_or(BackendName::Processes.name());
    let backend =
        BackendName::parse(backend, &[BackendName::Processes, BackendName::Mpi, BackendName::Slurm])?;
    let request = request(&arguments)?;
    match (backend, ranks) {
        (BackendName::Mpi, Some(ranks)) => run_on(ranks, &request, &arguments, ranks.cancel()),
        (BackendName::Mpi, None) => start_ranks(&request, &arguments),
        (BackendName::Slurm, _) => run_on_slurm(request, &arguments),
        _ => run_on(&LocalCores, &request, &arguments, &CancelToken::new()),
    }
}

/// Starts this command line on the ranks of an MPI job.
fn start_ranks(request: &RunRequest, arguments: &RunArguments) -> Result<Exit, Error> {
    let cores = request.cores_per_task.map_or(1, Workers::get);
    let workers = festina::cores(&super::cores::surroundings()).workers.workers / cores;
    // Within an allocation of Slurm's it is what the user asked Slurm for.
    let allocated = std::env::var("SLURM_NTASKS").ok().and_then(|ranks| Workers::new(ranks.parse().ok()?));
    let ranks = arguments.jobs.or(allocated).or_else(|| Workers::new(workers)).unwrap_or(Workers::MIN);
    let reads_input = match &request.pipe {
        Some(pipe) => pipe.origin == Origin::StandardInput,
        None => request.inputs.reads_standard_input(),
    };
    ranks::start(&arguments.backend, ranks, &request.state, reads_input)
}

/// Runs the tasks in allocations of Slurm.
fn run_on_slurm(mut request: RunRequest, arguments: &RunArguments) -> Result<Exit, Error> {
    let options = SlurmOptions {
        program: ranks::own_program()?,
        arguments: vec!["worker".into()],
        environment: request.environment.clone(),
        slots: arguments.jobs,
        cores_per_task: request.cores_per_task.unwrap_or(Workers::MIN),
        memory_per_task: request.memory_per_task,
        sbatch_arguments: arguments.backend.launcher_arg.clone(),
    };
    // Workers need not be where this process is.
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|source| Error::File { action: format!("find {}", path.display()), source })
    };
    request.state = absolute(&request.state)?;
    request.outputs = request.outputs.as_deref().map(absolute).transpose()?;
    let cancel = CancelToken::new();
    run_on(&pool(options, &cancel)?, &request, arguments, &cancel)
}

fn run_on(
    backend: &dyn CommandBackend,
    request: &RunRequest,
    arguments: &RunArguments,
    cancel: &CancelToken,
) -> Result<Exit, Error> {
    request_on_signals(cancel);
    let own = |fd: std::io::Result<std::os::fd::OwnedFd>| {
        fd.map(File::from)
            .map_err(|source| Error::File { action: "write to standard output".to_owned(), source })
    };
    let mut output = own(std::io::stdout().as_fd().try_clone_to_owned())?;
    let mut errors = own(std::io::stderr().as_fd().try_clone_to_owned())?;
    // Much may go through it.
    widen_pipe(&output);
    let streams = Streams { output: &mut output, errors: &mut errors };
    let mut screen = TaskScreen::new(arguments.quiet);
    let result = run_tasks_on(backend, request, streams, &mut screen, cancel);
    screen.finish();
    let result = result?;
    let mut report = run_report(&result);
    // Standard output belongs to the tasks. Nobody reads tables in a log; that something failed, somebody must.
    if !arguments.quiet {
        output::print_to_errors(&report, &result.run.findings, result.run.exit() != Exit::Done);
    }
    if arguments.output.html.is_some() || arguments.output.svg.is_some() {
        add_timeline(&mut report, &result.run.folder)?;
    }
    output::write_files(
        &report,
        &output::to_json(&result.to_json()),
        &provenance(&result),
        &arguments.output,
    )?;
    Ok(result.run.exit())
}

/// `--report RUN`
fn show(name: &str, arguments: &RunArguments) -> Result<Exit, Error> {
    let report = stored_run_report(&arguments.state, name)?;
    let json = output::to_json(&report);
    let provenance = vec![("command".to_owned(), output::command_line())];
    output::emit(&Answer { report, json, provenance }, &arguments.output)?;
    Ok(Exit::Done)
}

fn provenance(result: &festina::tasks::TasksResult) -> Vec<(String, String)> {
    vec![
        ("command".to_owned(), output::command_line()),
        ("run".to_owned(), result.run.folder.path().display().to_string()),
    ]
}

fn request(arguments: &RunArguments) -> Result<RunRequest, Error> {
    let (command, separated) = split(&arguments.words);
    let inputs = inputs(arguments, &separated)?;
    let environment: Environment = std::env::vars_os().collect();
    let mut request = RunRequest::new(command, inputs, environment);
    request.shell = arguments.shell;
    request.pipe = pipe(arguments);
    request.variables = super::scale::environment(&arguments.env)?
        .into_iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    request.slots = arguments.jobs;
    request.cores_per_task = arguments.cores_per_task;
    request.pin = !arguments.no_pin;
    request.timeout = arguments.timeout;
    request.memory_per_task = arguments.memory_per_task;
    request.memory = arguments.memory;
    request.memory_growth = arguments.memory_growth;
    request.nice = arguments.nice;
    request.retries = arguments.retries;
    request.retry_delay = arguments.retry_delay;
    request.halt = arguments.halt.parse()?;
    request.seed = arguments.seed;
    request.keep_order = arguments.keep_order;
    request.outputs.clone_from(&arguments.outputs);
    request.collect = match arguments.collect {
        CollectArgument::LastLine => Collect::LastLine,
        CollectArgument::Json => Collect::Json,
        CollectArgument::None => Collect::Nothing,
    };
    request.table =
        arguments.table.as_ref().map(|path| Table { columns: arguments.columns.clone(), ..Table::new(path) });
    request.state.clone_from(&arguments.state);
    request.name.clone_from(&arguments.name);
    request.resume = match arguments.resume.as_deref() {
        None => Resume::No,
        Some("latest") => Resume::Latest,
        Some(run) => Resume::Run(run.to_owned()),
    };
    request.retry_failed = arguments.retry_failed;
    Ok(request)
}

fn pipe(arguments: &RunArguments) -> Option<Pipe> {
    let origin = match &arguments.pipe_file {
        Some(path) => Origin::File(path.clone()),
        None if arguments.pipe => Origin::StandardInput,
        None => return None,
    };
    let mut pipe = Pipe::lines(origin);
    pipe.block = arguments.block;
    if let Some(end) = &arguments.recend {
        pipe.record_end = end.replace("\\n", "\n").replace("\\0", "\0").into_bytes();
    }
    Some(pipe)
}

/// Inputs behind `:::`, `:::+`, `::::` or `::::+`.
struct Separated<'a> {
    separator: &'a str,
    words: Vec<OsString>,
}

/// Splits the words into the command and what is behind each separator.
fn split(words: &[OsString]) -> (Vec<OsString>, Vec<Separated<'_>>) {
    let mut command = Vec::new();
    let mut separated: Vec<Separated<'_>> = Vec::new();
    for word in words {
        match (word.to_str(), separated.last_mut()) {
            (Some(separator @ (":::" | ":::+" | "::::" | "::::+")), _) => {
                separated.push(Separated { separator, words: Vec::new() });
            }
            (_, Some(last)) => last.words.push(word.clone()),
            (_, None) => command.push(word.clone()),
        }
    }
    (command, separated)
}

/// Returns the sources in the order of the help: lines, tables, files, numbers, then what is behind the separators.
fn inputs(arguments: &RunArguments, separated: &[Separated<'_>]) -> Result<Inputs, Error> {
    let mut inputs = Inputs::new();
    let table = |path: &Path, format| Source::Table { origin: origin(path), format };
    let lines = |path: &dyn AsRef<Path>| Source::Lines { origin: origin(path.as_ref()), end: b'\n' };
    for path in &arguments.lines {
        inputs = inputs.product(lines(path));
    }
    if arguments.null {
        inputs = inputs.product(Source::Lines { origin: Origin::StandardInput, end: 0 });
    }
    let tables = [
        (&arguments.csv, TableFormat::Csv),
        (&arguments.tsv, TableFormat::Tsv),
        (&arguments.jsonl, TableFormat::JsonLines),
    ];
    for (paths, format) in tables {
        for path in paths {
            inputs = inputs.product(table(path, format));
        }
    }
    for pattern in &arguments.glob {
        inputs = inputs.product(Source::Pattern(pattern.clone()));
    }
    for range in &arguments.range {
        inputs = inputs.product(Source::Range(range.parse()?));
    }
    for Separated { separator, words } in separated {
        inputs = match *separator {
            ":::+" => inputs.link(Source::Values(words.clone())),
            "::::" => words.iter().fold(inputs, |inputs, path| inputs.product(lines(path))),
            "::::+" => words.iter().fold(inputs, |inputs, path| inputs.link(lines(path))),
            _ => inputs.product(Source::Values(words.clone())),
        };
    }
    if inputs.is_empty() {
        inputs = inputs.product(Source::Lines { origin: Origin::StandardInput, end: b'\n' });
    }
    Ok(inputs)
}

fn origin(path: &Path) -> Origin {
    if path.as_os_str() == OsStr::new("-") { Origin::StandardInput } else { Origin::File(path.to_owned()) }
}
