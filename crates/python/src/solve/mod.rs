//! `festina.solve`

pub(crate) mod mst;
pub(crate) mod tsp;
pub(crate) mod vrp;

use std::collections::BTreeMap;

use festina::solve::{Limit, work_of};
use festina::{Seconds, Threads, Workers};

use crate::cores::machine;

/// Returns as many threads as were asked for, or as the machine allows.
fn threads(workers: Option<u32>, environment: BTreeMap<String, String>) -> Threads {
    let workers = workers.unwrap_or_else(|| machine(environment).workers.workers);
    Threads::new(Workers::new(workers).unwrap_or(Workers::MIN))
}

/// Returns what ends a search: the clock, or as much work as one core does in that time.
fn limit(time: Seconds, deterministic: bool) -> Limit {
    if deterministic { work_of(time) } else { Limit::Time(time) }
}
