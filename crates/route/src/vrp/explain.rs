//! Why a stop is not served.
//!
//! **Impossible** is a proof: for every vehicle a rule is named that no route with the stop can keep, whatever else it does. The
//! ways there and back are taken along the shortest detour through any places, which no route can beat even where
//! distances are no metric; breaks, loads of other stops and waiting are left out of account, which only helps the stop.

use serde::{Deserialize, Serialize};

use crate::vrp::problem::{Problem, Vehicle, Work};

/// Why a stop is not served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "class")]
pub enum Reason {
    /// No vehicle could serve it even alone: proven.
    Impossible {
        /// For each kind of vehicle the rule that rules it out.
        because: Vec<Obstacle>,
    },
    /// It may be left out, and serving it would have cost more than it is worth.
    NotWorth,
    /// It could be served alone, by the vehicles named, but not beside what they serve already, as far as was searched.
    NotFound {
        /// The vehicles that could serve it, were they free.
        could: Vec<String>,
    },
    /// The decided beginning of its vehicle breaks a rule.
    Beginning {
        /// The vehicle.
        vehicle: String,
    },
    /// The other end of its shipment is impossible.
    Partner {
        /// The name of the other end.
        stop: String,
    },
}

/// Why a kind of vehicle cannot serve a stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Obstacle {
    /// The vehicle.
    pub vehicle: String,
    /// The rule.
    pub rule: Rule,
    /// The rule in words and numbers.
    pub detail: String,
}

/// A rule of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The crew lacks a skill.
    Skill,
    /// The stop lists other vehicles.
    Vehicle,
    /// The load is more than the vehicle carries.
    Capacity,
    /// No window can be reached.
    Window,
    /// The vehicle would be back too late.
    Shift,
    /// The route would take too long.
    Duration,
    /// The route would be too long.
    Distance,
    /// The vehicle serves no stops.
    Stops,
}

/// The shortest ways from and to a vehicle's ends, by distance and by time.
struct Ways {
    out: Vec<i64>,
    back: Vec<i64>,
    out_time: Vec<i64>,
    back_time: Vec<i64>,
}

/// Says of stops whether any vehicle could serve them.
pub(crate) struct Explainer<'a> {
    problem: &'a Problem,
    ways: Vec<Ways>,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Self {
        let ways = problem.vehicles().iter().map(|vehicle| ways(problem, vehicle)).collect();
        Self { problem, ways }
    }

    /// Returns the rule that keeps each kind of vehicle from a stop, if there is one for every kind.
    pub(crate) fn proof(&self, stop: usize) -> Option<Vec<Obstacle>> {
        (0..self.problem.vehicles().len())
            .filter(|&vehicle| self.problem.vehicles()[vehicle].count > 0)
            .map(|vehicle| self.obstacle(vehicle, stop))
            .collect()
    }

    /// Returns why a stop that a search left out is not served.
    pub(crate) fn reason(&self, stop: usize) -> Reason {
        let own = &self.problem.stops()[stop];
        if let Some(because) = self.proof(stop) {
            return Reason::Impossible { because };
        }
        let partner = match own.work {
            Work::Collect { to, .. } => Some(to),
            Work::Bring { from, .. } => Some(from),
            Work::Visit { .. } => None,
        };
        if let Some(partner) = partner.filter(|&partner| self.proof(partner).is_some()) {
            return Reason::Partner { stop: self.problem.stops()[partner].id.clone() };
        }
        if let Some(vehicle) =
            self.problem.vehicles().iter().find(|vehicle| vehicle.begins_with.contains(&stop))
        {
            return Reason::Beginning { vehicle: vehicle.id.clone() };
        }
        if own.prize.is_some() {
            return Reason::NotWorth;
        }
        let could = (0..self.problem.vehicles().len())
            .filter(|&vehicle| self.obstacle(vehicle, stop).is_none())
            .map(|vehicle| self.problem.vehicles()[vehicle].id.clone());
        Reason::NotFound { could: could.collect() }
    }

    /// Returns a rule that no route of this vehicle with the stop can keep.
    fn obstacle(&self, vehicle: usize, stop: usize) -> Option<Obstacle> {
        let found = self.bars(vehicle, stop)?;
        Some(Obstacle {
            vehicle: self.problem.vehicles()[vehicle].id.clone(),
            rule: found.0,
            detail: found.1,
        })
    }

    fn bars(&self, vehicle: usize, stop: usize) -> Option<(Rule, String)> {
        let kind = &self.problem.vehicles()[vehicle];
        let own = &self.problem.stops()[stop];
        if let Some(skill) = own.skills.iter().find(|skill| !kind.skills.contains(skill)) {
            return Some((Rule::Skill, format!("it lacks the skill '{skill}'")));
        }
        if own.vehicles.as_ref().is_some_and(|allowed| !allowed.contains(&vehicle)) {
            return Some((Rule::Vehicle, "the stop lists other vehicles".to_owned()));
        }
        if kind.max_stops == Some(0) {
            return Some((Rule::Stops, "it serves no stops".to_owned()));
        }
        capacity(self.problem, kind, stop)
            .or_else(|| self.way(vehicle, stop))
            .or_else(|| self.both_ends(vehicle, stop))
    }

    /// Returns whether the two ends of a shipment break a rule together.
    fn both_ends(&self, vehicle: usize, stop: usize) -> Option<(Rule, String)> {
        let (collect, bring) = match self.problem.stops()[stop].work {
            Work::Collect { to, .. } => (stop, to),
            Work::Bring { from, .. } => (from, stop),
            Work::Visit { .. } => return None,
        };
        let (kind, ways) = (&self.problem.vehicles()[vehicle], &self.ways[vehicle]);
        let parts = self.problem.parts();
        let (first, second) = (&parts.stops[collect], &parts.stops[bring]);
        let travel = &parts.travel[kind.profile];
        let time = |a: usize, b: usize| travel.duration(&parts.places, a, b);
        let between = shortest(parts.places.len(), Some(first.place), time)[second.place];
        let arrive = kind.shift.open.max(first.release) + ways.out_time[first.place];
        let begin = first.windows.iter().find(|window| arrive <= window.close)?.open.max(arrive);
        let arrive = begin + first.service + between;
        let show = |time: i64| show_time(self.problem, time);
        let Some(window) = second.windows.iter().find(|window| arrive <= window.close) else {
            let detail =
                format!("'{}' is reached from '{}' at {} at the earliest", second.id, first.id, show(arrive));
            return Some((Rule::Window, detail));
        };
        let end = arrive.max(window.open) + second.service + ways.back_time[second.place];
        if end > kind.shift.close {
            return Some((Rule::Shift, format!("it would end at {} at the earliest", show(end))));
        }
        let duration = ways.out_time[first.place]
            + first.service
            + between
            + second.service
            + ways.back_time[second.place];
        let is_long = kind.max_duration.is_some_and(|most| duration > most);
        is_long.then(|| (Rule::Duration, format!("it would take {}", show(duration))))
    }

    /// Returns whether the way there and back, and what is done there, break a rule.
    fn way(&self, vehicle: usize, stop: usize) -> Option<(Rule, String)> {
        let (kind, ways) = (&self.problem.vehicles()[vehicle], &self.ways[vehicle]);
        let own = &self.problem.stops()[stop];
        let place = own.place;
        let first = kind.shift.open.max(own.release);
        let arrive = first + ways.out_time[place];
        let show = |time: i64| show_time(self.problem, time);
        let Some(begin) =
            own.windows.iter().find(|window| arrive <= window.close).map(|window| arrive.max(window.open))
        else {
            let close = own.windows.last().map_or(0, |window| window.close);
            return Some((
                Rule::Window,
                format!("it is there at {} at the earliest, after {}", show(arrive), show(close)),
            ));
        };
        let end = begin + own.service + ways.back_time[place];
        if end > kind.shift.close {
            return Some((
                Rule::Shift,
                format!("it would end at {} at the earliest, after {}", show(end), show(kind.shift.close)),
            ));
        }
        let duration = ways.out_time[place] + own.service + ways.back_time[place];
        if let Some(most) = kind.max_duration.filter(|&most| duration > most) {
            return Some((
                Rule::Duration,
                format!("it would take {}, more than {}", show(duration), show(most)),
            ));
        }
        let distance = ways.out[place] + ways.back[place];
        let unit = self.problem.units().distance;
        kind.max_distance.filter(|&most| distance > most).map(|most| {
            (
                Rule::Distance,
                format!("the way is {}, more than {}", distance as f64 * unit, most as f64 * unit),
            )
        })
    }
}

/// Returns whether the load alone is too much.
fn capacity(problem: &Problem, kind: &Vehicle, stop: usize) -> Option<(Rule, String)> {
    let loads: Vec<&Vec<i64>> = match &problem.stops()[stop].work {
        Work::Visit { delivery, pickup } => vec![delivery, pickup],
        Work::Collect { load, .. } | Work::Bring { load, .. } => vec![load],
    };
    for load in loads {
        for (d, (amount, most)) in load.iter().zip(&kind.capacity).enumerate() {
            if amount > most {
                let name = &problem.parts().dimensions[d];
                return Some((Rule::Capacity, format!("{name} {amount} is more than its {most}")));
            }
        }
    }
    None
}

/// Returns a time as people write it in this problem.
pub fn show_time(problem: &Problem, time: i64) -> String {
    let units = problem.units();
    if !units.is_clock {
        let value = time as f64 * units.time;
        return format!("{}", (value * 100.0).round() / 100.0);
    }
    let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
    if seconds == 0 {
        format!("{hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }
}

fn ways(problem: &Problem, vehicle: &Vehicle) -> Ways {
    let parts = problem.parts();
    let travel = &parts.travel[vehicle.profile];
    let distance = |a: usize, b: usize| travel.distance(&parts.places, a, b);
    let time = |a: usize, b: usize| travel.duration(&parts.places, a, b);
    let n = parts.places.len();
    Ways {
        out: shortest(n, vehicle.start, distance),
        back: shortest(n, vehicle.end, |a, b| distance(b, a)),
        out_time: shortest(n, vehicle.start, time),
        back_time: shortest(n, vehicle.end, |a, b| time(b, a)),
    }
}

/// Returns the shortest way from `source` to every place through any others (E. W. Dijkstra 1959, in its dense form); 0 where a
/// route may begin anywhere.
fn shortest(n: usize, source: Option<usize>, leg: impl Fn(usize, usize) -> i64) -> Vec<i64> {
    let Some(source) = source else { return vec![0; n] };
    let mut ways: Vec<i64> =
        (0..n).map(|place| if place == source { 0 } else { leg(source, place) }).collect();
    let mut is_open = vec![true; n];
    is_open[source] = false;
    for _ in 1..n {
        let Some(nearest) = (0..n).filter(|&place| is_open[place]).min_by_key(|&place| ways[place]) else {
            break;
        };
        is_open[nearest] = false;
        for place in 0..n {
            if is_open[place] {
                ways[place] = ways[place].min(ways[nearest] + leg(nearest, place));
            }
        }
    }
    ways
}
