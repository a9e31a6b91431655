//! What is asked about points that were not measured.

use std::str::FromStr;

use festina_types::{Bytes, Workers};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A point to forecast; what is not given is the largest that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct At {
    /// The size.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: Option<Workers>,
}

/// What a scaling measurement is asked beyond its own points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Questions {
    /// Where to forecast; chosen from the measured range if empty.
    pub at: Vec<At>,
    /// The price of a core-hour.
    pub price_per_core_hour: Option<f64>,
    /// The memory limit of the machine asked about; this machine's if `None`.
    pub memory: Option<Bytes>,
    /// Whether runs that other load disturbed count.
    pub accept_noise: bool,
}

impl FromStr for At {
    type Err = Error;

    /// Reads `n=1e8,p=32`, `p=32` or `n=1e8`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let error = |message: String| Error::input_with_hint(message, "write it as in --at n=1e8,p=32");
        let mut at = Self::default();
        for part in text.split(',') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| error(format!("'{part}' has no value")))?;
            match name.trim() {
                "n" => {
                    let size = positive(value);
                    at.n = Some(size.ok_or_else(|| error(format!("'{value}' is not a positive size")))?);
                }
                "p" => {
                    let workers = value.trim().parse();
                    at.p = Some(workers.map_err(|_| error(format!("'{value}' is not a number of workers")))?);
                }
                other => return Err(error(format!("'{other}' is neither n nor p"))),
            }
        }
        Ok(at)
    }
}

fn positive(text: &str) -> Option<f64> {
    text.trim().replace('_', "").parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read() {
        let at: At = "n=1e8, p=32".parse().unwrap();
        assert_eq!((at.n, at.p.map(Workers::get)), (Some(1e8), Some(32)));
        assert_eq!("p=4".parse::<At>().unwrap().n, None);
    }

    #[test]
    fn wrong_points_are_named() {
        for text in ["", "32", "p=0", "p=1.5", "n=-1", "n=inf", "q=3", "n=1e8;p=2"] {
            assert!(text.parse::<At>().unwrap_err().hint().is_some(), "{text}");
        }
    }
}
