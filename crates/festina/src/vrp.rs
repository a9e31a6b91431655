//! `festina solve vrp`: who goes where and when, each plan checked by code that shares nothing with the solver.

mod report;
mod result;

use std::time::Instant;

use festina_route::vrp::{self, check};
pub use festina_route::vrp::{
    Convention, Objective, Plan, PlanProgress, PlanRequest, PlanStatus, Problem, ProblemFormat,
};
use festina_route::{Budget, Limit};
use festina_types::{Backend, CancelToken, Seconds};

pub use report::{plan_report, verdict_report};
pub use result::{PlanResult, PlanVerdict, RouteRow, StopRow, UnassignedRow};

use crate::Error;

/// Reads a problem from the content of a file; `name` is its name where the text has none.
///
/// # Errors
///
/// [`Error::Route`] with the place of what is wrong.
pub fn read_problem(name: &str, bytes: &[u8], convention: Convention) -> Result<Problem, Error> {
    Ok(Problem::read(name, bytes, ProblemFormat::detect(bytes), convention)?)
}

/// Reads a problem from a table of stops and a table of vehicles.
///
/// # Errors
///
/// [`Error::Route`] with the line and the column of what is wrong.
pub fn read_tables(name: &str, stops: &[u8], vehicles: &[u8]) -> Result<Problem, Error> {
    Ok(Problem::read_tables(name, stops, vehicles)?)
}

/// Returns how a benchmark's coordinates become integers: `nearest`, `tenths`, `thousandths`, or its family's way.
///
/// # Errors
///
/// [`Error::Input`] for another name.
pub fn convention(name: Option<&str>) -> Result<Convention, Error> {
    match name {
        None => Ok(Convention::Default),
        Some("nearest") => Ok(Convention::Nearest),
        Some("tenths") => Ok(Convention::Tenths),
        Some("thousandths") => Ok(Convention::Thousandths),
        Some(other) => Err(unknown("rounding", other, "nearest, tenths or thousandths")),
    }
}

/// Returns what is to be small: `cost`, `vehicles` or `balance`.
///
/// # Errors
///
/// [`Error::Input`] for another name.
pub fn objective(name: &str) -> Result<Objective, Error> {
    match name {
        "cost" => Ok(Objective::Cost),
        "vehicles" => Ok(Objective::Vehicles),
        "balance" => Ok(Objective::Balance),
        _ => Err(unknown("objective", name, "cost, vehicles or balance")),
    }
}

fn unknown(what: &str, value: &str, known: &str) -> Error {
    Error::input_with_hint(format!("'{value}' is not a known {what}"), format!("one of {known}"))
}

/// Returns how long the search for a plan is given by default: 0.1 s a stop, at least 1 s and at most 10 s.
pub fn default_time(problem: &Problem) -> Seconds {
    Seconds((0.1 * problem.stops().len() as f64).clamp(1.0, 10.0))
}

/// Plans the routes of `problem`, and checks them.
///
/// # Errors
///
/// [`Error::Route`] if the backend fails. That a stop cannot be served is an answer.
///
/// # Panics
///
/// Panics if the plan is not what its solver claims: a bug of ours, never shown as an answer.
pub fn solve_vrp(
    problem: &Problem,
    request: &PlanRequest,
    limit: Limit,
    backend: &dyn Backend,
    cancel: &CancelToken,
    observe: &mut dyn FnMut(&PlanProgress),
) -> Result<PlanResult, Error> {
    let begin = Instant::now();
    let clock = || Seconds(begin.elapsed().as_secs_f64());
    let budget = Budget::new(&clock, limit, cancel.clone());
    let plan = vrp::solve(problem, request, &budget, backend, observe)?;
    let verdict = check::verify(problem, &plan);
    assert!(verdict.problems.is_empty(), "the plan is not what its solver claims: {:?}", verdict.problems);
    Ok(PlanResult::new(problem, plan))
}

/// Checks the plan in `bytes` against `problem`, and works its timetable out.
///
/// # Errors
///
/// [`Error::Route`] if the file is not a plan.
pub fn verify_plan(problem: &Problem, bytes: &[u8]) -> Result<PlanVerdict, Error> {
    let claim = check::read_plan(problem, bytes)?;
    Ok(PlanVerdict::new(problem, check::verify_plan(problem, &claim)))
}

/// Refuses an ending for which [`plan_file`] could write nothing, before any time is spent.
///
/// # Errors
///
/// [`Error::Input`] for an unknown ending, or `GeoJSON` of places without coordinates.
pub fn require_plan_ending(problem: &Problem, ending: &str) -> Result<(), Error> {
    match ending {
        "csv" | "sol" => Ok(()),
        "geojson" if problem.drawing().is_some() => Ok(()),
        "geojson" => Err(Error::input_with_hint("the places have no coordinates", "write the plan as .csv")),
        _ => Err(Error::input_with_hint(
            format!("'.{ending}' is not a format for plans"),
            "name the file .csv, .geojson or .sol; --json has everything",
        )),
    }
}

/// Returns a plan in the format of the file name's ending: `.csv`, `.geojson` or `.sol`.
///
/// # Errors
///
/// As [`require_plan_ending`].
pub fn plan_file(problem: &Problem, result: &PlanResult, ending: &str) -> Result<String, Error> {
    require_plan_ending(problem, ending)?;
    Ok(match ending {
        "sol" => vrp::write_sol(problem, &result.plan),
        "geojson" => vrp::write_geojson(problem, &result.plan).unwrap_or_default(),
        _ => vrp::write_table(problem, &result.plan.routes),
    })
}
