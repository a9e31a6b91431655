//! How many replicas of a service bear a rate, with something to spare and one of them lost.
//!
//! Replicas behind a balancer that spreads requests at random are `n` queues of their own, each with a Poisson process of
//! rate `λ/n`: together they bear `n` times what one does. A balancer that knows who is idle makes one queue before all of
//! them, which bears more; that is simulated with the service's twin. Erlang's formula, which knows only the mean of the service times,
//! is off by a factor of two in a 99th percentile.

use serde::Serialize;

use super::{Target, Twin};

/// What the replicas have to bear.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Demand {
    /// Requests a second.
    pub rate: f64,
    /// With all replicas, this many times the rate.
    pub headroom: f64,
    /// With so many of them lost, the rate.
    pub survive_loss_of: u32,
}

/// How many replicas a demand needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizing {
    /// Behind a balancer that spreads requests at random: the worse case.
    pub at_random: u32,
    /// Behind one that gives each request to a replica that is idle; `None` where the service is no queue.
    pub to_idle: Option<u32>,
}

/// More replicas than this are no answer.
const MOST: u32 = 100_000;

impl Demand {
    /// Returns the fewest replicas, of which each bears `knee` requests a second; `None` beyond a hundred thousand.
    pub(crate) fn sizing(&self, knee: f64, twin: Option<&Twin>, target: Target, seed: u64) -> Option<Sizing> {
        if knee <= 0.0 {
            return None;
        }
        let bearing = |rate: f64| (rate / knee - 1e-9).ceil().max(1.0);
        let at_random =
            bearing(self.rate * self.headroom).max(bearing(self.rate) + f64::from(self.survive_loss_of));
        if at_random > f64::from(MOST) {
            return None;
        }
        let at_random = at_random as u32;
        let to_idle = twin.map(|twin| {
            let bears = |n: u32, rate: f64| {
                twin.replicated(n).share_above(rate, target.limit, seed) <= target.allowed
            };
            let suffices = |n: u32| {
                let left = n.saturating_sub(self.survive_loss_of);
                left > 0 && bears(n, self.rate * self.headroom) && bears(left, self.rate)
            };
            // The queue that they share never needs more: look downwards from there.
            let (mut low, mut high) = (0, at_random);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if suffices(middle) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            high
        });
        Some(Sizing { at_random, to_idle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target { limit: 0.1, allowed: 0.01 };

    #[test]
    fn headroom_and_loss_both_have_to_hold() {
        let of = |rate: f64, headroom: f64, survive_loss_of: u32| {
            Demand { rate, headroom, survive_loss_of }.sizing(50.0, None, TARGET, 1).unwrap().at_random
        };
        // 200 · 1.3 / 50 = 5.2; 200 / 50 + 1 = 5.
        assert_eq!(of(200.0, 1.3, 1), 6);
        // 200 / 50 + 3 = 7.
        assert_eq!(of(200.0, 1.3, 3), 7);
        assert_eq!(of(50.0, 1.0, 0), 1);
        assert!(
            Demand { rate: 1.0, headroom: 1.0, survive_loss_of: 0 }.sizing(0.0, None, TARGET, 1).is_none()
        );
    }

    #[test]
    fn one_queue_needs_no_more_than_many() {
        // M/D/1 of 10 ms: a limit of 30 ms binds long before the capacity of 100/s does.
        let twin = Twin::new(&[(0.01, 1)], 100.0).unwrap();
        let target = Target { limit: 0.03, allowed: 0.01 };
        let knee = twin.knee(100.0, target, 3);
        let demand = Demand { rate: 500.0, headroom: 1.0, survive_loss_of: 0 };
        let sizing = demand.sizing(knee, Some(&twin), target, 3).unwrap();
        let shared = sizing.to_idle.unwrap();
        // At least six servers carry 500/s at all.
        assert!(shared >= 6 && shared < sizing.at_random, "{sizing:?}, knee {knee}");
    }
}
