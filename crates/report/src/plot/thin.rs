//! Dropping points that no reader can see.
//!
//! Of the points of a line in one column of pixels only the first, the last, the lowest and the highest change what
//! is drawn. Source: U. Jugel et al., *M4: a visualization-oriented time series data aggregation*, VLDB 2014,
//! <https://doi.org/10.14778/2732951.2732953>.

use std::collections::HashSet;

/// Returns the points of the line through `points` (in pixels, in drawing order) that its drawing needs: at most
/// four for each run of points in a column of `width` pixels.
pub(crate) fn line(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (point.0 / width).floor();
    let mut kept = Vec::new();
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        if run.len() <= 4 {
            kept.extend_from_slice(run);
            continue;
        }
        let extreme = |sign: f64| {
            let by_height = |i: &usize, j: &usize| (sign * run[*i].1).total_cmp(&(sign * run[*j].1));
            (0..run.len()).max_by(by_height).unwrap_or(0)
        };
        let mut indices = vec![0, extreme(-1.0), extreme(1.0), run.len() - 1];
        indices.sort_unstable();
        indices.dedup();
        kept.extend(indices.into_iter().map(|index| run[index]));
    }
    kept
}

/// Returns the points of any path (in pixels, in drawing order) without those nearer than `nearest` to the last one
/// kept; the first and the last stay.
pub(crate) fn path(points: &[(f64, f64)], nearest: f64) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|last| (last.0 - point.0).hypot(last.1 - point.1) >= nearest);
        if far || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

/// Returns one `(x, low, high)` for each run of `spans` in a column of `width` pixels, with the extremes of the run.
pub(crate) fn spans(spans: &[(f64, f64, f64)], width: f64) -> Vec<(f64, f64, f64)> {
    let column = |span: &(f64, f64, f64)| (span.0 / width).floor();
    let merge = |run: &[(f64, f64, f64)]| {
        run[1..].iter().fold(run[0], |(x, low, high), span| (x, low.min(span.1), high.max(span.2)))
    };
    spans.chunk_by(|a, b| column(a) == column(b)).map(merge).collect()
}

/// Returns the indices of the first point in each cell of a grid of `width` pixels.
pub(crate) fn scatter(points: impl Iterator<Item = (f64, f64)>, width: f64) -> Vec<usize> {
    let mut taken = HashSet::new();
    points
        .enumerate()
        .filter(|(_, (x, y))| taken.insert(((x / width).floor() as i64, (y / width).floor() as i64)))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_column_keeps_its_first_lowest_highest_and_last_point() {
        let points = [(0.1, 5.0), (0.2, 9.0), (0.3, 6.0), (0.4, 1.0), (0.5, 7.0), (1.5, 3.0)];
        assert_eq!(line(&points, 1.0), [(0.1, 5.0), (0.2, 9.0), (0.4, 1.0), (0.5, 7.0), (1.5, 3.0)]);
        // Cells of two pixels by height: 5 → 2, 9 → 4, 6 → 3, 1 → 0, 7 → 3 again, 3 → 1.
        assert_eq!(scatter(points.into_iter(), 2.0), [0, 1, 2, 3, 5]);
    }

    #[test]
    fn a_column_of_spans_becomes_one() {
        assert_eq!(
            spans(&[(0.0, 2.0, 3.0), (0.5, 1.0, 2.5), (1.0, 4.0, 5.0)], 1.0),
            [(0.0, 1.0, 3.0), (1.0, 4.0, 5.0)]
        );
    }

    proptest! {
        #[test]
        fn what_a_thinned_path_leaves_out_is_near_to_it(
            points in prop::collection::vec((0.0..20.0_f64, 0.0..20.0_f64), 1..300), nearest in 0.1..5.0_f64,
        ) {
            let thin = path(&points, nearest);
            prop_assert_eq!((thin.first(), thin.last()), (points.first(), points.last()));
            for p in &points {
                prop_assert!(thin.iter().any(|q| (p.0 - q.0).hypot(p.1 - q.1) < nearest || p == q));
            }
        }

        #[test]
        fn thinning_keeps_the_outline(ys in prop::collection::vec(0.0..100.0_f64, 1..400)) {
            let points: Vec<(f64, f64)> = ys.iter().enumerate().map(|(i, y)| (i as f64 / 20.0, *y)).collect();
            let thin = line(&points, 1.0);
            prop_assert!(thin.len() <= 4 * (points.len() / 20 + 1));
            prop_assert_eq!((thin.first(), thin.last()), (points.first(), points.last()));
            for column in 0..=20 {
                let extremes = |of: &[(f64, f64)]| {
                    let in_column = of.iter().filter(|p| p.0.floor() as i32 == column).map(|p| p.1);
                    in_column.fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(y), high.max(y)))
                };
                prop_assert_eq!(extremes(&thin), extremes(&points));
            }
        }
    }
}
