//! Ticks at the round values of clocks and calendars.

use super::{Domain, Tick};

pub(super) const MINUTE: f64 = 60.0;
pub(super) const HOUR: f64 = 3600.0;
pub(super) const DAY: f64 = 86_400.0;
pub(super) const YEAR: f64 = 365.0 * DAY;

/// Round spans of time, with those of the coarse ladder marked.
const CLOCK: [(f64, bool, &str); 22] = [
    (1.0, true, "1 s"),
    (2.0, false, "2 s"),
    (5.0, false, "5 s"),
    (10.0, true, "10 s"),
    (20.0, false, "20 s"),
    (30.0, false, "30 s"),
    (MINUTE, true, "1 min"),
    (2.0 * MINUTE, false, "2 min"),
    (5.0 * MINUTE, false, "5 min"),
    (10.0 * MINUTE, true, "10 min"),
    (30.0 * MINUTE, false, "30 min"),
    (HOUR, true, "1 h"),
    (2.0 * HOUR, false, "2 h"),
    (5.0 * HOUR, false, "5 h"),
    (10.0 * HOUR, true, "10 h"),
    (DAY, true, "1 d"),
    (2.0 * DAY, false, "2 d"),
    (5.0 * DAY, false, "5 d"),
    (10.0 * DAY, true, "10 d"),
    (30.0 * DAY, false, "30 d"),
    (100.0 * DAY, true, "100 d"),
    (YEAR, true, "1 year"),
];

/// Returns ticks at round spans of time on a logarithmic axis.
pub(super) fn ticks(domain: &Domain, target: usize) -> Vec<Tick> {
    let fine = clock_values(domain, true);
    if fine.len() <= target + target / 2 {
        return fine;
    }
    let coarse = clock_values(domain, false);
    let stride = coarse.len().div_ceil(target + target / 2).max(1);
    coarse.into_iter().step_by(stride).collect()
}

fn clock_values(domain: &Domain, fine: bool) -> Vec<Tick> {
    let mut found = Vec::new();
    let below = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms")];
    let mantissas: &[f64] = if fine { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let mut add = |value: f64, label: String| {
        if domain.contains(value) {
            found.push(Tick { value, label });
        }
    };
    for (factor, name) in below {
        for power in [1.0, 10.0, 100.0] {
            for mantissa in mantissas {
                add(mantissa * power * factor, format!("{} {name}", mantissa * power));
            }
        }
    }
    for (value, is_coarse, label) in CLOCK {
        if fine || is_coarse {
            add(value, label.to_owned());
        }
    }
    for exponent in 1..6 {
        for mantissa in mantissas {
            let years = mantissa * 10_f64.powi(exponent);
            add(years * YEAR, format!("{years} years"));
        }
    }
    found
}
