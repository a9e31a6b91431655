//! Dynamic programming over subsets: the shortest way through each set of cities to each of its members.
//!
//! ```text
//! C({k}, k) = d(0, k)        C(S, k) = min over m in S \ {k} of C(S \ {k}, m) + d(m, k)
//! ```
//!
//! O(n² 2ⁿ) time; O(n 2ⁿ) memory, which is why the sums are kept in 32 bits where they fit.
//!
//! Sources: M. Held and R. M. Karp, *A dynamic programming approach to sequencing problems*, Journal of SIAM 10, 1962;
//! R. Bellman, *Dynamic programming treatment of the travelling salesman problem*, Journal of the ACM 9, 1962.

use crate::closed::Closed;

/// The most nodes: 23 · 2²³ sums of 4 bytes are 772 MB.
pub(crate) const MOST: usize = 24;

/// A sum of distances, in as many bits as it needs.
trait Sum: Copy + Ord {
    const NEVER: Self;
    fn of(value: i64) -> Self;
    fn plus(self, other: Self) -> Self;
}

impl Sum for i32 {
    const NEVER: Self = Self::MAX;
    fn of(value: i64) -> Self {
        value as Self
    }
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sum for i64 {
    const NEVER: Self = Self::MAX;
    fn of(value: i64) -> Self {
        value
    }
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

/// Returns a shortest closed tour, or `None` where `go_on` said no before it was found.
pub(crate) fn tour(closed: &Closed, go_on: &dyn Fn() -> bool) -> Option<Vec<usize>> {
    let largest = closed.weights().iter().map(|weight| weight.abs()).max().unwrap_or(0);
    if closed.side() <= 2 {
        return Some((0..closed.side()).collect());
    }
    if largest < i64::from(i32::MAX) / (closed.side() as i64 + 1) {
        table::<i32>(closed, go_on)
    } else {
        table::<i64>(closed, go_on)
    }
}

fn table<S: Sum>(closed: &Closed, go_on: &dyn Fn() -> bool) -> Option<Vec<usize>> {
    // The last node is where tours begin; the others are numbered by their bits.
    let m = closed.side() - 1;
    let start = m;
    // Row k: the weights of the steps to k.
    let to: Vec<S> = (0..m * m).map(|at| S::of(closed.weight(at % m, at / m))).collect();
    let mut sums = vec![S::NEVER; m << m];
    for k in 0..m {
        sums[(1 << k) * m + k] = S::of(closed.weight(start, k));
    }
    for set in 1_usize..1 << m {
        if set % (1 << 14) == 0 && !go_on() {
            return None;
        }
        if set.is_power_of_two() {
            continue;
        }
        let mut members = set;
        while members != 0 {
            let k = members.trailing_zeros() as usize;
            members &= members - 1;
            let before = (set ^ 1 << k) * m;
            let ways = sums[before..before + m].iter().zip(&to[k * m..k * m + m]);
            // Nodes outside the smaller set are at NEVER there, and stay behind all that are inside.
            sums[set * m + k] = ways.fold(S::NEVER, |best, (&sum, &step)| {
                let through = if sum == S::NEVER { S::NEVER } else { sum.plus(step) };
                best.min(through)
            });
        }
    }
    Some(walk_back(closed, &sums, &to, m))
}

fn walk_back<S: Sum>(closed: &Closed, sums: &[S], to: &[S], m: usize) -> Vec<usize> {
    let mut set = (1 << m) - 1;
    let home = |k: usize| sums[set * m + k].plus(S::of(closed.weight(k, m)));
    let mut at = (0..m).min_by_key(|&k| home(k)).expect("there are two nodes besides the start");
    let mut tour = vec![m];
    loop {
        tour.push(at);
        let rest = set ^ 1 << at;
        if rest == 0 {
            break;
        }
        let sum = sums[set * m + at];
        let members = (0..m).filter(|&k| rest >> k & 1 == 1);
        let through =
            |&k: &usize| sums[rest * m + k] != S::NEVER && sums[rest * m + k].plus(to[at * m + k]) == sum;
        let before = members.clone().find(through).expect("a sum came from one of its members");
        set = rest;
        at = before;
    }
    tour[1..].reverse();
    tour
}
