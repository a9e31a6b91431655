//! An independent checker of plans: it shares no arithmetic and no search with the solver.
//!
//! It takes who goes where in which order, works out the timetable by itself (see `timetable.rs`), and holds every rule of the
//! problem against it. Where a plan claims times of its own, these are checked line by line too.

mod file;
mod timetable;

use crate::vrp::plan::{Action, Plan, Route};
use crate::vrp::problem::{Problem, Vehicle, Work};

pub use file::read_plan;

/// Who goes where in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The routes.
    pub routes: Vec<ClaimedRoute>,
    /// The cost that is claimed, if one is.
    pub cost: Option<i64>,
}

/// The order of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedRoute {
    /// The kind of its vehicle.
    pub vehicle: usize,
    /// Which of those alike.
    pub number: usize,
    /// [`Action::Stop`] and [`Action::Reload`] in order; breaks are placed by the checker.
    pub actions: Vec<Action>,
}

/// What was found about a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanCheck {
    /// The cost, optional stops that are left out included; that of the routes that can be driven at all.
    pub cost: i64,
    /// The timetable of every route that can be driven.
    pub routes: Vec<Route>,
    /// The stops that must be served and are not.
    pub missing: Vec<usize>,
    /// What is wrong with the routes; empty if they keep every rule.
    pub problems: Vec<String>,
}

impl PlanCheck {
    /// Returns whether every rule is kept and every stop served that must be.
    pub fn is_right(&self) -> bool {
        self.problems.is_empty() && self.missing.is_empty()
    }
}

/// Checks a claim against every rule of the problem.
pub fn verify_plan(problem: &Problem, claim: &Claim) -> PlanCheck {
    let mut problems = Vec::new();
    let visits = count_visits(problem, claim, &mut problems);
    check_vehicles(problem, claim, &mut problems);
    let mut routes = Vec::new();
    for route in &claim.routes {
        let Some(vehicle) = problem.vehicles().get(route.vehicle) else { continue };
        let mut found = Vec::new();
        check_order(problem, vehicle, route, &mut found);
        check_loads(problem, vehicle, route, &mut found);
        match timetable::work_out(problem, route) {
            Ok(table) => {
                check_limits(problem, vehicle, &table, &mut found);
                routes.push(table);
            }
            Err(problem) => found.push(problem),
        }
        let name = problem.vehicle_name(route.vehicle, route.number);
        problems.extend(found.into_iter().map(|what| format!("{name}: {what}")));
    }
    check_beginnings(problem, claim, &mut problems);
    let mut cost: i64 = routes.iter().map(|route| route.cost).sum();
    let mut missing = Vec::new();
    for (stop, _) in visits.iter().enumerate().filter(|&(_, &count)| count == 0) {
        match problem.stops()[stop].prize {
            Some(prize) => cost += prize,
            None => missing.push(stop),
        }
    }
    if let Some(claimed) = claim.cost.filter(|&claimed| claimed != cost) {
        let unit = problem.units().cost;
        problems.push(format!("the cost is {}, not {}", cost as f64 * unit, claimed as f64 * unit));
    }
    PlanCheck { cost, routes, missing, problems }
}

/// Checks a plan of ours: its order, its cost, and its own timetable line by line.
pub fn verify(problem: &Problem, plan: &Plan) -> PlanCheck {
    let keep = |action: &Action| matches!(action, Action::Stop(_) | Action::Reload(_));
    let route = |route: &Route| ClaimedRoute {
        vehicle: route.vehicle,
        number: route.number,
        actions: route.lines.iter().map(|line| line.action).filter(keep).collect(),
    };
    let claim = Claim { routes: plan.routes.iter().map(route).collect(), cost: Some(plan.cost) };
    let mut check = verify_plan(problem, &claim);
    for route in &plan.routes {
        let name = problem.vehicle_name(route.vehicle, route.number);
        let found = timetable::check_claimed(problem, route);
        check.problems.extend(found.into_iter().map(|what| format!("{name}: {what}")));
    }
    let listed: Vec<usize> = plan.unassigned.iter().map(|left| left.stop).collect();
    for &stop in check.missing.iter().filter(|stop| !listed.contains(stop)) {
        check
            .problems
            .push(format!("'{}' is neither served nor listed as unassigned", problem.stops()[stop].id));
    }
    check
}

/// Returns how often each stop is served; more than once is a problem.
fn count_visits(problem: &Problem, claim: &Claim, problems: &mut Vec<String>) -> Vec<usize> {
    let mut visits = vec![0; problem.stops().len()];
    for action in claim.routes.iter().flat_map(|route| &route.actions) {
        if let Action::Stop(stop) = *action {
            match visits.get_mut(stop) {
                Some(count) => *count += 1,
                None => problems.push(format!("there is no stop number {}", stop + 1)),
            }
        }
    }
    for (stop, count) in visits.iter().enumerate().filter(|&(_, &count)| count > 1) {
        problems.push(format!("'{}' is served {count} times", problem.stops()[stop].id));
    }
    visits
}

/// Requires that vehicles exist, and that none drives two routes.
fn check_vehicles(problem: &Problem, claim: &Claim, problems: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    for route in &claim.routes {
        match problem.vehicles().get(route.vehicle) {
            None => problems.push(format!("there is no vehicle number {}", route.vehicle + 1)),
            Some(vehicle) if route.number >= vehicle.count => {
                problems.push(format!("there are only {} of '{}'", vehicle.count, vehicle.id));
            }
            Some(_) if !seen.insert((route.vehicle, route.number)) => {
                problems
                    .push(format!("{} drives two routes", problem.vehicle_name(route.vehicle, route.number)));
            }
            Some(_) => {}
        }
    }
}

/// Checks who may serve what, shipments, reloads, and the number of stops.
fn check_order(problem: &Problem, vehicle: &Vehicle, route: &ClaimedRoute, found: &mut Vec<String>) {
    let served: Vec<usize> = stops(problem, route).collect();
    for (place, &stop) in served.iter().enumerate() {
        let own = &problem.stops()[stop];
        for skill in &own.skills {
            if !vehicle.skills.iter().any(|has| has == skill) {
                found.push(format!("'{}' needs the skill '{skill}'", own.id));
            }
        }
        if let Some(allowed) = &own.vehicles
            && !allowed.contains(&route.vehicle)
        {
            found.push(format!("'{}' is for other vehicles", own.id));
        }
        match own.work {
            Work::Bring { from, .. } if !served[..place].contains(&from) => {
                found.push(format!("'{}' comes before its load is collected", own.id));
            }
            Work::Collect { to, .. } if !served[place + 1..].contains(&to) => {
                found.push(format!("what is collected at '{}' is not brought", own.id));
            }
            _ => {}
        }
    }
    if vehicle.max_stops.is_some_and(|most| served.len() > most) {
        found.push(format!("it serves {} stops", served.len()));
    }
    check_backhauls(problem, route, found);
    let mut reloads = 0;
    for action in &route.actions {
        if let Action::Reload(place) = action {
            reloads += 1;
            if !vehicle.reload.as_ref().is_some_and(|reload| reload.places.contains(place)) {
                found.push(format!("it cannot reload at place {}", place + 1));
            }
        }
    }
    if reloads > vehicle.reload.as_ref().map_or(0, |reload| reload.times) {
        found.push(format!("it reloads {reloads} times"));
    }
}

/// Requires of every trip that its backhauls follow other stops, and that none of these follows them.
fn check_backhauls(problem: &Problem, route: &ClaimedRoute, found: &mut Vec<String>) {
    let (mut others, mut backhauls) = (0, 0);
    for action in &route.actions {
        match *action {
            Action::Reload(_) => (others, backhauls) = (0, 0),
            Action::Stop(stop) => {
                let Some(own) = problem.stops().get(stop) else { continue };
                if own.is_backhaul {
                    backhauls += 1;
                    if others == 0 {
                        found.push(format!("'{}' is a backhaul, and nothing is served before it", own.id));
                    }
                } else {
                    others += 1;
                    if backhauls > 0 {
                        found.push(format!("'{}' comes after a backhaul", own.id));
                    }
                }
            }
            _ => {}
        }
    }
}

fn stops<'a>(problem: &'a Problem, route: &'a ClaimedRoute) -> impl Iterator<Item = usize> + 'a {
    route.actions.iter().filter_map(move |action| match *action {
        Action::Stop(stop) if stop < problem.stops().len() => Some(stop),
        _ => None,
    })
}

/// Adds up what is on board, one dimension after the other, trip by trip.
fn check_loads(problem: &Problem, vehicle: &Vehicle, route: &ClaimedRoute, found: &mut Vec<String>) {
    for (d, (name, &capacity)) in problem.parts().dimensions.iter().zip(&vehicle.capacity).enumerate() {
        for table in
            timetable::loads(problem, &route.actions, d).iter().filter(|&&load| load > capacity).take(1)
        {
            found.push(format!("it would carry {table} of {name}, more than {capacity}"));
        }
    }
}

/// Checks what the whole route may take.
fn check_limits(problem: &Problem, vehicle: &Vehicle, table: &Route, found: &mut Vec<String>) {
    let units = problem.units();
    if let Some(most) = vehicle.max_distance.filter(|&most| table.distance > most) {
        found.push(format!(
            "the way is {}, more than {}",
            table.distance as f64 * units.distance,
            most as f64 * units.distance
        ));
    }
    if let Some(most) = vehicle.max_duration.filter(|&most| table.duration > most) {
        found.push(format!(
            "it takes {}, more than {}",
            table.duration as f64 * units.time,
            most as f64 * units.time
        ));
    }
}

/// Requires that decided beginnings are kept.
fn check_beginnings(problem: &Problem, claim: &Claim, problems: &mut Vec<String>) {
    for (index, vehicle) in problem.vehicles().iter().enumerate() {
        for (place, &stop) in vehicle.begins_with.iter().enumerate() {
            let id = &problem.stops()[stop].id;
            for route in &claim.routes {
                let at = stops(problem, route).position(|served| served == stop);
                if at.is_some_and(|at| route.vehicle != index || at != place) {
                    problems.push(format!(
                        "'{id}' is decided to be number {} of '{}'",
                        place + 1,
                        vehicle.id
                    ));
                }
            }
        }
    }
}
