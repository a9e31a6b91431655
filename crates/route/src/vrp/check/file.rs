//! Plans of anyone's tool: CVRPLIB's `.sol`, or a table with a line a stop.

use std::collections::HashMap;

use super::{Claim, ClaimedRoute};
use crate::error::{Place, RouteError};
use crate::read::scan::shorten;
use crate::read::utf8;
use crate::vrp::plan::Action;
use crate::vrp::problem::Problem;
use crate::vrp::write::cells;

/// Reads a plan: a `.sol` of CVRPLIB (`Route #1: 3 7 …`, numbers counted as the nodes are, the depot being 0), or a table
/// with the columns `vehicle` and `stop`, as [`super::super::write_table`] writes it.
///
/// # Errors
///
/// [`RouteError::Text`] with the place of what is no stop or no vehicle.
pub fn read_plan(problem: &Problem, bytes: &[u8]) -> Result<Claim, RouteError> {
    let text = utf8(bytes)?;
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    if first.trim_start().to_ascii_lowercase().starts_with("route") && first.contains(':') {
        read_sol(problem, text)
    } else {
        read_table(problem, text)
    }
}

fn error(line: usize, column: usize, message: String) -> RouteError {
    RouteError::text(Place { line: line + 1, column }, message)
}

fn read_sol(problem: &Problem, text: &str) -> Result<Claim, RouteError> {
    if problem.vehicles().len() > 1 {
        let place = Place { line: 1, column: 1 };
        return Err(RouteError::text(place, "this format does not say which vehicle drives which route")
            .with_hint("give a table with the columns vehicle and stop"));
    }
    let by_place: HashMap<usize, usize> =
        problem.stops().iter().enumerate().map(|(index, stop)| (stop.place, index)).collect();
    let mut routes = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((head, tail)) = line.split_once(':') else { continue };
        if !head.trim_start().to_ascii_lowercase().starts_with("route") {
            continue;
        }
        let mut actions = Vec::new();
        for word in tail.split_whitespace() {
            if word == "|" {
                let reload = problem.vehicles()[0].reload.as_ref();
                let place = reload.map(|reload| reload.places[0]);
                actions.push(Action::Reload(
                    place.ok_or_else(|| error(number, 1, "its vehicle cannot reload".into()))?,
                ));
                continue;
            }
            let column = word.as_ptr() as usize - line.as_ptr() as usize + 1;
            let stop = word.parse::<usize>().ok().and_then(|node| by_place.get(&node));
            let stop =
                stop.ok_or_else(|| error(number, column, format!("'{}' is not a stop", shorten(word))))?;
            actions.push(Action::Stop(*stop));
        }
        if !actions.is_empty() {
            routes.push(ClaimedRoute { vehicle: 0, number: routes.len(), actions });
        }
    }
    Ok(Claim { routes, cost: None })
}

fn read_table(problem: &Problem, text: &str) -> Result<Claim, RouteError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (number, header) = lines.next().ok_or_else(|| error(0, 1, "the plan is empty".into()))?;
    let names = cells(header);
    let column = |name: &str| names.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
    let (Some(vehicle_at), Some(stop_at)) = (column("vehicle"), column("stop")) else {
        return Err(error(number, 1, "the table has no columns 'vehicle' and 'stop'".into())
            .with_hint("the plan is a table as -o plan.csv writes it, or a .sol of CVRPLIB"));
    };
    let action_at = column("action");
    let mut vehicles = HashMap::new();
    for (index, vehicle) in problem.vehicles().iter().enumerate() {
        for number in 0..vehicle.count {
            vehicles.insert(problem.vehicle_name(index, number), (index, number));
        }
    }
    let stops: HashMap<&str, usize> =
        problem.stops().iter().enumerate().map(|(index, stop)| (stop.id.as_str(), index)).collect();
    let mut routes: Vec<ClaimedRoute> = Vec::new();
    for (number, line) in lines {
        let row = cells(line);
        let cell = |at: usize| row.get(at).map_or("", |cell| cell.trim());
        let action = action_at.map_or("stop", cell);
        if !matches!(action, "stop" | "reload") {
            continue;
        }
        let name = cell(vehicle_at);
        let &(vehicle, of_kind) = vehicles
            .get(name)
            .ok_or_else(|| error(number, 1, format!("there is no vehicle '{}'", shorten(name))))?;
        let known = || error(number, 1, format!("there is no stop '{}'", shorten(cell(stop_at))));
        let action = if action == "reload" {
            let place = problem.parts().places.iter().position(|place| place.name == cell(stop_at));
            Action::Reload(place.ok_or_else(known)?)
        } else {
            Action::Stop(*stops.get(cell(stop_at)).ok_or_else(known)?)
        };
        match routes.iter_mut().find(|route| (route.vehicle, route.number) == (vehicle, of_kind)) {
            Some(route) => route.actions.push(action),
            None => routes.push(ClaimedRoute { vehicle, number: of_kind, actions: vec![action] }),
        }
    }
    Ok(Claim { routes, cost: None })
}
