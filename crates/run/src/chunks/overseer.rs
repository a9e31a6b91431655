//! Asks the engine for workers, and for more when they have left and there is more to do.

use std::time::{Duration, Instant};

use super::pool::{Shared, Supply};

/// The engine may know of a job a little later than whoever started it, and a worker comes a little later than its job: so
/// many questions are asked before none counts as an answer.
const SETTLING: f64 = 2.0;

/// Starts workers, and looks after their jobs, until the pool is closed.
pub(super) fn oversee(shared: &Shared, supply: &mut dyn Supply) {
    if !start(shared, supply) {
        return;
    }
    let (mut started, mut n_ended) = (Instant::now(), 0);
    while !wait(shared) {
        let asked = Instant::now();
        let Some(alive) = supply.alive(&shared.folder.jobs()) else { continue };
        let is_empty = alive.is_empty();
        let mut state = shared.lock();
        state.alive = Some((alive, asked));
        let is_over = is_empty
            && !state.has_workers()
            && started.elapsed().as_secs_f64() > SETTLING * shared.options.ask.0;
        if !is_over || state.stop.is_some() || (state.is_idle() && state.is_settled) {
            continue;
        }
        let has_got_on = state.n_ended > n_ended;
        n_ended = state.n_ended;
        drop(state);
        if !has_got_on {
            let said = supply.said(shared.folder.path()).map_or_else(String::new, |said| format!(": {said}"));
            shared.fail(format!("all jobs of {} have ended, and no task did{said}", supply.name()));
            return;
        }
        if !start(shared, supply) {
            return;
        }
        started = Instant::now();
    }
    supply.stop(&shared.folder.jobs());
}

/// Starts workers; returns whether that went well.
fn start(shared: &Shared, supply: &mut dyn Supply) -> bool {
    let started = supply.start(shared.folder.path()).and_then(|job| {
        shared.folder.add_job(&job).map_err(|error| {
            supply.stop(std::slice::from_ref(&job));
            error.to_string()
        })
    });
    started.map_err(|message| shared.fail(message)).is_ok()
}

/// Waits until it is time to ask; returns whether the pool was closed meanwhile.
fn wait(shared: &Shared) -> bool {
    let until = Instant::now() + Duration::from_secs_f64(shared.options.ask.0);
    let mut state = shared.lock();
    while !state.is_closed && Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now());
        state =
            shared.changed.wait_timeout(state, left).expect("no thread panics while it holds the state").0;
    }
    state.is_closed
}
