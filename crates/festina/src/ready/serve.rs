//! Does the service bear that load? It is started, loaded until its knee is known, and stopped.

use std::fs;
use std::path::Path;

use festina_laws::stats::normal_cdf;
use festina_load::{Bound, LoadObserver, Slo, TimelinePoint, percentile_name, probe};
use festina_types::{CancelToken, Estimate, Finding, Interval, Seconds, Severity};

use super::project::{Project, Serve};
use super::result::{
    Calmed, Fix, FixKind, Measure, NextMeasurement, Question, READY, ServiceDetails, Verdict,
};
use super::service::{Service, Waited};
use super::{ReadyObserver, Site, Z90};
use crate::Error;
use crate::load::{KneeAnswer, LoadOptions, LoadRequest, find_knee, load};

/// How long the window at the rate that is asked about takes.
const WINDOW: Seconds = Seconds(6.0);
/// The second search, with fewer requests at a time, may take this share of the first one's time.
const SECOND: f64 = 0.7;
/// The relative standard deviation that no knee is better known than, and that of one whose generator was the limit.
const LEAST_SPREAD: f64 = 0.02;
const INVALID_SPREAD: f64 = 0.25;

/// A service, and what is asked of it.
pub(super) struct ServeTask<'a> {
    pub(super) project: &'a Project,
    pub(super) serve: &'a Serve,
    pub(super) folder: &'a Path,
    pub(super) scratch: &'a Path,
    /// What `{model}` stands for.
    pub(super) model: Option<&'a Path>,
}

impl ServeTask<'_> {
    /// Returns the question before anything is known.
    pub(super) fn unmeasured(&self) -> Question {
        let demand = &self.serve.demand;
        let asks = format!("bear {} requests/s with {}", number(demand.rate), self.serve.slo);
        Question::new("serve", asks, Measure::Rate, demand.rate)
    }

    /// Starts the service, loads it, and answers.
    pub(super) fn ask(
        &self,
        site: &Site<'_>,
        observer: &mut dyn ReadyObserver,
        cancel: &CancelToken,
    ) -> Result<Question, Error> {
        let mut question = self.unmeasured();
        observer.tell("serve: starting the service");
        let mut service = self.start(site, "serve")?;
        let start_s = match service.wait(self.serve, cancel)? {
            Waited::Ready(elapsed) => elapsed,
            Waited::Canceled => return Ok(question),
            Waited::Failed(reason) => {
                question.answer(0.0);
                question.findings.push(failure("never-ready", &reason, &service));
                return Ok(question);
            }
        };
        observer.tell(&format!("serve: ready {start_s} after its start"));
        let answered = self.load(&mut question, &service, start_s, site, observer, cancel);
        if !service.is_alive() && !cancel.is_requested() {
            let ending = service.ending();
            question.answer(0.0);
            let reason = format!("it {ending} while it was loaded");
            question.findings.push(failure("died", &reason, &service));
            return Ok(question);
        }
        answered.map(|()| question)
    }

    /// Starts the service, with the folder `name` for what it writes.
    fn start(&self, site: &Site<'_>, name: &str) -> Result<Service, Error> {
        let scratch = self.scratch.join(name);
        fs::create_dir_all(&scratch)
            .map_err(|source| Error::File { action: format!("create {}", scratch.display()), source })?;
        let environment = site.environment.iter().cloned().collect();
        Service::start(self.serve, self.folder, self.model, &scratch, &environment)
    }

    fn load(
        &self,
        question: &mut Question,
        service: &Service,
        start_s: Seconds,
        site: &Site<'_>,
        observer: &mut dyn ReadyObserver,
        cancel: &CancelToken,
    ) -> Result<(), Error> {
        let options = self.options(service)?;
        let request = LoadRequest::new(&options)?;
        let first = probe(request.plan.address, &request.plan.template, request.plan.timeout);
        let first_answer_s = match first {
            Ok(answer) if answer.status < 400 || !self.serve.request.checks.is_empty() => answer.elapsed,
            Ok(answer) => {
                question.answer(0.0);
                let reason = format!("its first request is answered with status {}", answer.status);
                question.findings.push(failure("bad-answer", &reason, service));
                return Ok(());
            }
            Err(error) => {
                question.answer(0.0);
                let reason = format!("its first request is not answered: {error}");
                question.findings.push(failure("bad-answer", &reason, service));
                return Ok(());
            }
        };
        let mut details = ServiceDetails {
            start_s,
            first_answer_s,
            knee: None,
            calmed: None,
            window: None,
            replicas: None,
        };
        observer.tell(&format!("serve: looking for its knee, about {}", self.serve.budget));
        let mut ticks = Ticks(observer);
        let knee = service.guard(cancel, |cancel| find_knee(&options, cancel, &mut ticks))?;
        if cancel.is_requested() || !service.is_alive() {
            // What was seen until then is kept, though nothing follows from it.
            details.knee = Some(knee);
            question.service = Some(details);
            return Ok(());
        }
        if knee.result.is_retrograde() {
            let concurrency = knee.result.best_concurrency();
            ticks.0.tell(&format!("serve: once more with {concurrency} at a time"));
            let duration = Some(Seconds(self.serve.budget.0 * SECOND));
            // One in which requests never overlapped: it may stay slow for long once they have.
            let mut fresh = self.start(site, "serve-again")?;
            if let Waited::Ready(_) = fresh.wait(self.serve, cancel)? {
                // Connections are the turnstile: a request that finds none free waits before the service, not in it.
                let connections = Some(concurrency);
                let calm = LoadOptions { connections, threads: Some(1), duration, ..self.options(&fresh)? };
                let calmed = fresh.guard(cancel, |cancel| find_knee(&calm, cancel, &mut ticks))?;
                details.calmed = Some(Calmed { concurrency, knee: calmed });
            }
        }
        let p_knee = p_bears(&knee, self.serve.demand.rate);
        if p_knee > super::result::NOT_READY && !cancel.is_requested() {
            let rate = self.serve.demand.rate;
            ticks.0.tell(&format!("serve: {WINDOW} at {} requests/s", number(rate)));
            let options = LoadOptions { rate: Some(rate), duration: Some(WINDOW), ..options };
            details.window = Some(service.guard(cancel, |cancel| load(&options, cancel, &mut ticks))?.result);
        }
        details.knee = Some(knee);
        self.judge(question, details);
        Ok(())
    }

    fn options(&self, service: &Service) -> Result<LoadOptions, Error> {
        let request = &self.serve.request;
        let read = |name: &str| {
            let path = self.folder.join(name);
            fs::read_to_string(&path)
                .map(|text| (name.to_owned(), text))
                .map_err(|source| Error::File { action: format!("read {}", path.display()), source })
        };
        let mut options = LoadOptions {
            url: service.url(&request.path),
            method: request.method.clone(),
            headers: request.headers.clone(),
            checks: request.checks.clone(),
            slo: Some(slo_text(&self.serve.slo)),
            duration: Some(self.serve.budget),
            pid: Some(service.pid),
            ..LoadOptions::default()
        };
        match request.body.as_deref() {
            // Each line of such a file is a body.
            Some(name) if name.ends_with(".jsonl") => options.rows = Some(read(name)?),
            Some(text) if self.folder.join(text).is_file() => options.body = Some(read(text)?.1),
            Some(text) => options.body = Some(text.to_owned()),
            None => {}
        }
        if let Some(name) = &request.rows {
            options.rows = Some(read(name)?);
        }
        Ok(options)
    }

    fn judge(&self, question: &mut Question, mut details: ServiceDetails) {
        let Some(knee) = details.knee.take() else { return };
        let rate = self.serve.demand.rate;
        let p_window = details.window.as_ref().map_or(1.0, p_window);
        question.estimate = Some(knee.result.knee.rate);
        question.answer(p_bears(&knee, rate).min(p_window));
        question.findings.clone_from(&knee.result.findings);
        if !knee.result.knee.is_valid && question.verdict != Verdict::Unsure {
            // Even so much noise does not change the answer.
            for finding in question.findings.iter_mut().filter(|finding| finding.code == "client-limited") {
                finding.severity = Severity::Warning;
            }
        }
        let best = details.calmed.as_ref().map_or(&knee, |calmed| &calmed.knee);
        details.replicas = best.result.replicas(&self.serve.demand, best.seed);
        question.evidence = self.evidence(&knee, &details);
        question.fixes = self.fixes(question.verdict, &knee, &details);
        question.rank_fixes();
        if question.verdict == Verdict::Ready {
            question.findings.extend(self.reserve(best, &details));
        }
        if question.verdict == Verdict::Unsure {
            question.next = Some(self.next(&knee));
        }
        details.knee = Some(knee);
        question.service = Some(details);
    }

    fn evidence(&self, knee: &KneeAnswer, details: &ServiceDetails) -> Vec<(String, String)> {
        let mut evidence = vec![
            (
                "start".to_owned(),
                format!("ready after {}, first answer after {}", details.start_s, details.first_answer_s),
            ),
            ("highest throughput".to_owned(), format!("{} requests/s", number(knee.result.knee.capacity))),
        ];
        if let Some(server) = &knee.result.server {
            let used = format!("{:.2} cores, {} of memory", server.cores, server.peak_rss);
            evidence.push(("uses".to_owned(), used));
        }
        if let Some(window) = &details.window {
            let p99 = window
                .latency
                .quantile(0.99)
                .map_or("–".to_owned(), |p99| Seconds(p99.estimate.value).to_string());
            let errors = 100.0 * window.requests.error_share();
            evidence.push((
                format!("at {} requests/s", number(self.serve.demand.rate)),
                format!("p99 {p99}, {errors:.2} % errors"),
            ));
        }
        if let Some(calmed) = &details.calmed {
            let rate = number(calmed.knee.result.knee.rate.value);
            evidence.push((
                format!("with {} at a time", calmed.concurrency),
                format!("holds up to {rate} requests/s"),
            ));
        }
        evidence
    }

    fn fixes(&self, verdict: Verdict, knee: &KneeAnswer, details: &ServiceDetails) -> Vec<Fix> {
        let mut fixes = Vec::new();
        if let Some(calmed) = &details.calmed {
            let rate = calmed.knee.result.knee.rate;
            fixes.push(Fix {
                kind: FixKind::Concurrency,
                change: format!(
                    "let it work on {} at a time ({}): it loses {:.0} % when requests overlap",
                    calmed.concurrency,
                    if calmed.concurrency == 1 {
                        "an async handler, a pool of one thread"
                    } else {
                        "a pool of as many threads"
                    },
                    100.0 * knee.result.knee.loss_when_overlapping
                ),
                p_ready: Some(p_bears(&calmed.knee, self.serve.demand.rate)),
                is_measured: true,
                cost: self.cost(&calmed.knee, 1),
                effect: Some(rate),
            });
        }
        if verdict != Verdict::Ready {
            fixes.extend(self.replicas(details.calmed.as_ref().map_or(knee, |calmed| &calmed.knee), details));
        }
        fixes
    }

    fn replicas(&self, knee: &KneeAnswer, details: &ServiceDetails) -> Option<Fix> {
        let sizing = details.replicas?;
        let n = sizing.at_random;
        let each = details
            .calmed
            .as_ref()
            .map_or(String::new(), |calmed| format!(", each with {} at a time", calmed.concurrency));
        let idle = match sizing.to_idle {
            Some(idle) if idle < n => format!("; {idle} behind a balancer that knows who is idle"),
            _ => String::new(),
        };
        let most = if knee.result.knee.is_at_least { "at most " } else { "" };
        let demand = &self.serve.demand;
        let cores = knee.result.server.map_or(1.0, |server| server.cores.max(0.1));
        let effect = knee.result.knee.rate.scaled(f64::from(n));
        Some(Fix {
            kind: FixKind::Replicas,
            change: format!(
                "{most}{n} replicas on {}{each}: they bear {} times the rate, and the rate after the loss of {}{idle}",
                super::batch::cores((cores * f64::from(n)).ceil() as u32),
                demand.headroom,
                demand.survive_loss_of
            ),
            p_ready: Some(p_of(effect, demand.rate, knee.result.knee.is_valid)),
            is_measured: false,
            cost: self.cost(knee, n),
            effect: Some(effect),
        })
    }

    /// The price of an hour of so many replicas.
    fn cost(&self, knee: &KneeAnswer, replicas: u32) -> Option<f64> {
        let server = knee.result.server?;
        let n = f64::from(replicas);
        self.project.cost.of(n * server.cores, n * server.peak_rss.0 as f64, Seconds(3600.0))
    }

    /// Tells what the answer leaves in reserve, where that is less than asked for.
    fn reserve(&self, knee: &KneeAnswer, details: &ServiceDetails) -> Option<Finding> {
        let n = details.replicas.map(|sizing| sizing.at_random).filter(|n| *n > 1)?;
        let demand = &self.serve.demand;
        let spare = knee.result.knee.rate.value / demand.rate;
        Some(
            Finding::new(
                Severity::Note,
                "reserve",
                format!("one process bears {spare:.1} times the rate, and nothing is left when it fails"),
            )
            .with_hint(format!(
                "{n} replicas have a reserve of {} and survive the loss of {}",
                demand.headroom, demand.survive_loss_of
            )),
        )
    }

    /// A longer search, which knows the knee well enough.
    fn next(&self, knee: &KneeAnswer) -> NextMeasurement {
        let (value, spread) = spread(knee.result.knee.rate, knee.result.knee.is_valid);
        let needed = ((1.2816 * spread) / (value - self.serve.demand.rate).abs().max(0.01 * value)).powi(2);
        let time = Seconds((self.serve.budget.0 * needed.clamp(2.0, 40.0)).ceil());
        let cores = knee.result.server.map_or(1.0, |server| server.cores) + 1.0;
        NextMeasurement {
            what: format!("search the knee for longer: budget = \"{} s\" in [serve]", time.0),
            time_s: time,
            cost: self.project.cost.of(cores, 0.0, time),
            p_decides: None,
        }
    }
}

/// Returns the probability that the service bears `rate`; what was never seen to fail may bear any.
fn p_bears(knee: &KneeAnswer, rate: f64) -> f64 {
    let knee = &knee.result.knee;
    let p = p_of(knee.rate, rate, knee.is_valid);
    if knee.is_at_least && knee.is_valid { p.max(0.5) } else { p }
}

/// Returns the probability that a knee is at least `rate`, taking it as normal. Where no rate was borne, that is the service's
/// fault only if the generator kept up; else nothing is known.
fn p_of(knee: Estimate, rate: f64, is_valid: bool) -> f64 {
    if knee.value <= 0.0 {
        return if is_valid { 0.0 } else { 0.5 };
    }
    let (value, spread) = spread(knee, is_valid);
    normal_cdf((value - rate) / spread)
}

/// Returns the middle of a knee and its standard deviation.
fn spread(knee: Estimate, is_valid: bool) -> (f64, f64) {
    let of_band = knee.interval.map_or(0.0, |Interval { lower, upper, .. }| (upper - lower) / (2.0 * Z90));
    let least = if is_valid { LEAST_SPREAD } else { INVALID_SPREAD };
    (knee.value, of_band.max(least * knee.value))
}

/// Returns an upper bound of the probability that follows from a window at the rate itself.
fn p_window(window: &festina_load::LoadResult) -> f64 {
    if !window.client.is_valid {
        return 1.0;
    }
    let any = |holds: Option<bool>| window.objectives.iter().any(|objective| objective.holds == holds);
    if any(Some(false)) {
        0.5
    } else if any(None) {
        // So short a window cannot tell: it leaves what the knee says, but for certainty.
        READY + 0.05
    } else {
        1.0
    }
}

/// Returns `slo` as it is typed.
fn slo_text(slo: &Slo) -> String {
    let bound = |bound: &Bound| match bound {
        Bound::Latency { probability, limit_s } => format!("{}={limit_s}", percentile_name(*probability)),
        Bound::Mean(limit) => format!("mean={limit}"),
        Bound::Errors(share) => format!("errors={share}"),
    };
    slo.0.iter().map(bound).collect::<Vec<_>>().join(",")
}

fn failure(code: &str, reason: &str, service: &Service) -> Finding {
    let said = service.last_lines();
    let finding = Finding::new(Severity::Error, code, format!("the service is of no use: {reason}"));
    if said.is_empty() {
        finding.with_hint("it wrote nothing; start it by hand in the project's folder")
    } else {
        finding.with_hint(format!("its last lines were:\n{said}"))
    }
}

/// Writes a rate with at most three digits.
pub(super) fn number(rate: f64) -> String {
    festina_report::Unit::Number.format(if rate >= 100.0 {
        rate.round()
    } else {
        (rate * 10.0).round() / 10.0
    })
}

/// Hands on what the load tells, now and then.
struct Ticks<'a>(&'a mut dyn ReadyObserver);

impl LoadObserver for Ticks<'_> {
    fn tick(&mut self, point: &TimelinePoint) {
        self.0.loaded(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use festina_types::Method;

    fn knee(value: f64, lower: f64, upper: f64) -> Estimate {
        let interval = Some(Interval { lower, upper, level: 0.9 });
        Estimate { value, interval, method: Method::Simulation }
    }

    #[test]
    fn probabilities_follow_the_band() {
        // The lower end of a 90 % band is exceeded with 95 %.
        assert!((p_of(knee(100.0, 90.0, 110.0), 90.0, true) - 0.95).abs() < 1e-3);
        assert!((p_of(knee(100.0, 90.0, 110.0), 100.0, true) - 0.5).abs() < 1e-9);
        assert_eq!(p_of(knee(0.0, 0.0, 0.0), 10.0, true), 0.0);
        assert_eq!(p_of(knee(0.0, 0.0, 0.0), 10.0, false), 0.5);
        // A generator that was the limit makes everything less sure.
        assert!(p_of(knee(100.0, 99.0, 101.0), 90.0, false) < 0.7);
    }

    #[test]
    fn an_objective_reads_back() {
        let slo: Slo = "p99=100ms,errors=0.1%,mean=20ms".parse().unwrap();
        assert_eq!(slo_text(&slo).parse::<Slo>().unwrap(), slo);
    }
}
