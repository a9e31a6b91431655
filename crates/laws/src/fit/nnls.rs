//! Non-negative least squares.

use super::triangle::Triangle;
use crate::LawError;

/// The solution of a non-negative least-squares problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nnls<const K: usize> {
    /// The coefficients, each at least 0.
    pub coefficients: [f64; K],
    /// `‖Ax − y‖²`.
    pub residual_sum_of_squares: f64,
}

/// Returns the `x ≥ 0` that minimises `‖Ax − y‖²` for the rows of `A` and the targets `y`.
///
/// The active-set method of Lawson and Hanson, run on the triangular factor of `A`. A column that is zero, or a
/// combination of others, gets the coefficient 0 if it isn't needed, so the solution is always defined.
///
/// ```
/// use festina_laws::fit::nnls;
/// // Unconstrained, y = 3 − t at t = 1, 2, 3 has slope −1; the best line that doesn't fall is the mean.
/// let solution = nnls(&[[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], &[2.0, 1.0, 0.0])?;
/// assert!((solution.coefficients[0] - 1.0).abs() < 1e-12);
/// assert_eq!(solution.coefficients[1], 0.0);
/// assert!((solution.residual_sum_of_squares - 2.0).abs() < 1e-12);
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// Source: C. L. Lawson, R. J. Hanson, *Solving Least Squares Problems*, 1974, chapter 23.
///
/// # Errors
///
/// [`LawError::Lengths`] if there are not as many rows as targets, [`LawError::Observation`] if a value is not
/// finite.
pub fn nnls<const K: usize>(rows: &[[f64; K]], targets: &[f64]) -> Result<Nnls<K>, LawError> {
    Ok(solve(&factor(rows, targets, |_| 1.0)?))
}

/// Returns the factor of the problem with row `i` multiplied by `scale(i)`.
pub(super) fn factor<const K: usize>(
    rows: &[[f64; K]],
    targets: &[f64],
    scale: impl Fn(usize) -> f64,
) -> Result<Triangle<K>, LawError> {
    if rows.len() != targets.len() {
        return Err(LawError::Lengths {
            left: "rows",
            right: "targets",
            left_len: rows.len(),
            right_len: targets.len(),
        });
    }
    let mut triangle = Triangle::new();
    for (index, (row, &target)) in rows.iter().zip(targets).enumerate() {
        let scale = scale(index);
        let row = row.map(|value| value * scale);
        let target = target * scale;
        if let Some(&value) = row.iter().chain([&target]).find(|value| !value.is_finite()) {
            return Err(LawError::Observation { index, name: "a weighted value", expected: "finite", value });
        }
        triangle.push(row, target);
    }
    Ok(triangle)
}

/// Solves the problem whose factor is given.
pub(super) fn solve<const K: usize>(triangle: &Triangle<K>) -> Nnls<K> {
    let scale: [f64; K] = std::array::from_fn(|j| match triangle.column_norm(j) {
        0.0 => 1.0,
        norm => norm,
    });
    let scaled = triangle.scaled(scale);
    let x = active_set(&scaled);
    let residual = residual(&scaled, x).iter().map(|value| value * value).sum::<f64>();
    Nnls {
        coefficients: std::array::from_fn(|j| x[j] / scale[j]),
        residual_sum_of_squares: residual + triangle.rest,
    }
}

/// Runs the active-set method on a factor with columns of length 1 (or 0).
fn active_set<const K: usize>(triangle: &Triangle<K>) -> [f64; K] {
    // Columns have length 1, so the gradient is at most as long as the residual, and this is its rounding error.
    let tolerance = 16.0 * K as f64 * f64::EPSILON * triangle.c.iter().map(|c| c * c).sum::<f64>().sqrt();
    let mut x = [0.0; K];
    let mut passive = [false; K];
    let mut refused = [false; K];
    // Each round lowers the objective, so no set comes twice and 2^K bounds the number of rounds. The limit only
    // guards against rounding, and `x` is feasible at all times.
    for _ in 0..1_usize << K {
        let gradient = gradient(triangle, x);
        let steepest = (0..K)
            .filter(|&j| !passive[j] && !refused[j] && gradient[j] > tolerance)
            .max_by(|&i, &j| gradient[i].total_cmp(&gradient[j]));
        let Some(entering) = steepest else { break };
        passive[entering] = true;
        match descend(triangle, &mut x, &mut passive, entering) {
            Step::Taken => refused = [false; K],
            Step::Refused => refused[entering] = true,
        }
    }
    x
}

enum Step {
    Taken,
    Refused,
}

/// Moves `x` to the best point of the passive set, dropping columns that would turn negative on the way.
fn descend<const K: usize>(
    triangle: &Triangle<K>,
    x: &mut [f64; K],
    passive: &mut [bool; K],
    entering: usize,
) -> Step {
    let mut is_first = true;
    loop {
        let restricted = triangle.restrict(*passive);
        let target = restricted.solve(*passive, restricted.c);
        // A column that depends on the passive ones, or that rounding alone made promising.
        if is_first && (!restricted.has_full_rank(*passive) || target[entering] <= 0.0) {
            passive[entering] = false;
            return Step::Refused;
        }
        is_first = false;
        let blocking = (0..K).filter(|&j| passive[j] && target[j] <= 0.0);
        let Some(length) = blocking.map(|j| x[j] / (x[j] - target[j])).min_by(f64::total_cmp) else {
            *x = target;
            return Step::Taken;
        };
        for j in 0..K {
            if !passive[j] {
                continue;
            }
            let is_blocking = target[j] <= 0.0 && x[j] / (x[j] - target[j]) <= length;
            x[j] += length * (target[j] - x[j]);
            if is_blocking {
                x[j] = 0.0;
                passive[j] = false;
            }
        }
    }
}

/// Returns `c − R x`.
fn residual<const K: usize>(triangle: &Triangle<K>, x: [f64; K]) -> [f64; K] {
    std::array::from_fn(|i| triangle.c[i] - (i..K).map(|j| triangle.r[i][j] * x[j]).sum::<f64>())
}

/// Returns `Rᵀ (c − R x)`, the direction in which the sum of squares falls.
fn gradient<const K: usize>(triangle: &Triangle<K>, x: [f64; K]) -> [f64; K] {
    let residual = residual(triangle, x);
    std::array::from_fn(|j| (0..=j).map(|i| triangle.r[i][j] * residual[i]).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The best of all 2^K subsets whose normal equations have a non-negative solution: slow, and independent.
    fn brute_force(rows: &[[f64; 4]], targets: &[f64]) -> f64 {
        let subsets = (0_u32..16).filter_map(|set| {
            let columns: Vec<usize> = (0..4).filter(|j| set >> j & 1 == 1).collect();
            let x = solve_normal_equations(rows, targets, &columns)?;
            if x.iter().any(|&value| value < 0.0) {
                return None;
            }
            Some(sum_of_squares(rows, targets, |j| {
                columns.iter().position(|&c| c == j).map_or(0.0, |position| x[position])
            }))
        });
        subsets.fold(f64::INFINITY, f64::min)
    }

    fn sum_of_squares(rows: &[[f64; 4]], targets: &[f64], x: impl Fn(usize) -> f64) -> f64 {
        let residual = |(row, y): (&[f64; 4], &f64)| (0..4).map(|j| row[j] * x(j)).sum::<f64>() - y;
        rows.iter().zip(targets).map(|pair| residual(pair).powi(2)).sum()
    }

    /// Gauss–Jordan elimination with pivoting on the normal equations of the chosen columns.
    fn solve_normal_equations(rows: &[[f64; 4]], targets: &[f64], columns: &[usize]) -> Option<Vec<f64>> {
        let k = columns.len();
        let mut system = vec![vec![0.0; k + 1]; k];
        for (i, &a) in columns.iter().enumerate() {
            for (j, &b) in columns.iter().enumerate() {
                system[i][j] = rows.iter().map(|row| row[a] * row[b]).sum();
            }
            system[i][k] = rows.iter().zip(targets).map(|(row, y)| row[a] * y).sum();
        }
        for i in 0..k {
            let pivot = (i..k).max_by(|&a, &b| system[a][i].abs().total_cmp(&system[b][i].abs()))?;
            system.swap(i, pivot);
            if system[i][i].abs() < 1e-9 {
                return None;
            }
            for other in (0..k).filter(|&other| other != i) {
                let factor = system[other][i] / system[i][i];
                let pivot_row = system[i].clone();
                for (value, pivot) in system[other].iter_mut().zip(pivot_row) {
                    *value -= factor * pivot;
                }
            }
        }
        Some((0..k).map(|i| system[i][k] / system[i][i]).collect())
    }

    proptest! {
        #[test]
        fn equals_the_best_of_all_active_sets_and_meets_the_kkt_conditions(
            rows in proptest::collection::vec(proptest::array::uniform4(-5.0..5.0), 4..12),
            seed in proptest::collection::vec(-10.0..10.0, 12),
        ) {
            let targets = &seed[..rows.len()];
            let solution = nnls(&rows, targets).unwrap();
            let x = solution.coefficients;
            prop_assert!(x.iter().all(|&value| value >= 0.0));
            let expected = brute_force(&rows, targets);
            let recomputed = sum_of_squares(&rows, targets, |j| x[j]);
            prop_assert!((recomputed - expected).abs() <= 1e-7 * (1.0 + expected), "{recomputed} {expected}");
            prop_assert!((solution.residual_sum_of_squares - recomputed).abs() <= 1e-9 * (1.0 + recomputed));
            for j in 0..4 {
                let slope: f64 = rows
                    .iter()
                    .zip(targets)
                    .map(|(row, y)| row[j] * (y - (0..4).map(|k| row[k] * x[k]).sum::<f64>()))
                    .sum();
                let is_optimal = if x[j] > 0.0 { slope.abs() < 1e-7 } else { slope < 1e-7 };
                prop_assert!(is_optimal, "{x:?} {slope}");
            }
        }

        #[test]
        fn recovers_non_negative_coefficients_over_twelve_decades(
            x in proptest::array::uniform3(-6_i32..6),
            p in 2_u32..9,
        ) {
            let x = x.map(|power| 10_f64.powi(power));
            let rows: Vec<[f64; 3]> =
                (0..p + 2).map(|i| f64::from(1_u32 << i)).map(|p| [1.0, 1.0 / p, p]).collect();
            // Columns in units of their coefficients: accuracy cannot depend on the units.
            let rows: Vec<[f64; 3]> =
                rows.iter().map(|row| std::array::from_fn(|j| row[j] / x[j])).collect();
            let targets: Vec<f64> =
                rows.iter().map(|row| (0..3).map(|j| row[j] * x[j]).sum()).collect();
            let found = nnls(&rows, &targets).unwrap().coefficients;
            for j in 0..3 {
                prop_assert!((found[j] / x[j] - 1.0).abs() < 1e-9, "{found:?} {x:?}");
            }
        }
    }

    #[test]
    fn zero_and_repeated_columns_are_harmless() {
        let rows = [[0.0, 1.0, 1.0], [0.0, 2.0, 2.0], [0.0, 3.0, 3.0]];
        let solution = nnls(&rows, &[2.0, 4.0, 6.0]).unwrap();
        assert_eq!(solution.coefficients[0], 0.0);
        assert!((solution.coefficients[1] + solution.coefficients[2] - 2.0).abs() < 1e-12);
        assert!(solution.residual_sum_of_squares < 1e-20);
        assert_eq!(nnls::<2>(&[], &[]).unwrap().coefficients, [0.0, 0.0]);
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(nnls(&[[1.0]], &[]), Err(LawError::Lengths { .. })));
        assert!(matches!(nnls(&[[f64::NAN]], &[1.0]), Err(LawError::Observation { index: 0, .. })));
    }
}
