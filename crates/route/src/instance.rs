//! A travelling-salesman instance: cities and what it costs to go from one to another.

use crate::error::RouteError;
use crate::rule::Rule;

/// The largest distance between two cities, so that no sum over a tour can overflow.
pub const MAX_DISTANCE: i64 = 1 << 40;

/// The most cities an instance may have.
pub const MAX_CITIES: usize = 1 << 22;

/// Where distances come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    /// Points and the rule that measures between them.
    Points {
        /// The rule.
        rule: Rule,
        /// One point a city; a coordinate that the rule does not read is 0.
        points: Vec<[f64; 3]>,
    },
    /// A full matrix, row by row: from each city (row) to each city (column).
    Matrix {
        /// `n · n` weights; those on the diagonal are never used.
        weights: Vec<i64>,
        /// Whether the matrix equals its transpose.
        symmetric: bool,
    },
}

/// Cities, their names, and the distances between them: checked, and never changed afterwards.
///
/// Distances are integers, so that lengths and bounds are exact. Where the input's own unit is finer, one step is
/// worth [`Instance::unit`] of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    name: String,
    weights: Weights,
    labels: Vec<String>,
    display: Option<Vec<[f64; 2]>>,
    unit: f64,
    n: usize,
}

impl Instance {
    /// Returns the instance named `name` of `points` under `rule`.
    ///
    /// ```
    /// use festina_route::{Instance, Rule};
    /// let square = vec![[0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [9.0, 9.0, 0.0], [9.0, 0.0, 0.0]];
    /// let instance = Instance::from_points("square", Rule::Euclidean2, square)?;
    /// assert_eq!(instance.distance(0, 2), 13); // nint(9·√2) = nint(12.73)
    /// # Ok::<(), festina_route::RouteError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RouteError::Instance`] without a point, with more than [`MAX_CITIES`], with a coordinate that is not finite,
    /// with a latitude or longitude out of range, or where a distance could exceed [`MAX_DISTANCE`].
    pub fn from_points(
        name: impl Into<String>,
        rule: Rule,
        points: Vec<[f64; 3]>,
    ) -> Result<Self, RouteError> {
        check_size(points.len())?;
        for (city, point) in points.iter().enumerate() {
            if let Some(value) = point.iter().find(|value| !value.is_finite()) {
                return Err(RouteError::instance(format!("city {} has the coordinate {value}", city + 1)));
            }
            if rule.is_geographic() && (point[0].abs() > 90.6 || point[1].abs() > 360.6) {
                let message =
                    format!("city {} is at latitude {}, longitude {}", city + 1, point[0], point[1]);
                return Err(RouteError::instance(message).with_hint(
                    "latitudes lie in -90..90, longitudes in -180..180; are the columns swapped?",
                ));
            }
        }
        check_extent(rule, &points)?;
        let n = points.len();
        let unit = if let Rule::Scaled2 { steps } = rule { 1.0 / steps } else { 1.0 };
        let weights = Weights::Points { rule, points };
        Ok(Self { name: name.into(), weights, labels: Vec::new(), display: None, unit, n })
    }

    /// Returns the instance named `name` of `n` cities with the full matrix `weights`, row by row.
    ///
    /// # Errors
    ///
    /// [`RouteError::Instance`] where the number of weights is not `n · n` or a weight is beyond ±[`MAX_DISTANCE`].
    pub fn from_matrix(name: impl Into<String>, n: usize, weights: Vec<i64>) -> Result<Self, RouteError> {
        check_size(n)?;
        if n.checked_mul(n) != Some(weights.len()) {
            let message = format!("a matrix of {n} cities has {n} x {n} entries, not {}", weights.len());
            return Err(RouteError::instance(message));
        }
        if let Some(at) = weights.iter().position(|&w| !(-MAX_DISTANCE..=MAX_DISTANCE).contains(&w)) {
            let message =
                format!("the distance from city {} to city {} is {}", at / n + 1, at % n + 1, weights[at]);
            return Err(RouteError::instance(message)
                .with_hint(format!("distances lie within ±{MAX_DISTANCE}; choose a larger unit")));
        }
        let symmetric = (0..n).all(|i| (0..i).all(|j| weights[i * n + j] == weights[j * n + i]));
        let weights = Weights::Matrix { weights, symmetric };
        Ok(Self { name: name.into(), weights, labels: Vec::new(), display: None, unit: 1.0, n })
    }

    /// Returns the instance with a name for each city, in their order.
    ///
    /// # Errors
    ///
    /// [`RouteError::Instance`] where there is not exactly one for each city.
    pub fn with_labels(mut self, labels: Vec<String>) -> Result<Self, RouteError> {
        if labels.len() != self.n {
            let message = format!("{} names for {} cities", labels.len(), self.n);
            return Err(RouteError::instance(message));
        }
        self.labels = labels;
        Ok(self)
    }

    /// Returns the instance with points to draw its cities at, where its distances have none.
    #[must_use]
    pub fn with_display(mut self, points: Vec<[f64; 2]>) -> Self {
        self.display = (points.len() == self.n).then_some(points);
        self
    }

    /// Returns the instance whose integer step is worth `unit` of the input's unit.
    #[must_use]
    pub fn with_unit(mut self, unit: f64) -> Self {
        self.unit = unit;
        self
    }

    /// Returns the number of cities, at least 1.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Returns the instance's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where the distances come from.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Returns how much of the input's unit one step of a length is worth: 1 for TSPLIB and metres.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// Returns whether both directions of every pair cost the same.
    pub fn is_symmetric(&self) -> bool {
        match &self.weights {
            Weights::Points { .. } => true,
            Weights::Matrix { symmetric, .. } => *symmetric,
        }
    }

    /// Returns the name of `city`: its own, or its number counted from 1.
    pub fn label(&self, city: usize) -> String {
        self.labels.get(city).cloned().unwrap_or_else(|| (city + 1).to_string())
    }

    /// Returns the number of the city that is called `label`: by its name, or by its number counted from 1.
    pub fn find(&self, label: &str) -> Option<usize> {
        if let Some(city) = self.labels.iter().position(|own| own == label) {
            return Some(city);
        }
        label.parse::<usize>().ok().filter(|number| (1..=self.n).contains(number)).map(|number| number - 1)
    }

    /// Returns points to draw the cities at: `[x, y]`, or `[longitude, latitude]` where
    /// [`Instance::is_geographic`]; `None` where there are none.
    pub fn drawing(&self) -> Option<Vec<[f64; 2]>> {
        if let Some(points) = &self.display {
            return Some(points.clone());
        }
        let Weights::Points { rule, points } = &self.weights else { return None };
        let minutes = |x: f64| x.trunc() + (x - x.trunc()) / 0.6;
        let draw = |point: &[f64; 3]| match rule {
            Rule::Geo => [minutes(point[1]), minutes(point[0])],
            Rule::GreatCircle => [point[1], point[0]],
            _ => [point[0], point[1]],
        };
        Some(points.iter().map(draw).collect())
    }

    /// Returns whether the cities lie at latitudes and longitudes.
    pub fn is_geographic(&self) -> bool {
        matches!(&self.weights, Weights::Points { rule, .. } if rule.is_geographic())
    }

    /// Returns the distance from city `from` to city `to`, both counted from 0.
    ///
    /// # Panics
    ///
    /// Panics if a city is not below [`Instance::n`].
    pub fn distance(&self, from: usize, to: usize) -> i64 {
        match &self.weights {
            Weights::Points { rule, points } => rule.distance(points[from], points[to]),
            Weights::Matrix { weights, .. } => weights[from * self.n + to],
        }
    }
}

fn check_size(n: usize) -> Result<(), RouteError> {
    if n == 0 {
        return Err(RouteError::instance("the instance has no cities").with_hint("a tour needs at least one"));
    }
    if n > MAX_CITIES {
        return Err(RouteError::instance(format!("{n} cities are more than {MAX_CITIES}")));
    }
    Ok(())
}

/// Requires that the corners of the bounding box are no further apart than [`MAX_DISTANCE`].
fn check_extent(rule: Rule, points: &[[f64; 3]]) -> Result<(), RouteError> {
    if rule.is_geographic() {
        return Ok(());
    }
    let extent = (0..3).map(|axis| {
        let values = points.iter().map(|point| point[axis]);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    });
    let steps = if let Rule::Scaled2 { steps } = rule { steps } else { 1.0 };
    if extent.sum::<f64>() * steps < MAX_DISTANCE as f64 {
        return Ok(());
    }
    Err(RouteError::instance("the cities are so far apart that lengths would overflow").with_hint(format!(
        "distances must stay below {MAX_DISTANCE}; choose a larger unit, or remove the outlier"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_instance_is_refused() {
        let error = |points| Instance::from_points("", Rule::Euclidean2, points).unwrap_err().to_string();
        assert_eq!(error(vec![]), "the instance has no cities");
        assert_eq!(error(vec![[0.0; 3], [f64::NAN, 0.0, 0.0]]), "city 2 has the coordinate NaN");
        assert!(error(vec![[0.0; 3], [1e300, 0.0, 0.0]]).contains("overflow"));
        assert!(error(vec![[-1e308, 0.0, 0.0], [1e308, 0.0, 0.0]]).contains("overflow"));
        let north = Instance::from_points("", Rule::GreatCircle, vec![[100.0, 0.0, 0.0]]).unwrap_err();
        assert!(north.hint().unwrap().contains("swapped"));
        assert!(Instance::from_matrix("", 2, vec![0; 3]).is_err());
        assert!(Instance::from_matrix("", 2, vec![0, i64::MAX, 0, 0]).is_err());
    }

    #[test]
    fn cities_are_found_by_name_and_by_number() {
        let instance = Instance::from_points("", Rule::Euclidean2, vec![[0.0; 3]; 2]).unwrap();
        assert_eq!(instance.find("2"), Some(1));
        assert_eq!(instance.find("0"), None);
        let named = instance.with_labels(vec!["Ulm".into(), "Bonn".into()]).unwrap();
        assert_eq!((named.find("Bonn"), named.label(0)), (Some(1), "Ulm".into()));
    }
}
