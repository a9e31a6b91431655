//! Any shape of tour as a closed tour over a full, asymmetric matrix: what the exact methods for few cities solve.

use crate::instance::Instance;
use crate::request::Shape;

/// A closed problem over a matrix, and how its tours are read as tours of the instance.
#[derive(Debug)]
pub(crate) struct Closed {
    side: usize,
    weights: Vec<i64>,
    /// The cities behind each node, in the order in which a tour visits them: none for a dummy, two for merged ends.
    cities: Vec<Vec<usize>>,
    /// The node that an open tour begins with, and the one that it ends with.
    first: Option<usize>,
    last: Option<usize>,
}

impl Closed {
    /// Returns the closed problem whose tours are the tours of `shape` through `instance`.
    pub(crate) fn new(instance: &Instance, shape: Shape) -> Self {
        let n = instance.n();
        let single: Vec<Vec<usize>> = (0..n).map(|city| vec![city]).collect();
        let distance = |from: &[usize], to: &[usize]| match (from, to) {
            ([], _) | (_, []) => 0,
            (from, to) => instance.distance(from[from.len() - 1], to[0]),
        };
        let (cities, first, last) = match shape {
            Shape::Open { start: Some(start), end: Some(end) } if start != end => {
                // The two ends become one node: it is entered at the end and left from the start.
                let others = (0..n).filter(|&city| city != start && city != end);
                let merged = std::iter::once(vec![end, start]);
                (merged.chain(others.map(|city| vec![city])).collect(), None, None)
            }
            Shape::Open { start: None, end: None } => {
                let mut with_dummy = single;
                with_dummy.push(Vec::new());
                (with_dummy, None, None)
            }
            Shape::Open { start, end } if start != end => (single, start, end),
            _ => (single, None, None),
        };
        let side = cities.len();
        let mut weights = vec![0; side * side];
        for (i, from) in cities.iter().enumerate() {
            for (j, to) in cities.iter().enumerate() {
                // Coming back to the start is free, and so is leaving the end.
                let free = i == j || first == Some(j) || last == Some(i);
                weights[i * side + j] = if free { 0 } else { distance(from, to) };
            }
        }
        Self { side, weights, cities, first, last }
    }

    /// Returns the number of nodes.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// Returns the weights, row by row: from each node (row) to each node (column).
    pub(crate) fn weights(&self) -> &[i64] {
        &self.weights
    }

    /// Returns the weight of the step from one node to another.
    pub(crate) fn weight(&self, from: usize, to: usize) -> i64 {
        self.weights[from * self.side + to]
    }

    /// Returns the cities in the order in which the closed tour `order` visits them.
    pub(crate) fn decode(&self, order: &[usize]) -> Vec<usize> {
        let n = order.len();
        let at = |node: usize| order.iter().position(|&other| other == node).unwrap_or(0);
        let begin = match (self.first, self.last) {
            (Some(first), _) => at(first),
            (_, Some(last)) => at(last) + 1,
            _ => order.iter().position(|&node| self.cities[node].len() != 1).unwrap_or(0),
        };
        let mut tour: Vec<usize> =
            (0..n).flat_map(|step| self.cities[order[(begin + step) % n]].iter().copied()).collect();
        if self.cities[order[begin % n]].len() == 2 {
            // Merged ends were written end, start: the end belongs last.
            tour.rotate_left(1);
        }
        tour
    }
}
