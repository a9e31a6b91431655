//! An engine that starts workers on this machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use festina_run::chunks::Supply;

/// The workers of all jobs: number of the job, process.
pub(crate) type Members = Arc<Mutex<Vec<(u32, Child)>>>;

pub(crate) struct Engine {
    /// The slots of each worker of a job.
    pub(crate) slots: Vec<u32>,
    /// Seconds after which workers are killed, if they are.
    pub(crate) limit: Option<f64>,
    pub(crate) members: Members,
    pub(crate) n_jobs: u32,
}

impl Engine {
    pub(crate) fn new(slots: &[u32]) -> Self {
        Self { slots: slots.into(), limit: None, members: Members::default(), n_jobs: 0 }
    }
}

impl Supply for Engine {
    fn name(&self) -> &'static str {
        "this machine"
    }

    fn start(&mut self, folder: &Path) -> Result<String, String> {
        self.n_jobs += 1;
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        for (index, slots) in self.slots.iter().enumerate() {
            let left = self.limit.map_or("-".to_owned(), |limit| limit.to_string());
            let job = format!("{}_{index}", self.n_jobs);
            let mut command = Command::new("timeout");
            command.args(["--foreground", "-s", "KILL", &self.limit.unwrap_or(60.0).to_string()]);
            command.arg(&own).arg("worker").arg(folder).args([&slots.to_string(), &job, &left]);
            let child = command.stdin(Stdio::null()).spawn().map_err(|error| error.to_string())?;
            self.members.lock().unwrap().push((self.n_jobs, child));
        }
        Ok(self.n_jobs.to_string())
    }

    fn alive(&mut self, _: &[String]) -> Option<Vec<String>> {
        let mut members = self.members.lock().unwrap();
        let n_of_job = self.slots.len();
        let alive = members.iter_mut().enumerate().filter_map(|(number, (job, child))| {
            let is_alive = child.try_wait().is_ok_and(|ended| ended.is_none());
            is_alive.then(|| format!("{job}_{}", number % n_of_job))
        });
        Some(alive.collect())
    }

    fn stop(&mut self, _: &[String]) {
        for (_, child) in self.members.lock().unwrap().iter_mut() {
            // Workers that were told to leave have left.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn said(&self, _: &Path) -> Option<String> {
        Some("it is a quiet machine".to_owned())
    }
}

/// Kills a worker: the child of what limits its time.
pub(crate) fn kill(member: &Child) {
    let children = format!("/proc/{0}/task/{0}/children", member.id());
    let worker = std::fs::read_to_string(children).unwrap_or_default();
    let killed = Command::new("kill").arg("-KILL").args(worker.split_whitespace()).status();
    assert!(killed.is_ok_and(|status| status.success()), "the worker is there to be killed");
}
