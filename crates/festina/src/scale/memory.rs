//! How much memory a run needs, and whether that is there.

use festina_laws::memory::{MemoryModel, MemoryObservation};
use festina_measure::Measurement;
use festina_types::{Bytes, Estimate, Workers};

use super::analysis::BAND;
use super::result::MemoryResult;

/// How sure the largest size must be.
const CONFIDENCE: f64 = 0.95;

/// The growth of the peak memory, with the limit asked about.
pub(crate) struct Memory {
    model: MemoryModel,
    limit: Option<Bytes>,
    most: Workers,
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
        Some(Self { model: MemoryModel::fit(&observations).ok()?, limit, most })
    }

    /// Returns the peak at size `n` on `p` workers, and the probability that it exceeds the limit.
    pub(crate) fn forecast(&self, n: Option<f64>, p: u32) -> Option<(Estimate, Option<f64>)> {
        let workers = f64::from(p);
        let peak = self.model.forecast(n, workers, BAND).ok()?;
        let probability = self.limit.and_then(|limit| self.model.out_of_memory(n, workers, limit).ok());
        Some((peak, probability))
    }

    /// Returns what there is to say of it.
    pub(crate) fn result(&self) -> Option<MemoryResult> {
        let exponent = self.model.exponent()?;
        let largest = self.limit.and_then(|limit| {
            self.model
                .largest_size(f64::from(self.most.get()), limit, CONFIDENCE)
                .ok()
                .filter(|n| n.is_finite())
        });
        Some(MemoryResult { exponent, limit_bytes: self.limit.map(|limit| limit.0), largest_size: largest })
    }
}
