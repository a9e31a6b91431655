//! Loads along a route, where they both rise and fall on the way.

use super::State;
use crate::vrp::search::model::Role;

impl State<'_> {
    /// Computes the loads within a route; where it reloads they are left to the simulator.
    pub(super) fn refresh_loads(&mut self, route: u32) {
        for dimension in 0..self.model.dimensions {
            self.load_along(route, dimension);
            self.highest_behind(route, dimension);
        }
    }

    /// Computes the load on the leg that leaves each node, and the highest up to that one.
    fn load_along(&mut self, route: u32, dimension: usize) {
        let model = self.model;
        let dimensions = model.dimensions;
        let tail = self.tail(route) as usize;
        let mut load = 0;
        self.for_each(route, |node| {
            if (node as usize) < model.n {
                load += model.delivery[node as usize * dimensions + dimension];
            }
        });
        let (mut node, mut highest) = (self.head(route) as usize, load);
        loop {
            self.loads[node * dimensions + dimension] = [load, highest, load];
            node = self.links[node].next as usize;
            if node == tail {
                return;
            }
            if node < model.n {
                let at = node * dimensions + dimension;
                let shipped = match model.visits[node].role {
                    Role::Visit => 0,
                    Role::Collect => model.shipment[at],
                    Role::Bring => -model.shipment[at],
                };
                load += model.pickup[at] - model.delivery[at] + shipped;
            }
            highest = highest.max(load);
        }
    }

    /// Computes the highest load from each node on.
    fn highest_behind(&mut self, route: u32, dimension: usize) {
        let head = self.head(route) as usize;
        let mut highest = i64::MIN;
        let mut node = self.links[self.tail(route) as usize].prev as usize;
        loop {
            let entry = &mut self.loads[node * self.model.dimensions + dimension];
            highest = highest.max(entry[0]);
            entry[2] = highest;
            if node == head {
                return;
            }
            node = self.links[node].prev as usize;
        }
    }
}
