//! Ranges of decimal numbers, exact: `0..1:0.1` has eleven, and the eighth is 0.7.

use std::str::FromStr;

use crate::tasks::TaskError;

/// Numbers from a first to a last, both included, by a step: `1..100`, `10..0:-2`, `0..1:0.1`, `001..100`.
///
/// All have the same number of decimals, and where an end is written with leading zeros the same width.
///
/// ```
/// use festina_run::tasks::Range;
/// let numbers = |text: &str| text.parse::<Range>().unwrap().into_iter().collect::<Vec<_>>();
/// assert_eq!(numbers("8..11"), ["8", "9", "10", "11"]);
/// assert_eq!(numbers("0..1:0.25"), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
/// assert_eq!(numbers("08..10"), ["08", "09", "10"]);
/// assert_eq!(numbers("3..1"), ["3", "2", "1"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    next: i128,
    step: i128,
    left: u64,
    decimals: usize,
    width: usize,
}

/// A decimal number as an integer and the number of its decimals.
struct Decimal {
    digits: i128,
    decimals: usize,
}

/// Keeps the integers far from overflow: numbers have at most 18 digits before and 12 behind the point.
const MOST_DECIMALS: usize = 12;
const MOST_DIGITS: usize = 18;

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (sign, number) = match text.strip_prefix('-') {
            Some(number) => (-1, number),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || whole.is_empty() || whole.len() > MOST_DIGITS || fraction.len() > MOST_DECIMALS {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits: sign * digits, decimals: fraction.len() })
    }

    fn with_decimals(&self, decimals: usize) -> i128 {
        self.digits * 10_i128.pow((decimals - self.decimals) as u32)
    }
}

fn has_leading_zero(text: &str) -> bool {
    let number = text.trim_start_matches(['-', '+']);
    number.len() > 1 && number.starts_with('0') && !number.starts_with("0.")
}

impl FromStr for Range {
    type Err = TaskError;

    fn from_str(text: &str) -> Result<Self, TaskError> {
        let error = |reason| TaskError::Range { text: text.to_owned(), reason };
        let (first, rest) = text.split_once("..").ok_or_else(|| error("it has no '..'"))?;
        let (last, step) = rest.split_once(':').map_or((rest, None), |(last, step)| (last, Some(step)));
        let read = |number: &str| {
            Decimal::read(number)
                .ok_or_else(|| error("its numbers are decimal, of at most 18 digits and 12 decimals"))
        };
        let (start, end) = (read(first)?, read(last)?);
        let step = step.map(read).transpose()?;
        let decimals = start.decimals.max(end.decimals).max(step.as_ref().map_or(0, |step| step.decimals));
        let (next, end) = (start.with_decimals(decimals), end.with_decimals(decimals));
        let one = 10_i128.pow(decimals as u32);
        let step = step.map_or(if end < next { -one } else { one }, |step| step.with_decimals(decimals));
        if step == 0 {
            return Err(error("its step is 0"));
        }
        if (end - next).signum() == -step.signum() {
            return Err(error("its step leads away from its end"));
        }
        let left = u64::try_from((end - next) / step + 1).map_err(|_| error("it is too long"))?;
        let is_padded = has_leading_zero(first) || has_leading_zero(last);
        let width = if is_padded { first.len().max(last.len()) } else { 0 };
        Ok(Self { next, step, left, decimals, width })
    }
}

impl Range {
    /// Returns how many numbers are left.
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Returns whether no number is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn text(&self, number: i128) -> String {
        let sign = if number < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", number.unsigned_abs(), width = self.decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.decimals);
        let point = if fraction.is_empty() { "" } else { "." };
        let length = sign.len() + whole.len() + point.len() + fraction.len();
        let zeros = "0".repeat(self.width.saturating_sub(length));
        format!("{sign}{zeros}{whole}{point}{fraction}")
    }
}

impl Iterator for Range {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        self.next += self.step;
        Some(self.text(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(text: &str) -> Vec<String> {
        text.parse::<Range>().unwrap().collect()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(numbers("0..1:0.1")[7], "0.7");
        assert_eq!(numbers("0..1:0.1").len(), 11);
        assert_eq!(numbers("-1..1:0.5"), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(numbers("1..2:0.3"), ["1.0", "1.3", "1.6", "1.9"], "the end is not passed");
        assert_eq!(numbers("10..1:-3"), ["10", "7", "4", "1"]);
        assert_eq!(numbers("-01..01"), ["-01", "000", "001"], "as seq -w does");
        assert_eq!(numbers("5..5"), ["5"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "1",
            "..",
            "1..",
            "a..b",
            "1..2:0",
            "1..9:-1",
            "1e3..1e4",
            "0..1:.1",
            "1..99999999999999999999",
        ] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
        // Long, but streamed.
        assert_eq!("1..999999999999999999".parse::<Range>().unwrap().len(), 999_999_999_999_999_999);
    }

    proptest! {
        #[test]
        fn integers_agree_with_counting(first in -50_i64..50, last in -50_i64..50, step in 1_i64..9) {
            let signed = if last < first { -step } else { step };
            let mut expected = Vec::new();
            let mut number = first;
            while (last - number) * signed.signum() >= 0 {
                expected.push(number.to_string());
                number += signed;
            }
            prop_assert_eq!(numbers(&format!("{first}..{last}:{signed}")), expected);
        }
    }
}
