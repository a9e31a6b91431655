//! A vehicle-routing problem: stops, vehicles, and what it takes to go from place to place.
//!
//! Everything is counted in integers: distances in steps of [`Units::distance`], times in steps of [`Units::time`], costs
//! in steps of [`Units::cost`]. Sums over a plan stay exact, and the checker can ask for equality.

use serde::{Deserialize, Serialize};

use crate::error::RouteError;
use crate::vrp::travel::Travel;

/// The largest time, cost or amount in a problem, so that no sum over a plan can overflow.
pub const MAX_VALUE: i64 = 1 << 52;

/// The most stops of a problem.
pub const MAX_STOPS: usize = 100_000;

/// The most dimensions of a load.
pub const MAX_DIMENSIONS: usize = 16;

/// The most breaks of a vehicle.
pub const MAX_BREAKS: usize = 6;

/// What one step of each quantity is worth in the unit of the input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Units {
    /// Of a distance.
    pub distance: f64,
    /// Of a time.
    pub time: f64,
    /// Of a cost.
    pub cost: f64,
    /// Whether times are seconds of the day, to be shown as `08:30`.
    pub is_clock: bool,
}

/// Somewhere to be: a depot or the door of a stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// `[x, y]`, or `[latitude, longitude]` in a geographic problem; `None` where only a matrix knows it.
    pub point: Option<[f64; 2]>,
}

/// From the earliest to the latest time at which something may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The earliest.
    pub open: i64,
    /// The latest.
    pub close: i64,
}

/// All day.
pub const ANY_TIME: Window = Window { open: 0, close: MAX_VALUE };

/// What is done at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Something is brought from the depot, something is taken back to it; both may be nothing.
    Visit {
        /// What is brought, in each dimension.
        delivery: Vec<i64>,
        /// What is taken back.
        pickup: Vec<i64>,
    },
    /// A load is taken up that the same vehicle brings to another stop.
    Collect {
        /// The load.
        load: Vec<i64>,
        /// The stop it is brought to.
        to: usize,
    },
    /// A load from another stop is brought.
    Bring {
        /// The load.
        load: Vec<i64>,
        /// The stop it comes from.
        from: usize,
    },
}

/// A job, a delivery, a pickup: somewhere a vehicle has to be once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Its name, unique among the stops.
    pub id: String,
    /// Where it is.
    pub place: usize,
    /// What is done there.
    pub work: Work,
    /// How long that takes.
    pub service: i64,
    /// When service may begin, in order and apart from each other; never empty.
    pub windows: Vec<Window>,
    /// What is brought leaves the depot no earlier than this.
    pub release: i64,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// The vehicles that may come; all with the skills if `None`.
    pub vehicles: Option<Vec<usize>>,
    /// What leaving it out costs; `None` where it must be served.
    pub prize: Option<i64>,
    /// Among stops that must be served and cannot all be, those with more go first: 1 to 100.
    pub priority: u32,
    /// Whether it is a backhaul: a trip, from one loading to the next or to the end, serves it after every stop that is
    /// none, and at least one of those.
    pub is_backhaul: bool,
}

/// Time off within a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// When it may begin.
    pub window: Window,
    /// How long it takes.
    pub duration: i64,
}

/// Back to a depot in the middle of a route, to unload what was picked up and to load the next trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// Where.
    pub places: Vec<usize>,
    /// How long it takes.
    pub duration: i64,
    /// How often a day, at most.
    pub times: usize,
}

/// Some vehicles, with their crews, that are all alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vehicle {
    /// Its name.
    pub id: String,
    /// How many there are.
    pub count: usize,
    /// Which of [`Draft::travel`] holds for it.
    pub profile: usize,
    /// Where it starts; at its first stop if `None`.
    pub start: Option<usize>,
    /// Where it ends; at its last stop if `None`.
    pub end: Option<usize>,
    /// What it can carry, in each dimension.
    pub capacity: Vec<i64>,
    /// No earlier out, no later back.
    pub shift: Window,
    /// What its crew can do.
    pub skills: Vec<String>,
    /// Its breaks, in the order in which they are taken. One is due if the vehicle is under way at the latest moment at
    /// which it could begin.
    pub breaks: Vec<Break>,
    /// The cost of using it at all.
    pub fixed_cost: i64,
    /// The cost of a step of distance.
    pub distance_cost: i64,
    /// The cost of a step of time from leaving the start to reaching the end.
    pub time_cost: i64,
    /// The longest time from start to end.
    pub max_duration: Option<i64>,
    /// The longest way from start to end.
    pub max_distance: Option<i64>,
    /// The most stops.
    pub max_stops: Option<usize>,
    /// Whether and where it can reload.
    pub reload: Option<Reload>,
    /// The stops it serves first, in this order: decided already. Only for one vehicle.
    pub begins_with: Vec<usize>,
}

/// The parts of a problem, not yet checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The problem's name.
    pub name: String,
    /// Where one can be.
    pub places: Vec<Place>,
    /// Whether places are latitudes and longitudes.
    pub is_geographic: bool,
    /// Distances and times, one for each kind of vehicle that differs in them.
    pub travel: Vec<Travel>,
    /// The names of the dimensions of a load.
    pub dimensions: Vec<String>,
    /// What is to be served.
    pub stops: Vec<Stop>,
    /// Who can do it.
    pub vehicles: Vec<Vehicle>,
    /// What the integers mean.
    pub units: Units,
}

/// A checked problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Draft);

impl Problem {
    /// Returns `draft` as a problem.
    ///
    /// # Errors
    ///
    /// [`RouteError::Instance`] for whatever cannot be: no vehicle, a window that closes before it opens, numbers out of
    /// range, lists of unequal lengths, a stop or a vehicle named twice.
    pub fn new(draft: Draft) -> Result<Self, RouteError> {
        super::validate::check(&draft)?;
        Ok(Self(draft))
    }

    /// Returns the parts.
    pub fn parts(&self) -> &Draft {
        &self.0
    }

    /// Returns the stops.
    pub fn stops(&self) -> &[Stop] {
        &self.0.stops
    }

    /// Returns the vehicles.
    pub fn vehicles(&self) -> &[Vehicle] {
        &self.0.vehicles
    }

    /// Returns what one step of each quantity is worth.
    pub fn units(&self) -> Units {
        self.0.units
    }

    /// Returns the name of one of the vehicles of a kind: with its number, where there are several.
    pub fn vehicle_name(&self, vehicle: usize, number: usize) -> String {
        let kind = &self.0.vehicles[vehicle];
        if kind.count == 1 { kind.id.clone() } else { format!("{}-{}", kind.id, number + 1) }
    }

    /// Returns whether a vehicle may serve a stop, as far as skills and lists of vehicles say.
    pub fn may_serve(&self, vehicle: usize, stop: usize) -> bool {
        let (kind, stop) = (&self.0.vehicles[vehicle], &self.0.stops[stop]);
        stop.skills.iter().all(|skill| kind.skills.contains(skill))
            && stop.vehicles.as_ref().is_none_or(|allowed| allowed.contains(&vehicle))
    }

    /// Returns points to draw the places at: `[x, y]`, or `[longitude, latitude]`; `None` where one has none.
    pub fn drawing(&self) -> Option<Vec<[f64; 2]>> {
        let turn = |point: [f64; 2]| if self.0.is_geographic { [point[1], point[0]] } else { point };
        self.0.places.iter().map(|place| place.point.map(turn)).collect()
    }
}
