//! Runs that were stored.

use std::path::Path;

use festina_laws::Observation;
use festina_measure::{Measurement, Measurements, Store};

use crate::Error;

/// Returns the times of the run `name` in the state folder `state` that its estimates are made of, at the largest size.
///
/// # Errors
///
/// [`Error::Measure`] if there is no such run or it cannot be read.
pub fn stored_times(state: &Path, name: &str) -> Result<Vec<Observation>, Error> {
    let measured = Measurements::from_stored(Store::new(state).open(name)?);
    let size = |point: &Measurement| point.point.n.unwrap_or(0.0);
    let largest = measured.points.iter().map(size).fold(0.0, f64::max);
    let time = |point: &Measurement, sample: usize| {
        Observation::new(point.point.workers(), measured.samples[sample].usage.wall.0)
    };
    let of_point =
        |point: &Measurement| point.used.iter().map(|sample| time(point, *sample)).collect::<Vec<_>>();
    Ok(measured.points.iter().filter(|point| size(point) == largest).flat_map(of_point).collect())
}
