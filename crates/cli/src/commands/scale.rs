//! `festina scale`

use std::collections::BTreeMap;
use std::path::Path;

use festina::scale::{
    Costs, Plan, Policy, ScaleOptions, ScaleRequest, ScaleResult, SimulateRequest, Site, Verdict, compare,
    compare_report, parse_spec, parse_workers, preflight, questions, scale, scale_csv, scale_from,
    scale_provenance, scale_report, simulate, simulate_report,
};
use festina::{CancelToken, Error, Exit, Seconds, Workers, cores};

use super::cores::surroundings;
use crate::args::{PolicyArgument, ScaleArguments};
use crate::output::{self, Answer};
use crate::progress::{Screen, describe_plan};
use crate::signals::cancel_on_signals;

pub(crate) fn run(arguments: ScaleArguments) -> Result<Exit, Error> {
    if let Some([before, after]) = arguments.compare.as_deref() {
        return compare_runs(before, after, &arguments);
    }
    if let Some(tasks) = &arguments.simulate {
        return simulate_tasks(tasks, &arguments);
    }
    let options = options(&arguments)?;
    if let Some(name) = &arguments.from {
        let result = scale_from(&arguments.state, name, &questions(&options)?)?;
        return answer(&result, &arguments, &CancelToken::new());
    }
    output::require_folders(&arguments.output, arguments.csv.as_deref())?;
    let machine = cores(&surroundings());
    let request = ScaleRequest::new(&options, &machine)?;
    let site =
        Site { machine: &machine, environment: std::env::vars_os().collect(), state: &arguments.state };
    if arguments.plan {
        let mut text = describe_plan(&Plan::new(&request.design)) + "\n";
        for finding in preflight(&request, &site)? {
            text += &format!("{}\n", finding.message);
        }
        output::print(&text)?;
        return Ok(Exit::Done);
    }
    let cancel = cancel_on_signals();
    let result = scale(&request, &site, &Screen::new(arguments.progress.quiet), &cancel)?;
    answer(&result, &arguments, &cancel)
}

/// `--compare A B`
fn compare_runs(before: &str, after: &str, arguments: &ScaleArguments) -> Result<Exit, Error> {
    let result = compare(&arguments.state, before, after)?;
    let answer = Answer {
        report: compare_report(&result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    finish(&answer, arguments)?;
    Ok(if result.is_regression() { Exit::No } else { Exit::Done })
}

/// A range of workers may have so many.
const MOST_SIMULATIONS: u32 = 1 << 20;

/// `--simulate TASKS.csv`
fn simulate_tasks(path: &Path, arguments: &ScaleArguments) -> Result<Exit, Error> {
    let tasks = read(path)?;
    let workers = match arguments.p.as_deref().unwrap_or("1..1024").split_once("..") {
        // Every number of workers of a range: a simulation costs nothing.
        Some((low, high)) => every(low, high)?,
        None => parse_workers(arguments.p.as_deref().unwrap_or_default())?,
    };
    let costs = Costs {
        per_task: arguments.task_overhead.unwrap_or_default(),
        per_byte: Seconds(arguments.bandwidth.map_or(0.0, |bytes| 1.0 / bytes.0 as f64)),
    };
    let policy = match arguments.policy {
        PolicyArgument::Fifo => Policy::Fifo,
        PolicyArgument::LongestFirst => Policy::LongestFirst,
        PolicyArgument::CriticalPath => Policy::CriticalPath,
    };
    let result = simulate(&tasks, &SimulateRequest { workers, costs, policy })?;
    let answer = Answer {
        report: simulate_report(&result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    finish(&answer, arguments)?;
    Ok(Exit::Done)
}

fn every(low: &str, high: &str) -> Result<Vec<Workers>, Error> {
    let ends = parse_workers(&format!("{low}..{high}"))?;
    let (first, last) = (ends[0].get(), ends[ends.len() - 1].get());
    if last - first > MOST_SIMULATIONS {
        return Err(Error::Input {
            message: format!("{first}..{last} are too many numbers of workers to simulate"),
            hint: Some(format!("write the ones that matter, as in --p 1,1000,{last}")),
        });
    }
    Ok((first..=last).filter_map(Workers::new).collect())
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path)
        .map_err(|source| Error::File { action: format!("read {}", path.display()), source })
}

fn answer(result: &ScaleResult, arguments: &ScaleArguments, cancel: &CancelToken) -> Result<Exit, Error> {
    let answer = Answer {
        report: scale_report(result),
        json: output::to_json(&result.to_json()),
        provenance: scale_provenance(result),
    };
    let is_printed = arguments.csv.as_deref() == Some(Path::new("-"));
    if !is_printed {
        output::emit(&answer, &arguments.output)?;
    }
    if let Some(path) = &arguments.csv {
        output::emit_text(&scale_csv(result), path)?;
    }
    if is_printed {
        output::emit_files(&answer, &arguments.output)?;
    }
    Ok(if cancel.is_requested() { Exit::Interrupted } else { exit(result) })
}

/// Writes the answer; a table printed as CSV takes the place of the text.
fn finish(answer: &Answer, arguments: &ScaleArguments) -> Result<(), Error> {
    if let Some(path) = &arguments.csv {
        output::emit_csv(&answer.report, 0, path)?;
        if path == Path::new("-") {
            return Ok(());
        }
    }
    output::emit(answer, &arguments.output)
}

/// No where a run failed or its answer differs; unsure where nothing can be said, or a point was not measured.
fn exit(result: &ScaleResult) -> Exit {
    let nothing_measured = result.points.iter().all(|point| point.time_s.is_none());
    let some_failed = result.points.iter().any(|point| point.time_s.is_none() && point.runs > 0);
    let some_not_started = result.points.iter().any(|point| point.runs == 0);
    match &result.verdict {
        Verdict::Different { .. } => Exit::No,
        _ if nothing_measured || some_failed => Exit::No,
        _ if some_not_started => Exit::Unsure,
        Verdict::Unsure { .. } => Exit::Unsure,
        Verdict::Same { .. } | Verdict::Unchecked => Exit::Done,
    }
}

/// Returns what was typed, over what the spec file says.
fn options(arguments: &ScaleArguments) -> Result<ScaleOptions, Error> {
    let typed = typed(arguments)?;
    let Some(path) = &arguments.spec else { return Ok(typed) };
    Ok(typed.or(parse_spec(&path.to_string_lossy(), &read(path)?)?))
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
        accept_noise: arguments.accept_noise,
        at: arguments.at.clone(),
        price: arguments.price,
        memory: arguments.memory.clone(),
    })
}

/// Reads `NAME=VALUE` pairs.
pub(crate) fn environment(typed: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| Error::Input {
            message: format!("--env '{text}' has no value"),
            hint: Some("write it as --env NAME=VALUE".to_owned()),
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    typed.iter().map(pair).collect()
}
