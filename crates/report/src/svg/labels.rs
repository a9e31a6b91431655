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
