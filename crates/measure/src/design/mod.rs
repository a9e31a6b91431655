//! Which points are measured, how often, and within which limits.

mod duration;
mod order;
mod sizes;
mod workers;

pub use duration::expected_duration;
pub use order::block_order;
pub use sizes::Sizes;
pub(crate) use sizes::round_like;
pub use workers::{default_workers, parse_workers};

use festina_types::{Finding, Point, Seconds, Severity, Workers};
use serde::{Deserialize, Serialize};

use crate::error::MeasureError;
use crate::noise::Thresholds;
use crate::stopping::StoppingRule;

/// Which points to measure, and within which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// The problem sizes.
    pub sizes: Sizes,
    /// The numbers of workers, growing.
    pub workers: Vec<Workers>,
    /// How n and p combine.
    #[serde(default)]
    pub scaling: Scaling,
    /// When a point has been measured often enough.
    #[serde(default)]
    pub stopping: StoppingRule,
    /// The elapsed time for everything: references, runs, preparations.
    #[serde(default = "default_budget")]
    pub budget: Seconds,
    /// The seed of the order and of every resampling; it also fills `{seed}`.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// From which evidence on a run counts as disturbed.
    #[serde(default)]
    pub noise: Thresholds,
    /// Whether disturbed runs enter the estimates, with a warning, rather than being run again.
    #[serde(default)]
    pub accept_noise: bool,
}

/// How the points are made of sizes and numbers of workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Scaling {
    /// Strong scaling: every size on every number of workers.
    #[default]
    Strong,
    /// Weak scaling: on p workers the size is such that the work per worker stays, n(p) = n₀ · p^(1/growth).
    Weak {
        /// The exponent of the work's growth, work(n) ∝ n^growth: 1 lets n grow as p does; what a fit of T(n, 1)
        /// found is better.
        growth: f64,
    },
}

/// Two minutes: long enough for six blocks of second-long runs at ten points, short enough to wait for.
pub const DEFAULT_BUDGET: Seconds = Seconds(120.0);

fn default_budget() -> Seconds {
    DEFAULT_BUDGET
}

fn default_seed() -> u64 {
    1
}

impl Design {
    /// Returns the strong-scaling design of `sizes` and `workers` with the defaults: within
    /// [`DEFAULT_BUDGET`], 6 to 30 blocks, until the 95 % intervals are within 2 %.
    pub fn new(sizes: Sizes, workers: Vec<Workers>) -> Self {
        Self {
            sizes,
            workers,
            scaling: Scaling::default(),
            stopping: StoppingRule::default(),
            budget: default_budget(),
            seed: default_seed(),
            noise: Thresholds::default(),
            accept_noise: false,
        }
    }

    /// Refuses a design that cannot be measured.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Design`], with what would be right.
    pub fn validate(&self) -> Result<(), MeasureError> {
        let invalid = |reason: &str, hint: &str| {
            Err(MeasureError::Design { reason: reason.to_owned(), hint: hint.to_owned() })
        };
        if self.workers.is_empty() {
            return invalid("has no number of workers", "give some, as in --p 1,2,4");
        }
        if matches!(&self.sizes, Sizes::List { sizes } if sizes.is_empty()) {
            return invalid("has an empty list of sizes", "give some, as in --n 1e4..1e6");
        }
        sizes::check_growing(self.sizes.known())?;
        workers::check_growing(&self.workers)?;
        if self.sizes.known().iter().any(|n| !n.is_finite() || *n <= 0.0) {
            return invalid("has a size that is not positive", "sizes are positive numbers");
        }
        if !(self.budget.0 > 0.0 && self.budget.0.is_finite()) {
            return invalid("has no time budget", "give one, as in --budget 5m");
        }
        if let Scaling::Weak { growth } = self.scaling {
            if !(growth.is_finite() && growth > 0.0) {
                return invalid("has a growth that is not positive", "1 lets n grow as p does");
            }
            if self.sizes == Sizes::None {
                return invalid(
                    "is weak scaling without a size",
                    "give the size of one worker, as in --n 1e5",
                );
            }
        }
        self.stopping.validate()
    }

    /// Returns the points for `sizes`, the smallest size first, then the fewest workers.
    ///
    /// ```
    /// # use festina_measure::{Design, Scaling, Sizes, parse_workers};
    /// let mut design = Design::new(Sizes::None, parse_workers("1,2,4")?);
    /// assert_eq!(design.points(&[100.0, 200.0]).len(), 6);
    /// design.scaling = Scaling::Weak { growth: 2.0 };
    /// // Work that grows with n²: four workers do twice the size in the same time.
    /// let sizes: Vec<_> = design.points(&[100.0]).iter().map(|point| point.n.unwrap()).collect();
    /// assert_eq!(sizes, [100.0, 141.0, 200.0]);
    /// # Ok::<(), festina_measure::MeasureError>(())
    /// ```
    pub fn points(&self, sizes: &[f64]) -> Vec<Point> {
        if sizes.is_empty() {
            return self.workers.iter().map(|p| Point { n: None, p: *p }).collect();
        }
        let at = |n: f64, p: Workers| match self.scaling {
            Scaling::Strong => Point { n: Some(n), p },
            Scaling::Weak { growth } => {
                let size = n * f64::from(p.get()).powf(1.0 / growth);
                Point { n: Some(round_like(n, size)), p }
            }
        };
        sizes.iter().flat_map(|n| self.workers.iter().map(move |p| at(*n, *p))).collect()
    }

    /// Returns what is odd about the design on a machine with `available` workers, though it can be measured.
    pub fn findings(&self, available: Workers) -> Vec<Finding> {
        let mut findings = Vec::new();
        let above: Vec<_> = self.workers.iter().filter(|p| **p > available).map(Workers::to_string).collect();
        if !above.is_empty() {
            let message = format!(
                "p = {} is above the {available} available: that measures time slicing, not scaling",
                above.join(", ")
            );
            let hint = format!("leave it away, and let the forecast tell: --p 1..{available}");
            findings.push(Finding::new(Severity::Warning, "oversubscribed", message).with_hint(hint));
        }
        if self.workers.first() != Some(&Workers::MIN) {
            let message = "p = 1 is not among the numbers of workers: there is no speed-up without it";
            let hint = "add it, as in --p 1,2,4";
            findings.push(Finding::new(Severity::Warning, "no-base", message).with_hint(hint));
        }
        if let Sizes::List { sizes } = &self.sizes {
            let range = sizes.last().unwrap_or(&1.0) / sizes.first().unwrap_or(&1.0);
            if sizes.len() > 1 && (sizes.len() < 4 || range < 8.0) {
                let message =
                    format!("{} sizes over a range of {range:.3}× say little about growth in n", sizes.len());
                let hint = "five sizes over a range of 16× and more do";
                findings.push(Finding::new(Severity::Note, "few-sizes", message).with_hint(hint));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(workers: &str) -> Design {
        Design::new("1e3..1e5:10".parse().unwrap(), parse_workers(workers).unwrap())
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let good = design("1,2");
        assert!(good.validate().is_ok());
        let broken: [fn(&mut Design); 7] = [
            |d| d.workers.clear(),
            |d| d.workers.reverse(),
            |d| d.sizes = Sizes::List { sizes: vec![] },
            |d| d.sizes = Sizes::List { sizes: vec![2.0, 1.0] },
            |d| d.budget = Seconds(f64::NAN),
            |d| d.scaling = Scaling::Weak { growth: 0.0 },
            |d| (d.scaling, d.sizes) = (Scaling::Weak { growth: 1.0 }, Sizes::None),
        ];
        for (index, spoil) in broken.iter().enumerate() {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert!(bad.validate().is_err(), "case {index}");
        }
    }

    #[test]
    fn more_workers_than_available_are_allowed_and_told() {
        let codes = |design: &Design, available| -> Vec<String> {
            design.findings(Workers::new(available).unwrap()).into_iter().map(|f| f.code).collect()
        };
        assert_eq!(codes(&design("1,2,4"), 2), ["oversubscribed", "few-sizes"]);
        assert_eq!(codes(&design("2,4"), 4), ["no-base", "few-sizes"]);
        assert!(codes(&Design::new("1..16".parse().unwrap(), default_workers(Workers::MIN)), 1).is_empty());
    }

    #[test]
    fn a_design_reads_back_and_has_defaults() {
        let stored = serde_json::to_string(&design("1,2")).unwrap();
        assert_eq!(serde_json::from_str::<Design>(&stored).unwrap(), design("1,2"));
        let short = r#"{"sizes": {"kind": "none"}, "workers": [1, 2]}"#;
        assert_eq!(serde_json::from_str::<Design>(short).unwrap().budget, DEFAULT_BUDGET);
    }
}
