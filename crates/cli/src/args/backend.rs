//! Where tasks run.

use std::ffi::OsString;

use clap::Args;

/// Where tasks run; each verb says which backends it has.
#[derive(Args, Debug)]
pub(crate) struct BackendArguments {
    /// Where tasks run: here, or 'mpi', on the ranks of the machine's own MPI
    #[arg(long, value_name = "BACKEND", help_heading = "Backend")]
    pub(crate) on: Option<String>,
    /// What starts the ranks [default: the first mpirun or mpiexec on the PATH]
    #[arg(long, value_name = "PROGRAM", requires = "on", help_heading = "Backend")]
    pub(crate) launcher: Option<OsString>,
    /// An argument for it, before its program: --launcher-arg=--hostfile --launcher-arg=hosts
    #[arg(long, value_name = "ARG", requires = "on", allow_hyphen_values = true, help_heading = "Backend")]
    pub(crate) launcher_arg: Vec<OsString>,
}
