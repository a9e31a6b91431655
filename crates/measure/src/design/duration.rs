//! How long a run will take, judged from the runs so far.

use festina_types::{Point, Seconds, Workers};

/// The steepest growth between two sizes that is believed.
const STEEPEST: f64 = 4.0;
/// A shorter time may be all start-up: alone, it says nothing about growth.
const MAYBE_START_UP: f64 = 0.5;

/// Returns the expected elapsed time at `point`, given the median times at other points; `None` where nothing is
/// known. It errs on the long side, as it decides what can still end within the budget.
///
/// The time at the same n on the most workers below p is taken as it is, since more workers are believed to help
/// only when they were seen to; else a time at the same p is carried to another n along the line through the two
/// nearest known sizes, in logarithms, or linearly in n where only one is known.
///
/// ```
/// # use festina_measure::expected_duration;
/// # use festina_types::{Point, Seconds, Workers};
/// let known = [(Point::new(Some(10.0), 1), Seconds(1.0)), (Point::new(Some(20.0), 1), Seconds(4.0))];
/// // Four times the time for twice the size: 40 takes 16 s.
/// assert_eq!(expected_duration(Point::new(Some(40.0), 1), &known), Some(Seconds(16.0)));
/// assert_eq!(expected_duration(Point::new(Some(20.0), 8), &known), Some(Seconds(4.0)));
/// ```
pub fn expected_duration(point: Point, known: &[(Point, Seconds)]) -> Option<Seconds> {
    let exact = known.iter().find(|(other, _)| *other == point).map(|(_, time)| *time);
    exact.or_else(|| along_workers(point, known)).or_else(|| along_sizes(point, known)).or_else(|| {
        let base = Point { p: Workers::MIN, ..point };
        along_sizes(base, known)
    })
}

fn along_sizes(point: Point, known: &[(Point, Seconds)]) -> Option<Seconds> {
    let size = point.n?;
    let mut series: Vec<(f64, f64)> = known
        .iter()
        .filter(|(other, time)| other.p == point.p && time.0 > 0.0)
        .filter_map(|(other, time)| Some((other.n?, time.0)))
        .collect();
    let distance = |n: f64| (n / size).ln().abs();
    series.sort_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
    let (nearest, time) = *series.first()?;
    let slope = match series.get(1) {
        Some((other, other_time)) => (time / other_time).ln() / (nearest / other).ln(),
        None if time < MAYBE_START_UP => 0.0,
        None => 1.0,
    };
    Some(Seconds(time * (size / nearest).powf(slope.clamp(0.0, STEEPEST))))
}

fn along_workers(point: Point, known: &[(Point, Seconds)]) -> Option<Seconds> {
    let same_size = known.iter().filter(|(other, _)| other.n == point.n && other.p < point.p);
    same_size.max_by_key(|(other, _)| other.p).map(|(_, time)| *time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_carried_on_and_held_in_bounds() {
        let at = |n: f64, p, t| (Point::new(Some(n), p), Seconds(t));
        let expected = |n: f64, p, known: &[_]| expected_duration(Point::new(Some(n), p), known).map(|t| t.0);
        assert_eq!(expected(30.0, 1, &[at(10.0, 1, 2.0)]), Some(6.0));
        // A time that fell is noise: it is not believed to fall further.
        assert_eq!(expected(40.0, 1, &[at(10.0, 1, 2.0), at(20.0, 1, 1.0)]), Some(1.0));
        // No time at 8 workers: the time at the same size on 4 of them, not on one.
        assert_eq!(expected(10.0, 8, &[at(10.0, 1, 8.0), at(10.0, 4, 3.0)]), Some(3.0));
        // Neither this size nor this number of workers: one worker's growth.
        assert_eq!(expected(20.0, 2, &[at(10.0, 1, 8.0)]), Some(16.0));
        assert_eq!(expected(20.0, 2, &[]), None);
        // The same size on one worker says more than another size on two.
        assert_eq!(expected(20.0, 2, &[at(10.0, 2, 8.0), at(20.0, 1, 9.0)]), Some(9.0));
        assert_eq!(expected(1e6, 1, &[at(1.0, 1, 0.05)]), Some(0.05));
        assert_eq!(expected_duration(Point::new(None, 1), &[]), None);
    }
}
