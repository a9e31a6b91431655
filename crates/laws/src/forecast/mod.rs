//! Forecasts of T(n, p) where it was not measured, with bands that widen with the distance.
//!
//! [`Model::fit`] takes what was measured, in one of four forms, and chooses the structure that it can carry:
//!
//! | measured | structure |
//! |---|---|
//! | several p, one n | strong scaling: a curve over p |
//! | several n, one p | growth: a curve over n ([`growth`](crate::growth)) |
//! | n grows with p | weak scaling: a curve over p along the measured line |
//! | several p at several n | both, composed ([`joint`](crate::joint)) |
//!
//! Every forecast is positive by construction, and the same measurements always give the same forecast. How well
//! they do on published measurements, and how the method came about: `docs/concepts/forecast.md`.

pub(crate) mod averaging;
mod model;
pub(crate) mod points;
pub(crate) mod strong;

pub use model::{Calibration, Forecast, Member, Model, Options, Structure};
