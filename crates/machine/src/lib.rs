//! What a machine has, what it leaves to a program, and how quiet it is.
//!
//! The only crate of festina that reads `/proc`, `/sys`, control groups and GPUs. All of it goes through one
//! struct, [`Source`], so that every reader can be given a fake machine: a folder.

mod cpu_set;
mod error;
pub mod process;
mod source;

pub use cpu_set::CpuSet;
pub use error::MachineError;
pub use source::Source;
