//! Distances and times from place to place.

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::vrp::problem::Place;

/// What becomes of the fraction of a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// `⌊x + 0.5⌋`
    Nearest,
    /// `⌊x⌋`
    Down,
    /// `⌈x⌉`
    Up,
}

/// Where distances come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// A rule of TSPLIB, or great circles in metres.
    Rule(Rule),
    /// Straight lines, with `steps` integer steps to a unit of the coordinates.
    Straight {
        /// Steps to a unit.
        steps: f64,
        /// What becomes of fractions of a step.
        rounding: Rounding,
    },
    /// A full matrix over the places, row by row: from (row) to (column).
    Matrix(Vec<i64>),
}

/// How times follow from distances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// A step of distance takes a step of time.
    Equal,
    /// So many steps of distance take a step of time; fractions of it are rounded to the nearest.
    Speed(f64),
    /// A full matrix of times over the places.
    Matrix(Vec<i64>),
}

/// Distances and times from place to place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Travel {
    /// The distances.
    pub metric: Metric,
    /// The times.
    pub pace: Pace,
}

impl Travel {
    /// Returns the distance from place `from` to place `to`.
    ///
    /// ```
    /// use festina_route::vrp::{Metric, Pace, Place, Rounding, Travel};
    /// let at = |x, y| Place { name: String::new(), point: Some([x, y]) };
    /// let places = [at(0.0, 0.0), at(1.0, 1.0)];
    /// let travel = Travel {
    ///     metric: Metric::Straight { steps: 10.0, rounding: Rounding::Down },
    ///     pace: Pace::Speed(2.0),
    /// };
    /// assert_eq!(travel.distance(&places, 0, 1), 14); // ⌊10·√2⌋ = ⌊14.14⌋
    /// assert_eq!(travel.duration(&places, 0, 1), 7);
    /// ```
    pub fn distance(&self, places: &[Place], from: usize, to: usize) -> i64 {
        let point = |place: usize| places[place].point.unwrap_or_default();
        let point3 = |place: usize| [point(place)[0], point(place)[1], 0.0];
        match &self.metric {
            Metric::Matrix(weights) => weights[from * places.len() + to],
            Metric::Rule(rule) => rule.distance(point3(from), point3(to)),
            Metric::Straight { steps, rounding } => {
                let (a, b) = (point(from), point(to));
                let length = ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt() * steps;
                match rounding {
                    Rounding::Nearest => (length + 0.5) as i64,
                    Rounding::Down => length as i64,
                    Rounding::Up => length.ceil() as i64,
                }
            }
        }
    }

    /// Returns the time from place `from` to place `to`.
    pub fn duration(&self, places: &[Place], from: usize, to: usize) -> i64 {
        match &self.pace {
            Pace::Equal => self.distance(places, from, to),
            Pace::Speed(speed) => (self.distance(places, from, to) as f64 / speed + 0.5) as i64,
            Pace::Matrix(weights) => weights[from * places.len() + to],
        }
    }

    /// Returns whether both directions of every pair are alike.
    pub(crate) fn is_symmetric(&self, n: usize) -> bool {
        let alike =
            |weights: &[i64]| (0..n).all(|i| (0..i).all(|j| weights[i * n + j] == weights[j * n + i]));
        let metric = if let Metric::Matrix(weights) = &self.metric { alike(weights) } else { true };
        metric && if let Pace::Matrix(weights) = &self.pace { alike(weights) } else { true }
    }
}
