//! Learns the shipped constants, and judges them on applications that they were not learned from.

use std::collections::BTreeMap;

use anyhow::Result;
use festina_laws::Observation;
use festina_laws::conformal::{Bands, LEVELS, weighted_quantiles};
use festina_laws::forecast::Calibration;
use festina_laws::prior::ShapePrior;
use festina_laws::stats::normal_cdf;

use super::cases::{Case, prefixes};
use super::score::{self, Scored};
use super::series::{Kind, Series};

const STEPS: usize = 12;

/// The scores |error| / scale of an application's forecasts of a kind.
type Scores = BTreeMap<(Kind, String), Vec<f64>>;

/// A calibration for each application, learned from the others, and one learned from all.
pub(crate) struct Derived {
    pub(crate) all: Calibration,
    pub(crate) without: BTreeMap<String, Calibration>,
}

/// Learns from `series`.
pub(crate) fn derive(series: &[Series]) -> Result<Derived> {
    let applications: Vec<String> = {
        let mut names: Vec<String> = series.iter().map(|series| series.application.clone()).collect();
        names.sort();
        names.dedup();
        names
    };
    let prior = learn_prior(series, None)?;
    let mut priors = BTreeMap::new();
    let mut scores = Scores::new();
    for application in &applications {
        let without = learn_prior(series, Some(application))?;
        for series in series.iter().filter(|series| series.application == *application) {
            let of_series = scores_of(series, &without)?;
            scores.entry((series.kind, application.clone())).or_default().extend(of_series);
        }
        priors.insert(application.clone(), without);
    }
    let without = priors
        .into_iter()
        .map(|(application, prior)| {
            let bands = bands(&scores, Some(&application));
            (application, Calibration { prior, bands })
        })
        .collect();
    Ok(Derived { all: Calibration { prior, bands: bands(&scores, None) }, without })
}

fn learn_prior(series: &[Series], without: Option<&str>) -> Result<ShapePrior> {
    let mut applications: BTreeMap<&str, Vec<Vec<Observation>>> = BTreeMap::new();
    let strong = series.iter().filter(|series| series.kind == Kind::Strong && series.x.len() > 1);
    for series in strong.filter(|series| without != Some(series.application.as_str())) {
        let observations = series.x.iter().zip(&series.time).map(|(&p, &time)| Observation::new(p, time));
        applications.entry(&series.application).or_default().push(observations.collect());
    }
    let applications: Vec<_> = applications.into_values().collect();
    let mut prior = ShapePrior::flat();
    if !applications.is_empty() {
        for _ in 0..STEPS {
            prior = prior.refine(&applications)?;
        }
    }
    Ok(prior)
}

/// Returns |error| / scale of all forecasts from the first points of a series.
fn scores_of(series: &Series, prior: &ShapePrior) -> Result<Vec<f64>> {
    // Under normal bands, a band at this level is one scale wide.
    let one_scale = 2.0 * normal_cdf(1.0) - 1.0;
    let calibration = Calibration { prior: prior.clone(), bands: Bands::normal() };
    let mut scores = Vec::new();
    for case in prefixes(series) {
        for scored in score::ours("", &case, &calibration, one_scale)?.0 {
            if let (Some(forecast), Some((_, upper))) = (scored.forecast, scored.band) {
                scores.push((forecast / scored.truth).ln().abs() / (upper / forecast).ln());
            }
        }
    }
    Ok(scores)
}

fn bands(scores: &Scores, without: Option<&str>) -> Bands {
    let quantiles = |kind: Kind| {
        let others = |is_left_out: bool| {
            let chosen = scores.iter().filter(|((of, application), _)| {
                *of == kind && !(is_left_out && without == Some(application.as_str()))
            });
            let weigh = |scores: &Vec<f64>| {
                let weight = 1.0 / (scores.len() as f64).sqrt();
                scores.iter().map(|&score| (score, weight)).collect::<Vec<_>>()
            };
            chosen.flat_map(|(_, scores)| weigh(scores)).collect::<Vec<_>>()
        };
        let mut chosen = others(true);
        // The only application of a kind can't be left out.
        if chosen.is_empty() {
            chosen = others(false);
        }
        if chosen.is_empty() { Bands::normal().strong } else { weighted_quantiles(&mut chosen) }
    };
    Bands { strong: quantiles(Kind::Strong), weak: quantiles(Kind::Weak), size: quantiles(Kind::Size) }
}

/// Forecasts each case with what was learned from the other applications.
pub(crate) fn leave_one_out(cases: &[Case], derived: &Derived) -> Result<Vec<Scored>> {
    let mut scored = Vec::new();
    for case in cases {
        let calibration = &derived.without[&case.application];
        scored.extend(score::ours("festina", case, calibration, score::LEVEL)?.0);
    }
    Ok(scored)
}

/// Prints the constants as the source file `published.rs` holds them.
pub(crate) fn print(calibration: &Calibration) {
    let (serial, overhead, drift) = calibration.prior.weights();
    println!("pub(crate) static SHAPE_PRIOR: ShapePrior = ShapePrior {{");
    for (name, weights) in [("serial", serial), ("overhead", overhead), ("drift", drift)] {
        println!("    {name}: {},", list(weights));
    }
    println!("}};\n\n// At the levels {LEVELS:?}.\npub(crate) const BANDS: Bands = Bands {{");
    let Bands { strong, weak, size } = calibration.bands;
    for (name, quantiles) in [("strong", strong), ("weak", weak), ("size", size)] {
        println!("    {name}: {},", list(&quantiles));
    }
    println!("}};");
}

fn list(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{value:.4}")).collect();
    format!("[{}]", values.join(", "))
}
