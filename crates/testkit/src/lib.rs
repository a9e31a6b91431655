//! Known-answer programs and oracles that festina's tests run against.
//!
//! The binary `known-answer` takes a [`Truth`] on its command line and spends exactly the time that the truth
//! asks for; a test then requires that festina finds the truth again, knowing only the clock.

mod burn;
mod truth;

pub use burn::{Spend, spend};
pub use truth::Truth;
