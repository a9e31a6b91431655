//! Whether values fall into two groups: Hartigan's dip test.

use serde::{Deserialize, Serialize};

use super::quantile::{median_of_sorted, sorted};
use super::random::Random;
use crate::LawError;

/// Two groups of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Modes {
    /// The median of the lower group.
    pub lower: f64,
    /// The median of the upper group.
    pub upper: f64,
    /// The number of values in the lower group.
    pub lower_count: usize,
    /// The number of values in the upper group.
    pub upper_count: usize,
    /// The probability of a dip at least as large in uniform values, the hardest to tell apart of all that have one mode.
    pub p_value: f64,
}

/// The p-value below which two modes are reported.
const SIGNIFICANCE: f64 = 0.05;

/// Uniform samples drawn for the p-value.
const RESAMPLES: u32 = 999;

/// Beyond this many values the dip's distribution shrinks as 1/√n and need not be sampled at full size.
const ASYMPTOTIC_FROM: usize = 200;

/// Returns the two modes of `values` if the dip test refuses a single one at the 5 % level; being judged against the uniform, times with one
/// peak are accused far more rarely.
///
/// The values are split where the variance between the groups is largest. A few outliers are no mode: they make no dip.
///
/// ```
/// use festina_laws::stats::modes;
/// let two = [1.00, 1.02, 1.50, 1.01, 1.52, 1.03, 1.51, 1.49, 1.04, 1.53];
/// let found = modes(&two)?.expect("two modes");
/// assert_eq!((found.lower_count, found.upper_count), (5, 5));
/// assert_eq!((found.lower, found.upper), (1.02, 1.51));
/// assert_eq!(modes(&[1.00, 1.02, 1.04, 1.01, 1.05, 1.03, 1.06, 1.08, 1.07, 1.50])?, None);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::TooFew`] without values, [`LawError::Observation`] if one isn't finite.
pub fn modes(values: &[f64]) -> Result<Option<Modes>, LawError> {
    let sorted = sorted(values)?;
    let Some(p_value) = p_value(sorted.len(), dip_of_sorted(&sorted)) else { return Ok(None) };
    let (lower, upper) = sorted.split_at(best_split(&sorted));
    Ok(Some(Modes {
        lower: median_of_sorted(lower),
        upper: median_of_sorted(upper),
        lower_count: lower.len(),
        upper_count: upper.len(),
        p_value,
    }))
}

/// Returns the dip: the greatest distance between the values' distribution function and the closest one with a
/// single mode. At least 1 / 2n, at most ¼.
///
/// ```
/// // Two pairs: half of the mass on either side, no mode between them.
/// assert_eq!(festina_laws::stats::dip(&[0.0, 0.0, 1.0, 1.0]), Ok(0.25));
/// ```
///
/// Source: J. A. Hartigan, P. M. Hartigan, *The dip test of unimodality*, Ann. Stat. 13 (1985), 70–84, § 4.
/// O(n log n).
///
/// # Errors
///
/// As [`modes`].
pub fn dip(values: &[f64]) -> Result<f64, LawError> {
    Ok(dip_of_sorted(&sorted(values)?))
}

/// A distribution function at its distinct values, in counts.
struct Steps {
    values: Vec<f64>,
    /// The count of smaller values: the function just left of each.
    below: Vec<f64>,
    /// The count of values up to each.
    through: Vec<f64>,
}

fn dip_of_sorted(sorted: &[f64]) -> f64 {
    let steps = Steps::new(sorted);
    let (mut low, mut high) = (0, steps.values.len() - 1);
    let mut dip: f64 = 1.0;
    while low < high {
        let convex = hull(&steps.values, &steps.below, low, high, |turn| turn > 0.0);
        let concave = hull(&steps.values, &steps.through, low, high, |turn| turn < 0.0);
        let minorant = heights(&steps.values, &steps.below, &convex);
        let majorant = heights(&steps.values, &steps.through, &concave);
        let (distance, mode) = widest(low, &convex, &concave, &minorant, &majorant);
        if distance <= dip {
            break;
        }
        let left = (low..=mode.0).map(|k| steps.through[k] - minorant[k - low]);
        let right = (mode.1..=high).map(|k| majorant[k - low] - steps.below[k]);
        dip = left.chain(right).fold(dip, f64::max);
        if mode == (low, high) {
            break;
        }
        (low, high) = mode;
    }
    dip / (2.0 * sorted.len() as f64)
}

impl Steps {
    fn new(sorted: &[f64]) -> Self {
        let (mut values, mut below, mut through) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0.0;
        for equal in sorted.chunk_by(|a, b| a == b) {
            values.push(equal[0]);
            below.push(count);
            count += equal.len() as f64;
            through.push(count);
        }
        Self { values, below, through }
    }
}

/// Returns the corners, from `low` to `high`, of the chain of points whose every turn `keeps` its direction.
fn hull(x: &[f64], y: &[f64], low: usize, high: usize, keeps: impl Fn(f64) -> bool) -> Vec<usize> {
    let mut corners: Vec<usize> = Vec::new();
    for k in low..=high {
        while let [.., a, b] = corners[..] {
            let turn = (x[b] - x[a]) * (y[k] - y[a]) - (y[b] - y[a]) * (x[k] - x[a]);
            if keeps(turn) {
                break;
            }
            corners.pop();
        }
        corners.push(k);
    }
    corners
}

/// Returns the height of the chain through `corners` at every point from its first to its last corner.
fn heights(x: &[f64], y: &[f64], corners: &[usize]) -> Vec<f64> {
    let mut heights = vec![y[corners[0]]];
    for pair in corners.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let slope = (y[b] - y[a]) / (x[b] - x[a]);
        heights.extend((a + 1..b).map(|k| y[a] + slope * (x[k] - x[a])));
        heights.push(y[b]);
    }
    heights
}

/// Returns the greatest distance of the chains at their corners, and the interval that must hold the mode.
fn widest(
    low: usize,
    convex: &[usize],
    concave: &[usize],
    minorant: &[f64],
    majorant: &[f64],
) -> (f64, (usize, usize)) {
    let distance = |k: usize| majorant[k - low] - minorant[k - low];
    let at_convex = convex.iter().map(|&g| {
        let end = concave[concave.partition_point(|&l| l < g)];
        (distance(g), (g, end))
    });
    let at_concave = concave.iter().map(|&l| {
        let start = convex[convex.partition_point(|&g| g <= l) - 1];
        (distance(l), (start, l))
    });
    let larger = |best: (f64, _), next: (f64, _)| if next.0 > best.0 { next } else { best };
    at_convex.chain(at_concave).fold((0.0, (low, low)), larger)
}

/// Returns the share of uniform samples with at least this dip, from a fixed seed; `None` once it is sure to be no less
/// than [`SIGNIFICANCE`], which for values with one mode is soon.
fn p_value(n: usize, dip: f64) -> Option<f64> {
    let size = n.min(ASYMPTOTIC_FROM);
    let dip = dip * (n as f64 / size as f64).sqrt();
    let mut random = Random::new(n as u64);
    let mut sample = vec![0.0; size];
    let mut as_large = 0;
    for _ in 0..RESAMPLES {
        sample.fill_with(|| random.uniform());
        sample.sort_unstable_by(f64::total_cmp);
        as_large += u32::from(dip_of_sorted(&sample) >= dip);
        if f64::from(as_large + 1) >= SIGNIFICANCE * f64::from(RESAMPLES + 1) {
            return None;
        }
    }
    Some(f64::from(as_large + 1) / f64::from(RESAMPLES + 1))
}

/// Returns how many values to put into the lower group so that the variance between the groups is largest.
fn best_split(sorted: &[f64]) -> usize {
    let total: f64 = sorted.iter().sum();
    let n = sorted.len() as f64;
    let mut sum = 0.0;
    let mut best = (f64::NEG_INFINITY, 0);
    for split in 1..sorted.len() {
        sum += sorted[split - 1];
        let size = split as f64;
        let separation = total / n - sum / size;
        let between = size / (n - size) * separation * separation;
        if between > best.0 && sorted[split] > sorted[split - 1] {
            best = (between, split);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_modes_are_found_and_single_ones_left_alone() {
        let mut random = Random::new(5);
        let (mut found, mut false_alarms) = (0, 0);
        for round in 0..200 {
            let mut sample = |distance: f64| -> Vec<f64> {
                (0..20).map(|i| (if i % 2 == 0 { 0.0 } else { distance }) + random.normal()).collect()
            };
            found += usize::from(modes(&sample(7.0)).unwrap().is_some());
            let single = sample(0.0);
            let single =
                if round % 2 == 0 { single } else { single.iter().map(|z| z.exp()).collect::<Vec<_>>() };
            false_alarms += usize::from(modes(&single).unwrap().is_some());
        }
        assert!(found >= 190, "{found} of 200 pairs of modes seven deviations apart");
        assert!(false_alarms <= 4, "{false_alarms} of 200 single modes");
    }

    #[test]
    fn the_dip_equals_that_of_the_package_diptest() {
        // diptest.dipstat of u, of u² and of u/8 | 1 − u/8 split at u = 0.4; u from the C library's generator.
        let cases: [(u64, u64, [f64; 3]); 4] = [
            (5, 1, [0.121_384_855_216_900_61, 0.144_779_606_802_206_53, 0.196_134_438_000_668_7]),
            (10, 2, [0.073_423_145_560_549_3, 0.089_490_576_420_166_5, 0.142_126_087_441_569_53]),
            (30, 3, [0.059_703_269_469_847_19, 0.085_569_510_974_637_72, 0.221_315_838_092_345_26]),
            (1000, 5, [0.012_267_361_373_815_703, 0.009_900_019_860_063_33, 0.178_705_427_202_501_1]),
        ];
        for (n, seed, expected) in cases {
            let mut state = seed;
            let uniform: Vec<f64> = (0..n)
                .map(|_| {
                    state = (state * 1_103_515_245 + 12_345) % (1 << 31);
                    state as f64 / (1_u64 << 31) as f64
                })
                .collect();
            let squares: Vec<f64> = uniform.iter().map(|u| u * u).collect();
            let split: Vec<f64> =
                uniform.iter().map(|&u| if u < 0.4 { u / 8.0 } else { 1.0 - u / 8.0 }).collect();
            for (values, expected) in [uniform, squares, split].iter().zip(expected) {
                let actual = dip(values).unwrap();
                assert!((actual - expected).abs() < 1e-12, "n = {n}: {actual} != {expected}");
            }
        }
        let tied = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 8.0, 8.0, 9.0, 9.0, 9.0, 10.0];
        assert!((dip(&tied).unwrap() - 0.178_571_428_571_428_58).abs() < 1e-15);
    }

    #[test]
    fn a_few_outliers_are_no_mode() {
        let mut values: Vec<f64> = (0..18).map(|i| 1.0 + f64::from(i) / 100.0).collect();
        values.extend([9.0, 9.1]);
        assert_eq!(modes(&values), Ok(None));
        for single in [&[1.0; 20][..], &[1.0, 2.0], &[3.0]] {
            assert_eq!(modes(single), Ok(None));
        }
    }
}
