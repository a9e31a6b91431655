//! Measured points: one value for each place, in order.

use super::averaging::Track;
use crate::Observation;

/// The relative standard deviation that no repetition takes away: layout, placement, temperature.
pub(crate) const NOISE_FLOOR: f64 = 0.01;

/// The merged measurements of one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// The size, or 1 where the workload has none.
    pub(crate) n: f64,
    pub(crate) p: f64,
    pub(crate) ln_value: f64,
    /// The standard deviation of `ln_value`, without the floor.
    pub(crate) sd: f64,
}

/// Merges repeated observations of a point into their median, and sorts by size, then workers.
pub(crate) fn merge(observations: &[Observation]) -> Vec<Place> {
    let mut sorted: Vec<&Observation> = observations.iter().collect();
    let size = |observation: &Observation| observation.n.unwrap_or(1.0);
    sorted.sort_by(|a, b| {
        size(a).total_cmp(&size(b)).then(a.p.total_cmp(&b.p)).then(a.time.total_cmp(&b.time))
    });
    sorted.chunk_by(|a, b| size(a) == size(b) && a.p == b.p).map(|same| median(same, size(same[0]))).collect()
}

/// Returns the median of observations of one point that are sorted by time.
fn median(same: &[&Observation], n: f64) -> Place {
    let count = same.len();
    let middle = f64::midpoint(same[(count - 1) / 2].time, same[count / 2].time);
    let repeats = count as f64;
    let known = same.iter().map(|observation| observation.log_sd.powi(2)).sum::<f64>() / repeats;
    let logs: Vec<f64> = same.iter().map(|observation| observation.time.ln()).collect();
    let mean = logs.iter().sum::<f64>() / repeats;
    let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (repeats - 1.0).max(1.0);
    Place { n, p: same[0].p, ln_value: middle.ln(), sd: (known.max(spread) / repeats).sqrt() }
}

/// Returns the places as a track over the binary logarithm of `coordinate`.
pub(crate) fn track(places: &[Place], coordinate: impl Fn(&Place) -> f64) -> Track {
    Track {
        u: places.iter().map(|place| coordinate(place).log2()).collect(),
        ln_value: places.iter().map(|place| place.ln_value).collect(),
        variance: places.iter().map(|place| place.sd.powi(2) + NOISE_FLOOR.powi(2)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_become_their_median_with_its_standard_error() {
        let observations = [3.0, 1.0, 2.0].map(|time| Observation::new(4.0, time));
        let merged = merge(&observations);
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].ln_value, 2.0_f64.ln());
        // ln 1, ln 2, ln 3 have mean 0.5973 and variance 0.3088; a third of it is 0.1029.
        assert!((merged[0].sd - 0.3208).abs() < 1e-3, "{}", merged[0].sd);
    }

    #[test]
    fn places_are_sorted_by_size_then_workers() {
        let at = |n, p| Observation { n: Some(n), ..Observation::new(p, 1.0) };
        let merged = merge(&[at(2.0, 1.0), at(1.0, 4.0), at(1.0, 2.0)]);
        let places: Vec<(f64, f64)> = merged.iter().map(|place| (place.n, place.p)).collect();
        assert_eq!(places, [(1.0, 2.0), (1.0, 4.0), (2.0, 1.0)]);
    }
}
