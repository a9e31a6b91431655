//! `festina solve vrp`

use std::time::Instant;

use festina::vrp::{
    PlanProgress, PlanRequest, PlanStatus, Problem, convention, default_time, objective, plan_file,
    plan_report, read_problem, read_tables, require_plan_ending, solve_vrp, verdict_report, verify_plan,
};
use festina::{Backend, CancelToken, Error, Exit, Seconds};

use super::solve::{Screen, ending, limit, read};
use crate::args::VrpArguments;
use crate::output::{self, Answer};
use crate::signals::request_on_signals;

pub(super) fn solve(
    arguments: &VrpArguments,
    backend: &dyn Backend,
    cancel: &CancelToken,
) -> Result<Exit, Error> {
    let begin = Instant::now();
    let problem = problem(arguments)?;
    if let Some(plan) = &arguments.verify {
        return verify(arguments, &problem, &read(plan)?);
    }
    let request = PlanRequest { objective: objective(&arguments.objective)?, seed: arguments.search.seed };
    output::require_folders(&arguments.output, arguments.plan.as_deref())?;
    let ending = arguments.plan.as_deref().map(ending);
    if let Some(ending) = &ending {
        require_plan_ending(&problem, ending)?;
    }
    request_on_signals(cancel);
    let screen = Screen::new();
    let time = arguments.time.unwrap_or_else(|| default_time(&problem));
    let limit = limit(&arguments.search, time, begin);
    let result = solve_vrp(&problem, &request, limit, backend, cancel, &mut |news| {
        screen.show(|| in_words(news, problem.units().cost));
    })?;
    screen.clear();
    if let (Some(path), Some(ending)) = (&arguments.plan, &ending) {
        output::write_file(path, &plan_file(&problem, &result, ending)?)?;
    }
    let answer = Answer {
        report: plan_report(&problem, &result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(match result.status {
        _ if cancel.is_requested() => Exit::Interrupted,
        PlanStatus::Infeasible => Exit::No,
        _ => Exit::Done,
    })
}

fn problem(arguments: &VrpArguments) -> Result<Problem, Error> {
    let (name, bytes) = (arguments.file.to_string_lossy(), read(&arguments.file)?);
    match &arguments.vehicles {
        Some(vehicles) => read_tables(&name, &bytes, &read(vehicles)?),
        None => read_problem(&name, &bytes, convention(arguments.distances.as_deref())?),
    }
}

fn verify(arguments: &VrpArguments, problem: &Problem, plan: &[u8]) -> Result<Exit, Error> {
    let verdict = verify_plan(problem, plan)?;
    let answer = Answer {
        report: verdict_report(problem, &verdict),
        json: output::to_json(&verdict.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(if verdict.is_right { Exit::Done } else { Exit::No })
}

/// Returns the best plan so far in words; a step of a cost is worth `unit`.
fn in_words(news: &PlanProgress, unit: f64) -> String {
    let (time, vehicles) = (Seconds(news.elapsed_s), news.vehicles);
    match news.unassigned {
        0 => format!("{time} cost {:.2}, {vehicles} vehicles", news.cost as f64 * unit),
        left => format!("{time} {vehicles} vehicles, {left} stops not served"),
    }
}
