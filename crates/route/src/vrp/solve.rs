//! From a problem and a request to a plan.

use festina_types::Backend;

use crate::error::RouteError;
use crate::request::Budget;
use crate::vrp::explain::Explainer;
use crate::vrp::plan::{Action, Line, Plan, PlanProgress, PlanRequest, PlanStatus, Route, Unassigned};
use crate::vrp::problem::{Problem, Work};
use crate::vrp::search::anneal::{Routes, absent};
use crate::vrp::search::driver::{Driver, weights};
use crate::vrp::search::simulate::{Act, Simulator};
use crate::vrp::search::translate::Translation;

/// Plans `problem` as `request` asks, within `budget`, with its tasks mapped over `backend`.
///
/// `report` is called for every better plan. That a stop cannot be served is part of the answer.
///
/// # Errors
///
/// [`RouteError::Backend`]: a plan always exists, if only an empty one.
pub fn solve(
    problem: &Problem,
    request: &PlanRequest,
    budget: &Budget<'_>,
    backend: &dyn Backend,
    report: &mut dyn FnMut(&PlanProgress),
) -> Result<Plan, RouteError> {
    let routes = Driver::new(problem, request, budget, backend, report).run()?.routes;
    let timetables = timetables(problem, request, &routes);
    let unassigned = unassigned(problem, &routes);
    let lost: i64 = unassigned.iter().filter_map(|left| problem.stops()[left.stop].prize).sum();
    let cost = timetables.iter().map(|route| route.cost).sum::<i64>() + lost;
    let is_complete = unassigned.iter().all(|left| problem.stops()[left.stop].prize.is_some());
    let status = match (is_complete, budget.is_canceled()) {
        (false, _) => PlanStatus::Infeasible,
        (true, true) => PlanStatus::Canceled,
        (true, false) => PlanStatus::Feasible,
    };
    Ok(Plan {
        name: problem.parts().name.clone(),
        status,
        cost,
        distance: timetables.iter().map(|route| route.distance).sum(),
        routes: timetables,
        unassigned,
        objective: request.objective,
        seed: request.seed,
        elapsed_s: budget.elapsed().0,
        work: budget.work(),
        workers: backend.workers(),
        units: problem.units(),
    })
}

fn unassigned(problem: &Problem, routes: &Routes) -> Vec<Unassigned> {
    let missing = absent(routes, problem.stops().len());
    if missing.is_empty() {
        return Vec::new();
    }
    let explainer = Explainer::new(problem);
    let left = |&stop: &u32| Unassigned { stop: stop as usize, reason: explainer.reason(stop as usize) };
    missing.iter().map(left).collect()
}

fn timetables(problem: &Problem, request: &PlanRequest, routes: &Routes) -> Vec<Route> {
    let translation = Translation::new(problem, weights(problem, request.objective));
    let mut sorted = routes.clone();
    sorted.sort();
    let mut used = vec![0; problem.vehicles().len()];
    let mut timetables = Vec::with_capacity(sorted.len());
    for (kind, tokens) in &sorted {
        let number = used[*kind as usize];
        used[*kind as usize] += 1;
        timetables.push(timetable(problem, &translation, *kind, number, tokens));
    }
    timetables
}

fn timetable(
    problem: &Problem,
    translation: &Translation<'_>,
    kind: u32,
    number: usize,
    tokens: &[u32],
) -> Route {
    let (model, local) = translation.alone(kind, tokens);
    let rules = &model.kinds[kind as usize];
    let (depart, steps) = Simulator::default()
        .timetable(&model, rules, &local)
        .expect("the search keeps routes that can be driven");
    let vehicle = &problem.vehicles()[kind as usize];
    let mut board = Board::new(problem, tokens);
    let mut lines = vec![Line {
        action: Action::Start,
        place: vehicle.start,
        arrive: depart,
        begin: depart,
        leave: depart,
        load: board.load.clone(),
        distance: 0,
    }];
    let mut at = vehicle.start;
    let mut rest = tokens.iter();
    for step in steps {
        let (action, place) = match step.act {
            Act::Break(index) => (Action::Break(index), at),
            Act::End => (Action::End, vehicle.end),
            Act::Token(_) => {
                let &token = rest.next().expect("a timetable has a line for every token");
                if (token as usize) < problem.stops().len() {
                    (Action::Stop(token as usize), Some(problem.stops()[token as usize].place))
                } else {
                    let place = translation.depot(token);
                    (Action::Reload(place), Some(place))
                }
            }
        };
        board.pass(problem, action);
        let leg = match (at, place) {
            (Some(from), Some(to)) => {
                let parts = problem.parts();
                parts.travel[vehicle.profile].distance(&parts.places, from, to)
            }
            _ => 0,
        };
        // A break has no place of its own: it is where the vehicle is, or where it just arrived.
        lines.push(Line {
            action,
            place: if matches!(action, Action::Break(_)) { None } else { place },
            arrive: step.arrive,
            begin: step.begin,
            leave: step.leave,
            load: board.load.clone(),
            distance: if matches!(action, Action::Break(_)) { 0 } else { leg },
        });
        at = place;
    }
    let end = lines.last().map_or(depart, |line| line.arrive);
    let distance = lines.iter().map(|line| line.distance).sum();
    Route {
        vehicle: kind as usize,
        number,
        cost: vehicle.fixed_cost + vehicle.distance_cost * distance + vehicle.time_cost * (end - depart),
        distance,
        duration: end - depart,
        lines,
    }
}

/// What is on board.
struct Board {
    load: Vec<i64>,
    /// What each trip still to come takes on at its beginning.
    trips: std::vec::IntoIter<Vec<i64>>,
    /// What is on board between the ends of shipments.
    shipped: Vec<i64>,
}

impl Board {
    fn new(problem: &Problem, tokens: &[u32]) -> Self {
        let n = problem.stops().len();
        let none = vec![0; problem.parts().dimensions.len()];
        let goods = |trip: &[u32]| {
            let mut load = none.clone();
            for &stop in trip {
                if let Work::Visit { delivery, .. } = &problem.stops()[stop as usize].work {
                    load.iter_mut().zip(delivery).for_each(|(load, amount)| *load += amount);
                }
            }
            load
        };
        let trips: Vec<Vec<i64>> = tokens.split(|&token| token as usize >= n).map(goods).collect();
        let mut trips = trips.into_iter();
        Self { load: trips.next().unwrap_or_else(|| none.clone()), trips, shipped: none }
    }

    fn pass(&mut self, problem: &Problem, action: Action) {
        match action {
            Action::Stop(stop) => match &problem.stops()[stop].work {
                Work::Visit { delivery, pickup } => {
                    for (load, (delivery, pickup)) in self.load.iter_mut().zip(delivery.iter().zip(pickup)) {
                        *load += pickup - delivery;
                    }
                }
                Work::Collect { load, .. } => self.ship(load, 1),
                Work::Bring { load, .. } => self.ship(load, -1),
            },
            Action::Reload(_) => {
                let goods = self.trips.next().unwrap_or_default();
                self.load = self.shipped.iter().zip(goods).map(|(shipped, goods)| shipped + goods).collect();
            }
            Action::End => self.load = vec![0; self.load.len()],
            Action::Start | Action::Break(_) => {}
        }
    }

    fn ship(&mut self, amounts: &[i64], sign: i64) {
        for (d, amount) in amounts.iter().enumerate() {
            self.load[d] += sign * amount;
            self.shipped[d] += sign * amount;
        }
    }
}
