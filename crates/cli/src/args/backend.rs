//! Where tasks run.

use std::ffi::OsString;

use clap::Args;

/// Where tasks run; each verb says which backends it has.
#[derive(Args, Debug)]
pub(crate) struct BackendArguments {
    /// Where tasks run: here, as 'threads' or 'processes', on the ranks of the machine's own MPI, as 'mpi'; commands also on
    /// 'slurm' nodes
    #[arg(long, value_name = "BACKEND", help_heading = "Backend")]
    pub(crate) on: Option<String>,
    /// What starts the ranks [default: the first mpirun or mpiexec on the PATH; srun within an allocation]
    #[arg(long, value_name = "PROGRAM", requires = "on", help_heading = "Backend")]
    pub(crate) launcher: Option<OsString>,
    /// An argument for it, or for sbatch: --launcher-arg=--hostfile --launcher-arg=hosts
    #[arg(long, value_name = "ARG", requires = "on", allow_hyphen_values = true, help_heading = "Backend")]
    pub(crate) launcher_arg: Vec<OsString>,
}
