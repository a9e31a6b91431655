//! Tasks in allocations of Slurm: one job, an element a node, each with a worker that claims chunks of tasks.
//!
//! ```text
//! festina run --on slurm -j 64      inputs, journal, outputs, table; offers chunks in the folder of the run
//!   ⋮  sbatch, squeue, scancel
//! slurmctld ─ slurmd on node n1 ─ festina worker ─ guardian ─ task
//!           ─ slurmd on node n2 ─ festina worker ─ guardian ─ task
//! ```
//!
//! Slurm takes near half a second for a job: it gets one for all tasks. It is driven by its own commands, and nothing but
//! the shared file system is between festina and its workers. `docs/concepts/slurm.md` tells the whole story.

mod error;
mod time;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use festina_types::{Bytes, CancelToken, Seconds, Status, Workers};

pub use error::SlurmError;
use time::time_left;

use crate::chunks::{Supply, WorkerOptions};
use crate::{Environment, Input, Launch, Outcome, Runner, Sink, find_program};

/// What an answer of Slurm's may take.
const PATIENCE: Seconds = Seconds(60.0);

/// What is wanted of Slurm.
#[derive(Clone, Debug, PartialEq)]
pub struct SlurmOptions {
    /// The program of the workers: the caller's own, on a file system that all nodes see.
    pub program: PathBuf,
    /// Its arguments, before those by which a worker is told its folder.
    pub arguments: Vec<OsString>,
    /// The environment in which Slurm's commands are found and run.
    pub environment: Environment,
    /// How many tasks run at the same time; `None` is as many as fit on one node.
    pub slots: Option<Workers>,
    /// The cores of a task.
    pub cores_per_task: Workers,
    /// The memory of a task, if it is to be reserved.
    pub memory_per_task: Option<Bytes>,
    /// Arguments for `sbatch`: a partition, an account, a time limit. They take precedence over festina's own.
    pub sbatch_arguments: Vec<OsString>,
}

/// Slurm, as whoever starts workers.
pub struct Slurm {
    options: SlurmOptions,
    elements: Elements,
    runner: Runner,
}

/// How the slots are shared out among the elements of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements {
    /// How many tasks run at the same time.
    pub slots: u32,
    /// The number of elements: of nodes, unless several fit on one.
    pub count: u32,
}

impl Elements {
    /// Shares `slots` out where a node has room for `per_node`.
    fn new(slots: Option<u32>, per_node: u32) -> Self {
        let slots = slots.unwrap_or(per_node).max(1);
        Self { slots, count: slots.div_ceil(per_node.max(1)) }
    }

    /// Returns how many slots an element has, from 0: as equal as can be, the first ones more.
    fn of(self, element: u32) -> u32 {
        self.slots / self.count + u32::from(element < self.slots % self.count)
    }

    /// Returns the most slots that an element has.
    fn most(self) -> u32 {
        self.of(0)
    }
}

impl Slurm {
    /// Finds Slurm, and asks it for the size of its nodes.
    ///
    /// # Errors
    ///
    /// [`SlurmError`] if there is no Slurm, or it does not answer.
    pub fn find(options: SlurmOptions) -> Result<Self, SlurmError> {
        for name in ["sbatch", "squeue", "scancel", "sinfo"] {
            find_program(OsStr::new(name), &options.environment, None)
                .map_err(|_| SlurmError::Absent { name })?;
        }
        let mut runner = Runner::new().map_err(SlurmError::Start)?;
        let said = ask(&mut runner, &options.environment, "sinfo", &["-h", "-N", "-o", "%c %P"], "")?;
        let cpus = node_size(&said, partition(&options.sbatch_arguments)).ok_or(SlurmError::NoNodes)?;
        let per_node = (cpus / options.cores_per_task.get()).max(1);
        let elements = Elements::new(options.slots.map(Workers::get), per_node);
        Ok(Self { options, elements, runner })
    }

    /// Returns how many tasks run at the same time.
    pub fn slots(&self) -> Workers {
        Workers::new(self.elements.slots).unwrap_or(Workers::MIN)
    }

    /// Returns the arguments of `sbatch`, which reads the script as its standard input.
    fn arguments(&self, folder: &Path) -> Vec<OsString> {
        let most = self.elements.most();
        let cpus = most * self.options.cores_per_task.get();
        let mut list: Vec<OsString> = [
            "--parsable".to_owned(),
            "--job-name=festina".to_owned(),
            "--nodes=1".to_owned(),
            "--ntasks=1".to_owned(),
            format!("--cpus-per-task={cpus}"),
            format!("--array=0-{}", self.elements.count - 1),
            "--open-mode=append".to_owned(),
        ]
        .map(OsString::from)
        .into();
        let mut output = OsString::from("--output=");
        output.push(folder.join("job-%a.out"));
        list.push(output);
        if let Some(memory) = self.options.memory_per_task {
            let megabytes = (memory.0.saturating_mul(most.into())).div_ceil(1 << 20);
            list.push(format!("--mem={megabytes}M").into());
        }
        list.extend(self.options.sbatch_arguments.iter().cloned());
        list
    }

    fn script(&self, folder: &Path) -> Vec<u8> {
        let Elements { slots, count } = self.elements;
        let own = [
            OsString::from("--slots"),
            slots.to_string().into(),
            "--elements".into(),
            count.to_string().into(),
            folder.into(),
        ];
        let program = std::iter::once(self.options.program.as_os_str());
        let words = program.chain(self.options.arguments.iter().chain(&own).map(OsString::as_os_str));
        let mut script = b"#!/bin/sh\nexec".to_vec();
        for word in words {
            script.push(b' ');
            quote(word, &mut script);
        }
        script.push(b'\n');
        script
    }
}

impl Supply for Slurm {
    fn name(&self) -> &'static str {
        "Slurm"
    }

    fn start(&mut self, folder: &Path) -> Result<String, String> {
        let script = self.script(folder);
        let arguments = self.arguments(folder);
        let outcome = run(&mut self.runner, &self.options.environment, "sbatch", arguments, &script);
        let said =
            outcome.and_then(|outcome| answer("sbatch", &outcome)).map_err(|error| error.with_source())?;
        // `12`, or `12;cluster`.
        let job = said.trim().split(';').next().unwrap_or_default();
        if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("sbatch said '{}' where a job's number was expected", said.trim()));
        }
        Ok(job.to_owned())
    }

    fn alive(&mut self, jobs: &[String]) -> Option<Vec<String>> {
        let jobs = jobs.join(",");
        let arguments = ["-h", "-r", "-j", &jobs, "-o", "%i"].map(OsString::from);
        let outcome =
            run(&mut self.runner, &self.options.environment, "squeue", arguments.into(), &[]).ok()?;
        if outcome.status == Status::Finished {
            let said = String::from_utf8_lossy(&outcome.output.bytes);
            return Some(said.lines().map(|line| line.trim().to_owned()).collect());
        }
        // What it has forgotten has ended.
        String::from_utf8_lossy(&outcome.errors.bytes).contains("Invalid job id").then(Vec::new)
    }

    fn stop(&mut self, jobs: &[String]) {
        let arguments = ["--quiet".to_owned()].iter().chain(jobs).map(OsString::from).collect();
        if !jobs.is_empty() {
            // Workers that are not told leave by themselves, a minute after the pool.
            let _ = run(&mut self.runner, &self.options.environment, "scancel", arguments, &[]);
        }
    }

    fn said(&self, folder: &Path) -> Option<String> {
        let outputs = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let texts = outputs.filter(|path| path.extension() == Some(OsStr::new("out")));
        let texts = texts.filter_map(|path| std::fs::read_to_string(path).ok());
        texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
    }
}

/// Returns what a worker is told by the `environment` that Slurm gives it: of `elements`, which one it is, which share of
/// `slots` it has, and how much time is left.
///
/// # Errors
///
/// [`SlurmError`] if it was not started by Slurm.
pub fn worker(
    folder: &Path,
    elements: Elements,
    environment: &Environment,
) -> Result<WorkerOptions, SlurmError> {
    let text = |name: &'static str| {
        let value = environment.get(name).and_then(OsStr::to_str);
        value.ok_or(SlurmError::NotWithin { name }).map(str::to_owned)
    };
    let element: u32 = text("SLURM_ARRAY_TASK_ID")?
        .parse()
        .map_err(|_| SlurmError::NotWithin { name: "SLURM_ARRAY_TASK_ID" })?;
    let slots = Workers::new(elements.of(element)).unwrap_or(Workers::MIN);
    let mut options = WorkerOptions::new(folder, slots);
    options.job = format!("{}_{element}", text("SLURM_ARRAY_JOB_ID")?);
    options.left = left(&text("SLURM_JOB_ID")?, environment);
    Ok(options)
}

/// Returns the time that an allocation has left; `None` if it has no limit.
fn left(job: &str, environment: &Environment) -> Option<Seconds> {
    let end = environment.get("SLURM_JOB_END_TIME").and_then(|end| end.to_str()?.parse::<f64>().ok());
    if let Some(end) = end {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Some(Seconds((end - now.as_secs_f64()).max(0.0)));
    }
    let mut runner = Runner::new().ok()?;
    let said = ask(&mut runner, environment, "squeue", &["-h", "-j", job, "-o", "%L"], "").ok()?;
    time_left(said.trim())
}

fn ask(
    runner: &mut Runner,
    environment: &Environment,
    name: &'static str,
    arguments: &[&str],
    input: &str,
) -> Result<String, SlurmError> {
    let arguments = arguments.iter().map(OsString::from).collect();
    answer(name, &run(runner, environment, name, arguments, input.as_bytes())?)
}

fn run(
    runner: &mut Runner,
    environment: &Environment,
    name: &'static str,
    arguments: Vec<OsString>,
    input: &[u8],
) -> Result<Outcome, SlurmError> {
    let mut launch = Launch::new(name, environment.clone()).arguments(arguments).output(Sink::capture());
    launch.errors = Sink::capture();
    launch.timeout = Some(PATIENCE);
    if !input.is_empty() {
        launch.input = Input::Bytes(input.into());
    }
    runner.run(&launch, &CancelToken::new(), &mut ()).map_err(SlurmError::Start)
}

fn answer(name: &'static str, outcome: &Outcome) -> Result<String, SlurmError> {
    if outcome.status == Status::Finished {
        return Ok(String::from_utf8_lossy(&outcome.output.bytes).into_owned());
    }
    let said = String::from_utf8_lossy(&outcome.errors.bytes);
    let bare = |line: &str| {
        let line = line.strip_prefix(name).and_then(|line| line.strip_prefix(": ")).unwrap_or(line);
        ["error: ", "fatal: "]
            .iter()
            .fold(line, |line, kind| line.strip_prefix(kind).unwrap_or(line))
            .to_owned()
    };
    let said: Vec<String> = said.lines().map(bare).collect();
    Err(SlurmError::Refused { name, message: said.join("; ") })
}

/// Returns the partition that the user names.
fn partition(arguments: &[OsString]) -> Option<&str> {
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word.strip_prefix("--partition").or_else(|| word.strip_prefix("-p")) {
            Some("") => return words.next(),
            Some(rest) => return Some(rest.trim_start_matches('=')),
            None => {}
        }
    }
    None
}

/// Returns how many CPUs most nodes of a partition have, the default one if none is named, from lines such as `2 debug*`.
fn node_size(said: &str, partition: Option<&str>) -> Option<u32> {
    let nodes: Vec<(u32, &str)> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(cpus, name)| Some((cpus.parse().ok()?, name.trim())))
        .collect();
    let is_meant = |name: &str| match partition {
        Some(partition) => name.trim_end_matches('*') == partition,
        None => name.ends_with('*'),
    };
    let mut sizes: Vec<u32> =
        nodes.iter().filter(|(_, name)| is_meant(name)).map(|(cpus, _)| *cpus).collect();
    sizes.sort_unstable();
    let count = |size: u32| sizes.iter().filter(|other| **other == size).count();
    sizes.iter().copied().max_by_key(|size| (count(*size), std::cmp::Reverse(*size)))
}

/// Writes a word as a shell reads it: in single quotes.
fn quote(word: &OsStr, script: &mut Vec<u8>) {
    script.push(b'\'');
    for byte in word.as_encoded_bytes() {
        match byte {
            b'\'' => script.extend_from_slice(b"'\\''"),
            byte => script.push(*byte),
        }
    }
    script.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shared_out_evenly() {
        let of = |slots, per_node| {
            let elements = Elements::new(slots, per_node);
            (0..elements.count).map(|element| elements.of(element)).collect::<Vec<_>>()
        };
        assert_eq!(of(Some(2), 2), [2]);
        assert_eq!(of(Some(5), 2), [2, 2, 1]);
        assert_eq!(of(Some(9), 4), [3, 3, 3]);
        assert_eq!(of(None, 16), [16], "one node");
        assert_eq!(of(Some(3), 0), [1, 1, 1]);
    }

    #[test]
    fn nodes_are_as_large_as_most_of_them() {
        let said = "2 debug*\n2 debug*\n64 debug*\n64 long\n128 long\n";
        assert_eq!(node_size(said, None), Some(2));
        assert_eq!(node_size(said, Some("long")), Some(64), "of as many the smaller");
        assert_eq!((node_size(said, Some("none")), node_size("", None)), (None, None));
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(partition(&words("--time=5 -p long")), Some("long"));
        assert_eq!(partition(&words("--partition=long -t 5")), Some("long"));
        assert_eq!(partition(&words("-plong")), Some("long"));
        assert_eq!(partition(&words("--time=5")), None);
    }

    #[test]
    fn scripts_hold_any_path() {
        let mut script = Vec::new();
        quote(OsStr::new("it's $HOME"), &mut script);
        assert_eq!(script, br"'it'\''s $HOME'");
    }

    #[test]
    fn a_worker_reads_what_slurm_tells_it() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let variables = [
            ("SLURM_JOB_ID", "14".to_owned()),
            ("SLURM_ARRAY_JOB_ID", "12".to_owned()),
            ("SLURM_ARRAY_TASK_ID", "2".to_owned()),
            ("SLURM_JOB_END_TIME", (now + 100).to_string()),
        ];
        let environment: Environment = variables.into_iter().collect();
        let options = worker(Path::new("/x"), Elements { slots: 5, count: 3 }, &environment).unwrap();
        assert_eq!((options.job.as_str(), options.slots), ("12_2", Workers::MIN));
        let left = options.left.unwrap().0;
        assert!((90.0..=100.0).contains(&left), "{left}");
        let error =
            worker(Path::new("/x"), Elements { slots: 1, count: 1 }, &Environment::new()).unwrap_err();
        assert!(error.to_string().contains("SLURM_ARRAY_TASK_ID"), "{error}");
    }
}
