//! The checker's own distances, written from TSPLIB's text and independent of the solvers'.

use crate::instance::{Instance, Weights};
use crate::request::Shape;
use crate::rule::Rule;

/// Returns the length of a tour whose cities all exist.
pub(super) fn tour_length(instance: &Instance, shape: Shape, tour: &[usize]) -> i64 {
    let mut total: i64 = 0;
    for at in 1..tour.len() {
        total += between(instance, tour[at - 1], tour[at]);
    }
    let is_closed = match shape {
        Shape::Closed => true,
        Shape::Open { start: Some(start), end: Some(end) } => start == end,
        Shape::Open { .. } => false,
    };
    if is_closed && tour.len() > 1 {
        total += between(instance, tour[tour.len() - 1], tour[0]);
    }
    total
}

/// Returns the distance from one city to another.
pub(super) fn between(instance: &Instance, from: usize, to: usize) -> i64 {
    match instance.weights() {
        Weights::Matrix { weights, .. } => weights[from * instance.n() + to],
        Weights::Points { rule, points } => measure(*rule, &points[from], &points[to]),
    }
}

fn nint(x: f64) -> i64 {
    (x + 0.5).floor() as i64
}

fn norm(p: &[f64; 3], q: &[f64; 3], dimensions: usize) -> f64 {
    p.iter().zip(q).take(dimensions).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

pub(crate) fn measure(rule: Rule, p: &[f64; 3], q: &[f64; 3]) -> i64 {
    let differences = || p.iter().zip(q).map(|(a, b)| (a - b).abs());
    match rule {
        Rule::Euclidean2 => nint(norm(p, q, 2)),
        Rule::Euclidean3 => nint(norm(p, q, 3)),
        Rule::Scaled2 { steps } => nint(norm(p, q, 2) * steps),
        Rule::Ceiling2 => norm(p, q, 2).ceil() as i64,
        Rule::Manhattan2 => nint(differences().take(2).sum()),
        Rule::Manhattan3 => nint(differences().sum()),
        Rule::Maximum2 => differences().take(2).map(nint).max().unwrap_or(0),
        Rule::Maximum3 => differences().map(nint).max().unwrap_or(0),
        Rule::Att => {
            let square: f64 = p.iter().zip(q).take(2).map(|(a, b)| (a - b) * (a - b)).sum();
            let real = (square / 10.0).sqrt();
            let rounded = nint(real);
            rounded + i64::from((rounded as f64) < real)
        }
        Rule::Geo => tsplib_geo(p, q),
        Rule::GreatCircle => great_circle(p, q),
    }
}

/// The radius of the Earth in TSPLIB, in kilometres.
const RRR: f64 = 6378.388;

/// The mean radius of the Earth (IUGG), in metres.
const MEAN_RADIUS: f64 = 6_371_008.8;

/// TSPLIB 95, section 2.4: degrees.minutes in radians; `(int)` truncates.
#[allow(clippy::approx_constant, reason = "the rule prescribes this value of π")]
fn tsplib_radians(x: f64) -> f64 {
    let deg = x as i64 as f64;
    let min = x - deg;
    3.141592 * (deg + 5.0 * min / 3.0) / 180.0
}

/// TSPLIB 95, section 2.4, word by word.
fn tsplib_geo(p: &[f64; 3], q: &[f64; 3]) -> i64 {
    let (latitude_i, longitude_i) = (tsplib_radians(p[0]), tsplib_radians(p[1]));
    let (latitude_j, longitude_j) = (tsplib_radians(q[0]), tsplib_radians(q[1]));
    let q1 = f64::cos(longitude_i - longitude_j);
    let q2 = f64::cos(latitude_i - latitude_j);
    let q3 = f64::cos(latitude_i + latitude_j);
    let cosine = (0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)).min(1.0);
    (RRR * f64::acos(cosine.max(-1.0)) + 1.0) as i64
}

/// The haversine formula on a sphere with the mean radius of the Earth, in whole metres.
fn great_circle(p: &[f64; 3], q: &[f64; 3]) -> i64 {
    let degree = std::f64::consts::PI / 180.0;
    let haversine = |angle: f64| (angle / 2.0).sin() * (angle / 2.0).sin();
    let (latitude_p, latitude_q) = (p[0] * degree, q[0] * degree);
    let longitudes = p[1] * degree - q[1] * degree;
    let h = haversine(latitude_p - latitude_q) + latitude_p.cos() * latitude_q.cos() * haversine(longitudes);
    nint(2.0 * MEAN_RADIUS * h.min(1.0).sqrt().asin())
}

/// Returns a place in space such that straight lines say what distances cannot be below, see [`at_least`]: on the unit sphere where
/// the rule is of the Earth.
pub(super) fn embedded(rule: Rule, point: &[f64; 3]) -> [f64; 3] {
    let [latitude, longitude] = match rule {
        Rule::Geo => [tsplib_radians(point[0]), tsplib_radians(point[1])],
        Rule::GreatCircle => [point[0].to_radians(), point[1].to_radians()],
        _ if rule.dimensions() == 3 => return *point,
        _ => return [point[0], point[1], 0.0],
    };
    let (sin, cos) = latitude.sin_cos();
    [cos * longitude.cos(), cos * longitude.sin(), sin]
}

/// Returns what the distance of two places cannot be below that are `straight` apart in space.
///
/// No rule takes away more than half a step by rounding; the rest of the step that is given away here is for floats.
pub(super) fn at_least(rule: Rule, straight: f64) -> i64 {
    let on_sphere = |radius: f64| radius * 2.0 * (straight / 2.0).min(1.0).asin();
    let real = match rule {
        Rule::Geo => on_sphere(RRR),
        Rule::GreatCircle => on_sphere(MEAN_RADIUS),
        Rule::Att => straight / f64::sqrt(10.0),
        // The longest of two or three differences is at least their norm over the root of their number.
        Rule::Maximum2 => straight / f64::sqrt(2.0),
        Rule::Maximum3 => straight / f64::sqrt(3.0),
        Rule::Scaled2 { steps } => straight * steps,
        _ => straight,
    };
    (real * (1.0 - 1e-9)) as i64 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 11] = [
        Rule::Euclidean2,
        Rule::Euclidean3,
        Rule::Ceiling2,
        Rule::Manhattan2,
        Rule::Manhattan3,
        Rule::Maximum2,
        Rule::Maximum3,
        Rule::Geo,
        Rule::Att,
        Rule::GreatCircle,
        Rule::Scaled2 { steps: 1000.0 },
    ];

    proptest::proptest! {
        #[test]
        fn two_implementations_agree_on_every_rule(
            p in proptest::array::uniform3(-90.0_f64..90.0), q in proptest::array::uniform3(-90.0_f64..90.0),
            grid in proptest::bool::ANY
        ) {
            // Whole and half numbers are where roundings differ, if anywhere.
            let snap = |point: [f64; 3]| if grid { point.map(|x| (2.0 * x).round() / 2.0) } else { point };
            let (p, q) = (snap(p), snap(q));
            for rule in RULES {
                let distance = measure(rule, &p, &q);
                proptest::prop_assert_eq!(distance, rule.distance(p, q), "{:?}", rule);
                let (a, b) = (embedded(rule, &p), embedded(rule, &q));
                let least = at_least(rule, norm(&a, &b, 3));
                proptest::prop_assert!(least <= distance, "{:?}: {} of {}", rule, least, distance);
                proptest::prop_assert!(2 * least + 6 >= distance, "{:?}: {} of {}", rule, least, distance);
            }
        }
    }
}
