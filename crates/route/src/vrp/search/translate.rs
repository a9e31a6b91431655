//! From a problem to the model of it, or of a part of it.

use super::anneal::{Routes, absent};
use super::model::{Kind, Matrix, Model, NONE, Pause, Role, Visit};
use super::simulate::{Outcome, Simulator};
use crate::space::hilbert;
use crate::vrp::problem::{MAX_VALUE, Problem, Stop, Vehicle, Window, Work};
use crate::vrp::travel::{Pace, Travel};

/// What is to be small, see [`crate::vrp::Objective`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    /// Added to the fixed cost of every vehicle.
    pub(crate) vehicle: i64,
    /// See [`Model::balance`].
    pub(crate) balance: f64,
}

/// Translates a problem.
pub(crate) struct Translation<'a> {
    problem: &'a Problem,
    weights: Weights,
    /// The places of depots.
    depots: Vec<usize>,
    /// What the absence of a stop of priority 1 costs, if it must be served.
    penalty: i64,
    /// For every stop the vehicle that it is decided for.
    decided: Vec<Option<usize>>,
    even_time: i64,
}

impl<'a> Translation<'a> {
    pub(crate) fn new(problem: &'a Problem, weights: Weights) -> Self {
        let parts = problem.parts();
        let mut depots: Vec<usize> = Vec::new();
        for vehicle in &parts.vehicles {
            let reloads = vehicle.reload.iter().flat_map(|reload| &reload.places);
            for &place in vehicle.start.iter().chain(&vehicle.end).chain(reloads) {
                if !depots.contains(&place) {
                    depots.push(place);
                }
            }
        }
        let n = parts.stops.len();
        let mut decided = vec![None; n];
        for (vehicle, kind) in parts.vehicles.iter().enumerate() {
            for &stop in &kind.begins_with {
                decided[stop] = Some(vehicle);
                if let Work::Collect { to, .. } = parts.stops[stop].work {
                    decided[to] = Some(vehicle);
                }
            }
        }
        let priorities: i64 = parts.stops.iter().map(|stop| i64::from(stop.priority)).sum();
        let penalty = 4 * (weights.vehicle + Self::dearest(problem)) + balance_cost(problem, weights);
        Self {
            problem,
            weights,
            depots,
            penalty: penalty.min(i64::MAX / 8 / priorities.max(1)),
            decided,
            even_time: even_time(problem),
        }
    }

    /// Returns the number of stops.
    pub(crate) fn stops(&self) -> usize {
        self.problem.stops().len()
    }

    /// Returns at least what a route for any one stop alone costs.
    pub(crate) fn dearest(problem: &Problem) -> i64 {
        let legs = |vehicle: &Vehicle, stop: &Stop| {
            let (distance, time) = alone(problem, vehicle, stop);
            vehicle.fixed_cost
                + vehicle.distance_cost * distance
                + vehicle.time_cost * 2 * (time + stop.service)
        };
        let all = problem
            .vehicles()
            .iter()
            .flat_map(|vehicle| problem.stops().iter().map(move |stop| legs(vehicle, stop)));
        all.max().unwrap_or(0).max(1)
    }

    /// Returns the scale on which solutions differ: the average cost of the ways from a stop to its nearest neighbours.
    pub(crate) fn scale(&self) -> f64 {
        let n = self.stops();
        let step = n.div_ceil(500).max(1);
        let mut sum = 0.0;
        let mut count = 0.0;
        for stop in (0..n).step_by(step) {
            let mut row: Vec<i64> = (0..n)
                .filter(|&other| other != stop)
                .map(|other| self.apart(stop as u32, other as u32))
                .collect();
            let k = row.len().min(8);
            if k == 0 {
                return 1.0;
            }
            row.select_nth_unstable(k - 1);
            sum += row[..k].iter().sum::<i64>() as f64 / k as f64;
            count += 1.0;
        }
        let cost =
            self.problem.vehicles().iter().map(|kind| kind.distance_cost + kind.time_cost).max().unwrap_or(1);
        (sum / f64::max(count, 1.0) * cost as f64).max(1.0)
    }

    /// Returns about what a step of time costs, in whatever is counted: the cost of the ways to all stops and back by
    /// the time they take, ten times over, so that balance goes first.
    pub(crate) fn time_price(problem: &Problem) -> f64 {
        let Some(vehicle) = problem.vehicles().first() else { return 1.0 };
        let (mut cost, mut time) = (0.0, 1.0);
        for stop in problem.stops() {
            let (distance, duration) = alone(problem, vehicle, stop);
            cost += (vehicle.distance_cost * distance + vehicle.time_cost * (duration + stop.service)) as f64;
            time += (duration + stop.service) as f64;
        }
        10.0 * (cost / time).max(1.0)
    }

    /// Returns the other end of a stop's shipment.
    pub(crate) fn partner(&self, stop: u32) -> Option<u32> {
        match self.problem.stops()[stop as usize].work {
            Work::Visit { .. } => None,
            Work::Collect { to, .. } => Some(to as u32),
            Work::Bring { from, .. } => Some(from as u32),
        }
    }

    /// Returns the distance from one stop to another.
    pub(crate) fn apart(&self, from: u32, to: u32) -> i64 {
        let parts = self.problem.parts();
        let (from, to) = (parts.stops[from as usize].place, parts.stops[to as usize].place);
        parts.travel[0].distance(&parts.places, from, to)
    }

    /// Returns the stops in an order in which neighbours are near each other.
    pub(crate) fn order_of_stops(&self) -> Vec<u32> {
        let parts = self.problem.parts();
        let mut order: Vec<u32> = (0..parts.stops.len() as u32).collect();
        let point = |stop: &Stop| parts.places[stop.place].point.map(|[a, b]| [a, b, 0.0]);
        match parts.stops.iter().map(point).collect::<Option<Vec<_>>>() {
            Some(points) if !points.is_empty() => hilbert::order(&points),
            _ => {
                order.sort_by_cached_key(|&stop| self.apart(0, stop));
                order
            }
        }
    }

    /// Gives the stops of a decided beginning, and both ends of a shipment, to the same owner.
    pub(crate) fn keep_together(&self, owner: &mut [usize], locked: &Routes) {
        for (_, tokens) in locked {
            for &token in tokens {
                owner[token as usize] = owner[tokens[0] as usize];
            }
        }
        for (index, stop) in self.problem.stops().iter().enumerate() {
            if let Work::Bring { from, .. } = stop.work {
                owner[index] = owner[from];
            }
        }
    }

    /// Returns the decided beginnings that can be driven, each with what its collections have to be brought to.
    pub(crate) fn locked_routes(&self) -> Routes {
        let parts = self.problem.parts();
        let mut routes = Vec::new();
        for (index, vehicle) in
            parts.vehicles.iter().enumerate().filter(|(_, vehicle)| !vehicle.begins_with.is_empty())
        {
            let mut tokens: Vec<u32> = vehicle.begins_with.iter().map(|&stop| stop as u32).collect();
            for &stop in &vehicle.begins_with {
                if let Work::Collect { to, .. } = parts.stops[stop].work
                    && !vehicle.begins_with.contains(&to)
                {
                    tokens.push(to as u32);
                }
            }
            let may = tokens.iter().all(|&stop| self.problem.may_serve(index, stop as usize));
            if may && self.outcome(index as u32, &tokens).is_some() {
                routes.push((index as u32, tokens));
            }
        }
        routes
    }

    /// Returns the model of one route alone, and its tokens there.
    pub(crate) fn alone(&self, kind: u32, tokens: &[u32]) -> (Model, Vec<u32>) {
        let n = self.stops() as u32;
        let stops: Vec<u32> = tokens.iter().copied().filter(|&token| token < n).collect();
        let mut counts = vec![0; self.problem.vehicles().len()];
        counts[kind as usize] = 1;
        let model = self.model(&stops, &counts);
        let mut next = 0;
        let local = |&token: &u32| {
            if token < n {
                next += 1;
                next - 1
            } else {
                token - n + stops.len() as u32
            }
        };
        let tokens = tokens.iter().map(local).collect();
        (model, tokens)
    }

    /// Returns the place of a token that is a site.
    pub(crate) fn depot(&self, token: u32) -> usize {
        self.depots[token as usize - self.stops()]
    }

    fn outcome(&self, kind: u32, tokens: &[u32]) -> Option<Outcome> {
        let (model, tokens) = self.alone(kind, tokens);
        Simulator::default().outcome(&model, &model.kinds[kind as usize], &tokens)
    }

    /// Returns the cost of routes and of what they leave out, as the search counts it.
    pub(crate) fn cost(&self, routes: &Routes) -> i64 {
        let of_routes: i64 =
            routes.iter().filter_map(|(kind, tokens)| Some(self.outcome(*kind, tokens)?.cost)).sum();
        let left_out = absent(routes, self.stops());
        of_routes + left_out.iter().map(|&stop| self.absence(stop as usize)).sum::<i64>()
    }

    /// Returns what leaving a stop out costs.
    fn absence(&self, stop: usize) -> i64 {
        let stop = &self.problem.stops()[stop];
        stop.prize.unwrap_or(self.penalty * i64::from(stop.priority))
    }

    /// Returns the model of `stops`, in their order, and of `counts` vehicles of each kind.
    pub(crate) fn model(&self, stops: &[u32], counts: &[usize]) -> Model {
        let parts = self.problem.parts();
        let mut number = vec![NONE; parts.stops.len()];
        for (new, &old) in stops.iter().enumerate() {
            number[old as usize] = new as u32;
        }
        let kinds: Vec<Kind> =
            (0..counts.len()).map(|kind| self.kind(kind, counts[kind], stops.len(), &number)).collect();
        let mut model = Model {
            n: stops.len(),
            dimensions: parts.dimensions.len(),
            matrices: self.matrices(stops),
            visits: stops.iter().map(|&stop| self.visit(stop, &number)).collect(),
            delivery: Vec::new(),
            pickup: Vec::new(),
            shipment: Vec::new(),
            allowed: stops
                .iter()
                .flat_map(|&stop| (0..counts.len()).map(move |kind| self.may_serve(kind, stop as usize)))
                .collect(),
            kinds,
            is_timed: false,
            is_mixed: false,
            has_pairs: false,
            has_backhauls: false,
            balance: self.weights.balance,
            even_time: self.even_time,
        };
        for &stop in stops {
            self.amounts(&mut model, stop);
        }
        let rises = model.pickup.iter().any(|&amount| amount > 0);
        let falls = model.delivery.iter().any(|&amount| amount > 0);
        model.has_pairs = model.visits.iter().any(|visit| visit.partner != NONE);
        model.has_backhauls = model.visits.iter().any(|visit| visit.is_backhaul);
        model.is_mixed = model.has_pairs || rises && falls;
        model.is_timed = self.is_timed();
        model
    }

    fn may_serve(&self, kind: usize, stop: usize) -> bool {
        self.decided[stop].is_none_or(|vehicle| vehicle == kind) && self.problem.may_serve(kind, stop)
    }

    /// Returns whether any time in the problem is limited or costs: of the whole, so that parts agree.
    fn is_timed(&self) -> bool {
        let parts = self.problem.parts();
        let is_open = |window: &Window| window.open == 0 && window.close >= MAX_VALUE;
        self.weights.balance > 0.0
            || parts.stops.iter().any(|stop| !stop.windows.iter().all(is_open) || stop.release > 0)
            || parts.vehicles.iter().any(|vehicle| {
                !is_open(&vehicle.shift)
                    || vehicle.max_duration.is_some()
                    || vehicle.time_cost > 0
                    || !vehicle.breaks.is_empty()
            })
    }

    fn amounts(&self, model: &mut Model, stop: u32) {
        let none = vec![0; model.dimensions];
        let (delivery, pickup, shipment) = match &self.problem.stops()[stop as usize].work {
            Work::Visit { delivery, pickup } => (delivery, pickup, &none),
            Work::Collect { load, .. } | Work::Bring { load, .. } => (&none, &none, load),
        };
        model.delivery.extend(delivery);
        model.pickup.extend(pickup);
        model.shipment.extend(shipment);
    }

    fn site(&self, place: Option<usize>, stops: usize) -> u32 {
        let index = place.and_then(|place| self.depots.iter().position(|&depot| depot == place));
        (stops + index.unwrap_or(self.depots.len())) as u32
    }

    fn kind(&self, index: usize, count: usize, stops: usize, number: &[u32]) -> Kind {
        let vehicle = &self.problem.vehicles()[index];
        let reload = vehicle.reload.as_ref();
        let every_stop = self.problem.stops();
        let has_release = every_stop.iter().any(|stop| stop.release > 0);
        let pays_time = vehicle.max_duration.is_some() || vehicle.time_cost > 0 || self.weights.balance > 0.0;
        let is_complex = !vehicle.breaks.is_empty()
            || reload.is_some()
            || has_release
            || (pays_time && every_stop.iter().any(|stop| stop.windows.len() > 1));
        let any = i64::MAX / 4;
        Kind {
            count,
            profile: vehicle.profile,
            start: self.site(vehicle.start, stops),
            end: self.site(vehicle.end, stops),
            capacity: vehicle.capacity.clone(),
            shift: vehicle.shift,
            breaks: vehicle
                .breaks
                .iter()
                .map(|pause| Pause { window: pause.window, duration: pause.duration })
                .collect(),
            fixed_cost: vehicle.fixed_cost + self.weights.vehicle,
            distance_cost: vehicle.distance_cost,
            time_cost: vehicle.time_cost,
            max_duration: vehicle.max_duration.unwrap_or(any),
            max_distance: vehicle.max_distance.unwrap_or(any),
            max_stops: vehicle.max_stops.unwrap_or(usize::MAX),
            reload_sites: reload.map_or(Vec::new(), |reload| {
                reload.places.iter().map(|&place| self.site(Some(place), stops)).collect()
            }),
            reload_time: reload.map_or(0, |reload| reload.duration),
            reloads: reload.map_or(0, |reload| reload.times),
            locked: vehicle
                .begins_with
                .iter()
                .map(|&stop| number[stop])
                .filter(|&stop| stop != NONE)
                .collect(),
            is_complex,
            pays_time: pays_time && !is_complex,
        }
    }

    fn visit(&self, index: u32, number: &[u32]) -> Visit {
        let stop = &self.problem.stops()[index as usize];
        let (role, partner) = match stop.work {
            Work::Visit { .. } => (Role::Visit, NONE),
            Work::Collect { to, .. } => (Role::Collect, number[to]),
            Work::Bring { from, .. } => (Role::Bring, number[from]),
        };
        Visit {
            service: stop.service,
            windows: stop.windows.clone(),
            release: stop.release,
            role,
            partner,
            absence: self.absence(index as usize),
            is_required: stop.prize.is_none(),
            is_backhaul: stop.is_backhaul,
            is_locked: self.decided[index as usize].is_some(),
            is_prefix: self.decided[index as usize].is_some_and(|vehicle| {
                self.problem.vehicles()[vehicle].begins_with.contains(&(index as usize))
            }),
        }
    }

    fn matrices(&self, stops: &[u32]) -> Vec<Matrix> {
        let parts = self.problem.parts();
        let places: Vec<usize> = stops
            .iter()
            .map(|&stop| parts.stops[stop as usize].place)
            .chain(self.depots.iter().copied())
            .collect();
        let side = places.len() + 1;
        let table = |between: &dyn Fn(usize, usize) -> i64| {
            let mut table = vec![0_i32; side * side];
            for (i, &from) in places.iter().enumerate() {
                for (j, &to) in places.iter().enumerate() {
                    if i != j {
                        table[i * side + j] = between(from, to) as i32;
                    }
                }
            }
            table
        };
        let transposed = |table: &[i32]| {
            (0..side * side).map(|at| table[at % side * side + at / side]).collect::<Vec<i32>>()
        };
        let matrix = |travel: &Travel| {
            let distance = table(&|from, to| travel.distance(&parts.places, from, to));
            let is_symmetric = travel.is_symmetric(parts.places.len());
            let time = match travel.pace {
                Pace::Equal => None,
                _ => Some(table(&|from, to| travel.duration(&parts.places, from, to))),
            };
            Matrix {
                side,
                back: (!is_symmetric).then(|| transposed(&distance)),
                time_back: time.as_ref().filter(|_| !is_symmetric).map(|time| transposed(time)),
                distance,
                time,
            }
        };
        parts.travel.iter().map(matrix).collect()
    }
}

/// Returns the distance and the time of the way to a stop and back.
fn alone(problem: &Problem, vehicle: &Vehicle, stop: &Stop) -> (i64, i64) {
    let parts = problem.parts();
    let travel = &parts.travel[vehicle.profile];
    let way = |from: Option<usize>, to: Option<usize>| match (from, to) {
        (Some(from), Some(to)) => {
            (travel.distance(&parts.places, from, to), travel.duration(&parts.places, from, to))
        }
        _ => (0, 0),
    };
    let (out, back) = (way(vehicle.start, Some(stop.place)), way(Some(stop.place), vehicle.end));
    (out.0 + back.0, out.1 + back.1)
}

/// Returns about how long a vehicle works if the work is shared out evenly.
fn even_time(problem: &Problem) -> i64 {
    let vehicles: usize = problem.vehicles().iter().map(|vehicle| vehicle.count).sum();
    let Some(vehicle) = problem.vehicles().first() else { return 1 };
    let times = problem.stops().iter().map(|stop| alone(problem, vehicle, stop).1 + stop.service);
    (times.sum::<i64>() / vehicles.clamp(1, problem.stops().len().max(1)) as i64).max(1)
}

/// Returns at least what balance adds for a route for one stop.
fn balance_cost(problem: &Problem, weights: Weights) -> i64 {
    if weights.balance == 0.0 {
        return 0;
    }
    let longest = problem.vehicles().iter().flat_map(|vehicle| {
        problem.stops().iter().map(move |stop| alone(problem, vehicle, stop).1 + stop.service)
    });
    let longest = 2.0 * longest.max().unwrap_or(0) as f64;
    (4.0 * weights.balance * longest * (longest + even_time(problem) as f64) / even_time(problem) as f64)
        as i64
}
