//! What can be seen of a running program from outside, without stopping it: its threads, what each does, its memory.
//!
//! Everything here looks at processes of the same user (or at any, as root). The kernel's rule is that of `ptrace`
//! (`PTRACE_MODE_ATTACH`), the same for `/proc/<pid>/syscall` and for `process_vm_readv`; Yama's `ptrace_scope` 1
//! narrows it to descendants. Nothing is attached, stopped or altered. A thread or process that has ended meanwhile is
//! `None`, never an error.

mod doing;
mod files;
mod forks;
mod kernel;
mod mapping;
mod memory;
mod process;
mod prompt;
mod sampler;
mod thread;
mod ticks;
mod usage;

pub use doing::{Call, Doing, Wait};
pub use files::TargetFiles;
pub use forks::ForkWatch;
pub use kernel::{kernel_functions, tells_kernel_functions};
pub use mapping::{Mapping, parse_mappings};
pub use memory::{MemoryRange, ProcessMemory};
pub use process::TargetProcess;
pub use prompt::PromptThread;
pub use sampler::{Registers, StackSample, StackSampler};
pub use thread::{Progress, TargetThread};
pub use ticks::counts_at_ticks;
pub use usage::{Usage, parse_io, parse_kernel_ticks};
