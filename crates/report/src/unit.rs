//! Units: how the numbers of an axis or of a column are written.

use festina_types::{Bytes, Seconds};
use serde::{Deserialize, Serialize};

/// The unit of numbers, which decides how they are written and where ticks stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A count or a ratio: `32`, `3.457`.
    #[default]
    Number,
    /// Seconds, written as people do: `52.1 ms`, `3m 20s`.
    Seconds,
    /// Bytes, with binary units: `1.50 GiB`.
    Bytes,
    /// A fraction, written as a percentage: 0.852 is `85.2 %`.
    Fraction,
    /// A number with a unit of the caller's, such as `requests/s`.
    Other(String),
}

impl Unit {
    /// Returns `value` as text for people, with three or four significant digits.
    ///
    /// ```
    /// # use festina_report::Unit;
    /// assert_eq!(Unit::Number.format(3.45678), "3.457");
    /// assert_eq!(Unit::Number.format(2_628_288.0), "2628288");
    /// assert_eq!(Unit::Seconds.format(200.0), "3m 20s");
    /// assert_eq!(Unit::Bytes.format(1536.0), "1.50 KiB");
    /// assert_eq!(Unit::Fraction.format(0.8524), "85.2 %");
    /// assert_eq!(Unit::Other("req/s".into()).format(1e9), "1×10⁹ req/s");
    /// ```
    pub fn format(&self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Number => number(value),
            Self::Seconds if value != 0.0 && !(1e-12..1e15).contains(&value.abs()) => {
                format!("{} s", number(value))
            }
            Self::Seconds => Seconds(value).to_string(),
            Self::Bytes if value < 0.0 => format!("-{}", self.format(-value)),
            Self::Bytes if value > 1e24 => format!("{} B", number(value)),
            Self::Bytes => Bytes(value.round() as u64).to_string(),
            Self::Fraction => percent(value),
            Self::Other(unit) => format!("{} {unit}", number(value)),
        }
    }

    /// Returns the ends of an interval as text for people, with a unit that both share written once.
    ///
    /// ```
    /// # use festina_report::Unit;
    /// assert_eq!(Unit::Number.format_interval(2.0, 2.5), "2 – 2.5");
    /// assert_eq!(Unit::Seconds.format_interval(10.1, 15.2), "10.1 – 15.2 s");
    /// assert_eq!(Unit::Seconds.format_interval(0.98, 1.02), "980 ms – 1.02 s");
    /// assert_eq!(Unit::Seconds.format_interval(200.0, 220.0), "3m 20s – 3m 40s");
    /// ```
    pub fn format_interval(&self, lower: f64, upper: f64) -> String {
        let (lower, upper) = (self.format(lower), self.format(upper));
        match (lower.rsplit_once(' '), upper.rsplit_once(' ')) {
            (Some((number, unit)), Some((_, same)))
                if unit == same && !unit.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                format!("{number} – {upper}")
            }
            _ => format!("{lower} – {upper}"),
        }
    }
}

/// Writes a fraction as a percentage with three significant digits, at most two of them after the point.
fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    let magnitude = value.abs();
    if !magnitude.is_finite() || magnitude >= 1e6 {
        format!("{} %", number(value.clamp(-1e300, 1e300)))
    } else if !(0.005..99.95).contains(&magnitude) {
        format!("{:.0} %", value + 0.0)
    } else if magnitude >= 9.995 {
        format!("{value:.1} %")
    } else {
        format!("{value:.2} %")
    }
}

/// Writes whole numbers below ten million in full, others with four significant digits, and powers of ten where the
/// number would be long.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude < 1e7 && value.fract() == 0.0 {
        return format!("{:.0}", value + 0.0);
    }
    if (1e-3..1e7).contains(&magnitude) {
        let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
        return trim(&format!("{value:.digits$}")).to_owned();
    }
    scientific(value, 3)
}

/// Writes `value` as `1.235×10⁸` with at most `digits` after the point.
pub(crate) fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}×10{}", trim(mantissa), superscript(exponent))
}

/// Removes zeros that follow the point, and the point with them.
pub(crate) fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Writes the digits of `text` as superscripts.
pub(crate) fn superscript(text: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    text.chars()
        .map(|c| match c {
            '-' => '⁻',
            _ => c.to_digit(10).map_or(c, |digit| DIGITS[digit as usize]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole_ones_exact() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (3.456_78, "3.457"),
            (12.345_6, "12.35"),
            (1234.56, "1235"),
            (0.001_234_56, "0.001235"),
            (9_999_999.0, "9999999"),
            (1e7, "1×10⁷"),
            (123_456_789.0, "1.235×10⁸"),
            (1.5e-7, "1.5×10⁻⁷"),
            (-2.5, "-2.5"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn percentages_have_three_digits() {
        let cases =
            [(0.0, "0 %"), (-0.0, "0 %"), (0.0312, "3.12 %"), (0.5, "50.0 %"), (1.0, "100 %"), (1e-9, "0 %")];
        for (value, text) in cases {
            assert_eq!(Unit::Fraction.format(value), text, "{value}");
        }
    }

    #[test]
    fn no_unit_writes_more_than_a_label_or_a_word_that_is_no_number() {
        for unit in [Unit::Number, Unit::Seconds, Unit::Bytes, Unit::Fraction, Unit::Other("x".into())] {
            for value in
                [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e24, -1e-12, 0.0]
            {
                let text = unit.format(value);
                assert!(text.chars().count() < 24, "{unit:?} {value:e}: {text}");
                assert!(!text.contains("inf") && !text.contains("NaN"), "{unit:?} {value}: {text}");
            }
        }
    }
}
