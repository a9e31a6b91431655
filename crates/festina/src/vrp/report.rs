//! Plans for people: numbers, what stays undone, a map, a timeline, the timetables.

use festina_report::{Axis, Block, Cell, Chart, Column, PlotPoint, Report, Role, Series, Span, Table, Unit};
use festina_route::vrp::{Action, Objective, PlanStatus, Problem, Route};
use festina_types::{Finding, Seconds, Severity};

use super::result::{PlanResult, PlanVerdict, RouteRow};

/// Routes that are told apart by colours of their own; more share them.
const COLOURS: usize = 6;

/// Returns a plan for people.
pub fn plan_report(problem: &Problem, result: &PlanResult) -> Report {
    let served = problem.stops().len() - result.unassigned.len();
    let number = |value: f64| Unit::Number.format(value);
    let quality = if result.status == PlanStatus::Infeasible { ": not every stop can be served" } else { "" };
    let stops = problem.stops().len();
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let title = format!(
        "{served} of {}, {}, cost {}{quality}",
        count(stops, "stop"),
        count(result.vehicles, "vehicle"),
        number(result.cost)
    );
    let mut report = Report::new(title);
    report.subtitle.clone_from(&result.name);
    report.push(Block::key_values(pairs(result)));
    report.push(findings(result));
    report.push(summary(problem, &result.routes));
    push_charts(&mut report, problem, &result.plan.routes);
    if !result.unassigned.is_empty() {
        report.push(Block::heading("Not served"));
        let mut table = Table::new([Column::text("stop"), Column::text("why")]);
        for left in &result.unassigned {
            table.row([Cell::text(&left.stop), Cell::text(&left.why)]);
        }
        report.push(table);
    }
    report.push(timetables(&result.routes));
    report
}

/// Returns what the checker says about a plan, for people.
pub fn verdict_report(problem: &Problem, verdict: &PlanVerdict) -> Report {
    let cost = Unit::Number.format(verdict.cost);
    let title = if verdict.is_right {
        format!("right: every rule is kept, cost {cost}")
    } else {
        format!("wrong: {} problems", verdict.problems.len() + verdict.missing.len())
    };
    let mut report = Report::new(title).with_subtitle(problem.parts().name.clone());
    let missing = verdict.missing.iter().map(|stop| format!("'{stop}' is not served"));
    let problems = verdict.problems.iter().cloned().chain(missing);
    report.push(problems.map(|what| Finding::new(Severity::Error, "rule-broken", what)).collect::<Vec<_>>());
    report.push(summary(problem, &verdict.routes));
    push_charts(&mut report, problem, &verdict.timetables);
    report.push(timetables(&verdict.routes));
    report
}

fn pairs(result: &PlanResult) -> Vec<(String, String)> {
    let number = |value: f64| Unit::Number.format(value);
    let objective = match result.objective {
        Objective::Cost => "the lowest cost",
        Objective::Vehicles => "the fewest vehicles, then the lowest cost",
        Objective::Balance => "even working times, then the lowest cost",
    };
    let pairs = vec![
        ("cost", number(result.cost)),
        ("distance", number(result.distance)),
        ("vehicles", result.vehicles.to_string()),
        ("asked for", objective.to_owned()),
        ("seed", result.seed.to_string()),
        ("workers", result.workers.to_string()),
        ("time", Seconds(result.elapsed_s).to_string()),
        ("checked", "every rule is kept, by a checker that shares no code with the solver".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn findings(result: &PlanResult) -> Vec<Finding> {
    let mut findings = Vec::new();
    for left in result.unassigned.iter().take(10) {
        let is_choice = matches!(left.reason, festina_route::vrp::Reason::NotWorth);
        let severity = if is_choice { Severity::Note } else { Severity::Warning };
        findings.push(Finding::new(
            severity,
            "unassigned",
            format!("'{}' is not served: {}", left.stop, left.why),
        ));
    }
    let more = result.unassigned.len().saturating_sub(10);
    if more > 0 {
        findings.push(Finding::new(
            Severity::Warning,
            "unassigned",
            format!("{more} more stops are not served"),
        ));
    }
    if result.status == PlanStatus::Canceled {
        findings.push(Finding::new(
            Severity::Note,
            "canceled",
            "stopped early: this is the best plan so far",
        ));
    }
    findings
}

/// A line a vehicle.
fn summary(problem: &Problem, routes: &[RouteRow]) -> Table {
    let is_clock = problem.units().is_clock;
    let unit = if is_clock { Unit::Seconds } else { Unit::Number };
    let time = |value: f64| if is_clock { Cell::seconds(value) } else { Cell::number(value) };
    let mut table = Table::new([
        Column::text("vehicle"),
        Column::number("stops", Unit::Number),
        Column::text("leaves"),
        Column::text("ends"),
        Column::number("duration", unit.clone()),
        Column::number("waiting", unit),
        Column::number("distance", Unit::Number),
        Column::number("cost", Unit::Number),
    ]);
    for route in routes {
        let stops = route.lines.iter().filter(|line| line.action == "stop").count();
        table.row([
            Cell::text(&route.vehicle),
            Cell::number(stops as f64),
            Cell::text(route.lines.first().map_or("", |line| &line.leave)),
            Cell::text(route.lines.last().map_or("", |line| &line.arrive)),
            time(route.duration),
            time(route.lines.iter().map(|line| line.wait).sum()),
            Cell::number(route.distance),
            Cell::number(route.cost),
        ]);
    }
    table
}

/// The timetables, folded away.
fn timetables(routes: &[RouteRow]) -> Block {
    let mut table = Table::new([
        Column::text("vehicle"),
        Column::text("what"),
        Column::text("stop"),
        Column::text("arrives"),
        Column::text("begins"),
        Column::text("leaves"),
        Column::text("on board"),
    ]);
    for route in routes {
        for line in &route.lines {
            let load: Vec<String> = line.load.iter().map(|(name, load)| format!("{name} {load}")).collect();
            let stop = line.stop.as_ref().or(line.place.as_ref()).map_or("", String::as_str);
            table.row([
                Cell::text(&route.vehicle),
                Cell::text(line.action),
                Cell::text(stop),
                Cell::text(&line.arrive),
                Cell::text(&line.begin),
                Cell::text(&line.leave),
                Cell::text(load.join(", ")),
            ]);
        }
    }
    Block::details("Timetables", [Block::from(table)])
}

fn push_charts(report: &mut Report, problem: &Problem, routes: &[Route]) {
    if routes.is_empty() {
        return;
    }
    report.blocks.extend(map(problem, routes).map(Block::from));
    report.push(timeline(problem, routes));
}

/// The routes over the places.
fn map(problem: &Problem, routes: &[Route]) -> Option<Chart> {
    let points = problem.drawing()?;
    let at = |place: usize| (points[place][0], points[place][1]);
    let (x, y) = if problem.parts().is_geographic { ("longitude", "latitude") } else { ("x", "y") };
    let mut chart =
        Chart::new("Routes", Axis::new(x, Unit::Number), Axis::new(y, Unit::Number)).with_equal_scales();
    let groups = routes.len().min(COLOURS);
    for group in 0..groups {
        let mine = || routes.iter().enumerate().filter(move |(index, _)| index % groups == group);
        let mut line = Vec::new();
        for (_, route) in mine() {
            line.extend(route.lines.iter().filter_map(|line| line.place).map(at));
            line.push((f64::NAN, f64::NAN));
        }
        let name = |(_, route): (usize, &Route)| problem.vehicle_name(route.vehicle, route.number);
        let first: Vec<String> = mine().take(2).map(name).collect();
        let more = if mine().count() > 2 { " …" } else { "" };
        chart =
            chart.with(Series::line(format!("{}{more}", first.join(", ")), Role::Other(group as u8), line));
    }
    let stop = |line: &festina_route::vrp::Line| match line.action {
        Action::Stop(stop) => {
            let (x, y) = at(problem.stops()[stop].place);
            Some(PlotPoint::new(x, y).with_tooltip(&problem.stops()[stop].id))
        }
        _ => None,
    };
    let stops: Vec<PlotPoint> = routes.iter().flat_map(|route| route.lines.iter().filter_map(stop)).collect();
    let mut depots: Vec<usize> = routes.iter().filter_map(|route| route.lines.first()?.place).collect();
    depots.sort_unstable();
    depots.dedup();
    chart = chart.with(Series::points("stops", Role::Measured, stops));
    let depot = |place: usize| {
        PlotPoint::new(at(place).0, at(place).1).with_tooltip(&problem.parts().places[place].name)
    };
    Some(chart.with(Series::points("depots", Role::Limit, depots.into_iter().map(depot))))
}

/// Who does what when.
fn timeline(problem: &Problem, routes: &[Route]) -> Chart {
    let units = problem.units();
    let (unit, scale) =
        if units.is_clock { (Unit::Other("h".to_owned()), 1.0 / 3600.0) } else { (Unit::Number, units.time) };
    let names = routes.iter().map(|route| problem.vehicle_name(route.vehicle, route.number));
    let mut driving = Vec::new();
    let mut waiting = Vec::new();
    let mut serving = Vec::new();
    let mut pausing = Vec::new();
    for (lane, route) in routes.iter().enumerate() {
        let span = |from: i64, to: i64| Span::new(lane as u32, from as f64 * scale, to as f64 * scale);
        let mut left = None;
        for line in &route.lines {
            driving.extend(left.filter(|&left| left < line.arrive).map(|left| span(left, line.arrive)));
            waiting.extend((line.begin > line.arrive).then(|| span(line.arrive, line.begin)));
            let name = match line.action {
                Action::Stop(stop) => problem.stops()[stop].id.clone(),
                Action::Reload(_) => "reload".to_owned(),
                _ => "break".to_owned(),
            };
            let of = if matches!(line.action, Action::Break(_)) { &mut pausing } else { &mut serving };
            of.extend((line.leave > line.begin).then(|| span(line.begin, line.leave).with_tooltip(name)));
            left = Some(line.leave);
        }
    }
    let mut chart = Chart::new("Timeline", Axis::new("time", unit), Axis::lanes("vehicle", names));
    let series = [
        ("driving", Role::Ideal, driving),
        ("serving", Role::Measured, serving),
        ("waiting", Role::Forecast, waiting),
        ("break", Role::Limit, pausing),
    ];
    for (name, role, spans) in series.into_iter().filter(|(_, _, spans)| !spans.is_empty()) {
        chart = chart.with(Series::spans(name, role, spans));
    }
    chart
}
