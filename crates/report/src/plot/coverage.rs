//! How busy lanes are in each cell of a grid, for timelines with more spans than can be told apart.
//!
//! ```text
//! coverage(row, column) = Σ over the lanes of the row of busy time in the column / (lanes · length of the column)
//! ```
//!
//! Each span adds to its two outermost cells and, through differences, to all between: the cost is that of the spans
//! and of the grid, not of the cells that spans cover.

/// Shares of busy time in rows and columns.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    columns: usize,
    /// What begins or ends inside a cell.
    partial: Vec<f64>,
    /// By how many the cells from here on are covered in full.
    difference: Vec<f64>,
    lanes_of_row: f64,
}

/// Cells of a row, side by side, with the same level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) level: u8,
}

/// The level of a cell that is covered by more than three quarters.
pub(crate) const FULL: u8 = 4;

impl Coverage {
    /// Returns an empty grid; each row stands for `lanes_of_row` lanes.
    pub(crate) fn new(rows: usize, columns: usize, lanes_of_row: f64) -> Self {
        let cells = rows * (columns + 1);
        Self { columns, partial: vec![0.0; cells], difference: vec![0.0; cells], lanes_of_row }
    }

    /// Adds what is busy in `row` between two shares of the width.
    pub(crate) fn add(&mut self, row: usize, from: f64, to: f64) {
        let [from, to] = [from, to].map(|at| at.clamp(0.0, 1.0) * self.columns as f64);
        let offset = row * (self.columns + 1);
        let (first, last) = (from.floor() as usize, to.floor() as usize);
        if to <= from || offset + last >= self.partial.len() {
            return;
        }
        if first == last {
            self.partial[offset + first] += to - from;
        } else {
            self.partial[offset + first] += (first + 1) as f64 - from;
            self.partial[offset + last] += to - last as f64;
            self.difference[offset + first + 1] += 1.0;
            self.difference[offset + last] -= 1.0;
        }
    }

    /// Returns the share of each cell of `row`; above one where spans overlap.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        let offset = row * (self.columns + 1);
        let cells = offset..offset + self.columns;
        let mut full = 0.0;
        cells.map(move |cell| {
            full += self.difference[cell];
            (full + self.partial[cell]) / self.lanes_of_row
        })
    }

    /// Returns the cells that are busy at all, by quarters: level 1 up to 25 %, [`FULL`] above 75 %.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let rows = self.partial.len() / (self.columns + 1);
        let mut found: Vec<Run> = Vec::new();
        for row in 0..rows {
            for (column, share) in self.row(row).enumerate() {
                // Differences of equal numbers may leave a rounding error.
                if share <= 1e-9 {
                    continue;
                }
                let level = (4.0 * share - 1e-9).ceil().clamp(1.0, f64::from(FULL)) as u8;
                match found.last_mut() {
                    Some(run) if (run.row, run.end, run.level) == (row, column, level) => run.end += 1,
                    _ => found.push(Run { row, start: column, end: column + 1, level }),
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_those_worked_by_hand() {
        // Four cells of a quarter: busy from 0.125 to 0.625 fills half of the first, the second, half of the third.
        let mut coverage = Coverage::new(2, 4, 1.0);
        coverage.add(1, 0.125, 0.625);
        assert_eq!(coverage.row(1).collect::<Vec<_>>(), [0.5, 1.0, 0.5, 0.0]);
        assert_eq!(coverage.row(0).sum::<f64>(), 0.0);
        let run = |start, level| Run { row: 1, start, end: start + 1, level };
        assert_eq!(coverage.runs(), [run(0, 2), run(1, 4), run(2, 2)]);
        // Another inside the last cell; what lies outside is cut.
        coverage.add(1, 0.8, 0.85);
        coverage.add(0, -3.0, 7.0);
        assert_eq!(
            coverage.row(1).map(|share| (share * 100.0).round()).collect::<Vec<_>>(),
            [50.0, 100.0, 50.0, 20.0]
        );
        assert_eq!(coverage.runs()[0], Run { row: 0, start: 0, end: 4, level: FULL });
    }

    proptest! {
        #[test]
        fn no_busy_time_is_lost(
            spans in prop::collection::vec((0_usize..3, 0.0..1.0_f64, 0.0..1.0_f64), 0..40),
            columns in 1_usize..50, lanes in 1_u32..9,
        ) {
            let mut coverage = Coverage::new(3, columns, f64::from(lanes));
            spans.iter().for_each(|(row, a, b)| coverage.add(*row, a.min(*b), a.max(*b)));
            for row in 0..3 {
                let busy: f64 = spans.iter().filter(|span| span.0 == row).map(|(_, a, b)| (a - b).abs()).sum();
                let found = coverage.row(row).sum::<f64>() / columns as f64 * f64::from(lanes);
                prop_assert!((busy - found).abs() < 1e-9, "{busy} {found}");
                // Each cell against a direct sum.
                for (column, share) in coverage.row(row).enumerate() {
                    let [left, right] = [column, column + 1].map(|at| at as f64 / columns as f64);
                    let inside = spans.iter().filter(|span| span.0 == row).map(|(_, a, b)| {
                        (a.max(*b).min(right) - a.min(*b).max(left)).max(0.0) * columns as f64
                    });
                    prop_assert!((inside.sum::<f64>() / f64::from(lanes) - share).abs() < 1e-9);
                }
            }
        }
    }
}
