//! The part of an axis that is shown.
//!
//! ```text
//! position(v) = (s(v) − s(low)) / (s(high) − s(low)),   s(v) = v on a linear axis, log₂ v on a logarithmic one
//! ```

use crate::{Axis, Scale};

/// Magnitudes outside are not drawn: sums and ratios of what is inside stay finite.
const LARGEST: f64 = 1e300;
const SMALLEST: f64 = 1e-300;
/// A linear axis shows at least this share of its largest magnitude, so that ticks differ from one another.
const FINEST: f64 = 1e-9;

/// A finite range of values, not empty, and how they become lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Domain {
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether positions are counted from the high end, so that a vertical axis begins at the top.
    pub(crate) reversed: bool,
}

impl Domain {
    /// Returns the domain of `axis` that shows all of `values` which can be shown, with `margin` (a share of its
    /// length) beyond them; with `zero`, a linear one of positive values begins at zero.
    pub(crate) fn new(axis: &Axis, values: impl Iterator<Item = f64>, margin: f64, zero: bool) -> Self {
        let scale = axis.scale;
        if let Some((a, b)) = axis.range
            && drawable(scale, a)
            && drawable(scale, b)
            && a != b
        {
            return Self::between(scale, a.min(b), a.max(b)).widened();
        }
        let (low, high) = values
            .filter(|v| drawable(scale, *v))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            let (low, high) = if scale == Scale::Linear { (0.0, 1.0) } else { (1.0, 10.0) };
            return Self::between(scale, low, high);
        }
        let from_zero = zero && scale == Scale::Linear && low >= 0.0;
        let domain = Self::between(scale, if from_zero { 0.0 } else { low }, high).widened();
        domain.padded(if from_zero { 0.0 } else { margin }, margin)
    }

    /// Returns the domain from `low` to `high`.
    pub(crate) fn between(scale: Scale, low: f64, high: f64) -> Self {
        Self { scale, low, high, reversed: false }
    }

    /// Returns the place of `value` as a share of the length, 0 at the low end; `None` where it has none.
    pub(crate) fn position(&self, value: f64) -> Option<f64> {
        drawable(self.scale, value).then(|| {
            let at = |v: f64| if self.scale == Scale::Linear { v } else { v.log2() };
            self.turned((at(value) - at(self.low)) / (at(self.high) - at(self.low))).clamp(-1e4, 1e4)
        })
    }

    /// Returns the place of `value`, the nearer end where it has none: infinities and what lies below a logarithm.
    pub(crate) fn position_or_edge(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        Some(self.position(value).unwrap_or(self.turned(if value > self.low { 1.0 } else { 0.0 })))
    }

    /// Returns whether `value` lies inside, up to rounding.
    pub(crate) fn contains(&self, value: f64) -> bool {
        self.position(value).is_some_and(|at| (-1e-9..=1.0 + 1e-9).contains(&at))
    }

    /// Returns the value at `position`, the inverse of [`Domain::position`].
    pub(crate) fn value(&self, position: f64) -> f64 {
        let position = self.turned(position);
        if self.scale == Scale::Linear {
            self.low + position * (self.high - self.low)
        } else {
            (self.low.log2() + position * (self.high.log2() - self.low.log2())).exp2()
        }
    }

    fn turned(&self, position: f64) -> f64 {
        if self.reversed { 1.0 - position } else { position }
    }

    fn padded(self, below: f64, above: f64) -> Self {
        let clamp = |v: f64| {
            let least = if self.scale == Scale::Linear { -LARGEST } else { SMALLEST };
            v.clamp(least, LARGEST)
        };
        Self { low: clamp(self.value(-below)), high: clamp(self.value(1.0 + above)), ..self }
    }

    /// Returns a domain that isn't too short to carry ticks.
    fn widened(self) -> Self {
        let Self { scale, low, high, .. } = self;
        match scale {
            Scale::Linear => {
                let magnitude = low.abs().max(high.abs());
                if high - low >= magnitude * FINEST && high > low {
                    return self;
                }
                let half = if magnitude > SMALLEST { (magnitude * 0.1).max(SMALLEST) } else { 0.5 };
                Self { low: low - half, high: high + half, ..self }
            }
            Scale::Log2 | Scale::Log10 => {
                if high / low >= 1.0 + 1e-6 {
                    return self;
                }
                Self { low: (low / 2.0).max(SMALLEST), high: (high * 2.0).min(LARGEST), ..self }
            }
        }
    }
}

/// Returns whether `value` has a place on an axis of `scale`.
pub(crate) fn drawable(scale: Scale, value: f64) -> bool {
    let in_reach = value.is_finite() && value.abs() <= LARGEST;
    in_reach && (scale == Scale::Linear || value >= SMALLEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Unit;

    fn domain(scale: Scale, values: &[f64]) -> Domain {
        Domain::new(&Axis::new("", Unit::Number).with_scale(scale), values.iter().copied(), 0.0, false)
    }

    #[test]
    fn positions_are_shares_of_the_length() {
        let linear = domain(Scale::Linear, &[10.0, 30.0]);
        assert_eq!([10.0, 15.0, 30.0].map(|v| linear.position(v)), [Some(0.0), Some(0.25), Some(1.0)]);
        let log = domain(Scale::Log2, &[1.0, 16.0]);
        assert_eq!([1.0, 2.0, 16.0].map(|v| log.position(v)), [Some(0.0), Some(0.25), Some(1.0)]);
        assert_eq!(log.position(0.0), None);
        assert_eq!(log.position_or_edge(-3.0), Some(0.0));
        assert_eq!(log.position_or_edge(f64::INFINITY), Some(1.0));
        assert_eq!(log.position_or_edge(f64::NAN), None);
    }

    #[test]
    fn a_reversed_domain_begins_at_the_other_end() {
        let lanes = Domain { reversed: true, ..Domain::between(Scale::Linear, 0.0, 4.0) };
        assert_eq!([0.0, 1.0, 4.0].map(|v| lanes.position(v)), [Some(1.0), Some(0.75), Some(0.0)]);
        assert_eq!((lanes.value(0.75), lanes.position_or_edge(f64::INFINITY)), (1.0, Some(0.0)));
    }

    #[test]
    fn a_domain_of_nothing_or_of_one_value_has_a_length() {
        assert_eq!(domain(Scale::Linear, &[f64::NAN]), Domain::between(Scale::Linear, 0.0, 1.0));
        assert_eq!(domain(Scale::Log2, &[8.0]), Domain::between(Scale::Log2, 4.0, 16.0));
        assert_eq!(domain(Scale::Linear, &[0.0]), Domain::between(Scale::Linear, -0.5, 0.5));
    }

    proptest! {
        #[test]
        fn every_value_lies_inside_and_comes_back(
            values in prop::collection::vec(prop::num::f64::ANY, 0..6),
            scale in prop::sample::select(vec![Scale::Linear, Scale::Log2, Scale::Log10]),
            margin in 0.0..0.2_f64,
            zero: bool,
        ) {
            let axis = Axis::new("", Unit::Number).with_scale(scale);
            let domain = Domain::new(&axis, values.iter().copied(), margin, zero);
            prop_assert!(domain.low.is_finite() && domain.high.is_finite() && domain.low < domain.high);
            for v in values.into_iter().filter(|v| drawable(scale, *v)) {
                prop_assert!(domain.contains(v), "{v} in {domain:?}");
                let back = domain.value(domain.position(v).unwrap());
                let tolerance = match scale {
                    Scale::Linear => 1e-9 * (domain.high - domain.low).max(v.abs()),
                    _ => 1e-9 * v,
                };
                prop_assert!((back - v).abs() <= tolerance, "{back} {v}");
            }
        }
    }
}
