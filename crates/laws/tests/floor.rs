//! Probabilities of being in time and within memory, beside computations that share nothing with the law's own: sums over a
//! finer grid that also spans the level, and programs whose next run is made up as well.

use festina_laws::Observation;
use festina_laws::floor::{FloorGrowth, Tolerance};

/// Peaks of memory in MB: three runs on a thousand rows, then one each. Above 240 MB about 2.5 kB a row.
const PEAKS: [(f64, f64); 7] =
    [(1e3, 243.0), (1e3, 247.0), (1e3, 240.0), (3e3, 249.0), (9e3, 260.0), (27e3, 312.0), (81e3, 441.0)];
/// Times in seconds: 2 s of start-up, then about 40 µs a row.
const TIMES: [(f64, f64); 8] = [
    (1e3, 2.05),
    (1e3, 1.98),
    (1e3, 2.10),
    (3e3, 2.16),
    (9e3, 2.33),
    (27e3, 3.12),
    (81e3, 5.20),
    (243e3, 11.9),
];

fn fit(measured: &[(f64, f64)], tolerance: Tolerance) -> FloorGrowth {
    let observation = |(n, value): &(f64, f64)| Observation { n: Some(*n), ..Observation::new(1.0, *value) };
    FloorGrowth::fit(&measured.iter().map(observation).collect::<Vec<_>>(), tolerance).unwrap()
}

/// P(Z ≤ z) by formula 26.2.17 of Abramowitz and Stegun, to 7.5e-8.
fn normal_cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let coefficients = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = coefficients.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    let tail = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() * sum;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// What the concept page says, as it stands there: what was measured, with its noise.
struct Measured {
    /// ln of the median at each size, and its variance.
    points: Vec<(f64, f64, f64)>,
    /// The variances of ln T of runs that are start-up, and of what grows.
    noise: (f64, f64),
}

impl Measured {
    /// The first three values are of one size, each other one alone.
    fn new(values: &[(f64, f64)], misfit: f64) -> Self {
        let first: Vec<f64> = values[..3].iter().map(|value| value.1.ln()).collect();
        let mean = first.iter().sum::<f64>() / 3.0;
        let squares: f64 = first.iter().map(|value| (value - mean).powi(2)).sum();
        // Three runs of 4 % before there are any, and two degrees of freedom of the three that there are.
        let start_up = (3.0 * 0.04_f64.powi(2) + squares) / 5.0;
        let mut sorted = first;
        sorted.sort_by(f64::total_cmp);
        let mut measured = Self {
            points: vec![(values[0].0, sorted[1], start_up / 3.0 + misfit * misfit)],
            // No large run was repeated: three runs of 6 %.
            noise: (start_up, 0.06_f64.powi(2)),
        };
        for (n, value) in &values[3..] {
            let variance = measured.variance(*value) + misfit * misfit;
            measured.points.push((*n, value.ln(), variance));
        }
        measured
    }

    /// The variance of ln T of a run that takes about `value`.
    fn variance(&self, value: f64) -> f64 {
        let share = (self.points[0].1.exp() / value).min(1.0);
        share * self.noise.0 + (1.0 - share) * self.noise.1
    }

    /// Sums `P(T(n) ≤ limit)` over exponents, shares of the floor and levels of a grid, each by its likelihood and prior.
    fn probability_within(&self, n: f64, limit: f64, tolerance: Tolerance) -> f64 {
        let largest = self.points.last().unwrap().0;
        let doublings = (n / largest).log2().max(0.0);
        // The law takes the noise where the forecast is, which lies among the limits that are asked for.
        let own = self.variance(limit) + tolerance.misfit.powi(2) + tolerance.pace.powi(2);
        let sd = (own + tolerance.drift.powi(2) * doublings).sqrt();
        let (mut total, mut within) = (0.0, 0.0);
        for k in 0..=180 {
            let exponent = 0.5 + 0.01 * f64::from(k);
            let usual =
                (-0.5 * ((exponent - 1.0) / 0.12_f64).powi(2)).exp() / (0.12 * std::f64::consts::TAU.sqrt());
            let prior = 0.85 * usual + 0.15 / 1.83;
            // No floor counts as much as each of the 51 steps of 0.2 that ln(f / g) is even over.
            let logits = (0..102).map(|j| (1.0 / (1.0 + (5.05 - 0.1 * f64::from(j)).exp()), 0.5));
            for (floor, weight) in std::iter::once((0.0, 1.0)).chain(logits) {
                let shape = |n: f64| (floor + (1.0 - floor) * (n / largest).powf(exponent)).ln();
                let shapes: Vec<f64> = self.points.iter().map(|point| shape(point.0)).collect();
                let last = self.points.last().unwrap().1;
                let at_target = shape(n);
                for step in -20..=20 {
                    let level = last + 0.01 * f64::from(step);
                    let misfit: f64 = (self.points.iter().zip(&shapes))
                        .map(|((_, value, variance), shape)| (value - level - shape).powi(2) / variance)
                        .sum();
                    let weight = weight * prior * (-0.5 * misfit).exp();
                    if weight > 1e-12 {
                        total += weight;
                        within += weight * normal_cdf((limit.ln() - level - at_target) / sd);
                    }
                }
            }
        }
        within / total
    }
}

#[test]
fn probabilities_are_those_of_a_sum_over_everything() {
    for (values, tolerance, n, limits) in [
        // 240 MB + 2.5 kB · 10⁶ are 2.7 GB.
        (PEAKS.as_slice(), Tolerance::MEMORY, 1e6, [1800.0, 2700.0, 4000.0]),
        // 2 s + 40 µs · 10⁶ are 42 s.
        (TIMES.as_slice(), Tolerance::TIME, 1e6, [33.0, 42.0, 55.0]),
    ] {
        let (growth, measured) = (fit(values, tolerance), Measured::new(values, tolerance.misfit));
        assert!(!growth.has_changed());
        for limit in limits {
            let found = growth.probability_within(n, limit).unwrap();
            let summed = measured.probability_within(n, limit, tolerance);
            assert!((found - summed).abs() < 0.02, "within {limit}: {found} instead of {summed}");
            assert!((0.02..0.98).contains(&summed), "{limit} tells something: {summed}");
        }
    }
}

/// A generator that shares nothing with the crate's.
struct Congruential(u64);

impl Congruential {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[test]
fn of_programs_that_run_out_of_memory_with_a_probability_so_many_do() {
    let mut random = Congruential(11);
    let (rounds, mut foretold, mut happened, mut variance) = (150, 0.0, 0.0, 0.0);
    let mut sure = (0, 0);
    for _ in 0..rounds {
        // 100 to 400 MB of libraries, 0.5 to 4 kB a row, an exponent as most have it.
        let floor = 100.0 + 300.0 * random.uniform();
        let row = (0.5 + 3.5 * random.uniform()) * 1e-3;
        let exponent = 1.0 + 0.12 * random.normal();
        let peak = |n: f64| floor + row * 1e5 * (n / 1e5).powf(exponent);
        let measured = [1e3, 1e3, 1e3, 3e3, 9e3, 27e3, 81e3, 243e3]
            .map(|n| (n, peak(n) * (0.03 * random.normal()).exp()));
        // Three doublings beyond, ln of the peak walks away by 0.1 each.
        let drift = 0.1 * 3.0_f64.sqrt();
        let needed = peak(1.944e6) * (0.03 * random.normal() + drift * random.normal()).exp();
        let limit = peak(1.944e6) * (1.6 * (random.uniform() - 0.5)).exp();
        let p = 1.0 - fit(&measured, Tolerance::MEMORY).probability_within(1.944e6, limit).unwrap();
        let is_out = needed > limit;
        foretold += p;
        happened += f64::from(u8::from(is_out));
        variance += p * (1.0 - p);
        if !(0.1..=0.9).contains(&p) {
            sure.0 += 1;
            sure.1 += usize::from(is_out == (p > 0.5));
        }
    }
    let spread = f64::sqrt(variance);
    assert!(
        (foretold - happened).abs() < 2.5 * spread,
        "{foretold} foretold, {happened} happened, ± {spread}"
    );
    assert!(sure.0 > 20 && sure.1 * 100 >= sure.0 * 90, "{sure:?}: who is nine tenths sure is right");
}
