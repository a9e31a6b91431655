//! The travelling salesman: instances, solvers, certified bounds and an independent checker.
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

pub use auto::tasks::TASK;
pub use bound::certificate::Certificate;
pub use error::{Place, RouteError};
pub use instance::{Instance, MAX_CITIES, MAX_DISTANCE, Weights};
pub use read::Format;
pub use request::{Budget, Limit, Method, Request, Shape};
pub use rule::{EARTH_RADIUS_M, Rule};
pub use solution::{Progress, Solution, Status};
pub use solve::solve;
