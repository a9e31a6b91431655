//! The lightest spanning tree among many places without a look at every pair of them.
//!
//! In every round each part that is joined already seeks its lightest edge to another (O. Borůvka, 1926). Places lie in boxes
//! of boxes; a box is passed over where all its places are in the seeker's own part, or where no edge into it can be
//! light enough. An edge that was found stays the lightest of its place until its other end has joined the same part;
//! and what was found once can only be followed by something heavier.

use super::bound::Graph;
use super::distance::{at_least, embedded};
use crate::rule::Rule;

/// The most places in a box that is not divided.
const LEAF: usize = 6;

/// Stands for a box whose places are in several parts.
const MIXED: usize = usize::MAX;

/// An edge: its weight, its lower and its higher node. Weights that are equal are told apart by the nodes, so that
/// no round can close a circle.
type Edge = (i128, usize, usize);

/// Places that lie together.
struct Cell {
    low: [f64; 3],
    high: [f64; 3],
    /// Where its places begin and end in the order of the boxes.
    from: usize,
    to: usize,
    halves: Option<[usize; 2]>,
    /// The smallest multiplier of its places.
    smallest: i128,
}

impl Cell {
    /// Returns the straight distance from a place to the box.
    fn away(&self, place: &[f64; 3]) -> f64 {
        let beside = |axis: usize| {
            let clamped = place[axis].clamp(self.low[axis], self.high[axis]);
            place[axis] - clamped
        };
        let [x, y, z] = [beside(0), beside(1), beside(2)];
        (x * x + y * y + z * z).sqrt()
    }
}

/// All places but the one that is left out.
struct Boxes<'a> {
    graph: &'a Graph<'a>,
    rule: Rule,
    places: Vec<[f64; 3]>,
    order: Vec<usize>,
    cells: Vec<Cell>,
}

/// Returns the weight of the lightest tree over all nodes of `graph` but `left_out`; its cities are `points` under `rule`, and
/// a node behind them is as near to all of them.
pub(super) fn lightest_tree(graph: &Graph<'_>, rule: Rule, points: &[[f64; 3]], left_out: usize) -> i128 {
    let boxes = Boxes::new(graph, rule, points, left_out);
    let mut part: Vec<usize> = (0..graph.n()).collect();
    let mut known: Vec<Option<Edge>> = vec![None; graph.n()];
    let (mut total, mut left) = (0, graph.n() - 2);
    if let Some((a, b)) = graph.forced.filter(|&(a, b)| a != left_out && b != left_out) {
        total += graph.key(a, b).map_or(0, |(_, weight)| weight);
        join(&mut part, a, b);
        left -= 1;
    }
    while left > 0 {
        for node in 0..part.len() {
            part[node] = root(&mut part, node);
        }
        let mut lightest = boxes.seek(&part, &mut known);
        if graph.n() > points.len() && left_out < points.len() {
            boxes.seek_from_anywhere(points.len(), &part, &mut lightest);
        }
        let before = left;
        for (weight, a, b) in lightest.into_iter().flatten() {
            if join(&mut part, a, b) {
                total += weight;
                left -= 1;
            }
        }
        assert!(left < before, "a part that is not all of the graph has an edge to another");
    }
    total
}

fn root(part: &mut [usize], node: usize) -> usize {
    let mut top = node;
    while part[top] != top {
        top = part[top];
    }
    let mut at = node;
    while part[at] != top {
        at = std::mem::replace(&mut part[at], top);
    }
    top
}

/// Makes one part of two; returns whether they were two.
fn join(part: &mut [usize], a: usize, b: usize) -> bool {
    let (a, b) = (root(part, a), root(part, b));
    part[a] = b;
    a != b
}

fn offer(lightest: &mut Option<Edge>, edge: Edge) {
    if lightest.is_none_or(|before| edge < before) {
        *lightest = Some(edge);
    }
}

impl<'a> Boxes<'a> {
    fn new(graph: &'a Graph<'a>, rule: Rule, points: &[[f64; 3]], left_out: usize) -> Self {
        let places = points.iter().map(|point| embedded(rule, point)).collect();
        let order: Vec<usize> = (0..points.len()).filter(|&city| city != left_out).collect();
        let to = order.len();
        let mut boxes = Self { graph, rule, places, order, cells: Vec::new() };
        boxes.divide(0, to);
        boxes
    }

    /// Makes the box of the places `from..to`, and all boxes in it; returns its number. Those in it have higher ones.
    fn divide(&mut self, from: usize, to: usize) -> usize {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        let mut smallest = i128::MAX;
        for &city in &self.order[from..to] {
            for axis in 0..3 {
                low[axis] = low[axis].min(self.places[city][axis]);
                high[axis] = high[axis].max(self.places[city][axis]);
            }
            smallest = smallest.min(self.graph.multiplier(city));
        }
        let number = self.cells.len();
        self.cells.push(Cell { low, high, from, to, halves: None, smallest });
        if to - from > LEAF {
            let longest = (0..3).max_by(|&a, &b| (high[a] - low[a]).total_cmp(&(high[b] - low[b])));
            let axis = longest.unwrap_or(0);
            let (middle, places) = (from.midpoint(to), &self.places);
            self.order[from..to]
                .select_nth_unstable_by(middle - from, |&a, &b| places[a][axis].total_cmp(&places[b][axis]));
            let halves = [self.divide(from, middle), self.divide(middle, to)];
            self.cells[number].halves = Some(halves);
        }
        number
    }

    /// Returns for each box the part of all its places, or [`MIXED`].
    fn owners(&self, part: &[usize]) -> Vec<usize> {
        let mut owners = vec![MIXED; self.cells.len()];
        for (number, cell) in self.cells.iter().enumerate().rev() {
            owners[number] = match cell.halves {
                Some([a, b]) if owners[a] == owners[b] => owners[a],
                Some(_) => MIXED,
                None => {
                    let first = part[self.order[cell.from]];
                    let alike = self.order[cell.from..cell.to].iter().all(|&city| part[city] == first);
                    if alike { first } else { MIXED }
                }
            };
        }
        owners
    }

    /// Returns the lightest edge between cities out of each part, at the place of its root.
    fn seek(&self, part: &[usize], known: &mut [Option<Edge>]) -> Vec<Option<Edge>> {
        let owners = self.owners(part);
        let mut lightest = vec![None; part.len()];
        let leads_out = |edge: &Edge| part[edge.1] != part[edge.2];
        for &city in &self.order {
            if let Some(edge) = known[city].filter(leads_out) {
                offer(&mut lightest[part[city]], edge);
            }
        }
        let mut waiting = Vec::new();
        for &city in &self.order {
            let best = &mut lightest[part[city]];
            let is_heavier = |old: Edge| best.is_some_and(|best| best <= old);
            if known[city].is_some_and(|old| leads_out(&old) || is_heavier(old)) {
                continue;
            }
            if let Some(edge) = self.lighter(city, *best, part, &owners, &mut waiting) {
                known[city] = Some(edge);
                *best = Some(edge);
            }
        }
        lightest
    }

    /// Returns the lightest edge from `city` out of its part, if it is lighter than `limit`.
    fn lighter(
        &self,
        city: usize,
        limit: Option<Edge>,
        part: &[usize],
        owners: &[usize],
        waiting: &mut Vec<(i128, usize)>,
    ) -> Option<Edge> {
        let (mut found, mut limit) = (None, limit);
        waiting.clear();
        waiting.push((self.least(city, 0), 0));
        while let Some((least, number)) = waiting.pop() {
            if owners[number] == part[city] || limit.is_some_and(|(weight, ..)| weight < least) {
                continue;
            }
            let cell = &self.cells[number];
            if let Some(halves) = cell.halves {
                let mut pair = halves.map(|half| (self.least(city, half), half));
                pair.sort_unstable_by(|a, b| b.cmp(a));
                waiting.extend(pair);
                continue;
            }
            for &other in self.order[cell.from..cell.to].iter().filter(|&&other| part[other] != part[city]) {
                let Some((_, weight)) = self.graph.key(city, other) else { continue };
                let edge = (weight, city.min(other), city.max(other));
                if limit.is_none_or(|limit| edge < limit) {
                    (found, limit) = (Some(edge), Some(edge));
                }
            }
        }
        found
    }

    /// Returns what no edge from `city` into box `number` can be lighter than.
    fn least(&self, city: usize, number: usize) -> i128 {
        let cell = &self.cells[number];
        let distance = at_least(self.rule, cell.away(&self.places[city]));
        self.graph.scale * i128::from(distance) + self.graph.multiplier(city) + cell.smallest
    }

    /// Offers the edges between the cities and the node that is as near to all.
    fn seek_from_anywhere(&self, anywhere: usize, part: &[usize], lightest: &mut [Option<Edge>]) {
        for &city in self.order.iter().filter(|&&city| part[city] != part[anywhere]) {
            let Some((_, weight)) = self.graph.key(city, anywhere) else { continue };
            for end in [city, anywhere] {
                offer(&mut lightest[part[end]], (weight, city, anywhere));
            }
        }
    }
}
