//! What was changed since [`State::begin`], so that it can be taken back.

use super::{Clock, Link, NONE, Slot, Spans, State};

/// A change of the links.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A node came in: its link before, and the leg that it broke in two.
    In { node: u32, was: Link, leg: i32 },
    /// A node went out of `route`: the leg that led to it. Its own link still tells where it was.
    Out { node: u32, leg: i32, route: u32 },
    /// A slot took a route.
    Opened { route: u32 },
    /// A slot gave up its route, which had no nodes any more.
    Closed { route: u32, kind: u32 },
    /// A reload got another site than this.
    Sent { node: u32, site: u32 },
}

/// The changes, and what is cheaper to keep than to compute again.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) steps: Vec<Step>,
    /// The slots of the touched routes as they were.
    slots: Vec<(u32, Slot)>,
    totals: Vec<i64>,
    clocks: Vec<(u32, Clock)>,
    spans: Vec<(u32, Spans)>,
    pub(super) touched: Vec<bool>,
    absent: Vec<u32>,
    cost: i64,
}

impl State<'_> {
    /// Begins a change that can be rolled back.
    pub(crate) fn begin(&mut self) {
        let log = &mut self.log;
        for (route, _) in log.slots.drain(..) {
            log.touched[route as usize] = false;
        }
        log.steps.clear();
        log.totals.clear();
        log.clocks.clear();
        log.spans.clear();
        log.absent.clone_from(&self.absent);
        log.cost = self.cost;
    }

    /// Keeps what a route is before its first change.
    #[inline]
    pub(crate) fn touch(&mut self, route: u32) {
        if std::mem::replace(&mut self.log.touched[route as usize], true) {
            return;
        }
        self.log.slots.push((route, self.slots[route as usize]));
        let dimensions = self.model.dimensions;
        self.log.totals.extend_from_slice(&self.totals[route as usize * dimensions..][..dimensions]);
        if self.model.is_timed {
            let mut node = self.head(route);
            while node != NONE {
                self.log.clocks.push((node, self.clocks[node as usize]));
                if let Some(&spans) = self.spans.get(node as usize) {
                    self.log.spans.push((node, spans));
                }
                node = self.links[node as usize].next;
            }
        }
    }

    /// Returns what was absent at [`State::begin`].
    pub(crate) fn absent_before(&self) -> &[u32] {
        &self.log.absent
    }

    /// Returns whether a route was touched since [`State::begin`].
    #[inline]
    pub(crate) fn is_touched(&self, route: u32) -> bool {
        self.log.touched[route as usize]
    }

    /// Returns how many routes were touched since [`State::begin`].
    pub(crate) fn touched(&self) -> usize {
        self.log.slots.len()
    }

    /// Returns the route that was touched as number `index`.
    pub(crate) fn touched_route(&self, index: usize) -> u32 {
        self.log.slots[index].0
    }

    /// Takes back everything since [`State::begin`].
    pub(crate) fn rollback(&mut self) {
        while let Some(step) = self.log.steps.pop() {
            self.undo(step);
        }
        let dimensions = self.model.dimensions;
        for (index, &(route, slot)) in self.log.slots.iter().enumerate() {
            self.slots[route as usize] = slot;
            self.totals[route as usize * dimensions..][..dimensions]
                .copy_from_slice(&self.log.totals[index * dimensions..][..dimensions]);
            self.log.touched[route as usize] = false;
        }
        for &(node, clock) in &self.log.clocks {
            self.clocks[node as usize] = clock;
        }
        for &(node, spans) in &self.log.spans {
            self.spans[node as usize] = spans;
        }
        if self.model.is_mixed {
            for index in 0..self.touched() {
                let route = self.touched_route(index);
                if self.place[route as usize] != NONE {
                    self.refresh_loads(route);
                }
            }
        }
        self.log.slots.clear();
        std::mem::swap(&mut self.absent, &mut self.log.absent);
        self.cost = self.log.cost;
    }

    fn undo(&mut self, step: Step) {
        match step {
            Step::In { node, was, leg } => {
                let Link { next, prev, .. } = self.links[node as usize];
                self.links[prev as usize].next = next;
                self.links[prev as usize].leg = leg;
                self.links[next as usize].prev = prev;
                self.links[node as usize] = was;
            }
            Step::Out { node, leg, route } => {
                let Link { next, prev, .. } = self.links[node as usize];
                self.links[prev as usize].next = node;
                self.links[prev as usize].leg = leg;
                self.links[next as usize].prev = node;
                self.links[node as usize].route = route;
            }
            Step::Opened { route } => self.vacate(route),
            Step::Closed { route, kind } => self.occupy(route, kind),
            Step::Sent { node, site } => self.sites[node as usize] = site,
        }
    }
}
