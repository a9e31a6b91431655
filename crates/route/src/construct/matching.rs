//! Minimum-weight perfect matching in a complete graph: Edmonds' blossoms with dual variables, O(n³).
//!
//! Every node has a dual variable, every odd cycle that was shrunk to one node (a *blossom*) another; an edge is *tight* where
//! the duals of its ends meet twice its weight. Alternating trees grow from unmatched nodes over tight edges: two even
//! nodes in one tree close a blossom, two of different trees an augmenting path; where nothing is tight the duals move
//! until something is. Weights are turned round, so that the heaviest perfect matching is sought.
//!
//! Sources: J. Edmonds, *Maximum matching and a polyhedron with 0,1-vertices*, Journal of Research of the NBS 69B,
//! 1965; H. N. Gabow, *An efficient implementation of Edmonds' algorithm for maximum matching on graphs*, Journal of
//! the ACM 23, 1976; Z. Galil, *Efficient algorithms for finding maximum matching in graphs*, ACM Computing Surveys
//! 18, 1986.

use std::collections::VecDeque;

/// No node.
const NONE: usize = usize::MAX;

/// Whether a node of the shrunk graph is in a tree, and at which distance from its root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Outside,
    Even,
    Odd,
}

/// Returns the partner of each of `n` nodes in a perfect matching of least weight; `n` is even.
pub(crate) fn minimum(n: usize, weight: impl Fn(usize, usize) -> i64) -> Vec<usize> {
    assert!(n.is_multiple_of(2), "an odd number of nodes has no perfect matching");
    if n == 0 {
        return Vec::new();
    }
    let pairs = || (0..n).flat_map(|a| (0..a).map(move |b| (a, b)));
    let largest = pairs().map(|(a, b)| weight(a, b)).max().unwrap_or(0);
    let smallest = pairs().map(|(a, b)| weight(a, b)).min().unwrap_or(0);
    // Positive, and so large that a matching with more edges is always heavier: a perfect one is found.
    let lift = (largest - smallest + 1).saturating_mul(n as i64) + largest;
    let mut matcher = Matcher::new(n, |a, b| 2 * (lift - weight(a, b)));
    while matcher.grow() {}
    (0..n).map(|v| matcher.mate[v]).collect()
}

struct Matcher {
    /// Nodes of the graph come first, blossoms behind them.
    n: usize,
    weights: Vec<i64>,
    /// For two nodes of the shrunk graph, the edge between them with the least slack, by its ends in the graph.
    edge: Vec<(u32, u32)>,
    capacity: usize,
    dual: Vec<i64>,
    /// For a node of the shrunk graph, the graph's node at the other end of its matched edge.
    mate: Vec<usize>,
    /// The outermost blossom around each node; a blossom that is not in use is in none.
    outer: Vec<usize>,
    /// The nodes of each blossom in the order of its cycle, from its base on.
    cycle: Vec<Vec<usize>>,
    /// For a blossom and a node of the graph, the blossom's part that holds the node.
    part: Vec<u32>,
    side: Vec<Side>,
    /// For an odd node, the graph's node from which its tree came to it.
    parent: Vec<usize>,
    /// For a node outside the even ones, the even node with the least slack to it.
    nearest: Vec<usize>,
    queue: VecDeque<usize>,
    visited: Vec<usize>,
    visit: usize,
    in_use: usize,
}

impl Matcher {
    fn new(n: usize, weight: impl Fn(usize, usize) -> i64) -> Self {
        let capacity = n + n / 2 + 1;
        let weights: Vec<i64> =
            (0..n * n).map(|at| if at / n == at % n { 0 } else { weight(at / n, at % n) }).collect();
        let heaviest = weights.iter().copied().max().unwrap_or(0);
        let mut edge = vec![(0, 0); capacity * capacity];
        for a in 0..n {
            for b in 0..n {
                edge[a * capacity + b] = (a as u32, b as u32);
            }
        }
        let mut dual = vec![0; capacity];
        dual[..n].fill(heaviest / 2);
        let mut outer = vec![NONE; capacity];
        outer[..n].copy_from_slice(&(0..n).collect::<Vec<_>>());
        Self {
            n,
            weights,
            edge,
            capacity,
            dual,
            mate: vec![NONE; capacity],
            outer,
            cycle: vec![Vec::new(); capacity],
            part: vec![u32::MAX; capacity * n],
            side: vec![Side::Outside; capacity],
            parent: vec![NONE; capacity],
            nearest: vec![NONE; capacity],
            queue: VecDeque::new(),
            visited: vec![0; capacity],
            visit: 0,
            in_use: n,
        }
    }

    fn edge(&self, a: usize, b: usize) -> (usize, usize) {
        let (u, v) = self.edge[a * self.capacity + b];
        (u as usize, v as usize)
    }

    /// Returns how far the edge of two nodes of the graph is from being tight.
    fn slack(&self, (u, v): (usize, usize)) -> i64 {
        self.dual[u] + self.dual[v] - self.weights[u * self.n + v]
    }

    fn slack_between(&self, a: usize, b: usize) -> i64 {
        self.slack(self.edge(a, b))
    }

    fn is_outer(&self, node: usize) -> bool {
        self.outer[node] == node
    }

    /// Returns the part of blossom `blossom` that holds the graph's node `v`.
    fn part(&self, blossom: usize, v: usize) -> usize {
        if blossom < self.n { blossom } else { self.part[blossom * self.n + v] as usize }
    }

    /// Offers the even node `u` as the nearest to `x`.
    fn offer(&mut self, u: usize, x: usize) {
        let old = self.nearest[x];
        if old == NONE || self.slack_between(u, x) < self.slack_between(old, x) {
            self.nearest[x] = u;
        }
    }

    /// Finds the nearest even node to `x` anew.
    fn find_nearest(&mut self, x: usize) {
        self.nearest[x] = NONE;
        for u in 0..self.n {
            if self.outer[u] != x && self.side[self.outer[u]] == Side::Even {
                self.offer(u, x);
            }
        }
    }

    /// Queues all the graph's nodes in `x`.
    fn enqueue(&mut self, x: usize) {
        if x < self.n {
            self.queue.push_back(x);
        } else {
            for index in 0..self.cycle[x].len() {
                self.enqueue(self.cycle[x][index]);
            }
        }
    }

    fn set_outer(&mut self, x: usize, outer: usize) {
        self.outer[x] = outer;
        if x >= self.n {
            for index in 0..self.cycle[x].len() {
                self.set_outer(self.cycle[x][index], outer);
            }
        }
    }

    /// Turns the cycle of `blossom` so that `part` lies an even number of steps from the base; returns that number.
    fn even_way(&mut self, blossom: usize, part: usize) -> usize {
        let at = self.cycle[blossom].iter().position(|&x| x == part).expect("a blossom holds its parts");
        if at % 2 == 0 {
            return at;
        }
        let length = self.cycle[blossom].len();
        self.cycle[blossom][1..].reverse();
        length - at
    }

    /// Matches `a` along its edge to `b`; inside a blossom the other parts are matched anew around the cycle.
    fn set_mate(&mut self, a: usize, b: usize) {
        let (u, v) = self.edge(a, b);
        self.mate[a] = v;
        if a < self.n {
            return;
        }
        let part = self.part(a, u);
        let steps = self.even_way(a, part);
        for i in 0..steps {
            let (x, y) = (self.cycle[a][i], self.cycle[a][i ^ 1]);
            self.set_mate(x, y);
        }
        self.set_mate(part, b);
        self.cycle[a].rotate_left(steps);
    }

    /// Matches along the path from the even node `a`, now matched to `b`, to the root of its tree.
    fn augment(&mut self, mut a: usize, mut b: usize) {
        loop {
            let next = self.mate[a];
            self.set_mate(a, b);
            if next == NONE {
                return;
            }
            let next = self.outer[next];
            let up = self.outer[self.parent[next]];
            self.set_mate(next, up);
            (a, b) = (up, next);
        }
    }

    /// Returns the first node that the ways of `a` and `b` to their roots share.
    fn common_ancestor(&mut self, mut a: usize, mut b: usize) -> Option<usize> {
        self.visit += 1;
        while a != NONE || b != NONE {
            if a != NONE {
                if self.visited[a] == self.visit {
                    return Some(a);
                }
                self.visited[a] = self.visit;
                a = self.grandparent(a);
            }
            std::mem::swap(&mut a, &mut b);
        }
        None
    }

    /// Returns the even node two steps nearer to the root, or [`NONE`].
    fn grandparent(&self, a: usize) -> usize {
        match self.mate[a] {
            NONE => NONE,
            mate => self.outer[self.parent[self.outer[mate]]],
        }
    }

    /// Shrinks the cycle through `a`, `b` and their ancestor `base` to a blossom.
    fn shrink(&mut self, a: usize, b: usize, base: usize) {
        let blossom = (self.n..self.in_use).find(|&x| self.outer[x] == NONE).unwrap_or(self.in_use);
        self.in_use = self.in_use.max(blossom + 1);
        self.dual[blossom] = 0;
        self.side[blossom] = Side::Even;
        self.mate[blossom] = self.mate[base];
        let mut cycle = vec![base];
        let climb = |from: usize, matcher: &mut Self, cycle: &mut Vec<usize>| {
            let mut x = from;
            while x != base {
                cycle.push(x);
                let odd = matcher.outer[matcher.mate[x]];
                cycle.push(odd);
                matcher.enqueue(odd);
                x = matcher.outer[matcher.parent[odd]];
            }
        };
        climb(a, self, &mut cycle);
        cycle[1..].reverse();
        climb(b, self, &mut cycle);
        self.cycle[blossom] = cycle;
        self.set_outer(blossom, blossom);
        self.connect(blossom);
        self.find_nearest(blossom);
    }

    /// Finds the least slack edges of a new blossom, and which part holds which node.
    fn connect(&mut self, blossom: usize) {
        let (capacity, n) = (self.capacity, self.n);
        self.part[blossom * n..(blossom + 1) * n].fill(u32::MAX);
        for (index, part) in self.cycle[blossom].clone().into_iter().enumerate() {
            for x in 0..self.in_use {
                if x == blossom
                    || (index > 0 && self.slack_between(part, x) >= self.slack(self.edge(blossom, x)))
                {
                    continue;
                }
                self.edge[blossom * capacity + x] = self.edge[part * capacity + x];
                self.edge[x * capacity + blossom] = self.edge[x * capacity + part];
            }
            for v in 0..n {
                if part == v || (part >= n && self.part[part * n + v] != u32::MAX) {
                    self.part[blossom * n + v] = part as u32;
                }
            }
        }
    }

    /// Opens an odd blossom whose dual variable is 0.
    fn expand(&mut self, blossom: usize) {
        for part in self.cycle[blossom].clone() {
            self.set_outer(part, part);
        }
        let (inner, _) = self.edge(blossom, self.parent[blossom]);
        let entry = self.part(blossom, inner);
        let steps = self.even_way(blossom, entry);
        let cycle = std::mem::take(&mut self.cycle[blossom]);
        for i in (0..steps).step_by(2) {
            let (odd, even) = (cycle[i], cycle[i + 1]);
            self.parent[odd] = self.edge(even, odd).0;
            self.side[odd] = Side::Odd;
            self.side[even] = Side::Even;
            self.nearest[odd] = NONE;
            self.find_nearest(even);
            self.enqueue(even);
        }
        self.side[entry] = Side::Odd;
        self.parent[entry] = self.parent[blossom];
        for &part in &cycle[steps + 1..] {
            self.side[part] = Side::Outside;
            self.find_nearest(part);
        }
        self.outer[blossom] = NONE;
    }

    /// Takes the tight edge of an even node and another; returns whether the matching grew.
    fn take(&mut self, (u, v): (usize, usize)) -> bool {
        let (a, b) = (self.outer[u], self.outer[v]);
        match self.side[b] {
            Side::Outside => {
                self.parent[b] = u;
                self.side[b] = Side::Odd;
                let even = self.outer[self.mate[b]];
                self.nearest[b] = NONE;
                self.nearest[even] = NONE;
                self.side[even] = Side::Even;
                self.enqueue(even);
                false
            }
            Side::Even => match self.common_ancestor(a, b) {
                Some(base) => {
                    self.shrink(a, b, base);
                    false
                }
                None => {
                    self.augment(a, b);
                    self.augment(b, a);
                    true
                }
            },
            Side::Odd => false,
        }
    }

    /// Finds one augmenting path; returns whether there was one.
    fn grow(&mut self) -> bool {
        self.side.fill(Side::Outside);
        self.nearest.fill(NONE);
        self.queue.clear();
        for x in 0..self.in_use {
            if self.is_outer(x) && self.mate[x] == NONE {
                self.parent[x] = NONE;
                self.side[x] = Side::Even;
                self.enqueue(x);
            }
        }
        if self.queue.is_empty() {
            return false;
        }
        loop {
            while let Some(u) = self.queue.pop_front() {
                if self.side[self.outer[u]] == Side::Odd {
                    continue;
                }
                for v in 0..self.n {
                    if self.outer[u] == self.outer[v] {
                        continue;
                    }
                    if self.slack((u, v)) == 0 {
                        if self.take((u, v)) {
                            return true;
                        }
                    } else {
                        self.offer(u, self.outer[v]);
                    }
                }
            }
            self.move_duals();
            if self.take_tight() {
                return true;
            }
        }
    }

    /// Moves the dual variables as far as all stay feasible.
    fn move_duals(&mut self) {
        let mut least = i64::MAX;
        for x in 0..self.in_use {
            if !self.is_outer(x) {
                continue;
            }
            if x >= self.n && self.side[x] == Side::Odd {
                least = least.min(self.dual[x] / 2);
            }
            if self.nearest[x] != NONE {
                let slack = self.slack_between(self.nearest[x], x);
                match self.side[x] {
                    Side::Outside => least = least.min(slack),
                    Side::Even => least = least.min(slack / 2),
                    Side::Odd => {}
                }
            }
        }
        for v in 0..self.n {
            match self.side[self.outer[v]] {
                Side::Even => self.dual[v] -= least,
                Side::Odd => self.dual[v] += least,
                Side::Outside => {}
            }
        }
        for x in self.n..self.in_use {
            if self.is_outer(x) {
                match self.side[x] {
                    Side::Even => self.dual[x] += 2 * least,
                    Side::Odd => self.dual[x] -= 2 * least,
                    Side::Outside => {}
                }
            }
        }
    }

    /// Takes the edges that became tight and opens the blossoms that ran out; returns whether the matching grew.
    fn take_tight(&mut self) -> bool {
        self.queue.clear();
        for x in 0..self.in_use {
            let near = self.nearest[x];
            if self.is_outer(x)
                && near != NONE
                && self.outer[near] != x
                && self.slack_between(near, x) == 0
                && self.take(self.edge(near, x))
            {
                return true;
            }
        }
        for x in self.n..self.in_use {
            if self.is_outer(x) && self.side[x] == Side::Odd && self.dual[x] == 0 {
                self.expand(x);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::random::Random;

    /// The least weight over all matchings, by dynamic programming over subsets.
    fn by_subsets(n: usize, weights: &[i64]) -> i64 {
        let mut least = vec![i64::MAX; 1 << n];
        least[0] = 0;
        for set in 1_usize..1 << n {
            if set.count_ones() % 2 == 1 {
                continue;
            }
            let a = set.trailing_zeros() as usize;
            for b in (a + 1..n).filter(|&b| set >> b & 1 == 1) {
                let rest = least[set ^ 1 << a ^ 1 << b];
                least[set] = least[set].min(rest + weights[a * n + b]);
            }
        }
        least[(1 << n) - 1]
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
        #[test]
        fn the_matching_is_as_light_as_the_best_of_all(half in 1_usize..7, seed in 0_u64..u64::MAX, range in 2_usize..200) {
            let n = 2 * half;
            let mut random = Random::new(seed, 0);
            let mut weights = vec![0; n * n];
            for a in 0..n {
                for b in 0..a {
                    weights[a * n + b] = random.below(range) as i64;
                    weights[b * n + a] = weights[a * n + b];
                }
            }
            let mate = minimum(n, |a, b| weights[a * n + b]);
            let total: i64 = (0..n).map(|v| weights[v * n + mate[v]]).sum();
            for v in 0..n {
                proptest::prop_assert!(mate[v] != v && mate[mate[v]] == v);
            }
            proptest::prop_assert_eq!(total, 2 * by_subsets(n, &weights));
        }
    }
}
