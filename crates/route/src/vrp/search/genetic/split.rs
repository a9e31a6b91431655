//! Cutting one tour through all stops into routes, as well as possible.
//!
//! Source: C. Prins, *A simple and effective evolutionary algorithm for the vehicle routing problem*, Computers & Operations
//! Research 31, 2004: the shortest way through the graph of all routes that are pieces of the tour.

use super::ground::{Ground, Prices};

/// A route may carry so much more than its vehicle can.
const OVERLOAD: f64 = 1.5;

/// Cuts `tour` into at most as many routes as there are vehicles, at the lowest penalized cost; windows are left out of account.
pub(super) fn split(ground: &Ground<'_>, tour: &[u32], prices: Prices) -> Vec<Vec<u32>> {
    let free = Cuts::new(ground, tour, prices, tour.len(), OVERLOAD);
    if let Some(cuts) = free.cuts()
        && cuts.len() <= ground.vehicles
    {
        return routes(tour, &cuts);
    }
    let limited = Cuts::limited(ground, tour, prices);
    routes(tour, &limited)
}

/// Returns the pieces of `tour` that end at `cuts`.
fn routes(tour: &[u32], cuts: &[usize]) -> Vec<Vec<u32>> {
    let begins = std::iter::once(0).chain(cuts.iter().copied());
    begins.zip(cuts).map(|(begin, &end)| tour[begin..end].to_vec()).collect()
}

/// For every position of the tour the cheapest way to serve all stops before it.
struct Cuts {
    cost: Vec<f64>,
    /// Where the last route begins.
    begin: Vec<usize>,
}

impl Cuts {
    /// Returns the cheapest cuts, however many.
    fn new(ground: &Ground<'_>, tour: &[u32], prices: Prices, n: usize, overload: f64) -> Self {
        let mut this = Self { cost: vec![f64::INFINITY; n + 1], begin: vec![0; n + 1] };
        this.cost[0] = 0.0;
        for begin in 0..n {
            let before = this.cost[begin];
            for_each_route(ground, tour, prices, begin, overload, |end, cost| {
                if before + cost < this.cost[end] {
                    this.cost[end] = before + cost;
                    this.begin[end] = begin;
                }
            });
        }
        this
    }

    /// Returns where the routes end.
    fn cuts(&self) -> Option<Vec<usize>> {
        let mut cuts = Vec::new();
        let mut end = self.cost.len() - 1;
        if !self.cost[end].is_finite() {
            return None;
        }
        while end > 0 {
            cuts.push(end);
            end = self.begin[end];
        }
        cuts.reverse();
        Some(cuts)
    }

    /// Returns where routes end that are at most as many as the vehicles.
    fn limited(ground: &Ground<'_>, tour: &[u32], prices: Prices) -> Vec<usize> {
        let n = tour.len();
        let most = ground.vehicles.min(n);
        // cost[routes][end], begin[routes][end]
        let mut cost = vec![vec![f64::INFINITY; n + 1]; most + 1];
        let mut begins = vec![vec![0; n + 1]; most + 1];
        cost[0][0] = 0.0;
        for routes in 0..most {
            for begin in (routes..n).filter(|&begin| cost[routes][begin].is_finite()).collect::<Vec<_>>() {
                let before = cost[routes][begin];
                for_each_route(ground, tour, prices, begin, f64::INFINITY, |end, price| {
                    if before + price < cost[routes + 1][end] {
                        cost[routes + 1][end] = before + price;
                        begins[routes + 1][end] = begin;
                    }
                });
            }
        }
        let best = (1..=most).min_by(|&a, &b| cost[a][n].total_cmp(&cost[b][n])).unwrap_or(0);
        let mut cuts = Vec::with_capacity(best);
        let mut end = n;
        for routes in (1..=best).rev() {
            cuts.push(end);
            end = begins[routes][end];
        }
        cuts.reverse();
        cuts
    }
}

/// Calls `visit` with the end and the cost of every route that begins at `begin` and is not much too full.
fn for_each_route(
    ground: &Ground<'_>,
    tour: &[u32],
    prices: Prices,
    begin: usize,
    overload: f64,
    mut visit: impl FnMut(usize, f64),
) {
    let depot = ground.n as u32;
    let most = overload * ground.capacity as f64;
    let (mut load, mut distance, mut from) = (0, ground.fixed, depot);
    for (end, &stop) in tour.iter().enumerate().skip(begin) {
        load += ground.loads[stop as usize];
        if load as f64 > most && end > begin {
            return;
        }
        distance += ground.distance(from, stop);
        from = stop;
        let excess = (load - ground.capacity).max(0) as f64;
        visit(end + 1, (distance + ground.distance(stop, depot)) as f64 + prices.load * excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrp::search::genetic::plan::Plan;
    use crate::vrp::search::genetic::sample;

    /// Returns the cheapest way to cut eight stops into at most `most` routes, by trying all.
    fn brute_force(ground: &Ground<'_>, tour: &[u32], prices: Prices, most: usize) -> f64 {
        let n = tour.len();
        let cost = |cuts: u32| {
            let ends: Vec<usize> = (1..=n).filter(|&end| end == n || cuts >> (end - 1) & 1 == 1).collect();
            (ends.len() <= most).then(|| Plan::new(ground, routes(tour, &ends)).penalized(prices))
        };
        (0..1 << (n - 1)).filter_map(cost).min_by(f64::total_cmp).unwrap()
    }

    #[test]
    fn a_tour_is_cut_as_well_as_can_be() {
        for seed in 0..20 {
            let model = sample::model(8, seed, false);
            let tour: Vec<u32> = (0..8).collect();
            // At a price at which no route is half as full again.
            let prices = Prices { load: 1000.0, warp: 0.0 };
            for known in [1, 3] {
                let mut ground = Ground::new(&model, known);
                if known == 1 {
                    ground.vehicles = 2;
                }
                let cut = Plan::new(&ground, split(&ground, &tour, prices));
                assert_eq!(cut.penalized(prices), brute_force(&ground, &tour, prices, ground.vehicles));
                assert!(cut.routes.len() <= ground.vehicles);
            }
        }
    }
}
