//! `festina scale`

use std::collections::BTreeMap;

use festina::scale::{
    Plan, ScaleOptions, ScaleRequest, ScaleResult, Site, Verdict, parse_spec, questions, scale, scale_from,
    scale_provenance, scale_report,
};
use festina::{CancelToken, Error, Exit, cores};

use super::cores::surroundings;
use crate::args::ScaleArguments;
use crate::output::{self, Answer};
use crate::progress::{Screen, describe_plan};
use crate::signals::cancel_on_signals;

pub(crate) fn run(arguments: ScaleArguments) -> Result<Exit, Error> {
    let options = options(&arguments)?;
    if let Some(name) = &arguments.from {
        let result = scale_from(&arguments.state, name, &questions(&options)?)?;
        return answer(&result, &arguments, &CancelToken::new());
    }
    let machine = cores(&surroundings());
    let request = ScaleRequest::new(&options, &machine)?;
    if arguments.plan {
        output::print(&(describe_plan(&Plan::new(&request.design)) + "\n"))?;
        return Ok(Exit::Done);
    }
    let cancel = cancel_on_signals();
    let site =
        Site { machine: &machine, environment: std::env::vars_os().collect(), state: &arguments.state };
    let result = scale(&request, &site, &Screen::new(), &cancel)?;
    answer(&result, &arguments, &cancel)
}

fn answer(result: &ScaleResult, arguments: &ScaleArguments, cancel: &CancelToken) -> Result<Exit, Error> {
    let report = scale_report(result);
    if let Some(path) = &arguments.csv {
        output::emit_csv(&report, 0, path)?;
    }
    let answer =
        Answer { report, json: output::to_json(&result.to_json()), provenance: scale_provenance(result) };
    output::emit(&answer, &arguments.output)?;
    Ok(if cancel.is_requested() { Exit::Interrupted } else { exit(result) })
}

/// No where a run failed or its answer differs; unsure where nothing can be said.
fn exit(result: &ScaleResult) -> Exit {
    let nothing_measured = result.points.iter().all(|point| point.time_s.is_none());
    let some_failed = result.points.iter().any(|point| point.time_s.is_none());
    match &result.verdict {
        Verdict::Different { .. } => Exit::No,
        _ if nothing_measured || some_failed => Exit::No,
        Verdict::Unsure { .. } => Exit::Unsure,
        Verdict::Same { .. } | Verdict::Unchecked => Exit::Done,
    }
}

/// Returns what was typed, over what the spec file says.
fn options(arguments: &ScaleArguments) -> Result<ScaleOptions, Error> {
    let typed = typed(arguments)?;
    let Some(path) = &arguments.spec else { return Ok(typed) };
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::File { action: format!("read {}", path.display()), source })?;
    Ok(typed.or(parse_spec(&path.to_string_lossy(), &text)?))
}

fn typed(arguments: &ScaleArguments) -> Result<ScaleOptions, Error> {
    Ok(ScaleOptions {
        command: arguments.command.clone(),
        env: environment(&arguments.env)?,
        stdin: arguments.stdin.clone(),
        n: arguments.n.clone(),
        p: arguments.p.clone(),
        weak: arguments.weak,
        setup: arguments.setup.clone(),
        prepare: arguments.prepare.clone(),
        check: arguments.check.clone(),
        rtol: arguments.rtol,
        atol: arguments.atol,
        unordered: arguments.unordered,
        check_ignore: arguments.check_ignore.clone(),
        budget: arguments.budget.clone(),
        precision: arguments.precision.clone(),
        timeout: arguments.timeout.clone(),
        memory_limit: arguments.memory_limit.clone(),
        seed: arguments.seed,
        at: arguments.at.clone(),
        price: arguments.price,
        memory: arguments.memory.clone(),
    })
}

fn environment(typed: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| Error::Input {
            message: format!("--env '{text}' has no value"),
            hint: Some("write it as --env NAME=VALUE".to_owned()),
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    typed.iter().map(pair).collect()
}
