//! Points, and the minimum spanning tree of the complete graph of their distances.

mod boruvka;
pub(crate) mod kd_tree;

use festina_types::SharedMemory;

use crate::error::GraphError;
use crate::forest::{Edge, Forest};
use crate::graph::MAX_NODES;

/// How far two points are from each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// In a straight line, between Cartesian coordinates.
    Euclidean,
    /// Along a great circle of a sphere of this radius, between latitudes and longitudes in degrees.
    Sphere {
        /// The radius.
        radius: f64,
    },
}

/// Points with finite coordinates, and how far they are from each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    metric: Metric,
    at: Vec<[f64; 3]>,
}

impl Points {
    /// Returns points: `[x, y, z]`, or `[latitude, longitude, 0]` on a sphere.
    ///
    /// # Errors
    ///
    /// [`GraphError::Graph`] for a coordinate that is not finite or so large that squares overflow, a latitude beyond ±90,
    /// or more than [`MAX_NODES`] points.
    pub fn new(metric: Metric, at: Vec<[f64; 3]>) -> Result<Self, GraphError> {
        const LARGEST: f64 = 1e150;
        if at.len() > MAX_NODES {
            return Err(GraphError::graph(format!("{} points are too many", at.len())));
        }
        let find = |is_bad: &dyn Fn(&f64) -> bool| at.iter().position(|point| point.iter().any(is_bad));
        if let Some(point) = find(&|value| value.is_nan() || value.abs() > LARGEST) {
            return Err(GraphError::graph(format!(
                "point {} has the coordinates {:?}",
                point + 1,
                at[point]
            ))
            .with_hint("coordinates lie within ±1e150; choose a larger unit"));
        }
        let is_beyond = |point: &[f64; 3]| point[0].abs() > 90.0;
        if let (Metric::Sphere { .. }, Some(point)) = (metric, at.iter().position(is_beyond)) {
            return Err(GraphError::graph(format!("point {} is at latitude {}", point + 1, at[point][0]))
                .with_hint("are the columns swapped?"));
        }
        Ok(Self { metric, at })
    }

    /// Returns the number of points.
    pub fn n(&self) -> usize {
        self.at.len()
    }

    /// Returns how distances are measured.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Returns the coordinates.
    pub fn at(&self) -> &[[f64; 3]] {
        &self.at
    }

    /// Returns points in space whose straight-line distances are in the order of the distances.
    fn embedded(&self) -> Vec<[f64; 3]> {
        let Metric::Sphere { radius } = self.metric else { return self.at.clone() };
        let embed = |&[latitude, longitude, _]: &[f64; 3]| {
            let (sine, cosine) = latitude.to_radians().sin_cos();
            let (east, north) = longitude.to_radians().sin_cos();
            [radius * cosine * north, radius * cosine * east, radius * sine]
        };
        self.at.iter().map(embed).collect()
    }

    /// Returns the distance whose straight line has the square `square`.
    fn distance(&self, square: f64) -> f64 {
        match self.metric {
            Metric::Euclidean => square.sqrt(),
            Metric::Sphere { radius } => 2.0 * radius * (square.sqrt() / (2.0 * radius)).min(1.0).asin(),
        }
    }
}

/// Returns the minimum spanning tree of all pairs of `points`, without looking at all pairs.
///
/// Borůvka's rounds over a k-d tree: in each, every component finds its nearest point outside. A point whose nearest
/// neighbour has joined its own component is asked again only if it could be nearer than what its component has found.
/// O(n log² n) in practice, some 120 bytes a point.
///
/// Source: J. L. Bentley and J. H. Friedman, *Fast algorithms for constructing minimal spanning trees in coordinate spaces*,
/// IEEE Transactions on Computers C-27, 1978; W. B. March, P. Ram and A. G. Gray, *Fast Euclidean minimum spanning tree*, KDD 2010.
///
/// ```
/// use festina_graph::{Metric, Points, euclidean_spanning_tree};
/// # use festina_types::{SharedMemory, Workers};
/// # struct Serial;
/// # impl SharedMemory for Serial {
/// #     fn workers(&self) -> Workers { Workers::MIN }
/// #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
/// # }
///
/// // The corners of a 3-4-5 triangle, and a point on its long side.
/// let at = vec![[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [3.0, 4.0, 0.0], [1.5, 2.0, 0.0]];
/// let tree = euclidean_spanning_tree(&Points::new(Metric::Euclidean, at)?, &Serial);
/// assert_eq!(tree.weight, 7.5); // Every corner is 2.5 from the middle of the long side.
/// # Ok::<(), festina_graph::GraphError>(())
/// ```
pub fn euclidean_spanning_tree(points: &Points, memory: &dyn SharedMemory) -> Forest {
    let mut edges = boruvka::tree(&points.embedded(), memory);
    edges.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let edge = |(square, ends)| Edge { ends, weight: points.distance(square) };
    Forest::new(points.n(), edges.into_iter().map(edge).collect())
}
