//! A population of tours under edge assembly crossover, its generations spread over a backend.

use festina_types::Backend;

use super::tasks::{Common, garbled, kind, map};
use super::wire::Reader;
use crate::eax::EdgeCounts;
use crate::error::RouteError;
use crate::local::random::Random;

/// Tours with their lengths.
pub(super) struct Population {
    pub(super) tours: Vec<(Vec<u32>, i64)>,
    counts: EdgeCounts,
}

impl Population {
    pub(super) fn new(tours: Vec<(Vec<u32>, i64)>) -> Self {
        let counts = EdgeCounts::of(tours.iter().map(|(order, _)| &order[..]));
        Self { tours, counts }
    }

    /// Returns the shortest tour.
    pub(super) fn best(&self) -> &(Vec<u32>, i64) {
        self.tours.iter().min_by_key(|(_, length)| *length).expect("a population is not empty")
    }

    /// Keeps the `size` shortest tours.
    pub(super) fn shrink(&mut self, size: usize) {
        if size < self.tours.len() {
            self.tours.sort_by_key(|(_, length)| *length);
            self.tours.truncate(size);
            self.counts = EdgeCounts::of(self.tours.iter().map(|(order, _)| &order[..]));
        }
    }

    /// Lets every tour mate with the next in a random ring; returns how many were replaced by a child.
    ///
    /// Each pair has its own stream of random numbers, so that the outcome does not depend on the number of workers.
    pub(super) fn generation(
        &mut self,
        common: &Common,
        backend: &dyn Backend,
        random: &mut Random,
    ) -> Result<usize, RouteError> {
        let size = self.tours.len();
        let mut ring: Vec<usize> = (0..size).collect();
        random.shuffle(&mut ring);
        let seed = random.bits();
        let chunk = size.div_ceil(backend.workers().get() as usize);
        let firsts: Vec<usize> = (0..size).step_by(chunk).collect();
        let inputs = firsts.iter().map(|&first| {
            let pairs = chunk.min(size - first);
            let chosen: Vec<usize> = (0..=pairs).map(|i| ring[(first + i) % size]).collect();
            self.task(common, &chosen, seed, first)
        });
        let outputs = map(backend, inputs.collect())?;
        let mut replaced = 0;
        for (&first, output) in firsts.iter().zip(&outputs) {
            let mut reader = Reader(output);
            for &index in &ring[first..size.min(first + chunk)] {
                if reader.u64().map_err(garbled)? == 1 {
                    let gain = reader.u64().map_err(garbled)? as i64;
                    let order = reader.read_u32s().map_err(garbled)?;
                    let (old, length) = &mut self.tours[index];
                    self.counts.replace(old, &order);
                    *old = order;
                    *length -= gain;
                    replaced += 1;
                }
            }
        }
        Ok(replaced)
    }

    fn task(&self, common: &Common, chosen: &[usize], seed: u64, first: usize) -> Vec<u8> {
        let n = self.tours[0].0.len();
        let (keys, counts) = self.counts.parts();
        let mut writer = common.task(kind::BREED, 4 * n * chosen.len() + 12 * keys.len() + 64);
        for value in [self.tours.len() as u64, seed, first as u64, chosen.len() as u64] {
            writer.u64(value);
        }
        writer.u64s(keys);
        writer.u32s(counts);
        for &index in chosen {
            writer.u32s(&self.tours[index].0);
        }
        writer.0
    }
}
