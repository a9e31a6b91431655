//! From two points to a distance: the rules of TSPLIB 95 and great circles.
//!
//! Source: G. Reinelt, *TSPLIB 95*, Universität Heidelberg 1995, section 2,
//! <http://comopt.ifi.uni-heidelberg.de/software/TSPLIB95/>. `nint(x)` is `⌊x + 0.5⌋` there and here.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The mean radius of the Earth in metres (IUGG, R₁), on which [`Rule::GreatCircle`] measures.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// The radius in kilometres that TSPLIB prescribes for [`Rule::Geo`].
const TSPLIB_RADIUS_KM: f64 = 6378.388;

/// The value of π that TSPLIB prescribes for [`Rule::Geo`].
#[allow(clippy::approx_constant, reason = "the rule prescribes this value")]
const TSPLIB_PI: f64 = 3.141592;

/// How the integer distance of two points is computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `EUC_2D`: `nint(√(Δx² + Δy²))`.
    Euclidean2,
    /// `EUC_3D`: `nint(√(Δx² + Δy² + Δz²))`.
    Euclidean3,
    /// `CEIL_2D`: `⌈√(Δx² + Δy²)⌉`.
    Ceiling2,
    /// `MAN_2D`: `nint(|Δx| + |Δy|)`.
    Manhattan2,
    /// `MAN_3D`: `nint(|Δx| + |Δy| + |Δz|)`.
    Manhattan3,
    /// `MAX_2D`: `max(nint(|Δx|), nint(|Δy|))`.
    Maximum2,
    /// `MAX_3D`: the same in three dimensions.
    Maximum3,
    /// `GEO`: whole kilometres, rounded up, between latitudes and longitudes written as degrees.minutes.
    Geo,
    /// `ATT`: pseudo-Euclidean, `⌈√((Δx² + Δy²) / 10)⌉`.
    Att,
    /// Great circles in whole metres between latitudes and longitudes in decimal degrees, by the haversine formula.
    GreatCircle,
    /// `nint(√(Δx² + Δy²) · steps)`: Euclidean with `steps` integer steps in one unit of the coordinates.
    Scaled2 {
        /// How many integer steps make one unit of the coordinates.
        steps: f64,
    },
}

impl Rule {
    /// Returns whether the first two coordinates are a latitude and a longitude.
    pub fn is_geographic(self) -> bool {
        matches!(self, Self::Geo | Self::GreatCircle)
    }

    /// Returns how many coordinates the rule reads.
    pub fn dimensions(self) -> usize {
        if matches!(self, Self::Euclidean3 | Self::Manhattan3 | Self::Maximum3) { 3 } else { 2 }
    }

    /// Returns the distance of `a` and `b` under the rule; coordinates beyond its dimensions are ignored.
    ///
    /// ```
    /// use festina_route::Rule;
    /// // A 3-4-5 triangle; ⌈√(25 / 10)⌉ = ⌈1.58⌉ = 2 under ATT.
    /// let (a, b) = ([0.0, 0.0, 0.0], [3.0, 4.0, 0.0]);
    /// assert_eq!(Rule::Euclidean2.distance(a, b), 5);
    /// assert_eq!(Rule::Manhattan2.distance(a, b), 7);
    /// assert_eq!(Rule::Maximum2.distance(a, b), 4);
    /// assert_eq!(Rule::Att.distance(a, b), 2);
    /// ```
    pub fn distance(self, a: [f64; 3], b: [f64; 3]) -> i64 {
        let (dx, dy, dz) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
        match self {
            Self::Euclidean2 => euclidean(dx, dy),
            Self::Euclidean3 => nearest((dx * dx + dy * dy + dz * dz).sqrt()),
            Self::Ceiling2 => (dx * dx + dy * dy).sqrt().ceil() as i64,
            Self::Manhattan2 => nearest(dx.abs() + dy.abs()),
            Self::Manhattan3 => nearest(dx.abs() + dy.abs() + dz.abs()),
            Self::Maximum2 => nearest(dx.abs()).max(nearest(dy.abs())),
            Self::Maximum3 => nearest(dx.abs()).max(nearest(dy.abs())).max(nearest(dz.abs())),
            Self::Geo => geo(a, b),
            Self::Att => attenuated(dx, dy),
            Self::GreatCircle => great_circle(a, b),
            Self::Scaled2 { steps } => nearest((dx * dx + dy * dy).sqrt() * steps),
        }
    }
}

/// Returns `nint(x)` of a non-negative `x`.
fn nearest(x: f64) -> i64 {
    (x + 0.5) as i64
}

/// Returns the distance under [`Rule::Euclidean2`] of points that differ by `dx` and `dy`.
#[inline(always)]
pub(crate) fn euclidean(dx: f64, dy: f64) -> i64 {
    nearest((dx * dx + dy * dy).sqrt())
}

fn attenuated(dx: f64, dy: f64) -> i64 {
    let real = ((dx * dx + dy * dy) / 10.0).sqrt();
    let rounded = nearest(real);
    if (rounded as f64) < real { rounded + 1 } else { rounded }
}

/// Converts degrees.minutes to radians, truncating towards zero as the published optima do.
fn geo_radians(x: f64) -> f64 {
    let degrees = x.trunc();
    TSPLIB_PI * (degrees + 5.0 * (x - degrees) / 3.0) / 180.0
}

fn geo(a: [f64; 3], b: [f64; 3]) -> i64 {
    let [latitude_a, longitude_a] = [geo_radians(a[0]), geo_radians(a[1])];
    let [latitude_b, longitude_b] = [geo_radians(b[0]), geo_radians(b[1])];
    let q1 = (longitude_a - longitude_b).cos();
    let q2 = (latitude_a - latitude_b).cos();
    let q3 = (latitude_a + latitude_b).cos();
    let cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3);
    (TSPLIB_RADIUS_KM * cosine.clamp(-1.0, 1.0).acos() + 1.0) as i64
}

fn great_circle(a: [f64; 3], b: [f64; 3]) -> i64 {
    let [latitude_a, longitude_a] = [a[0] * PI / 180.0, a[1] * PI / 180.0];
    let [latitude_b, longitude_b] = [b[0] * PI / 180.0, b[1] * PI / 180.0];
    let half_latitude = ((latitude_a - latitude_b) / 2.0).sin();
    let half_longitude = ((longitude_a - longitude_b) / 2.0).sin();
    let h =
        half_latitude * half_latitude + latitude_a.cos() * latitude_b.cos() * half_longitude * half_longitude;
    nearest(2.0 * EARTH_RADIUS_M * h.clamp(0.0, 1.0).sqrt().asin())
}

/// Returns points in space whose straight-line distances bound the rule's distances from below, see [`lower_bound`].
pub(crate) fn embed(rule: Rule, point: [f64; 3]) -> [f64; 3] {
    let sphere = |latitude: f64, longitude: f64| {
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    match rule {
        Rule::Geo => sphere(geo_radians(point[0]), geo_radians(point[1])),
        Rule::GreatCircle => sphere(point[0].to_radians(), point[1].to_radians()),
        _ if rule.dimensions() == 3 => point,
        _ => [point[0], point[1], 0.0],
    }
}

/// Returns an integer that the distance under `rule` cannot be below, where the embedded points are at least
/// `√square` apart.
///
/// One step is given away to the rounding of the rule, a relative 1e-9 and a small absolute amount to that of floats.
pub(crate) fn lower_bound(rule: Rule, square: f64) -> i64 {
    let straight = square.max(0.0).sqrt();
    // A chord of length c on the unit sphere belongs to an arc of 2·asin(c/2).
    let arc = || 2.0 * (straight / 2.0).min(1.0).asin();
    let real = match rule {
        Rule::Geo => TSPLIB_RADIUS_KM * arc(),
        Rule::GreatCircle => EARTH_RADIUS_M * arc(),
        Rule::Att => straight / 10_f64.sqrt(),
        Rule::Maximum2 => straight / 2_f64.sqrt(),
        Rule::Maximum3 => straight / 3_f64.sqrt(),
        Rule::Scaled2 { steps } => straight * steps,
        _ => straight,
    };
    let slack = if rule.is_geographic() { 1.0 } else { 0.0 };
    ((real * (1.0 - 1e-9) - slack).floor() as i64 - 1).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_gives_the_value_worked_by_hand() {
        let at = |x, y, z| [x, y, z];
        // √(1 + 4 + 4) = 3 in space; √5 = 2.236 in the plane.
        let (a, b) = (at(0.0, 0.0, 0.0), at(1.0, 2.0, 2.0));
        assert_eq!(Rule::Euclidean3.distance(a, b), 3);
        assert_eq!(Rule::Euclidean2.distance(a, b), 2);
        assert_eq!(Rule::Ceiling2.distance(a, b), 3);
        assert_eq!(Rule::Manhattan3.distance(a, b), 5);
        assert_eq!(Rule::Maximum3.distance(a, b), 2);
        assert_eq!(Rule::Scaled2 { steps: 1000.0 }.distance(a, b), 2236);
        // Halves round up: √(1.5²) = 1.5 → 2.
        assert_eq!(Rule::Euclidean2.distance(at(1.5, 0.0, 0.0), a), 2);
        // ATT: √(100 / 10) = 3.162 → nint 3 < 3.162 → 4; √(90 / 10) = 3 → 3.
        assert_eq!(Rule::Att.distance(at(10.0, 0.0, 0.0), a), 4);
        assert_eq!(Rule::Att.distance(at(9.0, 3.0, 0.0), a), 3);
    }

    #[test]
    fn a_quarter_of_a_meridian_is_ten_thousand_kilometres() {
        let (equator, pole) = ([0.0, 0.0, 0.0], [90.0, 0.0, 0.0]);
        // π/2 · 6,371,008.8 m = 10,007,557.2 m.
        assert_eq!(Rule::GreatCircle.distance(equator, pole), 10_007_557);
        // 3.141592/2 · 6378.388 + 1 = 10,020.147…
        assert_eq!(Rule::Geo.distance(equator, pole), 10_020);
        // 0.30 is half a degree: 3.141592/360 · 6378.388 + 1 = 56.66….
        assert_eq!(Rule::Geo.distance(equator, [0.30, 0.0, 0.0]), 56);
    }

    proptest::proptest! {
        #[test]
        fn straight_lines_in_the_embedding_bound_every_rule_from_below(
            a in proptest::array::uniform3(-90.0_f64..90.0), b in proptest::array::uniform3(-90.0_f64..90.0)
        ) {
            let rules = [
                Rule::Euclidean2, Rule::Euclidean3, Rule::Ceiling2, Rule::Manhattan2, Rule::Manhattan3,
                Rule::Maximum2, Rule::Maximum3, Rule::Geo, Rule::Att, Rule::GreatCircle,
                Rule::Scaled2 { steps: 100.0 },
            ];
            for rule in rules {
                let (p, q) = (embed(rule, a), embed(rule, b));
                let square = (0..3).map(|i| (p[i] - q[i]).powi(2)).sum();
                let distance = rule.distance(a, b);
                proptest::prop_assert!(lower_bound(rule, square) <= distance, "{rule:?}");
                proptest::prop_assert_eq!(distance, rule.distance(b, a));
            }
        }
    }
}
