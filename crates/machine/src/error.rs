//! What can go wrong in reading a machine.

use thiserror::Error;

/// Something about a machine could not be read.
///
/// Missing files are no errors here: what a machine does not tell is `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MachineError {
    /// A list of CPUs is not of the form `0-3,8,10-14:2`.
    #[error("'{text}' is not a list of CPUs such as 0-3,8")]
    CpuList {
        /// What was given.
        text: String,
    },
    /// A CPU number is beyond what any kernel has.
    #[error("CPU {cpu} is beyond the largest number {}, that of any Linux kernel", crate::CpuSet::LARGEST)]
    CpuNumber {
        /// The number.
        cpu: u64,
    },
}
