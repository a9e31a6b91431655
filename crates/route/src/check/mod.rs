//! An independent checker: it shares no arithmetic and no search with the solvers.
//!
//! Distances are computed again from the coordinates by the checker's own formulas, the bound again from its
//! certificate by its own spanning tree. What it says about a tour is a list of findings; an empty one means that the tour is
//! what it claims to be.

mod bound;
mod boxes;
pub(crate) mod distance;
mod tour_file;

use festina_types::Seconds;

use crate::instance::Instance;
use crate::request::Shape;
use crate::solution::Solution;

pub use bound::{BoundCheck, verify_bound};
pub use tour_file::{read_tour, write_geojson, write_table, write_tour};

/// What was found about a tour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TourCheck {
    /// The length, if the tour visits only cities of the instance.
    pub length: Option<i64>,
    /// What is wrong, as fragments for people; empty if the tour is right.
    pub problems: Vec<String>,
}

impl TourCheck {
    /// Returns whether nothing is wrong.
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }
}

/// How many problems of one kind are named one by one.
const NAMED: usize = 5;

/// Checks that `tour` visits every city of `instance` once and has the ends that `shape` asks for, and measures it.
///
/// `claimed` is the length that is claimed for it, if one is.
///
/// ```
/// use festina_route::{Instance, Rule, Shape, check};
/// let points = vec![[0.0, 0.0, 0.0], [0.0, 3.0, 0.0], [4.0, 0.0, 0.0]];
/// let instance = Instance::from_points("3-4-5", Rule::Euclidean2, points)?;
/// let verdict = check::verify_tour(&instance, Shape::Closed, &[0, 1, 2], Some(12));
/// assert!(verdict.is_right());
/// let verdict = check::verify_tour(&instance, Shape::Closed, &[0, 1, 1], Some(12));
/// assert_eq!(verdict.problems, ["city 2 is visited 2 times", "city 3 is not visited", "the length is 6, not 12"]);
/// # Ok::<(), festina_route::RouteError>(())
/// ```
pub fn verify_tour(instance: &Instance, shape: Shape, tour: &[usize], claimed: Option<i64>) -> TourCheck {
    let mut problems = Vec::new();
    let n = instance.n();
    let strangers: Vec<usize> = tour.iter().copied().filter(|&city| city >= n).collect();
    for city in strangers.iter().take(NAMED) {
        problems.push(format!("there is no city {}", city + 1));
    }
    let mut visits = vec![0_usize; n];
    for &city in tour.iter().filter(|&&city| city < n) {
        visits[city] += 1;
    }
    let wrong = visits.iter().enumerate().filter(|&(_, &count)| count != 1);
    for (city, &count) in wrong.clone().take(NAMED) {
        problems.push(match count {
            0 => format!("city {} is not visited", instance.label(city)),
            _ => format!("city {} is visited {count} times", instance.label(city)),
        });
    }
    if wrong.clone().count() > NAMED {
        problems.push(format!("{} more cities are not visited once", wrong.count() - NAMED));
    }
    check_ends(instance, shape, tour, &mut problems);
    let length = strangers.is_empty().then(|| distance::tour_length(instance, shape, tour));
    if let (Some(length), Some(claimed)) = (length, claimed)
        && length != claimed
    {
        problems.push(format!("the length is {length}, not {claimed}"));
    }
    TourCheck { length, problems }
}

fn check_ends(instance: &Instance, shape: Shape, tour: &[usize], problems: &mut Vec<String>) {
    let Shape::Open { start, end } = shape else { return };
    if start.is_some() && start == end {
        return;
    }
    let ends = [(start, tour.first(), "begins"), (end, tour.last(), "ends")];
    for (wanted, is, verb) in ends {
        if let (Some(wanted), Some(&is)) = (wanted, is)
            && wanted != is
            && is < instance.n()
            && wanted < instance.n()
        {
            let (wanted, is) = (instance.label(wanted), instance.label(is));
            problems.push(format!("the tour {verb} at {is}, not at {wanted}"));
        }
    }
}

/// Returns about how long [`verify`] takes where there is a bound to prove, on one core of a present-day machine.
pub fn seconds(instance: &Instance) -> Seconds {
    Seconds(bound::steps(instance) * SECONDS_PER_STEP)
}

/// What one edge that is looked at takes.
const SECONDS_PER_STEP: f64 = 4e-9;

/// Checks a whole solution: its tour, its cost, its bound and its gap.
pub fn verify(instance: &Instance, shape: Shape, solution: &Solution) -> TourCheck {
    let mut check = verify_tour(instance, shape, &solution.tour, Some(solution.cost));
    if let Some(bound) = solution.bound
        && bound > solution.cost
    {
        check.problems.push(format!("the bound {bound} is above the cost {}", solution.cost));
    }
    if let Some(certificate) = &solution.certificate {
        match verify_bound(instance, shape, certificate) {
            BoundCheck::Proven(bound)
                if Some(bound) < solution.bound && solution.bound != Some(solution.cost) =>
            {
                check.problems.push(format!("the certificate proves a bound of {bound} only"));
            }
            BoundCheck::Invalid(problem) => check.problems.push(problem),
            BoundCheck::Proven(_) => {}
        }
    }
    check
}
