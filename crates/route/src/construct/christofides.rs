//! Christofides: a minimum spanning tree, and a minimum-weight perfect matching of its nodes of odd degree.
//!
//! Together they have a walk over each edge once, which becomes a tour by leaving repeated cities out: at most 1.5 times
//! the optimum in a metric (N. Christofides, *Worst-case analysis of a new heuristic for the travelling salesman
//! problem*, Carnegie-Mellon University 1976; A. I. Serdyukov 1978). The matching is exact ([`super::matching`]).

use super::matching;
use crate::bound::complete::spanning_tree;
use crate::model::{Distance, Model};

/// The most nodes: the matching keeps a full matrix of those of odd degree, about 36 % of all, and takes cubic time.
pub(crate) const MOST: usize = 6000;

/// Returns the tour.
pub(crate) fn tour(model: &Model) -> Vec<u32> {
    let n = model.n();
    let mut edges = spanning_tree(model);
    let mut degree = vec![0; n];
    for &(a, b) in &edges {
        degree[a as usize] += 1;
        degree[b as usize] += 1;
    }
    let odd: Vec<u32> = (0..n as u32).filter(|&v| degree[v as usize] % 2 == 1).collect();
    let partners = matching::minimum(odd.len(), |i, j| model.between(odd[i], odd[j]));
    edges.extend(partners.iter().enumerate().filter(|&(i, &j)| i < j).map(|(i, &j)| (odd[i], odd[j])));
    shortened(n, &eulerian(n, &edges))
}

/// Returns a closed walk over every edge once (C. Hierholzer, Mathematische Annalen 6, 1873).
fn eulerian(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let mut links: Vec<Vec<(u32, usize)>> = vec![Vec::new(); n];
    for (index, &(a, b)) in edges.iter().enumerate() {
        links[a as usize].push((b, index));
        links[b as usize].push((a, index));
    }
    let mut used = vec![false; edges.len()];
    let mut stack = vec![0_u32];
    let mut walk = Vec::with_capacity(edges.len() + 1);
    while let Some(&node) = stack.last() {
        match links[node as usize].pop() {
            Some((_, index)) if used[index] => {}
            Some((next, index)) => {
                used[index] = true;
                stack.push(next);
            }
            None => {
                walk.push(node);
                stack.pop();
            }
        }
    }
    walk
}

/// Returns the nodes of `walk` in the order in which they first come.
fn shortened(n: usize, walk: &[u32]) -> Vec<u32> {
    let mut seen = vec![false; n];
    walk.iter().copied().filter(|&node| !std::mem::replace(&mut seen[node as usize], true)).collect()
}
