//! From samples to answers: pure, the same for a run that just ended and for one that was stored.

use festina_laws::amdahl::Amdahl;
use festina_laws::diagnosis::{Diagnosis, diagnose};
use festina_laws::forecast::{Calibration, Forecast, Model, Options, Structure};
use festina_laws::growth::Growth;
use festina_laws::gustafson::Gustafson;
use festina_laws::identify::{NextPoint, Reach, next_point};
use festina_laws::usl::Usl;
use festina_laws::{LawError, Observation, Parameter};
use festina_machine::{Machine, RegimeEdge};
use festina_measure::{Measurement, Measurements, Refusal, Scaling, Verdict};
use festina_types::{Bytes, Estimate, Finding, Interval, Seconds, Severity, Workers};

use super::memory::Memory;
use super::question::{At, Questions};
use super::result::{
    AccountingResult, BestWorkers, CostRow, Curve, CurvePoint, ForecastResult, GrowthResult, NextMeasurement,
    PointResult, Provenance, ScaleResult, ScalingResult,
};
use crate::LawParameter;
use crate::laws::LEVEL;

/// The level of forecast bands.
pub(crate) const BAND: f64 = 0.9;

/// A band that spans more than this factor says nothing that anybody could act on.
pub(crate) const WIDEST_BAND: f64 = 100.0;

/// The largest number of workers at which the best is looked for.
const MOST_WORKERS: u32 = 1024;

/// What a stored or fresh run is analysed with.
pub(crate) struct Subject<'a> {
    /// The run's name.
    pub(crate) run: String,
    /// What was measured.
    pub(crate) measured: &'a Measurements,
    /// What it was measured on.
    pub(crate) machine: Option<&'a Machine>,
    /// What is asked.
    pub(crate) questions: &'a Questions,
}

impl Subject<'_> {
    /// Returns all answers.
    pub(crate) fn analyse(&self) -> ScaleResult {
        let usable: Vec<&Measurement> =
            self.measured.points.iter().filter(|point| is_usable(point) && self.is_on_line(point)).collect();
        let observations: Vec<Observation> =
            usable.iter().filter_map(|point| observation(self.measured, point)).collect();
        let options = Options { boundaries: self.boundaries() };
        let fit =
            |observations: &[Observation]| Model::fit_with(observations, &options, &Calibration::published());
        let lines = self.lines(&observations);
        // Of several sizes that grow with the workers, the largest says most; a point off its line needs them all.
        let (model, joint) = match lines.as_slice() {
            [_, .., (_, line)] if Observation::distinct_workers(line) > 1 => {
                (fit(line), fit(&observations).ok())
            }
            _ => (fit(&observations), None),
        };
        let memory = Memory::fit(&usable, self.memory_limit());
        let mut findings = self.measured.findings.clone();
        let (forecasts, next) = match &model {
            Ok(model) => self.forecasts(model, joint.as_ref(), memory.as_ref()),
            Err(error) => {
                findings.extend(self.no_model(error, &observations));
                (Vec::new(), None)
            }
        };
        let scaling = self.scaling(&observations, &lines, model.as_ref().ok());
        // The largest size says most about the program, the least about its start-up.
        findings.extend(scaling.last().and_then(|s| s.diagnosis.as_ref()).map(Diagnosis::finding));
        findings.extend(regime_finding(&forecasts, model.as_ref().ok(), &options.boundaries));
        ScaleResult {
            provenance: self.provenance(),
            verdict: self.measured.verdict.clone(),
            points: self.measured.points.iter().map(|point| self.point(point)).collect(),
            growth: growth(&observations),
            memory: memory.as_ref().and_then(Memory::result),
            curves: model.as_ref().map(|model| self.curves(model)).unwrap_or_default(),
            best_workers: model.as_ref().ok().and_then(|model| best_workers(model, &observations)),
            costs: model.as_ref().map(|model| self.costs(model)).unwrap_or_default(),
            scaling,
            forecasts,
            next,
            findings,
        }
    }

    /// Whether a point belongs to the series that is asked about: references of weak scaling, which ran the grown sizes
    /// on one worker, do not.
    fn is_on_line(&self, point: &Measurement) -> bool {
        !self.is_weak() || self.grown_from(point.point.n, point.point.workers()).is_some()
    }

    fn is_weak(&self) -> bool {
        matches!(self.measured.request.design.scaling, Scaling::Weak { .. })
    }

    /// Returns the size on one worker that the size `n` on `p` workers grew from, in weak scaling.
    fn grown_from(&self, n: Option<f64>, p: f64) -> Option<f64> {
        let is_of_line = |base: &f64| {
            let line = self.measured.request.design.points(&[*base]);
            line.iter().any(|point| point.n == n && point.workers() == p)
        };
        self.measured.sizes.iter().copied().filter(|_| self.is_weak()).find(is_of_line)
    }

    /// Returns the series of weak scaling, each with its size on one worker, the smallest first.
    fn lines(&self, observations: &[Observation]) -> Vec<(f64, Vec<Observation>)> {
        if !self.is_weak() {
            return Vec::new();
        }
        let of_line = |base: f64| {
            let is_of_line = |o: &&Observation| self.grown_from(o.n, o.p) == Some(base);
            (base, observations.iter().filter(is_of_line).copied().collect::<Vec<_>>())
        };
        self.measured.sizes.iter().map(|base| of_line(*base)).filter(|(_, line)| !line.is_empty()).collect()
    }

    /// The edges of the machine that no law is fitted across.
    fn boundaries(&self) -> Vec<f64> {
        let regimes = self.machine.map_or(&[][..], |machine| &machine.regimes);
        let inner = regimes.split_last().map_or(&[][..], |(_, inner)| inner);
        inner.iter().map(|edge: &RegimeEdge| f64::from(edge.up_to)).collect()
    }

    fn memory_limit(&self) -> Option<Bytes> {
        let own = self.machine.and_then(|machine| machine.limits.memory.or(machine.memory.total));
        self.questions.memory.or(own)
    }

    fn no_model(&self, error: &LawError, observations: &[Observation]) -> Option<Finding> {
        // One point alone was asked for: a time, and no law.
        if self.measured.points.len() < 2 {
            return None;
        }
        let (points, usable) = (self.measured.points.len(), observations.len());
        let (why, hint) = if usable == points {
            (error.to_string(), "measure at more sizes or numbers of workers")
        } else {
            let why = format!("only {usable} of {points} points can be used");
            (why, "the remarks above say what is the matter with the others")
        };
        let message = format!("no law is fitted, and nothing is forecast: {why}");
        Some(Finding::new(Severity::Warning, "no-law", message).with_hint(hint))
    }

    fn provenance(&self) -> Provenance {
        let request = &self.measured.request;
        Provenance {
            run: self.run.clone(),
            festina: request.festina.clone(),
            command: request.workload.display(),
            created_at_unix_s: request.created_at_unix_s,
            seed: request.design.seed,
            machine: self.machine.map_or_else(|| "not recorded".to_owned(), describe_machine),
            runs: self.measured.samples.len(),
            warm_up_blocks: self.measured.warm_up_blocks,
        }
    }

    fn point(&self, point: &Measurement) -> PointResult {
        let times = point.used.iter().map(|index| self.measured.samples[*index].usage.wall.0);
        let (speedup, refusal) = match &point.speedup {
            Ok(speedup) => (Some(speedup), None),
            Err(refusal) => (None, Some(words(refusal))),
        };
        PointResult {
            n: point.point.n,
            p: point.point.p.get(),
            grown_from: self.grown_from(point.point.n, point.point.workers()),
            runs: point.samples.len(),
            used: point.used.len(),
            disturbed: point.disturbed,
            outliers: point.outliers.len(),
            time_s: point.wall,
            times_s: times.collect(),
            user_s: point.user,
            system_s: point.system,
            peak_rss_bytes: point.peak_rss,
            speedup: speedup.map(|s| s.speedup),
            efficiency: speedup.map(|s| s.efficiency),
            refusal,
            verdict: point.verdict.clone(),
            accounting: point.accounting.map(|a| AccountingResult {
                user_s: a.user.0,
                system_s: a.system.0,
                run_delay_s: a.run_delay.0,
                steal_s: a.steal.0,
                blocked_s: a.blocked.0,
                unused_s: a.unused.0,
            }),
        }
    }

    fn scaling(
        &self,
        observations: &[Observation],
        lines: &[(f64, Vec<Observation>)],
        model: Option<&Model>,
    ) -> Vec<ScalingResult> {
        let peak = model.and_then(|model| model.peak(BAND));
        if self.is_weak() {
            let of_line = |(base, line): &(f64, Vec<Observation>)| {
                weak_scaling((lines.len() > 1).then_some(*base), line)
            };
            return lines.iter().filter_map(of_line).collect();
        }
        let mut sizes: Vec<Option<f64>> = observations.iter().map(|o| o.n).collect();
        sizes.dedup();
        let of_size = |n: Option<f64>| {
            let series: Vec<Observation> = observations.iter().copied().filter(|o| o.n == n).collect();
            strong_scaling(n, &series, peak)
        };
        sizes.into_iter().filter_map(of_size).collect()
    }

    fn forecasts(
        &self,
        model: &Model,
        joint: Option<&Model>,
        memory: Option<&Memory>,
    ) -> (Vec<ForecastResult>, Option<NextMeasurement>) {
        let (sizes, workers) = model.measured();
        let largest = (sizes.map(|sizes| sizes.1), workers.1);
        let asked = if self.questions.at.is_empty() {
            default_points(model)
        } else {
            self.questions.at.iter().map(|at| resolve(at, largest)).collect()
        };
        let mut results = Vec::new();
        let mut next: Option<NextPoint> = None;
        for (n, p) in asked {
            let is_off = model.forecast(n, f64::from(p), BAND).is_err();
            let model = joint.filter(|_| is_off).unwrap_or(model);
            results.push(self.forecast(model, memory, n, p));
            let candidate = next_point(model, (n, f64::from(p)), self.reach(model)).ok().flatten();
            next = [next, candidate].into_iter().flatten().min_by(|a, b| a.shrinkage.total_cmp(&b.shrinkage));
        }
        let next = next.map(|next| NextMeasurement { n: next.n, p: next.p as u32, reason: next.reason });
        (results, next)
    }

    /// As far as this machine can measure: its own workers, ten times the largest size.
    fn reach(&self, model: &Model) -> Reach {
        let (sizes, workers) = model.measured();
        let own = self.machine.map_or(workers.1, |machine| f64::from(machine.workers.workers));
        Reach { n: sizes.map(|sizes| sizes.1 * 10.0), p: own.max(workers.1) }
    }

    fn forecast(&self, model: &Model, memory: Option<&Memory>, n: Option<f64>, p: u32) -> ForecastResult {
        let memory = memory.and_then(|memory| memory.forecast(n, p));
        let mut result = ForecastResult {
            n,
            p,
            time_s: None,
            speedup: None,
            extrapolated: true,
            extrapolation_factor_n: 1.0,
            extrapolation_factor_p: 1.0,
            basis: Vec::new(),
            disagreement: 1.0,
            peak_rss_bytes: memory.map(|(peak, _)| peak),
            out_of_memory_probability: memory.and_then(|(_, probability)| probability),
            refusal: None,
        };
        match model.forecast(n, f64::from(p), BAND) {
            Ok(forecast) => {
                let Interval { lower, upper, .. } = forecast.interval;
                if upper > WIDEST_BAND * lower {
                    let band = format!("{} to {}", Seconds(lower), Seconds(upper));
                    result.refusal = Some(format!("too far from what was measured: from {band}"));
                } else {
                    result.speedup = self.forecast_speedup(&forecast);
                    result.time_s = Some(forecast.estimate());
                }
                result.n = forecast.n;
                result.extrapolated = forecast.extrapolated;
                result.extrapolation_factor_n = forecast.extrapolation_factor_n;
                result.extrapolation_factor_p = forecast.extrapolation_factor_p;
                result.disagreement = forecast.disagreement();
                result.basis = forecast.basis;
            }
            Err(error) => result.refusal = Some(error.to_string()),
        }
        result
    }

    /// The speed-up over the measured time on one worker; the forecast's band is so much wider than that time's
    /// interval that it stands for both.
    fn forecast_speedup(&self, forecast: &Forecast) -> Option<Estimate> {
        if self.is_weak() {
            return None;
        }
        let base = self
            .measured
            .points
            .iter()
            .find(|point| point.point.n == forecast.n && point.point.p.get() == 1)?;
        let one = base.wall.filter(|_| is_usable(base))?.value;
        let Interval { lower, upper, level } = forecast.interval;
        let interval = Interval { lower: one / upper, upper: one / lower, level };
        Some(Estimate { value: one / forecast.value, interval: Some(interval), ..forecast.estimate() })
    }

    fn costs(&self, model: &Model) -> Vec<CostRow> {
        let Some(price) = self.questions.price_per_core_hour else { return Vec::new() };
        let asked = self.questions.at.iter().filter_map(|at| at.p).map(Workers::get);
        let most = asked.chain([model.measured().1.1 as u32 * 16]).max().unwrap_or(1);
        let doublings = std::iter::successors(Some(1_u32), |p| p.checked_mul(2)).take_while(|p| *p <= most);
        let row = |p: u32| {
            let forecast = model.forecast(None, f64::from(p), BAND).ok()?;
            let core_hours = f64::from(p) * forecast.value / 3600.0;
            Some(CostRow {
                p,
                time_s: forecast.value,
                interval: forecast.interval,
                core_hours,
                price: Some(core_hours * price),
                extrapolated: forecast.extrapolated,
            })
        };
        doublings.filter_map(row).collect()
    }
    /// Returns the forecast over the workers at the largest size, and over the size at the fewest workers.
    fn curves(&self, model: &Model) -> Vec<Curve> {
        let (sizes, (fewest, most)) = model.measured();
        let is_weak = model.structure() == Structure::Weak;
        let mut curves = Vec::new();
        if most > fewest {
            let points = curve_points(model, geometric(fewest, most * 16.0).map(|p| (p, None, p)));
            let n = match sizes {
                Some((first, _)) if is_weak => self.grown_from(Some(first), fewest),
                sizes => sizes.map(|(_, largest)| largest),
            };
            curves.push(Curve { n, p: None, points });
        }
        if let Some((first, last)) = sizes
            && last > first
            && !is_weak
        {
            let points = curve_points(model, geometric(first, last * 10.0).map(|n| (n, Some(n), fewest)));
            curves.push(Curve { n: None, p: Some(fewest as u32), points });
        }
        curves
    }
}

/// Returns whether a point may enter a fit: it has a time, the right answer, and was not disturbed.
fn is_usable(point: &Measurement) -> bool {
    let is_wrong = matches!(point.verdict, Verdict::Different { .. });
    let is_disturbed = point.used.is_empty() || matches!(&point.speedup, Err(Refusal::Disturbed { .. }));
    point.wall.is_some() && !is_wrong && !is_disturbed
}

/// The relative standard error of a point with one run, whose spread nobody knows.
const UNKNOWN_SPREAD: f64 = 0.1;

/// Returns the median time of a point with its relative standard error, `1.2533 · s / √m` for normal errors of ln t with
/// standard deviation s, of m runs.
fn observation(measured: &Measurements, point: &Measurement) -> Option<Observation> {
    let logs: Vec<f64> = point.used.iter().map(|index| measured.samples[*index].usage.wall.0.ln()).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    let log_sd = if logs.len() < 2 {
        UNKNOWN_SPREAD
    } else {
        std::f64::consts::FRAC_PI_2.sqrt() * (squares / (count - 1.0) / count).sqrt()
    };
    let time = point.wall?.value;
    Some(Observation {
        n: point.point.n,
        ..Observation::new(point.point.workers(), time).with_log_sd(log_sd)
    })
}

fn strong_scaling(n: Option<f64>, series: &[Observation], peak: Option<Estimate>) -> Option<ScalingResult> {
    if Observation::distinct_workers(series) < 2 {
        return None;
    }
    let mut parameters = named("Amdahl", Amdahl::fit(series, LEVEL).ok()?.parameters());
    if let Ok(usl) = Usl::fit(series, LEVEL) {
        parameters.extend(named("USL", usl.parameters()));
    }
    Some(ScalingResult { n, weak: false, parameters, diagnosis: diagnose(series, LEVEL).ok(), peak })
}

fn weak_scaling(n: Option<f64>, series: &[Observation]) -> Option<ScalingResult> {
    let fit = Gustafson::fit_weak(series, LEVEL).ok()?;
    let parameters = named("Gustafson", fit.parameters());
    Some(ScalingResult { n, weak: true, parameters, diagnosis: None, peak: None })
}

fn named(law: &str, parameters: Vec<Parameter>) -> Vec<LawParameter> {
    parameters
        .into_iter()
        .map(|parameter| LawParameter {
            law: law.to_owned(),
            name: parameter.name.to_owned(),
            unit: parameter.unit.to_owned(),
            estimate: parameter.estimate,
        })
        .collect()
}

/// Returns the growth over n at the fewest workers that were measured at several sizes.
fn growth(observations: &[Observation]) -> Option<GrowthResult> {
    let mut workers: Vec<f64> = observations.iter().map(|o| o.p).collect();
    workers.sort_by(f64::total_cmp);
    workers.dedup();
    let column =
        |p: f64| observations.iter().copied().filter(|o| o.p == p && o.n.is_some()).collect::<Vec<_>>();
    let (p, column) = workers.into_iter().map(|p| (p, column(p))).find(|(_, column)| column.len() > 2)?;
    let growth = Growth::fit(&column).ok()?;
    let (term, probability) = growth.terms()[0];
    Some(GrowthResult {
        p: p as u32,
        term,
        law: term.to_string(),
        probability,
        floor_s: growth.coefficients(LEVEL).ok().map(|[floor, _]| floor),
        exponent: growth.exponent(LEVEL),
        description: growth.describe(),
    })
}

/// Returns where to forecast if nothing is asked: further out in each direction that was measured.
fn default_points(model: &Model) -> Vec<(Option<f64>, u32)> {
    let (sizes, (fewest, most)) = model.measured();
    let largest = sizes.map(|(_, largest)| largest);
    let further = |factor: f64| (most * factor).round() as u32;
    let mut points = Vec::new();
    if most > fewest {
        points.extend([2.0, 4.0, 16.0].map(|factor| (None, further(factor))));
    }
    if let (Some((first, last)), Some(largest)) = (sizes, largest)
        && last > first
    {
        points.extend([(Some(largest * 10.0), further(1.0))]);
        if most > fewest {
            points.extend([(Some(largest * 10.0), further(16.0))]);
        }
    }
    // Weak scaling has its size bound to p.
    if model.structure() == Structure::Weak {
        points.retain(|(n, _)| n.is_none());
    }
    points
}

fn resolve(at: &At, largest: (Option<f64>, f64)) -> (Option<f64>, u32) {
    (at.n, at.p.map_or(largest.1 as u32, Workers::get))
}

fn best_workers(model: &Model, observations: &[Observation]) -> Option<BestWorkers> {
    // Where the problem grows with the workers, the time is not to fall.
    if Observation::distinct_workers(observations) < 2 || model.structure() == Structure::Weak {
        return None;
    }
    let one = model.forecast(None, 1.0, BAND).ok()?.value;
    let efficiency =
        |p: u32| Some(one / (f64::from(p) * model.forecast(None, f64::from(p), BAND).ok()?.value));
    let efficient = (1..=MOST_WORKERS).take_while(|p| efficiency(*p).is_some_and(|e| e >= 0.5)).last();
    Some(BestWorkers {
        limit: MOST_WORKERS,
        fastest: model.best_p(None, MOST_WORKERS).ok()?,
        fastest_interval: model.best_p_interval(MOST_WORKERS, BAND).ok().flatten(),
        efficient: efficient.unwrap_or(1),
    })
}

/// Returns the forecast at each of `places`: where it is drawn, its size, its workers.
fn curve_points(model: &Model, places: impl Iterator<Item = (f64, Option<f64>, f64)>) -> Vec<CurvePoint> {
    let point = |(at, n, p): (f64, Option<f64>, f64)| {
        let forecast = model.forecast(n, p, BAND).ok()?;
        let Interval { lower, upper, .. } = forecast.interval;
        Some(CurvePoint {
            at,
            time_s: forecast.value,
            lower_s: lower,
            upper_s: upper,
            extrapolated: forecast.extrapolated,
        })
    };
    places.filter_map(point).collect()
}

/// Returns values from `first` to `last`, both among them, four a doubling, and never more than 120.
fn geometric(first: f64, last: f64) -> impl Iterator<Item = f64> {
    let steps = ((last / first).log2() * 4.0).ceil().clamp(1.0, 119.0);
    (0..=steps as u32).map(move |step| first * (last / first).powf(f64::from(step) / steps))
}

fn regime_finding(
    forecasts: &[ForecastResult],
    model: Option<&Model>,
    boundaries: &[f64],
) -> Option<Finding> {
    let crosses = |f: &ForecastResult| model?.forecast(f.n, f64::from(f.p), BAND).ok()?.crosses;
    let boundary = forecasts.iter().find_map(crosses)?;
    let message = format!(
        "p = {boundary} is an edge of this machine (its edges: {boundaries:?}); forecasts beyond it cannot know what \
         happens there"
    );
    Some(Finding::new(Severity::Note, "regime-edge", message))
}

/// Says why there is no speed-up.
fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Different { first_difference } => format!("its answer differs ({first_difference})"),
        Refusal::Disturbed { disturbed, runs } => {
            format!("{disturbed} of {runs} runs were disturbed from outside")
        }
        Refusal::NoBase => "the same work on one worker was not measured".to_owned(),
        Refusal::NothingFinished { reason } => format!("no run finished: {reason}"),
    }
}

/// Returns the machine in a line.
pub(crate) fn describe_machine(machine: &Machine) -> String {
    let model = machine.model.as_deref().unwrap_or("unknown processor");
    let kernel = machine.kernel.as_deref().unwrap_or("unknown");
    format!("{model}, {} of {} CPUs, Linux {kernel}", machine.workers.workers, machine.workers.of)
}
