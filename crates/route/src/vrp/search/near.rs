//! Which stops are near each other, in space and in time.

use super::model::Model;

/// For every stop the others that are likely to stand beside it in a good route, nearest first.
pub(crate) struct Near {
    width: usize,
    stops: Vec<u32>,
}

/// How much a unit of time waited, or too late, counts as distance (T. Vidal, T. G. Crainic, M. Gendreau and C. Prins, *A hybrid
/// genetic algorithm with adaptive diversity management for a large class of vehicle routing problems with
/// time-windows*, Computers & Operations Research 40, 2013).
const WAIT: f64 = 0.2;
const LATE: f64 = 1.0;

impl Near {
    /// Returns the `width` nearest of every stop, or all of them.
    pub(crate) fn new(model: &Model, width: usize) -> Self {
        let width = width.min(model.n.saturating_sub(1));
        let mut stops = Vec::with_capacity(model.n * width);
        // Then one row of the matrix tells all that is asked of it.
        let is_even = !model.is_timed && model.matrices[0].back.is_none();
        let mut row: Vec<(f64, u32)> = Vec::with_capacity(model.n);
        for a in 0..model.n as u32 {
            row.clear();
            let others = (0..model.n as u32).filter(|&b| b != a);
            if is_even {
                let distances = model.matrices[0].out_of(a);
                row.extend(others.map(|b| (f64::from(distances[b as usize]), b)));
            } else {
                row.extend(others.map(|b| (apart(model, a, b).min(apart(model, b, a)), b)));
            }
            let by_distance = |x: &(f64, u32), y: &(f64, u32)| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1));
            if width > 0 && width < row.len() {
                row.select_nth_unstable_by(width - 1, by_distance);
                row.truncate(width);
            }
            row.sort_unstable_by(by_distance);
            stops.extend(row.iter().map(|&(_, b)| b));
        }
        Self { width, stops }
    }

    /// Returns the stops near `stop`.
    #[inline]
    pub(crate) fn of(&self, stop: u32) -> &[u32] {
        &self.stops[stop as usize * self.width..][..self.width]
    }
}

/// Returns how far `b` is after `a`.
fn apart(model: &Model, a: u32, b: u32) -> f64 {
    let matrix = &model.matrices[0];
    let distance = matrix.travel(a, b) as f64;
    if !model.is_timed {
        return distance;
    }
    let (from, to) = (&model.visits[a as usize], &model.visits[b as usize]);
    let on_the_way = from.service + matrix.travel_time(a, b);
    let (first, last) = (from.windows[0].open, from.windows[from.windows.len() - 1].close);
    let (open, close) = (to.windows[0].open, to.windows[to.windows.len() - 1].close);
    let wait = (open - last.saturating_add(on_the_way)).max(0) as f64;
    let late = (first.saturating_add(on_the_way) - close).max(0) as f64;
    distance + WAIT * wait + LATE * late
}
