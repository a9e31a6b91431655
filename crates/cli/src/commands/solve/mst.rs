//! `festina solve mst`

use festina::solve::{MstFormat, MstInput, mst_report, read_mst, solve_mst, verify_mst};
use festina::{Error, Exit, Threads};

use super::{read, threads};
use crate::args::MstArguments;
use crate::output::{self, Answer};

pub(super) fn run(arguments: &MstArguments) -> Result<Exit, Error> {
    output::require_folders(&arguments.output, arguments.tree.as_deref())?;
    let bytes = read(&arguments.file)?;
    let name = arguments.file.to_string_lossy();
    let format = match &arguments.format {
        Some(format) => format.parse()?,
        None => MstFormat::detect(&name, &bytes),
    };
    let threads = threads(arguments.jobs);
    let input = read_mst(&name, &bytes, format, &threads)?;
    // A text of gigabytes need not stay while its graph is solved.
    drop(bytes);
    if let Some(tree) = &arguments.verify {
        return verify(&input, &read(tree)?, &threads);
    }
    let result = solve_mst(&input, &threads);
    if let Some(path) = &arguments.tree {
        output::write_file(path, &result.to_csv())?;
    }
    let answer = Answer {
        report: mst_report(&input, &result),
        json: arguments.output.json.as_ref().map(|_| output::to_json(&result.to_json())).unwrap_or_default(),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(Exit::Done)
}

fn verify(input: &MstInput, tree: &[u8], threads: &Threads) -> Result<Exit, Error> {
    let problems = verify_mst(input, tree, threads)?;
    if problems.is_empty() {
        output::print("right: spanning, and no lighter edge could replace one\n")?;
        return Ok(Exit::Done);
    }
    output::print(&format!("wrong: {}\n", problems.join("; ")))?;
    Ok(Exit::No)
}
