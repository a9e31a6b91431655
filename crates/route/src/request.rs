//! What is asked: a shape of tour, a method, and how long it may take.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use festina_types::{CancelToken, Seconds};
use serde::{Deserialize, Serialize};

use crate::error::RouteError;

/// How a tour is found; each has a page in `docs/concepts/tsp.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The best for the time given: exact for few cities, else Lin–Kernighan, edge assembly and decomposition.
    #[default]
    Auto,
    /// Every order of the cities; optimal, n ≤ 12.
    BruteForce,
    /// Dynamic programming over subsets; optimal, n ≤ 24.
    HeldKarp,
    /// Branch and bound with 1-trees; optimal where it ends in time.
    BranchAndBound,
    /// Twice around the minimum spanning tree; at most 2 times the optimum in a metric.
    Mst,
    /// Minimum spanning tree and minimum perfect matching; at most 1.5 times the optimum in a metric.
    Christofides,
    /// Always on to the nearest city.
    NearestNeighbour,
    /// Shortest edges first.
    Greedy,
    /// Along Hilbert's curve.
    SpaceFillingCurve,
    /// 2-opt from the greedy tour.
    #[serde(rename = "2-opt")]
    TwoOpt,
    /// 2-opt and segment insertion (Or 1976) from the greedy tour.
    OrOpt,
    /// 3-opt with segment insertion from the greedy tour.
    #[serde(rename = "or-3opt")]
    OrThreeOpt,
    /// Lin–Kernighan from the greedy tour, iterated while there is time.
    LinKernighan,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 13] = [
        Self::Auto,
        Self::BruteForce,
        Self::HeldKarp,
        Self::BranchAndBound,
        Self::Mst,
        Self::Christofides,
        Self::NearestNeighbour,
        Self::Greedy,
        Self::SpaceFillingCurve,
        Self::TwoOpt,
        Self::OrOpt,
        Self::OrThreeOpt,
        Self::LinKernighan,
    ];

    /// Returns the method's name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::BruteForce => "brute-force",
            Self::HeldKarp => "held-karp",
            Self::BranchAndBound => "branch-and-bound",
            Self::Mst => "mst",
            Self::Christofides => "christofides",
            Self::NearestNeighbour => "nearest-neighbour",
            Self::Greedy => "greedy",
            Self::SpaceFillingCurve => "space-filling-curve",
            Self::TwoOpt => "2-opt",
            Self::OrOpt => "or-opt",
            Self::OrThreeOpt => "or-3opt",
            Self::LinKernighan => "lin-kernighan",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Method {
    type Err = RouteError;

    /// Reads a method's name.
    ///
    /// ```
    /// use festina_route::Method;
    /// assert_eq!("2-opt".parse(), Ok(Method::TwoOpt));
    /// ```
    fn from_str(text: &str) -> Result<Self, RouteError> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|method| method.name()).collect();
            RouteError::request(format!("'{text}' is not a method"))
                .with_hint(format!("one of {}", names.join(", ")))
        })
    }
}

/// Where a tour begins and ends; cities are counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Back to where it began.
    #[default]
    Closed,
    /// From one city to another, without the way back.
    Open {
        /// The first city, if it is given.
        start: Option<usize>,
        /// The last city, if it is given. The same as the start means a closed tour.
        end: Option<usize>,
    },
}

/// What is asked of [`crate::solve`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The shape of the tour.
    pub shape: Shape,
    /// The seed of every random choice.
    pub seed: u64,
    /// Stop as soon as the tour is certified to be within this fraction of the optimum: 0.01 for 1 %.
    pub gap: Option<f64>,
    /// Whether to spend time on a lower bound.
    pub bound: bool,
}

impl Default for Request {
    /// A closed tour by [`Method::Auto`] with a bound, seed 1.
    fn default() -> Self {
        Self { method: Method::Auto, shape: Shape::Closed, seed: 1, gap: None, bound: true }
    }
}

/// What ends a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// The method ends by itself: constructions, local optima, proofs.
    None,
    /// The clock.
    Time(Seconds),
    /// An amount of work, counted in kicks of Lin–Kernighan or what takes as long: the same input, request and
    /// work give the same tour on any number of workers of any speed. One core does some
    /// [`Budget::WORK_PER_SECOND`] a second.
    Work(u64),
}

/// The time, or the work, that a search may take.
pub struct Budget<'a> {
    clock: &'a dyn Fn() -> Seconds,
    limit: Limit,
    cancel: CancelToken,
    work: Cell<u64>,
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("limit", &self.limit).field("work", &self.work).finish_non_exhaustive()
    }
}

impl<'a> Budget<'a> {
    /// About how much work one core of a present-day machine does in a second.
    pub const WORK_PER_SECOND: u64 = 20_000;

    /// Returns a budget; `clock` gives the time since the search began.
    ///
    /// ```
    /// use std::time::Instant;
    /// use festina_route::{Budget, Limit};
    /// use festina_types::{CancelToken, Seconds};
    ///
    /// let begin = Instant::now();
    /// let clock = || Seconds(begin.elapsed().as_secs_f64());
    /// let budget = Budget::new(&clock, Limit::Time(Seconds(10.0)), CancelToken::new());
    /// assert!(!budget.is_over());
    /// ```
    pub fn new(clock: &'a dyn Fn() -> Seconds, limit: Limit, cancel: CancelToken) -> Self {
        Self { clock, limit, cancel, work: Cell::new(0) }
    }

    /// Returns the time since the search began.
    pub fn elapsed(&self) -> Seconds {
        (self.clock)()
    }

    /// Returns the limit.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Returns the work done so far.
    pub fn work(&self) -> u64 {
        self.work.get()
    }

    /// Counts work.
    pub(crate) fn spend(&self, work: u64) {
        self.work.set(self.work.get() + work);
    }

    /// Returns whether the user asked to stop.
    pub fn is_canceled(&self) -> bool {
        self.cancel.is_requested()
    }

    /// Returns the share of the budget that is left, 1 at the beginning and 0 at the end; 1 without a limit.
    pub fn left(&self) -> f64 {
        match self.limit {
            _ if self.is_canceled() => 0.0,
            Limit::None => 1.0,
            Limit::Time(limit) => ((limit.0 - self.elapsed().0) / limit.0).max(0.0),
            Limit::Work(limit) => limit.saturating_sub(self.work()) as f64 / limit.max(1) as f64,
        }
    }

    /// Returns whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.left() <= 0.0
    }
}
