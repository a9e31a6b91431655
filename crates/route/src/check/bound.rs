//! The checker's own 1-tree, over the complete graph and in integers.

use super::boxes;
use super::distance::between;
use crate::bound::certificate::Certificate;
use crate::instance::{Instance, Weights};
use crate::request::Shape;

/// From this many nodes on, places are looked at in boxes.
const MANY: usize = 1000;

/// What a certificate is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundCheck {
    /// No tour is below this length.
    Proven(i64),
    /// The certificate does not belong to the instance, or claims more than it proves.
    Invalid(String),
}

/// The closed problem of an asymmetric instance: at each node, the city that a tour leaves from and the one it enters at.
/// They differ where the two ends of an open tour are one node: it is entered at the end and left from the start.
struct Directed {
    left: Vec<Option<usize>>,
    entered: Vec<Option<usize>>,
    /// The city that an open tour comes back to at no cost, and the one that it goes on from at none.
    start: Option<usize>,
    end: Option<usize>,
}

impl Directed {
    fn new(n: usize, shape: Shape) -> Self {
        let all: Vec<Option<usize>> = (0..n).map(Some).collect();
        let plain = |start, end| Self { left: all.clone(), entered: all.clone(), start, end };
        match shape {
            Shape::Closed => plain(None, None),
            Shape::Open { start: Some(start), end: Some(end) } if start == end => plain(None, None),
            Shape::Open { start: Some(start), end: Some(end) } => {
                let others: Vec<Option<usize>> =
                    (0..n).filter(|&city| city != start && city != end).map(Some).collect();
                let before = |city: usize| [&[Some(city)][..], &others].concat();
                Self { left: before(start), entered: before(end), start: None, end: None }
            }
            Shape::Open { start: None, end: None } => {
                // A node of no city, at no distance from any.
                let with_none = [&all[..], &[None]].concat();
                Self { left: with_none.clone(), entered: with_none, start: None, end: None }
            }
            Shape::Open { start, end } => plain(start, end),
        }
    }

    fn side(&self) -> usize {
        self.left.len()
    }

    /// Returns what the step from node `from` to node `to` costs.
    fn step(&self, instance: &Instance, from: usize, to: usize) -> i64 {
        match (self.left[from], self.entered[to]) {
            (Some(_), Some(to)) if self.start == Some(to) => 0,
            (Some(from), Some(_)) if self.end == Some(from) => 0,
            (Some(from), Some(to)) => between(instance, from, to),
            _ => 0,
        }
    }
}

/// The problem that a certificate speaks of: its nodes, and which edges a tour must use.
pub(super) struct Graph<'a> {
    instance: &'a Instance,
    multipliers: &'a [i64],
    pub(super) scale: i128,
    /// The edge that must be used, besides those of a doubled instance.
    pub(super) forced: Option<(usize, usize)>,
    /// The directed problem behind nodes that are doubled.
    directed: Option<Directed>,
}

/// An edge, ordered by whether it must be used and by weight; `None` where two nodes cannot be joined.
pub(super) type Key = Option<(bool, i128)>;

impl Graph<'_> {
    pub(super) fn n(&self) -> usize {
        self.multipliers.len()
    }

    pub(super) fn multiplier(&self, node: usize) -> i128 {
        i128::from(self.multipliers[node])
    }

    /// Returns whether the edge may wait (`false`: it must be used), and its weight.
    pub(super) fn key(&self, a: usize, b: usize) -> Key {
        let cities = self.instance.n();
        let multipliers = self.multiplier(a) + self.multiplier(b);
        let (low, high) = (a.min(b), a.max(b));
        if self.forced == Some((low, high)) {
            return Some((false, multipliers));
        }
        let distance = if let Some(directed) = &self.directed {
            // Left nodes come first, entered ones behind them: only unlike nodes are joined.
            let side = directed.side();
            if low >= side || high < side {
                return None;
            }
            if high - side == low {
                return Some((false, multipliers));
            }
            directed.step(self.instance, low, high - side)
        } else if high >= cities {
            0
        } else {
            between(self.instance, low, high)
        };
        Some((true, self.scale * i128::from(distance) + multipliers))
    }
}

/// Returns about how many edges [`verify_bound`] looks at.
pub(super) fn steps(instance: &Instance) -> f64 {
    let n = instance.n() as f64;
    match instance.weights() {
        Weights::Points { .. } if instance.n() >= MANY => STEPS_PER_PLACE * n,
        Weights::Matrix { symmetric: false, .. } => 2.0 * n * n,
        _ => 0.5 * n * n,
    }
}

/// How many edges and boxes are looked at for each place.
const STEPS_PER_PLACE: f64 = 1500.0;

/// Computes the bound again that `certificate` proves for tours of `shape` through `instance`.
///
/// Places are looked at in boxes: about a second for 10⁵ of them. A matrix takes O(n²) time.
pub fn verify_bound(instance: &Instance, shape: Shape, certificate: &Certificate) -> BoundCheck {
    let n = instance.n();
    let directed = (!instance.is_symmetric()).then(|| Directed::new(n, shape));
    let (nodes, forced) = match (&directed, shape) {
        (Some(directed), _) => (2 * directed.side(), None),
        (None, Shape::Open { start, end }) if start.is_none() || start != end => match (start, end) {
            (Some(a), Some(b)) => (n, Some((a.min(b), a.max(b)))),
            (Some(city), None) | (None, Some(city)) => (n + 1, Some((city, n))),
            (None, None) => (n + 1, None),
        },
        (None, _) => (n, None),
    };
    if certificate.multipliers.len() != nodes || certificate.scale < 1 || nodes < 3 {
        let count = certificate.multipliers.len();
        return BoundCheck::Invalid(format!("a certificate of {count} multipliers for {nodes} nodes"));
    }
    if certificate.left_out >= nodes {
        return BoundCheck::Invalid(format!("a certificate that leaves out node {}", certificate.left_out));
    }
    let graph = Graph {
        instance,
        multipliers: &certificate.multipliers,
        scale: i128::from(certificate.scale),
        forced,
        directed,
    };
    let weight = one_tree(&graph, certificate.left_out);
    let sum: i128 = certificate.multipliers.iter().map(|&m| i128::from(m)).sum();
    let lifted = weight - 2 * sum;
    let bound = -((-lifted).div_euclid(graph.scale));
    match i64::try_from(bound) {
        Ok(bound) if bound >= certificate.bound => BoundCheck::Proven(bound),
        _ => BoundCheck::Invalid(format!(
            "the certificate claims a bound of {}, and proves {bound}",
            certificate.bound
        )),
    }
}

/// Returns the weight of the lightest 1-tree whose tree leaves out one node: the lightest spanning tree of the others, and
/// the two lightest edges at this one.
fn one_tree(graph: &Graph<'_>, left_out: usize) -> i128 {
    let tree = match graph.instance.weights() {
        Weights::Points { rule, points } if graph.n() >= MANY && graph.directed.is_none() => {
            boxes::lightest_tree(graph, *rule, points, left_out)
        }
        _ => lightest_tree(graph, left_out),
    };
    let mut edges: Vec<(bool, i128)> = (0..graph.n())
        .filter(|&node| node != left_out)
        .filter_map(|node| graph.key(left_out, node))
        .collect();
    edges.sort_unstable();
    tree + edges.iter().take(2).map(|(_, weight)| weight).sum::<i128>()
}

/// Returns the weight of the lightest spanning tree of all nodes but one, by Prim's method: every pair is looked at.
fn lightest_tree(graph: &Graph<'_>, left_out: usize) -> i128 {
    let mut outside: Vec<usize> = (0..graph.n()).filter(|&node| node != left_out).collect();
    let mut latest = outside.pop();
    // The lightest edge from the tree to each node outside.
    let mut link: Vec<Key> = vec![None; graph.n()];
    let mut total = 0;
    while let Some(node) = latest {
        for &other in &outside {
            let key = graph.key(node, other);
            if lighter(key, link[other]) {
                link[other] = key;
            }
        }
        let mut next: Option<usize> = None;
        for at in 0..outside.len() {
            if next.is_none_or(|best| lighter(link[outside[at]], link[outside[best]])) {
                next = Some(at);
            }
        }
        latest = next.map(|at| outside.swap_remove(at));
        total += latest.and_then(|node| link[node]).map_or(0, |(_, weight)| weight);
    }
    total
}

/// Returns whether `a` comes before `b`; what cannot be joined comes last.
fn lighter(a: Key, b: Key) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    proptest::proptest! {
        #[test]
        fn boxes_and_all_pairs_give_the_same_tree(
            n in 4_usize..120, seed in 0_u64..10_000, rule in 0_usize..11, kind in 0_usize..4, side in 2_u64..90
        ) {
            let rules = [
                Rule::Euclidean2, Rule::Euclidean3, Rule::Ceiling2, Rule::Manhattan2, Rule::Manhattan3,
                Rule::Maximum2, Rule::Maximum3, Rule::Geo, Rule::Att, Rule::GreatCircle, Rule::Scaled2 { steps: 10.0 },
            ];
            let mut state = seed;
            let mut below = |bound: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % bound
            };
            let points: Vec<[f64; 3]> =
                (0..n).map(|_| [below(side), below(side), below(side)].map(|x| x as f64 / 2.0)).collect();
            let instance = Instance::from_points("any", rules[rule], points.clone()).unwrap();
            let forced = (kind % 2 == 1).then_some((1, n - 1 + kind / 2));
            let nodes = n + kind / 2;
            let spread = below(400) + 1;
            let multipliers: Vec<i64> = (0..nodes).map(|_| below(spread) as i64 - spread as i64 / 2).collect();
            let graph = Graph { instance: &instance, multipliers: &multipliers, scale: 4, forced, directed: None };
            let left_out = below(nodes as u64) as usize;
            proptest::prop_assert_eq!(
                boxes::lightest_tree(&graph, rules[rule], &points, left_out),
                lightest_tree(&graph, left_out)
            );
        }
    }
}
