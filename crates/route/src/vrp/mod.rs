//! Vehicle routing: crews to jobs, packages to doors.

pub mod check;
mod explain;
mod plan;
mod problem;
mod read;
mod search;
mod solve;
mod travel;
mod validate;
mod write;

pub use explain::{Obstacle, Reason, Rule, show_time};
pub use plan::{Action, Line, Objective, Plan, PlanProgress, PlanRequest, PlanStatus, Route, Unassigned};
pub use problem::{
    ANY_TIME, Break, Draft, MAX_BREAKS, MAX_DIMENSIONS, MAX_STOPS, MAX_VALUE, Place, Problem, Reload, Stop,
    Units, Vehicle, Window, Work,
};
pub use read::{Convention, ProblemFormat};
pub use solve::solve;
pub use travel::{Metric, Pace, Rounding, Travel};
pub use write::{write_geojson, write_sol, write_table};

/// Does a worker's task, see [`crate::TASK`].
pub(crate) fn anneal(reader: &mut crate::auto::wire::Reader<'_>) -> Result<Vec<u8>, String> {
    search::wire::call(reader)
}

/// Does another.
pub(crate) fn breed(reader: &mut crate::auto::wire::Reader<'_>) -> Result<Vec<u8>, String> {
    search::wire::call_breeding(reader)
}
