//! Intervals by resampling.

use festina_types::{Estimate, Interval, Method};

use super::distributions::{normal_cdf, normal_quantile};
use super::quantile::{check, quantile_of_sorted};
use super::random::Random;
use crate::LawError;
use crate::error::require_level;

/// The number of resamples that leaves the ends of a 95 % interval uncertain by about 2 % of its width.
pub const DEFAULT_RESAMPLES: usize = 4_000;

/// How an interval is resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// The nominal coverage.
    pub level: f64,
    /// How many resamples to draw, at least 100.
    pub resamples: usize,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Bootstrap {
    /// Returns a bootstrap at `level` with [`DEFAULT_RESAMPLES`] from `seed`.
    pub fn new(level: f64, seed: u64) -> Self {
        Self { level, resamples: DEFAULT_RESAMPLES, seed }
    }

    /// Returns `statistic` of `items` with its bias-corrected and accelerated (`BCa`) interval.
    ///
    /// Whole items are resampled, so a statistic of blocks (paired times, for instance) keeps the blocks whole.
    /// Resamples on which the statistic is not finite are left out. Where all resamples agree, the interval has
    /// no width.
    ///
    /// ```
    /// use festina_laws::stats::Bootstrap;
    /// let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    /// let times: Vec<f64> = (0..30).map(|i| 1.0 + f64::from(i * 7 % 30) / 100.0).collect();
    /// let estimate = Bootstrap::new(0.95, 1).interval(&times, mean)?;
    /// let interval = estimate.interval.unwrap();
    /// // Mean ± 1.96 · sd / √n = 1.145 ± 0.031, without its symmetry.
    /// assert!((interval.lower - 1.114).abs() < 0.004 && (interval.upper - 1.176).abs() < 0.004);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// Source: B. Efron, *Better bootstrap confidence intervals*, J. Am. Stat. Assoc. 82 (1987), 171–185.
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] with fewer than two items or 100 resamples, [`LawError::Parameter`] if the level is not
    /// between 0 and 1 or the statistic of the items themselves is not finite.
    pub fn interval<T: Copy>(
        &self,
        items: &[T],
        statistic: impl Fn(&[T]) -> f64,
    ) -> Result<Estimate, LawError> {
        require_level(self.level)?;
        for (what, needed, unit, given) in
            [("a bootstrap", 2, "items", items.len()), ("a bootstrap", 100, "resamples", self.resamples)]
        {
            if given < needed {
                return Err(LawError::TooFew { what, needed, unit, given });
            }
        }
        let value = statistic(items);
        check(&[value], "a bootstrap", 1).map_err(|_| LawError::Parameter {
            name: "the statistic",
            expected: "finite",
            value,
        })?;
        let replicates = self.replicates(items, &statistic);
        let acceleration = acceleration(items, &statistic);
        let interval = bias_corrected(&replicates, value, acceleration, self.level);
        Ok(Estimate { value, interval, method: Method::Bootstrap })
    }

    /// Returns the statistic of every resample, ascending.
    fn replicates<T: Copy>(&self, items: &[T], statistic: impl Fn(&[T]) -> f64) -> Vec<f64> {
        let mut random = Random::new(self.seed);
        let mut resample = items.to_vec();
        let draw = |_| {
            for slot in &mut resample {
                *slot = items[random.below(items.len())];
            }
            statistic(&resample)
        };
        let mut replicates: Vec<f64> =
            (0..self.resamples).map(draw).filter(|value| value.is_finite()).collect();
        replicates.sort_unstable_by(f64::total_cmp);
        replicates
    }
}

/// Returns Efron's acceleration, a sixth of the skewness of the jackknife values; 0 where they are all equal.
fn acceleration<T: Copy>(items: &[T], statistic: impl Fn(&[T]) -> f64) -> f64 {
    let mut left_out = items[1..].to_vec();
    let mut jackknife = Vec::with_capacity(items.len());
    for i in 0..items.len() {
        jackknife.push(statistic(&left_out));
        if i < left_out.len() {
            left_out[i] = items[i];
        }
    }
    jackknife.retain(|value| value.is_finite());
    let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
    let moment = |power| jackknife.iter().map(|value| (mean - value).powi(power)).sum::<f64>();
    let acceleration = moment(3) / (6.0 * moment(2).powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

/// Returns the quantiles of the replicates whose levels are corrected for bias and skewness.
fn bias_corrected(replicates: &[f64], value: f64, acceleration: f64, level: f64) -> Option<Interval> {
    let (first, last) = (*replicates.first()?, *replicates.last()?);
    if first == last {
        return Some(Interval { lower: first.min(value), upper: last.max(value), level });
    }
    let below = replicates.partition_point(|&replicate| replicate < value);
    let not_above = replicates.partition_point(|&replicate| replicate <= value);
    let count = replicates.len() as f64;
    // Ties count half; the limits keep the correction finite where the value lies outside all replicates.
    let fraction = ((below + not_above) as f64 / 2.0 / count).clamp(0.5 / count, 1.0 - 0.5 / count);
    let bias = normal_quantile(fraction);
    let corrected = |probability: f64| {
        let shifted = bias + normal_quantile(probability);
        quantile_of_sorted(replicates, normal_cdf(bias + shifted / (1.0 - acceleration * shifted)))
    };
    let tail = (1.0 - level) / 2.0;
    let (lower, upper) = (corrected(tail), corrected(1.0 - tail));
    Some(Interval { lower: lower.min(upper), upper: upper.max(lower), level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::median;

    const SKEWED: [f64; 12] = [0.2, 0.5, 0.9, 1.1, 1.3, 1.4, 1.8, 2.3, 2.9, 3.4, 4.8, 7.9];

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn sd(values: &[f64]) -> f64 {
        (values.iter().map(|value| (value - mean(values)).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn equals_scipys_bca_interval_to_the_noise_of_resampling() {
        // scipy.stats.bootstrap((data,), statistic, method="BCa", n_resamples=200000), two seeds.
        type Case = (fn(&[f64]) -> f64, f64, f64, f64);
        let cases: [Case; 3] = [
            (mean, 1.487, 4.037, 0.03),
            (sd, 1.140, 3.340, 0.03),
            (|values| median(values).unwrap(), 1.0, 3.15, 0.01),
        ];
        for (statistic, lower, upper, tolerance) in cases {
            let bootstrap = Bootstrap { resamples: 60_000, ..Bootstrap::new(0.95, 7) };
            let interval = bootstrap.interval(&SKEWED, statistic).unwrap().interval.unwrap();
            assert!((interval.lower - lower).abs() < tolerance, "{interval:?}");
            assert!((interval.upper - upper).abs() < tolerance, "{interval:?}");
        }
    }

    #[test]
    fn intervals_of_medians_of_skewed_times_cover_as_often_as_they_say() {
        let mut random = Random::new(6);
        let rounds = 400;
        let covered = (0..rounds)
            .filter(|&round| {
                let times: Vec<f64> = (0..25).map(|_| (0.3 * random.normal()).exp()).collect();
                let bootstrap = Bootstrap { resamples: 1_000, ..Bootstrap::new(0.95, round) };
                let median = |values: &[f64]| median(values).unwrap();
                bootstrap.interval(&times, median).unwrap().interval.unwrap().contains(1.0)
            })
            .count();
        // The standard deviation of the share is 1.1 %.
        let share = covered as f64 / rounds as f64;
        assert!((share - 0.95).abs() < 0.03, "{share}");
    }

    #[test]
    fn the_seed_decides_everything() {
        let interval = |seed| Bootstrap::new(0.9, seed).interval(&SKEWED, mean).unwrap();
        assert_eq!(interval(3), interval(3));
        assert_ne!(interval(3), interval(4));
    }

    #[test]
    fn equal_values_have_an_interval_without_width() {
        let interval = Bootstrap::new(0.95, 1).interval(&[2.0; 8], mean).unwrap().interval.unwrap();
        assert_eq!((interval.lower, interval.upper), (2.0, 2.0));
        assert!(Bootstrap::new(0.95, 1).interval(&[2.0], mean).is_err());
        assert!(Bootstrap::new(0.95, 1).interval(&[f64::NAN; 3], mean).is_err());
    }
}
