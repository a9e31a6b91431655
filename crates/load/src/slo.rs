//! Service level objectives: what users may expect.

use std::fmt;
use std::str::FromStr;

use festina_types::Seconds;
use serde::{Deserialize, Serialize};

use crate::LoadError;

/// A list of bounds that all have to hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slo(pub Vec<Bound>);

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// A share `probability` of all requests is answered within `limit_s` seconds.
    Latency {
        /// The share, in (0, 1).
        probability: f64,
        /// The bound, in seconds.
        limit_s: f64,
    },
    /// The mean latency in seconds is at most this.
    Mean(f64),
    /// The share of requests that may fail, in [0, 1).
    Errors(f64),
}

impl FromStr for Slo {
    type Err = LoadError;

    /// Reads `p99=50ms`, `p99.9=1s,errors=0.1%`, `mean=20ms`.
    ///
    /// ```
    /// # use festina_load::{Bound, Slo};
    /// let slo: Slo = "p99=50ms, errors=0.1%".parse()?;
    /// assert_eq!(slo.0, [Bound::Latency { probability: 0.99, limit_s: 0.05 }, Bound::Errors(0.001)]);
    /// assert_eq!(slo.to_string(), "p99 ≤ 50.0 ms, errors ≤ 0.1 %");
    /// # Ok::<(), festina_load::LoadError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let error = || LoadError::Objective {
            text: text.to_owned(),
            expected: "an objective such as p99=50ms,errors=0.1%",
        };
        let bounds = text.split(',').map(|bound| parse_bound(bound).ok_or_else(error));
        bounds.collect::<Result<_, _>>().map(Self)
    }
}

fn parse_bound(text: &str) -> Option<Bound> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let time =
        || value.replace(' ', "").parse::<Seconds>().ok().map(|time| time.0).filter(|time| *time > 0.0);
    match name {
        "errors" => {
            let (number, unit) = value.strip_suffix('%').map_or((value, 1.0), |number| (number.trim(), 0.01));
            let share = number.parse::<f64>().ok()? * unit;
            (0.0..1.0).contains(&share).then_some(Bound::Errors(share))
        }
        "mean" => time().map(Bound::Mean),
        _ => {
            let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
            let probability = percent / 100.0;
            let limit_s = time()?;
            (percent > 0.0 && percent < 100.0).then_some(Bound::Latency { probability, limit_s })
        }
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(Bound::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { probability, limit_s } => {
                write!(f, "{} ≤ {}", percentile_name(*probability), Seconds(*limit_s))
            }
            Self::Mean(limit) => write!(f, "mean ≤ {}", Seconds(*limit)),
            Self::Errors(share) => write!(f, "errors ≤ {} %", rounded(100.0 * share)),
        }
    }
}

/// Returns `p99.9` for 0.999.
pub fn percentile_name(probability: f64) -> String {
    format!("p{}", rounded(100.0 * probability))
}

/// Returns a number without the digits that come of binary fractions.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Slo {
    /// Returns the latency bound that is hardest to meet, by its share: the one a search for the knee tests.
    pub fn latency(&self) -> Option<(f64, f64)> {
        let bounds = self.0.iter().filter_map(|bound| match bound {
            Bound::Latency { probability, limit_s } => Some((*probability, *limit_s)),
            _ => None,
        });
        bounds.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Returns the share of errors that is allowed, if one is.
    pub fn errors(&self) -> Option<f64> {
        self.0.iter().find_map(|bound| match bound {
            Bound::Errors(share) => Some(*share),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read() {
        let slo: Slo = "p50=5ms,p99.9=1s,mean=10 ms,errors=1 %".parse().unwrap();
        assert_eq!(slo.to_string(), "p50 ≤ 5.00 ms, p99.9 ≤ 1.00 s, mean ≤ 10.0 ms, errors ≤ 1 %");
        assert_eq!(slo.latency(), Some((0.9990000000000001, 1.0)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "p99", "p99=", "p0=1s", "p100=1s", "q=1s", "errors=100%", "errors=-1", "p99=0s", "p99=50ms,"]
        {
            assert!(text.parse::<Slo>().is_err(), "{text}");
        }
    }
}
