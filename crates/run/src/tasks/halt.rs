//! When a run stops before its end because of how tasks ended.

use std::str::FromStr;

use super::TaskError;

/// When a run stops before its end, as GNU parallel's `--halt`: `never`, `soon,fail=1`, `now,fail=10%`,
/// `now,success=1`, `soon,done=100`.
///
/// ```
/// use festina_run::tasks::Halt;
/// let halt: Halt = "soon,fail=10%".parse()?;
/// // One of eleven is 9 %, one of ten 10 %.
/// assert!(!halt.is_reached(1, 10) && halt.is_reached(1, 9));
/// # Ok::<(), festina_run::tasks::TaskError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Halt {
    /// All tasks run, whatever becomes of them.
    #[default]
    Never,
    /// The run stops when enough tasks ended so.
    When {
        /// Whether tasks that run are killed; otherwise they run to their ends.
        now: bool,
        /// Which tasks count.
        ending: Ending,
        /// How many are enough.
        threshold: Threshold,
    },
}

/// The tasks that count for a [`Halt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Those that failed.
    Failure,
    /// Those that finished with exit code 0.
    Success,
    /// All that ended.
    Any,
}

/// How many tasks are enough for a [`Halt`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// So many.
    Count(u64),
    /// So great a part of those that ended, in percent, once there are three.
    Percent(f64),
}

impl Halt {
    /// Returns whether the run stops after `failed` tasks failed and `finished` succeeded.
    pub fn is_reached(&self, failed: u64, finished: u64) -> bool {
        let Self::When { ending, threshold, .. } = self else { return false };
        let ended = failed + finished;
        let counted = match ending {
            Ending::Failure => failed,
            Ending::Success => finished,
            Ending::Any => ended,
        };
        match threshold {
            Threshold::Count(count) => counted >= *count,
            Threshold::Percent(percent) => ended >= 3 && counted as f64 * 100.0 >= percent * ended as f64,
        }
    }

    /// Returns whether tasks that run are killed when the run stops.
    pub fn is_now(&self) -> bool {
        matches!(self, Self::When { now: true, .. })
    }
}

impl FromStr for Halt {
    type Err = TaskError;

    fn from_str(text: &str) -> Result<Self, TaskError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let error = || TaskError::Halt { text: text.to_owned() };
        let (when, condition) = text.split_once(',').ok_or_else(error)?;
        let now = match when {
            "now" => true,
            "soon" => false,
            _ => return Err(error()),
        };
        let (ending, amount) = condition.split_once('=').ok_or_else(error)?;
        let ending = match ending {
            "fail" => Ending::Failure,
            "success" => Ending::Success,
            "done" => Ending::Any,
            _ => return Err(error()),
        };
        let threshold = match amount.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.parse().map_err(|_| error())?;
                (percent > 0.0 && percent <= 100.0)
                    .then_some(Threshold::Percent(percent))
                    .ok_or_else(error)?
            }
            None => match amount.parse().map_err(|_| error())? {
                0 => return Err(error()),
                count => Threshold::Count(count),
            },
        };
        Ok(Self::When { now, ending, threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_those_of_gnu_parallel() {
        let reached =
            |text: &str, failed, finished| text.parse::<Halt>().unwrap().is_reached(failed, finished);
        assert!(!reached("never", 1_000, 0));
        assert!(reached("now,fail=1", 1, 0) && !reached("now,fail=1", 0, 5));
        assert!(reached("soon,success=2", 7, 2) && !reached("soon,success=2", 7, 1));
        assert!(reached("soon,done=3", 1, 2));
        assert!(!reached("now,fail=50%", 1, 0), "one of one says nothing yet");
        assert!(reached("now,fail=50%", 2, 2) && !reached("now,fail=50%", 1, 2));
        assert!("now,fail=1".parse::<Halt>().unwrap().is_now());
    }

    #[test]
    fn other_words_are_refused() {
        for text in [
            "",
            "now",
            "soon,fail",
            "later,fail=1",
            "now,fail=0",
            "now,fail=-1",
            "now,fail=101%",
            "now,fail=x%",
        ] {
            assert!(text.parse::<Halt>().is_err(), "{text}");
        }
    }
}
