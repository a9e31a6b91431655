//! The order of edges: by weight, then by their place in the graph, so that no two are equal and the forest is one.

/// An edge in the order of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The weight, as an integer in the same order.
    pub(super) weight: u64,
    /// The edge.
    pub(super) edge: u32,
}

impl Key {
    /// Comes after every edge.
    pub(super) const LAST: Self = Self { weight: u64::MAX, edge: u32::MAX };

    /// Returns the key of an edge whose weight is not NaN.
    #[inline]
    pub(super) fn new(weight: f64, edge: u32) -> Self {
        // −0 weighs what 0 does. The bits of a float are in its order once those of negative ones are reversed.
        let bits = (weight + 0.0).to_bits();
        let sign = ((bits as i64) >> 63) as u64;
        Self { weight: bits ^ (sign | 1 << 63), edge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_weights_then_of_edges() {
        let weights = [f64::MIN, -1.5, -1e-300, 0.0, 5e-324, 1.0, 1.0 + f64::EPSILON, f64::MAX];
        let keys: Vec<Key> = weights.iter().map(|&weight| Key::new(weight, 7)).collect();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(Key::new(-0.0, 3), Key::new(0.0, 3));
        assert!(Key::new(1.0, 3) < Key::new(1.0, 4) && Key::new(f64::MAX, 0) < Key::LAST);
    }
}
