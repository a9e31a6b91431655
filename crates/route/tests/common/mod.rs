//! What the tests share: backends, budgets, random instances.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::sync::Mutex;

use festina_route::{Budget, Instance, Limit, Request, Rule, Solution, solve};
use festina_types::{Backend, BackendError, CancelToken, Function, Seconds, Workers};

/// Threads that take tasks off a common list, the last first: the order of tasks must not matter.
pub(crate) struct Threads(pub(crate) u32);

impl Backend for Threads {
    fn workers(&self) -> Workers {
        Workers::new(self.0).expect("a test has workers")
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        let outputs = Mutex::new(vec![Vec::new(); inputs.len()]);
        let waiting = Mutex::new(inputs.into_iter().enumerate().collect::<Vec<_>>());
        std::thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().unwrap().pop();
                        let Some((task, input)) = next else { break };
                        let output = (function.call)(&input).expect("the solver's own tasks do not fail");
                        outputs.lock().unwrap()[task] = output;
                    }
                });
            }
        });
        Ok(outputs.into_inner().unwrap())
    }
}

/// The caller itself.
pub(crate) struct Serial;

impl Backend for Serial {
    fn workers(&self) -> Workers {
        Workers::MIN
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        let call = |(task, input): (usize, Vec<u8>)| {
            (function.call)(&input).map_err(|message| BackendError::Task { task, message })
        };
        inputs.into_iter().enumerate().map(call).collect()
    }
}

/// Solves with an amount of work, or to the method's own end, on the caller alone; the clock stands still.
pub(crate) fn solved(instance: &Instance, request: &Request, limit: Limit) -> Solution {
    let clock = || Seconds(0.0);
    let budget = Budget::new(&clock, limit, CancelToken::new());
    solve(instance, request, &budget, &Serial, &mut |_| {}).expect("the request fits the instance")
}

/// Random numbers for instances (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d049bb133111eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// `n` points in a square of `side`, uniform.
pub(crate) fn uniform(n: usize, side: u64, seed: u64) -> Instance {
    let mut random = Random(seed);
    let points = (0..n).map(|_| [random.below(side) as f64, random.below(side) as f64, 0.0]).collect();
    Instance::from_points(format!("uniform-{n}-{seed}"), Rule::Euclidean2, points).unwrap()
}

/// A full matrix of `n` cities with weights below `range`, different in both directions.
pub(crate) fn asymmetric(n: usize, range: u64, seed: u64) -> Instance {
    let mut random = Random(seed);
    let weights = (0..n * n).map(|_| random.below(range) as i64).collect();
    Instance::from_matrix(format!("asymmetric-{n}-{seed}"), n, weights).unwrap()
}
