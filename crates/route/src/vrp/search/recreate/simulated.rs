//! Places in routes whose cost, or whether they can be driven at all, only a simulation tells.

use super::gaps::Gap;
use super::{Recreate, Spot};
use crate::vrp::search::state::State;

impl Recreate<'_> {
    /// Makes a gap the best if that is cheaper, also with a reload beside the stop where it does not fit without.
    pub(super) fn try_simulated(&mut self, state: &mut State<'_>, stop: u32, gap: Gap, best: &mut Spot) {
        let slot = state.slots[gap.route as usize];
        let model = state.model;
        let kind = &model.kinds[slot.kind as usize];
        if self.simulate(state, gap, &[stop], Spot::at(0, gap.after), best) {
            return;
        }
        let used = self.tokens.iter().filter(|&&token| !state.is_stop(token)).count();
        if slot.size == 0 || used >= kind.reloads {
            return;
        }
        for &site in &kind.reload_sites {
            for is_before in [true, false] {
                let tokens = if is_before { [site, stop] } else { [stop, site] };
                let spot = Spot { reload: Some((site, is_before)), ..Spot::at(0, gap.after) };
                self.simulate(state, gap, &tokens, spot, best);
            }
        }
    }

    /// Simulates a route with `added` in a gap, and makes `spot` the best if it is cheaper; `false` if the route breaks a rule.
    fn simulate(
        &mut self,
        state: &mut State<'_>,
        gap: Gap,
        added: &[u32],
        spot: Spot,
        best: &mut Spot,
    ) -> bool {
        let tokens = &mut self.tokens;
        tokens.clear();
        if gap.after == state.head(gap.route) {
            tokens.extend(added);
        }
        state.for_each(gap.route, |node| {
            tokens.push(state.sites[node as usize]);
            if node == gap.after {
                tokens.extend(added);
            }
        });
        let Some(cost) = self.cost_of_tokens(state, gap.route) else { return false };
        best.improve(Spot { cost, ..spot });
        true
    }

    /// Returns what a shipment costs that goes to `spot`, if the route can then be driven.
    pub(super) fn simulate_pair(
        &mut self,
        state: &mut State<'_>,
        route: u32,
        ends: [u32; 2],
        spot: Spot,
    ) -> Option<i64> {
        let [stop, partner] = ends;
        let tokens = &mut self.tokens;
        tokens.clear();
        let add_after = |tokens: &mut Vec<u32>, node: u32| {
            if node == spot.after {
                tokens.push(stop);
                tokens.extend((spot.partner_after == stop).then_some(partner));
            }
            if node == spot.partner_after {
                tokens.push(partner);
            }
        };
        add_after(tokens, state.head(route));
        state.for_each(route, |node| {
            tokens.push(state.sites[node as usize]);
            add_after(tokens, node);
        });
        self.cost_of_tokens(state, route)
    }

    /// Returns how much more the route costs that the tokens are.
    fn cost_of_tokens(&self, state: &mut State<'_>, route: u32) -> Option<i64> {
        let slot = state.slots[route as usize];
        let model = state.model;
        let outcome = state.simulator.outcome(model, &model.kinds[slot.kind as usize], &self.tokens)?;
        Some(outcome.cost - slot.cost)
    }
}
