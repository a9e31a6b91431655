//! The knee by windows at constant rates, where no model may be trusted.

use festina_types::{Estimate, Interval, Method};

use super::{Knee, LEVEL, Subject, Target, Window};
use crate::LoadError;

/// Windows of a search.
const STEPS: usize = 6;

/// Narrows the knee down between the rates of windows that held and of those that did not, in about `budget` seconds.
///
/// Where no `highest` rate is known that the service cannot bear, rates are doubled until one fails; if none does, the knee
/// is at least the last one. A window sees so few late requests that the last one to hold or to fail may have done so by
/// chance: the interval reaches to the ones before them.
pub(crate) fn search(
    subject: &mut dyn Subject,
    knee: &mut Knee,
    highest: Option<f64>,
    target: Target,
    budget: f64,
) -> Result<(), LoadError> {
    let seconds = budget / STEPS as f64;
    let (mut held, mut failed) = (vec![0.0], Vec::from_iter(highest));
    let mut n_late = 0;
    for step in 0..STEPS {
        if subject.is_canceled() {
            break;
        }
        let low = last(&held);
        let rate = match failed.last() {
            Some(high) => f64::midpoint(low, *high),
            None if step > 0 => 2.0 * low,
            None => knee.capacity,
        };
        // A rate at which a window would see hardly any request tells nothing.
        let run = subject.open(rate, seconds.max(20.0 / rate.max(1.0)), target)?;
        n_late += usize::from(!run.is_valid);
        let share = run.share;
        let waits = run.backlog as f64 > 3.0 + 2.0 * rate * target.limit;
        let holds = share <= target.allowed && !waits;
        knee.windows.push(Window { rate, share, latency_s: run.latency_s, likely: None, holds });
        if holds { held.push(rate) } else { failed.push(rate) }
    }
    // One window in which the generator was late is a disturbance.
    knee.is_valid &= 2 * n_late <= STEPS;
    knee.is_at_least = failed.is_empty();
    let (low, high) = (last(&held), failed.last().copied());
    knee.rate = Estimate {
        value: high.map_or(low, |high| f64::midpoint(low, high)),
        interval: high.map(|_| Interval { lower: before(&held), upper: before(&failed), level: LEVEL }),
        method: Method::Simulation,
    };
    Ok(())
}

fn last(rates: &[f64]) -> f64 {
    rates.last().copied().unwrap_or(0.0)
}

/// Returns the rate before the last one, or the last if it is the only one.
fn before(rates: &[f64]) -> f64 {
    rates[rates.len().saturating_sub(2)]
}
