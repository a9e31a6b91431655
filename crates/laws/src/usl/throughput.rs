//! The fit that minimises the error of throughput, as the R package `usl` does.

use festina_types::{Estimate, Interval, Method, Seconds};

use super::{Usl, UslFit};
use crate::error::require_level;
use crate::fit::triangle::Triangle;
use crate::stats::student_t_quantile;
use crate::{LawError, Observation};

/// γ = 1/T₁, α and β.
type Parameters = [f64; 3];

/// What the search found: the least sum of squares over some of the parameters.
struct Optimum {
    parameters: Parameters,
    sum_of_squares: f64,
}

impl Usl {
    /// Fits the law by least squares in throughput, `X(p) = γ·p / (1 + α·(p − 1) + β·p·(p − 1))` with X = 1 / time.
    ///
    /// The observations with the highest throughput decide, those at few workers hardly matter: right for a service
    /// whose capacity is asked for, and comparable to the R package `usl`. For the time of a program,
    /// [`Usl::fit`] is better. Intervals are those of the linearised model, with Student's t.
    ///
    /// ```
    /// # use festina_laws::{Law, Observation, usl::Usl};
    /// # use festina_types::Seconds;
    /// let law = Usl::new(Seconds(0.05), 0.02, 0.0001)?;
    /// let observations = [1.0, 4.0, 16.0, 64.0].map(|p| Observation::new(p, law.time_at(p)));
    /// let fit = Usl::fit_throughput(&observations, 0.95)?;
    /// assert!((fit.contention.value - 0.02).abs() < 1e-9);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Usl::fit`].
    pub fn fit_throughput(observations: &[Observation], level: f64) -> Result<UslFit, LawError> {
        require_level(level)?;
        let start = Self::fit(observations, level)?.law;
        let points: Vec<(f64, f64)> =
            observations.iter().map(|observation| (observation.p, 1.0 / observation.time)).collect();
        let start = [1.0 / start.one_worker.0, start.contention, start.coherency];
        let free = minimise(&points, start, [true; 3]);
        let best = best_feasible(&points, start, &free);
        let [rate, contention, coherency] = best.parameters;
        let law = Self::new(Seconds(1.0 / rate), contention, coherency)?;
        let spread = Spread::around(&points, &free, level);
        let estimate = |j: usize, maximum: f64| Estimate {
            value: best.parameters[j],
            interval: spread.as_ref().map(|spread| spread.interval(j, best.parameters[j], maximum)),
            method: Method::Fit,
        };
        let coherency = estimate(2, 1.0);
        let has_peak = coherency.interval.is_some_and(|interval| interval.lower > 0.0);
        let peak = law.peak().filter(|_| has_peak).map(|value| Estimate {
            value,
            interval: spread.as_ref().map(|spread| spread.peak(value, best.parameters)),
            method: Method::Fit,
        });
        Ok(UslFit {
            law,
            one_worker: crate::gustafson::reciprocal(estimate(0, f64::INFINITY)),
            contention: estimate(1, 1.0),
            coherency,
            peak,
            residual_sum_of_squares: best.sum_of_squares,
            observations: observations.len(),
        })
    }
}

/// Returns the best point with α and β in `[0, 1]`: the free optimum, or the best of those on the edges.
fn best_feasible(points: &[(f64, f64)], start: Parameters, free: &Optimum) -> Optimum {
    let is_feasible =
        |optimum: &Optimum| optimum.parameters[1..].iter().all(|value| (0.0..=1.0).contains(value));
    if is_feasible(free) {
        return Optimum { ..*free };
    }
    let edges = [
        ([start[0], start[1], 0.0], [true, true, false]),
        ([start[0], 0.0, start[2]], [true, false, true]),
        ([start[0], 1.0, start[2]], [true, false, true]),
        ([start[0], 0.0, 0.0], [true, false, false]),
        ([start[0], 1.0, 0.0], [true, false, false]),
    ];
    edges
        .into_iter()
        .map(|(start, free)| minimise(points, start, free))
        .filter(is_feasible)
        .min_by(|a, b| a.sum_of_squares.total_cmp(&b.sum_of_squares))
        .expect("γ alone is linear, so the two corners are always feasible")
}

/// Runs the method of Levenberg and Marquardt over the free parameters.
fn minimise(points: &[(f64, f64)], start: Parameters, free: [bool; 3]) -> Optimum {
    const MAX_STEPS: usize = 200;
    let mut best = Optimum { parameters: start, sum_of_squares: sum_of_squares(points, start) };
    let mut damping: f64 = 1e-3;
    for _ in 0..MAX_STEPS {
        let mut damped = linearised(points, best.parameters, free);
        for j in (0..3).filter(|&j| free[j]) {
            let mut row = [0.0; 3];
            row[j] = damping.sqrt() * damped.column_norm(j);
            damped.push(row, 0.0);
        }
        if !damped.has_full_rank(free) {
            break;
        }
        let step = damped.solve(free, damped.c);
        let parameters: Parameters = std::array::from_fn(|j| best.parameters[j] + step[j]);
        let trial = sum_of_squares(points, parameters);
        if trial < best.sum_of_squares {
            let gain = best.sum_of_squares - trial;
            best = Optimum { parameters, sum_of_squares: trial };
            damping /= 10.0;
            if gain <= 1e-15 * trial {
                break;
            }
        } else if damping > 1e12 {
            break;
        } else {
            damping *= 10.0;
        }
    }
    best
}

/// Returns the problem linearised at `parameters`: the gradient of X against what is left to explain.
fn linearised(points: &[(f64, f64)], parameters: Parameters, free: [bool; 3]) -> Triangle<3> {
    let mut triangle = Triangle::new();
    for &(p, measured) in points {
        let throughput = throughput(parameters, p);
        let per_denominator = throughput / denominator(parameters, p);
        let gradient =
            [throughput / parameters[0], -per_denominator * (p - 1.0), -per_denominator * p * (p - 1.0)];
        let row = std::array::from_fn(|j| if free[j] { gradient[j] } else { 0.0 });
        triangle.push(row, measured - throughput);
    }
    triangle
}

fn denominator([_, contention, coherency]: Parameters, p: f64) -> f64 {
    1.0 + contention * (p - 1.0) + coherency * p * (p - 1.0)
}

fn throughput(parameters: Parameters, p: f64) -> f64 {
    parameters[0] * p / denominator(parameters, p)
}

/// Returns the sum of squares; infinite where the law gives no positive throughput.
fn sum_of_squares(points: &[(f64, f64)], parameters: Parameters) -> f64 {
    let is_possible = |&(p, _): &(f64, f64)| denominator(parameters, p) > 0.0 && parameters[0] > 0.0;
    if !points.iter().all(is_possible) {
        return f64::INFINITY;
    }
    points.iter().map(|&(p, measured)| (measured - throughput(parameters, p)).powi(2)).sum()
}

/// The linearised uncertainty of the free optimum.
struct Spread {
    center: Parameters,
    covariance: [[f64; 3]; 3],
    quantile: f64,
    level: f64,
}

impl Spread {
    fn around(points: &[(f64, f64)], free: &Optimum, level: f64) -> Option<Self> {
        let degrees = points.len().checked_sub(4)? as f64 + 1.0;
        let triangle = linearised(points, free.parameters, [true; 3]);
        let variance = free.sum_of_squares / degrees;
        triangle.has_full_rank([true; 3]).then(|| Self {
            center: free.parameters,
            covariance: triangle.inverse_gram([true; 3]).map(|row| row.map(|value| value * variance)),
            quantile: student_t_quantile(f64::midpoint(1.0, level), degrees),
            level,
        })
    }

    fn interval(&self, j: usize, value: f64, maximum: f64) -> Interval {
        let half = self.quantile * self.covariance[j][j].sqrt();
        Interval {
            lower: (self.center[j] - half).clamp(0.0, maximum).min(value),
            upper: (self.center[j] + half).clamp(0.0, maximum).max(value),
            level: self.level,
        }
    }

    /// Returns the interval of √((1 − α)/β), symmetric in its logarithm.
    fn peak(&self, value: f64, [_, contention, coherency]: Parameters) -> Interval {
        let gradient = [0.0, -0.5 / (1.0 - contention), -0.5 / coherency];
        let variance: f64 = (0..3)
            .flat_map(|i| (0..3).map(move |j| (i, j)))
            .map(|(i, j)| gradient[i] * self.covariance[i][j] * gradient[j])
            .sum();
        let factor = (self.quantile * variance.max(0.0).sqrt()).exp();
        Interval { lower: (value / factor).max(1.0), upper: value * factor, level: self.level }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observations<const N: usize>(workers: [f64; N], throughput: [f64; N]) -> [Observation; N] {
        std::array::from_fn(|i| Observation::new(workers[i], 1.0 / throughput[i]))
    }

    #[test]
    fn the_ray_tracer_gives_what_the_r_package_prints() {
        // From the package's own tests (cran/usl, tests/*.Rout.save): raytracer, its first six rows:
        // sigma .02444, kappa .00163, gamma 20.856.
        let data = observations([1.0, 4.0, 8.0, 12.0, 16.0, 20.0], [20.0, 78.0, 130.0, 170.0, 190.0, 200.0]);
        let fit = Usl::fit_throughput(&data, 0.95).unwrap();
        assert!((fit.contention.value - 0.024_44).abs() < 1e-5, "{}", fit.contention.value);
        assert!((fit.coherency.value - 0.001_63).abs() < 1e-5, "{}", fit.coherency.value);
        assert!((1.0 / fit.one_worker.value - 20.856).abs() < 1e-3, "{}", 1.0 / fit.one_worker.value);
    }

    #[test]
    fn the_spec_benchmark_peaks_where_the_r_package_says() {
        // From the package's own tests: specsdm91, peak scalability 96.51956.
        let data = observations(
            [1.0, 18.0, 36.0, 72.0, 108.0, 144.0, 216.0],
            [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2],
        );
        let fit = Usl::fit_throughput(&data, 0.95).unwrap();
        let peak = fit.peak.unwrap();
        assert!((peak.value - 96.519_56).abs() < 1e-3, "{}", peak.value);
        assert!(peak.interval.unwrap().contains(peak.value));
        // The fit in time weighs each run alike, and agrees on the peak to about a tenth.
        let in_time = Usl::fit(&data, 0.95).unwrap().law.peak().unwrap();
        assert!((in_time / peak.value - 1.0).abs() < 0.15, "{in_time}");
    }

    #[test]
    fn edges_hold_where_the_data_lie_beyond() {
        // Superlinear: free, α would be negative.
        let data = observations([1.0, 2.0, 4.0, 8.0], [1.0, 2.2, 4.6, 9.4]);
        let fit = Usl::fit_throughput(&data, 0.95).unwrap();
        assert_eq!((fit.contention.value, fit.coherency.value), (0.0, 0.0));
        assert_eq!(fit.peak, None);
        assert!(fit.contention.interval.unwrap().contains(0.0));
    }
}
