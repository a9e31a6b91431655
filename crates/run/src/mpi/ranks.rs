//! What the first rank knows of the others.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use festina_machine::CpuSet;
use festina_types::{Bytes, Workers};

use super::MpiError;
use super::frame::{Frame, Hello};
use super::router::{Arrival, Router};
use crate::tasks::{Shares, available_memory, usable_cpus};

/// MPI lets no rank go on before all have started: what comes after is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A rank and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) host: String,
    pub(super) cpus: u32,
    pub(super) memory: Bytes,
    /// Of the ranks on the same host, which one it is, from 0, and how many there are.
    pub(super) local: (u32, u32),
}

/// Returns what this rank has to say of itself.
pub(super) fn hello() -> Hello {
    Hello {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cpus: usable_cpus().len() as u32,
        memory: available_memory(),
    }
}

/// The first messages of the ranks.
pub(super) struct Hellos(Receiver<Arrival>);

impl Hellos {
    pub(super) fn expect(router: &Router) -> Self {
        let (tell, told) = mpsc::channel();
        router.open(0, move |arrival| _ = tell.send(arrival));
        Self(told)
    }

    /// Waits for all ranks, and returns what they are, this one included.
    pub(super) fn gather(self, size: u32) -> Result<Vec<Rank>, MpiError> {
        let mut all: Vec<Option<Hello>> = vec![None; size as usize];
        all[0] = Some(hello());
        let give_up = Instant::now() + PATIENCE;
        while let Some(missing) = all.iter().position(Option::is_none) {
            let lost = || MpiError::Lost { how: format!("rank {missing} does not answer") };
            let left = give_up.saturating_duration_since(Instant::now());
            let Ok(Arrival::Message { from, bytes }) = self.0.recv_timeout(left) else { return Err(lost()) };
            let frame = Frame::decode(&bytes).map_err(|source| MpiError::Frame { rank: from, source })?;
            if let (_, Frame::Hello(hello)) = frame {
                all[from as usize] = Some(hello);
            }
        }
        Ok(number(all.into_iter().flatten()))
    }
}

/// Numbers the ranks of each host.
fn number(hellos: impl Iterator<Item = Hello>) -> Vec<Rank> {
    let mut on_host: HashMap<String, u32> = HashMap::new();
    let mut ranks: Vec<Rank> = hellos
        .map(|Hello { host, cpus, memory }| {
            let count = on_host.entry(host.clone()).or_insert(0);
            let local = (*count, 0);
            *count += 1;
            Rank { host, cpus, memory, local }
        })
        .collect();
    for rank in &mut ranks {
        rank.local.1 = on_host[&rank.host];
    }
    ranks
}

/// Returns the memory of all hosts together.
pub(super) fn total_memory(ranks: &[Rank]) -> Bytes {
    let first = ranks.iter().filter(|rank| rank.local.0 == 0);
    Bytes(first.fold(0, |sum, rank| sum.saturating_add(rank.memory.0)))
}

/// Returns how many cores a task gets where nothing is said of it: the smallest share of a host's among its ranks.
pub(super) fn cores_per_rank(ranks: &[Rank]) -> u32 {
    ranks.iter().map(|rank| (rank.cpus / rank.local.1.max(1)).max(1)).min().unwrap_or(1)
}

/// Returns the CPUs of one of the ranks of a host, where each has enough of its own.
pub(super) fn share(cpus: &CpuSet, (index, count): (u32, u32), cores: u32) -> Option<CpuSet> {
    let shares = Shares::new(cpus, Workers::new(count), Workers::new(cores), true);
    shares.of_slots.get(index as usize).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_numbered_on_each_host() {
        let hello = |host: &str, cpus| Hello { host: host.to_owned(), cpus, memory: Bytes(1 << 30) };
        let ranks = number([hello("a", 4), hello("b", 3), hello("a", 4), hello("a", 4)].into_iter());
        let local: Vec<_> = ranks.iter().map(|rank| rank.local).collect();
        assert_eq!(local, [(0, 3), (0, 1), (1, 3), (2, 3)]);
        assert_eq!(total_memory(&ranks), Bytes(2 << 30));
        assert_eq!(cores_per_rank(&ranks), 1);
        assert_eq!(cores_per_rank(&ranks[1..2]), 3);
    }
}
