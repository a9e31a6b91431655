//! Lin–Kernighan: chains of exchanges, each of which takes out one edge and puts in one that is shorter than what was gained.
//!
//! A step begins with the best sequential exchange of three edges (all four ways to reconnect that give a tour, and
//! with them 2-opt and Or's segment insertion), found without touching the tour; if that gains nothing, it is carried
//! out all the same and followed by single exchanges, up to a given depth, until the sum gains or is taken back. Nodes
//! whose surroundings did not change are not looked at again.
//!
//! Sources: S. Lin and B. W. Kernighan, *An effective heuristic algorithm for the traveling-salesman problem*,
//! Operations Research 21, 1973; K. Helsgaun, *An effective implementation of the Lin–Kernighan traveling salesman
//! heuristic*, EJOR 126, 2000; D. Applegate, W. Cook and A. Rohe, *Chained Lin–Kernighan for large traveling
//! salesman problems*, INFORMS Journal on Computing 15, 2003.

use super::array_tour::ArrayTour;
use crate::model::Distance;
use crate::space::candidates::Candidates;

/// How wide and how deep a step looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Candidates tried for the first, the second and each later edge that is put in.
    pub(crate) breadth: [usize; 3],
    /// Edges taken out in one step, at most; 3 is pure 3-opt.
    pub(crate) depth: usize,
    /// The most nodes that a flip may turn in an exchange that does not gain by itself.
    pub(crate) longest: usize,
}

impl Reach {
    /// Lin–Kernighan: on 10⁴ uniform cities half as many kicks again in the same time as to a depth of 25 with flips of any length, and
    /// a shorter tour.
    const DEEP: Self = Self { breadth: [6, 5, 5], depth: 12, longest: 1000 };
    /// The same where flips are dear.
    const MANY: Self = Self { longest: 300, ..Self::DEEP };
    /// 3-opt with segment insertion, Or-3opt.
    pub(crate) const THREE: Self = Self { breadth: [8, 5, 0], depth: 3, longest: usize::MAX };

    /// Returns Lin–Kernighan's reach for `n` nodes.
    pub(crate) fn of(n: usize) -> Self {
        if n < 25_000 { Self::DEEP } else { Self::MANY }
    }
}

/// A tour under improvement.
pub(crate) struct Search<'a, D: Distance> {
    distance: &'a D,
    candidates: &'a Candidates,
    partner: &'a [u32],
    reach: Reach,
    /// The tour.
    pub(crate) tour: ArrayTour,
    /// The flips since the journal was last cleared, oldest first.
    journal: Vec<[u32; 4]>,
    waiting: Vec<u32>,
    is_waiting: Vec<bool>,
    added: Vec<(u32, u32)>,
}

/// An exchange that does not gain yet: what it would leave to spend, and its nodes.
#[derive(Clone, Copy)]
struct Open {
    rest: i64,
    nodes: [u32; 6],
    kind: Kind,
}

/// How the pieces are joined again. `s` goes from t1 to t2, and so on along the tour.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Two edges: one flip.
    Two,
    /// Three edges: two flips in a row.
    TwoFlips,
    /// Two neighbouring segments change places.
    Swap,
    /// Two neighbouring segments are reversed, each in its place.
    Reverse,
}

impl<'a, D: Distance> Search<'a, D> {
    /// Returns a search from `order`, which must hold all partners side by side.
    pub(crate) fn new(
        distance: &'a D,
        candidates: &'a Candidates,
        partner: &'a [u32],
        reach: Reach,
        order: Vec<u32>,
    ) -> Self {
        let n = order.len();
        Self {
            distance,
            candidates,
            partner,
            reach,
            tour: ArrayTour::new(order),
            journal: Vec::new(),
            waiting: Vec::new(),
            is_waiting: vec![false; n],
            added: Vec::new(),
        }
    }

    #[inline(always)]
    fn between(&self, a: u32, b: u32) -> i64 {
        self.distance.between(a, b)
    }

    #[inline(always)]
    pub(crate) fn is_fixed(&self, a: u32, b: u32) -> bool {
        !self.partner.is_empty() && self.partner[a as usize] == b
    }

    /// Returns the distance of two nodes of which one is the other's candidate, `cached` unless it did not fit.
    #[inline(always)]
    fn candidate_distance(&self, a: u32, b: u32, cached: u32) -> i64 {
        if cached == u32::MAX { self.between(a, b) } else { i64::from(cached) }
    }

    /// Returns the first `breadth` candidates of `node` whose edges cost less than `rest`, nearest first, with what is left of it.
    #[inline(always)]
    fn openings(&self, node: u32, rest: i64, breadth: usize) -> impl Iterator<Item = (u32, i64)> {
        let left = move |(other, cached)| (other, rest - self.candidate_distance(node, other, cached));
        self.candidates.with_distances(node).take(breadth).map(left).take_while(|&(_, left)| left > 0)
    }

    #[inline(always)]
    pub(crate) fn follow(&self, node: u32, forward: bool) -> u32 {
        if forward { self.tour.next(node) } else { self.tour.prev(node) }
    }

    /// Has `node` looked at.
    #[inline]
    pub(crate) fn wake(&mut self, node: u32) {
        if !self.is_waiting[node as usize] {
            self.is_waiting[node as usize] = true;
            self.waiting.push(node);
        }
    }

    /// Has every node looked at, in the order of their numbers.
    pub(crate) fn wake_all(&mut self) {
        for node in (0..self.tour.n() as u32).rev() {
            self.wake(node);
        }
    }

    /// Carries out a flip, to be taken back by [`Search::undo_to`].
    #[inline]
    pub(crate) fn flip(&mut self, t1: u32, t2: u32, t3: u32, t4: u32) {
        self.tour.flip(t1, t2, t3, t4);
        self.journal.push([t1, t2, t3, t4]);
    }

    /// Returns how many flips the journal holds.
    pub(crate) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Forgets the journal: what was done stays.
    pub(crate) fn keep(&mut self) {
        self.journal.clear();
    }

    /// Takes back all flips after the first `mark`.
    pub(crate) fn undo_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            let [t1, t2, t3, t4] = self.journal.pop().expect("the journal is longer than the mark");
            self.tour.flip(t1, t4, t3, t2);
        }
    }

    /// Improves until no waiting node gives a gain, or until `go_on` says no; returns the sum of the gains.
    pub(crate) fn settle(&mut self, mut go_on: impl FnMut() -> bool) -> i64 {
        let mut total = 0;
        while let Some(node) = self.waiting.pop() {
            self.is_waiting[node as usize] = false;
            if !go_on() {
                break;
            }
            loop {
                let gain = match self.step(node, true) {
                    0 => self.step(node, false),
                    gain => gain,
                };
                if gain == 0 {
                    break;
                }
                total += gain;
            }
        }
        total
    }

    /// Tries one step that first takes out the edge from `t1` to its neighbour; returns its gain, 0 if there is none.
    fn step(&mut self, t1: u32, forward: bool) -> i64 {
        let t2 = self.follow(t1, forward);
        if self.is_fixed(t1, t2) {
            return 0;
        }
        let mark = self.mark();
        let first = self.between(t1, t2);
        let mut best = Open { rest: 0, nodes: [t1, t2, 0, 0, 0, 0], kind: Kind::Two };
        if let Some((gain, open)) = self.three_exchange(t1, t2, first, forward, &mut best) {
            self.apply(&open);
            self.wake_since(mark);
            return gain;
        }
        if self.reach.depth <= 3 || best.rest <= 0 {
            return 0;
        }
        self.apply(&best);
        let last = if best.kind == Kind::Two { best.nodes[3] } else { best.nodes[5] };
        let gain = self.deepen(t1, last, best.rest, mark);
        if gain > 0 {
            self.wake_since(mark);
        } else {
            self.undo_to(mark);
        }
        gain
    }

    /// Returns the first exchange of two or three edges that gains, with its gain; the one that leaves most to spend
    /// is kept in `best`.
    fn three_exchange(
        &self,
        t1: u32,
        t2: u32,
        first: i64,
        forward: bool,
        best: &mut Open,
    ) -> Option<(i64, Open)> {
        for (t3, after_second) in self.openings(t2, first, self.reach.breadth[0]) {
            if t3 == t1 || t3 == self.follow(t2, forward) {
                continue;
            }
            let near = self.follow(t3, !forward);
            if !self.is_fixed(t3, near) {
                let rest = after_second + self.between(t3, near);
                let gain = rest - self.between(near, t1);
                let nodes = [t1, t2, t3, near, 0, 0];
                if gain > 0 {
                    return Some((gain, Open { rest, nodes, kind: Kind::Two }));
                }
                if rest > best.rest && self.is_short(t1, t3) {
                    *best = Open { rest, nodes, kind: Kind::Two };
                }
                if let Some(found) = self.third_after_flip(nodes, rest, forward, best) {
                    return Some(found);
                }
            }
            let far = self.follow(t3, forward);
            if !self.is_fixed(t3, far) {
                let rest = after_second + self.between(t3, far);
                if let Some(found) = self.third_within_cycle([t1, t2, t3, far, 0, 0], rest, forward, best) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Looks for a third exchange where t4 lies between t2 and t3, so that two exchanges alone give a tour.
    #[inline]
    fn third_after_flip(
        &self,
        [t1, t2, t3, t4, ..]: [u32; 6],
        rest: i64,
        forward: bool,
        best: &mut Open,
    ) -> Option<(i64, Open)> {
        for (t5, left) in self.openings(t4, rest, self.reach.breadth[1]) {
            if t5 == t3 || t5 == t1 || t5 == self.follow(t4, !forward) {
                continue;
            }
            let inside = if forward { self.tour.between(t2, t5, t4) } else { self.tour.between(t4, t5, t2) };
            let t6 = self.follow(t5, inside == forward);
            if t6 == t4 || self.is_fixed(t5, t6) {
                continue;
            }
            let nodes = [t1, t2, t3, t4, t5, t6];
            if let Some(found) = self.close(left, nodes, Kind::TwoFlips, best) {
                return Some(found);
            }
        }
        None
    }

    /// Looks for a third exchange where t3 lies between t2 and t4, so that t2 to t3 is a cycle that must be broken.
    #[inline]
    fn third_within_cycle(
        &self,
        [t1, t2, t3, t4, ..]: [u32; 6],
        rest: i64,
        forward: bool,
        best: &mut Open,
    ) -> Option<(i64, Open)> {
        for (t5, left) in self.openings(t4, rest, self.reach.breadth[1]) {
            let inside = if forward { self.tour.between(t2, t5, t3) } else { self.tour.between(t3, t5, t2) };
            if !inside || t5 == t3 {
                continue;
            }
            for (kind, away, end) in [(Kind::Swap, forward, t3), (Kind::Reverse, !forward, t2)] {
                if t5 == end {
                    continue;
                }
                let t6 = self.follow(t5, away);
                if self.is_fixed(t5, t6) {
                    continue;
                }
                if let Some(found) = self.close(left, [t1, t2, t3, t4, t5, t6], kind, best) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Closes an exchange of three edges: returns it if it gains, and remembers it if it leaves more than the best.
    #[inline(always)]
    fn close(&self, left: i64, nodes: [u32; 6], kind: Kind, best: &mut Open) -> Option<(i64, Open)> {
        let [t1, .., t5, t6] = nodes;
        let rest = left + self.between(t5, t6);
        let gain = rest - self.between(t6, t1);
        let open = Open { rest, nodes, kind };
        if gain > 0 {
            return Some((gain, open));
        }
        if rest > best.rest && self.is_short(t1, nodes[2]) && self.is_short(t1, t5) {
            *best = open;
        }
        None
    }

    fn apply(&mut self, open: &Open) {
        let [t1, t2, t3, t4, t5, t6] = open.nodes;
        match open.kind {
            Kind::Two => self.flip(t1, t2, t3, t4),
            Kind::TwoFlips => {
                self.flip(t1, t2, t3, t4);
                self.flip(t1, t4, t5, t6);
            }
            Kind::Swap => {
                self.flip(t1, t2, t4, t3);
                self.flip(t1, t3, t5, t6);
                self.flip(t3, t5, t4, t2);
            }
            Kind::Reverse => {
                self.flip(t1, t2, t5, t6);
                self.flip(t2, t5, t4, t3);
            }
        }
    }

    /// Goes on from an exchange that leaves `rest` with the closing edge (t1, t2) in the tour; returns the gain.
    fn deepen(&mut self, t1: u32, mut t2: u32, mut rest: i64, mark: usize) -> i64 {
        self.added.clear();
        for at in mark..self.journal.len() {
            let [_, a, b, _] = self.journal[at];
            self.added.push((a, b));
        }
        for _ in 3..self.reach.depth {
            let forward = self.tour.next(t1) == t2;
            let mut best: Option<(i64, u32, u32)> = None;
            for (t3, left) in self.openings(t2, rest, self.reach.breadth[2]) {
                let t4 = self.follow(t3, !forward);
                if t3 == t1
                    || t4 == t2
                    || t3 == t2
                    || self.is_fixed(t3, t4)
                    || !self.is_short(t2, t3)
                    || self.was_added(t3, t4)
                {
                    continue;
                }
                let after = left + self.between(t3, t4);
                if best.is_none_or(|(most, ..)| after > most) {
                    best = Some((after, t3, t4));
                }
            }
            let Some((after, t3, t4)) = best else { return 0 };
            self.flip(t1, t2, t3, t4);
            self.added.push((t2, t3));
            let gain = after - self.between(t4, t1);
            if gain > 0 {
                return gain;
            }
            rest = after;
            t2 = t4;
        }
        0
    }

    /// Returns whether two nodes are so near on the tour that a flip between them is cheap enough to try.
    #[inline(always)]
    fn is_short(&self, a: u32, b: u32) -> bool {
        let apart = self.tour.place(a).abs_diff(self.tour.place(b));
        apart.min(self.tour.n() - apart) <= self.reach.longest
    }

    fn was_added(&self, a: u32, b: u32) -> bool {
        self.added.iter().any(|&edge| edge == (a, b) || edge == (b, a))
    }

    fn wake_since(&mut self, mark: usize) {
        for at in mark..self.journal.len() {
            for node in self.journal[at] {
                self.wake(node);
            }
        }
    }

    /// Returns the cost of the edge of two neighbours.
    pub(crate) fn edge(&self, a: u32, b: u32) -> i64 {
        if self.is_fixed(a, b) { 0 } else { self.between(a, b) }
    }
}
