//! The tasks that `auto` maps over a backend: pure functions from bytes to bytes.

use festina_types::{Backend, Function};

use super::wire::{Reader, Writer};
use crate::bound::ascent::ascend;
use crate::bound::certificate::Certificate;
use crate::bound::complete::certify;
use crate::construct::greedy;
use crate::eax::{Breeder, EdgeCounts};
use crate::error::RouteError;
use crate::local::lin_kernighan::{Reach, Search};
use crate::local::random::Random;
use crate::model::{Distance, Metric, Model, Plane};
use crate::space::candidates::Candidates;

/// The function that every worker of a backend must be able to call to solve with festina-route.
///
/// A backend whose workers are other processes looks it up by its name.
pub const TASK: Function = Function { name: "festina-route/task", call };

/// What a task does; the number is its first eight bytes.
pub(crate) mod kind {
    pub(crate) const IMPROVE: u64 = 1;
    pub(crate) const BREED: u64 = 2;
    pub(crate) const ASCEND: u64 = 3;
    pub(crate) const CERTIFY: u64 = 4;
    /// Anneal routes of vehicles, see `crate::vrp`.
    pub(crate) const ANNEAL: u64 = 5;
    /// Breed plans, see `crate::vrp`.
    pub(crate) const BREED_PLANS: u64 = 6;
    pub(crate) const NEAR: u64 = 7;
}

/// Calls `$body` with the model's distances in their fastest form.
macro_rules! with_distance {
    ($model:expr, |$distance:ident| $body:expr) => {
        match &$model.metric {
            Metric::Plane(points) if !$model.dummy => {
                let $distance = &Plane(points);
                $body
            }
            _ => {
                let $distance = $model;
                $body
            }
        }
    };
}

fn call(input: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = Reader(input);
    let kind = reader.u64()?;
    match kind {
        kind::ANNEAL => return crate::vrp::anneal(&mut reader),
        kind::BREED_PLANS => return crate::vrp::breed(&mut reader),
        _ => {}
    }
    let model = reader.model()?;
    let mut writer = Writer::default();
    if kind == kind::NEAR {
        let [k, first, last] = [reader.u64()?, reader.u64()?, reader.u64()?].map(|value| value as usize);
        writer.candidates(&Candidates::part(&model, k, true, first..last));
        return Ok(writer.0);
    }
    let candidates = reader.candidates()?;
    match kind {
        kind::IMPROVE => {
            let job = Improve::read(&mut reader)?;
            let (order, gain) = with_distance!(&model, |distance| job.run(&model, distance, &candidates));
            writer.u64(gain as u64);
            writer.u32s(&order);
        }
        kind::BREED => {
            with_distance!(&model, |distance| breed(
                &mut reader,
                &mut writer,
                distance,
                &candidates,
                &model.partner
            ))?;
        }
        kind::ASCEND => {
            let (upper, steps) = (reader.u64()? as i64, reader.u64()? as usize);
            let lambda = (reader.f64()?, reader.f64()?);
            let (start, tour) = (reader.read_f64s()?, reader.read_u32s()?);
            let ascent = ascend(&model, &candidates, &tour, upper, start, steps, lambda);
            writer.f64(ascent.value);
            writer.f64s(&ascent.multipliers);
        }
        kind::CERTIFY => {
            let upper = reader.u64()? as i64;
            let certificate = certify(&model, &reader.read_f64s()?, upper);
            writer.u64(certificate.scale as u64);
            writer.u64(certificate.bound as u64);
            writer.u64(certificate.left_out as u64);
            writer.i64s(&certificate.multipliers);
        }
        _ => return Err(format!("there is no task of kind {kind}")),
    }
    Ok(writer.0)
}

/// A tour to be improved by Lin–Kernighan and kicks.
#[derive(Clone, Debug)]
pub(crate) struct Improve {
    /// The tour; where it is empty, a greedy one with this much noise is made.
    pub(crate) order: Vec<u32>,
    pub(crate) noise: f64,
    /// Whether every node is looked at first.
    pub(crate) settle: bool,
    pub(crate) kicks: u64,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
}

impl Improve {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32s(&self.order);
        writer.f64(self.noise);
        for value in [u64::from(self.settle), self.kicks, self.seed, self.stream] {
            writer.u64(value);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        Ok(Self {
            order: reader.read_u32s()?,
            noise: reader.f64()?,
            settle: reader.u64()? == 1,
            kicks: reader.u64()?,
            seed: reader.u64()?,
            stream: reader.u64()?,
        })
    }

    /// Returns the improved tour, and how much shorter it is than the given one.
    pub(crate) fn run<D: Distance>(
        self,
        model: &Model,
        distance: &D,
        candidates: &Candidates,
    ) -> (Vec<u32>, i64) {
        let mut random = Random::new(self.seed, self.stream);
        let order = if self.order.is_empty() {
            greedy::tour(model, candidates, self.noise, &mut random)
        } else {
            self.order
        };
        let mut search = Search::new(distance, candidates, &model.partner, Reach::of(model.n()), order);
        let mut gain = 0;
        if self.settle {
            search.wake_all();
            gain += search.settle(|| true);
        }
        gain += search.iterate(self.kicks, &mut random, || true);
        (search.tour.into_order(), gain)
    }
}

/// Writes for each pair of tours that follow each other 1 and the child, or 0.
fn breed<D: Distance>(
    reader: &mut Reader<'_>,
    writer: &mut Writer,
    distance: &D,
    candidates: &Candidates,
    partner: &[u32],
) -> Result<(), String> {
    let [size, seed, first, tours] = [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
    let counts = EdgeCounts::from_parts(reader.read_u64s()?, reader.read_u32s()?);
    let tours = (0..tours).map(|_| reader.read_u32s()).collect::<Result<Vec<_>, _>>()?;
    let n = tours.first().map_or(0, Vec::len);
    let mut breeder = Breeder::new(distance, candidates, partner, n);
    for (pair, stream) in tours.windows(2).zip(first..) {
        let mut random = Random::new(seed, stream);
        match breeder.breed(&pair[0], &pair[1], &counts, size as usize, &mut random) {
            Some(child) => {
                writer.u64(1);
                writer.u64(child.gain as u64);
                writer.u32s(&child.order);
            }
            None => writer.u64(0),
        }
    }
    Ok(())
}

/// The part of a task's input that all tasks on one model share.
pub(crate) struct Common(Writer);

impl Common {
    pub(crate) fn new(model: &Model, candidates: &Candidates) -> Self {
        let mut writer = Writer::default();
        writer.model(model);
        writer.candidates(candidates);
        Self(writer)
    }

    /// Returns the beginning of a task's input.
    pub(super) fn task(&self, kind: u64, more: usize) -> Writer {
        let mut writer = Writer(Vec::with_capacity(8 + self.0.0.len() + more));
        writer.u64(kind);
        writer.0.extend_from_slice(&self.0.0);
        writer
    }

    /// Returns a task that improves a tour.
    pub(crate) fn improve(&self, job: &Improve) -> Vec<u8> {
        let mut writer = self.task(kind::IMPROVE, 4 * job.order.len() + 64);
        job.write(&mut writer);
        writer.0
    }

    /// Returns a task that climbs from `start`.
    pub(crate) fn ascend(
        &self,
        start: &[f64],
        tour: &[u32],
        upper: i64,
        steps: usize,
        lambda: (f64, f64),
    ) -> Vec<u8> {
        let mut writer = self.task(kind::ASCEND, 12 * tour.len() + 64);
        writer.u64(upper as u64);
        writer.u64(steps as u64);
        writer.f64(lambda.0);
        writer.f64(lambda.1);
        writer.f64s(start);
        writer.u32s(tour);
        writer.0
    }

    /// Returns a task that certifies `multipliers`.
    pub(crate) fn certify(&self, multipliers: &[f64], upper: i64) -> Vec<u8> {
        let mut writer = self.task(kind::CERTIFY, 8 * multipliers.len() + 64);
        writer.u64(upper as u64);
        writer.f64s(multipliers);
        writer.0
    }
}

/// From this many nodes on, candidates are sought on all workers.
const SHARED: usize = 20_000;

/// Returns up to `k` candidates for each node of `model`, sought on all workers where they are many.
pub(super) fn candidates(model: &Model, k: usize, backend: &dyn Backend) -> Result<Candidates, RouteError> {
    let (placed, workers) = (model.placed(), backend.workers().get() as usize);
    if placed < SHARED || workers == 1 || model.embedding().is_none() {
        return Ok(Candidates::new(model, k, true));
    }
    let bounds: Vec<usize> = (0..=workers).map(|part| part * placed / workers).collect();
    let task = |range: &[usize]| {
        let mut writer = Writer::default();
        writer.u64(kind::NEAR);
        writer.model(model);
        for value in [k, range[0], range[1]] {
            writer.u64(value as u64);
        }
        writer.0
    };
    let outputs = map(backend, bounds.windows(2).map(task).collect())?;
    let part = |output: &Vec<u8>| Reader(output).candidates().map_err(garbled);
    let parts = outputs.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(Candidates::whole(model, k, parts))
}

/// Maps tasks over the backend.
pub(crate) fn map(backend: &dyn Backend, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RouteError> {
    Ok(backend.map(TASK, inputs)?)
}

/// A worker gave back what its task does not give.
pub(crate) fn garbled(message: String) -> RouteError {
    RouteError::Backend(festina_types::BackendError::Task { task: 0, message })
}

/// Reads what a task that improves gave back: the tour and the gain.
pub(crate) fn improved(output: &[u8]) -> Result<(Vec<u32>, i64), RouteError> {
    let mut reader = Reader(output);
    let gain = reader.u64().map_err(garbled)? as i64;
    Ok((reader.read_u32s().map_err(garbled)?, gain))
}

/// Reads what a task that climbs gave back: the value and the multipliers.
pub(crate) fn ascended(output: &[u8]) -> Result<(f64, Vec<f64>), RouteError> {
    let mut reader = Reader(output);
    let value = reader.f64().map_err(garbled)?;
    Ok((value, reader.read_f64s().map_err(garbled)?))
}

/// Reads what a task that certifies gave back.
pub(crate) fn certified(output: &[u8]) -> Result<Certificate, RouteError> {
    let mut reader = Reader(output);
    let mut read = || -> Result<Certificate, String> {
        let (scale, bound) = (reader.u64()? as i64, reader.u64()? as i64);
        let left_out = reader.u64()? as usize;
        Ok(Certificate { multipliers: reader.read_i64s()?, left_out, scale, bound })
    };
    read().map_err(garbled)
}
