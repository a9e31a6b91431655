//! An open-loop load generator that never bursts, never drops and never hides a stall.
mod bears;
mod check;
mod engine;
mod error;
mod http2;
mod judge;
mod knee;
mod plan;
mod probe;
mod record;
mod request;
mod response;
mod result;
mod rows;
mod server;
mod slo;
mod summary;
mod target;
mod tls;

pub use bears::{KneeResult, find_knee};
pub use check::Check;
pub use engine::{LoadObserver, LoadPlan, Mode, TimelinePoint, Totals};
pub use error::LoadError;
pub use knee::{Demand, FoundBy, Knee, Rung, Sizing, Window};
pub use plan::{Arrivals, Gaps, Piece, Profile, Schedule};
pub use probe::{Probe, probe};
pub use request::{RequestSpec, Template};
pub use result::{ArrivalsSeen, Client, Limit, LoadResult, Objective, Requests};
pub use rows::Rows;
pub use server::ServerUsage;
pub use slo::{Bound, Slo, percentile_name};
pub use summary::{Quantile, Summary};
pub use target::{Target, first_answering, require_http2};
pub use tls::{Tls, Trust};

use std::sync::atomic::{AtomicBool, Ordering};

use festina_types::CancelToken;

/// Loads a service as `plan` says, and tells what it showed.
///
/// `server` are the processes of the service, if they run on this machine, and the cores that they may use. `observer` is
/// told once a tick how it goes. A cancellation ends the load early; what was measured until then is the result.
///
/// # Errors
///
/// [`LoadError::Machine`] if there are no files, ports or threads for it.
pub fn load(
    plan: &LoadPlan,
    slo: &Slo,
    server: (&[u32], f64),
    cancel: &CancelToken,
    observer: &mut dyn LoadObserver,
) -> Result<LoadResult, LoadError> {
    let stop = AtomicBool::new(false);
    let (roots, cores) = server;
    let (outcome, usage) = std::thread::scope(|scope| {
        let sampler =
            (!roots.is_empty()).then(|| scope.spawn(|| server::sample(roots, plan.duration(), &stop)));
        let outcome = engine::apply(plan, cancel, observer);
        stop.store(true, Ordering::Relaxed);
        (outcome, sampler.and_then(|sampler| sampler.join().ok().flatten()))
    });
    Ok(judge::judge(plan, slo, outcome?, usage, cores))
}
