//! The triangular factor of a tall, thin matrix, one row at a time.

#![allow(clippy::needless_range_loop, reason = "one index runs over two arrays")]

/// `R` and the head of `Qᵀy` of a least-squares problem, built by Givens rotations: `‖Ax − y‖² = ‖Rx − c‖² + rest`.
///
/// As accurate as Householder's QR, without ever holding the tall matrix.
/// Source: G. H. Golub, C. F. Van Loan, *Matrix Computations*, 4th ed., § 5.2.5.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle<const K: usize> {
    /// Upper triangle, row-major.
    pub(crate) r: [[f64; K]; K],
    /// The rotated right-hand side.
    pub(crate) c: [f64; K],
    /// What no `x` can explain: the residual sum of squares of the unconstrained solution.
    pub(crate) rest: f64,
}

impl<const K: usize> Triangle<K> {
    /// Returns the factor of a problem without rows.
    pub(crate) fn new() -> Self {
        Self { r: [[0.0; K]; K], c: [0.0; K], rest: 0.0 }
    }

    /// Adds the row `row · x = target`.
    pub(crate) fn push(&mut self, mut row: [f64; K], mut target: f64) {
        for column in 0..K {
            if row[column] == 0.0 {
                continue;
            }
            let length = self.r[column][column].hypot(row[column]);
            let (cosine, sine) = (self.r[column][column] / length, row[column] / length);
            for j in column..K {
                let (above, below) = (self.r[column][j], row[j]);
                self.r[column][j] = cosine * above + sine * below;
                row[j] = cosine * below - sine * above;
            }
            let (above, below) = (self.c[column], target);
            self.c[column] = cosine * above + sine * below;
            target = cosine * below - sine * above;
        }
        self.rest += target * target;
    }

    /// Returns the Euclidean length of a column of the matrix.
    pub(crate) fn column_norm(&self, column: usize) -> f64 {
        self.r.iter().take(column + 1).map(|row| row[column].powi(2)).sum::<f64>().sqrt()
    }

    /// Returns the factor of the problem whose columns outside `kept` are zero.
    pub(crate) fn restrict(&self, kept: [bool; K]) -> Self {
        let mut restricted = Self { rest: self.rest, ..Self::new() };
        for i in 0..K {
            let row = std::array::from_fn(|j| if kept[j] { self.r[i][j] } else { 0.0 });
            restricted.push(row, self.c[i]);
        }
        restricted
    }

    /// Returns the factor with column `j` divided by `scale[j]`.
    pub(crate) fn scaled(mut self, scale: [f64; K]) -> Self {
        for row in &mut self.r {
            for (value, scale) in row.iter_mut().zip(scale) {
                *value /= scale;
            }
        }
        self
    }

    /// Returns whether `kept` columns are linearly independent of each other, to rounding.
    pub(crate) fn has_full_rank(&self, kept: [bool; K]) -> bool {
        const RELATIVE_TOLERANCE: f64 = 1e-11;
        (0..K).filter(|&j| kept[j]).all(|j| self.r[j][j].abs() > RELATIVE_TOLERANCE * self.column_norm(j))
    }

    /// Solves `R x = right` for the `kept` columns; the others are 0.
    pub(crate) fn solve(&self, kept: [bool; K], right: [f64; K]) -> [f64; K] {
        let mut x = [0.0; K];
        for i in (0..K).rev().filter(|&i| kept[i]) {
            let known: f64 = (i + 1..K).map(|j| self.r[i][j] * x[j]).sum();
            x[i] = (right[i] - known) / self.r[i][i];
        }
        x
    }

    /// Returns `(RᵀR)⁻¹` over the `kept` columns, zero elsewhere.
    pub(crate) fn inverse_gram(&self, kept: [bool; K]) -> [[f64; K]; K] {
        // The columns of R⁻¹; (RᵀR)⁻¹ = R⁻¹ R⁻ᵀ.
        let inverse: [[f64; K]; K] = std::array::from_fn(|j| {
            let unit = std::array::from_fn(|i| if i == j { 1.0 } else { 0.0 });
            if kept[j] { self.solve(kept, unit) } else { [0.0; K] }
        });
        std::array::from_fn(|i| {
            std::array::from_fn(|j| inverse.iter().map(|column| column[i] * column[j]).sum())
        })
    }
}
