//! What is answered.

use festina_types::Workers;
use serde::{Deserialize, Serialize};

use crate::bound::certificate::Certificate;
use crate::request::Method;

/// How far an answer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No tour is shorter: all were considered, or the bound equals the cost.
    Optimal,
    /// The tour is within the gap that was asked for.
    WithinGap,
    /// A tour; the gap says how far it can be from the optimum.
    Feasible,
    /// A tour, the best so far when the user asked to stop.
    Canceled,
}

/// A tour with what is known about it.
///
/// Lengths are in integer steps of [`Solution::unit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The instance's name.
    pub name: String,
    /// How far the answer got.
    pub status: Status,
    /// The length of the tour.
    pub cost: i64,
    /// A length that no tour is below; `None` if none was asked for.
    pub bound: Option<i64>,
    /// `(cost − bound) / bound`, where the bound is positive; 0 where they are equal.
    pub gap: Option<f64>,
    /// The cities, counted from 0, in the order of the tour. A closed tour returns to the first.
    pub tour: Vec<usize>,
    /// The method that was asked for.
    pub method: Method,
    /// The seed.
    pub seed: u64,
    /// The time it took, in seconds.
    pub elapsed_s: f64,
    /// The work that was counted, see [`crate::Limit::Work`].
    pub work: u64,
    /// The number of workers of the backend.
    pub workers: Workers,
    /// What one step of a length is worth in the unit of the input.
    pub unit: f64,
    /// What proves the bound, for [`crate::check::verify_bound`]; `None` where all tours were considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// News of a search: a shorter tour or a higher bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The time since the search began, in seconds.
    pub elapsed_s: f64,
    /// The length of the best tour so far.
    pub cost: i64,
    /// The best bound so far.
    pub bound: Option<i64>,
    /// The gap between them.
    pub gap: Option<f64>,
}

/// Returns `(cost − bound) / bound`, or `None` where it says nothing.
pub(crate) fn gap(cost: i64, bound: Option<i64>) -> Option<f64> {
    match bound? {
        bound if bound == cost => Some(0.0),
        bound if bound > 0 => Some((cost - bound) as f64 / bound as f64),
        _ => None,
    }
}
