//! A worker never outlives its parent.

use std::time::Duration;

use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_current_process_group, pidfd_open};

/// Lets any process of this user's read this process's memory, where the Yama module would only let its parents:
/// workers are forked by the template, and pull the arrays that they are sent.
#[pyfunction]
pub(crate) fn allow_pulling() {
    // SAFETY: a call without pointers; kernels without Yama refuse it, and need it not.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
}

/// Kills this process's group as soon as the process `pid` is gone, whatever this process is doing then.
#[pyfunction]
pub(crate) fn die_with(pid: i32) -> PyResult<()> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(()) };
    let Ok(parent) = pidfd_open(pid, PidfdFlags::empty()) else {
        // It is gone already.
        let _ = kill_current_process_group(Signal::KILL);
        return Ok(());
    };
    std::thread::Builder::new().name("festina-guard".to_owned()).stack_size(64 << 10).spawn(move || {
        loop {
            match poll(&mut [PollFd::new(&parent, PollFlags::IN)], None) {
                Ok(_) => drop(kill_current_process_group(Signal::KILL)),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => std::thread::sleep(Duration::from_secs(1)),
            }
        }
    })?;
    Ok(())
}
