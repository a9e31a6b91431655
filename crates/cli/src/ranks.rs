//! This command line on the ranks of an MPI job, and the first rank's view of the user's terminal.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use festina::mpi::{LIBRARY, MpiLaunch, launch};
use festina::{Error, Exit, Workers};

use crate::args::BackendArguments;
use crate::signals::cancel_on_signals;

/// Names the standard streams of the user's process that are a terminal: the ranks' own are pipes.
const TERMINALS: &str = "FESTINA_MPI_TERMINALS";

/// Starts this command line on so many ranks, and returns how the first ended.
pub(crate) fn start(
    arguments: &BackendArguments,
    ranks: Workers,
    state: &Path,
    reads_input: bool,
) -> Result<Exit, Error> {
    let mut job = MpiLaunch::new(own_program()?, ranks, std::env::vars_os().collect());
    job.arguments = std::env::args_os().skip(1).collect();
    job.launcher.clone_from(&arguments.launcher);
    job.launcher_arguments.clone_from(&arguments.launcher_arg);
    job.library = std::env::var_os(LIBRARY).map(Into::into);
    job.variables = vec![(TERMINALS, terminals())];
    job.state = state.to_owned();
    if reads_input {
        if io::stdin().is_terminal() {
            return Err(Error::Input {
                message: "launchers of MPI cannot read a terminal".to_owned(),
                hint: Some("give the inputs by a pipe, a file or after :::".to_owned()),
            });
        }
        job.input = festina::tasks::Input::Inherit;
    }
    let code = launch(&job, &cancel_on_signals())?;
    Ok(Exit::from_code(code).unwrap_or(Exit::Bug))
}

/// Returns the program of this process.
pub(crate) fn own_program() -> Result<PathBuf, Error> {
    std::env::current_exe()
        .map_err(|source| Error::File { action: "find festina's own program".to_owned(), source })
}

fn terminals() -> OsString {
    let all = [("output", io::stdout().is_terminal()), ("errors", io::stderr().is_terminal())];
    let names: Vec<&str> =
        all.iter().filter(|(_, is_terminal)| *is_terminal).map(|(name, _)| *name).collect();
    names.join(" ").into()
}

/// Which of the user's standard streams end at a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminals {
    pub(crate) output: bool,
    pub(crate) errors: bool,
    /// Whether that is elsewhere: here is a pipe, which a launcher reads.
    pub(crate) are_remote: bool,
}

/// Returns which streams end at a terminal, here or where the user started the ranks.
pub(crate) fn are_terminals() -> Terminals {
    match std::env::var(TERMINALS) {
        Ok(names) => {
            Terminals { output: names.contains("output"), errors: names.contains("errors"), are_remote: true }
        }
        Err(_) => Terminals {
            output: io::stdout().is_terminal(),
            errors: io::stderr().is_terminal(),
            are_remote: false,
        },
    }
}
