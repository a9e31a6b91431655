//! Ticks at values that people like to read.
//!
//! Linear axes have steps of 1, 2 or 5 times a power of ten in the unit that fits; times of more than two minutes
//! have steps of minutes, hours and days. Logarithmic axes have powers of two or of ten, every k-th where there are
//! many and with 2 and 5 between where there are few; times on them have the round values of clocks.

use super::clock::{DAY, HOUR, MINUTE, YEAR};
use super::{Domain, clock};
use crate::unit::{number, scientific, superscript, trim};
use crate::{Scale, Unit};

/// A value that is marked on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// Returns ticks inside `domain`, in order, about `target` of them and never more than three times as many.
pub(crate) fn ticks(domain: &Domain, unit: &Unit, target: usize) -> Vec<Tick> {
    let target = target.max(2);
    let logarithmic = match (domain.scale, unit) {
        (Scale::Linear, _) => Vec::new(),
        (_, Unit::Seconds) => Some(clock::ticks(domain, target))
            .filter(|found| found.len() >= 2)
            .unwrap_or_else(|| powers_of_ten(domain, unit, target)),
        (_, Unit::Bytes) | (Scale::Log2, _) => powers_of_two(domain, unit, target),
        (Scale::Log10, _) => powers_of_ten(domain, unit, target),
    };
    if logarithmic.len() >= 2 {
        return logarithmic;
    }
    // A step may be up to 2.5 times the one asked for: a smaller one where that leaves too few.
    let found =
        (target..target + 3).map(|target| linear(domain, unit, target)).find(|found| found.len() >= 2);
    found.unwrap_or_else(|| linear(domain, unit, 3 * target))
}

fn linear(domain: &Domain, unit: &Unit, target: usize) -> Vec<Tick> {
    let largest = domain.low.abs().max(domain.high.abs());
    match unit {
        Unit::Seconds if largest > 2.0 * MINUTE => steps_of_time(domain, target, largest),
        Unit::Seconds => {
            let (factor, name) = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms")]
                .into_iter()
                .find(|(factor, _)| largest < 999.5 * factor)
                .unwrap_or((1.0, "s"));
            steps(domain, target, factor, |text| format!("{text} {name}"))
        }
        Unit::Bytes => {
            let (factor, name) = binary_unit(largest);
            steps(domain, target, factor, |text| format!("{text} {name}"))
        }
        Unit::Fraction => steps(domain, target, 0.01, |text| format!("{text} %")),
        Unit::Number | Unit::Other(_) => steps(domain, target, 1.0, |text| text),
    }
}

/// Returns ticks at multiples of a 1-2-5 step, counted in units of `factor`.
fn steps(domain: &Domain, target: usize, factor: f64, name: impl Fn(String) -> String) -> Vec<Tick> {
    let step = nice_step((domain.high - domain.low) / factor / target as f64);
    multiples(domain, step * factor)
        .map(|k| {
            // Dividing where the step is a fraction keeps 3 · 0.1 at 0.3.
            let value = if step < 1.0 { k / (1.0 / step).round() } else { k * step };
            let value =
                if value.is_finite() && (value - k * step).abs() <= step * 1e-6 { value } else { k * step };
            Tick { value: value * factor, label: name(label(value, step)) }
        })
        .filter(|tick| domain.contains(tick.value))
        .collect()
}

/// Returns ticks at whole seconds, minutes, hours, days or years.
fn steps_of_time(domain: &Domain, target: usize, largest: f64) -> Vec<Tick> {
    const STEPS: [f64; 14] = [
        10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0,
        43_200.0,
    ];
    let raw = (domain.high - domain.low) / target as f64;
    let (factor, name) = if largest >= 2.0 * YEAR {
        (YEAR, "years")
    } else if largest >= 2.0 * DAY {
        (DAY, "d")
    } else if largest >= 2.0 * HOUR {
        (HOUR, "h")
    } else {
        (MINUTE, "min")
    };
    match STEPS.into_iter().find(|step| *step >= raw) {
        Some(step) if raw > 5.0 && factor < YEAR && factor / step <= 6.0 => multiples(domain, step)
            .map(|k| {
                let value = k * step;
                Tick { value, label: format!("{} {name}", trim(&format!("{:.2}", value / factor + 0.0))) }
            })
            .collect(),
        _ => steps(domain, target, factor, |text| format!("{text} {name}")),
    }
}

/// Returns k for which k · `step` lies in the domain, as whole floats.
fn multiples(domain: &Domain, step: f64) -> impl Iterator<Item = f64> + use<> {
    let slack = 1e-9;
    let first = (domain.low / step - slack).ceil();
    let last = (domain.high / step + slack).floor();
    let count = if step > 0.0 && first <= last { (last - first) as usize + 1 } else { 0 };
    (0..count.min(1000)).map(move |i| first + i as f64)
}

/// Returns the least of 1, 2, 5 times a power of ten that isn't below `raw`.
fn nice_step(raw: f64) -> f64 {
    let exponent = raw.log10().floor();
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|mantissa| power_of_ten(mantissa, exponent as i32))
        .find(|step| *step >= raw * (1.0 - 1e-9))
        .unwrap_or(raw)
}

/// Returns mantissa · 10^exponent, the float nearest to the decimal number.
fn power_of_ten(mantissa: f64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or(mantissa)
}

/// Writes a multiple of `step` with the digits that tell it from its neighbours.
fn label(value: f64, step: f64) -> String {
    let finest = step.log10().floor() as i32;
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() < 1e7 && (-6..=7).contains(&finest) {
        let digits = (-finest).max(0) as usize;
        return format!("{value:.digits$}");
    }
    let digits = (value.abs().log10().floor() as i32 - finest).clamp(0, 15) as usize;
    scientific(value, digits)
}

fn powers_of_two(domain: &Domain, unit: &Unit, target: usize) -> Vec<Tick> {
    let (first, last) = exponents(domain.low.log2(), domain.high.log2());
    let stride = stride(first, last, target);
    (first.div_euclid(stride) * stride..=last)
        .step_by(stride as usize)
        .filter(|exponent| *exponent >= first)
        .map(|exponent| {
            let value = 2_f64.powi(exponent);
            Tick { value, label: power_label(value, 2, exponent, unit) }
        })
        .collect()
}

fn powers_of_ten(domain: &Domain, unit: &Unit, target: usize) -> Vec<Tick> {
    let (first, last) = exponents(domain.low.log10(), domain.high.log10());
    if last - first >= 2 {
        let stride = stride(first, last, target);
        return (first.div_euclid(stride) * stride..=last)
            .step_by(stride as usize)
            .filter(|exponent| *exponent >= first)
            .map(|exponent| {
                let value = power_of_ten(1.0, exponent);
                Tick { value, label: power_label(value, 10, exponent, unit) }
            })
            .collect();
    }
    (first - 1..=last)
        .flat_map(|exponent| [1.0, 2.0, 5.0].map(|mantissa| (mantissa, exponent)))
        .map(|(mantissa, exponent)| power_of_ten(mantissa, exponent))
        .filter(|value| domain.contains(*value))
        .map(|value| Tick { value, label: plain_label(value, unit) })
        .collect()
}

/// Returns the whole exponents between two logarithms, up to rounding.
fn exponents(low: f64, high: f64) -> (i32, i32) {
    ((low - 1e-9).ceil() as i32, (high + 1e-9).floor() as i32)
}

fn stride(first: i32, last: i32, target: usize) -> i32 {
    ((last - first + 1) as f64 / target as f64).round().max(1.0) as i32
}

/// Writes base^exponent in full where that is short, else as a power.
fn power_label(value: f64, base: i32, exponent: i32, unit: &Unit) -> String {
    let power = || format!("{base}{}", superscript(&exponent.to_string()));
    match unit {
        Unit::Bytes if (0..70).contains(&exponent) => {
            let (factor, name) = binary_unit(value);
            format!("{} {name}", number(value / factor))
        }
        Unit::Bytes => format!("{} B", power()),
        Unit::Seconds => format!("{} s", power()),
        Unit::Fraction if (1e-5..1e3).contains(&value) => plain_label(value, unit),
        _ if base == 2 && (1.0..=65_536.0).contains(&value) => format!("{value}"),
        _ if base == 2 && (0.01..1.0).contains(&value) => format!("1/{}", 1.0 / value),
        _ if base == 10 && (1e-3..=1e3).contains(&value) => format!("{value}"),
        _ => power(),
    }
}

fn plain_label(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Fraction => format!("{} %", number(power_of_ten(value, 2))),
        Unit::Seconds => unit.format(value),
        _ if value >= 1e4 => scientific(value, 3).trim_start_matches("1×").to_owned(),
        _ => number(value),
    }
}

/// Returns the binary unit in which `largest` has one to four digits.
fn binary_unit(largest: f64) -> (f64, &'static str) {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = if largest < 1000.0 { 0.0 } else { (largest / 999.5).log(1024.0).ceil().clamp(1.0, 6.0) };
    (1024_f64.powi(power as i32), UNITS[power as usize])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(scale: Scale, low: f64, high: f64, unit: Unit, target: usize) -> Vec<String> {
        ticks(&Domain::between(scale, low, high), &unit, target).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_those_a_person_would_choose() {
        use Scale::{Linear, Log2, Log10};
        let gib = 1_073_741_824.0;
        let cases: [(Vec<String>, &[&str]); 14] = [
            (labels(Linear, 0.0, 10.0, Unit::Number, 5), &["0", "2", "4", "6", "8", "10"]),
            (labels(Linear, 0.13, 0.71, Unit::Number, 6), &["0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]),
            (labels(Linear, -1.0, 1.0, Unit::Number, 4), &["-1.0", "-0.5", "0", "0.5", "1.0"]),
            (labels(Linear, 0.0, 3e8, Unit::Number, 3), &["0", "1×10⁸", "2×10⁸", "3×10⁸"]),
            (labels(Linear, 0.0, 1.0, Unit::Fraction, 5), &["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
            (labels(Linear, 0.0, 0.06, Unit::Seconds, 3), &["0 ms", "20 ms", "40 ms", "60 ms"]),
            (labels(Linear, 0.0, 1900.0, Unit::Seconds, 4), &["0 min", "10 min", "20 min", "30 min"]),
            (labels(Linear, 0.0, 1e6, Unit::Seconds, 4), &["0 d", "5 d", "10 d"]),
            (labels(Linear, 0.0, 2.1 * gib, Unit::Bytes, 4), &["0 GiB", "1 GiB", "2 GiB"]),
            (labels(Log2, 1.0, 32.0, Unit::Number, 8), &["1", "2", "4", "8", "16", "32"]),
            (labels(Log2, 0.9, 1100.0, Unit::Number, 4), &["1", "8", "64", "512"]),
            (labels(Log10, 9e3, 1.1e8, Unit::Number, 8), &["10⁴", "10⁵", "10⁶", "10⁷", "10⁸"]),
            (
                labels(Log10, 0.05, 4000.0, Unit::Seconds, 5),
                &["100 ms", "1 s", "10 s", "1 min", "10 min", "1 h"],
            ),
            (labels(Log2, gib / 16.0, 4.0 * gib, Unit::Bytes, 4), &["64 MiB", "256 MiB", "1 GiB", "4 GiB"]),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_short_logarithmic_axis_has_ticks_too() {
        assert_eq!(labels(Scale::Log10, 11.0, 19.0, Unit::Number, 5), ["12", "14", "16", "18"]);
        assert_eq!(labels(Scale::Log2, 2.5, 3.5, Unit::Number, 5), ["2.6", "2.8", "3.0", "3.2", "3.4"]);
    }

    fn units() -> impl Strategy<Value = Unit> {
        prop::sample::select(vec![Unit::Number, Unit::Seconds, Unit::Bytes, Unit::Fraction])
    }

    fn check(domain: &Domain, unit: &Unit, target: usize) -> Result<(), TestCaseError> {
        let found = ticks(domain, unit, target);
        prop_assert!(found.len() <= 3 * target + 1, "{} ticks", found.len());
        for pair in found.windows(2) {
            prop_assert!(pair[0].value < pair[1].value, "{pair:?}");
            prop_assert_ne!(&pair[0].label, &pair[1].label);
        }
        for tick in &found {
            prop_assert!(domain.contains(tick.value), "{tick:?} in {domain:?}");
            prop_assert!(!tick.label.contains("NaN") && !tick.label.contains("inf"));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn ticks_of_any_linear_axis_are_inside_and_in_order(
            low in -1e12..1e12_f64, exponent in -6.0..1.0_f64, unit in units(), target in 2_usize..12,
        ) {
            let span = low.abs().max(1e-3) * 10_f64.powf(exponent);
            let domain = Domain::between(Scale::Linear, low, low + span);
            check(&domain, &unit, target)?;
            prop_assert!(ticks(&domain, &unit, target).len() >= 2);
        }

        #[test]
        fn steps_of_plain_numbers_are_one_two_or_five(low in -1e6..1e6_f64, span in 1e-2..1e7_f64) {
            let found = ticks(&Domain::between(Scale::Linear, low, low + span), &Unit::Number, 6);
            let step = found[1].value - found[0].value;
            let mantissa = step / 10_f64.powf(step.log10().floor());
            let nearest = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m: f64| (m - mantissa).abs()).fold(9.0, f64::min);
            prop_assert!(nearest < 1e-6, "{step}");
        }

        #[test]
        fn ticks_of_any_logarithmic_axis_are_inside_and_in_order(
            low in -300.0..280.0_f64, span in 0.01..100.0_f64, unit in units(), target in 2_usize..12, two: bool,
        ) {
            let scale = if two { Scale::Log2 } else { Scale::Log10 };
            let domain = Domain::between(scale, 10_f64.powf(low), 10_f64.powf((low + span).min(300.0)));
            check(&domain, &unit, target)?;
        }
    }
}
