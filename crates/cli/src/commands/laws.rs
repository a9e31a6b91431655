//! `festina laws`

use festina::{Error, Exit, LawsSource, Workers, laws, laws_report, parse_times};

use crate::args::LawsArguments;
use crate::output::{self, Answer};

pub(crate) fn run(arguments: &LawsArguments) -> Result<Exit, Error> {
    let cores = Workers::new(arguments.cores).unwrap_or(Workers::MIN);
    let result = laws(&source(arguments)?, cores)?;
    let answer = Answer {
        report: laws_report(&result),
        json: output::to_json(&result.to_json()),
        provenance: vec![("command".to_owned(), output::command_line())],
    };
    output::emit(&answer, &arguments.output)?;
    Ok(Exit::Done)
}

fn source(arguments: &LawsArguments) -> Result<LawsSource, Error> {
    if let Some(times) = &arguments.times {
        return Ok(LawsSource::Times(parse_times(times)?));
    }
    if let Some(run) = &arguments.from {
        return Ok(LawsSource::Times(festina::scale::stored_times(&arguments.state, run)?));
    }
    if let (Some(work), Some(span)) = (arguments.work, arguments.span) {
        return Ok(LawsSource::WorkSpan { work, span });
    }
    let serial = arguments.serial.unwrap_or(0.0);
    Ok(LawsSource::Given {
        serial,
        contention: arguments.contention.unwrap_or(serial),
        coherency: arguments.coherency.unwrap_or(0.0),
    })
}
