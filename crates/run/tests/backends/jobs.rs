//! Jobs made up at random, the same ones in every process: commands that end in every way, and native calls.

use std::fs::{self, File};
use std::path::Path;

use festina_run::tasks::{
    CommandBackend, Inputs, Resume, RunRequest, Source, Streams, Table, TaskError, run_on,
};
use festina_types::{Backend, BackendError, CancelToken, Function, Seconds, Workers};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::functions::{DIGEST, REVERSE};

/// Jobs of each kind.
const JOBS: usize = 4;

/// What a task does, by its input: `end`, and what is to come of it.
const SCRIPT: &str = "case {input} in \
    exit-*) echo leaving; exit ${1#exit-};; \
    kill-*) echo dying; kill -${1#kill-} $$; sleep 9;; \
    slow-*) echo slow; sleep 30;; \
    again-*) [ -e {input} ] && echo second || { touch {input}; exit 1; };; \
    long-*) head -c ${1#long-} /dev/zero | tr '\\0' x; echo; echo long;; \
    errors-*) echo told >&2;; \
    child-*) (sleep 0.01; echo late) & wait; echo {input};; \
    *) printf '%s\\n' {input};; \
    esac";

/// A job of commands.
#[derive(Clone, Debug)]
struct Commands {
    inputs: Vec<String>,
    retries: u32,
    keep_order: bool,
}

fn commands() -> impl Strategy<Value = Commands> {
    let word = prop_oneof![
        8 => "[ -~]{0,12}".prop_map(|text| format!("_{text}")),
        2 => (0_u8..200).prop_map(|code| format!("exit-{code}")),
        1 => prop::sample::select(vec!["KILL", "SEGV", "TERM"]).prop_map(|signal| format!("kill-{signal}")),
        1 => (0_u32..1).prop_map(|_| "slow-".to_owned()),
        2 => (0_u32..1000).prop_map(|n| format!("again-{n}")),
        1 => (1_u32..300_000).prop_map(|n| format!("long-{n}")),
        1 => Just("errors-".to_owned()),
        1 => Just("child-".to_owned()),
    ];
    (prop::collection::vec(word, 1..24), 0_u32..3, any::<bool>())
        .prop_map(|(inputs, retries, keep_order)| Commands { inputs, retries, keep_order })
}

/// Returns the same values in every process.
fn same_everywhere<T>(strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..JOBS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Runs all jobs of commands in folders under `folder`, and writes what came of them there.
pub(crate) fn run_commands(backend: &dyn CommandBackend, folder: &Path) -> Result<(), TaskError> {
    for (number, job) in same_everywhere(&commands()).into_iter().enumerate() {
        let folder = folder.join(format!("job-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let mut request = request(&job, &folder);
        request.environment = std::env::vars_os().collect();
        let mut output = File::create(folder.join("output")).unwrap();
        let mut errors = File::create(folder.join("errors")).unwrap();
        let streams = Streams { output: &mut output, errors: &mut errors };
        run_on(backend, &request, streams, &mut (), &CancelToken::new())?;
        if !job.keep_order {
            sort(&folder.join("output"));
        }
        fs::remove_dir_all(folder.join("state")).unwrap();
    }
    Ok(())
}

fn request(job: &Commands, folder: &Path) -> RunRequest {
    let values = job.inputs.iter().map(Into::into).collect();
    // The words of the script see the input as $1, unquoted by nobody.
    let command = format!("set -- {{input}}; {SCRIPT}");
    let inputs = Inputs::new().product(Source::Values(values));
    let mut request = RunRequest::new(vec![command.into()], inputs, Default::default());
    request.shell = true;
    request.slots = Workers::new(2);
    request.state = folder.join("state");
    request.directory = Some(folder.to_owned());
    request.timeout = Some(Seconds(2.0));
    request.retries = job.retries;
    request.retry_delay = Seconds(0.01);
    request.keep_order = job.keep_order;
    request.resume = Resume::No;
    let columns = ["task", "inputs", "status", "exit_code", "signal", "attempts", "value"];
    let columns = columns.map(str::to_owned).into();
    request.table = Some(Table { columns, ..Table::new(folder.join("table.csv")) });
    request
}

/// Outputs that come in any order are the same whatever that was.
fn sort(path: &Path) {
    let mut lines: Vec<Vec<u8>> =
        fs::read(path).unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.sort();
    fs::write(path, lines.join(&b'\n')).unwrap();
}

/// Calls a function on inputs, as a backend or a loop does.
type Map<'m> = dyn Fn(Function, Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> + 'm;

/// Writes what all jobs of native calls come to.
pub(crate) fn run_native(map: &Map<'_>, file: &Path) {
    let calls = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..400);
    let sizes = prop::collection::vec(0_usize..200_000, 0..6);
    let mut all = Vec::new();
    for (inputs, sizes) in same_everywhere(&(calls, sizes)) {
        let inputs: Vec<Vec<u8>> = inputs.into_iter().chain(sizes.iter().map(|n| vec![9; *n])).collect();
        // With and without what fails.
        let harmless = inputs.iter().filter(|input| ![Some(&7), Some(&13)].contains(&input.first()));
        all.push(format!("{:?}", map(DIGEST, harmless.cloned().collect())));
        all.push(format!("{:?}", map(DIGEST, inputs.clone())));
        all.push(format!("{:?}", map(REVERSE, inputs)));
    }
    fs::write(file, all.join("\n")).unwrap();
}

/// Writes what all jobs of native calls come to on a backend.
pub(crate) fn run_native_on(backend: &dyn Backend, file: &Path) {
    run_native(&|function, inputs| backend.map(function, inputs), file);
}
