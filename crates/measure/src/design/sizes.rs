//! The problem sizes at which to measure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::MeasureError;

/// At most so many sizes are made of a range without a ratio of its own.
const MOST_SIZES: usize = 10;

/// Which problem sizes to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Sizes {
    /// The workload has no size.
    None,
    /// These, growing.
    List {
        /// The sizes.
        sizes: Vec<f64>,
    },
    /// Found by doubling from `start` until the budget is used well.
    Adaptive {
        /// The smallest size, which also tells the floor of the start-up time.
        start: f64,
    },
}

impl Sizes {
    /// Returns the sizes that are known before anything ran.
    pub fn known(&self) -> &[f64] {
        match self {
            Self::List { sizes } => sizes,
            Self::None | Self::Adaptive { .. } => &[],
        }
    }

    /// Returns sizes from `low` to `high`, each `ratio` times the one before; `high` is always the last.
    ///
    /// A value nearer to `high` than the square root of the ratio gives way to it.
    pub fn geometric(low: f64, high: f64, ratio: f64) -> Self {
        let mut sizes = vec![low];
        let mut exponent = 1;
        loop {
            let size = round_like(low, low * ratio.powi(exponent));
            if size * ratio.sqrt() > high {
                break;
            }
            sizes.push(size);
            exponent += 1;
        }
        if high > low {
            sizes.push(high);
        }
        Self::List { sizes }
    }
}

impl FromStr for Sizes {
    type Err = MeasureError;

    /// Reads `1e4,1e5,1e6`; `1e4..1e6` (geometric, by 2, or by 4 or 10 where that would be more than ten sizes);
    /// `1e4..1e6:10` (by 10); `adaptive` or `adaptive:1000` (from 1000), for which `auto` is short.
    ///
    /// ```
    /// # use festina_measure::Sizes;
    /// assert_eq!("1e2..1e4:10".parse::<Sizes>()?, Sizes::List { sizes: vec![100.0, 1000.0, 10_000.0] });
    /// assert_eq!("adaptive:50".parse::<Sizes>()?, Sizes::Adaptive { start: 50.0 });
    /// assert_eq!("auto".parse::<Sizes>()?, Sizes::Adaptive { start: 1.0 });
    /// assert!("3,2,1".parse::<Sizes>().is_err());
    /// # Ok::<(), festina_measure::MeasureError>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let text = text.trim();
        let (word, start) = text.split_once(':').unwrap_or((text, "1"));
        if matches!(word, "adaptive" | "auto") {
            return Ok(Self::Adaptive { start: read_size(start)? });
        }
        match text.split_once("..") {
            Some((low, rest)) => read_range(low, rest),
            None => {
                let sizes = text.split(',').map(read_size).collect::<Result<Vec<_>, _>>()?;
                check_growing(&sizes)?;
                Ok(Self::List { sizes })
            }
        }
    }
}

fn read_range(low: &str, rest: &str) -> Result<Sizes, MeasureError> {
    let (high, ratio) = match rest.split_once(':') {
        Some((high, ratio)) => (high, Some(ratio)),
        None => (rest, None),
    };
    let (low, high) = (read_size(low)?, read_size(high)?);
    if high <= low {
        return Err(invalid(
            format!("has the sizes {low}..{high}, which do not grow"),
            format!("write the smaller first: {high}..{low}"),
        ));
    }
    let Some(ratio) = ratio else {
        let few = |ratio: f64| (high / low).log(ratio) < MOST_SIZES as f64 - 1.0;
        return Ok(Sizes::geometric(low, high, [2.0, 4.0].into_iter().find(|r| few(*r)).unwrap_or(10.0)));
    };
    match ratio.trim().parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && ratio >= 1.1 => Ok(Sizes::geometric(low, high, ratio)),
        _ => Err(invalid(
            format!("has the ratio '{ratio}' between sizes"),
            "give a number of at least 1.1, as in 1e4..1e6:2".to_owned(),
        )),
    }
}

fn read_size(text: &str) -> Result<f64, MeasureError> {
    let plain = text.trim().replace('_', "");
    match plain.parse::<f64>() {
        Ok(size) if size.is_finite() && size > 0.0 => Ok(size),
        _ => Err(invalid(
            format!("has the size '{}', which is no positive number", text.trim()),
            "write sizes as in 1e4,1e5,1e6 or 1e4..1e6 or adaptive".to_owned(),
        )),
    }
}

pub(super) fn check_growing(sizes: &[f64]) -> Result<(), MeasureError> {
    if sizes.windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(());
    }
    let mut sorted = sizes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let list: Vec<_> = sorted.iter().map(f64::to_string).collect();
    Err(invalid("has sizes that do not grow".to_owned(), format!("write them as {}", list.join(","))))
}

fn invalid(reason: String, hint: String) -> MeasureError {
    MeasureError::Design { reason, hint }
}

/// Rounds `size` to an integer where `model` is one.
pub(crate) fn round_like(model: f64, size: f64) -> f64 {
    if model.fract() == 0.0 { size.round() } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<f64> {
        match text.parse().unwrap() {
            Sizes::List { sizes } => sizes,
            other => panic!("{other:?} is no list"),
        }
    }

    #[test]
    fn ranges_are_geometric_and_keep_their_ends() {
        assert_eq!(list("1000..16000"), [1e3, 2e3, 4e3, 8e3, 16e3]);
        assert_eq!(list("1e4..1e6:10"), [1e4, 1e5, 1e6]);
        // 640,000 · √2 < 1e6, so both stay.
        assert_eq!(list("1e4..1e6").last_chunk(), Some(&[64e4, 1e6]));
        // 64 · √2 > 70: 70 takes the place of 64.
        assert_eq!(list("8..70:2"), [8.0, 16.0, 32.0, 70.0]);
        assert_eq!(list("1..1e9:10").len(), 10);
        assert!(list("1..1e9").len() <= 10);
        assert_eq!(list("10_000, 2e4"), [1e4, 2e4]);
    }

    #[test]
    fn bad_sizes_are_named() {
        for text in ["", "x", "-1", "0", "1,,2", "inf", "nan", "5..2", "1..8:1", "1..8:x", "2,2", "auto:-1"] {
            let error = text.parse::<Sizes>().unwrap_err();
            assert!(error.hint().is_some(), "{text}: {error}");
        }
        let error = "1e6,1e4".parse::<Sizes>().unwrap_err();
        assert_eq!(error.hint().unwrap(), "write them as 10000,1000000");
    }
}
