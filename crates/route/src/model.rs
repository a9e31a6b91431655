//! The symmetric problem that local search, bounds and crossover see.
//!
//! An instance with the shape that is asked of its tour becomes a closed symmetric tour:
//!
//! - an open tour between two given cities gets an edge between them that must be used;
//! - an open tour with a free end gets a **dummy** node at distance 0 from every city, which must stand beside the
//!   start or the end where one is given;
//! - an asymmetric instance of n cities becomes one of 2n nodes (R. Jonker and T. Volgenant, *Transforming asymmetric
//!   into symmetric traveling salesman problems*, Operations Research Letters 2, 1983): the node a city is left from
//!   and the node it is entered at must stand beside each other.
//!
//! Edges that must be used join **partners**; every node has at most one. They count 0, and no search removes them.

use crate::bound::certificate::Certificate;
use crate::closed::Closed;
use crate::instance::{Instance, Weights};
use crate::request::Shape;
use crate::rule::{self, Rule};
use crate::space::hilbert;

/// No partner.
pub(crate) const NONE: u32 = u32::MAX;

/// The distance of two nodes that no tour may join.
pub(crate) const FORBIDDEN: i64 = 1 << 42;

/// Up to this many points, distances that need trigonometry are computed once and kept.
const MAX_TABLE: usize = 2000;

/// Distances between nodes numbered from 0.
pub(crate) trait Distance: Sync {
    /// Returns the symmetric distance of two distinct nodes.
    fn between(&self, a: u32, b: u32) -> i64;
}

/// Where the distances of a model come from.
#[derive(Clone, Debug)]
pub(crate) enum Metric {
    /// `EUC_2D`, the commonest, in compact form.
    Plane(Vec<[f64; 2]>),
    /// Any rule.
    Points(Rule, Vec<[f64; 3]>),
    /// A symmetric matrix with `side` rows.
    Matrix { side: usize, weights: Vec<i64> },
    /// Node `v` below `side` is where city `v` is left from, node `v + side` where it is entered.
    Doubled { side: usize, weights: Vec<i64> },
}

/// A closed symmetric problem.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// Where distances come from.
    pub(crate) metric: Metric,
    /// Whether the last node is the dummy.
    pub(crate) dummy: bool,
    /// The partner of each node, or [`NONE`]; empty where there is none.
    pub(crate) partner: Vec<u32>,
}

/// `EUC_2D` without a branch.
pub(crate) struct Plane<'a>(pub(crate) &'a [[f64; 2]]);

impl Distance for Plane<'_> {
    #[inline(always)]
    fn between(&self, a: u32, b: u32) -> i64 {
        let (p, q) = (self.0[a as usize], self.0[b as usize]);
        rule::euclidean(p[0] - q[0], p[1] - q[1])
    }
}

impl Distance for Model {
    fn between(&self, a: u32, b: u32) -> i64 {
        if self.dummy && (a as usize == self.n() - 1 || b as usize == self.n() - 1) {
            return 0;
        }
        let (i, j) = (a as usize, b as usize);
        match &self.metric {
            Metric::Plane(points) => Plane(points).between(a, b),
            Metric::Points(rule, points) => rule.distance(points[i], points[j]),
            Metric::Matrix { side, weights } => weights[i * side + j],
            Metric::Doubled { side, weights } => match (i < *side, j < *side) {
                (true, false) if i + side == j => 0,
                (false, true) if j + side == i => 0,
                (true, false) => weights[i * side + j - side],
                (false, true) => weights[j * side + i - side],
                _ => FORBIDDEN,
            },
        }
    }
}

impl Model {
    /// Returns the number of nodes.
    pub(crate) fn n(&self) -> usize {
        let nodes = match &self.metric {
            Metric::Plane(points) => points.len(),
            Metric::Points(_, points) => points.len(),
            Metric::Matrix { side, .. } => *side,
            Metric::Doubled { side, .. } => 2 * side,
        };
        nodes + usize::from(self.dummy)
    }

    /// Returns the number of nodes that have a place: all but the dummy.
    pub(crate) fn placed(&self) -> usize {
        self.n() - usize::from(self.dummy)
    }

    /// Returns the partner of `node`, or [`NONE`].
    pub(crate) fn partner(&self, node: u32) -> u32 {
        self.partner.get(node as usize).copied().unwrap_or(NONE)
    }

    /// Returns whether the edge of `a` and `b` must be used.
    pub(crate) fn is_fixed(&self, a: u32, b: u32) -> bool {
        self.partner(a) == b
    }

    /// Returns the cost of the edge of `a` and `b` in a tour: 0 where it must be used.
    pub(crate) fn edge(&self, a: u32, b: u32) -> i64 {
        if self.is_fixed(a, b) { 0 } else { self.between(a, b) }
    }

    /// Returns the length of a closed tour.
    pub(crate) fn length(&self, order: &[u32]) -> i64 {
        let ends = order.iter().zip(order.iter().cycle().skip(1));
        ends.map(|(&a, &b)| if order.len() > 1 { self.edge(a, b) } else { 0 }).sum()
    }

    /// Returns points whose straight-line distances bound the distances of the placed nodes from below
    /// ([`rule::lower_bound`]), and the rule; `None` for matrices.
    pub(crate) fn embedding(&self) -> Option<(Rule, Vec<[f64; 3]>)> {
        match &self.metric {
            Metric::Plane(points) => {
                Some((Rule::Euclidean2, points.iter().map(|p| [p[0], p[1], 0.0]).collect()))
            }
            Metric::Points(rule, points) => {
                Some((*rule, points.iter().map(|&point| rule::embed(*rule, point)).collect()))
            }
            _ => None,
        }
    }

    /// Returns the model of the nodes `chosen`, in their order, without partners: new node `i` is `chosen[i]`.
    pub(crate) fn subset(&self, chosen: &[u32]) -> Self {
        let dummy = self.dummy && chosen.contains(&(self.n() as u32 - 1));
        debug_assert!(!dummy || chosen.last() == Some(&(self.n() as u32 - 1)), "the dummy stays last");
        let placed = &chosen[..chosen.len() - usize::from(dummy)];
        let metric = match &self.metric {
            Metric::Plane(points) => Metric::Plane(placed.iter().map(|&v| points[v as usize]).collect()),
            Metric::Points(rule, points) => {
                Metric::Points(*rule, placed.iter().map(|&v| points[v as usize]).collect())
            }
            _ => {
                let weights = placed
                    .iter()
                    .flat_map(|&a| placed.iter().map(move |&b| if a == b { 0 } else { self.between(a, b) }));
                Metric::Matrix { side: placed.len(), weights: weights.collect() }
            }
        };
        Self { metric, dummy, partner: Vec::new() }
    }

    /// Returns the model with its nodes renumbered: new node `i` is `order[i]`; the dummy stays last.
    fn renumbered(&self, order: &[u32]) -> Self {
        let mut model = self.subset(order);
        if !self.partner.is_empty() {
            let mut number = vec![0; order.len()];
            for (new, &old) in order.iter().enumerate() {
                number[old as usize] = new as u32;
            }
            let partner = |&old: &u32| match self.partner(old) {
                NONE => NONE,
                other => number[other as usize],
            };
            model.partner = order.iter().map(partner).collect();
        }
        model
    }
}

/// A model, and how its tours are read as tours of the instance.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The model, its nodes numbered along a Hilbert curve where they have places.
    pub(crate) model: Model,
    /// The node of the unsorted model behind each node.
    original: Vec<u32>,
    /// The closed asymmetric problem behind a doubled model.
    closed: Option<Closed>,
    shape: Shape,
}

impl Problem {
    /// Returns the problem of finding a tour of `shape` through `instance`, which has at least 4 cities.
    pub(crate) fn new(instance: &Instance, shape: Shape) -> Self {
        if instance.is_symmetric() {
            return Self::sorted(symmetric(instance, shape), None, shape);
        }
        let closed = Closed::new(instance, shape);
        let side = closed.side();
        let partner = (0..2 * side).map(|v| ((v + side) % (2 * side)) as u32).collect();
        let metric = Metric::Doubled { side, weights: closed.weights().to_vec() };
        Self::sorted(Model { metric, dummy: false, partner }, Some(closed), shape)
    }

    fn sorted(model: Model, closed: Option<Closed>, shape: Shape) -> Self {
        let original: Vec<u32> = match model.embedding() {
            Some((_, points)) => {
                let last = points.len() as u32..model.n() as u32;
                hilbert::order(&points).into_iter().chain(last).collect()
            }
            None => (0..model.n() as u32).collect(),
        };
        let model = if model.embedding().is_some() { model.renumbered(&original) } else { model };
        Self { model, original, closed, shape }
    }

    /// Returns the certificate with its multipliers in the order of the unsorted model: the cities first.
    pub(crate) fn decode_certificate(&self, mut certificate: Certificate) -> Certificate {
        let mut multipliers = vec![0; certificate.multipliers.len()];
        for (&node, &multiplier) in self.original.iter().zip(&certificate.multipliers) {
            multipliers[node as usize] = multiplier;
        }
        certificate.multipliers = multipliers;
        certificate.left_out = self.original[certificate.left_out] as usize;
        certificate
    }

    /// Returns the cities in the order in which a tour of the model visits them.
    pub(crate) fn decode(&self, order: &[u32]) -> Vec<usize> {
        let order: Vec<usize> = order.iter().map(|&node| self.original[node as usize] as usize).collect();
        if let Some(closed) = &self.closed {
            return closed.decode(&singled(&order, closed.side()));
        }
        let cities = self.model.placed();
        match self.shape {
            Shape::Closed => order,
            Shape::Open { start: Some(start), end: Some(end) } if start != end => {
                between_ends(&order, start, end)
            }
            Shape::Open { start, .. } => {
                let at = order.iter().position(|&node| node == cities).expect("the dummy is in every tour");
                let mut path: Vec<usize> = order[at + 1..].iter().chain(&order[..at]).copied().collect();
                let reversed = match self.shape {
                    Shape::Open { end: Some(end), .. } => path.last() != Some(&end),
                    _ => start.is_some_and(|start| path[0] != start),
                };
                if reversed {
                    path.reverse();
                }
                path
            }
        }
    }
}

/// Returns the path from `start` to `end` of a closed tour in which they stand beside each other.
fn between_ends(order: &[usize], start: usize, end: usize) -> Vec<usize> {
    let n = order.len();
    let at = order.iter().position(|&city| city == start).expect("every city is in the tour");
    if order[(at + 1) % n] == end {
        (0..n).map(|step| order[(at + n - step) % n]).collect()
    } else {
        (0..n).map(|step| order[(at + step) % n]).collect()
    }
}

/// Returns the cities of a tour of doubled nodes, in its direction of travel.
fn singled(order: &[usize], side: usize) -> Vec<usize> {
    // A city is entered first and left next: there, `v + side` stands before `v`.
    let n = order.len();
    let forward = (0..n).any(|i| order[i] == order[(i + 1) % n] + side);
    let entries = order.iter().filter(|&&node| node >= side).map(|&node| node - side);
    let mut cities: Vec<usize> = entries.collect();
    if n == 2 || forward {
        return cities;
    }
    cities.reverse();
    cities
}

/// Returns the model of a symmetric instance.
fn symmetric(instance: &Instance, shape: Shape) -> Model {
    let n = instance.n();
    let mut model = Model { metric: metric(instance), dummy: false, partner: Vec::new() };
    let Shape::Open { start, end } = shape else { return model };
    if start.is_some() && start == end {
        return model;
    }
    let pair = match (start, end) {
        (Some(start), Some(end)) => Some((start, end)),
        (one, other) => {
            model.dummy = true;
            one.or(other).map(|city| (city, n))
        }
    };
    if let Some((a, b)) = pair {
        model.partner = vec![NONE; model.n()];
        model.partner[a] = b as u32;
        model.partner[b] = a as u32;
    }
    model
}

fn metric(instance: &Instance) -> Metric {
    match instance.weights() {
        Weights::Matrix { weights, .. } => Metric::Matrix { side: instance.n(), weights: weights.clone() },
        Weights::Points { rule: Rule::Euclidean2, points } => {
            Metric::Plane(points.iter().map(|p| [p[0], p[1]]).collect())
        }
        Weights::Points { rule, points } => Metric::Points(*rule, points.clone()),
    }
}

impl Model {
    /// Returns the model with a table of its distances where computing them is dear and the table small.
    pub(crate) fn tabled(&self) -> Option<Self> {
        let Metric::Points(rule, points) = &self.metric else { return None };
        if !rule.is_geographic() || points.len() > MAX_TABLE {
            return None;
        }
        let weights = points.iter().flat_map(|&a| points.iter().map(move |&b| rule.distance(a, b)));
        let metric = Metric::Matrix { side: points.len(), weights: weights.collect() };
        Some(Self { metric, dummy: self.dummy, partner: self.partner.clone() })
    }
}
