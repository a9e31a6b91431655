//! From observations to rows.

use super::{LinearFit, Weighting};
use crate::{LawError, Observation};

/// What no repetition takes away: layout, placement, and that no law is exact. A fraction of the time.
pub const MODEL_FLOOR: f64 = 0.01;

/// Fits a law whose time is linear in its coefficients; `row` gives its terms at p workers.
///
/// Rows are weighted by the observations' own noise, with [`MODEL_FLOOR`], where all have one; else relatively, and
/// the noise is judged from the residuals.
pub(crate) fn fit_in_time<const K: usize>(
    observations: &[Observation],
    needed: usize,
    what: &'static str,
    row: impl Fn(f64) -> [f64; K],
) -> Result<LinearFit<K>, LawError> {
    let is_known = observations.iter().all(|observation| observation.log_sd > 0.0);
    fit_transformed(observations, needed, what, row, |time| time, is_known)
}

/// Fits `transform(time)`, whose relative error is that of the time, after checking the observations.
pub(crate) fn fit_transformed<const K: usize>(
    observations: &[Observation],
    needed: usize,
    what: &'static str,
    row: impl Fn(f64) -> [f64; K],
    transform: impl Fn(f64) -> f64,
    is_noise_known: bool,
) -> Result<LinearFit<K>, LawError> {
    Observation::check(observations)?;
    let given = Observation::distinct_workers(observations);
    if given < needed {
        return Err(LawError::TooFew { what, needed, unit: "distinct numbers of workers", given });
    }
    let rows: Vec<[f64; K]> = observations.iter().map(|observation| row(observation.p)).collect();
    let targets: Vec<f64> = observations.iter().map(|observation| transform(observation.time)).collect();
    let log_sd: Vec<f64> = observations.iter().map(|observation| observation.log_sd).collect();
    let weighting = if is_noise_known {
        Weighting::Measured { log_sd: &log_sd, floor: MODEL_FLOOR }
    } else {
        Weighting::Relative
    };
    LinearFit::new(&rows, &targets, weighting)
}
