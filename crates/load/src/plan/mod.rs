//! What is to be sent, and when.

mod arrivals;
mod rate;

pub use arrivals::{Arrivals, Gaps, Schedule};
pub use rate::{Piece, Profile};
