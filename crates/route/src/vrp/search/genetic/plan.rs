//! A plan, good or not: routes that may carry too much or come too late.

use super::ground::{Ground, Prices};

/// Routes of stops, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) routes: Vec<Vec<u32>>,
    /// Distances, and what routes cost, in steps of distance.
    pub(super) cost: i64,
    /// Loads above the capacity.
    pub(super) excess: i64,
    /// Time by which windows were missed.
    pub(super) warp: i64,
    /// The stop before and behind each; from `n` on the depot.
    links: Vec<[u32; 2]>,
}

impl Plan {
    /// Returns the plan of `routes`.
    pub(super) fn new(ground: &Ground<'_>, routes: Vec<Vec<u32>>) -> Self {
        let depot = ground.n as u32;
        let mut links = vec![[depot; 2]; ground.n];
        let (mut cost, mut excess, mut warp) = (0, 0, 0);
        for route in routes.iter().filter(|route| !route.is_empty()) {
            let mut stretch = ground.stretch(depot);
            let mut from = depot;
            for (index, &stop) in route.iter().enumerate() {
                links[stop as usize] = [from, route.get(index + 1).copied().unwrap_or(depot)];
                cost += ground.distance(from, stop);
                stretch = stretch.join(ground.time(from, stop), ground.stretch(stop));
                from = stop;
            }
            cost += ground.distance(from, depot) + ground.fixed;
            stretch = stretch.join(ground.time(from, depot), ground.stretch(depot));
            let load: i64 = route.iter().map(|&stop| ground.loads[stop as usize]).sum();
            excess += (load - ground.capacity).max(0);
            warp += if ground.is_timed { stretch.warp } else { 0 };
        }
        Self { routes, cost, excess, warp, links }
    }

    /// Returns whether it can be driven.
    pub(super) fn is_feasible(&self) -> bool {
        self.excess == 0 && self.warp == 0
    }

    /// Returns the cost with what is wrong with it.
    pub(super) fn penalized(&self, prices: Prices) -> f64 {
        self.cost as f64 + prices.load * self.excess as f64 + prices.warp * self.warp as f64
    }

    /// Returns the share of stops that have other neighbours in the other plan.
    ///
    /// Source: C. Prins, *Two memetic algorithms for heterogeneous fleet vehicle routing problems*, Engineering Applications
    /// of Artificial Intelligence 22, 2009.
    pub(super) fn distance(&self, other: &Self) -> f64 {
        let depot = self.links.len() as u32;
        let mut broken = 0;
        for ([before, behind], others) in self.links.iter().zip(&other.links) {
            broken += usize::from(!others.contains(behind));
            broken += usize::from(*before == depot && !others.contains(&depot));
        }
        broken as f64 / self.links.len().max(1) as f64
    }

    /// Returns all stops, route after route, in the order of the directions of routes.
    pub(super) fn giant_tour(&self) -> Vec<u32> {
        self.routes.concat()
    }
}
