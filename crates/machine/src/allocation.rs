//! What a batch system gave to this job: Slurm, PBS (`OpenPBS`, PBS Pro, Torque) or LSF.
//!
//! All of it comes from the environment that the batch system sets, which the caller hands in.
//!
//! Sources: sbatch(1) and srun(1), *output environment variables*; PBS Professional Reference Guide, *PBS
//! environmental variables*; IBM Spectrum LSF, *environment variables set for job execution*.

use std::collections::BTreeMap;

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use crate::source::Source;

/// The batch system that runs the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Slurm.
    Slurm,
    /// `OpenPBS`, PBS Professional or Torque.
    Pbs,
    /// IBM Spectrum LSF.
    Lsf,
}

impl Engine {
    /// Returns its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slurm => "Slurm",
            Self::Pbs => "PBS",
            Self::Lsf => "LSF",
        }
    }
}

/// What a batch system gave to this job. Where it does not tell, there is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// The batch system.
    pub engine: Engine,
    /// The job's id.
    pub job: String,
    /// The partition or queue.
    pub queue: Option<String>,
    /// How many nodes.
    pub nodes: Option<u32>,
    /// Which nodes, as the batch system writes them: `node[01-04]`.
    pub node_list: Option<String>,
    /// How many tasks (ranks) in all.
    pub tasks: Option<u32>,
    /// How many CPUs on this node; `None` too in the shell of `salloc`, which runs on a login node.
    pub cpus_here: Option<u32>,
    /// The variable that told `cpus_here`, with its value.
    pub cpus_here_from: Option<String>,
    /// How much memory on this node.
    pub memory_here: Option<Bytes>,
    /// How many GPUs on this node.
    pub gpus_here: Option<u32>,
}

impl Allocation {
    fn new(engine: Engine, job: &str) -> Self {
        Self {
            engine,
            job: job.to_owned(),
            queue: None,
            nodes: None,
            node_list: None,
            tasks: None,
            cpus_here: None,
            cpus_here_from: None,
            memory_here: None,
            gpus_here: None,
        }
    }

    fn set_cpus_here(&mut self, cpus: Option<(&str, u32)>) {
        self.cpus_here = cpus.map(|(_, count)| count);
        self.cpus_here_from = cpus.map(|(name, count)| format!("{name}={count}"));
    }
}

/// The variables of the environment.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Returns the first of `names` that is a count, with its name: 0 is none.
    fn count<'n>(&self, names: &[&'n str]) -> Option<(&'n str, u32)> {
        let positive =
            |name: &&'n str| Some((*name, self.text(name)?.parse().ok().filter(|&count| count > 0)?));
        names.iter().find_map(positive)
    }

    fn number(&self, names: &[&str]) -> Option<u32> {
        self.count(names).map(|(_, count)| count)
    }
}

/// Returns the allocation that `environment` tells of; `source` is asked for the list of nodes that PBS leaves in
/// a file, and for the host's name.
pub(crate) fn read(source: &Source, environment: &BTreeMap<String, String>) -> Option<Allocation> {
    let variables = Variables(environment);
    slurm(&variables).or_else(|| pbs(&variables, source)).or_else(|| lsf(&variables, source))
}

fn slurm(variables: &Variables<'_>) -> Option<Allocation> {
    let job = variables.text("SLURM_JOB_ID").or_else(|| variables.text("SLURM_JOBID"))?;
    let mut allocation = Allocation::new(Engine::Slurm, job);
    allocation.queue = variables.owned("SLURM_JOB_PARTITION");
    allocation.nodes = variables.number(&["SLURM_JOB_NUM_NODES", "SLURM_NNODES"]);
    allocation.node_list = variables.owned("SLURM_JOB_NODELIST");
    allocation.tasks = variables.number(&["SLURM_NTASKS", "SLURM_NPROCS"]);
    // Only a step has an id, and in a step this process is one task among several of the node.
    let is_step = variables.text("SLURM_STEP_ID").is_some();
    let names: &[&str] =
        if is_step { &["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"] } else { &["SLURM_CPUS_ON_NODE"] };
    allocation.set_cpus_here(variables.count(names));
    allocation.gpus_here = variables.number(&["SLURM_GPUS_ON_NODE"]);
    let megabytes = variables.number(&["SLURM_MEM_PER_NODE"]).map(u64::from).or_else(|| {
        let per_cpu = variables.number(&["SLURM_MEM_PER_CPU"])?;
        Some(u64::from(per_cpu) * u64::from(variables.number(&["SLURM_CPUS_ON_NODE"])?))
    });
    allocation.memory_here = megabytes.map(|megabytes| Bytes(megabytes << 20));
    Some(allocation)
}

fn pbs(variables: &Variables<'_>, source: &Source) -> Option<Allocation> {
    let mut allocation = Allocation::new(Engine::Pbs, variables.text("PBS_JOBID")?);
    allocation.queue = variables.owned("PBS_QUEUE");
    // A line a CPU (Torque) or a rank (PBS), each the name of a node.
    let lines = variables.text("PBS_NODEFILE").and_then(|path| source.read(path));
    let mut hosts: Vec<&str> = lines.iter().flat_map(|text| text.lines()).map(str::trim).collect();
    hosts.retain(|host| !host.is_empty());
    let tasks = u32::try_from(hosts.len()).ok().filter(|&count| count > 0);
    hosts.sort_unstable();
    hosts.dedup();
    allocation.nodes = variables.number(&["PBS_NUM_NODES"]).or(tasks.map(|_| hosts.len() as u32));
    allocation.node_list = tasks.map(|_| hosts.join(","));
    allocation.tasks = variables.number(&["PBS_NP"]).or(tasks);
    allocation.set_cpus_here(variables.count(&["NCPUS", "PBS_NUM_PPN"]));
    Some(allocation)
}

fn lsf(variables: &Variables<'_>, source: &Source) -> Option<Allocation> {
    let mut allocation = Allocation::new(Engine::Lsf, variables.text("LSB_JOBID")?);
    allocation.queue = variables.owned("LSB_QUEUE");
    allocation.tasks = variables.number(&["LSB_DJOB_NUMPROC"]);
    // `hosta 4 hostb 2`
    let words: Vec<&str> = variables.text("LSB_MCPU_HOSTS").unwrap_or_default().split_whitespace().collect();
    let hosts: Vec<(&str, u32)> = words
        .chunks_exact(2)
        .filter_map(|pair| Some((pair[0], pair[1].parse().ok().filter(|&slots| slots > 0)?)))
        .collect();
    if !hosts.is_empty() {
        allocation.nodes = Some(hosts.len() as u32);
        allocation.node_list = Some(hosts.iter().map(|(host, _)| *host).collect::<Vec<_>>().join(","));
        allocation.tasks = allocation.tasks.or(Some(hosts.iter().map(|(_, slots)| slots).sum()));
    }
    let this_host = source.read("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_here = |host: &str| short(host) == short(&this_host);
    let here = hosts.iter().find(|(host, _)| is_here(host)).map(|(_, slots)| ("LSB_MCPU_HOSTS", *slots));
    let only = || allocation.tasks.filter(|_| hosts.is_empty()).map(|tasks| ("LSB_DJOB_NUMPROC", tasks));
    let cpus = here.or_else(only);
    allocation.set_cpus_here(cpus);
    Some(allocation)
}

/// Returns a host's name without its domain.
fn short(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocation(pairs: &[(&str, &str)]) -> Option<Allocation> {
        let environment = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        read(&Source::at("/nonexistent"), &environment)
    }

    #[test]
    fn a_slurm_batch_script_has_the_whole_node_and_a_step_has_its_task() {
        let mut pairs = vec![
            ("SLURM_JOB_ID", "4711"),
            ("SLURM_NNODES", "2"),
            ("SLURM_JOB_NODELIST", "node[01-02]"),
            ("SLURM_NTASKS", "8"),
            ("SLURM_CPUS_ON_NODE", "32"),
            ("SLURM_CPUS_PER_TASK", "8"),
            ("SLURM_MEM_PER_CPU", "2000"),
        ];
        let batch = allocation(&pairs).unwrap();
        assert_eq!((batch.nodes, batch.tasks, batch.cpus_here), (Some(2), Some(8), Some(32)));
        assert_eq!(batch.memory_here, Some(Bytes(64_000 << 20)));
        pairs.push(("SLURM_STEP_ID", "0"));
        let step = allocation(&pairs).unwrap();
        assert_eq!(step.cpus_here_from.as_deref(), Some("SLURM_CPUS_PER_TASK=8"));
    }

    #[test]
    fn the_login_node_of_an_allocation_is_given_nothing() {
        let login = allocation(&[("SLURM_JOB_ID", "1"), ("SLURM_JOB_CPUS_PER_NODE", "32(x2)")]).unwrap();
        assert_eq!(login.cpus_here, None);
    }

    #[test]
    fn pbs_and_lsf_are_read() {
        let torque = allocation(&[("PBS_JOBID", "7.head"), ("PBS_NUM_PPN", "4"), ("PBS_NP", "8")]).unwrap();
        assert_eq!((torque.engine, torque.cpus_here, torque.tasks), (Engine::Pbs, Some(4), Some(8)));
        let lsf = allocation(&[("LSB_JOBID", "9"), ("LSB_DJOB_NUMPROC", "6")]).unwrap();
        assert_eq!((lsf.tasks, lsf.cpus_here), (Some(6), Some(6)));
        let lsf = allocation(&[("LSB_JOBID", "9"), ("LSB_MCPU_HOSTS", "a 4 b 2")]).unwrap();
        assert_eq!((lsf.nodes, lsf.tasks, lsf.cpus_here), (Some(2), Some(6), None));
    }

    #[test]
    fn nonsense_in_the_environment_is_no_allocation() {
        assert_eq!(allocation(&[("SLURM_CPUS_ON_NODE", "4")]), None);
        let odd = [("SLURM_JOB_ID", "1"), ("SLURM_CPUS_ON_NODE", "-4"), ("SLURM_MEM_PER_NODE", "all")];
        let odd = allocation(&odd).unwrap();
        assert_eq!((odd.cpus_here, odd.memory_here), (None, None));
        assert_eq!(allocation(&[("LSB_JOBID", "1"), ("LSB_MCPU_HOSTS", "a b c")]).unwrap().nodes, None);
    }
}
