//! The door by which every process of a binary comes in: alone, as the first rank, or as one of the others.

use festina_types::Function;

use super::control::Control;
use super::endpoint::{Deliver, Endpoint};
use super::library::Library;
use super::membership::Membership;
use super::ranks::Hellos;
use super::router::{Delivery, Router};
use super::worker::{Inbox, Worker};
use super::{Mpi, MpiError};
use crate::Environment;

/// Runs `body` once, with the other ranks at its command where this process is the first of several.
///
/// Every binary that is to run over MPI calls this at the start of `main`, and nothing else:
///
/// ```
/// use std::process::ExitCode;
///
/// use festina_run::Threads;
/// use festina_run::mpi::{self, Mpi};
/// use festina_types::{Backend, Function};
///
/// /// What other ranks can be asked to call.
/// const FUNCTIONS: &[Function] = &[Function { name: "reverse", call: |bytes| Ok(bytes.iter().rev().copied().collect()) }];
///
/// fn main() -> ExitCode {
///     let environment = std::env::vars_os().collect();
///     match mpi::enter(&environment, FUNCTIONS, work) {
///         Ok(code) => code.into(),
///         Err(error) => error.exit().code().into(),
///     }
/// }
///
/// fn work(mpi: Option<&Mpi>) -> u8 {
///     let threads = Threads::available();
///     let backend: &dyn Backend = match mpi {
///         Some(mpi) => mpi,
///         None => &threads,
///     };
///     let outputs = backend.map(FUNCTIONS[0], vec![vec![1, 2], vec![3]]);
///     u8::from(outputs != Ok(vec![vec![2, 1], vec![3]]))
/// }
/// ```
///
/// - In a process that no launcher started as a rank, the body gets `None`. MPI is not touched, and need not be there.
/// - On the first rank the body gets the others.
/// - On the others the body is never called: they run what the first rank asks for, and leave when it does.
///
/// Returns the code to exit with: the body's, or 0 on the other ranks. Where [`launch`](fn@super::launch) started the
/// ranks it is handed to that process instead, since launchers take every other code than 0 for an accident.
///
/// # Errors
///
/// [`MpiError`] if this process is a rank and MPI cannot be used.
pub fn enter(
    environment: &Environment,
    functions: &[Function],
    body: impl FnOnce(Option<&Mpi>) -> u8,
) -> Result<u8, MpiError> {
    let Some(membership) = Membership::read(environment)? else {
        return Ok(body(None));
    };
    let router = Router::new();
    let (inbox, taken) = Inbox::new();
    let delivery = Delivery(router.clone());
    let hellos = Hellos::expect(&router);
    let deliver = move |rank| -> Deliver {
        if rank == 0 {
            Box::new(move |from, bytes| delivery.deliver(from, bytes))
        } else {
            Box::new(move |_, bytes| inbox.take(bytes))
        }
    };
    let endpoint = Endpoint::start(Library::load(&membership.libraries)?, deliver)?;
    if let Some(ranks) = membership.ranks.filter(|ranks| *ranks > 1 && endpoint.size == 1) {
        return Err(MpiError::Strangers { ranks, library: endpoint.library.clone() });
    }
    if endpoint.rank > 0 {
        return Worker::new(endpoint, taken, functions).work().map(|()| 0);
    }
    let control = membership.control.map(Control::open).transpose()?;
    let ranks = hellos.gather(endpoint.size)?;
    let mpi = Mpi::new(endpoint, router, ranks, control.as_ref());
    let code = body(Some(&mpi));
    mpi.finish()?;
    match control {
        Some(control) => control.end(code).map(|()| 0),
        None => Ok(code),
    }
}
