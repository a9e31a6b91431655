//! What a program's work and span allow, whatever the scheduler.
//!
//! ```text
//! max(T₁ / p, T∞) ≤ T(p) ≤ T₁ / p + (1 − 1/p) · T∞
//! ```
//!
//! with the work `T₁`, the sum of all its parts, and the span `T∞`, the longest chain of parts that wait for each other.
//! The upper bound holds for every greedy schedule (no worker idles while a part is ready); it does not where parts get
//! slower side by side (memory bandwidth), block on I/O, or take locks.
//!
//! Sources: R. L. Graham, *Bounds on multiprocessing timing anomalies*, SIAM J. Appl. Math. 17 (1969); R. P. Brent,
//! J. ACM 21 (1974). Burdened span: Y. He, C. E. Leiserson, W. M. Leiserson, *The Cilkview scalability analyzer*,
//! SPAA 2010, <https://doi.org/10.1145/1810479.1810509>.

use festina_types::{Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::LawError;
use crate::error::require;

/// The work and the span of a program.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkSpan {
    work: Seconds,
    span: Seconds,
    burdened_span: Option<Seconds>,
}

/// The least and the greatest time that a greedy schedule can take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// No schedule is faster.
    pub lower: Seconds,
    /// No greedy schedule is slower.
    pub upper: Seconds,
}

impl Bounds {
    /// Returns whether `time` lies between the bounds, to a relative rounding error of 10⁻⁹.
    pub fn contains(&self, time: Seconds) -> bool {
        let slack = 1e-9 * self.upper.0;
        self.lower.0 - slack <= time.0 && time.0 <= self.upper.0 + slack
    }
}

impl WorkSpan {
    /// Returns the work and span of a program.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if the work is negative or not finite, or the span is not between 0 and the work.
    pub fn new(work: Seconds, span: Seconds) -> Result<Self, LawError> {
        require(work.0 >= 0.0 && work.0.is_finite(), "the work", "finite and not negative", work.0)?;
        require(span.0 >= 0.0 && span.0 <= work.0, "the span", "between 0 and the work", span.0)?;
        Ok(Self { work, span, burdened_span: None })
    }

    /// Returns the same with the span that includes the cost of every migration along it.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] if it is below the span or not finite.
    pub fn with_burdened_span(self, burdened: Seconds) -> Result<Self, LawError> {
        let is_valid = burdened.0 >= self.span.0 && burdened.0.is_finite();
        require(is_valid, "the burdened span", "finite and at least the span", burdened.0)?;
        Ok(Self { burdened_span: Some(burdened), ..self })
    }

    /// Returns T₁ / T∞, the number of workers beyond which more cannot help.
    ///
    /// ```
    /// # use festina_laws::work_span::WorkSpan;
    /// # use festina_types::Seconds;
    /// assert_eq!(WorkSpan::new(Seconds(100.0), Seconds(5.0))?.parallelism(), 20.0);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn parallelism(&self) -> f64 {
        self.work.0 / self.span.0
    }

    /// Returns the bounds on the time of `workers` workers.
    ///
    /// ```
    /// # use festina_laws::work_span::WorkSpan;
    /// # use festina_types::{Seconds, Workers};
    /// let bounds = WorkSpan::new(Seconds(100.0), Seconds(8.0))?.bounds(Workers::new(4).unwrap());
    /// // max(25, 8) and 25 + ¾ · 8.
    /// assert_eq!((bounds.lower, bounds.upper), (Seconds(25.0), Seconds(31.0)));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn bounds(&self, workers: Workers) -> Bounds {
        let p = f64::from(workers.get());
        let share = self.work.0 / p;
        Bounds {
            lower: Seconds(share.max(self.span.0)),
            upper: Seconds(share + (1.0 - 1.0 / p) * self.span.0),
        }
    }

    /// Returns what the time will be at most in practice, `T₁/p + δ·(1 − 1/p)·T̃∞` with the burdened span T̃∞ and
    /// δ = 1.7, as Cilkscale draws it; `None` without a burdened span.
    ///
    /// ```
    /// # use festina_laws::work_span::WorkSpan;
    /// # use festina_types::{Seconds, Workers};
    /// let program = WorkSpan::new(Seconds(100.0), Seconds(8.0))?.with_burdened_span(Seconds(10.0))?;
    /// // 50 + 1.7 · ½ · 10.
    /// assert_eq!(program.burdened_time(Workers::new(2).unwrap()), Some(Seconds(58.5)));
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn burdened_time(&self, workers: Workers) -> Option<Seconds> {
        const BURDEN_FACTOR: f64 = 1.7;
        let p = f64::from(workers.get());
        let burdened = self.burdened_span?;
        Some(Seconds(self.work.0 / p + BURDEN_FACTOR * (1.0 - 1.0 / p) * burdened.0))
    }

    /// Returns the work.
    pub fn work(&self) -> Seconds {
        self.work
    }

    /// Returns the span.
    pub fn span(&self) -> Seconds {
        self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_meet_at_one_worker_and_narrow_beyond_the_parallelism() {
        let program = WorkSpan::new(Seconds(60.0), Seconds(6.0)).unwrap();
        let one = program.bounds(Workers::MIN);
        assert_eq!((one.lower, one.upper), (Seconds(60.0), Seconds(60.0)));
        let many = program.bounds(Workers::new(1_000_000).unwrap());
        assert_eq!(many.lower, Seconds(6.0));
        assert!(many.upper.0 < 6.0001 && many.contains(Seconds(6.0)));
    }

    #[test]
    fn impossible_spans_are_refused() {
        for (work, span) in [(1.0, 2.0), (-1.0, 0.0), (f64::NAN, 0.0), (1.0, f64::NAN)] {
            assert!(WorkSpan::new(Seconds(work), Seconds(span)).is_err());
        }
        let program = WorkSpan::new(Seconds(2.0), Seconds(1.0)).unwrap();
        assert!(program.with_burdened_span(Seconds(0.5)).is_err());
        assert_eq!(program.burdened_time(Workers::MIN), None);
    }
}
