//! Least squares for laws that are linear in their coefficients.
//!
//! ```text
//! minimise  Σᵢ wᵢ² · (aᵢ·x − yᵢ)²   over   x ≥ 0
//! ```
//!
//! A coefficient of a law of scaling is a time (serial seconds, seconds a worker), so it cannot be negative, and
//! a law whose terms are all positive never forecasts a time below zero. The rows `aᵢ` have a fixed, small number
//! of columns, known when compiling, so that fits allocate nothing and are cheap enough to be bootstrapped.
//!
//! Times span orders of magnitude; a plain least-squares fit sees only the longest. [`Weighting::Relative`]
//! divides each row by its time, so that 1 % counts the same everywhere.

mod linear;
mod nnls;
pub(crate) mod observed;
pub(crate) mod triangle;
mod uncertainty;

pub use linear::{LinearFit, Weighting};
pub use nnls::{Nnls, nnls};
pub use observed::MODEL_FLOOR;
