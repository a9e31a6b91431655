//! What got slower, beyond chance.

use festina_types::{Estimate, Interval, Method};
use serde::{Deserialize, Serialize};

use super::{LEVEL, Profile, Spot};

/// A function in two profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotChange {
    /// The function's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Seconds of elapsed time charged to it alone before.
    pub before_s: f64,
    /// And after.
    pub after_s: f64,
    /// The difference, after less before, in seconds.
    pub difference_s: Estimate,
    /// Whether the difference is beyond what sampling explains.
    pub is_beyond_chance: bool,
}

/// Two profiles of the same program, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Elapsed time before, in seconds.
    pub before_s: f64,
    /// And after.
    pub after_s: f64,
    /// Functions, the largest difference first.
    pub changes: Vec<SpotChange>,
}

/// Compares two profiles by the elapsed time that is charged to each function itself.
pub fn compare(before: &Profile, after: &Profile) -> Comparison {
    let mut changes: Vec<SpotChange> = Vec::new();
    let same = |a: &Spot, b: &Spot| a.name == b.name && a.file == b.file && a.kind == b.kind;
    let unique = |spots: &[Spot], spot: &Spot| spots.iter().filter(|other| same(other, spot)).count() == 1;
    for spot in &after.functions {
        let matching = |other: &&Spot| {
            let is_sure = unique(&before.functions, spot) && unique(&after.functions, spot);
            same(other, spot) && (is_sure || other.line == spot.line)
        };
        let former = before.functions.iter().find(matching);
        changes.push(change(former.map(|spot| (spot, before.elapsed_s)), Some((spot, after.elapsed_s))));
    }
    for spot in &before.functions {
        if !after.functions.iter().any(|other| same(other, spot)) {
            changes.push(change(Some((spot, before.elapsed_s)), None));
        }
    }
    changes.retain(|change| change.before_s > 0.0 || change.after_s > 0.0);
    changes.sort_by(|a, b| b.difference_s.value.abs().total_cmp(&a.difference_s.value.abs()));
    Comparison { before_s: before.elapsed_s, after_s: after.elapsed_s, changes }
}

fn change(before: Option<(&Spot, f64)>, after: Option<(&Spot, f64)>) -> SpotChange {
    let (spot, _) = after.or(before).expect("a function of one of the two");
    let seconds =
        |side: Option<(&Spot, f64)>| side.map_or(0.0, |(spot, elapsed)| spot.self_share.value * elapsed);
    let half_width = |side: Option<(&Spot, f64)>| {
        let interval = side.and_then(|(spot, elapsed)| Some((spot.self_share.interval?, elapsed)));
        interval.map_or(0.0, |(i, elapsed)| (i.upper - i.lower) / 2.0 * elapsed)
    };
    let difference = seconds(after) - seconds(before);
    let half = half_width(after).hypot(half_width(before));
    let interval = Interval { lower: difference - half, upper: difference + half, level: LEVEL };
    SpotChange {
        name: spot.name.clone(),
        file: spot.file.clone(),
        before_s: seconds(before),
        after_s: seconds(after),
        difference_s: Estimate { value: difference, interval: Some(interval), method: Method::Sampling },
        is_beyond_chance: !interval.contains(0.0),
    }
}
