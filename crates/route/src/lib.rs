//! The travelling salesman: instances, solvers, certified bounds and an independent checker.
//!
//! Lengths are integers, as TSPLIB prescribes them; bounds are proven in integers too. Nothing here does I/O, reads a clock or
//! starts a thread: bytes come in, a [`Budget`] tells the time, a [`Backend`](festina_types::Backend) runs the tasks.
//!
//! ```text
//! bytes ── Instance::read ──▶ Instance ── solve ──▶ Solution ── check::verify ──▶ TourCheck
//! ```
//!
//! ```
//! use festina_route::{Budget, Format, Instance, Limit, Request, Shape, Status, check, solve};
//! use festina_types::{Backend, BackendError, CancelToken, Function, Seconds, Workers};
//!
//! struct Serial;
//! impl Backend for Serial {
//!     fn workers(&self) -> Workers {
//!         Workers::MIN
//!     }
//!     fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
//!         let call = |(task, input): (usize, Vec<u8>)| {
//!             (function.call)(&input).map_err(|message| BackendError::Task { task, message })
//!         };
//!         inputs.into_iter().enumerate().map(call).collect()
//!     }
//! }
//!
//! let table = b"name,x,y\nA,0,0\nB,3,0\nC,3,4\nD,0,4\n";
//! let instance = Instance::read("rectangle", table, Format::detect(table))?;
//! let clock = || Seconds(0.0);
//! let budget = Budget::new(&clock, Limit::None, CancelToken::new());
//! let solution = solve(&instance, &Request::default(), &budget, &Serial, &mut |_| {})?;
//! assert_eq!(solution.status, Status::Optimal);
//! assert_eq!((solution.cost as f64 * solution.unit).round(), 14.0);
//! assert!(check::verify(&instance, Shape::Closed, &solution).is_right());
//! # Ok::<(), festina_route::RouteError>(())
//! ```

mod auto;
mod bound;
pub mod check;
mod closed;
mod construct;
mod eax;
mod error;
mod exact;
mod instance;
mod local;
mod model;
mod read;
mod request;
mod rule;
mod solution;
mod solve;
mod space;
pub mod vrp;

pub use auto::tasks::TASK;
pub use bound::certificate::Certificate;
pub use error::{Place, RouteError};
pub use instance::{Instance, MAX_CITIES, MAX_DISTANCE, Weights};
pub use read::Format;
pub use request::{Budget, Limit, Method, Request, Shape};
pub use rule::{EARTH_RADIUS_M, Rule};
pub use solution::{Progress, Solution, Status};
pub use solve::solve;
