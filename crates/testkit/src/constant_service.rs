//! M/D/c: independent users before `c` equal servers whose service takes a constant time. The oracle of load tests, by
//! formulas that share nothing with a simulation.
//!
//! ```text
//! p(j) = a(j) · Σ_{i ≤ c} p(i) + Σ_{i > c} p(i) · a(j − i + c)                a(j) = e^{−λD} (λD)^j / j!
//! P(W ≤ x) = e^{−y} Σ_{j=0}^{kc−1} Q(kc − j − 1) y^j / j!     y = λ(kD − x),  (k − 1)D ≤ x < kD,  Q(m) = Σ_{i ≤ c+m} p(i)
//! ```
//!
//! with the arrival rate λ in requests a second, the service time D in seconds, the probability p(j) of j requests in
//! the system, and the wait W before service. All terms are positive: nothing cancels.
//!
//! Sources: C. D. Crommelin, *Delay probability formulae when the holding times are constant*, P.O. Electrical Engineers Journal 25
//! (1932); G. J. Franx, *A simple solution for the M/D/c waiting time distribution*, Operations Research Letters 29 (2001).

/// The queue M/D/c in its steady state.
#[derive(Clone, Debug)]
pub struct ConstantService {
    servers: usize,
    rate: f64,
    service: f64,
    /// The probability of at most so many requests in the system.
    at_most: Vec<f64>,
}

/// The largest number of requests in the system that is considered; beyond it, at a utilisation of at most 0.9, there is
/// less than rounding leaves.
const STATES: usize = 600;
/// The steady state is reached when no probability moves by more than this.
const STEADY: f64 = 1e-15;

impl ConstantService {
    /// Returns the queue of `servers` servers, `rate` requests a second and `service` seconds a request.
    ///
    /// # Panics
    ///
    /// Panics at a utilisation above 0.9, at which so many requests wait that the states considered do not suffice.
    pub fn new(servers: usize, rate: f64, service: f64) -> Self {
        let load = rate * service;
        assert!(servers > 0 && load <= 0.9 * servers as f64, "a load of {load} on {servers} servers");
        let mut sum = 0.0;
        let at_most = steady_state(servers, load).into_iter().map(|probability| {
            sum += probability;
            sum
        });
        Self { servers, rate, service, at_most: at_most.collect() }
    }

    /// Returns the probability that a request waits at most `wait` seconds before its service.
    ///
    /// ```
    /// // One server: the probability of no wait is one less the utilisation.
    /// let queue = festina_testkit::ConstantService::new(1, 800.0, 1e-3);
    /// assert!((queue.waits_within(0.0) - 0.2).abs() < 1e-9);
    /// ```
    pub fn waits_within(&self, wait: f64) -> f64 {
        let periods = (wait / self.service).floor() as usize + 1;
        let y = self.rate * (periods as f64 * self.service - wait);
        let last = periods * self.servers - 1;
        let mut term = (-y).exp();
        let mut sum = 0.0;
        for j in 0..=last {
            let state = self.servers + last - j;
            sum += term * self.at_most[state.min(STATES - 1)];
            term *= y / (j + 1) as f64;
        }
        sum
    }

    /// Returns the latency in seconds, wait and service, that a share `probability` of requests does not exceed.
    pub fn latency(&self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.service * (STATES / self.servers) as f64);
        while high - low > 1e-9 * self.service {
            let middle = f64::midpoint(low, high);
            if self.waits_within(middle) < probability { low = middle } else { high = middle }
        }
        high + self.service
    }
}

/// Returns the probability of each number of requests in the system: what a service time makes of it stays the same.
fn steady_state(servers: usize, load: f64) -> Vec<f64> {
    let mut arrivals = vec![(-load).exp()];
    while arrivals.len() < STATES && arrivals.last().is_some_and(|last| *last > 1e-300) {
        arrivals.push(arrivals[arrivals.len() - 1] * load / arrivals.len() as f64);
    }
    let mut now = vec![0.0; STATES];
    now[0] = 1.0;
    loop {
        let mut next = vec![0.0; STATES];
        for (state, probability) in now.iter().enumerate() {
            let left = state.saturating_sub(servers);
            for (place, arrival) in next[left..].iter_mut().zip(&arrivals) {
                *place += probability * arrival;
            }
        }
        let moved = now.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        now = next;
        if moved < STEADY {
            return now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_waits_as_pollaczek_and_khinchine_say() {
        // W = ρD / 2(1 − ρ) = 2 ms, as the integral of the probability to wait longer.
        let queue = ConstantService::new(1, 800.0, 1e-3);
        let step = 1e-5;
        let mean: f64 =
            (0..10_000).map(|k| step * (1.0 - queue.waits_within((f64::from(k) + 0.5) * step))).sum();
        assert!((mean / 2e-3 - 1.0).abs() < 1e-3, "{mean}");
    }

    #[test]
    fn quantiles_are_the_published_ones() {
        // Computed apart, by long simulations: p50, p90, p99 and p99.9 in ms at ρ = 0.8.
        for (servers, rate, service, wanted) in
            [(1, 800.0, 1e-3, [2.27, 5.99, 11.25, 16.35]), (4, 320.0, 1e-2, [11.39, 21.24, 35.07, 49.19])]
        {
            let queue = ConstantService::new(servers, rate, service);
            for (probability, wanted) in [0.5, 0.9, 0.99, 0.999].into_iter().zip(wanted) {
                let found = 1e3 * queue.latency(probability);
                assert!(
                    (found / wanted - 1.0).abs() < 0.03,
                    "M/D/{servers}, {probability}: {found} for {wanted}"
                );
            }
        }
    }
}
