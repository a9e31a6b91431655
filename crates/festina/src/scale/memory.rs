//! How much memory a run needs, and whether that is there.

use festina_laws::memory::{MemoryModel, MemoryObservation};
use festina_measure::Measurement;
use festina_types::{Bytes, Estimate, Workers};

use super::analysis::{BAND, WIDEST_BAND};
use super::result::MemoryResult;

/// Over the measured sizes memory grows by more than this factor, or it is not said to grow.
const LEAST_GROWTH: f64 = 1.1;

/// How sure the largest size must be.
const CONFIDENCE: f64 = 0.95;

/// The growth of the peak memory, with the limit asked about.
pub(crate) struct Memory {
    model: MemoryModel,
    limit: Option<Bytes>,
    most: Workers,
    /// The smallest and the largest size that was measured.
    sizes: Option<(f64, f64)>,
}

impl Memory {
    /// Fits the growth of the peaks of `points`; `None` where they tell none.
    pub(crate) fn fit(points: &[&Measurement], limit: Option<Bytes>) -> Option<Self> {
        let observation = |point: &&Measurement| {
            let peak = Bytes(point.peak_rss?.value as u64);
            Some(MemoryObservation { n: point.point.n, p: point.point.workers(), peak })
        };
        let observations: Vec<MemoryObservation> = points.iter().filter_map(observation).collect();
        let most = points.iter().map(|point| point.point.p).max()?;
        let mut sizes: Vec<f64> = observations.iter().filter_map(|o| o.n).collect();
        sizes.sort_by(f64::total_cmp);
        let sizes = sizes.first().copied().zip(sizes.last().copied());
        Some(Self { model: MemoryModel::fit(&observations).ok()?, limit, most, sizes })
    }

    /// Returns the peak at size `n` on `p` workers, and the probability that it exceeds the limit; `None` where the band
    /// is so wide that it says nothing.
    pub(crate) fn forecast(&self, n: Option<f64>, p: u32) -> Option<(Estimate, Option<f64>)> {
        let workers = f64::from(p);
        let peak = self.model.forecast(n, workers, BAND).ok()?;
        if peak.interval.is_some_and(|band| band.upper > WIDEST_BAND * band.lower) {
            return None;
        }
        let probability = self.limit.and_then(|limit| self.model.out_of_memory(n, workers, limit).ok());
        Some((peak, probability))
    }

    /// Returns what there is to say of it.
    pub(crate) fn result(&self) -> Option<MemoryResult> {
        let (smallest, most) = self.sizes.filter(|(smallest, largest)| smallest < largest)?;
        let peak = |n: f64| Some(self.model.forecast(Some(n), f64::from(self.most.get()), BAND).ok()?.value);
        let grows = peak(most)? > LEAST_GROWTH * peak(smallest)?;
        let exponent = self.model.exponent().filter(|_| grows);
        let largest = self.limit.filter(|_| grows).and_then(|limit| {
            self.model
                .largest_size(f64::from(self.most.get()), limit, CONFIDENCE)
                .ok()
                .filter(|n| n.is_finite())
        });
        Some(MemoryResult { exponent, limit_bytes: self.limit.map(|limit| limit.0), largest_size: largest })
    }
}
