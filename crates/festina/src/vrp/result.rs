//! A plan in the units and names of its user.

use std::collections::BTreeMap;

use festina_route::vrp::{
    Action, Objective, Plan, PlanStatus, Problem, Reason, Route, check::PlanCheck, show_time,
};
use serde::Serialize;

use crate::{Versioned, versioned};

/// A plan that an independent checker has found right.
#[derive(Clone, Debug, Serialize)]
pub struct PlanResult {
    /// The problem's name.
    pub name: String,
    /// How far the answer got.
    pub status: PlanStatus,
    /// The cost, optional stops that are left out included.
    pub cost: f64,
    /// The distance of all routes.
    pub distance: f64,
    /// The number of vehicles used.
    pub vehicles: usize,
    /// The routes.
    pub routes: Vec<RouteRow>,
    /// What is not served, and why.
    pub unassigned: Vec<UnassignedRow>,
    /// What was asked for.
    pub objective: Objective,
    /// The seed.
    pub seed: u64,
    /// The time it took, in seconds.
    pub elapsed_s: f64,
    /// Iterations of ruin and recreate.
    pub work: u64,
    /// The number of workers.
    pub workers: festina_types::Workers,
    /// Whether the checker, which shares no code with the solver, finds that every rule is kept.
    pub is_verified: bool,
    #[serde(skip)]
    pub(super) plan: Plan,
}

/// The day of one vehicle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteRow {
    /// The vehicle's name.
    pub vehicle: String,
    /// The cost.
    pub cost: f64,
    /// The distance.
    pub distance: f64,
    /// The time from start to end.
    pub duration: f64,
    /// What it does, in order.
    pub lines: Vec<StopRow>,
}

/// A line of a route's timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StopRow {
    /// `start`, `stop`, `break`, `reload` or `end`.
    pub action: &'static str,
    /// The stop's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
    /// The place's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// When the vehicle is there: a time of the day as `08:30`, else a number in the problem's unit.
    pub arrive: String,
    /// How long it waits, in the unit of times (seconds in a day plan).
    pub wait: f64,
    /// When it begins.
    pub begin: String,
    /// When it is done.
    pub leave: String,
    /// The distance since the line before.
    pub distance: f64,
    /// What is on board then.
    pub load: BTreeMap<String, i64>,
}

/// A stop that is not served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnassignedRow {
    /// The stop's name.
    pub stop: String,
    /// The class of the reason, and what belongs to it.
    #[serde(flatten)]
    pub reason: Reason,
    /// The reason for people.
    pub why: String,
}

/// What the checker says about somebody's plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanVerdict {
    /// Whether every rule is kept and every stop served that must be.
    pub is_right: bool,
    /// The cost.
    pub cost: f64,
    /// The timetable of the routes that can be driven.
    pub routes: Vec<RouteRow>,
    /// The stops that must be served and are not.
    pub missing: Vec<String>,
    /// What is wrong.
    pub problems: Vec<String>,
    #[serde(skip)]
    pub(super) timetables: Vec<Route>,
}

impl PlanResult {
    pub(super) fn new(problem: &Problem, plan: Plan) -> Self {
        let units = problem.units();
        let unassigned = plan.unassigned.iter().map(|left| UnassignedRow {
            stop: problem.stops()[left.stop].id.clone(),
            reason: left.reason.clone(),
            why: why(&left.reason),
        });
        Self {
            name: plan.name.clone(),
            status: plan.status,
            cost: plan.cost as f64 * units.cost,
            distance: plan.distance as f64 * units.distance,
            vehicles: plan.routes.len(),
            routes: plan.routes.iter().map(|route| row(problem, route)).collect(),
            unassigned: unassigned.collect(),
            objective: plan.objective,
            seed: plan.seed,
            elapsed_s: plan.elapsed_s,
            work: plan.work,
            workers: plan.workers,
            is_verified: true,
            plan,
        }
    }

    /// Returns the result as JSON of the schema `festina.vrp/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.vrp/1", self)
    }
}

impl PlanVerdict {
    pub(super) fn new(problem: &Problem, check: PlanCheck) -> Self {
        Self {
            is_right: check.is_right(),
            cost: check.cost as f64 * problem.units().cost,
            routes: check.routes.iter().map(|route| row(problem, route)).collect(),
            missing: check.missing.iter().map(|&stop| problem.stops()[stop].id.clone()).collect(),
            problems: check.problems,
            timetables: check.routes,
        }
    }

    /// Returns the verdict as JSON of the schema `festina.vrp-check/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.vrp-check/1", self)
    }
}

fn row(problem: &Problem, route: &Route) -> RouteRow {
    let units = problem.units();
    let line = |line: &festina_route::vrp::Line| {
        let (action, stop) = match line.action {
            Action::Start => ("start", None),
            Action::Stop(stop) => ("stop", Some(problem.stops()[stop].id.clone())),
            Action::Break(_) => ("break", None),
            Action::Reload(_) => ("reload", None),
            Action::End => ("end", None),
        };
        StopRow {
            action,
            stop,
            place: line.place.map(|place| problem.parts().places[place].name.clone()),
            arrive: show_time(problem, line.arrive),
            wait: (line.begin - line.arrive) as f64 * units.time,
            begin: show_time(problem, line.begin),
            leave: show_time(problem, line.leave),
            distance: line.distance as f64 * units.distance,
            load: problem.parts().dimensions.iter().cloned().zip(line.load.iter().copied()).collect(),
        }
    };
    RouteRow {
        vehicle: problem.vehicle_name(route.vehicle, route.number),
        cost: route.cost as f64 * units.cost,
        distance: route.distance as f64 * units.distance,
        duration: route.duration as f64 * units.time,
        lines: route.lines.iter().map(line).collect(),
    }
}

/// Returns a reason in words.
fn why(reason: &Reason) -> String {
    match reason {
        Reason::Impossible { because } => {
            let mut details: Vec<String> = Vec::new();
            for obstacle in because {
                let detail = format!("{}: {}", obstacle.vehicle, obstacle.detail);
                if !details.contains(&detail) {
                    details.push(detail);
                }
            }
            let more = details.len().saturating_sub(4);
            details.truncate(4);
            let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
            format!("impossible for every vehicle ({}{rest})", details.join("; "))
        }
        Reason::NotWorth => "it may be left out, and serving it would cost more than it is worth".to_owned(),
        Reason::NotFound { could } => {
            let some: Vec<&str> = could.iter().take(4).map(String::as_str).collect();
            format!("nothing rules out {}, but no place was found beside what is served", some.join(", "))
        }
        Reason::Beginning { vehicle } => format!("the decided beginning of {vehicle} breaks a rule"),
        Reason::Partner { stop } => format!("the other end of its shipment, '{stop}', is impossible"),
    }
}
