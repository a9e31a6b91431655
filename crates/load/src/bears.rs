//! How much load a service bears: the knee of the real thing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use festina_types::{CancelToken, Finding, Seconds, Severity};
use serde::Serialize;

use crate::engine::{self, LoadObserver, LoadPlan, Mode, Outcome};
use crate::judge::{closed_is_valid, open_is_valid};
use crate::knee::{self, ClosedRun, Demand, FoundBy, Knee, OpenRun, RETROGRADE, Sizing, Subject, Target};
use crate::plan::{Arrivals, Profile};
use crate::record::{Quantiles, UNFINISHED};
use crate::server::{self, ServerUsage};
use crate::slo::Slo;
use crate::{LoadError, percentile_name};

/// A knee, and what is to be known about it.
#[derive(Clone, Debug, Serialize)]
pub struct KneeResult {
    /// The share of requests that is to be answered in time.
    pub probability: f64,
    /// What "in time" is, in seconds.
    pub limit_s: f64,
    /// The knee.
    #[serde(flatten)]
    pub knee: Knee,
    /// The contention of the universal scalability law, fitted to the ladder.
    pub contention: Option<f64>,
    /// Its coherency: above 0, the service gets slower as requests overlap.
    pub coherency: Option<f64>,
    /// What the service's processes used while it was looked at.
    pub server: Option<ServerUsage>,
    /// What went wrong with requests on the way, and how often.
    pub errors: BTreeMap<String, u64>,
    /// Whether no request was answered any more in the end.
    pub stopped_answering: bool,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// What is to be known about it.
    pub findings: Vec<Finding>,
}

impl KneeResult {
    /// Returns how many replicas of the service bear `demand` within the objective; `None` if no number does.
    pub fn replicas(&self, demand: &Demand, seed: u64) -> Option<Sizing> {
        let target = Target { limit: self.limit_s, allowed: 1.0 - self.probability };
        demand.sizing(self.knee.rate.value, self.knee.twin.as_ref(), target, seed)
    }

    /// Returns the number of requests at a time at which the service's throughput is highest.
    pub fn best_concurrency(&self) -> usize {
        let best = self.knee.ladder.iter().max_by(|a, b| a.throughput.total_cmp(&b.throughput));
        best.map_or(1, |rung| rung.users)
    }

    /// Returns whether the service gets slower as requests overlap.
    pub fn is_retrograde(&self) -> bool {
        self.knee.loss_when_overlapping > RETROGRADE
    }
}

/// Finds the highest Poisson rate at which `plan`'s service meets the latency objective of `slo`, in about `budget`.
///
/// # Errors
///
/// [`LoadError::Objective`] if `slo` bounds no latency, and those of [`load`](crate::load).
pub fn find_knee(
    plan: &LoadPlan,
    slo: &Slo,
    roots: &[u32],
    budget: Seconds,
    cancel: &CancelToken,
    observer: &mut dyn LoadObserver,
) -> Result<KneeResult, LoadError> {
    let (probability, limit_s) = slo.latency().ok_or_else(|| LoadError::Objective {
        text: slo.to_string(),
        expected: "an objective for the latency, such as p99=50ms: the knee is where it no longer holds",
    })?;
    let begin = std::time::Instant::now();
    let stop = AtomicBool::new(false);
    let mut service =
        Service { plan, cancel, observer, begin, errors: BTreeMap::new(), stopped_answering: false };
    let (knee, server) = std::thread::scope(|scope| {
        let sampler =
            (!roots.is_empty()).then(|| scope.spawn(|| server::sample(roots, Seconds(f64::MAX), &stop)));
        let target = Target { limit: limit_s, allowed: 1.0 - probability };
        let knee = knee::find(&mut service, target, budget.0, plan.seed);
        stop.store(true, Ordering::Relaxed);
        (knee, sampler.and_then(|sampler| sampler.join().ok().flatten()))
    });
    let knee = knee?;
    let law = usl(&knee);
    let mut result = KneeResult {
        probability,
        limit_s,
        contention: law.map(|law| law.0),
        coherency: law.map(|law| law.1),
        knee,
        server,
        errors: service.errors,
        stopped_answering: service.stopped_answering,
        elapsed_s: begin.elapsed().as_secs_f64(),
        findings: Vec::new(),
    };
    result.findings = findings(&result);
    Ok(result)
}

/// Fits the universal scalability law to the throughputs of the ladder.
fn usl(knee: &Knee) -> Option<(f64, f64)> {
    use festina_laws::{Observation, usl::Usl};
    let rungs = knee.ladder.iter().filter(|rung| rung.throughput > 0.0);
    let observations: Vec<Observation> =
        rungs.map(|rung| Observation::new(rung.users as f64, 1.0 / rung.throughput)).collect();
    let fit = Usl::fit_throughput(&observations, 0.9).ok()?;
    Some((fit.law.contention(), fit.law.coherency()))
}

fn findings(result: &KneeResult) -> Vec<Finding> {
    let knee = &result.knee;
    let mut findings = Vec::from_iter(failures(result));
    if result.stopped_answering {
        // Whatever else it looks like is what its end looks like.
        return findings;
    }
    if !knee.is_valid {
        findings.push(
            Finding::new(
                Severity::Error,
                "client-limited",
                "the generator was late or had no reserve while the service was loaded: the knee may be its own, and the service's \
                 higher",
            )
            .with_hint("free a core for the generator, or use another machine"),
        );
    }
    if knee.is_at_least && knee.is_valid {
        findings.push(
            Finding::new(
                Severity::Warning,
                "at-least",
                format!(
                    "the knee may lie higher: {} users still brought more throughput when the time for looking was over, and no \
                     rate that was tried failed",
                    knee.ladder.last().map_or(0, |rung| rung.users)
                ),
            )
            .with_hint(format!("look for longer: --duration {:.0}s", 3.0 * result.elapsed_s.max(1.0))),
        );
    }
    if result.is_retrograde() {
        let users = result.best_concurrency();
        findings.push(
            Finding::new(
                Severity::Warning,
                "retrograde",
                format!(
                    "the service loses {:.0} % of its throughput when many requests overlap: {:.0}/s with {users} at a time, \
                    less with more",
                    100.0 * knee.loss_when_overlapping,
                    knee.capacity
                ),
            )
            .with_hint(format!(
                "let it work on {users} at a time ({}), and add processes for more",
                if users == 1 { "an async handler, a pool of one thread" } else { "a pool of as many threads" }
            )),
        );
    }
    if knee.found_by == FoundBy::Search && !result.is_retrograde() && !knee.is_at_least {
        let (code, reason) = if knee.has_levelled {
            (
                "no-queue",
                "the service does not behave like a queue of its own service times (batching, garbage collection, locks, \
                 autoscaling?)",
            )
        } else {
            (
                "not-levelled",
                "more users still brought more throughput when the time for looking at them was over",
            )
        };
        let message =
            format!("{reason}: the knee was searched with windows at constant rates, and is known less well");
        findings.push(Finding::new(Severity::Note, code, message));
    }
    if knee.rate.value <= 0.0 && !knee.is_at_least {
        findings.push(Finding::new(
            Severity::Warning,
            "too-slow-alone",
            format!(
                "even requests that come alone miss {} ≤ {}",
                percentile_name(result.probability),
                Seconds(result.limit_s)
            ),
        ));
    }
    findings
}

/// Tells of requests that failed.
fn failures(result: &KneeResult) -> Option<Finding> {
    let kinds: Vec<String> = result.errors.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
    let kinds = kinds.join(", ");
    if result.stopped_answering {
        let message = format!("the service stopped answering while it was loaded: {kinds}");
        let finding = Finding::new(Severity::Error, "stopped-answering", message);
        return Some(finding.with_hint("it may have died: look at what it wrote last, and start it again"));
    }
    let message = format!("requests failed on the way, and count as if they were too late: {kinds}");
    (!result.errors.is_empty()).then(|| Finding::new(Severity::Warning, "failed-requests", message))
}

/// A real service as the subject of a search.
struct Service<'a> {
    plan: &'a LoadPlan,
    cancel: &'a CancelToken,
    observer: &'a mut dyn LoadObserver,
    begin: std::time::Instant,
    /// What went wrong, but for what was given up when a part of the search was over.
    errors: BTreeMap<String, u64>,
    /// Whether nothing was answered the last time, and something failed.
    stopped_answering: bool,
}

/// How long the last responses of a rung are waited for at most: they are not counted, but a service that still works on hundreds of
/// them makes the requests of the next rung wait.
const DRAIN_OF_RUNG: Seconds = Seconds(4.0);

impl Service<'_> {
    fn apply(&mut self, mode: Mode, drain: Seconds) -> Result<Outcome, LoadError> {
        let plan = LoadPlan { mode, drain, ..self.plan.clone() };
        let outcome = engine::apply(&plan, self.cancel, self.observer)?;
        let failed = outcome.total.errors.iter().filter(|(kind, _)| *kind != UNFINISHED);
        let mut has_failed = false;
        for (kind, count) in failed {
            has_failed = true;
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        self.stopped_answering = has_failed && outcome.total.good == 0;
        Ok(outcome)
    }
}

impl Subject for Service<'_> {
    fn closed(&mut self, users: usize, seconds: f64) -> Result<ClosedRun, LoadError> {
        // Beyond the connections there are, users wait for one another before they reach the service.
        let concurrency = if self.plan.http2 { users } else { users.min(self.plan.connections) };
        let mode = Mode::Closed { concurrency, duration: Seconds(seconds) };
        let outcome = self.apply(mode, DRAIN_OF_RUNG)?;
        let spans: Vec<&engine::TimelinePoint> =
            outcome.timeline.iter().filter(|point| point.time_s <= seconds + 1e-9).collect();
        let mut before = 0.0;
        let mut throughputs = Vec::new();
        for point in &spans {
            throughputs.push(point.good as f64 / (point.time_s - before));
            before = point.time_s;
        }
        let times =
            outcome.total.latency.bins().iter().map(|bin| (f64::midpoint(bin.0, bin.1), bin.2)).collect();
        Ok(ClosedRun { throughputs, times, is_valid: closed_is_valid(&outcome) })
    }

    fn open(&mut self, rate: f64, seconds: f64, target: Target) -> Result<OpenRun, LoadError> {
        let limit = target.limit;
        let mode =
            Mode::Open { arrivals: Arrivals::Poisson, profile: Profile::constant(rate, Seconds(seconds))? };
        let outcome = self.apply(mode, Seconds((4.0 * limit).max(1.0)))?;
        let total = &outcome.total;
        let failed = total.n_errors() - total.unfinished.min(total.n_errors());
        let n = total.latency.len() + failed;
        let above = total.latency.share_above(limit) * total.latency.len() as f64 + failed as f64;
        let backlog =
            outcome.timeline.iter().rfind(|point| point.time_s <= seconds).map_or(0, |point| point.in_system);
        Ok(OpenRun {
            share: above / n.max(1) as f64,
            latency_s: total.latency.quantile(1.0 - target.allowed),
            sent: outcome.n_sent,
            backlog,
            is_valid: open_is_valid(&outcome, limit),
        })
    }

    fn elapsed(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn is_canceled(&self) -> bool {
        self.cancel.is_requested()
    }
}
