//! From a day plan to a problem: names become numbers, units become steps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::day_plan::{
    Amounts, Coordinates, DayPlan, EndEntry, HINT, MatrixEntry, ShipmentEntry, Span, StopEntry, VehicleEntry,
    Where,
};
use super::quantity;
use crate::error::RouteError;
use crate::rule::Rule;
use crate::vrp::problem::{ANY_TIME, Break, Draft, Place, Reload, Stop, Units, Vehicle, Work};
use crate::vrp::travel::{Metric, Pace, Rounding, Travel};

/// Steps of a cost in the unit of the plan, so that prices by the second stay exact to eight digits.
const COST_STEPS: f64 = 1e8;

/// Turns a day plan into a draft.
pub(super) fn draft(name: &str, plan: &DayPlan) -> Result<Draft, RouteError> {
    let mut builder = Builder::new(plan);
    let (entries, order) = builder.entries()?;
    let mut stops = Vec::with_capacity(entries.len());
    for entry in &entries {
        stops.push(builder.stop(entry)?);
    }
    let vehicles =
        plan.vehicles.iter().map(|entry| builder.vehicle(entry, &order)).collect::<Result<Vec<_>, _>>()?;
    let travel = builder.travel()?;
    Ok(Draft {
        name: plan.name.clone().unwrap_or_else(|| name.to_owned()),
        places: builder.places,
        is_geographic: plan.coordinates == Coordinates::Geographic,
        travel,
        dimensions: builder.dimensions,
        stops,
        vehicles,
        units: Units { distance: 1e-3, time: 1.0, cost: 1.0 / COST_STEPS, is_clock: true },
    })
}

/// A stop, wherever it was written: alone or as an end of a shipment.
struct Entry<'a> {
    id: String,
    at: Option<&'a Where>,
    service: Option<&'a Span>,
    windows: &'a [String],
    ready: Option<&'a String>,
    work: EntryWork<'a>,
    skills: &'a [String],
    vehicles: Option<&'a Vec<String>>,
    prize: Option<f64>,
    priority: Option<u32>,
    is_backhaul: bool,
}

enum EntryWork<'a> {
    Visit(Option<&'a Amounts>, Option<&'a Amounts>),
    Collect(Option<&'a Amounts>, usize),
    Bring(Option<&'a Amounts>, usize),
}

type Order = HashMap<String, usize>;

struct Builder<'a> {
    plan: &'a DayPlan,
    places: Vec<Place>,
    names: HashMap<String, usize>,
    dimensions: Vec<String>,
    /// The speeds and profiles that vehicles have.
    profiles: Vec<(Option<String>, Option<f64>)>,
}

fn wrong(of: &str, message: impl std::fmt::Display) -> RouteError {
    RouteError::instance(format!("{of}: {message}")).with_hint(HINT)
}

impl<'a> Builder<'a> {
    fn new(plan: &'a DayPlan) -> Self {
        let mut builder = Self {
            plan,
            places: Vec::new(),
            names: HashMap::new(),
            dimensions: dimensions(plan),
            profiles: Vec::new(),
        };
        for (name, &point) in &plan.places {
            builder.add_place(name.clone(), Some(point));
        }
        for matrix in &plan.matrices {
            for name in &matrix.places {
                if !builder.names.contains_key(name) {
                    builder.add_place(name.clone(), None);
                }
            }
        }
        builder
    }

    fn add_place(&mut self, name: String, point: Option<[f64; 2]>) -> usize {
        self.names.insert(name.clone(), self.places.len());
        self.places.push(Place { name, point });
        self.places.len() - 1
    }

    /// Returns the stops, and the number of each by its name.
    fn entries(&self) -> Result<(Vec<Entry<'a>>, Order), RouteError> {
        let mut entries: Vec<Entry<'a>> = self.plan.stops.iter().map(of_stop).collect();
        for shipment in &self.plan.shipments {
            let first = entries.len();
            entries.push(of_end(
                shipment,
                &shipment.from,
                "pickup",
                EntryWork::Collect(shipment.load.as_ref(), first + 1),
            ));
            entries.push(of_end(
                shipment,
                &shipment.to,
                "delivery",
                EntryWork::Bring(shipment.load.as_ref(), first),
            ));
        }
        let order = entries.iter().enumerate().map(|(index, entry)| (entry.id.clone(), index)).collect();
        Ok((entries, order))
    }

    fn place(&mut self, at: Option<&Where>, own: &str, of: &str) -> Result<usize, RouteError> {
        match at {
            Some(Where::Named(name)) => self.names.get(name).copied().ok_or_else(|| {
                let known: Vec<&str> = self.plan.places.keys().take(8).map(String::as_str).collect();
                wrong(of, format!("there is no place '{name}'")).with_hint(format!(
                    "known places: {}; coordinates are written [latitude, longitude]",
                    known.join(", ")
                ))
            }),
            Some(Where::At(point)) => {
                if let Some(&place) = self.names.get(own)
                    && self.places[place].point.is_none()
                {
                    self.places[place].point = Some(*point);
                    return Ok(place);
                }
                Ok(self.add_place(own.to_owned(), Some(*point)))
            }
            None => self.names.get(own).copied().ok_or_else(|| {
                wrong(of, "nobody says where it is")
                    .with_hint("give it at = [latitude, longitude] or the name of a place")
            }),
        }
    }

    fn amounts(&self, amounts: Option<&Amounts>, of: &str) -> Result<Vec<i64>, RouteError> {
        let mut found = vec![0; self.dimensions.len()];
        match amounts {
            None => {}
            Some(Amounts::One(amount)) if self.dimensions.len() == 1 => found[0] = *amount,
            Some(Amounts::One(_)) => {
                let example = format!("write {{ {} = … }}", self.dimensions.join(" = …, "));
                return Err(wrong(of, "a load of several dimensions needs their names").with_hint(example));
            }
            Some(Amounts::Each(each)) => {
                for (name, amount) in each {
                    let d = self.dimensions.iter().position(|known| known == name);
                    found[d.expect("dimensions are collected from all amounts")] = *amount;
                }
            }
        }
        if let Some(amount) = found.iter().find(|amount| **amount < 0) {
            return Err(wrong(of, format!("the amount {amount} is negative")));
        }
        Ok(found)
    }

    fn stop(&mut self, entry: &Entry<'a>) -> Result<Stop, RouteError> {
        let of = format!("stop '{}'", entry.id);
        let windows = quantity::windows(entry.windows.iter().map(String::as_str))
            .map_err(|message| wrong(&of, message))?;
        let known = |id: &String| {
            let found = self.plan.vehicles.iter().position(|vehicle| vehicle.id == *id);
            found.ok_or_else(|| wrong(&of, format!("there is no vehicle '{id}'")))
        };
        let vehicles =
            entry.vehicles.map(|ids| ids.iter().map(known).collect::<Result<Vec<_>, _>>()).transpose()?;
        let work = match &entry.work {
            EntryWork::Visit(delivery, pickup) => {
                Work::Visit { delivery: self.amounts(*delivery, &of)?, pickup: self.amounts(*pickup, &of)? }
            }
            EntryWork::Collect(load, to) => Work::Collect { load: self.amounts(*load, &of)?, to: *to },
            EntryWork::Bring(load, from) => Work::Bring { load: self.amounts(*load, &of)?, from: *from },
        };
        let priority = entry.priority.unwrap_or(1);
        if !(1..=10).contains(&priority) {
            return Err(wrong(&of, format!("the priority {priority} is not within 1..10")));
        }
        Ok(Stop {
            place: self.place(entry.at, &entry.id, &of)?,
            work,
            service: entry.service.map_or(Ok(0), span).map_err(|message| wrong(&of, message))?,
            windows: if windows.is_empty() { vec![ANY_TIME] } else { windows },
            release: entry
                .ready
                .map_or(Ok(0), |text| quantity::clock(text))
                .map_err(|message| wrong(&of, message))?,
            skills: entry.skills.to_vec(),
            vehicles,
            prize: entry.prize.map(|prize| price(prize, COST_STEPS, &of)).transpose()?,
            priority,
            is_backhaul: entry.is_backhaul,
            id: entry.id.clone(),
        })
    }

    fn vehicle(&mut self, entry: &VehicleEntry, order: &Order) -> Result<Vehicle, RouteError> {
        let of = format!("vehicle '{}'", entry.id);
        let fail = |message: String| wrong(&of, message);
        let start = self.end_of_route(entry.start.as_ref(), &format!("start of {}", entry.id), &of)?;
        let end = match &entry.end {
            None => start,
            Some(end) => self.end_of_route(Some(end), &format!("end of {}", entry.id), &of)?,
        };
        let shift = entry.shift.as_deref().map_or(Ok(ANY_TIME), quantity::window).map_err(fail)?;
        let pause = |pause: &super::day_plan::BreakEntry| -> Result<Break, String> {
            Ok(Break { window: quantity::window(&pause.between)?, duration: span(&pause.duration)? })
        };
        let mut breaks = entry.breaks.iter().map(pause).collect::<Result<Vec<_>, _>>().map_err(fail)?;
        breaks.sort_by_key(|pause| pause.window.open);
        let cost = &entry.cost;
        let is_free = cost.fixed.is_none() && cost.per_km.is_none() && cost.per_hour.is_none();
        let per_km = if is_free { 1.0 } else { cost.per_km.unwrap_or(0.0) };
        let begins_with = entry.begins_with.iter().map(|id| {
            order
                .get(id)
                .copied()
                .ok_or_else(|| wrong(&of, format!("it begins with '{id}', which is no stop")))
        });
        let metres = |km: f64| {
            if (0.0..=1e9).contains(&km) {
                Ok((km * 1000.0).round() as i64)
            } else {
                Err(wrong(&of, format!("max_km is {km}")))
            }
        };
        let begins_with = begins_with.collect::<Result<_, _>>()?;
        Ok(Vehicle {
            id: entry.id.clone(),
            count: entry.count.unwrap_or(1),
            profile: self.profile(entry, &of)?,
            start,
            end,
            capacity: self.capacity(entry.capacity.as_ref(), &of)?,
            shift,
            skills: entry.skills.clone(),
            breaks,
            fixed_cost: price(cost.fixed.unwrap_or(0.0), COST_STEPS, &of)?,
            distance_cost: price(per_km, COST_STEPS / 1000.0, &of)?,
            time_cost: price(cost.per_hour.unwrap_or(0.0), COST_STEPS / 3600.0, &of)?,
            max_duration: entry.max_duration.as_ref().map(span).transpose().map_err(fail)?,
            max_distance: entry.max_km.map(metres).transpose()?,
            max_stops: entry.max_stops,
            reload: self.reload(entry, start, &of)?,
            begins_with,
        })
    }

    /// Returns where a route starts or ends; `None` for anywhere.
    fn end_of_route(&mut self, at: Option<&Where>, own: &str, of: &str) -> Result<Option<usize>, RouteError> {
        match at {
            Some(Where::Named(name)) if name == "anywhere" => Ok(None),
            Some(at) => self.place(Some(at), own, of).map(Some),
            None if self.plan.places.len() == 1 => Ok(Some(0)),
            None => Err(wrong(of, "nobody says where it starts")
                .with_hint("give it start = \"depot\", [latitude, longitude], or \"anywhere\"")),
        }
    }

    /// Returns the capacity; what is not mentioned is not limited.
    fn capacity(&self, capacity: Option<&Amounts>, of: &str) -> Result<Vec<i64>, RouteError> {
        let unlimited = 1 << 50;
        let mut found = self.amounts(capacity, of)?;
        for (d, name) in self.dimensions.iter().enumerate() {
            let is_limited = match capacity {
                None => false,
                Some(Amounts::One(_)) => true,
                Some(Amounts::Each(each)) => each.contains_key(name),
            };
            if !is_limited {
                found[d] = unlimited;
            }
        }
        Ok(found)
    }

    fn reload(
        &mut self,
        entry: &VehicleEntry,
        start: Option<usize>,
        of: &str,
    ) -> Result<Option<Reload>, RouteError> {
        let Some(reload) = &entry.reload else { return Ok(None) };
        let mut places = Vec::new();
        for (index, at) in reload.at.iter().enumerate() {
            places.push(self.place(Some(at), &format!("reload {} of {}", index + 1, entry.id), of)?);
        }
        if places.is_empty() {
            places.extend(start);
        }
        let duration = reload.duration.as_ref().map_or(Ok(0), span).map_err(|message| wrong(of, message))?;
        Ok(Some(Reload { places, duration, times: reload.times }))
    }

    /// Returns the number of what distances and times a vehicle has.
    fn profile(&mut self, entry: &VehicleEntry, of: &str) -> Result<usize, RouteError> {
        let is_default = |matrix: &MatrixEntry| matrix.profile.is_none();
        let known = self.plan.matrices.iter().any(|matrix| matrix.profile == entry.profile);
        if entry.profile.is_some() && !known {
            let name = entry.profile.clone().unwrap_or_default();
            return Err(wrong(of, format!("there is no matrix for the profile '{name}'")));
        }
        if entry.profile.is_none()
            && !self.plan.matrices.is_empty()
            && !self.plan.matrices.iter().any(is_default)
        {
            return Err(wrong(of, "it has no profile").with_hint("name the profile of one of the matrices"));
        }
        let wanted = (entry.profile.clone(), entry.speed_kmh.or(self.plan.speed_kmh));
        let place = self.profiles.iter().position(|profile| *profile == wanted);
        Ok(place.unwrap_or_else(|| {
            self.profiles.push(wanted);
            self.profiles.len() - 1
        }))
    }

    fn travel(&self) -> Result<Vec<Travel>, RouteError> {
        let travel = |(profile, speed): &(Option<String>, Option<f64>)| {
            let matrix = self.plan.matrices.iter().find(|matrix| matrix.profile == *profile);
            let pace = |speed: Option<f64>| match speed {
                Some(speed) if speed > 0.0 && speed.is_finite() => Ok(Pace::Speed(speed / 3.6)),
                Some(speed) => Err(RouteError::instance(format!("the speed is {speed} km/h"))
                    .with_hint("speed_kmh is a number above 0")),
                None => Err(RouteError::instance("nobody says how fast vehicles are")
                    .with_hint("give speed_kmh, or a matrix with durations")),
            };
            let Some(matrix) = matrix else {
                let metric = match self.plan.coordinates {
                    Coordinates::Geographic => Metric::Rule(Rule::GreatCircle),
                    Coordinates::Plane => Metric::Straight { steps: 1.0, rounding: Rounding::Nearest },
                };
                return Ok(Travel { metric, pace: pace(*speed)? });
            };
            let metric = Metric::Matrix(self.table(matrix, &matrix.distances, "distances")?);
            let pace = match &matrix.durations {
                Some(durations) => Pace::Matrix(self.table(matrix, durations, "durations")?),
                None => pace(*speed)?,
            };
            Ok(Travel { metric, pace })
        };
        self.profiles.iter().map(travel).collect()
    }

    /// Returns a matrix in the order of the places.
    fn table(&self, matrix: &MatrixEntry, rows: &[Vec<i64>], what: &str) -> Result<Vec<i64>, RouteError> {
        let n = self.places.len();
        let given = matrix.places.len();
        if rows.len() != given || rows.iter().any(|row| row.len() != given) {
            let message = format!("the {what} of a matrix of {given} places are not {given} x {given}");
            return Err(RouteError::instance(message).with_hint("a row for each place, in their order"));
        }
        let row_of: BTreeMap<usize, usize> =
            matrix.places.iter().enumerate().map(|(row, name)| (self.names[name], row)).collect();
        if let Some(place) = (0..n).find(|place| !row_of.contains_key(place)) {
            let name = &self.places[place].name;
            return Err(RouteError::instance(format!("a matrix has no row for '{name}'"))
                .with_hint("its places are the names of all places and stops"));
        }
        let entry = |at: usize| rows[row_of[&(at / n)]][row_of[&(at % n)]];
        Ok((0..n * n).map(entry).collect())
    }
}

fn of_stop(entry: &StopEntry) -> Entry<'_> {
    Entry {
        id: entry.id.clone(),
        at: entry.at.as_ref(),
        service: entry.service.as_ref(),
        windows: &entry.windows,
        ready: entry.ready.as_ref(),
        work: EntryWork::Visit(entry.delivery.as_ref(), entry.pickup.as_ref()),
        skills: &entry.skills,
        vehicles: entry.vehicles.as_ref(),
        prize: entry.prize,
        priority: entry.priority,
        is_backhaul: entry.backhaul.unwrap_or(false),
    }
}

fn of_end<'a>(shipment: &'a ShipmentEntry, end: &'a EndEntry, what: &str, work: EntryWork<'a>) -> Entry<'a> {
    // The prize of a shipment is lost once.
    let prize = shipment.prize.map(|prize| if matches!(work, EntryWork::Collect(..)) { prize } else { 0.0 });
    Entry {
        id: format!("{}:{what}", shipment.id),
        at: Some(&end.at),
        service: end.service.as_ref(),
        windows: &end.windows,
        ready: None,
        work,
        skills: &shipment.skills,
        vehicles: shipment.vehicles.as_ref(),
        prize,
        priority: shipment.priority,
        is_backhaul: false,
    }
}

/// Returns the names of all dimensions that are mentioned anywhere; `load` if none is.
fn dimensions(plan: &DayPlan) -> Vec<String> {
    let of_vehicles = plan.vehicles.iter().map(|vehicle| &vehicle.capacity);
    let of_stops = plan.stops.iter().flat_map(|stop| [&stop.delivery, &stop.pickup]);
    let all = of_vehicles.chain(of_stops).chain(plan.shipments.iter().map(|shipment| &shipment.load));
    let mut names = BTreeSet::new();
    for amounts in all.flatten() {
        if let Amounts::Each(each) = amounts {
            names.extend(each.keys().cloned());
        }
    }
    if names.is_empty() { vec!["load".to_owned()] } else { names.into_iter().collect() }
}

fn span(span: &Span) -> Result<i64, String> {
    match span {
        Span::Text(text) => quantity::span(text),
        Span::Minutes(minutes) => quantity::minutes_as_seconds(*minutes)
            .ok_or_else(|| format!("{minutes} minutes is not a length of time")),
    }
}

/// Returns a price in steps; `steps` of them are one unit.
fn price(value: f64, steps: f64, of: &str) -> Result<i64, RouteError> {
    if (0.0..=1e7).contains(&value) {
        return Ok((value * steps).round() as i64);
    }
    Err(wrong(of, format!("the price {value} is not within 0..10000000")))
}
