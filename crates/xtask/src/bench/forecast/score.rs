//! Scores: errors, coverage and speed, pooled and by application.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use festina_laws::Observation;
use festina_laws::forecast::{Calibration, Model, Options};
use serde::Serialize;

use super::cases::Case;
use super::series::{Kind, quantile};

/// The level of the bands that are judged.
pub(crate) const LEVEL: f64 = 0.9;

/// One forecast beside the truth.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scored {
    pub(crate) method: String,
    pub(crate) application: String,
    pub(crate) kind: &'static str,
    pub(crate) split: &'static str,
    pub(crate) at: f64,
    /// How many times the largest given place that is.
    pub(crate) beyond: f64,
    pub(crate) truth: f64,
    /// `None` where the method gave none, or NaN.
    pub(crate) forecast: Option<f64>,
    /// The band, from methods that give one.
    pub(crate) band: Option<(f64, f64)>,
}

impl Scored {
    pub(crate) fn new(method: &str, case: &Case, index: usize, forecast: f64) -> Self {
        Self {
            method: method.to_owned(),
            application: case.application.clone(),
            kind: case.kind.name(),
            split: case.split,
            at: case.at[index],
            beyond: case.at[index] / case.x.last().copied().unwrap_or(f64::NAN),
            truth: case.truth[index],
            forecast: forecast.is_finite().then_some(forecast),
            band: None,
        }
    }

    /// The absolute percentage error; infinite without a forecast.
    fn error(&self) -> f64 {
        self.forecast.map_or(f64::INFINITY, |forecast| 100.0 * (forecast / self.truth - 1.0).abs())
    }

    fn is_impossible(&self) -> bool {
        self.forecast.is_none_or(|forecast| forecast <= 0.0)
    }
}

/// Returns what `Model` is given of a case.
pub(crate) fn observations(case: &Case) -> Vec<Observation> {
    let size = |x: f64| match case.kind {
        Kind::Strong => None,
        Kind::Weak | Kind::Size => Some(x),
    };
    let workers = |x: f64| if case.kind == Kind::Size { 1.0 } else { x };
    case.x
        .iter()
        .zip(&case.time)
        .map(|(&x, &time)| Observation { n: size(x), p: workers(x), time, log_sd: 0.0 })
        .collect()
}

/// Forecasts the case as a user does, and returns the scores and the seconds that fit and forecasts took.
pub(crate) fn ours(
    method: &str,
    case: &Case,
    calibration: &Calibration,
    level: f64,
) -> Result<(Vec<Scored>, f64)> {
    let observations = observations(case);
    let start = Instant::now();
    let model = Model::fit_with(&observations, &Options::default(), calibration)?;
    let forecasts = case
        .at
        .iter()
        .map(|&x| match case.kind {
            Kind::Strong => model.forecast(None, x, level),
            Kind::Weak => model.forecast(Some(x), x, level),
            Kind::Size => model.forecast(Some(x), 1.0, level),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let seconds = start.elapsed().as_secs_f64();
    let scored = forecasts.iter().enumerate().map(|(i, forecast)| {
        let band = Some((forecast.interval.lower, forecast.interval.upper));
        Scored { band, ..Scored::new(method, case, i, forecast.value) }
    });
    Ok((scored.collect(), seconds))
}

/// What a method did on a set of forecasts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) forecasts: usize,
    /// Absolute percentage errors.
    pub(crate) median: f64,
    pub(crate) p90: f64,
    /// Forecasts that are not positive, or NaN.
    pub(crate) impossible: usize,
    /// The share of truths inside of the band.
    pub(crate) coverage: Option<f64>,
    /// The median of the band's upper end over the forecast: 1.6 reads "within a factor of 1.6".
    pub(crate) half_width: Option<f64>,
}

impl Summary {
    pub(crate) fn of<'a>(scored: impl Iterator<Item = &'a Scored>) -> Self {
        let scored: Vec<&Scored> = scored.collect();
        let mut errors: Vec<f64> = scored.iter().map(|one| one.error()).collect();
        let inside =
            |one: &&&Scored| one.band.is_some_and(|(low, high)| low <= one.truth && one.truth <= high);
        let mut widths: Vec<f64> =
            scored.iter().filter_map(|one| Some(one.band?.1 / one.forecast?)).collect();
        let has_bands = !widths.is_empty();
        Self {
            forecasts: scored.len(),
            median: quantile(&mut errors, 0.5),
            p90: quantile(&mut errors, 0.9),
            impossible: scored.iter().filter(|one| one.is_impossible()).count(),
            coverage: has_bands.then(|| scored.iter().filter(inside).count() as f64 / scored.len() as f64),
            half_width: has_bands.then(|| quantile(&mut widths, 0.5)),
        }
    }
}

/// Returns the methods, each once, in the order in which they come.
pub(crate) fn methods<'a>(scored: impl Iterator<Item = &'a Scored>) -> Vec<&'a str> {
    let mut methods = Vec::new();
    for one in scored {
        if !methods.contains(&one.method.as_str()) {
            methods.push(&one.method);
        }
    }
    methods
}

/// Returns the names of applications among the scores, sorted.
pub(crate) fn applications<'a>(scored: impl Iterator<Item = &'a Scored>) -> Vec<&'a str> {
    let counts: BTreeMap<&str, usize> = scored.fold(BTreeMap::new(), |mut counts, one| {
        *counts.entry(one.application.as_str()).or_default() += 1;
        counts
    });
    counts.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(truth: f64, forecast: f64, band: Option<(f64, f64)>) -> Scored {
        let forecast = forecast.is_finite().then_some(forecast);
        let (method, application) = ("m".to_owned(), "a".to_owned());
        Scored {
            method,
            application,
            kind: "strong",
            split: "f=2",
            at: 2.0,
            beyond: 2.0,
            truth,
            forecast,
            band,
        }
    }

    #[test]
    fn a_summary_counts_errors_coverage_and_impossible_forecasts() {
        let all = [
            scored(10.0, 11.0, Some((9.0, 22.0))),
            scored(10.0, 8.0, Some((7.0, 9.0))),
            scored(10.0, -1.0, None),
            scored(10.0, f64::NAN, None),
        ];
        let summary = Summary::of(all[..2].iter());
        assert!((summary.median - 15.0).abs() < 1e-9 && (summary.p90 - 19.0).abs() < 1e-9);
        assert_eq!(summary.coverage, Some(0.5));
        assert_eq!(summary.half_width, Some((2.0 + 1.125) / 2.0));
        let with_impossible = Summary::of(all.iter());
        assert_eq!((with_impossible.forecasts, with_impossible.impossible), (4, 2));
        assert!((with_impossible.median - 65.0).abs() < 1e-9);
    }
}
