//! Runs that were stored.

use std::path::Path;

use festina_laws::Observation;
use festina_measure::Store;
use festina_types::Sample;

use crate::Error;

/// Returns the usable times of the run `name` in the state folder `state`, at the largest size that was measured.
///
/// # Errors
///
/// [`Error::Measure`] if there is no such run or it cannot be read.
pub fn stored_times(state: &Path, name: &str) -> Result<Vec<Observation>, Error> {
    let run = Store::new(state).open(name)?;
    let usable = || run.samples.iter().filter(|sample| sample.is_usable());
    let size = |sample: &Sample| sample.point.n.unwrap_or(0.0);
    let largest = usable().map(size).fold(0.0, f64::max);
    let observations = usable().filter(|sample| size(sample) == largest);
    Ok(observations.map(|sample| Observation::new(sample.point.workers(), sample.usage.wall.0)).collect())
}
