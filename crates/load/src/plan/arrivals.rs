//! When requests arrive: a stream of intended times that knows nothing of how the service does.

use std::str::FromStr;

use festina_types::Seconds;
use rand::SeedableRng;
use rand_distr::{Distribution, Exp1, Gamma};
use rand_pcg::Pcg64;

use super::Profile;
use crate::LoadError;

/// The process by which requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Many users who know nothing of each other: gaps are exponential, their coefficient of variation is 1.
    Poisson,
    /// A clock: all gaps are equal.
    Constant,
    /// Gaps of a gamma distribution with this coefficient of variation: above 1 in bursts, below 1 almost by the clock.
    Gamma(f64),
    /// Recorded times, in seconds from the first, in order; the profile's rates are not used.
    Trace(Vec<f64>),
}

impl Arrivals {
    /// Returns the coefficient of variation of the gaps, where the process has one.
    pub fn variation(&self) -> Option<f64> {
        match self {
            Self::Poisson => Some(1.0),
            Self::Constant => Some(0.0),
            Self::Gamma(variation) => Some(*variation),
            Self::Trace(_) => None,
        }
    }

    /// Reads a trace: one time in seconds a line; it is sorted and moved to begin at zero.
    ///
    /// # Errors
    ///
    /// [`LoadError::Row`] for a line that is not a finite number; [`LoadError::Schedule`] if there is none.
    pub fn trace(file: &str, text: &str) -> Result<Self, LoadError> {
        let mut times = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let time = line.trim().parse::<f64>().ok().filter(|time| time.is_finite());
            times.push(time.ok_or_else(|| LoadError::Row {
                file: file.to_owned(),
                line: index + 1,
                message: format!("'{}' is not a time in seconds", line.trim()),
            })?);
        }
        times.sort_by(f64::total_cmp);
        let Some(first) = times.first().copied() else {
            return Err(LoadError::Schedule {
                text: file.to_owned(),
                expected: "a trace: it has no line with a time in seconds",
            });
        };
        times.iter_mut().for_each(|time| *time -= first);
        Ok(Self::Trace(times))
    }
}

impl FromStr for Arrivals {
    type Err = LoadError;

    /// Reads `poisson`, `constant`, `gamma:2.5`.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        match text.split_once(':') {
            None if text == "poisson" => Some(Self::Poisson),
            None if text == "constant" => Some(Self::Constant),
            Some(("gamma", variation)) => {
                variation.parse().ok().filter(|v| (0.01..=100.0).contains(v)).map(Self::Gamma)
            }
            _ => None,
        }
        .ok_or_else(|| LoadError::Schedule {
            text: text.to_owned(),
            expected: "an arrival process: poisson, constant, gamma:CV (0.01 to 100) or a trace",
        })
    }
}

/// The intended times of every `of`-th arrival, in seconds from the begin, in order.
///
/// Every part draws the same sequence from the same seed and keeps its own: all parts together are one process, however
/// many there are. (Independent parts would do for Poisson's, whose superpositions are Poisson's again, but for no other.)
#[derive(Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    gaps: Option<Gamma<f64>>,
    profile: Profile,
    random: Pcg64,
    position: f64,
    index: usize,
    part: usize,
    of: usize,
}

impl Schedule {
    /// Returns part `part` of `of` of the arrivals.
    ///
    /// # Panics
    ///
    /// Panics if `part` is not below `of`.
    pub fn new(arrivals: &Arrivals, profile: &Profile, seed: u64, part: usize, of: usize) -> Self {
        assert!(part < of, "part {part} of {of}");
        let gaps = match arrivals {
            // Mean shape·scale = 1, coefficient of variation 1/√shape.
            Arrivals::Gamma(variation) => Gamma::new(variation.powi(-2), variation.powi(2)).ok(),
            _ => None,
        };
        Self {
            arrivals: arrivals.clone(),
            gaps,
            profile: profile.clone(),
            random: Pcg64::seed_from_u64(seed),
            position: 0.0,
            index: 0,
            part,
            of,
        }
    }

    /// Returns how long arrivals come.
    pub fn duration(&self) -> Seconds {
        match &self.arrivals {
            Arrivals::Trace(times) => Seconds(times.last().copied().unwrap_or(0.0)),
            _ => self.profile.duration(),
        }
    }

    /// Returns the next arrival of all parts.
    fn next_of_all(&mut self) -> Option<f64> {
        match (&self.arrivals, &self.gaps) {
            (Arrivals::Trace(times), _) => return times.get(self.index).copied(),
            (Arrivals::Constant, _) => self.position = self.index as f64 + 0.5,
            (Arrivals::Gamma(_), Some(gaps)) => self.position += gaps.sample(&mut self.random),
            _ => {
                let gap: f64 = Exp1.sample(&mut self.random);
                self.position += gap;
            }
        }
        self.profile.time_of(self.position)
    }
}

impl Iterator for Schedule {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        loop {
            let time = self.next_of_all()?;
            let is_own = self.index % self.of == self.part;
            self.index += 1;
            if is_own {
                return Some(time);
            }
        }
    }
}

/// The mean and the coefficient of variation of a stream of gaps.
///
/// Source: B. P. Welford, *Note on a method for calculating corrected sums of squares and products*, Technometrics 1962.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gaps {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Gaps {
    /// Adds a gap.
    pub fn add(&mut self, gap: f64) {
        self.n += 1.0;
        let before = gap - self.mean;
        self.mean += before / self.n;
        self.squares += before * (gap - self.mean);
    }

    /// Returns the coefficient of variation; `None` with fewer than two gaps.
    ///
    /// ```
    /// # use festina_load::Gaps;
    /// let mut gaps = Gaps::default();
    /// [1.0, 3.0].into_iter().for_each(|gap| gaps.add(gap));
    /// assert_eq!(gaps.variation(), Some(2.0_f64.sqrt() / 2.0));
    /// ```
    pub fn variation(&self) -> Option<f64> {
        (self.n >= 2.0 && self.mean > 0.0).then(|| (self.squares / (self.n - 1.0)).sqrt() / self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(arrivals: &Arrivals, profile: &str, part: usize, of: usize) -> Vec<f64> {
        Schedule::new(arrivals, &profile.parse().unwrap(), 7, part, of).collect()
    }

    fn variation(times: &[f64]) -> f64 {
        let mut gaps = Gaps::default();
        times.windows(2).for_each(|pair| gaps.add(pair[1] - pair[0]));
        gaps.variation().unwrap()
    }

    #[test]
    fn processes_have_their_rate_and_variation() {
        for (arrivals, expected, tolerance) in [
            (Arrivals::Poisson, 1.0_f64, 0.02),
            (Arrivals::Constant, 0.0, 1e-9),
            (Arrivals::Gamma(0.5), 0.5, 0.01),
            (Arrivals::Gamma(3.0), 3.0, 0.15),
        ] {
            let times = times(&arrivals, "100s@500", 0, 1);
            let spread = 4.0 * 50_000.0_f64.sqrt() * expected.max(1e-3);
            assert!(
                (times.len() as f64 - 50_000.0).abs() <= spread,
                "{arrivals:?}: {} arrivals",
                times.len()
            );
            assert!((variation(&times) - expected).abs() <= tolerance, "{arrivals:?}: {}", variation(&times));
        }
    }

    #[test]
    fn parts_are_one_process() {
        for arrivals in [Arrivals::Poisson, Arrivals::Constant, Arrivals::Gamma(2.0)] {
            let whole = times(&arrivals, "2s@10..300", 0, 1);
            let mut parts: Vec<f64> =
                (0..3).flat_map(|part| times(&arrivals, "2s@10..300", part, 3)).collect();
            parts.sort_by(f64::total_cmp);
            assert_eq!(whole, parts);
        }
    }

    #[test]
    fn a_ramp_is_followed() {
        let times = times(&Arrivals::Poisson, "100s@0..200", 0, 1);
        let early = times.iter().filter(|time| **time < 50.0).count() as f64;
        // A quarter of 10,000 arrivals, whose standard deviation is 50.
        assert!((early - 2500.0).abs() < 200.0, "{early}");
    }

    #[test]
    fn a_trace_begins_at_its_first_time() {
        let trace = Arrivals::trace("t", "12.5\n\n11\n12").unwrap();
        assert_eq!(times(&trace, "1s@1", 0, 1), [0.0, 1.0, 1.5]);
        assert_eq!(times(&trace, "1s@1", 1, 2), [1.0]);
        assert!(matches!(Arrivals::trace("t", "1\nx"), Err(LoadError::Row { line: 2, .. })));
        assert!(Arrivals::trace("t", "\n").is_err());
    }
}
