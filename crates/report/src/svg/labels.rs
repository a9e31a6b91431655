//! Places for the labels of reference lines: none above another, and as little data covered as may be.

use super::area::Area;

/// Labels placed so far, and the data to leave free.
pub(super) struct Labels<'a> {
    placed: Vec<Area>,
    data: &'a [(f64, f64)],
    within: Area,
}

impl<'a> Labels<'a> {
    pub(super) fn new(within: Area, data: &'a [(f64, f64)]) -> Self {
        Self { placed: Vec::new(), data, within }
    }

    /// Returns the best of `candidates`, the first of equals, and takes its place; `None` if all are taken.
    pub(super) fn place(&mut self, candidates: impl IntoIterator<Item = Area>) -> Option<Area> {
        let best = candidates
            .into_iter()
            .filter(|area| area.left >= self.within.left && area.right() <= self.within.right())
            .filter(|area| area.top >= self.within.top && area.bottom() <= self.within.bottom())
            .filter(|area| !self.placed.iter().any(|other| other.overlaps(area)))
            .min_by_key(|area| self.data.iter().filter(|pixel| area.holds(**pixel)).count())?;
        self.placed.push(best);
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(left: f64, top: f64) -> Area {
        Area { left, top, width: 10.0, height: 10.0 }
    }

    #[test]
    fn a_label_takes_the_first_place_that_is_inside_free_and_covers_least() {
        let within = Area { left: 0.0, top: 0.0, width: 100.0, height: 100.0 };
        let data = [(5.0, 5.0), (6.0, 6.0), (25.0, 5.0)];
        let mut labels = Labels::new(within, &data);
        // Outside; above two pixels; above one.
        let candidates = || [area(95.0, 0.0), area(0.0, 0.0), area(20.0, 0.0)];
        assert_eq!(labels.place(candidates()), Some(area(20.0, 0.0)));
        // That one is taken.
        assert_eq!(labels.place(candidates()), Some(area(0.0, 0.0)));
        assert_eq!(labels.place(candidates()), None);
    }
}
