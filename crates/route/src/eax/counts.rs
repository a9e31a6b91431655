//! How many tours of the population have an edge.

/// A table of edges and their counts: open addressing, a power of two of places.
#[derive(Clone, Debug)]
pub(crate) struct EdgeCounts {
    keys: Vec<u64>,
    counts: Vec<u32>,
    used: usize,
}

const FREE: u64 = u64::MAX;

fn key(a: u32, b: u32) -> u64 {
    u64::from(a.min(b)) << 32 | u64::from(a.max(b))
}

impl EdgeCounts {
    /// Returns the counts of `tours`.
    pub(crate) fn of<'a>(tours: impl Iterator<Item = &'a [u32]>) -> Self {
        let mut counts = Self { keys: vec![FREE; 1024], counts: vec![0; 1024], used: 0 };
        for tour in tours {
            for (&a, &b) in tour.iter().zip(tour.iter().cycle().skip(1)) {
                counts.add(a, b, 1);
            }
        }
        counts
    }

    fn place(&self, key: u64) -> usize {
        let mask = self.keys.len() - 1;
        let mut at = (key.wrapping_mul(0x9e3779b97f4a7c15) >> 20) as usize & mask;
        while self.keys[at] != FREE && self.keys[at] != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// Returns how many tours have the edge of `a` and `b`.
    pub(crate) fn of_edge(&self, a: u32, b: u32) -> u32 {
        self.counts[self.place(key(a, b))]
    }

    /// Adds `change` to the count of the edge of `a` and `b`.
    pub(crate) fn add(&mut self, a: u32, b: u32, change: i32) {
        let key = key(a, b);
        let mut at = self.place(key);
        if self.keys[at] == FREE {
            if 3 * self.used > 2 * self.keys.len() {
                self.grow();
                at = self.place(key);
            }
            self.keys[at] = key;
            self.used += 1;
        }
        self.counts[at] = self.counts[at].wrapping_add_signed(change);
    }

    fn grow(&mut self) {
        let size = 2 * self.keys.len();
        let old_keys = std::mem::replace(&mut self.keys, vec![FREE; size]);
        let old_counts = std::mem::replace(&mut self.counts, vec![0; size]);
        self.used = 0;
        for (key, count) in old_keys.into_iter().zip(old_counts) {
            if key != FREE && count > 0 {
                let at = self.place(key);
                self.keys[at] = key;
                self.counts[at] = count;
                self.used += 1;
            }
        }
    }

    /// Counts `new` in the place of `old`, two tours of the same nodes.
    pub(crate) fn replace(&mut self, old: &[u32], new: &[u32]) {
        let (old_links, new_links) = (links(old), links(new));
        for (a, (before, after)) in (0..).zip(old_links.iter().zip(&new_links)) {
            for &b in before.iter().filter(|&&b| a < b && !after.contains(&b)) {
                self.add(a, b, -1);
            }
            for &b in after.iter().filter(|&&b| a < b && !before.contains(&b)) {
                self.add(a, b, 1);
            }
        }
    }

    /// Returns the parts, for sending.
    pub(crate) fn parts(&self) -> (&[u64], &[u32]) {
        (&self.keys, &self.counts)
    }

    /// Returns the counts made of [`EdgeCounts::parts`].
    pub(crate) fn from_parts(keys: Vec<u64>, counts: Vec<u32>) -> Self {
        let used = keys.iter().filter(|&&key| key != FREE).count();
        Self { keys, counts, used }
    }
}

/// Returns the two neighbours of each node of a closed tour.
pub(super) fn links(order: &[u32]) -> Vec<[u32; 2]> {
    let n = order.len();
    let mut links = vec![[0; 2]; n];
    for (at, &node) in order.iter().enumerate() {
        links[node as usize] = [order[if at == 0 { n - 1 } else { at - 1 }], order[(at + 1) % n]];
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_the_population() {
        let (a, b) = ([0, 1, 2, 3, 4], [0, 2, 1, 3, 4]);
        let mut counts = EdgeCounts::of([&a[..], &b[..]].into_iter());
        assert_eq!((counts.of_edge(1, 2), counts.of_edge(0, 1), counts.of_edge(1, 4)), (2, 1, 0));
        counts.replace(&a, &b);
        assert_eq!((counts.of_edge(2, 1), counts.of_edge(0, 1), counts.of_edge(3, 1)), (2, 0, 2));
        let many: Vec<u32> = (0..5000).collect();
        let grown = EdgeCounts::of([&many[..]].into_iter());
        assert!((0..4999).all(|v| grown.of_edge(v, v + 1) == 1));
    }
}
