//! Plans as files: a table with a line a stop, `GeoJSON`, and CVRPLIB's `.sol`.

use std::fmt::Write;

use crate::vrp::explain::show_time;
use crate::vrp::plan::{Action, Plan, Route};
use crate::vrp::problem::Problem;

/// Returns the plan as a table for a dispatcher: a line for everything that a vehicle does.
pub fn write_table(problem: &Problem, routes: &[Route]) -> String {
    let dimensions =
        problem.parts().dimensions.iter().map(|name| format!(",{}", quoted(&format!("on board: {name}"))));
    let mut text = format!(
        "vehicle,line,action,stop,arrive,wait,begin,leave,distance{}\n",
        dimensions.collect::<String>()
    );
    for route in routes {
        let name = problem.vehicle_name(route.vehicle, route.number);
        for (number, line) in route.lines.iter().enumerate() {
            let place = |place: Option<usize>| {
                place.map_or(String::new(), |place| problem.parts().places[place].name.clone())
            };
            let (action, stop) = match line.action {
                Action::Start => ("start", place(line.place)),
                Action::Stop(stop) => ("stop", problem.stops()[stop].id.clone()),
                Action::Break(_) => ("break", String::new()),
                Action::Reload(at) => ("reload", place(Some(at))),
                Action::End => ("end", place(line.place)),
            };
            let times = [line.arrive, line.begin, line.leave].map(|time| show_time(problem, time));
            let wait = (line.begin - line.arrive) as f64 * problem.units().time;
            let load: String = line.load.iter().map(|load| format!(",{load}")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{},{number},{action},{},{},{},{},{},{}{load}",
                quoted(&name),
                quoted(&stop),
                times[0],
                round(wait),
                times[1],
                times[2],
                round(line.distance as f64 * problem.units().distance),
            );
        }
    }
    text
}

/// Returns the plan in the format of CVRPLIB: the stops of each route, numbered as the nodes are, the depot being 0.
pub fn write_sol(problem: &Problem, plan: &Plan) -> String {
    let mut text = String::new();
    for (number, route) in plan.routes.iter().enumerate() {
        let stops = route.lines.iter().filter_map(|line| match line.action {
            Action::Stop(stop) => Some(problem.stops()[stop].place.to_string()),
            Action::Reload(_) => Some("|".to_owned()),
            _ => None,
        });
        let _ = writeln!(text, "Route #{}: {}", number + 1, stops.collect::<Vec<_>>().join(" "));
    }
    let _ = writeln!(text, "Cost {}", round(plan.cost as f64 * plan.units.cost));
    text
}

/// Returns the plan as `GeoJSON`: a line for each route, a point for each stop; `None` where places have no coordinates.
pub fn write_geojson(problem: &Problem, plan: &Plan) -> Option<String> {
    let points = problem.drawing()?;
    let mut features = Vec::new();
    for route in &plan.routes {
        let name = problem.vehicle_name(route.vehicle, route.number);
        let line: Vec<[f64; 2]> = route.lines.iter().filter_map(|line| Some(points[line.place?])).collect();
        features.push(serde_json::json!({
            "type": "Feature",
            "properties": {"vehicle": name, "distance": round(route.distance as f64 * problem.units().distance)},
            "geometry": {"type": "LineString", "coordinates": line},
        }));
        for (order, line) in route.lines.iter().enumerate() {
            let Action::Stop(stop) = line.action else { continue };
            features.push(serde_json::json!({
                "type": "Feature",
                "properties": {
                    "vehicle": name, "order": order, "stop": problem.stops()[stop].id,
                    "begin": show_time(problem, line.begin), "leave": show_time(problem, line.leave),
                },
                "geometry": {"type": "Point", "coordinates": points[problem.stops()[stop].place]},
            }));
        }
    }
    for left in &plan.unassigned {
        let stop = &problem.stops()[left.stop];
        features.push(serde_json::json!({
            "type": "Feature",
            "properties": {"stop": stop.id, "unassigned": true},
            "geometry": {"type": "Point", "coordinates": points[stop.place]},
        }));
    }
    Some(serde_json::json!({"type": "FeatureCollection", "features": features}).to_string())
}

fn round(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ';']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Returns the cells of a line of a table: separated by commas, semicolons or tabs, whichever the line has.
pub(crate) fn cells(line: &str) -> Vec<String> {
    placed_cells(line).into_iter().map(|(_, cell)| cell).collect()
}

/// Returns the cells of a line of CSV, each behind the column at which it begins, from 1 on.
pub(crate) fn placed_cells(line: &str) -> Vec<(usize, String)> {
    let separator =
        [';', '\t', ','].into_iter().find(|&separator| outside_quotes(line, separator)).unwrap_or(',');
    let mut cells = vec![(1, String::new())];
    let mut is_quoted = false;
    let mut characters = (1..).zip(line.trim_end_matches('\r').chars()).peekable();
    while let Some((column, character)) = characters.next() {
        let (_, cell) = cells.last_mut().expect("there is a cell to begin with");
        match character {
            '"' if is_quoted && characters.peek().is_some_and(|(_, next)| *next == '"') => {
                characters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => cells.push((column + 1, String::new())),
            _ => cell.push(character),
        }
    }
    cells
}

fn outside_quotes(line: &str, separator: char) -> bool {
    line.split('"').step_by(2).any(|part| part.contains(separator))
}
