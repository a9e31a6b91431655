//! The problem as the search sees it: numbers in flat arrays, a whole problem or a part of one.
//!
//! Nodes `0..n` are the stops. The nodes after them are the ends and the reloads of routes; what they stand for is a **site**
//! of the distance matrices, whose first `n` rows are the stops, followed by the depots and by **nowhere**, the end of an
//! open route, which is at distance 0 from everywhere.

use crate::vrp::problem::Window;

/// No node, no route, no site.
pub(crate) const NONE: u32 = u32::MAX;

/// Distances and times between sites.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) side: usize,
    /// Distances: from (row) to (column).
    pub(crate) distance: Vec<i32>,
    /// The transpose, where it differs.
    pub(crate) back: Option<Vec<i32>>,
    /// Times, where they differ from distances.
    pub(crate) time: Option<Vec<i32>>,
    /// Their transpose, where it differs.
    pub(crate) time_back: Option<Vec<i32>>,
}

impl Matrix {
    /// Returns the distances from `site`.
    #[inline]
    pub(crate) fn out_of(&self, site: u32) -> &[i32] {
        let start = site as usize * self.side;
        &self.distance[start..start + self.side]
    }

    /// Returns the distances to `site`.
    #[inline]
    pub(crate) fn into(&self, site: u32) -> &[i32] {
        let start = site as usize * self.side;
        &self.back.as_ref().unwrap_or(&self.distance)[start..start + self.side]
    }

    /// Returns the times from `site`.
    #[inline]
    pub(crate) fn time_out_of(&self, site: u32) -> &[i32] {
        let start = site as usize * self.side;
        &self.time.as_ref().unwrap_or(&self.distance)[start..start + self.side]
    }

    /// Returns the times to `site`.
    #[inline]
    pub(crate) fn time_into(&self, site: u32) -> &[i32] {
        match (&self.time, &self.time_back) {
            (None, _) => self.into(site),
            (Some(_), None) => self.time_out_of(site),
            (Some(_), Some(back)) => {
                let start = site as usize * self.side;
                &back[start..start + self.side]
            }
        }
    }

    /// Returns the time between two sites.
    #[inline]
    pub(crate) fn travel_time(&self, from: u32, to: u32) -> i64 {
        i64::from(self.time_out_of(from)[to as usize])
    }

    /// Returns the distance between two sites.
    #[inline]
    pub(crate) fn travel(&self, from: u32, to: u32) -> i64 {
        i64::from(self.distance[from as usize * self.side + to as usize])
    }
}

/// What a stop does to the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Brings from the depot, takes to it.
    Visit,
    /// Takes up what its partner brings.
    Collect,
    /// Brings what its partner took up.
    Bring,
}

/// A stop in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) service: i64,
    /// When service may begin; `first` is the earliest of them, `last` the latest.
    pub(crate) windows: Vec<Window>,
    pub(crate) release: i64,
    pub(crate) role: Role,
    pub(crate) partner: u32,
    /// What leaving it out costs.
    pub(crate) absence: i64,
    /// Whether it must be served if that is possible.
    pub(crate) is_required: bool,
    /// Whether its vehicle is decided, so that it stays where it is.
    pub(crate) is_locked: bool,
    /// Whether it comes after all stops of its trip that are no backhauls, of which there is one.
    pub(crate) is_backhaul: bool,
    /// Whether it belongs to the decided beginning of a route, so that nothing comes before it.
    pub(crate) is_prefix: bool,
}

impl Visit {
    /// Returns when service begins after an arrival at `time`, if there is still a window.
    #[inline]
    pub(crate) fn begin(&self, time: i64) -> Option<i64> {
        let windows = self.windows.as_slice();
        if windows.len() == 1 {
            let begin = time.max(windows[0].open);
            return (begin <= windows[0].close).then_some(begin);
        }
        windows.iter().find(|window| time <= window.close).map(|window| time.max(window.open))
    }

    /// Returns the latest time, up to `limit`, at which service may begin.
    #[inline]
    pub(crate) fn latest(&self, limit: i64) -> Option<i64> {
        self.windows.iter().rev().find(|window| window.open <= limit).map(|window| limit.min(window.close))
    }
}

/// A break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) window: Window,
    pub(crate) duration: i64,
}

/// Vehicles that are alike.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) count: usize,
    pub(crate) profile: usize,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) capacity: Vec<i64>,
    pub(crate) shift: Window,
    pub(crate) breaks: Vec<Pause>,
    pub(crate) fixed_cost: i64,
    pub(crate) distance_cost: i64,
    pub(crate) time_cost: i64,
    pub(crate) max_duration: i64,
    pub(crate) max_distance: i64,
    pub(crate) max_stops: usize,
    pub(crate) reload_sites: Vec<u32>,
    pub(crate) reload_time: i64,
    pub(crate) reloads: usize,
    /// The stops it begins with; the vehicle is then the only one of its kind.
    pub(crate) locked: Vec<u32>,
    /// Whether a route must be simulated to know its cost or whether it can be: breaks, reloads, releases, and several
    /// windows where time costs or is limited.
    pub(crate) is_complex: bool,
    /// Whether time costs or is limited in a route that need not be simulated.
    pub(crate) pays_time: bool,
}

/// A problem in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The number of stops.
    pub(crate) n: usize,
    pub(crate) dimensions: usize,
    pub(crate) matrices: Vec<Matrix>,
    pub(crate) visits: Vec<Visit>,
    /// `dimensions` amounts for each stop: what it brings from the depot; for one end of a shipment, nothing.
    pub(crate) delivery: Vec<i64>,
    /// What it takes to the depot.
    pub(crate) pickup: Vec<i64>,
    /// What is between the ends of its shipment.
    pub(crate) shipment: Vec<i64>,
    pub(crate) kinds: Vec<Kind>,
    /// For each stop and each kind whether they fit: skills and lists.
    pub(crate) allowed: Vec<bool>,
    /// Whether times matter at all.
    pub(crate) is_timed: bool,
    /// Whether loads both rise and fall on the way.
    pub(crate) is_mixed: bool,
    /// Whether there are shipments.
    pub(crate) has_pairs: bool,
    /// Whether there are backhauls.
    pub(crate) has_backhauls: bool,
    /// The cost of each second squared, where working times are to be balanced; 0 elsewhere.
    pub(crate) balance: f64,
    /// The scale of [`Model::balance`].
    pub(crate) even_time: i64,
}

impl Model {
    /// Returns whether a kind may serve a stop.
    #[inline]
    pub(crate) fn may_serve(&self, kind: usize, stop: u32) -> bool {
        self.allowed[stop as usize * self.kinds.len() + kind]
    }

    /// Returns what a stop brings from the depot.
    pub(crate) fn delivery(&self, stop: u32) -> &[i64] {
        &self.delivery[stop as usize * self.dimensions..][..self.dimensions]
    }

    /// Returns what it takes to the depot.
    pub(crate) fn pickup(&self, stop: u32) -> &[i64] {
        &self.pickup[stop as usize * self.dimensions..][..self.dimensions]
    }

    /// Returns what is carried between it and its partner.
    pub(crate) fn shipment(&self, stop: u32) -> &[i64] {
        &self.shipment[stop as usize * self.dimensions..][..self.dimensions]
    }

    /// Returns the most reloads of any kind.
    pub(crate) fn most_reloads(&self) -> usize {
        self.kinds.iter().map(|kind| kind.reloads).max().unwrap_or(0)
    }
}
