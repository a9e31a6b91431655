//! From multipliers to a bound that holds: the lightest 1-tree of the complete graph, in integers.
//!
//! Small problems, and those without places, by Prim's method on the fly; others in Borůvka's rounds, where each component's
//! lightest edge is sought through a k-d tree whose boxes know their smallest multiplier and whether all their points
//! are in one component already. What a node found last stays its lightest until its other end has joined the same component,
//! and can only be followed by something heavier.
//!
//! Source: W. B. March, P. Ram and A. G. Gray, *Fast Euclidean minimum spanning tree*, KDD 2010 (Borůvka over space trees).

use festina_graph::KdTree;

use super::ascent::find;
use super::certificate::{Certificate, ceiling};
use crate::model::{Distance, Model};
use crate::rule::{Rule, lower_bound};

/// From this many nodes on, Borůvka's rounds are faster.
const MANY: usize = 1500;

/// The weight by which an edge that must be used is lighter than any other.
const MUST: i64 = 1 << 61;

/// Returns the certificate that `multipliers` give for `model`; its nodes are numbered as the model's.
pub(crate) fn certify(model: &Model, multipliers: &[f64], upper: i64) -> Certificate {
    let largest = multipliers.iter().fold(1.0_f64, |m, x| m.max(x.abs())).max(upper.abs() as f64);
    // Weights must stay below 2^60: lengths that take few bits leave more of them to the multipliers.
    let bits = (58 - (largest.log2().ceil() as i32).max(1) - 2).clamp(0, 12);
    let scale = 1_i64 << bits;
    let rounded: Vec<i64> = multipliers.iter().map(|x| (x * scale as f64).round() as i64).collect();
    let weights = Weights { model, multipliers: &rounded, scale };
    let tree = lightest_tree(&weights);
    let (weight, left_out) = weights.one_tree(&tree);
    let bound = ceiling(weight, scale);
    Certificate { multipliers: rounded, left_out, scale, bound }
}

/// Returns the minimum spanning tree of the complete graph of `model`.
pub(crate) fn spanning_tree(model: &Model) -> Vec<(u32, u32)> {
    lightest_tree(&Weights { model, multipliers: &vec![0; model.n()], scale: 1 })
}

fn lightest_tree(weights: &Weights<'_>) -> Vec<(u32, u32)> {
    match weights.model.embedding() {
        Some((rule, points)) if weights.model.n() >= MANY => boruvka(weights, rule, &points),
        _ => prim(weights),
    }
}

struct Weights<'a> {
    model: &'a Model,
    multipliers: &'a [i64],
    scale: i64,
}

impl Weights<'_> {
    /// Returns the weight of an edge; one that must be used is lighter than all others.
    fn of(&self, a: u32, b: u32) -> i64 {
        let fixed = self.model.is_fixed(a, b);
        let multipliers = self.multipliers[a as usize] + self.multipliers[b as usize];
        if fixed { multipliers - MUST } else { self.scale * self.model.between(a, b) + multipliers }
    }

    /// Returns the weight of an edge as it counts.
    fn counted(&self, a: u32, b: u32) -> i128 {
        i128::from(self.of(a, b)) + if self.model.is_fixed(a, b) { i128::from(MUST) } else { 0 }
    }

    /// Returns the weight of the heaviest of the lightest 1-trees that leave out a leaf of the lightest `tree`, less
    /// twice the sum of the multipliers, and the leaf.
    fn one_tree(&self, tree: &[(u32, u32)]) -> (i128, usize) {
        let n = self.model.n();
        let mut degree = vec![0_u32; n];
        let mut only = vec![0; n];
        let mut total: i128 = 0;
        for &(a, b) in tree {
            total += self.counted(a, b);
            for (node, other) in [(a, b), (b, a)] {
                degree[node as usize] += 1;
                only[node as usize] = other;
            }
        }
        let mut leaves: Vec<u32> = (0..n as u32).filter(|&v| degree[v as usize] == 1).collect();
        // A few leaves are enough: each costs a look at all nodes, and any of them gives a bound.
        leaves.sort_unstable_by_key(|&v| self.multipliers[v as usize]);
        leaves.reverse();
        leaves.truncate((20_000_000 / n).clamp(1, 200));
        let second = |&leaf: &u32| {
            let others = (0..n as u32).filter(|&v| v != leaf && v != only[leaf as usize]);
            (others.map(|v| self.counted(leaf, v)).min().unwrap_or(0), leaf as usize)
        };
        let (heaviest, left_out) = leaves.iter().map(second).max().expect("a tree has leaves");
        let lifted = total + heaviest - 2 * self.multipliers.iter().map(|&m| i128::from(m)).sum::<i128>();
        (lifted, left_out)
    }
}

/// Returns the lightest spanning tree by Prim's method, in O(n²) time and O(n) memory.
fn prim(weights: &Weights<'_>) -> Vec<(u32, u32)> {
    let n = weights.model.n() as u32;
    let mut outside: Vec<(i64, u32, u32)> = (1..n).map(|v| (weights.of(0, v), 0, v)).collect();
    let mut tree = Vec::with_capacity(n as usize);
    while !outside.is_empty() {
        let lightest = (0..outside.len()).min_by_key(|&i| outside[i].0).expect("not empty");
        let (_, from, node) = outside.swap_remove(lightest);
        tree.push((from, node));
        for entry in &mut outside {
            let weight = weights.of(node, entry.2);
            if weight < entry.0 {
                (entry.0, entry.1) = (weight, node);
            }
        }
    }
    tree
}

/// An edge with its weight; ties are broken by the nodes, so that no round can close a cycle.
type Weighted = (i64, u32, u32);

/// Returns the lightest spanning tree by Borůvka's rounds.
fn boruvka(weights: &Weights<'_>, rule: Rule, points: &[[f64; 3]]) -> Vec<(u32, u32)> {
    let n = weights.model.n();
    let tree = KdTree::new(points);
    let smallest = smallest_multipliers(&tree, weights.multipliers);
    let mut root: Vec<u32> = (0..n as u32).collect();
    let mut chosen = Vec::with_capacity(n - 1);
    let mut found: Vec<Option<Weighted>> = vec![None; n];
    while chosen.len() + 1 < n {
        let component: Vec<u32> = (0..n as u32).map(|v| find(&mut root, v)).collect();
        let whole = whole_components(&tree, &component);
        let round = Round { weights, rule, tree: &tree, smallest: &smallest, component: &component, whole };
        let mut lightest = round.lightest(&mut found, points);
        if weights.model.dummy {
            round.offer_dummy(n as u32 - 1, &mut lightest);
        }
        for (_, a, b) in lightest.into_iter().flatten() {
            let (x, y) = (find(&mut root, a), find(&mut root, b));
            if x != y {
                root[x as usize] = y;
                chosen.push((a, b));
            }
        }
    }
    chosen
}

/// Returns the smallest multiplier under each node of the tree.
fn smallest_multipliers(tree: &KdTree<'_>, multipliers: &[i64]) -> Vec<i64> {
    let under = |i: usize| tree.under(i).iter().map(|&v| multipliers[v as usize]).min().unwrap_or(i64::MAX);
    (0..tree.nodes().len()).map(under).collect()
}

/// Returns for each node of the tree the component of all its points, if it is one.
fn whole_components(tree: &KdTree<'_>, component: &[u32]) -> Vec<Option<u32>> {
    let mut whole: Vec<Option<u32>> = vec![None; tree.nodes().len()];
    for index in (0..whole.len()).rev() {
        whole[index] = match tree.children(index) {
            Some([left, right]) if whole[left] == whole[right] => whole[left],
            Some(_) => None,
            None => {
                let mut under = tree.under(index).iter().map(|&v| component[v as usize]);
                under.next().filter(|&first| under.all(|other| other == first))
            }
        };
    }
    whole
}

/// One round: the search for each component's lightest edge.
struct Round<'a> {
    weights: &'a Weights<'a>,
    rule: Rule,
    tree: &'a KdTree<'a>,
    smallest: &'a [i64],
    component: &'a [u32],
    whole: Vec<Option<u32>>,
}

impl Round<'_> {
    /// Returns the lightest edge out of each component that leads from a node with a place; `found` is what the rounds before
    /// found for each node.
    fn lightest(&self, found: &mut [Option<Weighted>], points: &[[f64; 3]]) -> Vec<Option<Weighted>> {
        let component = |node: u32| self.component[node as usize];
        let mut lightest: Vec<Option<Weighted>> = vec![None; found.len()];
        let mut asked = Vec::new();
        for (node, edge) in (0..).zip(found.iter()) {
            match *edge {
                Some(edge) if component(edge.1) != component(edge.2) => {
                    let entry = &mut lightest[component(node) as usize];
                    *entry = Some(entry.map_or(edge, |best| best.min(edge)));
                }
                _ => asked.push(node),
            }
        }
        for node in asked {
            let entry = &mut lightest[component(node) as usize];
            if let (Some(before), Some(best)) = (found[node as usize], *entry)
                && best <= before
            {
                continue;
            }
            let edge = self.lightest_from(node, *entry, points);
            if edge != *entry {
                (*entry, found[node as usize]) = (edge, edge);
            }
        }
        lightest
    }

    /// Returns the lighter of `best` and the lightest edge from `node` out of its component.
    fn lightest_from(&self, node: u32, best: Option<Weighted>, points: &[[f64; 3]]) -> Option<Weighted> {
        let mut best = best;
        let own = self.component[node as usize];
        let mut offer = |other: u32| {
            if self.component[other as usize] != own {
                let edge = (self.weights.of(node, other), node.min(other), node.max(other));
                if best.is_none_or(|lightest| edge < lightest) {
                    best = Some(edge);
                }
            }
            best
        };
        let partner = self.weights.model.partner(node);
        if partner != crate::model::NONE {
            offer(partner);
        }
        let Some(&point) = points.get(node as usize) else { return offer(node) };
        let multiplier = self.weights.multipliers[node as usize];
        let lower = |index: usize| {
            let distance = lower_bound(self.rule, self.tree.nodes()[index].square_to(point));
            (self.weights.scale * distance + multiplier).saturating_add(self.smallest[index])
        };
        let mut stack = vec![(lower(0), 0)];
        let mut lightest = offer(node);
        while let Some((bound, index)) = stack.pop() {
            if self.whole[index] == Some(own) || lightest.is_some_and(|(weight, ..)| bound > weight) {
                continue;
            }
            match self.tree.children(index) {
                None => {
                    for &other in self.tree.under(index) {
                        lightest = offer(other);
                    }
                }
                Some(children) => {
                    let mut pair = children.map(|child| (lower(child), child));
                    if pair[0].0 < pair[1].0 {
                        pair.swap(0, 1);
                    }
                    stack.extend(pair);
                }
            }
        }
        lightest
    }

    /// Offers the edges of the dummy node to the components.
    fn offer_dummy(&self, dummy: u32, lightest: &mut [Option<Weighted>]) {
        let own = self.component[dummy as usize];
        for node in 0..dummy {
            let other = self.component[node as usize];
            if other == own {
                continue;
            }
            let edge = (self.weights.of(node, dummy), node, dummy);
            for component in [own, other] {
                let entry = &mut lightest[component as usize];
                if entry.is_none_or(|best| edge < best) {
                    *entry = Some(edge);
                }
            }
        }
    }
}
