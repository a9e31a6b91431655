//! What the ranks do: the program under test.
#![allow(clippy::print_stderr, reason = "this is a program")]

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use festina_run::mpi::{self, Mpi};
use festina_run::tasks::{
    CommandBackend, Inputs, Origin, Pipe, Resume, RunRequest, RunResult, Source, Streams, Table, TaskError,
    run_on,
};
use festina_run::{Environment, Threads};
use festina_types::{Backend, BackendError, Bytes, CancelToken, Function, Seconds, Workers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const REVERSE: Function =
    Function { name: "reverse", call: |bytes| Ok(bytes.iter().rev().copied().collect()) };

const DIGEST: Function = Function {
    name: "digest",
    call: |bytes| match bytes {
        [13, ..] => Err(format!("{bytes:?} brings bad luck")),
        [7, ..] => panic!("seven"),
        _ => Ok(bytes
            .iter()
            .fold(17_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte))
            .to_le_bytes()
            .into()),
    },
};

const NOTHING: Function = Function { name: "nothing", call: |_| Ok(Vec::new()) };

const DIE: Function = Function {
    name: "die",
    call: |_| {
        use rustix::process::{Signal, getpid, kill_process};
        kill_process(getpid(), Signal::KILL).map_err(|error| error.to_string())?;
        Err("it lives on".to_owned())
    },
};

/// Here only on the first rank.
const UNREGISTERED: Function = Function { name: "unregistered", call: |_| Ok(Vec::new()) };

const FUNCTIONS: &[Function] = &[REVERSE, DIGEST, NOTHING, DIE];

/// Runs as a rank.
pub(crate) fn program(environment: &Environment) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words == ["functions"] {
        // Panics of functions are part of the test.
        std::panic::set_hook(Box::new(|panic| {
            if panic.payload_as_str() != Some("seven") {
                eprintln!("{panic}");
            }
        }));
    }
    match mpi::enter(environment, FUNCTIONS, |mpi| body(mpi.expect("this process is a rank"), &words)) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit().code())
        }
    }
}

fn body(mpi: &Mpi, words: &[&str]) -> u8 {
    match words {
        ["functions"] => functions(mpi),
        // Neither tasks nor time: what a job costs.
        ["nothing"] => 0,
        ["die"] => u8::from(mpi.map(DIE, vec![Vec::new(); 9]).is_err()),
        ["commands", folder, flags @ ..] => commands(mpi, mpi.cancel(), folder, flags).exit().code(),
        ["time", file] => time(mpi, file),
        _ => panic!("unknown: {words:?}"),
    }
}

fn functions(mpi: &Mpi) -> u8 {
    let threads = Threads::new(Workers::new(2).unwrap());
    assert_eq!(mpi.workers(), mpi.size());
    assert_eq!(mpi.hosts().len(), 1);
    // Bytes of every length around the sizes at which messages are cut.
    let lengths = [0, 1, 7, 4096, (4 << 20) - 19, (4 << 20) - 18, 4 << 20, 13_000_000];
    let long: Vec<Vec<u8>> = lengths.map(|n| (0..n).map(|i| (i % 251) as u8).collect()).into();
    assert_eq!(mpi.map(REVERSE, long.clone()), threads.map(REVERSE, long));
    let many: Vec<Vec<u8>> = (0..20_000_u32).map(|n| n.to_be_bytes().into()).collect();
    assert_eq!(mpi.map(REVERSE, many.clone()), threads.map(REVERSE, many));
    assert_eq!(mpi.map(REVERSE, Vec::new()), Ok(Vec::new()));
    let unknown = mpi.map(UNREGISTERED, vec![Vec::new(); 40]);
    let message = "no function is called 'unregistered' in the other processes";
    assert!(matches!(&unknown, Err(BackendError::Task { message: m, .. }) if m == message), "{unknown:?}");
    let inputs = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..60);
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&inputs, |inputs| {
        prop_assert_eq!(mpi.map(DIGEST, inputs.clone()), threads.map(DIGEST, inputs));
        Ok(())
    });
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

/// The figures of docs/concepts/mpi.md: seconds for maps of tasks that do nothing.
fn time(mpi: &Mpi, file: &str) -> u8 {
    let inputs = vec![Vec::new(); 200_000];
    mpi.map(NOTHING, inputs.clone()).unwrap();
    let started = Instant::now();
    mpi.map(NOTHING, inputs).unwrap();
    let batched = started.elapsed().as_secs_f64() / 200_000.0;
    let started = Instant::now();
    for _ in 0..2_000 {
        mpi.map(NOTHING, vec![Vec::new(); 2]).unwrap();
    }
    let call = started.elapsed().as_secs_f64() / 2_000.0;
    fs::write(file, format!("{:.3} us a task, {:.1} us a map of two", 1e6 * batched, 1e6 * call)).unwrap();
    0
}

/// The commands that are run on ranks and on local cores; the tables must be the same.
pub(crate) fn commands(
    backend: &dyn CommandBackend,
    cancel: &CancelToken,
    folder: &str,
    flags: &[&str],
) -> RunResult {
    let name = flags.iter().find_map(|flag| flag.strip_prefix("table=")).unwrap_or("table.csv");
    let request = match flags.first().copied().unwrap_or_default() {
        "pipe" => pipe(folder),
        "sleep" => script("sleep {input}; echo slept", "8.0..8.9:0.1"),
        "lose" => {
            // Kills the rank, which is the grandparent of the task's shell: its parent is the rank's guardian.
            let kill = "if [ {input} = 9 ] && ! [ -e lost ]; then touch lost; sleep 0.3; \
                        kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 9; fi";
            script(&format!("echo {{input}} >> started; {kill}; sleep 0.05; echo {{input}}"), "1..60")
        }
        "hosts" => script("sleep 0.02; echo {input} on $(uname -n)", "1..30"),
        "true" => script("true {input}", "1..1000"),
        _ => everything(),
    };
    let mut request = request;
    request.environment = std::env::vars_os().collect();
    request.slots = Workers::new(2);
    request.state = format!("{folder}/state").into();
    request.directory = Some(folder.into());
    request.keep_order = true;
    request.name = Some(name.to_owned());
    let columns = ["task", "inputs", "status", "exit_code", "signal", "attempts", "value"];
    request.table =
        Some(Table { columns: columns.map(str::to_owned).into(), ..Table::new(format!("{folder}/{name}")) });
    if flags.contains(&"resume") {
        request.resume = Resume::Run(name.to_owned());
    }
    let result = run_to(backend, &request, cancel, &format!("{folder}/{name}.out"));
    match result {
        Ok(result) => {
            // Where the time went is accounted for, on ranks as on local cores.
            let (time, all) =
                (result.summary.time.total().0, f64::from(result.summary.slots) * result.summary.wall_s);
            assert!((time - all).abs() <= 0.02 * all + 0.005, "{time} s of {all} s: {:?}", result.summary);
            result
        }
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

fn run_to(
    backend: &dyn CommandBackend,
    request: &RunRequest,
    cancel: &CancelToken,
    file: &str,
) -> Result<RunResult, TaskError> {
    let mut output = fs::File::create(file).unwrap();
    let mut errors = fs::File::create(format!("{file}.errors")).unwrap();
    run_on(backend, request, Streams { output: &mut output, errors: &mut errors }, &mut (), cancel)
}

fn script(text: &str, range: &str) -> RunRequest {
    let inputs = Inputs::new().product(Source::Range(range.parse().unwrap()));
    let mut request = RunRequest::new(vec![text.into()], inputs, Environment::new());
    request.shell = true;
    request
}

/// A task of every kind of ending.
fn everything() -> RunRequest {
    let text = "case {input} in \
        2) exit 3;; \
        3) kill -9 $$;; \
        4) kill -SEGV $$;; \
        5) echo slow; sleep 20;; \
        6) echo $PWD; echo wrong >&2;; \
        7|12) head -c 40000000 /dev/zero | tr '\\0' x; echo; echo end;; \
        8) env | grep -c -E '^(OMPI|PMI|PMIX|FESTINA_MPI)';; \
        9) echo $OMP_NUM_THREADS;; \
        10) [ -e again ] && echo second || { touch again; exit 1; };; \
        11) printf 'a\\0b\\n\\377\\n';; \
        esac; [ {input} = 2 ] || echo done {input} {seed}";
    let mut request = script(text, "1..30");
    request.timeout = Some(Seconds(3.0));
    request.retries = 1;
    request.retry_delay = Seconds(0.01);
    request.cores_per_task = Workers::new(1);
    request
}

/// Blocks of a file, as the standard input of tasks.
fn pipe(folder: &str) -> RunRequest {
    let path = format!("{folder}/text");
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}\n")).collect();
    fs::write(&path, lines.concat()).unwrap();
    let mut request = RunRequest::new(
        vec!["awk".into(), "{ n += length($0) } END { print NR, n }".into()],
        Inputs::new(),
        Environment::new(),
    );
    request.pipe = Some(Pipe { block: Some(Bytes(30_000)), ..Pipe::lines(Origin::File(path.into())) });
    request
}
