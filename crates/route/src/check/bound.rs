//! The checker's own 1-tree, over the complete graph and in integers.

use super::distance::between;
use crate::bound::certificate::Certificate;
use crate::instance::Instance;
use crate::request::Shape;

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
struct Graph<'a> {
    instance: &'a Instance,
    multipliers: &'a [i64],
    scale: i128,
    /// The edge that must be used, besides those of a doubled instance.
    forced: Option<(usize, usize)>,
    /// The directed problem behind nodes that are doubled.
    directed: Option<Directed>,
}

/// An edge, ordered by whether it must be used and by weight; `None` where two nodes cannot be joined.
type Key = Option<(bool, i128)>;

impl Graph<'_> {
    fn n(&self) -> usize {
        self.multipliers.len()
    }

    /// Returns whether the edge may wait (`false`: it must be used), and its weight.
    fn key(&self, a: usize, b: usize) -> Key {
        let cities = self.instance.n();
        let multipliers = i128::from(self.multipliers[a]) + i128::from(self.multipliers[b]);
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

/// Computes the bound again that `certificate` proves for tours of `shape` through `instance`.
///
/// O(n²) time and O(n) memory for n cities: a second for some 20,000.
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
    let graph = Graph {
        instance,
        multipliers: &certificate.multipliers,
        scale: i128::from(certificate.scale),
        forced,
        directed,
    };
    let weight = heaviest_one_tree(&graph);
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

/// Returns the weight of the lightest spanning tree with the heaviest second edge of one of its leaves.
fn heaviest_one_tree(graph: &Graph<'_>) -> i128 {
    let n = graph.n();
    // Prim: the lightest edge from the tree to each node outside, and the tree's node that it comes from.
    let mut link: Vec<(Key, usize)> = (0..n).map(|node| (graph.key_or_none(0, node), 0)).collect();
    let mut inside = vec![false; n];
    inside[0] = true;
    let mut degree = vec![0_usize; n];
    let mut neighbour = vec![0; n];
    let mut total: i128 = 0;
    for _ in 1..n {
        let mut next: Option<usize> = None;
        for node in (0..n).filter(|&node| !inside[node]) {
            if next.is_none_or(|best| lighter(link[node].0, link[best].0)) {
                next = Some(node);
            }
        }
        let Some(node) = next else { break };
        let (key, from) = link[node];
        inside[node] = true;
        total += key.map_or(0, |(_, weight)| weight);
        for (one, other) in [(node, from), (from, node)] {
            degree[one] += 1;
            neighbour[one] = other;
        }
        for other in (0..n).filter(|&other| !inside[other]) {
            let key = graph.key(node, other);
            if lighter(key, link[other].0) {
                link[other] = (key, node);
            }
        }
    }
    // Any leaf may be the one that is left out; the heaviest second edge of the first few is as valid as any.
    let leaves = (0..n).filter(|&node| degree[node] == 1);
    let mut leaves: Vec<usize> = leaves.collect();
    leaves.sort_by_key(|&leaf| std::cmp::Reverse(graph.multipliers[leaf]));
    let second = |leaf: usize| {
        let others = (0..n).filter(|&other| other != leaf && other != neighbour[leaf]);
        others.filter_map(|other| graph.key(leaf, other)).map(|(_, weight)| weight).min()
    };
    total + leaves.into_iter().take(200).filter_map(second).max().unwrap_or(0)
}

impl Graph<'_> {
    fn key_or_none(&self, a: usize, b: usize) -> Key {
        if a == b { None } else { self.key(a, b) }
    }
}

/// Returns whether `a` comes before `b`; what cannot be joined comes last.
fn lighter(a: Key, b: Key) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
