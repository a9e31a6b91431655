//! The classical problem that the genetic search solves: one depot, vehicles that are all alike, one load, one window a stop.

use super::Tally;
use super::stretch::Stretch;
use crate::vrp::search::model::{Matrix, Model, Role, Visit};
use crate::vrp::search::near::Near;

/// So many near stops are tried for every stop.
const NEAR: usize = 20;

/// The longest day, distance or load that is not taken for "without limit".
const WITHOUT_LIMIT: i64 = i64::MAX / 8;

/// The share of children that are to keep a rule, and how far off it may be.
const TARGET: f64 = 0.2;
const SLACK: f64 = 0.05;

/// Prices rise and fall by these factors, and by [`FAR`] in all.
const RISE: f64 = 1.2;
const FALL: f64 = 0.85;
const FAR: f64 = 1000.0;

/// What excess load and lateness cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prices {
    pub(crate) load: f64,
    pub(crate) warp: f64,
}

impl Prices {
    /// Raises the prices of what too few children keep, and lowers the others, not too far from `first`.
    pub(super) fn adapt(&mut self, tally: Tally, first: Self) {
        let [load, warp] = tally.kept.map(|kept| kept as f64 / tally.children as f64);
        for (price, share, first) in [(&mut self.load, load, first.load), (&mut self.warp, warp, first.warp)]
        {
            if share < TARGET - SLACK {
                *price = (*price * RISE).min(first * FAR);
            } else if share > TARGET + SLACK {
                *price = (*price * FALL).max(first / FAR);
            }
        }
    }
}

/// A classical problem. Stops are `0..n`; every number from `n` on is the depot.
pub(crate) struct Ground<'m> {
    pub(super) n: usize,
    matrix: &'m Matrix,
    pub(super) loads: Vec<i64>,
    pub(super) capacity: i64,
    /// The stretch that each stop is, and, last, the depot.
    pub(super) stretches: Vec<Stretch>,
    /// For every stop those near it, and those that it is near to.
    pub(super) near: Vec<Vec<u32>>,
    /// Whether times matter.
    pub(super) is_timed: bool,
    /// The most routes.
    pub(super) vehicles: usize,
    /// What a route costs, in steps of distance.
    pub(super) fixed: i64,
    /// Where the stops would stand on a plane, the depot at its origin.
    points: Vec<[f64; 2]>,
}

/// Returns whether a problem is classical.
pub(crate) fn is_classical(model: &Model) -> bool {
    let depot = model.n as u32;
    let [kind] = model.kinds.as_slice() else { return false };
    let is_plain = |visit: &Visit| {
        visit.role == Role::Visit && visit.windows.len() == 1 && visit.is_required && !visit.is_locked
    };
    let is_free = [kind.max_distance, kind.max_duration].iter().all(|&most| most >= WITHOUT_LIMIT);
    model.n > 0
        && kind.start == depot
        && kind.end == depot
        && !kind.is_complex
        && !kind.pays_time
        && is_free
        && kind.max_stops == usize::MAX
        && kind.locked.is_empty()
        && kind.distance_cost > 0
        && model.dimensions <= 1
        && !(model.is_mixed || model.has_pairs || model.has_backhauls)
        && model.matrices.len() == 1
        && model.matrices[0].back.is_none()
        && model.visits.iter().all(is_plain)
        && (0..depot).all(|stop| model.may_serve(0, stop))
}

impl<'m> Ground<'m> {
    /// Returns a problem that [`is_classical`], with a few routes more than the `known` ones.
    pub(crate) fn new(model: &'m Model, known: usize) -> Self {
        let kind = &model.kinds[0];
        let matrix = &model.matrices[0];
        let amount = |stop: u32| model.delivery(stop).iter().chain(model.pickup(stop)).sum();
        let stretch =
            |visit: &Visit| Stretch::new(visit.service, visit.windows[0].open, visit.windows[0].close);
        let depot = Stretch::new(0, kind.shift.open, kind.shift.close);
        Self {
            n: model.n,
            matrix,
            loads: (0..model.n as u32).map(amount).collect(),
            capacity: kind.capacity.first().copied().unwrap_or(WITHOUT_LIMIT),
            stretches: model.visits.iter().map(stretch).chain([depot]).collect(),
            near: near(model),
            is_timed: model.is_timed,
            vehicles: kind.count.min(known + known / 3 + 3),
            fixed: kind.fixed_cost / kind.distance_cost,
            points: points(matrix, model.n),
        }
    }

    /// Returns the distance between two nodes.
    #[inline]
    pub(super) fn distance(&self, from: u32, to: u32) -> i64 {
        let (from, to) = (self.site(from), self.site(to));
        i64::from(self.matrix.distance[from * self.matrix.side + to])
    }

    /// Returns the distances from a node; see [`Ground::site`].
    #[inline]
    pub(super) fn distances(&self, from: u32) -> &'m [i32] {
        let start = self.site(from) * self.matrix.side;
        &self.matrix.distance[start..start + self.matrix.side]
    }

    /// Returns where a node is in a row of distances.
    #[inline]
    pub(super) fn site(&self, node: u32) -> usize {
        (node as usize).min(self.n)
    }

    /// Returns the time between two nodes.
    #[inline]
    pub(super) fn time(&self, from: u32, to: u32) -> i64 {
        let (from, to) = (self.site(from), self.site(to));
        let times = self.matrix.time.as_ref().unwrap_or(&self.matrix.distance);
        i64::from(times[from * self.matrix.side + to])
    }

    /// Returns the stretch that a node is.
    #[inline]
    pub(super) fn stretch(&self, node: u32) -> Stretch {
        self.stretches[self.site(node)]
    }

    /// Returns the prices to begin with: a vehicle too full by the largest load costs as much as the longest way.
    pub(crate) fn first_prices(&self) -> Prices {
        let longest = (0..self.n as u32).map(|stop| self.distance(stop, self.n as u32)).max().unwrap_or(1);
        let largest = self.loads.iter().copied().max().unwrap_or(1).max(1);
        Prices { load: longest.max(1) as f64 / largest as f64, warp: 1.0 }
    }

    /// Returns the direction, seen from the depot, of the middle of `stops`.
    pub(super) fn direction(&self, stops: &[u32]) -> f64 {
        let mut sum = [0.0; 2];
        for &stop in stops {
            sum[0] += self.points[stop as usize][0];
            sum[1] += self.points[stop as usize][1];
        }
        sum[1].atan2(sum[0])
    }
}

/// Returns for every stop those near it, and those that it is near to.
fn near(model: &Model) -> Vec<Vec<u32>> {
    let one_way = Near::new(model, NEAR);
    let stops = 0..model.n as u32;
    let mut near: Vec<Vec<u32>> = stops.clone().map(|stop| one_way.of(stop).to_vec()).collect();
    for stop in stops {
        for &other in one_way.of(stop) {
            if !one_way.of(other).contains(&stop) {
                near[other as usize].push(stop);
            }
        }
    }
    near
}

/// Places the stops on a plane by their distances from the depot and two others: exactly, where they come from a plane.
fn points(matrix: &Matrix, n: usize) -> Vec<[f64; 2]> {
    let distance = |from: usize, to: usize| f64::from(matrix.distance[from * matrix.side + to]);
    let anchor = (0..n).max_by(|&a, &b| distance(n, a).total_cmp(&distance(n, b))).unwrap_or(0);
    let base = distance(n, anchor).max(1.0);
    let mut points: Vec<[f64; 2]> = (0..n)
        .map(|stop| {
            let [far, apart] = [distance(n, stop), distance(anchor, stop)];
            let x = (far * far + base * base - apart * apart) / (2.0 * base);
            [x, (far * far - x * x).max(0.0).sqrt()]
        })
        .collect();
    // On which side of the line through depot and anchor, a stop far off that line tells.
    let judge = (0..n).max_by(|&a, &b| points[a][1].total_cmp(&points[b][1])).unwrap_or(0);
    let [x, y] = points[judge];
    for (stop, point) in points.iter_mut().enumerate() {
        let [a, b] = *point;
        let apart = distance(judge, stop);
        let (same, other) = ((x - a).hypot(y - b), (x - a).hypot(y + b));
        if (other - apart).abs() < (same - apart).abs() {
            point[1] = -b;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_the_distances_they_were_made_from() {
        let places = [[30.0, 40.0], [-20.0, 10.0], [0.0, -50.0], [12.0, -5.0], [0.0, 0.0]];
        let table = places.iter().flat_map(|a: &[f64; 2]| {
            places.map(|b| (1000.0 * (a[0] - b[0]).hypot(a[1] - b[1])).round() as i32)
        });
        let matrix = Matrix { side: 5, distance: table.collect(), back: None, time: None, time_back: None };
        let points = points(&matrix, 4);
        for a in 0..4 {
            for b in 0..4 {
                let apart = (points[a][0] - points[b][0]).hypot(points[a][1] - points[b][1]);
                assert!((apart - f64::from(matrix.distance[a * 5 + b])).abs() < 2.0, "{a} {b}");
            }
        }
    }
}
