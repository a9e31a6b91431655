//! Queues whose truth can be computed: the oracle of load tests.

/// A first-in-first-out queue before `servers` equal servers, which all stand still in planted stalls.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// When each server is free, in seconds.
    free: Vec<f64>,
    stall: Option<Stall>,
}

/// All servers stand still for the first `length` seconds of every `period`, the first period left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// The time from one stall to the next, in seconds.
    pub period: f64,
    /// How long a stall lasts, in seconds.
    pub length: f64,
}

impl Queue {
    /// Returns an empty queue.
    ///
    /// # Panics
    ///
    /// Panics without servers.
    pub fn new(servers: usize, stall: Option<Stall>) -> Self {
        assert!(servers > 0, "a queue without servers never ends");
        Self { free: vec![0.0; servers], stall }
    }

    /// Takes a request that arrives at `arrival` and needs `service` seconds of a server, and returns when it is done.
    ///
    /// Requests have to be given in the order of their arrival.
    ///
    /// ```
    /// # use festina_testkit::{Queue, Stall};
    /// let mut queue = Queue::new(1, Some(Stall { period: 10.0, length: 1.0 }));
    /// assert_eq!(queue.serve(0.0, 2.0), 2.0);
    /// assert_eq!(queue.serve(1.0, 2.0), 4.0);
    /// // It has worked for half a second when all stand still from 10 to 11.
    /// assert_eq!(queue.serve(9.5, 2.0), 12.5);
    /// ```
    pub fn serve(&mut self, arrival: f64, service: f64) -> f64 {
        let mut first = 0;
        for (server, free) in self.free.iter().enumerate() {
            if *free < self.free[first] {
                first = server;
            }
        }
        let mut now = self.after_stall(self.free[first].max(arrival));
        let mut left = service;
        while let Some(next) = self.next_stall(now).filter(|next| now + left > *next) {
            left -= next - now;
            now = self.after_stall(next);
        }
        self.free[first] = now + left;
        now + left
    }

    /// Returns how many servers are busy at `time`.
    pub fn busy(&self, time: f64) -> usize {
        self.free.iter().filter(|free| **free > time).count()
    }

    /// Returns `time`, or the end of the stall in which it lies.
    fn after_stall(&self, time: f64) -> f64 {
        let Some(Stall { period, length }) = self.stall else { return time };
        let begin = (time / period).floor() * period;
        if begin > 0.0 && time < begin + length { begin + length } else { time }
    }

    /// Returns when the next stall begins after `time`.
    fn next_stall(&self, time: f64) -> Option<f64> {
        self.stall.map(|stall| ((time / stall.period).floor() + 1.0) * stall.period)
    }
}

/// Returns the probability that a request of M/M/c waits: Erlang's C formula, with the load `a = λ/μ` in erlangs.
///
/// Source: A. K. Erlang, *Solution of some problems in the theory of probabilities of significance in automatic telephone
/// exchanges*, 1917.
///
/// ```
/// // One server: the probability of waiting is the utilisation.
/// assert!((festina_testkit::erlang_c(1, 0.8) - 0.8).abs() < 1e-12);
/// ```
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    // The recursion of Erlang's B formula keeps all terms near one.
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    let c = f64::from(servers);
    blocked / (1.0 - load / c * (1.0 - blocked))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of exponential gaps that shares nothing with the load generator's: a linear congruential one.
    fn exponential(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -(((*state >> 11) as f64 + 1.0) / (1_u64 << 53) as f64).ln()
    }

    #[test]
    fn an_m_m_c_queue_waits_as_erlang_says() {
        let (servers, rate, mean) = (4, 320.0, 0.01);
        let mut queue = Queue::new(servers, None);
        let mut state = 1;
        let (mut now, mut waits, n) = (0.0, 0, 400_000);
        for _ in 0..n {
            now += exponential(&mut state) / rate;
            let service = exponential(&mut state) * mean;
            waits += i32::from(queue.serve(now, service) - now > service + 1e-9);
        }
        let truth = erlang_c(servers as u32, rate * mean);
        assert!((f64::from(waits) / f64::from(n) - truth).abs() < 0.02, "{waits} of {n}, truth {truth}");
    }

    #[test]
    fn an_m_d_1_queue_has_the_mean_of_pollaczek_and_khinchine() {
        // W = ρS / 2(1 − ρ) = 2 ms at ρ = 0.8 and S = 1 ms.
        let mut queue = Queue::new(1, None);
        let mut state = 2;
        let (mut now, mut sum, n) = (0.0, 0.0, 1_000_000);
        for _ in 0..n {
            now += exponential(&mut state) / 800.0;
            sum += queue.serve(now, 1e-3) - now;
        }
        let mean = sum / f64::from(n);
        assert!((mean / 3e-3 - 1.0).abs() < 0.02, "{mean}");
    }
}
