//! Disjoint sets of nodes.
//!
//! Source: R. E. Tarjan and J. van Leeuwen, *Worst-case analysis of set union algorithms*, Journal of the ACM 31, 1984: linking
//! by number, path halving.

/// Sets of the numbers below some `n`, each known by one of its members.
pub(crate) struct DisjointSets {
    parent: Vec<u32>,
}

impl DisjointSets {
    /// Returns `n` sets of one.
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n as u32).collect() }
    }

    /// Returns the member that stands for the set of `node`.
    #[inline]
    pub(crate) fn find(&mut self, mut node: u32) -> u32 {
        loop {
            let parent = self.parent[node as usize];
            if parent == node {
                return node;
            }
            let above = self.parent[parent as usize];
            self.parent[node as usize] = above;
            node = above;
        }
    }

    /// Makes the sets of `a` and `b` one; `false` if they were already.
    #[inline]
    pub(crate) fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        // The smaller number stands for the set: a parent never has a larger number than its child.
        self.parent[a.max(b) as usize] = a.min(b);
        a != b
    }

    /// Returns for each node the member that stands for its set.
    pub(crate) fn labels(&mut self) -> &[u32] {
        for node in 0..self.parent.len() {
            self.parent[node] = self.parent[self.parent[node] as usize];
        }
        &self.parent
    }
}
