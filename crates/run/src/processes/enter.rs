//! The door by which a worker process comes in.

use std::io;
use std::os::fd::OwnedFd;

use festina_types::Function;
use rustix::fs::{FileType, Mode, OFlags};

use super::channel::{Channel, Received};
use super::message::{Message, Parts};
use crate::Environment;
use crate::native::{Output, call_named};

/// Tells a process that its standard input is the way to the process that it works for: the number of that socket.
pub const WORKER: &str = "FESTINA_WORKER";

/// Works for another process, if that is what this one was started for; returns whether it was.
///
/// Every binary whose functions are to run on [`Processes`](super::Processes) calls this first of all in `main`, and
/// ends when it returns `true`:
///
/// ```
/// use std::process::ExitCode;
///
/// use festina_run::processes::{self, Processes, ProcessesLaunch};
/// use festina_types::{Backend, Function, Workers};
///
/// /// What workers can be asked to call.
/// const FUNCTIONS: &[Function] = &[Function { name: "reverse", call: |bytes| Ok(bytes.iter().rev().copied().collect()) }];
///
/// fn main() -> ExitCode {
///     let environment = std::env::vars_os().collect();
///     if processes::enter(&environment, FUNCTIONS) {
///         return ExitCode::SUCCESS;
///     }
///     let launch = ProcessesLaunch::new(Workers::new(2).unwrap(), environment);
///     let processes = Processes::start(launch).expect("there is room for two processes");
///     let outputs = processes.map(FUNCTIONS[0], vec![vec![1, 2], vec![3]]);
///     assert_eq!(outputs, Ok(vec![vec![2, 1], vec![3]]));
///     ExitCode::SUCCESS
/// }
/// ```
///
/// In a process that nobody started as a worker it does nothing. Programs that a worker's function starts are no
/// workers: they have another standard input.
pub fn enter(environment: &Environment, functions: &[Function]) -> bool {
    if !is_worker(environment) {
        return false;
    }
    // Whoever it works for sees to the rest: that this process is gone, and what it had been given.
    let _ = take_socket().and_then(|socket| serve(Channel::new(socket), functions));
    true
}

/// Returns whether this process was started as a worker, and has not entered.
pub(super) fn is_worker(environment: &Environment) -> bool {
    let Some(number) = environment.get(WORKER) else { return false };
    match rustix::fs::fstat(rustix::stdio::stdin()) {
        Ok(stat) => {
            FileType::from_raw_mode(stat.st_mode) == FileType::Socket
                && number.to_str() == Some(&stat.st_ino.to_string())
        }
        Err(_) => false,
    }
}

/// Takes the socket away from where functions would read it, or programs that they start.
fn take_socket() -> io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

/// Calls functions until the other end is closed.
fn serve(mut channel: Channel, functions: &[Function]) -> io::Result<()> {
    channel.send(Parts::ready().slices())?;
    loop {
        let Received::Message(content) = channel.receive(true)? else { return Ok(()) };
        let (first, outputs, elapsed_ns) = match Message::read(&content) {
            Ok(Message::Call { first, function, inputs }) => {
                let (outputs, elapsed_ns) = call_named(functions, &function, inputs.into_iter());
                (first, outputs, elapsed_ns)
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        // The memory of the inputs is free before more is asked for.
        drop(content);
        answer(&channel, first, elapsed_ns, outputs)?;
    }
}

fn answer(channel: &Channel, first: u64, elapsed_ns: u64, mut outputs: Vec<Output>) -> io::Result<()> {
    let sent = channel.send(Parts::done(first, elapsed_ns, &outputs).slices());
    match sent {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            for output in &mut outputs {
                let length = output.as_ref().map_or(0, Vec::len);
                *output = Err(format!("its output of {length} bytes cannot be passed on: {error}"));
            }
            channel.send(Parts::done(first, elapsed_ns, &outputs).slices())
        }
        sent => sent,
    }
}
