//! What a draft must fulfil to be a problem.

use std::collections::HashMap;

use crate::error::RouteError;
use crate::vrp::problem::{
    Draft, MAX_BREAKS, MAX_DIMENSIONS, MAX_STOPS, MAX_VALUE, Stop, Vehicle, Window, Work,
};
use crate::vrp::travel::{Metric, Pace, Travel};

/// The largest distance or time between two places.
pub(crate) const MAX_LEG: i64 = i32::MAX as i64 / 2;

/// The largest load of a stop.
const MAX_LOAD: i64 = 1 << 40;

type Checked = Result<(), RouteError>;

fn fail(message: String) -> Checked {
    Err(RouteError::instance(message))
}

pub(super) fn check(draft: &Draft) -> Checked {
    if draft.stops.len() > MAX_STOPS {
        return fail(format!("{} stops are more than {MAX_STOPS}", draft.stops.len()));
    }
    if draft.dimensions.len() > MAX_DIMENSIONS {
        return fail(format!(
            "a load of {} dimensions; {MAX_DIMENSIONS} are the most",
            draft.dimensions.len()
        ));
    }
    if draft.vehicles.iter().all(|vehicle| vehicle.count == 0) {
        return Err(RouteError::instance("there is no vehicle").with_hint("a plan needs at least one"));
    }
    names(draft.stops.iter().map(|stop| stop.id.as_str()), "stop")?;
    names(draft.vehicles.iter().map(|vehicle| vehicle.id.as_str()), "vehicle")?;
    places(draft)?;
    for travel in &draft.travel {
        check_travel(draft, travel)?;
    }
    for (index, stop) in draft.stops.iter().enumerate() {
        check_stop(draft, index, stop)?;
    }
    for vehicle in &draft.vehicles {
        check_vehicle(draft, vehicle)?;
    }
    locked_once(draft)?;
    if draft.stops.iter().any(|stop| stop.is_backhaul)
        && draft.stops.iter().any(|stop| matches!(stop.work, Work::Collect { .. }))
    {
        return Err(RouteError::instance("shipments and backhauls do not go together")
            .with_hint("write the backhauls as stops with a late window, or the shipments as two plans"));
    }
    costs(draft)
}

/// Requires that the cost of no plan can overflow, however long its ways.
fn costs(draft: &Draft) -> Checked {
    let most = |values: &mut dyn Iterator<Item = i64>| values.max().unwrap_or(0) as f64;
    let prices = |price: fn(&Vehicle) -> i64| most(&mut draft.vehicles.iter().map(price));
    let leg = draft.travel.iter().map(|travel| longest_leg(draft, travel)).fold(0.0, f64::max);
    let service = most(&mut draft.stops.iter().map(|stop| stop.service));
    let shift = most(&mut draft.vehicles.iter().map(|vehicle| vehicle.shift.close));
    let day = shift.min((draft.stops.len() + 1) as f64 * (leg + service) + shift_open(draft));
    let of_one = prices(|vehicle| vehicle.fixed_cost)
        + prices(|vehicle| vehicle.distance_cost) * 2.0 * leg
        + prices(|vehicle| vehicle.time_cost) * day.min(1e6 + 2.0 * (leg + service));
    let prizes: f64 = draft.stops.iter().map(|stop| stop.prize.unwrap_or(0) as f64).sum();
    if of_one * (draft.stops.len() + 1) as f64 + prizes < (1_u64 << 58) as f64 {
        return Ok(());
    }
    Err(RouteError::instance("costs could grow beyond what can be counted")
        .with_hint("lower the prices, or give them in a larger unit"))
}

fn shift_open(draft: &Draft) -> f64 {
    draft.vehicles.iter().map(|vehicle| vehicle.shift.open).max().unwrap_or(0) as f64
}

/// Returns about the longest way between two places, in steps.
fn longest_leg(draft: &Draft, travel: &Travel) -> f64 {
    match &travel.metric {
        Metric::Matrix(weights) => weights.iter().max().map_or(0.0, |&weight| weight as f64),
        _ if draft.is_geographic => 2.1e7,
        Metric::Straight { steps, .. } => width(draft) * steps,
        Metric::Rule(_) => width(draft),
    }
}

fn names<'a>(ids: impl Iterator<Item = &'a str>, what: &str) -> Checked {
    let mut seen = HashMap::new();
    for (index, id) in ids.enumerate() {
        if id.is_empty() {
            return fail(format!("{what} {} has no name", index + 1));
        }
        if let Some(first) = seen.insert(id, index + 1) {
            return Err(RouteError::instance(format!(
                "two {what}s are called '{id}': number {first} and number {}",
                index + 1
            ))
            .with_hint("give each its own name"));
        }
    }
    Ok(())
}

fn places(draft: &Draft) -> Checked {
    for place in &draft.places {
        let Some([a, b]) = place.point else { continue };
        if !a.is_finite() || !b.is_finite() {
            return fail(format!("'{}' is at {a}, {b}", place.name));
        }
        if draft.is_geographic && (a.abs() > 90.0 || b.abs() > 360.0) {
            return Err(RouteError::instance(format!("'{}' is at latitude {a}, longitude {b}", place.name))
                .with_hint("latitudes lie in -90..90, longitudes in -180..180; are the columns swapped?"));
        }
    }
    Ok(())
}

fn check_travel(draft: &Draft, travel: &Travel) -> Checked {
    let n = draft.places.len();
    let matrix = |weights: &[i64], what: &str| {
        if n.checked_mul(n) != Some(weights.len()) {
            return fail(format!("a matrix of {n} places has {n} x {n} {what}s, not {}", weights.len()));
        }
        match weights.iter().position(|weight| !(0..=MAX_LEG).contains(weight)) {
            Some(at) => {
                let (from, to) = (&draft.places[at / n].name, &draft.places[at % n].name);
                let message = format!("the {what} from '{from}' to '{to}' is {}", weights[at]);
                Err(RouteError::instance(message).with_hint(format!("{what}s lie within 0..{MAX_LEG}")))
            }
            None => Ok(()),
        }
    };
    match &travel.metric {
        Metric::Matrix(weights) => matrix(weights, "distance")?,
        Metric::Rule(_) | Metric::Straight { .. } => {
            if let Some(place) = draft.places.iter().find(|place| place.point.is_none()) {
                return Err(RouteError::instance(format!("nobody says where '{}' is", place.name))
                    .with_hint("give it coordinates, or give a matrix"));
            }
            check_extent(draft, travel)?;
        }
    }
    match &travel.pace {
        Pace::Matrix(weights) => matrix(weights, "time"),
        Pace::Speed(speed) if !(speed.is_finite() && *speed > 0.0) => fail(format!("the speed is {speed}")),
        Pace::Speed(_) | Pace::Equal => Ok(()),
    }
}

/// Requires that the corners of the bounding box are no further apart than [`MAX_LEG`].
fn check_extent(draft: &Draft, travel: &Travel) -> Checked {
    if draft.is_geographic {
        return Ok(());
    }
    let width = width(draft);
    let steps = if let Metric::Straight { steps, .. } = travel.metric { steps } else { 1.0 };
    let pace = if let Pace::Speed(speed) = travel.pace { speed } else { 1.0 };
    if width * steps <= MAX_LEG as f64 && width * steps / pace <= MAX_LEG as f64 {
        return Ok(());
    }
    Err(RouteError::instance("the places are so far apart that distances would overflow").with_hint(format!(
        "distances and times lie below {MAX_LEG} steps; remove the outlier or choose a larger unit"
    )))
}

/// Returns the width and the height of the box around all places, added up.
fn width(draft: &Draft) -> f64 {
    let extent = (0..2).map(|axis| {
        let values = draft.places.iter().filter_map(|place| Some(place.point?[axis]));
        (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max))
    });
    extent.map(|(low, high)| (high - low).max(0.0)).sum()
}

fn check_window(window: Window, of: &str) -> Checked {
    if window.close < window.open {
        return Err(RouteError::instance(format!(
            "{of} closes ({}) before it opens ({})",
            window.close, window.open
        ))
        .with_hint("swap the two times"));
    }
    amount(window.open, of)?;
    amount(window.close, of)
}

fn amount(value: i64, of: &str) -> Checked {
    if (0..=MAX_VALUE).contains(&value) {
        return Ok(());
    }
    fail(format!("{of}: {value} is not within 0..{MAX_VALUE}"))
}

fn amounts(draft: &Draft, values: &[i64], of: &str) -> Checked {
    if values.len() != draft.dimensions.len() {
        return fail(format!("{of}: {} amounts for {} dimensions", values.len(), draft.dimensions.len()));
    }
    values.iter().try_for_each(|&value| amount(value, of))
}

/// Requires amounts of which a whole plan's can be added up.
fn loads(draft: &Draft, values: &[i64], of: &str) -> Checked {
    amounts(draft, values, of)?;
    match values.iter().find(|&&value| value > MAX_LOAD) {
        Some(value) => fail(format!("{of}: a load of {value} is more than {MAX_LOAD}")),
        None => Ok(()),
    }
}

fn check_stop(draft: &Draft, index: usize, stop: &Stop) -> Checked {
    let of = format!("stop '{}'", stop.id);
    if stop.place >= draft.places.len() {
        return fail(format!("{of} is at no known place"));
    }
    amount(stop.service, &format!("{of}, service"))?;
    amount(stop.release, &format!("{of}, release"))?;
    amount(stop.prize.unwrap_or(0), &format!("{of}, prize"))?;
    if !(1..=100).contains(&stop.priority) {
        return fail(format!("{of}: the priority {} is not within 1..100", stop.priority));
    }
    if stop.windows.is_empty() {
        return fail(format!("{of} has no window"));
    }
    for &window in &stop.windows {
        check_window(window, &format!("{of}: a window"))?;
    }
    if stop.windows.windows(2).any(|pair| pair[1].open <= pair[0].close) {
        return fail(format!("{of}: its windows overlap or are out of order"));
    }
    if let Some(stranger) = stop.vehicles.iter().flatten().find(|&&vehicle| vehicle >= draft.vehicles.len()) {
        return fail(format!("{of} names vehicle number {stranger}"));
    }
    let is_pair = |other: usize, back: &dyn Fn(&Work) -> bool| {
        draft.stops.get(other).is_some_and(|stop| back(&stop.work))
    };
    match &stop.work {
        Work::Visit { delivery, pickup } => {
            loads(draft, delivery, &of)?;
            loads(draft, pickup, &of)
        }
        Work::Collect { load, to } => {
            if !is_pair(
                *to,
                &|work| matches!(work, Work::Bring { from, load: same } if *from == index && same == load),
            ) {
                return fail(format!("{of}: nothing brings what is collected there"));
            }
            loads(draft, load, &of)
        }
        Work::Bring { load, from } => {
            if !is_pair(
                *from,
                &|work| matches!(work, Work::Collect { to, load: same } if *to == index && same == load),
            ) {
                return fail(format!("{of}: nothing collects what is brought there"));
            }
            loads(draft, load, &of)
        }
    }
}

fn check_vehicle(draft: &Draft, vehicle: &Vehicle) -> Checked {
    let of = format!("vehicle '{}'", vehicle.id);
    let known = |place: &usize| *place < draft.places.len();
    if !vehicle.start.iter().chain(&vehicle.end).all(known) || vehicle.profile >= draft.travel.len() {
        return fail(format!("{of} starts, ends or travels nowhere"));
    }
    amounts(draft, &vehicle.capacity, &format!("{of}, capacity"))?;
    check_window(vehicle.shift, &format!("{of}: its shift"))?;
    let limits = [vehicle.max_duration, vehicle.max_distance].into_iter().flatten();
    for value in limits.chain([vehicle.fixed_cost, vehicle.distance_cost, vehicle.time_cost]) {
        amount(value, &of)?;
    }
    if vehicle.breaks.len() > MAX_BREAKS {
        return fail(format!("{of} has {} breaks; {MAX_BREAKS} are the most", vehicle.breaks.len()));
    }
    for pause in &vehicle.breaks {
        check_window(pause.window, &format!("{of}: a break"))?;
        amount(pause.duration, &format!("{of}, break"))?;
    }
    let out_of_order = |pair: &[crate::vrp::problem::Break]| {
        pair[1].window.open < pair[0].window.open || pair[1].window.close < pair[0].window.close
    };
    if vehicle.breaks.windows(2).any(out_of_order) {
        return fail(format!("{of}: its breaks are out of order"));
    }
    if let Some(reload) = &vehicle.reload {
        amount(reload.duration, &format!("{of}, reload"))?;
        if reload.places.is_empty() || !reload.places.iter().all(known) {
            return fail(format!("{of} reloads nowhere"));
        }
        if reload.times > 50 {
            return fail(format!("{of} reloads {} times; 50 are the most", reload.times));
        }
    }
    check_beginning(draft, vehicle, &of)
}

fn check_beginning(draft: &Draft, vehicle: &Vehicle, of: &str) -> Checked {
    if vehicle.begins_with.is_empty() {
        return Ok(());
    }
    if vehicle.count != 1 {
        return Err(RouteError::instance(format!(
            "{of}: {} vehicles cannot begin with the same stops",
            vehicle.count
        ))
        .with_hint("give the vehicle that is under way an entry of its own, with count 1"));
    }
    for &stop in &vehicle.begins_with {
        if stop >= draft.stops.len() {
            return fail(format!("{of} begins with an unknown stop"));
        }
        if let Work::Bring { from, .. } = draft.stops[stop].work
            && !vehicle.begins_with.iter().take_while(|&&other| other != stop).any(|&other| other == from)
        {
            let (bring, collect) = (&draft.stops[stop].id, &draft.stops[from].id);
            return fail(format!("{of} begins with '{bring}' before '{collect}', where its load comes from"));
        }
    }
    Ok(())
}

/// Requires that no stop is decided twice.
fn locked_once(draft: &Draft) -> Checked {
    let mut seen: HashMap<usize, &str> = HashMap::new();
    for vehicle in &draft.vehicles {
        for &stop in &vehicle.begins_with {
            if let Some(other) = seen.insert(stop, &vehicle.id) {
                let stop = &draft.stops[stop].id;
                return fail(format!("'{other}' and '{}' both begin with stop '{stop}'", vehicle.id));
            }
        }
    }
    Ok(())
}
