//! The checker's own timetable: found by trying, where the solver's is computed.
//!
//! The vehicle leaves as early as it can, breaks are tried at every place where they are allowed, and the earliest end wins; then the
//! latest departure that still meets this end is found by bisection, since who leaves later never ends earlier.

use crate::check::distance::measure;
use crate::vrp::check::ClaimedRoute;
use crate::vrp::plan::{Action, Line, Route};
use crate::vrp::problem::{Problem, Vehicle, Work};
use crate::vrp::travel::{Metric, Pace, Rounding};

/// Returns the distance from one place to another; 0 where a route is open.
fn distance(problem: &Problem, vehicle: &Vehicle, from: Option<usize>, to: Option<usize>) -> i64 {
    let (Some(from), Some(to)) = (from, to) else { return 0 };
    if from == to {
        return 0;
    }
    let parts = problem.parts();
    let point = |place: usize| parts.places[place].point.map_or([0.0; 3], |[a, b]| [a, b, 0.0]);
    match &parts.travel[vehicle.profile].metric {
        Metric::Matrix(table) => table[from * parts.places.len() + to],
        Metric::Rule(rule) => measure(*rule, &point(from), &point(to)),
        Metric::Straight { steps, rounding } => {
            let (p, q) = (point(from), point(to));
            let (across, up) = (q[0] - p[0], q[1] - p[1]);
            let exact = (across * across + up * up).sqrt() * steps;
            match rounding {
                Rounding::Nearest => (exact + 0.5).floor() as i64,
                Rounding::Down => exact.floor() as i64,
                Rounding::Up => exact.ceil() as i64,
            }
        }
    }
}

/// Returns the time from one place to another.
fn duration(problem: &Problem, vehicle: &Vehicle, from: Option<usize>, to: Option<usize>) -> i64 {
    let (Some(a), Some(b)) = (from, to) else { return 0 };
    if a == b {
        return 0;
    }
    let parts = problem.parts();
    match &parts.travel[vehicle.profile].pace {
        Pace::Equal => distance(problem, vehicle, from, to),
        Pace::Speed(speed) => (distance(problem, vehicle, from, to) as f64 / speed + 0.5).floor() as i64,
        Pace::Matrix(table) => table[a * parts.places.len() + b],
    }
}

/// Returns what is on board, in dimension `d`, when each trip begins and after each action.
pub(super) fn loads(problem: &Problem, actions: &[Action], d: usize) -> Vec<i64> {
    let goods = |rest: &[Action]| -> i64 {
        let trip = rest.iter().take_while(|action| !matches!(action, Action::Reload(_)));
        trip.map(|action| match action {
            Action::Stop(stop) => match problem.stops().get(*stop).map(|stop| &stop.work) {
                Some(Work::Visit { delivery, .. }) => delivery[d],
                _ => 0,
            },
            _ => 0,
        })
        .sum()
    };
    let (mut shipped, mut depot) = (0, goods(actions));
    let mut loads = vec![depot];
    for (index, action) in actions.iter().enumerate() {
        match action {
            Action::Stop(stop) => match problem.stops().get(*stop).map(|stop| &stop.work) {
                Some(Work::Visit { delivery, pickup }) => depot += pickup[d] - delivery[d],
                Some(Work::Collect { load, .. }) => shipped += load[d],
                Some(Work::Bring { load, .. }) => shipped -= load[d],
                None => {}
            },
            Action::Reload(_) => depot = goods(&actions[index + 1..]),
            Action::Start | Action::Break(_) | Action::End => {}
        }
        loads.push(depot + shipped);
    }
    loads
}

/// A route that is being tried.
struct Trial<'a> {
    problem: &'a Problem,
    vehicle: &'a Vehicle,
    actions: &'a [Action],
    /// The best end so far, and the lines that lead to it.
    best: Option<(i64, Vec<Line>)>,
    lines: Vec<Line>,
    /// The latest time at which it still made sense to be somewhere: (action, breaks taken) → the earliest seen.
    seen: Vec<Vec<i64>>,
}

/// Works the timetable of a route out.
pub(super) fn work_out(problem: &Problem, route: &ClaimedRoute) -> Result<Route, String> {
    let vehicle = &problem.vehicles()[route.vehicle];
    let actions: Vec<Action> =
        route.actions.iter().copied().filter(|action| is_known(problem, action)).collect();
    let end_of = |depart: i64| try_from(problem, vehicle, &actions, depart);
    let first = vehicle.shift.open.max(ready(problem, &actions));
    // Leaving later can spare a break that would be due otherwise, never bring an end forward by itself.
    let departures = std::iter::once(first).chain(vehicle.breaks.iter().map(|pause| pause.window.close + 1));
    let found = departures
        .filter(|&depart| depart >= first)
        .filter_map(|depart| Some((end_of(depart)?.0, depart)))
        .min();
    let Some((end, depart)) = found.filter(|(end, _)| *end <= vehicle.shift.close) else {
        return Err(blame(problem, vehicle, &actions, first, found.map(|(end, _)| end)));
    };
    let (mut low, mut high) = (depart, end);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if end_of(middle).is_some_and(|(later, _)| later == end) { low = middle } else { high = middle - 1 }
    }
    let (_, mut lines) = end_of(low).ok_or("it cannot be driven")?;
    fill_loads(problem, &actions, &mut lines);
    let distance = lines.iter().map(|line| line.distance).sum();
    Ok(Route {
        vehicle: route.vehicle,
        number: route.number,
        cost: vehicle.fixed_cost + vehicle.distance_cost * distance + vehicle.time_cost * (end - low),
        distance,
        duration: end - low,
        lines,
    })
}

fn is_known(problem: &Problem, action: &Action) -> bool {
    match action {
        Action::Stop(stop) => *stop < problem.stops().len(),
        Action::Reload(place) => *place < problem.parts().places.len(),
        Action::Start | Action::Break(_) | Action::End => false,
    }
}

fn fill_loads(problem: &Problem, actions: &[Action], lines: &mut [Line]) {
    for d in 0..problem.parts().dimensions.len() {
        let mut loads = loads(problem, actions, d).into_iter();
        let mut load = 0;
        for line in lines.iter_mut() {
            match line.action {
                Action::End => load = 0,
                Action::Break(_) => {}
                Action::Start | Action::Stop(_) | Action::Reload(_) => load = loads.next().unwrap_or(load),
            }
            line.load.push(load);
        }
    }
}

/// Returns when the goods of the trip that these actions begin with are ready.
fn ready(problem: &Problem, actions: &[Action]) -> i64 {
    let trip = actions.iter().take_while(|action| !matches!(action, Action::Reload(_)));
    let release =
        |action: &Action| if let Action::Stop(stop) = action { problem.stops()[*stop].release } else { 0 };
    trip.map(release).max().unwrap_or(0)
}

/// Returns the earliest end after leaving at `depart`, and the lines of it.
fn try_from(
    problem: &Problem,
    vehicle: &Vehicle,
    actions: &[Action],
    depart: i64,
) -> Option<(i64, Vec<Line>)> {
    let line = |action, place, time| Line {
        action,
        place,
        arrive: time,
        begin: time,
        leave: time,
        load: Vec::new(),
        distance: 0,
    };
    let mut trial = Trial {
        problem,
        vehicle,
        actions,
        best: None,
        lines: vec![line(Action::Start, vehicle.start, depart)],
        seen: vec![vec![i64::MAX; vehicle.breaks.len() + 1]; 2 * actions.len() + 3],
    };
    // Breaks that are over before the vehicle leaves are not due.
    let over = vehicle.breaks.iter().take_while(|pause| pause.window.close < depart).count();
    trial.leave(0, over, depart, vehicle.start);
    trial.best
}

impl Trial<'_> {
    /// Goes on from a place that can be left at `time` for action number `next`; `taken` breaks are behind.
    fn leave(&mut self, next: usize, taken: usize, time: i64, at: Option<usize>) {
        if self.seen[2 * next][taken] <= time || self.best.as_ref().is_some_and(|(end, _)| time >= *end) {
            return;
        }
        self.seen[2 * next][taken] = time;
        let to = match self.actions.get(next) {
            Some(Action::Stop(stop)) => Some(self.problem.stops()[*stop].place),
            Some(Action::Reload(place)) => Some(*place),
            _ => self.vehicle.end,
        };
        let arrive = time + duration(self.problem, self.vehicle, at, to);
        self.arrive(next, taken, arrive, at, to);
        if let Some((begin, leave)) = self.pause(taken, time) {
            self.lines.push(self.break_line(taken, time, begin, leave));
            self.leave(next, taken + 1, leave, at);
            self.lines.pop();
        }
    }

    /// Goes on from an arrival: serves, or takes a break first.
    fn arrive(&mut self, next: usize, taken: usize, time: i64, from: Option<usize>, at: Option<usize>) {
        if self.seen[2 * next + 1][taken] <= time {
            return;
        }
        self.seen[2 * next + 1][taken] = time;
        if let Some((begin, leave)) = self.pause(taken, time) {
            self.lines.push(self.break_line(taken, time, begin, leave));
            self.arrive(next, taken + 1, leave, from, at);
            self.lines.pop();
        }
        let Some(action) = self.actions.get(next).copied() else { return self.end(taken, time, from, at) };
        let (begin, service) = match action {
            Action::Stop(stop) => {
                let stop = &self.problem.stops()[stop];
                let windows = stop.windows.iter();
                let Some(begin) = windows.filter(|w| w.close >= time).map(|w| w.open.max(time)).min() else {
                    return;
                };
                (begin, stop.service)
            }
            _ => {
                let ready = ready(self.problem, &self.actions[next + 1..]);
                (time.max(ready), self.vehicle.reload.as_ref().map_or(0, |reload| reload.duration))
            }
        };
        let distance = distance(self.problem, self.vehicle, from, at);
        let leave = begin + service;
        self.lines.push(Line { action, place: at, arrive: time, begin, leave, load: Vec::new(), distance });
        self.leave(next + 1, taken, leave, at);
        self.lines.pop();
    }

    /// Ends the route, if no break is due any more.
    fn end(&mut self, taken: usize, time: i64, from: Option<usize>, at: Option<usize>) {
        let is_due = self.vehicle.breaks[taken..].iter().any(|pause| time > pause.window.close);
        if is_due || self.best.as_ref().is_some_and(|(end, _)| time >= *end) {
            return;
        }
        let distance = distance(self.problem, self.vehicle, from, at);
        let mut lines = self.lines.clone();
        lines.push(Line {
            action: Action::End,
            place: at,
            arrive: time,
            begin: time,
            leave: time,
            load: Vec::new(),
            distance,
        });
        self.best = Some((time, lines));
    }

    /// Returns when the next break begins and ends if it is taken at `time`.
    fn pause(&self, taken: usize, time: i64) -> Option<(i64, i64)> {
        let pause = self.vehicle.breaks.get(taken)?;
        let begin = time.max(pause.window.open);
        (begin <= pause.window.close).then_some((begin, begin + pause.duration))
    }

    fn break_line(&self, index: usize, arrive: i64, begin: i64, leave: i64) -> Line {
        Line {
            action: Action::Break(index),
            place: None,
            arrive,
            begin,
            leave,
            load: Vec::new(),
            distance: 0,
        }
    }
}

/// Says why a route cannot be driven: the first stop that is too late when everything goes as early as possible.
fn blame(problem: &Problem, vehicle: &Vehicle, actions: &[Action], first: i64, end: Option<i64>) -> String {
    use crate::vrp::explain::show_time;
    let show = |time: i64| show_time(problem, time);
    if let Some(end) = end {
        return format!("it ends at {}, after its shift ({})", show(end), show(vehicle.shift.close));
    }
    for count in 1..=actions.len() {
        let open_end = Vehicle { end: None, breaks: Vec::new(), ..vehicle.clone() };
        if try_from(problem, &open_end, &actions[..count], first).is_none()
            && let Action::Stop(stop) = actions[count - 1]
        {
            let stop = &problem.stops()[stop];
            let close = stop.windows.iter().map(|window| window.close).max().unwrap_or(0);
            return format!("'{}' is reached after its last window has closed ({})", stop.id, show(close));
        }
    }
    "its breaks cannot be taken when they are due".to_owned()
}

/// Checks the times that a route claims, line by line.
pub(super) fn check_claimed(problem: &Problem, route: &Route) -> Vec<String> {
    use crate::vrp::explain::show_time;
    let vehicle = &problem.vehicles()[route.vehicle];
    let mut found = Vec::new();
    let mut wrong = |what: String| found.push(what);
    let (Some(first), Some(last)) = (route.lines.first(), route.lines.last()) else {
        return vec!["it has no timetable".to_owned()];
    };
    if first.action != Action::Start || last.action != Action::End {
        wrong("its timetable does not go from start to end".to_owned());
    }
    if first.leave < vehicle.shift.open || last.arrive > vehicle.shift.close {
        wrong(format!(
            "it leaves at {} and ends at {}",
            show_time(problem, first.leave),
            show_time(problem, last.arrive)
        ));
    }
    if route.duration != last.arrive - first.leave {
        wrong("its duration is not what its timetable says".to_owned());
    }
    let mut driving = 0;
    let mut at = vehicle.start;
    let mut taken = 0;
    for pair in route.lines.windows(2) {
        let (before, line) = (&pair[0], &pair[1]);
        driving += line.arrive - before.leave;
        if line.arrive < before.leave || line.begin < line.arrive || line.leave < line.begin {
            wrong(format!("its times run backwards at {}", show_time(problem, line.arrive)));
        }
        let service = match line.action {
            Action::Stop(stop) => {
                let own = &problem.stops()[stop];
                if !own.windows.iter().any(|window| (window.open..=window.close).contains(&line.begin)) {
                    wrong(format!(
                        "'{}' is served at {}, outside its windows",
                        own.id,
                        show_time(problem, line.begin)
                    ));
                }
                own.service
            }
            Action::Break(index) => {
                taken += 1;
                let Some(pause) = vehicle.breaks.get(index) else { continue };
                if !(pause.window.open..=pause.window.close).contains(&line.begin) {
                    wrong(format!("break {} begins at {}", index + 1, show_time(problem, line.begin)));
                }
                pause.duration
            }
            Action::Reload(_) => vehicle.reload.as_ref().map_or(0, |reload| reload.duration),
            Action::Start | Action::End => 0,
        };
        if line.leave - line.begin != service {
            wrong(format!("what begins at {} should take {service}", show_time(problem, line.begin)));
        }
        if matches!(line.action, Action::Break(_)) {
            continue;
        }
        if driving < duration(problem, vehicle, at, line.place) {
            wrong(format!(
                "it is too fast on its way to what it reaches at {}",
                show_time(problem, line.arrive)
            ));
        }
        driving = 0;
        at = line.place;
    }
    let due = vehicle
        .breaks
        .iter()
        .filter(|pause| (first.leave..last.arrive).contains(&pause.window.close))
        .count();
    if taken < due {
        wrong(format!("it takes {taken} of the {due} breaks that are due"));
    }
    found
}
