//! Branch and bound: 1-trees under Lagrangian multipliers bound a search over which edges are in the tour.
//!
//! At every node of the search a short ascent lifts the bound, edges whose use alone would lift it to the best tour are
//! ruled out, and a node with three edges or more in the 1-tree is branched on: without its first edge; with it but
//! without the second; with both. All of it in integers, so that a proof is a proof.
//!
//! Sources: M. Held and R. M. Karp, *The traveling-salesman problem and minimum spanning trees: part II*, Mathematical
//! Programming 1, 1971; T. Volgenant and R. Jonker, EJOR 9, 1982 (branching and elimination).

use crate::model::{FORBIDDEN, Model};

/// The most nodes that the method takes: it keeps full matrices.
pub(crate) const MOST: usize = 2000;

/// Integer steps of a multiplier in one of a length.
const SCALE: i64 = 1 << 10;

/// Steps of the ascent at a node of the search.
const STEPS: usize = 40;

/// By how much an edge that must be used is lighter than any other.
const MUST: i64 = 1 << 55;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Free,
    Required,
    Forbidden,
}

/// The lightest 1-tree: node 0 with two edges at a spanning tree of the others.
struct OneTree {
    /// The node of the tree that each node was joined to; for node 0 the nearer of its two.
    parent: Vec<usize>,
    /// The other of node 0's two.
    second: usize,
    degree: Vec<i64>,
    /// Its value under the multipliers, times [`SCALE`].
    value: i64,
    /// The nodes in the order in which they joined.
    joined: Vec<usize>,
}

/// The search.
pub(crate) struct BranchAndBound<'a> {
    model: &'a Model,
    n: usize,
    cost: Vec<i64>,
    state: Vec<Edge>,
    trail: Vec<(usize, Edge)>,
    /// The shortest tour so far, and its length.
    pub(crate) best: (Vec<u32>, i64),
    go_on: &'a dyn Fn() -> bool,
    found: &'a mut dyn FnMut(&[u32], i64),
    is_stopped: bool,
}

impl<'a> BranchAndBound<'a> {
    /// Returns a search that is to beat `tour`; `found` hears of every shorter one.
    pub(crate) fn new(
        model: &'a Model,
        tour: Vec<u32>,
        go_on: &'a dyn Fn() -> bool,
        found: &'a mut dyn FnMut(&[u32], i64),
    ) -> Self {
        let n = model.n();
        let mut cost = vec![0; n * n];
        let mut state = vec![Edge::Free; n * n];
        for a in 0..n {
            for b in (0..n).filter(|&b| b != a) {
                cost[a * n + b] = model.edge(a as u32, b as u32);
                if cost[a * n + b] >= FORBIDDEN {
                    state[a * n + b] = Edge::Forbidden;
                }
            }
        }
        let length = model.length(&tour);
        Self {
            model,
            n,
            cost,
            state,
            trail: Vec::new(),
            best: (tour, length),
            go_on,
            found,
            is_stopped: false,
        }
    }

    /// Searches; returns whether it came to its end, so that the best tour is optimal.
    pub(crate) fn run(&mut self) -> bool {
        let pairs: Vec<(usize, usize)> = (0..self.n)
            .filter(|&a| (self.model.partner(a as u32) as usize) < a)
            .map(|a| (a, self.model.partner(a as u32) as usize))
            .collect();
        if pairs.iter().all(|&(a, b)| self.set(a, b, Edge::Required)) {
            self.search(vec![0; self.n], 400);
        }
        !self.is_stopped
    }

    fn is_beaten(&self, value: i64) -> bool {
        // The length is an integer: a bound above best − 1 leaves nothing to be found.
        value > (self.best.1 - 1) * SCALE
    }

    /// Searches the tours that the present state of the edges allows.
    fn search(&mut self, multipliers: Vec<i64>, steps: usize) {
        if !(self.go_on)() {
            self.is_stopped = true;
        }
        if self.is_stopped {
            return;
        }
        let mark = self.trail.len();
        let (mut multipliers, mut steps) = (multipliers, steps);
        while let Some((lifted, tree)) = self.ascend(multipliers, steps) {
            let before = self.trail.len();
            if !self.eliminate(&lifted, &tree) || self.branch(&lifted, &tree) {
                break;
            }
            // What was ruled out took the tree's edges with it: the next tree shows where to branch.
            assert!(self.trail.len() > before, "a 1-tree that is no tour has a node to branch on");
            (multipliers, steps) = (lifted, STEPS);
        }
        self.undo_to(mark);
    }

    /// Lifts the bound; returns the best multipliers and their 1-tree unless nothing is left to be found.
    fn ascend(&mut self, mut multipliers: Vec<i64>, steps: usize) -> Option<(Vec<i64>, OneTree)> {
        let mut best: Option<(Vec<i64>, OneTree)> = None;
        // From the multipliers of the parent on, shorter steps are enough.
        let mut lambda = if steps > 100 { 1.5 } else { 0.4 };
        let decay = 0.02_f64.powf(1.0 / steps as f64);
        let mut before = vec![0; self.n];
        for _ in 0..steps.max(1) {
            let tree = self.one_tree(&multipliers)?;
            if tree.degree.iter().all(|&degree| degree == 2) {
                self.take_tour(&tree);
            }
            if self.is_beaten(tree.value) {
                return None;
            }
            let square: i64 = tree.degree.iter().map(|degree| (degree - 2).pow(2)).sum();
            let missing = (self.best.1 * SCALE - tree.value) as f64;
            let step = lambda * missing / square.max(1) as f64;
            let next: Vec<i64> = (0..self.n)
                .map(|v| {
                    let move_by = 0.7 * (tree.degree[v] - 2) as f64 + 0.3 * before[v] as f64;
                    multipliers[v] + (step * move_by) as i64
                })
                .collect();
            before = tree.degree.iter().map(|degree| degree - 2).collect();
            if best.as_ref().is_none_or(|(_, old)| tree.value > old.value) {
                best = Some((std::mem::replace(&mut multipliers, next), tree));
            } else {
                multipliers = next;
            }
            lambda *= decay;
        }
        best
    }

    fn weight(&self, multipliers: &[i64], a: usize, b: usize) -> Option<i64> {
        let plain = SCALE * self.cost[a * self.n + b] + multipliers[a] + multipliers[b];
        match self.state[a * self.n + b] {
            Edge::Free => Some(plain),
            Edge::Required => Some(plain - MUST),
            Edge::Forbidden => None,
        }
    }

    /// Returns the lightest 1-tree, or `None` if the state allows none.
    fn one_tree(&self, multipliers: &[i64]) -> Option<OneTree> {
        let n = self.n;
        let mut tree = OneTree {
            parent: vec![1; n],
            second: 0,
            degree: vec![0; n],
            value: -2 * multipliers.iter().sum::<i64>(),
            joined: vec![1],
        };
        let mut link: Vec<i64> = (0..n).map(|_| i64::MAX).collect();
        let mut outside: Vec<usize> = (2..n).collect();
        let mut last = 1;
        while !outside.is_empty() {
            let mut lightest = 0;
            for (at, &node) in outside.iter().enumerate() {
                if let Some(weight) = self.weight(multipliers, last, node)
                    && weight < link[node]
                {
                    link[node] = weight;
                    tree.parent[node] = last;
                }
                if link[node] < link[outside[lightest]] {
                    lightest = at;
                }
            }
            let node = outside.swap_remove(lightest);
            if link[node] == i64::MAX {
                return None;
            }
            self.count(&mut tree, node, link[node]);
            last = node;
        }
        let mut two: [(i64, usize); 2] = [(i64::MAX, 0); 2];
        for node in 1..n {
            if let Some(weight) = self.weight(multipliers, 0, node)
                && weight < two[1].0
            {
                two[1] = (weight, node);
                two.sort_unstable();
            }
        }
        if two[1].0 == i64::MAX {
            return None;
        }
        tree.parent[0] = two[0].1;
        tree.second = two[1].1;
        for (weight, node) in two {
            tree.degree[0] += 1;
            tree.degree[node] += 1;
            tree.value += if weight < -MUST / 2 { weight + MUST } else { weight };
        }
        Some(tree)
    }

    /// Counts the edge from `node` to its parent.
    fn count(&self, tree: &mut OneTree, node: usize, weight: i64) {
        tree.value += if weight < -MUST / 2 { weight + MUST } else { weight };
        tree.degree[node] += 1;
        tree.degree[tree.parent[node]] += 1;
        tree.joined.push(node);
    }

    /// Takes a 1-tree that is a tour.
    fn take_tour(&mut self, tree: &OneTree) {
        let mut links = vec![Vec::new(); self.n];
        let mut join = |a: usize, b: usize| {
            links[a].push(b);
            links[b].push(a);
        };
        for &node in &tree.joined[1..] {
            join(node, tree.parent[node]);
        }
        join(0, tree.parent[0]);
        join(0, tree.second);
        let mut order = vec![0];
        let (mut before, mut node) = (0, links[0][0]);
        while node != 0 {
            order.push(node as u32);
            let next = if links[node][0] == before { links[node][1] } else { links[node][0] };
            before = node;
            node = next;
        }
        let length = self.model.length(&order);
        if length < self.best.1 && order.len() == self.n {
            (self.found)(&order, length);
            self.best = (order, length);
        }
    }

    /// Rules out the free edges that would lift the bound to the best tour; returns whether tours are left.
    fn eliminate(&mut self, multipliers: &[i64], tree: &OneTree) -> bool {
        let n = self.n;
        // The heaviest edge on the way between two nodes of the tree leaves when their edge comes in.
        let mut heaviest = vec![i64::MIN; n * n];
        for (at, &node) in tree.joined.iter().enumerate().skip(1) {
            let parent = tree.parent[node];
            let step = self.weight(multipliers, parent, node).unwrap_or(i64::MAX);
            for &other in &tree.joined[..at] {
                let way = if other == parent { step } else { step.max(heaviest[parent * n + other]) };
                heaviest[node * n + other] = way;
                heaviest[other * n + node] = way;
            }
        }
        let second = self.weight(multipliers, 0, tree.second).unwrap_or(i64::MAX);
        for a in 0..n {
            for b in a + 1..n {
                if self.state[a * n + b] != Edge::Free {
                    continue;
                }
                let Some(weight) = self.weight(multipliers, a, b) else { continue };
                let leaves = if a == 0 { second } else { heaviest[a * n + b] };
                let lifted = tree.value.saturating_add(weight.saturating_sub(leaves));
                if leaves > -MUST / 2 && self.is_beaten(lifted) && !self.set(a, b, Edge::Forbidden) {
                    return false;
                }
            }
        }
        true
    }

    /// Branches on a node with more than two edges; returns whether there was one with an edge that is still free.
    fn branch(&mut self, multipliers: &[i64], tree: &OneTree) -> bool {
        let edges_at = |v: usize| -> Vec<usize> {
            let own = if v == 0 { vec![tree.parent[0], tree.second] } else { Vec::new() };
            let up = if v > 1 { vec![tree.parent[v]] } else { Vec::new() };
            let down = tree.joined[1..].iter().copied().filter(|&child| tree.parent[child] == v);
            let to_zero = (v != 0 && (tree.parent[0] == v || tree.second == v)).then_some(0);
            own.into_iter().chain(up).chain(down).chain(to_zero).collect()
        };
        let free = |v: usize, search: &Self| -> Vec<usize> {
            let mut free = edges_at(v);
            free.retain(|&w| search.state[v * search.n + w] == Edge::Free);
            free.sort_by_key(|&w| std::cmp::Reverse(search.cost[v * search.n + w]));
            free
        };
        let crowded = (0..self.n).filter(|&v| tree.degree[v] > 2 && !free(v, self).is_empty());
        let Some(node) = crowded.min_by_key(|&v| free(v, self).len()) else { return false };
        let free = free(node, self);
        let [first, second] = [free[0], free[free.len() - 1]];
        let mark = self.trail.len();
        let child = |search: &mut Self, sets: &[(usize, Edge)]| {
            if sets.iter().all(|&(other, edge)| search.set(node, other, edge)) {
                search.search(multipliers.to_vec(), STEPS);
            }
            search.undo_to(mark);
        };
        child(self, &[(first, Edge::Forbidden)]);
        if first == second {
            child(self, &[(first, Edge::Required)]);
        } else {
            child(self, &[(first, Edge::Required), (second, Edge::Forbidden)]);
            child(self, &[(first, Edge::Required), (second, Edge::Required)]);
        }
        true
    }

    /// Sets an edge, and what follows from it; returns whether tours are left.
    fn set(&mut self, a: usize, b: usize, edge: Edge) -> bool {
        let old = self.state[a * self.n + b];
        if old == edge {
            return true;
        }
        if old != Edge::Free {
            return false;
        }
        self.trail.push((a * self.n + b, old));
        self.state[a * self.n + b] = edge;
        self.state[b * self.n + a] = edge;
        self.settle_node(a) && self.settle_node(b) && (edge != Edge::Required || self.forbid_cycle(a, b))
    }

    /// Forbids the third edge of a node that has two; requires the last two of one that has no others.
    fn settle_node(&mut self, v: usize) -> bool {
        let n = self.n;
        let row = |search: &Self, edge: Edge| -> Vec<usize> {
            (0..n).filter(|&w| w != v && search.state[v * n + w] == edge).collect()
        };
        let (required, free) = (row(self, Edge::Required), row(self, Edge::Free));
        if required.len() > 2 || required.len() + free.len() < 2 {
            return false;
        }
        let rest = match (required.len(), required.len() + free.len()) {
            (2, _) => Edge::Forbidden,
            (_, 2) => Edge::Required,
            _ => return true,
        };
        free.into_iter().all(|w| self.set(v, w, rest))
    }

    /// Forbids the edge that would close the path of required edges through (a, b), unless it is a whole tour.
    fn forbid_cycle(&mut self, a: usize, b: usize) -> bool {
        let (end_a, count_a) = self.path_end(a, b);
        if end_a == b && count_a > 1 {
            // The path has come back: it is a tour or a dead end.
            return count_a == self.n;
        }
        let (end_b, count_b) = self.path_end(b, a);
        let nodes = count_a + count_b;
        if nodes >= self.n || nodes < 3 || self.state[end_a * self.n + end_b] != Edge::Free {
            return nodes >= self.n || nodes < 3 || self.state[end_a * self.n + end_b] == Edge::Forbidden;
        }
        self.set(end_a, end_b, Edge::Forbidden)
    }

    /// Follows required edges from `from`, away from `behind`; returns the last node and how many were passed.
    ///
    /// While what follows from an edge is being set, a node that has not been settled yet may have a third required edge,
    /// and the way may lead into a cycle that has neither `from` nor `behind`: it ends after all nodes, and the node is
    /// refused when it is settled.
    fn path_end(&self, from: usize, behind: usize) -> (usize, usize) {
        let (mut before, mut node, mut count) = (behind, from, 1);
        loop {
            let row = &self.state[node * self.n..(node + 1) * self.n];
            let next = (0..self.n).find(|&w| w != node && w != before && row[w] == Edge::Required);
            match next {
                Some(next) if next != from && count <= self.n => {
                    before = node;
                    node = next;
                    count += 1;
                    if node == behind {
                        return (node, count);
                    }
                }
                _ => return (node, count),
            }
        }
    }

    fn undo_to(&mut self, mark: usize) {
        while self.trail.len() > mark {
            let (at, old) = self.trail.pop().expect("the trail is longer than the mark");
            let (a, b) = (at / self.n, at % self.n);
            self.state[a * self.n + b] = old;
            self.state[b * self.n + a] = old;
        }
    }
}
