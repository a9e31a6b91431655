//! From what was recorded to what it means.

use festina_types::{Finding, Seconds, Severity};

use crate::engine::{LoadPlan, Mode, Outcome};
use crate::record::{Quantiles, Times};
use crate::result::{ArrivalsSeen, Client, Limit, LoadResult, Objective, Requests};
use crate::server::ServerUsage;
use crate::slo::{Bound, Slo};
use crate::summary::{Summary, summarise};

/// Requests sent later than this, although a connection was free, are the generator's fault.
const LATENESS: f64 = 1e-3;
/// … or later than this share of what is to be measured.
const LATENESS_SHARE: f64 = 0.05;
/// A thread that used or waited for its core more than this share of the time had no reserve.
const BUSY: f64 = 0.9;
/// In a closed loop, a generator that waits longer than this for a core adds to the latency …
const CLOSED_DELAY: f64 = 1e-4;
/// … if that is longer than this share of it: every response that is there waits as long.
const CLOSED_DELAY_SHARE: f64 = 0.02;
/// An open loop whose generator has no reserve may itself be why so many requests found no free connection.
const WAITED_SHARE: f64 = 0.01;

/// Makes a result of what was recorded.
pub(crate) fn judge(
    plan: &LoadPlan,
    slo: &Slo,
    outcome: Outcome,
    server: Option<ServerUsage>,
    server_cores: f64,
) -> LoadResult {
    let total = &outcome.total;
    let extra: Vec<f64> = slo
        .0
        .iter()
        .filter_map(|bound| match bound {
            Bound::Latency { probability, .. } => Some(*probability),
            _ => None,
        })
        .collect();
    let least = (total.unfinished > 0).then_some(total.least_unfinished as f64 * 1e-9);
    let of_parts = |times: fn(&crate::record::Record) -> &Times| -> Vec<&Times> {
        outcome.parts.iter().map(times).collect()
    };
    let latency = summarise(&total.latency, &of_parts(|record| &record.latency), least, &extra);
    let service = summarise(&total.service, &of_parts(|record| &record.service), None, &[]);
    let lateness = summarise(&total.lateness, &of_parts(|record| &record.lateness), None, &[]);
    let duration = plan.duration();
    let requests = Requests {
        sent: outcome.n_sent,
        good: total.good,
        errors: total.errors.clone(),
        unfinished: total.unfinished,
        waited: total.waited,
        resent: total.resent,
        connections: total.opened,
        goodput: outcome.good_in_time as f64 / duration.0.max(1e-9),
    };
    let arrivals = arrivals(plan, &outcome);
    let is_valid = match plan.mode {
        Mode::Closed { .. } => closed_is_valid(&outcome),
        Mode::Open { .. } => {
            let at =
                |summary: &Summary| summary.quantile(0.99).map_or(0.0, |quantile| quantile.estimate.value);
            open_is_valid(&outcome, slo.latency().map_or(at(&latency), |(_, limit)| limit))
        }
    };
    let client = Client {
        threads: plan.threads,
        cpu_per_request_s: total.cpu as f64 * 1e-9 / (outcome.n_sent.max(1)) as f64,
        busiest_thread: outcome.busiest_thread,
        waiting_thread: outcome.waiting_thread,
        lateness,
        is_valid,
    };
    let objectives = slo.0.iter().map(|bound| objective(*bound, &latency, &requests)).collect();
    let limit = if client.is_valid && requests.is_mostly_failing() {
        Limit::Failures
    } else {
        limit(&client, server.as_ref(), server_cores, &latency, &service, plan)
    };
    let mut result = LoadResult {
        duration_s: duration,
        elapsed_s: outcome.elapsed,
        requests,
        arrivals,
        latency,
        service,
        client,
        server,
        objectives,
        limit,
        findings: Vec::new(),
        timeline: outcome.timeline,
        histogram: total.latency.bins(),
    };
    result.findings = findings(plan, &result, outcome.total.is_short);
    result
}

fn arrivals(plan: &LoadPlan, outcome: &Outcome) -> Option<ArrivalsSeen> {
    let Mode::Open { arrivals, profile } = &plan.mode else { return None };
    let duration = plan.duration().0.max(1e-9);
    let expected = match arrivals {
        crate::Arrivals::Trace(times) => times.len() as f64,
        _ => profile.expected(),
    };
    Some(ArrivalsSeen {
        rate: expected / duration,
        sent_rate: outcome.n_sent as f64 / duration,
        variation: arrivals.variation(),
        sent_variation: outcome.sent_variation,
    })
}

/// Returns whether an open loop that measures latencies about `wanted` seconds long was on time, and had reserve where
/// requests waited for connections.
pub(crate) fn open_is_valid(outcome: &Outcome, wanted: f64) -> bool {
    let total = &outcome.total;
    let late = total.lateness.quantile(0.99).unwrap_or(0.0);
    let waited = total.waited as f64 > WAITED_SHARE * outcome.n_sent as f64;
    late <= LATENESS.max(LATENESS_SHARE * wanted) && (!waited || has_reserve(outcome))
}

/// Returns whether the generator of a closed loop had reserve, and added little to the latencies.
pub(crate) fn closed_is_valid(outcome: &Outcome) -> bool {
    let total = &outcome.total;
    // All responses that are there wait while the generator, woken by one of them, waits for a core.
    let delay = total.run_delay as f64 * 1e-9 / total.wakes.max(1) as f64;
    let wanted = total.latency.mean().unwrap_or(0.0);
    has_reserve(outcome) && delay <= CLOSED_DELAY.max(CLOSED_DELAY_SHARE * wanted)
}

fn has_reserve(outcome: &Outcome) -> bool {
    outcome.busiest_thread + outcome.waiting_thread < BUSY
}

fn objective(bound: Bound, latency: &Summary, requests: &Requests) -> Objective {
    let no_answer = (requests.good == 0 && !requests.errors.is_empty()).then_some(false);
    let (value, holds) = match bound {
        Bound::Latency { probability, limit_s } => {
            let quantile = latency.quantile(probability);
            // Where all requests failed, none was answered in time.
            let holds = quantile.map_or(no_answer, |quantile| match quantile.estimate.interval {
                _ if quantile.is_at_least && quantile.estimate.value > limit_s => Some(false),
                Some(interval) if interval.upper <= limit_s && !quantile.is_at_least => Some(true),
                Some(interval) if interval.lower > limit_s => Some(false),
                _ => None,
            });
            (quantile.map(|quantile| quantile.estimate.value), holds)
        }
        Bound::Mean(limit_s) => {
            (latency.mean_s, latency.mean_s.map_or(no_answer, |mean| Some(mean <= limit_s)))
        }
        Bound::Errors(share) => {
            let found = requests.error_share();
            let all = requests.good + requests.errors.values().sum::<u64>();
            (Some(found), (all > 0).then_some(found <= share))
        }
    };
    Objective { bound, value, holds }
}

fn limit(
    client: &Client,
    server: Option<&ServerUsage>,
    cores: f64,
    latency: &Summary,
    service: &Summary,
    plan: &LoadPlan,
) -> Limit {
    if !client.is_valid {
        return Limit::Client;
    }
    let Some(server) = server else { return Limit::Unknown };
    let at = |summary: &Summary, p: f64| summary.quantile(p).map_or(0.0, |quantile| quantile.estimate.value);
    // On one machine, what the generator uses is not there for the server.
    let left = (cores - client.busiest_thread.min(1.0)).max(0.5);
    if server.cores >= BUSY * left {
        Limit::ServerCpu
    } else if server.busiest_thread >= BUSY {
        Limit::ServerThread
    } else if matches!(plan.mode, Mode::Closed { .. }) || at(latency, 0.99) > 5.0 * at(service, 0.5).max(1e-4)
    {
        Limit::Waiting
    } else {
        Limit::Nothing
    }
}

fn findings(plan: &LoadPlan, result: &LoadResult, is_short: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !result.client.is_valid {
        let message = invalid_message(plan, result);
        findings.push(Finding::new(Severity::Error, "client-limited", message).with_hint(
            "free a core for the generator, use more --threads, another machine, or a lower rate",
        ));
    }
    if let Some(ArrivalsSeen { variation: Some(wanted), sent_variation: Some(sent), .. }) = result.arrivals {
        // The standard error of a coefficient of variation is about c·√((1/2 + c²)/n).
        let error =
            4.0 * (wanted.max(0.1)) * ((0.5 + wanted * wanted) / result.requests.sent.max(2) as f64).sqrt();
        if (sent - wanted).abs() > 0.1_f64.max(error) && result.requests.waited == 0 {
            findings.push(Finding::new(
                Severity::Warning,
                "arrivals-distorted",
                format!("the gaps between sends vary by {sent:.2} of their mean instead of {wanted:.2}"),
            ));
        }
    }
    if result.requests.waited > 0 {
        let share = 100.0 * result.requests.waited as f64 / result.requests.sent.max(1) as f64;
        findings.push(
            Finding::new(
                Severity::Note,
                "connections-limited",
                format!(
                    "{share:.1} % of the requests waited for a free connection; their wait is in the latency"
                ),
            )
            .with_hint(format!(
                "allow more than {} --connections if users would have their own",
                plan.connections
            )),
        );
    }
    if is_short {
        findings.push(
            Finding::new(
                Severity::Warning,
                "files-limited",
                "no more connections could be opened: files or ports ran out",
            )
            .with_hint("ulimit -n 65536, or fewer --connections"),
        );
    }
    if result.requests.unfinished > 0 {
        findings.push(Finding::new(
            Severity::Warning,
            "unfinished",
            format!(
                "{} requests had no response when they were given up: they count with their age, and quantiles at or above \
                it are lower bounds",
                result.requests.unfinished
            ),
        ));
    }
    findings
}

/// Says why a run is not valid.
fn invalid_message(plan: &LoadPlan, result: &LoadResult) -> String {
    let client = &result.client;
    let (used, waited) = (100.0 * client.busiest_thread, 100.0 * client.waiting_thread);
    if used + waited >= 100.0 * BUSY || matches!(plan.mode, Mode::Closed { .. }) {
        return format!(
            "the generator had no reserve: its busiest thread used {used:.0} % of a core and waited for one {waited:.0} % of \
             the time, so that rate and latencies are its own as well"
        );
    }
    let late = client.lateness.quantile(0.99).map_or(0.0, |quantile| quantile.estimate.value);
    format!(
        "the generator was late: 1 % of the requests went out {} or more after their time though a connection was free, so \
         that the latencies are its own as well",
        Seconds(late)
    )
}
