//! Numbers in text, and when two of them are equal.

use festina_types::CheckOutcome;
use serde::{Deserialize, Serialize};

/// How far a number may be from the reference's: |a − r| ≤ absolute + relative · |r|.
///
/// The default is zero: bit for bit. A tolerance is for numbers that were computed in floating point. Two integers,
/// written without point and exponent, are counts or names: the relative part does not apply to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// The part that grows with the reference's value.
    pub relative: f64,
    /// The part that does not.
    pub absolute: f64,
}

impl Tolerance {
    /// Returns whether nothing but the same bits are equal.
    pub fn is_exact(&self) -> bool {
        self.relative == 0.0 && self.absolute == 0.0
    }
}

/// The largest differences that were met and allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Closeness {
    pub(super) relative: f64,
    pub(super) absolute: f64,
    pub(super) ulps: u64,
}

impl Closeness {
    pub(super) fn widen(&mut self, other: Self) {
        self.relative = self.relative.max(other.relative);
        self.absolute = self.absolute.max(other.absolute);
        self.ulps = self.ulps.max(other.ulps);
    }

    pub(super) fn outcome(&self) -> CheckOutcome {
        CheckOutcome::WithinTolerance {
            max_relative: self.relative,
            max_absolute: self.absolute,
            max_ulps: self.ulps,
        }
    }
}

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number<'a> {
    pub(super) text: &'a str,
    pub(super) value: f64,
    /// Written without point and exponent.
    pub(super) is_integer: bool,
}

impl<'a> Number<'a> {
    /// Reads the number that is the whole of `text`.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let length = number_length(text.as_bytes())?;
        (length == text.len()).then(|| Self::of(text))
    }

    fn of(text: &'a str) -> Self {
        let digits = text.trim_start_matches(['+', '-']);
        let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
        let value = match text.parse() {
            Ok(value) => value,
            // Fortran writes the exponent of a double as D.
            Err(_) => text.replace(['d', 'D'], "e").parse().unwrap_or(f64::NAN),
        };
        Self { text, value, is_integer }
    }
}

/// Returns how close `candidate` is to `reference`, or `None` if it is too far.
pub(super) fn close(reference: Number<'_>, candidate: Number<'_>, tolerance: Tolerance) -> Option<Closeness> {
    if reference.text == candidate.text {
        return Some(Closeness::default());
    }
    if tolerance.is_exact() {
        return None;
    }
    if reference.is_integer && candidate.is_integer {
        return close_integers(reference, candidate, tolerance.absolute);
    }
    close_floats(reference.value, candidate.value, tolerance)
}

fn close_integers(reference: Number<'_>, candidate: Number<'_>, absolute: f64) -> Option<Closeness> {
    let (Ok(r), Ok(c)) = (reference.text.parse::<i128>(), candidate.text.parse::<i128>()) else {
        return None;
    };
    let difference = r.checked_sub(c)?.unsigned_abs() as f64;
    (difference <= absolute).then(|| float_closeness(reference.value, candidate.value, difference))
}

/// As [`close`], for binary values; NaN equals NaN, and an infinity itself.
pub(super) fn close_floats(reference: f64, candidate: f64, tolerance: Tolerance) -> Option<Closeness> {
    if reference.to_bits() == candidate.to_bits() || (reference.is_nan() && candidate.is_nan()) {
        return Some(Closeness::default());
    }
    if tolerance.is_exact() || !reference.is_finite() || !candidate.is_finite() {
        return None;
    }
    let difference = (reference - candidate).abs();
    let allowed = tolerance.absolute + tolerance.relative * reference.abs();
    (difference <= allowed).then(|| float_closeness(reference, candidate, difference))
}

fn float_closeness(reference: f64, candidate: f64, difference: f64) -> Closeness {
    let scale = reference.abs().max(candidate.abs());
    let relative = if scale > 0.0 { difference / scale } else { 0.0 };
    Closeness { relative, absolute: difference, ulps: ulps_f64(reference, candidate) }
}

/// Returns how many representable numbers lie from `a` to `b`; 0 for −0 and 0.
pub(super) fn ulps_f64(a: f64, b: f64) -> u64 {
    // Bit patterns of one sign are ordered as the numbers are; negative ones are mirrored below zero.
    let ordered = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
    };
    ordered(a).abs_diff(ordered(b))
}

/// As [`ulps_f64`] in single precision.
pub(super) fn ulps_f32(a: f32, b: f32) -> u64 {
    let ordered = |x: f32| {
        let bits = x.to_bits() as i32;
        if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits }
    };
    ordered(a).abs_diff(ordered(b)).into()
}

/// Returns whether two decimal numbers are the same number, exactly: `1.50` and `15e-1` are.
pub(super) fn same_decimal(a: &str, b: &str) -> bool {
    match (Decimal::read(a), Decimal::read(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// A decimal number, sign · digits · 10^exponent, without leading or trailing zeros in its digits.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches(['+', '-']);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_end_matches('0');
        let dropped = digits.len() - significant.len();
        let exponent = exponent.checked_add(dropped as i64 - fraction.len() as i64)?;
        let significant = significant.trim_start_matches('0');
        let exponent = if significant.is_empty() { 0 } else { exponent };
        Some(Self { negative, digits: significant.to_owned(), exponent })
    }
}

/// Returns the length of the number at the start of `text`: sign, digits with a point, exponent; or a word for
/// what is no number or infinite.
fn number_length(text: &[u8]) -> Option<usize> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let rest = &text[sign..];
    for word in ["infinity", "inf", "nan"] {
        if rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word.as_bytes()) {
            return Some(sign + word.len());
        }
    }
    let digits_from =
        |at: usize| rest[at.min(rest.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits_from(0);
    let mut length = whole;
    if rest.get(whole) == Some(&b'.') {
        let fraction = digits_from(whole + 1);
        if whole + fraction > 0 {
            length = whole + 1 + fraction;
        }
    }
    if length == 0 {
        return None;
    }
    if matches!(rest.get(length), Some(b'e' | b'E' | b'd' | b'D')) {
        let signed = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits_from(length + 1 + signed);
        if exponent > 0 {
            length += 1 + signed + exponent;
        }
    }
    Some(sign + length)
}

/// A piece of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Number(Number<'a>),
    Text(&'a str),
}

impl<'a> Token<'a> {
    pub(super) fn text(&self) -> &'a str {
        match self {
            Self::Number(number) => number.text,
            Self::Text(text) => text,
        }
    }
}

/// Splits `line` into numbers and what is between them.
///
/// Digits within a word (`v2`, `7f3a`, `1.2.3`) are no number; one with a point may have its unit behind it
/// (`12.5ms`). A sign belongs to its number unless it follows a word or a number (`2024-01-02`).
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let (mut text_from, mut at) = (0, 0);
    while at < bytes.len() {
        match number_at(bytes, at) {
            Some(length) => {
                if text_from < at {
                    found.push(Token::Text(&line[text_from..at]));
                }
                found.push(Token::Number(Number::of(&line[at..at + length])));
                at += length;
                text_from = at;
            }
            None => at += 1,
        }
    }
    if text_from < bytes.len() {
        found.push(Token::Text(&line[text_from..]));
    }
    found
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|i| bytes[i]);
    let in_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    if before.is_some_and(|b| in_word(b) || b == b'.') {
        return None;
    }
    let length = number_length(&bytes[at..])?;
    let number = &bytes[at..at + length];
    let has_point = number.contains(&b'.');
    let is_word = number.last().is_some_and(u8::is_ascii_alphabetic);
    match bytes.get(at + length) {
        Some(b'_') => None,
        Some(b'.') if bytes.get(at + length + 1).is_some_and(u8::is_ascii_digit) => None,
        Some(b) if in_word(*b) && (!has_point || is_word) => None,
        _ => Some(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(line: &str) -> Vec<&str> {
        let number = |token: Token<'_>| matches!(token, Token::Number(_));
        tokens(line).into_iter().filter(|t| number(*t)).map(|t| t.text()).collect::<Vec<_>>()
    }

    #[test]
    fn numbers_are_found_where_people_see_them() {
        let cases: [(&str, &[&str]); 12] = [
            ("sum = 1.5e-3, n=10", &["1.5e-3", "10"]),
            ("(-2.5,+3)", &["-2.5", "+3"]),
            ("2024-01-02", &["2024", "01", "02"]),
            ("7f3a v2 x_1 1.2.3 1_000", &[]),
            ("12.5ms .5 5.", &["12.5", ".5", "5."]),
            ("10ms", &[]),
            ("nan -inf Infinity info nano", &["nan", "-inf", "Infinity"]),
            ("1.0D+03", &["1.0D+03"]),
            ("a-1 3-4", &["1", "3", "4"]),
            ("1e5e", &[]),
            ("é5 5é", &[]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(numbers(line), expected, "{line}");
        }
        assert_eq!(Number::read("1.0D+03").unwrap().value, 1000.0);
    }

    #[test]
    fn tolerances_are_relative_to_the_reference_and_leave_integers_alone() {
        let is_close = |a: &str, b: &str, relative: f64, absolute: f64| {
            let read = |text| Number::read(text).unwrap();
            close(read(a), read(b), Tolerance { relative, absolute }).is_some()
        };
        assert!(is_close("100.0", "101.0", 0.01, 0.0));
        assert!(!is_close("100.0", "101.1", 0.01, 0.0));
        assert!(is_close("0.0", "0.001", 0.01, 0.001));
        assert!(!is_close("0.0", "-0.002", 0.01, 0.001));
        assert!(!is_close("123456789012", "123456789021", 1e-9, 0.0), "digits of a count");
        assert!(is_close("10", "11", 0.0, 1.0));
        assert!(is_close("1", "1.0000000001", 1e-9, 0.0));
        assert!(is_close("nan", "-NaN", 1e-9, 0.0) && !is_close("nan", "1.0", 1e9, 1e9));
        assert!(is_close("inf", "Infinity", 1e-9, 0.0) && !is_close("inf", "-inf", 1e9, 1e9));
        assert!(!is_close("1.0", "1.00", 0.0, 0.0), "bit for bit");
        assert!(!is_close("99999999999999999999999999999999999999999", "1", 0.0, 1.0));
    }

    #[test]
    fn distances_in_units_in_the_last_place() {
        assert_eq!(ulps_f64(1.0, 1.0 + f64::EPSILON), 1);
        assert_eq!(ulps_f64(-0.0, 0.0), 0);
        assert_eq!(ulps_f64(-f64::from_bits(1), f64::from_bits(1)), 2);
        assert_eq!(ulps_f64(1.0, 2.0), 1 << 52);
        assert_eq!(ulps_f64(f64::MIN, f64::MAX), 2 * (0x7fef_ffff_ffff_ffff));
        assert_eq!(ulps_f32(1.0, 1.0 + f32::EPSILON), 1);
        assert_eq!(ulps_f32(-1.0, 1.0), 2 * 0x3f80_0000);
    }

    #[test]
    fn decimals_are_compared_exactly() {
        for (a, b) in [("1.50", "15e-1"), ("0", "-0.0e5"), ("1e3", "1000"), ("007", "7.0")] {
            assert_eq!(same_decimal(a, b), !b.starts_with('-'), "{a} {b}");
        }
        assert!(!same_decimal("9007199254740993", "9007199254740992"));
        assert!(!same_decimal("0.1", "0.10000000000000000001"));
        assert!(!same_decimal("1e9999999999999999999", "1e9999999999999999998"));
    }

    proptest::proptest! {
        #[test]
        fn tokens_are_the_line(line in ".{0,60}") {
            let joined: String = tokens(&line).iter().map(Token::text).collect();
            proptest::prop_assert_eq!(joined, line);
        }

        #[test]
        fn written_floats_are_read_back(value: f64) {
            let text = format!("{value:?}");
            let number = Number::read(&text).unwrap();
            proptest::prop_assert!(number.value == value || value.is_nan());
        }
    }
}
