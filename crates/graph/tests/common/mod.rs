//! What the tests share: workers, random graphs and points, and spanning trees by Prim's method over a full matrix.

#![allow(dead_code, reason = "every test file uses a part of it")]

use festina_graph::Graph;
use festina_run::Threads;
use festina_types::Workers;

pub(crate) fn workers(n: u32) -> Threads {
    Threads::new(Workers::new(n).unwrap())
}

/// Numbers that look random: the `SplitMix64` generator of S. Vigna, 2015.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Returns a graph of random edges whose weights are drawn by `weight`; loops and parallel edges among them.
pub(crate) fn random_graph(
    n_nodes: u32,
    n_edges: usize,
    seed: u64,
    weight: impl Fn(&mut Numbers) -> f64,
) -> Graph {
    let mut numbers = Numbers(seed);
    let mut node = || numbers.below(u64::from(n_nodes)) as u32;
    let ends = (0..n_edges).map(|_| [node(), node()]).collect();
    let weights = (0..n_edges).map(|_| weight(&mut numbers)).collect();
    Graph::new(n_nodes as usize, ends, weights).unwrap()
}

/// Returns the sorted weights of a minimum spanning forest by Prim's method, in O(n²).
pub(crate) fn prim(n: usize, weight: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut outside: Vec<usize> = (0..n).collect();
    let mut link = vec![f64::INFINITY; n];
    let mut weights = Vec::new();
    while !outside.is_empty() {
        let at = (0..outside.len()).min_by(|&i, &j| link[outside[i]].total_cmp(&link[outside[j]])).unwrap();
        let node = outside.swap_remove(at);
        weights.extend(Some(link[node]).filter(|weight| weight.is_finite()));
        for &other in &outside {
            link[other] = link[other].min(weight(node, other));
        }
    }
    weights.sort_by(f64::total_cmp);
    weights
}

/// Returns the lightest weight of each pair of nodes, as a full matrix.
pub(crate) fn matrix(graph: &Graph) -> Vec<f64> {
    let n = graph.n_nodes();
    let mut matrix = vec![f64::INFINITY; n * n];
    for (&[a, b], &weight) in graph.ends().iter().zip(graph.weights()) {
        for at in [a as usize * n + b as usize, b as usize * n + a as usize] {
            matrix[at] = matrix[at].min(weight);
        }
    }
    matrix
}
