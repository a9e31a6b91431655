//! What a machine has, what it leaves to a program, and how quiet it is.
//!
//! The only crate of festina that reads `/proc`, `/sys`, control groups and GPUs. All of it goes through one
//! struct, [`Source`], so that every reader can be given a fake machine: a folder. Parsers take text and give values.
//!
//! - [`detect`] answers *how many cores do I have?*: what there is ([`Topology`], [`Memory`], [`Gpu`]s, MPI
//!   [`Launcher`]s), what is left of it ([`Limits`], an [`Allocation`]), and how many workers to use, with the reason
//!   ([`WorkersAdvice`]).
//! - [`Placement`] says which CPUs a run with p workers gets, and where performance may bend ([`Regime`]).
//! - [`Probe`] compares the kernel's counters before and after a run: evidence of noise that does not come from the
//!   run's own time. [`preflight`] looks at them before a measurement.
//! - [`process`] samples a tree of processes.
//! - [`target`] looks into a running program: what each thread does, and its memory, without stopping it.
//!
//! ```
//! use festina_machine::{Source, Surroundings, detect};
//! let machine = detect(&Source::live(), &Surroundings::default());
//! let workers = machine.workers.workers;
//! let cpus = machine.placement().cpus(workers);
//! assert_eq!(cpus.len(), workers as usize);
//! assert!(cpus.is_subset(machine.available_cpus()));
//! ```
//!
//! A machine that does not tell something is no error: it is `None`, empty, or a finding. Nothing here alters the
//! machine, and nothing reads the environment: the caller hands in what matters of it ([`Surroundings`]).

mod affinity;
mod allocation;
mod cache;
mod cgroup;
mod core_kind;
mod cpu_set;
mod cpuinfo;
mod detect;
mod error;
mod gpu;
mod hyperqueue;
mod hypervisor;
mod launcher;
mod limits;
mod listener;
mod memory;
mod memory_limits;
mod mountinfo;
mod placement;
mod probe;
pub mod process;
mod source;
mod system;
pub mod target;
mod topology;
mod workers;

pub use allocation::{Allocation, Engine};
pub use cache::{Cache, CacheKind};
pub use core_kind::CoreKind;
pub use cpu_set::CpuSet;
pub use detect::{Machine, Surroundings, detect};
pub use error::MachineError;
pub use gpu::{Gpu, GpuVendor};
pub use hyperqueue::HyperQueue;
pub use launcher::{Implementation, Launcher};
pub use limits::{Amount, Limit, LimitSource, Limits};
pub use listener::listeners;
pub use memory::Memory;
pub use placement::{Placement, Regime, RegimeEdge};
pub use probe::{Probe, Signals, preflight};
pub use source::Source;
pub use topology::{Core, Evidence, NumaNode, Socket, Topology};
pub use workers::WorkersAdvice;
