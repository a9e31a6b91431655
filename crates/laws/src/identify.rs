//! Which measurement to make next: where the data can't carry a forecast, what would help most.

use serde::Serialize;

use crate::LawError;
use crate::forecast::Model;

/// By what factor the leading laws may differ before a forecast is called unsure.
pub const AGREEMENT: f64 = 1.2;

/// How far one can measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// The largest size; `None` to keep the sizes measured.
    pub n: Option<f64>,
    /// The largest number of workers.
    pub p: f64,
}

/// A measurement that would sharpen a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextPoint {
    /// The size; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: f64,
    /// By what factor the leading laws differ at the point asked about.
    pub disagreement: f64,
    /// The expected width of the band with the measurement, as a share of the width without.
    pub shrinkage: f64,
    /// Why, in words.
    pub reason: String,
}

/// Returns the measurement within `reach` that sharpens the forecast at `(n, p)` most; `None` if the leading laws
/// agree within [`AGREEMENT`], or no measurement within reach would narrow the band by a tenth.
///
/// A candidate is judged by how much of the variance of ln T at the point asked about it explains under the laws'
/// posterior: those measurements tell most on which the laws that matter there disagree.
///
/// ```
/// use festina_laws::{Observation, forecast::Model, identify::{Reach, next_point}};
/// let model = Model::fit(&[Observation::new(1.0, 100.0), Observation::new(2.0, 56.0)])?;
/// // From 1 and 2 workers nobody knows 64; 8 are there: measure on them.
/// let next = next_point(&model, (None, 64.0), Reach { n: None, p: 8.0 })?.expect("laws disagree");
/// assert_eq!(next.p, 8.0);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// As [`Model::forecast`].
pub fn next_point(
    model: &Model,
    (n, p): (Option<f64>, f64),
    reach: Reach,
) -> Result<Option<NextPoint>, LawError> {
    let asked = model.forecast(n, p, 0.9)?;
    let disagreement = asked.disagreement();
    if !asked.extrapolated || disagreement <= AGREEMENT {
        return Ok(None);
    }
    let target = (n.unwrap_or_else(|| model.default_size(p)), p);
    let judged = candidates(model, reach)
        .into_iter()
        .filter_map(|candidate| Some((candidate, model.shrinkage(target, candidate)?)));
    let best = judged.min_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, shrinkage)| *shrinkage < 0.9);
    Ok(best.map(|((next_n, next_p), shrinkage)| NextPoint {
        n: asked.n.map(|_| next_n),
        p: next_p,
        disagreement,
        shrinkage,
        reason: format!(
            "the leading laws differ by {:.0} % there; this point would narrow the band by {:.0} %",
            (disagreement - 1.0) * 100.0,
            (1.0 - shrinkage) * 100.0
        ),
    }))
}

/// Returns points beyond the measured ones and within reach: doublings, and the reach itself.
fn candidates(model: &Model, reach: Reach) -> Vec<(f64, f64)> {
    let (sizes, (_, last_p)) = model.measured();
    let last_n = sizes.map_or(1.0, |sizes| sizes.1);
    let mut candidates = Vec::new();
    let steps = |last: f64, limit: f64| {
        std::iter::successors(Some(last * 2.0), |value| Some(value * 2.0))
            .take_while(move |value| *value < limit)
            .chain((limit > last).then_some(limit))
            .take(64)
    };
    for p in steps(last_p, reach.p) {
        candidates.push((model.default_size(p), p));
    }
    if let (Some(_), Some(limit)) = (sizes, reach.n) {
        for n in steps(last_n, limit) {
            candidates.push((n, model.measured().1.0));
        }
    }
    candidates
}
