//! `festina worker`: what `festina run --on slurm` starts on each node.

use festina::slurm::{Elements, work};
use festina::{Error, Exit};

use crate::args::WorkerArguments;
use crate::signals::cancel_on_signals;

pub(crate) fn run(arguments: &WorkerArguments) -> Result<Exit, Error> {
    let elements = Elements { slots: arguments.slots, count: arguments.elements };
    work(&arguments.folder, elements, &std::env::vars_os().collect(), &cancel_on_signals())?;
    Ok(Exit::Done)
}
