//! The order of runs: complete randomised blocks.
//!
//! Every point runs once in every block, in an order drawn anew for the block. What drifts (temperature, other
//! load, the page cache) then falls on all points alike, and ratios are taken within a block, where it cancels:
//! log t = μ(n, p) + block + ε. Google Benchmark reports a 40 % smaller run-to-run variation from such interleaving.
//!
//! Source: T. Hoefler, R. Belli, *Scientific benchmarking of parallel computing systems*, SC 2015,
//! <https://doi.org/10.1145/2807591.2807644>; R. A. Fisher, *The design of experiments*, 1935.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// Returns the numbers below `count` in the order of block `block`: a Fisher–Yates shuffle.
///
/// The order depends on nothing but the arguments, so that a block can be replayed alone.
///
/// ```
/// # use festina_measure::block_order;
/// let mut order = block_order(5, 42, 3);
/// assert_eq!(order, block_order(5, 42, 3));
/// order.sort();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// ```
pub fn block_order(count: usize, seed: u64, block: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = Pcg64::new(u128::from(seed), u128::from(block));
    // The first output of nearby streams is nearly the same.
    for _ in 0..4 {
        random.next_u64();
    }
    for last in (1..count).rev() {
        order.swap(last, below(&mut random, last as u64 + 1) as usize);
    }
    order
}

/// Returns a number below `bound`, all equally likely: draws past the last whole multiple are drawn again.
fn below(random: &mut impl Rng, bound: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = random.next_u64();
        if drawn < limit {
            return drawn % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn all_orders_of_three_are_equally_likely() {
        let mut counts: HashMap<Vec<usize>, u32> = HashMap::new();
        for block in 0..6000 {
            *counts.entry(block_order(3, 1, block)).or_default() += 1;
        }
        assert_eq!(counts.len(), 6);
        // χ² with 5 degrees of freedom: 20.5 is the 99.9 % quantile.
        let chi_squared: f64 = counts.values().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_squared < 20.5, "{counts:?}");
    }

    #[test]
    fn nothing_and_one_need_no_order() {
        assert!(block_order(0, 1, 0).is_empty());
        assert_eq!(block_order(1, 1, 0), [0]);
    }

    proptest::proptest! {
        #[test]
        fn an_order_is_a_permutation(count in 0_usize..200, seed: u64, block: u32) {
            let mut order = block_order(count, seed, block);
            order.sort_unstable();
            proptest::prop_assert!(order.into_iter().eq(0..count));
        }
    }
}
