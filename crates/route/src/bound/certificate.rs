//! What proves a lower bound.

use serde::{Deserialize, Serialize};

/// One integer multiplier a node, from which anyone can compute the bound again.
///
/// Give the edge of nodes i and j the integer weight `w(i, j) = scale · d(i, j) + πᵢ + πⱼ`. A tour passes each node
/// twice, so that its weight is `scale` times its length plus `2 Σ πᵢ`; and every tour is a 1-tree (a spanning tree of all
/// nodes but the one that is left out, and two edges at that one). With `W` the weight of the lightest 1-tree of the **complete**
/// graph,
///
/// ```text
/// bound = ⌈(W − 2 Σ πᵢ) / scale⌉
/// ```
///
/// is a length that no tour is below, whatever the multipliers (M. Held and R. M. Karp, *The traveling-salesman
/// problem and minimum spanning trees*, Operations Research 18, 1970). No floating-point number takes part.
///
/// The nodes are the cities. An open tour of a symmetric instance has a dummy node after them, at distance 0 from all,
/// unless both its ends are given; an edge that the tour must use (between the two ends, or between the dummy and the
/// one end) lies in every 1-tree and weighs `πᵢ + πⱼ`. For an asymmetric instance node `i` is where city `i` is left
/// and node `i + n` where it is entered, these two are joined by an edge that must be used, and nodes of the same side by
/// none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The multipliers πᵢ.
    pub multipliers: Vec<i64>,
    /// The node that the tree leaves out.
    pub left_out: usize,
    /// How many integer steps of a weight make one step of a length.
    pub scale: i64,
    /// The bound that they prove.
    pub bound: i64,
}

/// Returns `⌈numerator / denominator⌉` of a positive denominator.
pub(crate) fn ceiling(numerator: i128, denominator: i64) -> i64 {
    let denominator = i128::from(denominator);
    let quotient = numerator.div_euclid(denominator) + i128::from(numerator.rem_euclid(denominator) > 0);
    quotient as i64
}
