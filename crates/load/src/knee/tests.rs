//! The knee of queues that are computed by code that shares nothing with the twin.

use festina_testkit::Queue;

use super::*;

/// A service: servers, mean service time, squared coefficient of variation of the service time, and the limit of the 99th
/// percentile; all times in seconds.
type Service = (usize, f64, f64, f64);

/// Services with their knees in requests a second, from simulations of 4·10⁵ arrivals a rate by [`Simulated::truth`].
const SERVICES: [(Service, f64); 6] = [
    ((4, 0.010, 0.0, 0.050), 349.1),
    ((4, 0.010, 1.0, 0.080), 335.2),
    ((1, 0.004, 0.25, 0.030), 155.8),
    ((8, 0.050, 0.5, 0.250), 144.2),
    ((2, 0.002, 0.0, 0.020), 884.0),
    ((16, 0.100, 1.0, 0.600), 149.0),
];

/// A generator that shares nothing with the twin's.
struct Congruential(u64);

impl Congruential {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// An Erlang or constant time of mean 1 with the squared coefficient of variation 1/k, or 0.
    fn service(&mut self, squared: f64) -> f64 {
        if squared == 0.0 {
            return 1.0;
        }
        let k = (1.0 / squared).round() as usize;
        (0..k).map(|_| self.exponential()).sum::<f64>() / k as f64
    }
}

struct Simulated {
    servers: usize,
    mean: f64,
    squared: f64,
    random: Congruential,
    spent: f64,
    /// How much longer a request takes for each other one that is being served.
    friction: f64,
    /// Whether the generator is the limit.
    is_late: bool,
}

impl Simulated {
    fn new((servers, mean, squared, _): Service, seed: u64) -> Self {
        Self {
            servers,
            mean,
            squared,
            random: Congruential(seed.wrapping_mul(77) + 1),
            spent: 0.0,
            friction: 0.0,
            is_late: false,
        }
    }

    fn latencies(&mut self, rate: f64, n: usize) -> Vec<f64> {
        let mut queue = Queue::new(self.servers, None);
        let mut now = 0.0;
        let mut one = || {
            now += self.random.exponential() / rate;
            let service = self.random.service(self.squared) * self.mean;
            queue.serve(now, service) - now
        };
        (0..n).map(|_| one()).collect()
    }

    /// The exact knee, from long runs by bisection.
    fn truth(service: Service) -> f64 {
        let (mut low, mut high) = (0.0, service.0 as f64 / service.1);
        for _ in 0..14 {
            let middle = f64::midpoint(low, high);
            let latencies = Self::new(service, 5).latencies(middle, 400_000);
            let above = latencies.iter().filter(|latency| **latency > service.3).count();
            if above * 100 <= latencies.len() { low = middle } else { high = middle }
        }
        low
    }
}

impl Subject for Simulated {
    fn closed(&mut self, users: usize, seconds: f64) -> Result<ClosedRun, LoadError> {
        self.spent += seconds;
        let mut queue = Queue::new(self.servers, None);
        let mut next = vec![0.0_f64; users];
        let mut times = Vec::new();
        let mut parts = [0_u32; 10];
        loop {
            let user = (0..users).min_by(|a, b| next[*a].total_cmp(&next[*b])).unwrap();
            let now = next[user];
            if now >= seconds {
                break;
            }
            let busy = users.min(self.servers) as f64 - 1.0;
            let service = self.random.service(self.squared) * self.mean * (1.0 + self.friction * busy * busy);
            let done = queue.serve(now, service);
            if done < seconds {
                parts[(done / seconds * 10.0) as usize] += 1;
                times.push((done - now, 1));
            }
            next[user] = done;
        }
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let throughputs = parts.iter().map(|n| f64::from(*n) / (seconds / 10.0)).collect();
        Ok(ClosedRun { throughputs, times, is_valid: !self.is_late })
    }

    fn open(&mut self, rate: f64, seconds: f64, target: Target) -> Result<OpenRun, LoadError> {
        self.spent += seconds;
        let n = (rate * seconds) as usize;
        let mut latencies = self.latencies(rate, n);
        latencies.sort_by(f64::total_cmp);
        let above = latencies.iter().filter(|latency| **latency > target.limit).count();
        let share = above as f64 / n.max(1) as f64;
        let latency_s = latencies.get(((1.0 - target.allowed) * n as f64) as usize).copied();
        Ok(OpenRun { share, latency_s, sent: n as u64, backlog: 0, is_valid: !self.is_late })
    }

    fn elapsed(&self) -> f64 {
        self.spent
    }

    fn is_canceled(&self) -> bool {
        false
    }
}

#[test]
fn the_truths_are_those_of_the_exact_simulation() {
    for (service, truth) in &SERVICES[2..3] {
        let found = Simulated::truth(*service);
        assert!((found / truth - 1.0).abs() < 0.015, "{found} for {truth}");
    }
}

#[test]
fn knees_are_found_within_twenty_seconds() {
    let mut errors = Vec::new();
    let mut covered = 0;
    let mut n = 0;
    for (service, truth) in SERVICES {
        for seed in 0..5 {
            let mut subject = Simulated::new(service, 100 + seed);
            let knee = find(&mut subject, Target { limit: service.3, allowed: 0.01 }, 19.0, 1).unwrap();
            assert!(
                subject.spent <= 19.0 || knee.found_by == FoundBy::Search,
                "{service:?}: {} s, {:?}",
                subject.spent,
                knee.ladder
            );
            errors.push(knee.rate.value / truth - 1.0);
            covered += usize::from(knee.rate.interval.unwrap().contains(truth));
            n += 1;
        }
    }
    let mean = errors.iter().map(|error: &f64| error.abs()).sum::<f64>() / n as f64;
    assert!(mean < 0.05, "mean error {mean}: {errors:?}");
    assert!(covered * 100 >= n * 85, "{covered} of {n} bands cover: {errors:?}");
}

#[test]
fn a_service_that_gets_slower_when_requests_overlap_is_told() {
    let mut subject = Simulated::new((8, 0.01, 0.25, 0.1), 3);
    subject.friction = 0.05;
    let knee = find(&mut subject, Target { limit: 0.1, allowed: 0.01 }, 20.0, 1).unwrap();
    assert!(knee.loss_when_overlapping > 0.1, "{:?}", knee.ladder);
    assert_eq!(knee.found_by, FoundBy::Search);
}

#[test]
fn a_service_that_is_too_slow_alone_has_no_knee() {
    let mut subject = Simulated::new((2, 0.05, 0.0, 0.02), 3);
    let knee = find(&mut subject, Target { limit: 0.02, allowed: 0.01 }, 10.0, 1).unwrap();
    assert_eq!(knee.rate.value, 0.0);
}

#[test]
fn a_ladder_that_was_too_short_for_the_capacity_does_not_pass_for_it() {
    // 128 servers of 100 ms bear 1280/s; in 20 s the ladder gets to 64 users at most.
    let mut subject = Simulated::new((128, 0.1, 0.0, 0.15), 3);
    let knee = find(&mut subject, Target { limit: 0.15, allowed: 0.01 }, 20.0, 1).unwrap();
    assert!(knee.capacity < 700.0 && !knee.is_at_least && knee.found_by == FoundBy::Search, "{knee:?}");
    assert!((knee.rate.value / 1250.0 - 1.0).abs() < 0.25, "{knee:?}");
    assert!(knee.rate.interval.unwrap().contains(1250.0), "{:?}", knee.rate);
}

#[test]
fn a_knee_that_nothing_bounds_from_above_is_a_lower_bound() {
    let mut endless = Simulated::new((4000, 0.1, 0.0, 0.15), 3);
    let knee = find(&mut endless, Target { limit: 0.15, allowed: 0.01 }, 8.0, 1).unwrap();
    assert!(knee.is_at_least && knee.rate.value > 500.0, "{knee:?}");
    assert_eq!(knee.rate.interval, None);
    assert!(knee.windows.iter().all(|window| window.holds));
}

#[test]
fn a_knee_whose_generator_was_the_limit_is_a_lower_bound() {
    let mut subject = Simulated::new(SERVICES[0].0, 3);
    let target = Target { limit: SERVICES[0].0.3, allowed: 0.01 };
    assert!(!find(&mut subject, target, 20.0, 1).unwrap().is_at_least);
    subject.is_late = true;
    let knee = find(&mut subject, target, 20.0, 1).unwrap();
    assert!(knee.is_at_least && !knee.is_valid);
}

/// The fewest replicas behind a balancer that spreads requests at random, by running all of them.
fn replicas_by_simulation(service: Service, demand: &Demand) -> u32 {
    let share = |n: u32, rate: f64| {
        let mut random = Congruential(99);
        let mut queues = vec![Queue::new(service.0, None); n as usize];
        let (mut now, mut above, requests) = (0.0, 0, 400_000);
        for _ in 0..requests {
            now += random.exponential() / rate;
            let queue = (random.uniform() * f64::from(n)) as usize % n as usize;
            let time = random.service(service.2) * service.1;
            above += u32::from(queues[queue].serve(now, time) - now > service.3);
        }
        f64::from(above) / f64::from(requests)
    };
    let suffices = |n: &u32| {
        let left = n.saturating_sub(demand.survive_loss_of);
        left > 0 && share(*n, demand.rate * demand.headroom) <= 0.01 && share(left, demand.rate) <= 0.01
    };
    (1..100).find(suffices).unwrap()
}

#[test]
fn replicas_are_as_many_as_an_exact_simulation_needs() {
    // Rates at which the last replica is neither hardly needed nor hardly enough.
    let cases = [(0, 2.6), (1, 3.6), (2, 1.4), (3, 5.7), (4, 2.5)];
    let mut equal = 0;
    for (index, knees) in cases {
        let (service, truth) = SERVICES[index];
        let mut subject = Simulated::new(service, 40 + index as u64);
        let target = Target { limit: service.3, allowed: 0.01 };
        let knee = find(&mut subject, target, 20.0, 1).unwrap();
        for (headroom, survive_loss_of) in [(1.0, 0), (1.3, 1)] {
            let demand = Demand { rate: truth * knees, headroom, survive_loss_of };
            let sizing = demand.sizing(knee.rate.value, knee.twin.as_ref(), target, 1).unwrap();
            equal += u32::from(sizing.at_random == replicas_by_simulation(service, &demand));
        }
    }
    assert!(equal >= 9, "{equal} of 10");
}
