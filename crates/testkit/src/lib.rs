//! Known-answer programs and oracles that festina's tests run against.
//!
//! The program [`known_answer`] takes a [`Truth`] on its command line and spends exactly the time that the truth asks
//! for; a test then requires that festina finds the truth again, knowing only the clock. Crates that test with it
//! build it as an example of their own.

mod burn;
mod constant_service;
mod program;
mod queue;
mod truth;
mod truth_server;

pub use burn::{Spend, spend};
pub use constant_service::ConstantService;
pub use program::known_answer;
pub use queue::{Queue, Stall, erlang_c};
pub use truth::Truth;
pub use truth_server::TruthServer;
