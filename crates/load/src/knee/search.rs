//! The knee by windows at constant rates, where no model may be trusted.

use festina_types::{Estimate, Interval, Method};

use super::{Knee, Subject, Target, Window};
use crate::LoadError;

/// Windows of a search.
const STEPS: usize = 6;

/// Narrows the knee down between the rates of windows that held and of those that did not, in about `budget` seconds.
///
/// The interval is the bracket that is left: its ends were seen to hold and to fail.
pub(crate) fn search(
    subject: &mut dyn Subject,
    knee: &mut Knee,
    target: Target,
    budget: f64,
) -> Result<(), LoadError> {
    let seconds = budget / STEPS as f64;
    let (mut low, mut high) = (0.0, knee.capacity);
    for _ in 0..STEPS {
        if subject.is_canceled() {
            break;
        }
        let rate = f64::midpoint(low, high);
        // A rate at which a window would see hardly any request tells nothing.
        let run = subject.open(rate, seconds.max(20.0 / rate.max(1.0)), target)?;
        knee.is_valid &= run.is_valid;
        let share = run.share;
        let waits = run.backlog as f64 > 3.0 + 2.0 * rate * target.limit;
        let holds = share <= target.allowed && !waits;
        knee.windows.push(Window { rate, share, latency_s: run.latency_s, likely: None, holds });
        if holds {
            low = rate;
        } else {
            high = rate;
        }
    }
    knee.rate = Estimate {
        value: f64::midpoint(low, high),
        interval: Some(Interval { lower: low, upper: high, level: 0.9 }),
        method: Method::Simulation,
    };
    Ok(())
}
