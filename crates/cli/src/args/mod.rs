//! What can be typed.

mod backend;
mod cores;
mod laws;
mod load;
mod profile;
mod ready;
mod run;
mod scale;
mod solve;
mod worker;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use backend::BackendArguments;
pub(crate) use cores::CoresArguments;
pub(crate) use laws::LawsArguments;
pub(crate) use load::LoadArguments;
pub(crate) use profile::ProfileArguments;
pub(crate) use ready::ReadyArguments;
pub(crate) use run::{CollectArgument, RunArguments};
pub(crate) use scale::{PolicyArgument, ScaleArguments};
pub(crate) use solve::{MstArguments, Problem, SearchArguments, SolveArguments, TspArguments, VrpArguments};
pub(crate) use worker::WorkerArguments;

/// Make it work, ensure it is right, make it fast.
#[derive(Debug, Parser)]
#[command(name = "festina", version, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// One verb a question.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Will more cores help? What would 32 give me? What does ten times the data cost?
    Scale(Box<ScaleArguments>),
    /// Run all of this on everything I have, and lose nothing
    Run(Box<RunArguments>),
    /// Is there a fast, right implementation of my problem already?
    Solve(SolveArguments),
    /// Where does the time go, and what would it gain me to fix it?
    Profile(Box<ProfileArguments>),
    /// How much load does my service bear?
    Load(Box<LoadArguments>),
    /// Is my service ready: to train on more data, to predict on more data, to take more requests?
    Ready(ReadyArguments),
    /// How many cores do I really have?
    Cores(CoresArguments),
    /// Work for a run, in an allocation of an engine's; started by `festina run --on slurm`
    #[command(hide = true)]
    Worker(WorkerArguments),
    /// What do the laws of Amdahl, Gustafson and the USL say?
    Laws(Box<LawsArguments>),
}

/// How much is said before the answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ProgressArguments {
    /// Tell nothing on standard error while it goes on
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Where the answer goes.
#[derive(Args, Debug)]
pub(crate) struct OutputArguments {
    /// Print JSON, or write it to FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
    /// Write one self-contained HTML page to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the first chart to FILE as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}
