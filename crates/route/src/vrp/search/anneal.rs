//! Ruin and recreate, over and over, under simulated annealing.

use super::model::{Model, NONE};
use super::near::Near;
use super::recreate::{Recreate, Task};
use super::ruin;
use super::state::State;
use crate::local::random::Random;

/// Routes: the kind of vehicle and the tokens of each.
pub(crate) type Routes = Vec<(u32, Vec<u32>)>;

/// The stops that are near enough to be ruined together.
const NEAR: usize = 100;

/// What is to be annealed.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) routes: Routes,
    pub(crate) iterations: u64,
    /// The temperature at the beginning and at the end.
    pub(crate) heat: (f64, f64),
    pub(crate) seed: u64,
    pub(crate) stream: u64,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Annealed {
    pub(crate) best: Routes,
    pub(crate) best_cost: i64,
    /// The last solution that was accepted.
    pub(crate) last: Routes,
    pub(crate) last_cost: i64,
}

impl Job {
    /// Anneals.
    pub(crate) fn run(&self, model: &Model) -> Annealed {
        let mut random = Random::new(self.seed, self.stream);
        let near = Near::new(model, NEAR);
        let mut recreate = Recreate::new(model, &near);
        let mut state = State::new(model);
        for (kind, tokens) in &self.routes {
            state.add_route(*kind, tokens);
        }
        if !state.absent.is_empty() {
            state.begin();
            recreate.run(&mut state, Task { around: None, ceiling: f64::INFINITY }, &mut random);
        }
        let mut best = state.routes();
        let mut best_cost = state.cost;
        let mut absences = Absences::new(model);
        let cooling = (self.heat.1 / self.heat.0).powf(1.0 / self.iterations.max(1) as f64);
        let mut heat = self.heat.0;
        for _ in 0..self.iterations {
            heat *= cooling;
            let threshold = state.cost as f64 - heat * random.unit().max(1e-300).ln();
            state.begin();
            let Some(around) = ruin::strings(&mut state, &near, &mut random) else {
                state.rollback();
                continue;
            };
            let left_before = absences.sum(state.absent_before());
            recreate.shuffle_kinds(&mut state, &mut random);
            // Where nothing is left out, costs decide; who changes to a cheaper vehicle at the end can still lower them.
            let is_final = left_before == 0 && model.kinds.len() == 1;
            let ceiling = if is_final { threshold } else { f64::INFINITY };
            if !recreate.run(&mut state, Task { around: Some(around), ceiling }, &mut random) {
                state.rollback();
                continue;
            }
            let left = absences.sum(&state.absent);
            absences.count(&state.absent);
            if left < left_before || (left == left_before && (state.cost as f64) < threshold) {
                if state.cost < best_cost {
                    best_cost = state.cost;
                    best = state.routes();
                }
            } else {
                state.rollback();
            }
        }
        Annealed { best, best_cost, last: state.routes(), last_cost: state.cost }
    }
}

/// How often each stop that must be served was left out.
///
/// A solution that leaves out what is seldom left out is better than one that leaves out what is hard to place, however many
/// they are: so the hard ones come in first (Christiaens and Vanden Berghe 2020, their fleet minimisation).
struct Absences<'m> {
    model: &'m Model,
    counts: Vec<u64>,
}

impl<'m> Absences<'m> {
    fn new(model: &'m Model) -> Self {
        Self { model, counts: vec![1; model.n] }
    }

    fn sum(&self, absent: &[u32]) -> u64 {
        let required = absent.iter().filter(|&&stop| self.model.visits[stop as usize].is_required);
        required.map(|&stop| self.counts[stop as usize]).sum()
    }

    fn count(&mut self, absent: &[u32]) {
        for &stop in absent {
            self.counts[stop as usize] += 1;
        }
    }
}

/// Returns the stops that no route serves.
pub(crate) fn absent(routes: &Routes, n: usize) -> Vec<u32> {
    let mut is_served = vec![false; n];
    for &token in
        routes.iter().flat_map(|(_, tokens)| tokens).filter(|&&token| token != NONE && (token as usize) < n)
    {
        is_served[token as usize] = true;
    }
    (0..n as u32).filter(|&stop| !is_served[stop as usize]).collect()
}
