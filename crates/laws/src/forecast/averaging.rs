//! Averaging over curve shapes, each with a level that drifts.
//!
//! No law is exact. A measured curve is taken as one of many shapes `fⱼ`, times a level that wanders as `u`, the
//! logarithm of the size or of the number of workers, grows:
//!
//! ```text
//! ln Tᵢ = ln fⱼ(uᵢ) + Lᵢ + εᵢ     Lᵢ − Lᵢ₋₁ ~ N(0, ρ² (uᵢ − uᵢ₋₁))     εᵢ ~ N(0, σᵢ²)     L₁ free
//! ```
//!
//! The level is followed by a Kalman filter, so the last points count most: every shape is anchored where the
//! forecast begins. The likelihood of the innovations and the prior weigh each shape `j` and each drift rate `ρ`.
//!
//! Source: J. A. Hoeting et al., *Bayesian model averaging: a tutorial*, Statistical Science 14 (1999), 382–417;
//! the filter is that of a local-level model, J. Durbin and S. J. Koopman, *Time Series Analysis by State Space
//! Methods*, 2nd ed., 2012, chapter 2.

/// Measured values along one axis, in rising order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// Where: the binary logarithm of n or of p.
    pub(crate) u: Vec<f64>,
    /// What: the natural logarithm of the value.
    pub(crate) ln_value: Vec<f64>,
    /// The variance of each `ln_value`.
    pub(crate) variance: Vec<f64>,
}

/// A rate at which the level drifts, and the logarithm of its prior weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drift {
    /// The standard deviation of the level's change over one doubling.
    pub(crate) rate: f64,
    pub(crate) ln_weight: f64,
}

/// The posterior: a weight and a level for each shape under each drift rate.
#[derive(Clone, Debug)]
pub(crate) struct Averaged {
    shapes: usize,
    drifts: Vec<Drifted>,
}

#[derive(Clone, Debug)]
struct Drifted {
    rate: f64,
    /// The variance of the level at the last point, the same for all shapes.
    level_variance: f64,
    /// Their sum over all shapes and drifts is 1.
    weights: Vec<f64>,
    levels: Vec<f64>,
}

/// A mean and a standard deviation of the logarithm of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outlook {
    pub(crate) ln_value: f64,
    pub(crate) sd: f64,
}

impl Averaged {
    /// Weighs the shapes whose logarithms at the points of `track` are the rows of `ln_shapes`.
    ///
    /// O(shapes · drifts · points).
    pub(crate) fn new(track: &Track, ln_shapes: &[f64], ln_priors: &[f64], drifts: &[Drift]) -> Self {
        let points = track.u.len();
        let shapes = ln_priors.len();
        debug_assert_eq!(ln_shapes.len(), shapes * points, "a row of logarithms for each shape");
        let mut drifts: Vec<Drifted> = drifts
            .iter()
            .map(|drift| {
                let filter = Filter::new(track, drift.rate);
                let (weights, levels) = (0..shapes)
                    .map(|j| {
                        let row = &ln_shapes[j * points..(j + 1) * points];
                        let (ln_likelihood, level) = filter.follow(&track.ln_value, row);
                        (ln_likelihood + ln_priors[j] + drift.ln_weight, level)
                    })
                    .unzip();
                Drifted { rate: drift.rate, level_variance: filter.level_variance, weights, levels }
            })
            .collect();
        normalise(&mut drifts);
        Self { shapes, drifts }
    }

    /// Returns the mean and standard deviation of the logarithm at a place `distance` doublings beyond the last
    /// point, where the logarithms of the shapes are `ln_shapes`.
    pub(crate) fn outlook(&self, ln_shapes: &[f64], distance: f64) -> Outlook {
        let (mut mean, mut square) = (0.0, 0.0);
        for drifted in &self.drifts {
            let own = drifted.variance_at(distance);
            for (j, &weight) in drifted.weights.iter().enumerate() {
                let value = ln_shapes[j] + drifted.levels[j];
                mean += weight * value;
                square += weight * (value * value + own);
            }
        }
        Outlook { ln_value: mean, sd: (square - mean * mean).max(0.0).sqrt() }
    }

    /// Returns the median logarithm over shapes and drifts: as likely too high as too low, whatever the tails.
    pub(crate) fn median(&self, ln_shapes: &[f64]) -> f64 {
        let of_drift = |drifted: &Drifted| {
            let values = drifted.weights.iter().zip(&drifted.levels).enumerate();
            values.map(|(j, (&weight, &level))| (ln_shapes[j] + level, weight)).collect::<Vec<_>>()
        };
        let mut values: Vec<(f64, f64)> = self.drifts.iter().flat_map(of_drift).collect();
        // What hardly weighs cannot move a median, and need not be sorted.
        values.retain(|&(_, weight)| weight > 1e-6);
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = values.iter().map(|&(_, weight)| weight).sum::<f64>() / 2.0;
        let mut sum = 0.0;
        let middle = values.iter().find(|&&(_, weight)| {
            sum += weight;
            sum >= half
        });
        middle.map_or(f64::NAN, |&(value, _)| value)
    }

    /// Returns the mean logarithm under the shapes for which `is_member` holds; `None` if none has weight.
    pub(crate) fn mean_of(&self, ln_shapes: &[f64], is_member: impl Fn(usize) -> bool) -> Option<f64> {
        let (mut total, mut mean) = (0.0, 0.0);
        for drifted in &self.drifts {
            for j in (0..self.shapes).filter(|&j| is_member(j)) {
                total += drifted.weights[j];
                mean += drifted.weights[j] * (ln_shapes[j] + drifted.levels[j]);
            }
        }
        (total > 0.0).then(|| mean / total)
    }

    /// Returns the covariance of the logarithms at two places beyond the last point.
    pub(crate) fn covariance(&self, a: (&[f64], f64), b: (&[f64], f64)) -> f64 {
        let (mean_a, mean_b) = (self.outlook(a.0, a.1).ln_value, self.outlook(b.0, b.1).ln_value);
        let mut covariance = 0.0;
        for drifted in &self.drifts {
            let shared = drifted.variance_at(a.1.min(b.1));
            for (j, &weight) in drifted.weights.iter().enumerate() {
                let (left, right) = (a.0[j] + drifted.levels[j], b.0[j] + drifted.levels[j]);
                covariance += weight * ((left - mean_a) * (right - mean_b) + shared);
            }
        }
        covariance
    }

    /// Returns the posterior weight of each shape; they sum to 1.
    pub(crate) fn shape_weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.shapes];
        for drifted in &self.drifts {
            for (sum, weight) in weights.iter_mut().zip(&drifted.weights) {
                *sum += weight;
            }
        }
        weights
    }

    /// Returns the posterior weight of each drift rate; they sum to 1.
    pub(crate) fn drift_weights(&self) -> Vec<f64> {
        self.drifts.iter().map(|drifted| drifted.weights.iter().sum()).collect()
    }

    /// Returns the mean drift rate.
    pub(crate) fn drift_rate(&self) -> f64 {
        self.drifts.iter().zip(self.drift_weights()).map(|(drifted, weight)| drifted.rate * weight).sum()
    }
}

impl Drifted {
    fn variance_at(&self, distance: f64) -> f64 {
        self.level_variance + self.rate * self.rate * distance.max(0.0)
    }
}

/// Turns log-weights into weights that sum to 1.
fn normalise(drifts: &mut [Drifted]) {
    let all = drifts.iter().flat_map(|drifted| &drifted.weights);
    let largest = all.copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for weight in drifts.iter_mut().flat_map(|drifted| &mut drifted.weights) {
        *weight = (*weight - largest).exp();
        total += *weight;
    }
    for weight in drifts.iter_mut().flat_map(|drifted| &mut drifted.weights) {
        *weight /= total;
    }
}

/// A Kalman filter for a drifting level: its gains depend on where the points are, not on what was measured.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    steps: Vec<Step>,
    ln_likelihood: f64,
    /// The variance of the level at the last point.
    pub(crate) level_variance: f64,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    gain: f64,
    half_precision: f64,
}

impl Filter {
    pub(crate) fn new(track: &Track, rate: f64) -> Self {
        let mut level_variance = track.variance[0];
        let mut ln_likelihood = 0.0;
        let mut steps = Vec::with_capacity(track.u.len() - 1);
        for i in 1..track.u.len() {
            let before = level_variance + rate * rate * (track.u[i] - track.u[i - 1]);
            let innovation = before + track.variance[i];
            steps.push(Step { gain: before / innovation, half_precision: 0.5 / innovation });
            ln_likelihood -= 0.5 * innovation.ln();
            level_variance = before * track.variance[i] / innovation;
        }
        Self { steps, ln_likelihood, level_variance }
    }

    /// Returns the log-likelihood of `ln_values` under a shape, but for a constant, and the level at the last point.
    pub(crate) fn follow(&self, ln_values: &[f64], ln_shape: &[f64]) -> (f64, f64) {
        let mut level = ln_values[0] - ln_shape[0];
        let mut ln_likelihood = self.ln_likelihood;
        for (i, step) in self.steps.iter().enumerate() {
            let surprise = ln_values[i + 1] - ln_shape[i + 1] - level;
            ln_likelihood -= step.half_precision * surprise * surprise;
            level += step.gain * surprise;
        }
        (ln_likelihood, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        Track { u: vec![0.0, 1.0, 3.0], ln_value: vec![0.3, -0.2, 0.4], variance: vec![0.01, 0.04, 0.02] }
    }

    /// The last level by brute force: the joint Gaussian of all innovations, with the first level free.
    #[test]
    fn filter_agrees_with_weighted_least_squares_on_two_points() {
        let two = Track { u: vec![0.0, 2.0], ln_value: vec![1.0, 2.0], variance: vec![0.1, 0.3] };
        let filter = Filter::new(&two, 0.5);
        let (ln_likelihood, level) = filter.follow(&two.ln_value, &[0.0, 0.0]);
        // Level 2 has two independent estimates: 1.0 with variance 0.1 + 0.25 · 2 = 0.6, and 2.0 with 0.3.
        let expected = (1.0 / 0.6 + 2.0 / 0.3) / (1.0 / 0.6 + 1.0 / 0.3);
        assert!((level - expected).abs() < 1e-12);
        assert!((filter.level_variance - 1.0 / (1.0 / 0.6 + 1.0 / 0.3)).abs() < 1e-12);
        // The difference 1.0 has variance 0.1 + 0.5 + 0.3 = 0.9.
        assert!((ln_likelihood - (-0.5 * 0.9_f64.ln() - 0.5 / 0.9)).abs() < 1e-12);
    }

    #[test]
    fn weights_sum_to_one_and_prefer_the_shape_that_fits() {
        let track = track();
        let wrong: Vec<f64> = track.ln_value.iter().map(|v| -3.0 * v).collect();
        let ln_shapes = [track.ln_value.clone(), wrong].concat();
        let drifts =
            [Drift { rate: 0.02, ln_weight: 0.5_f64.ln() }, Drift { rate: 0.2, ln_weight: 0.5_f64.ln() }];
        let averaged = Averaged::new(&track, &ln_shapes, &[0.5_f64.ln(); 2], &drifts);
        let weights = averaged.shape_weights();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(weights[0] > 0.9);
        assert!((averaged.drift_weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_median_ignores_how_far_the_tail_reaches() {
        let one = Track { u: vec![0.0, 1.0], ln_value: vec![0.0, 0.0], variance: vec![0.01, 0.01] };
        let prior = [0.4_f64.ln(), 0.35_f64.ln(), 0.25_f64.ln()];
        let averaged = Averaged::new(&one, &[0.0; 6], &prior, &[Drift { rate: 0.1, ln_weight: 0.0 }]);
        assert_eq!(averaged.median(&[0.1, 0.2, 0.3]), 0.2);
        assert_eq!(averaged.median(&[0.1, 0.2, 300.0]), 0.2);
    }

    #[test]
    fn covariance_with_itself_is_the_variance_and_grows_with_distance() {
        let track = track();
        let ln_shapes = [track.ln_value.clone(), vec![0.0; 3]].concat();
        let averaged = Averaged::new(&track, &ln_shapes, &[0.0, 0.0], &[Drift { rate: 0.1, ln_weight: 0.0 }]);
        let ahead = [0.7, 0.1];
        let near = averaged.outlook(&ahead, 1.0);
        let far = averaged.outlook(&ahead, 4.0);
        let covariance = averaged.covariance((&ahead, 1.0), (&ahead, 1.0));
        assert!((covariance - near.sd * near.sd).abs() < 1e-12);
        assert!((far.sd.powi(2) - near.sd.powi(2) - 0.01 * 3.0).abs() < 1e-12);
    }
}
