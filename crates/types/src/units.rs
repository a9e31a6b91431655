//! Seconds and bytes, read and written the way people do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A time span in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub f64);

/// An amount of memory or of data in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A quantity could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("'{text}' is not {expected}")]
pub struct ParseQuantityError {
    /// What was given.
    pub text: String,
    /// What would have been right, with an example.
    pub expected: &'static str,
}

const DURATION_UNITS: [(&str, f64); 9] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ns", 1e-9),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

impl FromStr for Seconds {
    type Err = ParseQuantityError;

    /// Reads `90`, `90s`, `1.5h`, `5m`, `1h30m`, `250ms`, `2d`.
    ///
    /// ```
    /// # use festina_types::Seconds;
    /// assert_eq!("1h30m".parse(), Ok(Seconds(5400.0)));
    /// assert_eq!("250ms".parse(), Ok(Seconds(0.25)));
    /// assert!("5 parsecs".parse::<Seconds>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        let error =
            || ParseQuantityError { text: text.to_owned(), expected: "a duration such as 90s, 5m or 1h30m" };
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse::<f64>() {
            return if seconds.is_finite() && seconds >= 0.0 { Ok(Self(seconds)) } else { Err(error()) };
        }
        let mut total = 0.0;
        while !rest.is_empty() {
            let (value, tail) = split_number(rest).ok_or_else(error)?;
            let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let factor = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?.1;
            total += value * factor;
            rest = tail.trim_start();
        }
        if text.trim().is_empty() { Err(error()) } else { Ok(Self(total)) }
    }
}

impl FromStr for Bytes {
    type Err = ParseQuantityError;

    /// Reads `4096`, `64k`, `16GiB`, `1.5GB`; `k`, `M`, `G`, `T` alone and with `iB` are powers of 1024, with `B`
    /// powers of 1000.
    ///
    /// ```
    /// # use festina_types::Bytes;
    /// assert_eq!("16GiB".parse(), Ok(Bytes(16 << 30)));
    /// assert_eq!("1.5GB".parse(), Ok(Bytes(1_500_000_000)));
    /// ```
    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        let error =
            || ParseQuantityError { text: text.to_owned(), expected: "an amount such as 512M, 16GiB or 2GB" };
        let (value, unit) = split_number(text.trim()).ok_or_else(error)?;
        let unit = unit.trim().to_ascii_lowercase();
        let (letter, base) = match unit.strip_suffix("ib") {
            Some(letter) => (letter, 1024_f64),
            None => match unit.strip_suffix('b') {
                Some(letter) => (letter, 1000.0),
                None => (unit.as_str(), 1024.0),
            },
        };
        let power = match letter {
            "" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => return Err(error()),
        };
        let bytes = value * base.powi(power);
        if bytes < 0.0 || bytes >= u64::MAX as f64 { Err(error()) } else { Ok(Self(bytes.round() as u64)) }
    }
}

/// Splits a leading decimal number off `text`.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value = text[..end].parse().ok()?;
    Some((value, &text[end..]))
}

impl fmt::Display for Seconds {
    /// Writes three significant digits in the largest fitting unit up to the minute: `1.25 ms`, `52.1 s`; from a
    /// minute on, clock time: `3m 20s`, `5h 03m`, `11d 10h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0;
        let magnitude = seconds.abs();
        let text = if !seconds.is_finite() {
            format!("{seconds}")
        } else if magnitude == 0.0 {
            "0 s".to_owned()
        } else if magnitude < 0.999_5e-6 {
            format!("{} ns", significant(seconds * 1e9))
        } else if magnitude < 0.999_5e-3 {
            format!("{} µs", significant(seconds * 1e6))
        } else if magnitude < 0.999_5 {
            format!("{} ms", significant(seconds * 1e3))
        } else if magnitude < 119.5 {
            format!("{} s", significant(seconds))
        } else {
            let sign = if seconds < 0.0 { "-" } else { "" };
            format!("{sign}{}", clock(magnitude))
        };
        f.pad(&text)
    }
}

/// Writes two adjacent units of a span of at least a minute.
fn clock(seconds: f64) -> String {
    let total = seconds.round();
    let (days, hours) = ((total / 86_400.0).floor(), (total % 86_400.0 / 3600.0).floor());
    let (minutes, rest) = ((total % 3600.0 / 60.0).floor(), total % 60.0);
    if days >= 730.0 {
        format!("{} years", significant(total / (365.0 * 86_400.0)))
    } else if days >= 1.0 {
        format!("{days}d {hours:02}h")
    } else if hours >= 1.0 {
        format!("{hours}h {minutes:02}m")
    } else {
        format!("{minutes}m {rest:02}s")
    }
}

impl fmt::Display for Bytes {
    /// Writes three significant digits with a binary unit: `512 B`, `1.50 KiB`, `23.5 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{} {}", significant(value), UNITS[unit]))
    }
}

/// Writes `value` with three significant digits, without an exponent.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 99.95 {
        format!("{value:.0}")
    } else if magnitude >= 9.995 {
        format!("{value:.1}")
    } else if magnitude >= 0.999_5 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_in_the_unit_people_use() {
        let cases = [
            (0.0, "0 s"),
            (1.5e-9, "1.50 ns"),
            (2.5e-4, "250 µs"),
            (0.0521, "52.1 ms"),
            (0.9996, "1.00 s"),
            (59.96, "60.0 s"),
            (200.0, "3m 20s"),
            (18_180.0, "5h 03m"),
            (985_500.0, "11d 09h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(Seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn bytes_are_written_with_three_digits() {
        let cases = [(0, "0 B"), (999, "999 B"), (1536, "1.50 KiB"), (25_232_932_864, "23.5 GiB")];
        for (bytes, text) in cases {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", " ", "s", "-1", "1h-3m", "inf", "nan", "1 fortnight", "1..2s"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
        for text in ["", "GiB", "-1", "1XB", "1e30"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            let _ = text.parse::<Seconds>();
            let _ = text.parse::<Bytes>();
        }

        #[test]
        fn three_digits_survive_a_round_trip(milliseconds in 1_u32..60_000) {
            let seconds = Seconds(f64::from(milliseconds) / 1e3);
            let text = seconds.to_string().replace(' ', "");
            let read: Seconds = text.parse().unwrap();
            proptest::prop_assert!((read.0 / seconds.0 - 1.0).abs() < 0.006);
        }
    }
}
