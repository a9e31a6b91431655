//! Twice around the minimum spanning tree: a walk over each of its edges twice, with repeated cities left out.
//!
//! At most twice the optimum in a metric, because a tour less one edge is a spanning tree (D. J. Rosenkrantz, R. E. Stearns
//! and P. M. Lewis, 1977).

use crate::bound::complete::spanning_tree;
use crate::model::Model;

/// Returns the tour that visits the nodes in the order of a walk around the tree.
pub(crate) fn tour(model: &Model) -> Vec<u32> {
    let tree = spanning_tree(model);
    let mut links = vec![Vec::new(); model.n()];
    for (a, b) in tree {
        links[a as usize].push(b);
        links[b as usize].push(a);
    }
    let mut order = Vec::with_capacity(model.n());
    let mut seen = vec![false; model.n()];
    let mut stack = vec![0_u32];
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut seen[node as usize], true) {
            order.push(node);
            stack.extend(links[node as usize].iter().filter(|&&other| !seen[other as usize]));
        }
    }
    order
}
