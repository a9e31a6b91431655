//! Iterated local search: kick a few neighbouring edges of the tour out of place, repair, keep what is not worse.
//!
//! A kick is a double bridge over three short segments that follow each other, so that it and its repair touch few
//! nodes; a repair that ends longer is taken back from the journal, and no tour is ever copied.
//!
//! Sources: O. Martin, S. W. Otto and E. W. Felten, *Large-step Markov chains for the traveling salesman problem*,
//! Complex Systems 5, 1991; D. Applegate, W. Cook and A. Rohe, *Chained Lin–Kernighan for large traveling salesman
//! problems*, INFORMS Journal on Computing 15, 2003 (segment kicks).

use super::lin_kernighan::Search;
use super::random::Random;
use crate::model::Distance;

/// The longest of the three segments of a kick.
const SEGMENT: usize = 60;

/// From this many nodes on, kicks sweep over the nodes in the order of their numbers, along the curve on which they lie:
/// what one kick brings into the cache, the next needs.
const SWEPT: usize = 20_000;

impl<D: Distance> Search<'_, D> {
    /// Kicks and repairs `kicks` times, or until `go_on` says no; returns how much shorter the tour became.
    pub(crate) fn iterate(
        &mut self,
        kicks: u64,
        random: &mut Random,
        mut go_on: impl FnMut() -> bool,
    ) -> i64 {
        let mut total = 0;
        if self.tour.n() < 8 {
            return 0;
        }
        self.keep();
        let n = self.tour.n();
        let offset = random.below(n) as u64;
        for turn in 0..kicks {
            if !go_on() {
                break;
            }
            let start = if n < SWEPT {
                random.below(n)
            } else {
                let node = (offset + (u128::from(turn) * n as u128 / u128::from(kicks)) as u64) % n as u64;
                self.tour.place(node as u32)
            };
            let Some(cost) = self.kick(start, random) else { continue };
            let change = self.settle(|| true) - cost;
            if change < 0 {
                self.undo_to(0);
            } else {
                total += change;
            }
            self.keep();
        }
        total
    }

    /// Exchanges three short neighbouring segments X Y Z for Z Y X behind place `start`; returns what it cost.
    fn kick(&mut self, start: usize, random: &mut Random) -> Option<i64> {
        let n = self.tour.n();
        let longest = SEGMENT.min((n - 2) / 3);
        let lengths: [usize; 3] = std::array::from_fn(|_| 1 + random.below(longest));
        let at = |steps: usize| {
            let place = start + steps;
            self.tour.order()[if place >= n { place - n } else { place }]
        };
        let (a, x1, x2) = (at(0), at(1), at(lengths[0]));
        let (y1, y2) = (at(lengths[0] + 1), at(lengths[0] + lengths[1]));
        let (z1, z2) = (at(lengths[0] + lengths[1] + 1), at(lengths.iter().sum()));
        let e = at(lengths.iter().sum::<usize>() + 1);
        let removed = [(a, x1), (x2, y1), (y2, z1), (z2, e)];
        if a == e || removed.iter().any(|&(u, v)| self.is_fixed(u, v)) {
            return None;
        }
        let added = [(a, z1), (z2, y1), (y2, x1), (x2, e)];
        let sum = |edges: [(u32, u32); 4]| edges.iter().map(|&(u, v)| self.edge(u, v)).sum::<i64>();
        let cost = sum(added) - sum(removed);
        self.flip(a, x1, e, z2);
        self.flip(a, z2, y2, z1);
        self.flip(z2, y2, x2, y1);
        self.flip(y2, x2, e, x1);
        for node in [a, x1, x2, y1, y2, z1, z2, e] {
            self.wake(node);
        }
        Some(cost)
    }
}
