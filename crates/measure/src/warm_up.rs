//! Warm-up, judged and not assumed.
//!
//! The first block may be unlike the others: cold caches, pages not yet read, a clock not yet risen. Leading blocks
//! are dropped as long as their residual, the median over the points of log t less the point's own median, is too far
//! from that of the later half of the blocks to be one of them, by Student's t at 99 %; at most five, and never more
//! than half. Two standard errors, the usual bound, would drop every fifth first block of a quiet program, since the
//! later half is but a few blocks.

use festina_laws::stats::{median, median_absolute_deviation, student_t_quantile};
use festina_types::{Point, Sample};

/// No more leading blocks than this are dropped.
const MOST: u32 = 5;
/// A block within half a percent of the others is like them, however little they scatter.
const NEGLIGIBLE: f64 = 0.005;
/// 1 / Φ⁻¹(3/4).
const NORMAL_PER_MAD: f64 = 1.482_602_218_505_602;

/// Returns how many leading blocks of `samples` are warm-up.
///
/// Only finished samples count. Fewer than four blocks say nothing about each other: then it is none.
///
/// ```
/// # use festina_measure::warm_up_blocks;
/// # use festina_types::{Conditions, Point, Sample, Seconds, Status, Usage};
/// let sample = |(block, wall): (u32, f64)| Sample {
///     point: Point::new(None, 1),
///     block,
///     order: block,
///     started_at_unix_s: 0.0,
///     status: Status::Finished,
///     usage: Usage { wall: Seconds(wall), ..Usage::default() },
///     conditions: Conditions::default(),
///     contamination: vec![],
///     check: None,
/// };
/// let cold: Vec<_> = (0..).zip([1.5, 1.0, 1.01, 0.99, 1.0, 1.01, 0.99]).map(sample).collect();
/// assert_eq!(warm_up_blocks(&cold.iter().collect::<Vec<_>>()), 1);
/// assert_eq!(warm_up_blocks(&cold[1..].iter().collect::<Vec<_>>()), 0);
/// ```
pub fn warm_up_blocks(samples: &[&Sample]) -> u32 {
    let finished: Vec<&Sample> = samples.iter().copied().filter(|s| s.status.is_finished()).collect();
    let blocks = block_residuals(&finished);
    if blocks.len() < 4 {
        return 0;
    }
    let later: Vec<f64> = blocks[blocks.len() / 2..].iter().map(|(_, residual)| *residual).collect();
    let center = median(&later).unwrap_or(0.0);
    let spread = NORMAL_PER_MAD * median_absolute_deviation(&later).unwrap_or(0.0);
    let degrees = (later.len() - 1).max(1) as f64;
    let bound = student_t_quantile(0.995, degrees) * spread * (1.0 + 1.0 / later.len() as f64).sqrt();
    let most = (blocks.len() / 2).min(MOST as usize);
    let unlike = |residual: f64| (residual - center).abs() > bound.max(NEGLIGIBLE);
    let dropped = blocks[..most].iter().take_while(|(_, residual)| unlike(*residual)).count();
    if dropped == 0 { 0 } else { blocks[dropped - 1].0 + 1 }
}

/// Returns the median residual of each block, in the order of the blocks.
pub(crate) fn block_residuals(samples: &[&Sample]) -> Vec<(u32, f64)> {
    let mut points: Vec<(Point, Vec<f64>)> = Vec::new();
    let log = |sample: &Sample| sample.usage.wall.0.max(1e-9).ln();
    for sample in samples {
        match points.iter_mut().find(|(point, _)| *point == sample.point) {
            Some((_, logs)) => logs.push(log(sample)),
            None => points.push((sample.point, vec![log(sample)])),
        }
    }
    let centers: Vec<(Point, f64)> =
        points.iter().map(|(point, logs)| (*point, median(logs).unwrap_or(0.0))).collect();
    let mut blocks: Vec<u32> = samples.iter().map(|sample| sample.block).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let residual = |sample: &Sample| {
        let center = centers.iter().find(|(point, _)| *point == sample.point).map_or(0.0, |(_, c)| *c);
        log(sample) - center
    };
    blocks
        .into_iter()
        .map(|block| {
            let of_block: Vec<f64> =
                samples.iter().filter(|s| s.block == block).map(|s| residual(s)).collect();
            (block, median(&of_block).unwrap_or(0.0))
        })
        .collect()
}
