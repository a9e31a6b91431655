//! How many requests a second, over time: constant, ramps, steps, spikes, soaks.

use std::fmt;
use std::str::FromStr;

use festina_types::Seconds;

use crate::LoadError;

/// A rate of arrivals that is piecewise linear in time.
///
/// With `Λ(t)` the number of arrivals expected until `t`, the integral of the rate, an arrival process of rate 1 becomes
/// one of this rate when its times are mapped by the inverse of `Λ`, which is exact for a piecewise linear rate: the root
/// of a quadratic.
///
/// Source: E. Çınlar, *Introduction to Stochastic Processes*, 1975, section 4.7.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pieces: Vec<Piece>,
}

/// A piece in which the rate goes linearly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// How long it lasts, in seconds.
    pub duration: f64,
    /// The rate at its begin, in requests a second.
    pub from: f64,
    /// The rate at its end, in requests a second.
    pub to: f64,
}

const EXPECTED: &str = "a profile of DURATION@RATE pieces such as 10s@100,30s@100..500,1m@500";

impl Profile {
    /// Returns the profile of one rate, in requests a second, for a duration.
    ///
    /// # Errors
    ///
    /// [`LoadError::Schedule`] if the rate or the duration is not positive and finite.
    pub fn constant(rate: f64, duration: Seconds) -> Result<Self, LoadError> {
        Self::new(vec![Piece { duration: duration.0, from: rate, to: rate }])
    }

    /// Returns the profile of `pieces`, one after the other.
    ///
    /// # Errors
    ///
    /// [`LoadError::Schedule`] if a piece lasts no time, a rate is negative or not finite, or nothing ever arrives.
    pub fn new(pieces: Vec<Piece>) -> Result<Self, LoadError> {
        let is_rate = |rate: f64| rate.is_finite() && (0.0..=1e9).contains(&rate);
        let is_right =
            |p: &Piece| p.duration.is_finite() && p.duration > 0.0 && is_rate(p.from) && is_rate(p.to);
        let profile = Self { pieces };
        if !profile.pieces.iter().all(is_right) || profile.expected() <= 0.0 {
            return Err(LoadError::Schedule { text: profile.to_string(), expected: EXPECTED });
        }
        Ok(profile)
    }

    /// Returns the pieces.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns how long it lasts.
    pub fn duration(&self) -> Seconds {
        Seconds(self.pieces.iter().map(|piece| piece.duration).sum())
    }

    /// Returns the number of arrivals expected in all.
    pub fn expected(&self) -> f64 {
        self.pieces.iter().map(Piece::arrivals).sum()
    }

    /// Returns the number of arrivals expected until `time`, in seconds from the begin: `Λ(t)`.
    ///
    /// ```
    /// # use festina_load::Profile;
    /// let ramp: Profile = "10s@0..100".parse()?;
    /// assert_eq!(ramp.expected_until(5.0), 125.0);
    /// # Ok::<(), festina_load::LoadError>(())
    /// ```
    pub fn expected_until(&self, time: f64) -> f64 {
        let mut rest = time.max(0.0);
        let mut sum = 0.0;
        for piece in &self.pieces {
            let within = rest.min(piece.duration);
            sum += piece.arrivals_within(within);
            rest -= within;
        }
        sum
    }

    /// Returns when `arrivals` arrivals are expected to have come; `None` if that many never come.
    ///
    /// The inverse of [`expected_until`](Self::expected_until).
    pub fn time_of(&self, arrivals: f64) -> Option<f64> {
        let mut begin = 0.0;
        let mut rest = arrivals;
        for piece in &self.pieces {
            let all = piece.arrivals();
            if rest < all {
                return Some(begin + piece.time_of(rest));
            }
            rest -= all;
            begin += piece.duration;
        }
        None
    }
}

impl Piece {
    fn arrivals(&self) -> f64 {
        self.arrivals_within(self.duration)
    }

    fn arrivals_within(&self, time: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration;
        time * (self.from + slope * time / 2.0)
    }

    /// Solves `from·t + slope·t²/2 = arrivals`, in the form that loses no digits where the slope is small.
    fn time_of(&self, arrivals: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration;
        let root = (self.from * self.from + 2.0 * slope * arrivals).max(0.0).sqrt();
        if self.from + root == 0.0 { 0.0 } else { (2.0 * arrivals / (self.from + root)).min(self.duration) }
    }
}

impl FromStr for Profile {
    type Err = LoadError;

    /// Reads `DURATION@RATE` and `DURATION@RATE..RATE`, separated by commas.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let error = || LoadError::Schedule { text: text.to_owned(), expected: EXPECTED };
        let pieces = text.split(',').map(|piece| parse_piece(piece.trim()).ok_or_else(error));
        Self::new(pieces.collect::<Result<_, _>>()?).map_err(|_| error())
    }
}

fn parse_piece(text: &str) -> Option<Piece> {
    let (duration, rates) = text.split_once('@')?;
    let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
    let number = |text: &str| text.trim().trim_end_matches("/s").parse::<f64>().ok();
    Some(Piece { duration: duration.trim().parse::<Seconds>().ok()?.0, from: number(from)?, to: number(to)? })
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Piece { duration, from, to }) in self.pieces.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{duration}s@{from}")?;
            if from != to {
                write!(f, "..{to}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_spike_is_read_and_written() {
        let profile: Profile = "10s@100, 5s@1000,10s@100".parse().unwrap();
        assert_eq!(profile.duration(), Seconds(25.0));
        assert_eq!(profile.expected(), 7000.0);
        assert_eq!(profile.to_string(), "10s@100,5s@1000,10s@100");
        assert_eq!(profile.time_of(1000.0), Some(10.0));
        assert_eq!(profile.time_of(1500.0), Some(10.5));
        assert_eq!(profile.time_of(7000.0), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "10s", "10s@", "10s@-1", "0s@5", "10s@nan", "10s@inf", "x@5", "10s@0", "10s@1..", "10s@5,,"]
        {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_inverse_is_exact(
            rates in proptest::collection::vec((0.1_f64..20.0, 0.0_f64..500.0, 0.0_f64..500.0), 1..6),
            share in 0.0_f64..0.999,
        ) {
            let pieces = rates.iter().map(|&(duration, from, to)| Piece { duration, from, to }).collect();
            let Ok(profile) = Profile::new(pieces) else { return Ok(()) };
            let arrivals = share * profile.expected();
            let time = profile.time_of(arrivals).unwrap();
            prop_assert!((profile.expected_until(time) - arrivals).abs() < 1e-6 * (1.0 + profile.expected()));
        }
    }
}
