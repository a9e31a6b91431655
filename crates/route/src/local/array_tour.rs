//! A tour as an array of nodes and the place of each: neighbours in constant time, reversals in the length of the
//! shorter side.

/// A closed tour.
#[derive(Clone, Debug)]
pub(crate) struct ArrayTour {
    order: Vec<u32>,
    place: Vec<u32>,
}

impl ArrayTour {
    /// Returns the tour that visits the nodes in `order`, each once.
    pub(crate) fn new(order: Vec<u32>) -> Self {
        let mut place = vec![0; order.len()];
        for (at, &node) in order.iter().enumerate() {
            place[node as usize] = at as u32;
        }
        Self { order, place }
    }

    /// Returns the nodes in the order of the tour.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns the nodes in the order of the tour.
    pub(crate) fn into_order(self) -> Vec<u32> {
        self.order
    }

    /// Returns the number of nodes.
    pub(crate) fn n(&self) -> usize {
        self.order.len()
    }

    /// Returns the place of `node`.
    #[inline(always)]
    pub(crate) fn place(&self, node: u32) -> usize {
        self.place[node as usize] as usize
    }

    #[inline(always)]
    pub(crate) fn next(&self, node: u32) -> u32 {
        let at = self.place(node) + 1;
        self.order[if at == self.order.len() { 0 } else { at }]
    }

    #[inline(always)]
    pub(crate) fn prev(&self, node: u32) -> u32 {
        let at = self.place(node);
        self.order[if at == 0 { self.order.len() } else { at } - 1]
    }

    /// Returns whether `b` lies on the way forward from `a` to `c`, ends included.
    #[inline(always)]
    pub(crate) fn between(&self, a: u32, b: u32, c: u32) -> bool {
        let (a, b, c) = (self.place[a as usize], self.place[b as usize], self.place[c as usize]);
        if a <= c { a <= b && b <= c } else { b >= a || b <= c }
    }

    /// Removes the edges (t1, t2) and (t3, t4), where t2 follows t1 and t3 follows t4 in one of the directions, and adds
    /// (t2, t3) and (t4, t1). Its inverse is `flip(t1, t4, t3, t2)`.
    #[inline]
    pub(crate) fn flip(&mut self, t1: u32, t2: u32, t3: u32, t4: u32) {
        debug_assert!(
            (self.next(t1) == t2 && self.next(t4) == t3) || (self.prev(t1) == t2 && self.prev(t4) == t3),
            "the edges of a flip are in the tour and point the same way"
        );
        if self.next(t1) == t2 {
            self.reverse(self.place(t2), self.place(t4));
        } else {
            self.reverse(self.place(t4), self.place(t2));
        }
    }

    /// Reverses the nodes from place `from` on to place `to`, or all others, whichever are fewer.
    fn reverse(&mut self, from: usize, to: usize) {
        let n = self.order.len();
        let length = if from <= to { to - from + 1 } else { to + n - from + 1 };
        if 2 * length <= n {
            self.swap_inwards(from, to, length / 2);
        } else {
            let (from, to) = (if to + 1 == n { 0 } else { to + 1 }, if from == 0 { n - 1 } else { from - 1 });
            self.swap_inwards(from, to, (n - length) / 2);
        }
    }

    fn swap_inwards(&mut self, mut i: usize, mut j: usize, swaps: usize) {
        let n = self.order.len();
        for _ in 0..swaps {
            let (a, b) = (self.order[i], self.order[j]);
            self.order[i] = b;
            self.order[j] = a;
            self.place[b as usize] = i as u32;
            self.place[a as usize] = j as u32;
            i = if i + 1 == n { 0 } else { i + 1 };
            j = if j == 0 { n - 1 } else { j - 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(tour: &ArrayTour) -> Vec<(u32, u32)> {
        let mut edges: Vec<_> =
            tour.order().iter().map(|&v| (v.min(tour.next(v)), v.max(tour.next(v)))).collect();
        edges.sort_unstable();
        edges
    }

    #[test]
    fn between_goes_forward_and_around_the_end() {
        let tour = ArrayTour::new(vec![3, 1, 4, 0, 2]);
        assert!(tour.between(3, 1, 4) && tour.between(2, 3, 1) && !tour.between(1, 3, 0));
        assert_eq!((tour.next(2), tour.prev(3)), (3, 2));
    }

    proptest::proptest! {
        #[test]
        fn a_flip_exchanges_two_edges_and_its_inverse_restores_them(n in 5_u32..40, a in 0_u32..40, b in 0_u32..40) {
            let mut tour = ArrayTour::new((0..n).rev().collect());
            let before = edges(&tour);
            let (t1, t4) = (a % n, b % n);
            let (t2, t3) = (tour.next(t1), tour.next(t4));
            proptest::prop_assume!(t1 != t4 && t2 != t4 && t3 != t1);
            tour.flip(t1, t2, t3, t4);
            let after = edges(&tour);
            proptest::prop_assert!(after.contains(&(t2.min(t3), t2.max(t3))));
            proptest::prop_assert!(after.contains(&(t1.min(t4), t1.max(t4))));
            proptest::prop_assert_eq!(after.iter().filter(|e| before.contains(e)).count(), n as usize - 2);
            tour.flip(t1, t4, t3, t2);
            proptest::prop_assert_eq!(edges(&tour), before);
        }
    }
}
