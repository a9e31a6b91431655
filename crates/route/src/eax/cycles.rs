//! AB-cycles: the closed walks along which edges of A that B lacks and edges of B that A lacks take turns.

use crate::local::random::Random;

/// The edges of one tour that the other lacks, at each node.
#[derive(Clone, Copy, Default)]
struct Rest {
    nodes: [u32; 2],
    count: u8,
}

impl Rest {
    fn push(&mut self, node: u32) {
        self.nodes[self.count as usize] = node;
        self.count += 1;
    }

    fn remove(&mut self, node: u32) {
        if self.nodes[0] == node {
            self.nodes[0] = self.nodes[1];
        }
        self.count -= 1;
    }
}

/// Splits the difference of two tours, given by the two neighbours of each node, into AB-cycles at random.
///
/// A cycle is the list of its nodes: from the first to the second by an edge of A, on by one of B, and so on; back to the
/// first by one of B.
pub(super) fn ab_cycles(a: &[[u32; 2]], b: &[[u32; 2]], random: &mut Random) -> Vec<Vec<u32>> {
    let mut rest = [vec![Rest::default(); a.len()], vec![Rest::default(); a.len()]];
    let mut differing: Vec<u32> = Vec::new();
    for (node, (in_a, in_b)) in (0..).zip(a.iter().zip(b)) {
        for &other in in_a.iter().filter(|other| !in_b.contains(other)) {
            rest[0][node as usize].push(other);
        }
        for &other in in_b.iter().filter(|other| !in_a.contains(other)) {
            rest[1][node as usize].push(other);
        }
        if rest[0][node as usize].count > 0 {
            differing.push(node);
        }
    }
    random.shuffle(&mut differing);
    let mut walk = Walk { rest, place: vec![[u32::MAX; 2]; a.len()], path: Vec::new(), cycles: Vec::new() };
    for node in differing {
        while walk.rest[0][node as usize].count > 0 {
            walk.from(node, random);
        }
    }
    walk.cycles
}

struct Walk {
    /// What is left of A's edges, and of B's.
    rest: [Vec<Rest>; 2],
    /// The place of each node in the path, where it was reached after an even and after an odd number of steps.
    place: Vec<[u32; 2]>,
    path: Vec<u32>,
    cycles: Vec<Vec<u32>>,
}

impl Walk {
    /// Walks from `start` by an edge of A until the walk has fallen into cycles altogether.
    fn from(&mut self, start: u32, random: &mut Random) {
        self.path.clear();
        self.reach(start);
        loop {
            let at = self.path.len() - 1;
            let node = self.path[at];
            let kind = at % 2;
            let Rest { nodes, count } = self.rest[kind][node as usize];
            debug_assert!(count > 0, "a walk can leave every node that it comes to");
            let next = nodes[if count == 2 { random.below(2) } else { 0 }];
            self.rest[kind][node as usize].remove(next);
            self.rest[kind][next as usize].remove(node);
            let parity = (at + 1) % 2;
            let seen = self.place[next as usize][parity];
            if seen == u32::MAX {
                self.reach(next);
                continue;
            }
            self.close(seen as usize);
            if seen == 0 {
                self.place[start as usize][0] = u32::MAX;
                return;
            }
        }
    }

    fn reach(&mut self, node: u32) {
        let at = self.path.len();
        self.place[node as usize][at % 2] = at as u32;
        self.path.push(node);
    }

    /// Takes the cycle from place `from` on off the path; the node at `from` stays its end.
    fn close(&mut self, from: usize) {
        let mut cycle = self.path[from..].to_vec();
        for at in from + 1..self.path.len() {
            self.place[self.path[at] as usize][at % 2] = u32::MAX;
        }
        self.path.truncate(from + 1);
        if from % 2 == 1 {
            cycle.rotate_left(1);
        }
        self.cycles.push(cycle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eax::counts::links;

    proptest::proptest! {
        #[test]
        fn cycles_take_turns_and_cover_the_difference_once(n in 5_usize..60, seed in 0_u64..1000) {
            let mut random = Random::new(seed, 0);
            let tours: [Vec<u32>; 2] = std::array::from_fn(|_| {
                let mut order: Vec<u32> = (0..n as u32).collect();
                random.shuffle(&mut order);
                order
            });
            let (a, b) = (links(&tours[0]), links(&tours[1]));
            let cycles = ab_cycles(&a, &b, &mut random);
            let mut edges = 0;
            for cycle in &cycles {
                proptest::prop_assert!(cycle.len() % 2 == 0 && cycle.len() >= 4);
                for (i, &node) in cycle.iter().enumerate() {
                    let next = cycle[(i + 1) % cycle.len()];
                    let (own, other) = if i % 2 == 0 { (&a, &b) } else { (&b, &a) };
                    proptest::prop_assert!(own[node as usize].contains(&next));
                    proptest::prop_assert!(!other[node as usize].contains(&next));
                }
                edges += cycle.len();
            }
            let missing = |v: usize| a[v].iter().filter(|other| !b[v].contains(other)).count();
            proptest::prop_assert_eq!(edges, (0..n).map(missing).sum::<usize>());
        }
    }
}
