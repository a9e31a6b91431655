//! Which CPUs a run with p workers gets, and where its performance may bend.
//!
//! Workers fill one hardware thread of each core before the second of any, and the cores of one NUMA node and one
//! socket before the next; on hybrid machines the fast cores before the slow. So p to p + 1 adds the nearest free
//! CPU, `placement(p)` is part of `placement(p + 1)`, and a law can be fitted up to each edge: no smooth law
//! crosses one.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::cpu_set::CpuSet;
use crate::topology::{Core, Topology};

/// What the workers of a run share, and thus which law may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// Fast cores of one NUMA node.
    OneNode,
    /// Fast cores of one socket with several NUMA nodes.
    OneSocket,
    /// Fast cores of several sockets.
    AcrossSockets,
    /// Slow cores too, of a hybrid machine.
    SlowCores,
    /// More than one hardware thread on a core.
    SharedCores,
}

/// The end of a regime: it holds for p up to `up_to`, from where the one before ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeEdge {
    /// The largest p of the regime.
    pub up_to: u32,
    /// The regime.
    pub regime: Regime,
}

/// The CPUs in the order in which workers get them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    order: Vec<u32>,
    edges: Vec<RegimeEdge>,
}

/// A hardware thread with its place among the others.
struct Slot<'a> {
    cpu: u32,
    /// 0 for the first allowed thread of the core, 1 for the next.
    depth: usize,
    core: &'a Core,
}

impl Placement {
    /// Returns the placement of workers on the CPUs `allowed`.
    pub fn new(topology: &Topology, allowed: &CpuSet) -> Self {
        let mut slots: Vec<Slot<'_>> = Vec::with_capacity(allowed.len());
        for core in &topology.cores {
            let threads = core.cpus.intersection(allowed);
            slots.extend(threads.iter().enumerate().map(|(depth, cpu)| Slot { cpu, depth, core }));
        }
        // Where a program may only use slow cores, they are the fast ones to it.
        let fastest = slots.iter().map(|slot| slot.core.kind).min().unwrap_or(0);
        // Homes with more allowed cores come first, so that the first regime reaches furthest.
        let cores_where = |is_there: &dyn Fn(&Core) -> bool| {
            slots
                .iter()
                .filter(|slot| slot.depth == 0 && slot.core.kind == fastest && is_there(slot.core))
                .count()
        };
        let socket_size = |id: u32| cores_where(&|core| core.socket == id);
        let node_size = |id: Option<u32>, socket| cores_where(&|c| c.numa_node == id && c.socket == socket);
        let key = |slot: &Slot<'_>| {
            let core = slot.core;
            let socket = (Reverse(socket_size(core.socket)), core.socket);
            let node = (Reverse(node_size(core.numa_node, core.socket)), core.numa_node);
            (slot.depth, core.kind, socket, node, slot.cpu)
        };
        let mut keyed: Vec<_> = slots.iter().map(|slot| (key(slot), slot)).collect();
        keyed.sort_unstable_by_key(|(key, _)| *key);
        let edges = edges_of(keyed.iter().map(|(_, slot)| *slot), fastest);
        let mut order: Vec<u32> = keyed.iter().map(|(_, slot)| slot.cpu).collect();
        // CPUs that the topology doesn't know, as in containers whose `/sys` is filtered, come last.
        let placed: CpuSet = order.iter().copied().collect();
        order.extend(allowed.difference(&placed).iter());
        let mut placement = Self { order, edges };
        placement.reach_end();
        placement
    }

    /// Returns the CPUs for `workers` workers: as many, or all where there are fewer.
    pub fn cpus(&self, workers: u32) -> CpuSet {
        self.order.iter().copied().take(workers as usize).collect()
    }

    /// Returns the CPUs in the order in which workers get them.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns where the regimes end, in ascending order; the last reaches all allowed CPUs.
    pub fn regime_edges(&self) -> &[RegimeEdge] {
        &self.edges
    }

    /// Returns the regime of a run with `workers` workers; beyond the last CPU that of all CPUs.
    pub fn regime(&self, workers: u32) -> Option<Regime> {
        let edge = self.edges.iter().find(|edge| workers <= edge.up_to).or(self.edges.last());
        edge.map(|edge| edge.regime)
    }

    fn reach_end(&mut self) {
        let all = self.order.len() as u32;
        match self.edges.last_mut() {
            Some(last) => last.up_to = all,
            None if all > 0 => self.edges.push(RegimeEdge { up_to: all, regime: Regime::OneNode }),
            None => {}
        }
    }
}

fn edges_of<'a>(slots: impl Iterator<Item = &'a Slot<'a>>, fastest: usize) -> Vec<RegimeEdge> {
    let mut edges: Vec<RegimeEdge> = Vec::new();
    let mut home = None;
    for (slot, workers) in slots.zip(1_u32..) {
        let (socket, node) = *home.get_or_insert((slot.core.socket, slot.core.numa_node));
        let regime = if slot.depth > 0 {
            Regime::SharedCores
        } else if slot.core.kind > fastest {
            Regime::SlowCores
        } else if slot.core.socket != socket {
            Regime::AcrossSockets
        } else if slot.core.numa_node != node {
            Regime::OneSocket
        } else {
            Regime::OneNode
        };
        match edges.last_mut() {
            Some(edge) if edge.regime == regime => edge.up_to = workers,
            _ => edges.push(RegimeEdge { up_to: workers, regime }),
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topology::Evidence;

    /// Returns a machine whose cores have their threads numbered one after the other.
    fn topology(sockets: u32, nodes: u32, cores: u32, threads: u32, slow: u32) -> Topology {
        let all = sockets * nodes * cores;
        let core = |index: u32| Core {
            cpus: (0..threads).map(|thread| index * threads + thread).collect(),
            socket: index / (nodes * cores),
            numa_node: Some(index / cores),
            kind: usize::from(index >= all - slow.min(all - 1)),
        };
        Topology {
            evidence: Evidence::Sysfs,
            online: (0..all * threads).collect(),
            offline: CpuSet::new(),
            isolated: CpuSet::new(),
            sockets: Vec::new(),
            numa_nodes: Vec::new(),
            cores: (0..all).map(core).collect(),
            kinds: Vec::new(),
            caches: Vec::new(),
        }
    }

    #[test]
    fn no_cpu_no_regime() {
        let placement = Placement::new(&topology(1, 1, 2, 1, 0), &CpuSet::new());
        assert!(placement.cpus(3).is_empty());
        assert_eq!(placement.regime(1), None);
    }

    #[test]
    fn cpus_that_no_core_has_are_placed_all_the_same() {
        let placement = Placement::new(&topology(1, 1, 2, 1, 0), &"1,5,7".parse().unwrap());
        assert_eq!(placement.order(), [1, 5, 7]);
        assert_eq!(placement.regime_edges(), [RegimeEdge { up_to: 3, regime: Regime::OneNode }]);
    }

    proptest! {
        #[test]
        fn workers_get_distinct_allowed_cpus_nested_and_a_core_each_while_there_are_cores(
            (sockets, nodes, cores, threads, slow) in (1_u32..4, 1_u32..3, 1_u32..5, 1_u32..4, 0_u32..3),
            mask in any::<u128>(),
        ) {
            let topology = topology(sockets, nodes, cores, threads, slow);
            let allowed: CpuSet = topology.online.iter().filter(|cpu| mask >> cpu & 1 == 1).collect();
            let placement = Placement::new(&topology, &allowed);
            let all = allowed.len() as u32;
            let mut before = CpuSet::new();
            for workers in 1..=all {
                let cpus = placement.cpus(workers);
                prop_assert_eq!(cpus.len() as u32, workers);
                prop_assert!(cpus.is_subset(&allowed) && before.is_subset(&cpus));
                prop_assert_eq!(topology.cores_in(&cpus), workers.min(topology.cores_in(&allowed)));

                // What a regime promises, checked from the CPUs alone.
                let used: Vec<&Core> =
                    topology.cores.iter().filter(|core| !core.cpus.intersection(&cpus).is_empty()).collect();
                let sockets: std::collections::BTreeSet<_> = used.iter().map(|core| core.socket).collect();
                let nodes: std::collections::BTreeSet<_> = used.iter().map(|core| core.numa_node).collect();
                let is_shared = used.len() < workers as usize;
                let has_slow = used.iter().any(|core| core.kind > used[0].kind);
                match placement.regime(workers).unwrap() {
                    Regime::SharedCores => prop_assert!(is_shared),
                    _ if is_shared => prop_assert!(false, "cores are shared"),
                    Regime::OneNode => prop_assert!(nodes.len() == 1 && !has_slow),
                    Regime::OneSocket => prop_assert!(sockets.len() == 1 && nodes.len() > 1),
                    Regime::AcrossSockets => prop_assert!(sockets.len() > 1),
                    Regime::SlowCores => prop_assert!(has_slow),
                }
                before = cpus;
            }
            let edges = placement.regime_edges();
            prop_assert!(edges.windows(2).all(|pair| pair[0].up_to < pair[1].up_to));
            prop_assert_eq!(edges.last().map_or(0, |edge| edge.up_to), all);
        }
    }
}
