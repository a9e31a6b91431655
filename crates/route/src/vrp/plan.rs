//! What is answered: who goes where and when, and what stays undone for which reason.

use festina_types::Workers;
use serde::{Deserialize, Serialize};

use crate::vrp::explain::Reason;
use crate::vrp::problem::Units;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The lowest cost.
    #[default]
    Cost,
    /// The fewest vehicles, then the lowest cost.
    Vehicles,
    /// Working times that differ little, then the lowest cost.
    Balance,
}

/// What is asked of [`crate::vrp::solve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// What is to be small.
    pub objective: Objective,
    /// The seed of every random choice.
    pub seed: u64,
}

impl Default for PlanRequest {
    /// The lowest cost, seed 1.
    fn default() -> Self {
        Self { objective: Objective::Cost, seed: 1 }
    }
}

/// How far an answer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanStatus {
    /// Every stop that must be served is.
    Feasible,
    /// A stop that must be served is not; [`Plan::unassigned`] says why.
    Infeasible,
    /// The best plan so far when the user asked to stop.
    Canceled,
}

/// What a vehicle does at one moment of its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Leaves its start.
    Start,
    /// Serves this stop.
    Stop(usize),
    /// Takes this one of its breaks, where it is.
    Break(usize),
    /// Reloads at this place.
    Reload(usize),
    /// Reaches its end.
    End,
}

/// A line of a route's timetable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What is done.
    pub action: Action,
    /// The place where it is done; `None` at the start or end of an open route and for breaks.
    pub place: Option<usize>,
    /// When the vehicle is there.
    pub arrive: i64,
    /// When it begins; until then it waits.
    pub begin: i64,
    /// When it is done.
    pub leave: i64,
    /// What is on board then, in each dimension.
    pub load: Vec<i64>,
    /// The distance travelled since the line before.
    pub distance: i64,
}

/// The day of one vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Its kind, counted from 0 as in the problem.
    pub vehicle: usize,
    /// Which of those alike, counted from 0.
    pub number: usize,
    /// The cost of the route.
    pub cost: i64,
    /// The distance.
    pub distance: i64,
    /// The time from leaving the start to reaching the end.
    pub duration: i64,
    /// What it does, in order, from [`Action::Start`] to [`Action::End`].
    pub lines: Vec<Line>,
}

impl Route {
    /// Returns the stops in order.
    pub fn stops(&self) -> impl Iterator<Item = usize> + '_ {
        self.lines
            .iter()
            .filter_map(|line| if let Action::Stop(stop) = line.action { Some(stop) } else { None })
    }
}

/// A stop that is not served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unassigned {
    /// The stop.
    pub stop: usize,
    /// Why.
    pub reason: Reason,
}

/// A plan with what is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The problem's name.
    pub name: String,
    /// How far the answer got.
    pub status: PlanStatus,
    /// The cost: of the routes, and of the optional stops that are left out.
    pub cost: i64,
    /// The distance of all routes.
    pub distance: i64,
    /// The routes.
    pub routes: Vec<Route>,
    /// What is not served.
    pub unassigned: Vec<Unassigned>,
    /// What was asked for.
    pub objective: Objective,
    /// The seed.
    pub seed: u64,
    /// The time it took, in seconds.
    pub elapsed_s: f64,
    /// The work that was counted: five iterations of ruin and recreate are one unit.
    pub work: u64,
    /// The number of workers of the backend.
    pub workers: Workers,
    /// What one step of each quantity is worth.
    pub units: Units,
}

/// News of a search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanProgress {
    /// The time since the search began, in seconds.
    pub elapsed_s: f64,
    /// The cost of the best plan so far.
    pub cost: i64,
    /// Its vehicles.
    pub vehicles: usize,
    /// The stops it does not serve.
    pub unassigned: usize,
}
