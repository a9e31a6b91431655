//! The layouts in which TSPLIB writes a matrix.

/// An `EDGE_WEIGHT_FORMAT` of TSPLIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Every entry, row by row.
    Full,
    /// One triangle, line by line.
    Triangle(Triangle),
}

/// A triangle of a symmetric matrix. By rows, the upper triangle is the lower one by columns, and the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Triangle {
    /// Whether line `i` holds the entries up to `i`, and not those from `i` on.
    growing: bool,
    /// Whether the diagonal is written.
    diagonal: bool,
}

impl Layout {
    pub(crate) const NAMES: &'static str = "FULL_MATRIX, UPPER_ROW, LOWER_ROW, UPPER_DIAG_ROW, LOWER_DIAG_ROW, \
                                            UPPER_COL, LOWER_COL, UPPER_DIAG_COL or LOWER_DIAG_COL";

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let triangle = |growing, diagonal| Self::Triangle(Triangle { growing, diagonal });
        Some(match name {
            "FULL_MATRIX" => Self::Full,
            "UPPER_ROW" | "LOWER_COL" => triangle(false, false),
            "LOWER_ROW" | "UPPER_COL" => triangle(true, false),
            "UPPER_DIAG_ROW" | "LOWER_DIAG_COL" => triangle(false, true),
            "LOWER_DIAG_ROW" | "UPPER_DIAG_COL" => triangle(true, true),
            _ => return None,
        })
    }

    /// Returns how many entries are written for `n` cities.
    pub(crate) fn entries(self, n: usize) -> usize {
        match self {
            Self::Full => n * n,
            Self::Triangle(Triangle { diagonal: true, .. }) => n * (n + 1) / 2,
            Self::Triangle(Triangle { diagonal: false, .. }) => n * (n - 1) / 2,
        }
    }

    /// Returns the full matrix of the written `entries`.
    pub(crate) fn fill(self, n: usize, entries: &[i64]) -> Vec<i64> {
        let Self::Triangle(triangle) = self else { return entries.to_vec() };
        let mut matrix = vec![0; n * n];
        let mut rest = entries.iter();
        for i in 0..n {
            let skip = usize::from(!triangle.diagonal);
            let line = if triangle.growing { 0..i + 1 - skip } else { i + skip..n };
            for (j, &entry) in line.zip(&mut rest) {
                matrix[i * n + j] = entry;
                matrix[j * n + i] = entry;
            }
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_gives_the_same_matrix() {
        let matrix = [9, 1, 2, 3, 1, 9, 4, 5, 2, 4, 9, 6, 3, 5, 6, 9];
        let upper = [1, 2, 3, 4, 5, 6];
        let lower = [1, 2, 4, 3, 5, 6];
        let upper_diagonal = [9, 1, 2, 3, 9, 4, 5, 9, 6, 9];
        let lower_diagonal = [9, 1, 9, 2, 4, 9, 3, 5, 6, 9];
        let cases: [(&str, &[i64]); 9] = [
            ("FULL_MATRIX", &matrix),
            ("UPPER_ROW", &upper),
            ("LOWER_COL", &upper),
            ("LOWER_ROW", &lower),
            ("UPPER_COL", &lower),
            ("UPPER_DIAG_ROW", &upper_diagonal),
            ("LOWER_DIAG_COL", &upper_diagonal),
            ("LOWER_DIAG_ROW", &lower_diagonal),
            ("UPPER_DIAG_COL", &lower_diagonal),
        ];
        for (name, entries) in cases {
            let layout = Layout::parse(name).unwrap();
            assert_eq!(layout.entries(4), entries.len(), "{name}");
            let filled = layout.fill(4, entries);
            for at in 0..16 {
                assert!(at % 5 == 0 || filled[at] == matrix[at], "{name}: {filled:?}");
            }
        }
    }
}
