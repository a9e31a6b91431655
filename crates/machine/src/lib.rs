//! What a machine has, what it leaves to a program, and how quiet it is.
//!
//! The only crate of festina that reads `/proc`, `/sys`, control groups and GPUs. All of it goes through one
//! struct, [`Source`], so that every reader can be given a fake machine: a folder.

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
mod memory;
mod memory_limits;
mod mountinfo;
mod placement;
mod probe;
pub mod process;
mod source;
mod system;
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
pub use memory::Memory;
pub use placement::{Placement, Regime, RegimeEdge};
pub use probe::{Probe, Signals, preflight};
pub use source::Source;
pub use topology::{Core, Evidence, NumaNode, Socket, Topology};
pub use workers::WorkersAdvice;
