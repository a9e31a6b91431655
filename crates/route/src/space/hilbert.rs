//! The order of points along Hilbert's space-filling curve.
//!
//! Sources: D. Hilbert, *Über die stetige Abbildung einer Linie auf ein Flächenstück*, Mathematische Annalen 38, 1891;
//! J. J. Bartholdi and L. K. Platzman, *An O(N log N) planar travelling salesman heuristic based on spacefilling
//! curves*, Operations Research Letters 1, 1982; the coordinates-to-index transformation is J. Skilling's,
//! *Programming the Hilbert curve*, AIP Conference Proceedings 707, 2004.

/// Returns the indices of `points` in the order of the curve through their bounding box.
pub(crate) fn order(points: &[[f64; 3]]) -> Vec<u32> {
    let low: [f64; 3] = std::array::from_fn(|axis| points.iter().map(|p| p[axis]).fold(f64::MAX, f64::min));
    let high: [f64; 3] = std::array::from_fn(|axis| points.iter().map(|p| p[axis]).fold(f64::MIN, f64::max));
    let flat = low[2] >= high[2];
    let bits = if flat { 31 } else { 21 };
    let side = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0, f64::max);
    let scale = if side > 0.0 { ((1_u64 << bits) - 1) as f64 / side } else { 0.0 };
    let grid = |point: &[f64; 3], axis: usize| ((point[axis] - low[axis]) * scale) as u32;
    let index = |point: &[f64; 3]| {
        if flat {
            curve_index([grid(point, 0), grid(point, 1)], bits)
        } else {
            curve_index([grid(point, 0), grid(point, 1), grid(point, 2)], bits)
        }
    };
    let mut keyed: Vec<(u64, u32)> = points.iter().zip(0..).map(|(point, i)| (index(point), i)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, i)| i).collect()
}

/// Returns the position on the curve of a cell of the grid with `2^bits` cells a side.
fn curve_index<const D: usize>(mut x: [u32; D], bits: u32) -> u64 {
    let top = 1_u32 << (bits - 1);
    let mut q = top;
    while q > 1 {
        let mask = q - 1;
        for i in 0..D {
            if x[i] & q != 0 {
                x[0] ^= mask;
            } else {
                let t = (x[0] ^ x[i]) & mask;
                x[0] ^= t;
                x[i] ^= t;
            }
        }
        q >>= 1;
    }
    for i in 1..D {
        x[i] ^= x[i - 1];
    }
    let mut t = 0;
    let mut q = top;
    while q > 1 {
        if x[D - 1] & q != 0 {
            t ^= q - 1;
        }
        q >>= 1;
    }
    let mut index = 0;
    for bit in (0..bits).rev() {
        for value in x {
            index = index << 1 | u64::from((value ^ t) >> bit & 1);
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_visits_every_cell_once_in_steps_of_one() {
        let mut cells: Vec<(u64, [u32; 2])> = Vec::new();
        for x in 0..16 {
            for y in 0..16 {
                cells.push((curve_index([x, y], 4), [x, y]));
            }
        }
        cells.sort_unstable();
        for (place, pair) in cells.windows(2).enumerate() {
            assert_eq!(pair[0].0, place as u64);
            let step = pair[0].1[0].abs_diff(pair[1].1[0]) + pair[0].1[1].abs_diff(pair[1].1[1]);
            assert_eq!(step, 1);
        }
    }

    #[test]
    fn equal_points_keep_their_order() {
        assert_eq!(order(&[[1.0, 1.0, 1.0]; 4]), [0, 1, 2, 3]);
    }
}
