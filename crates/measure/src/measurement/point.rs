//! The estimates of one point.

use festina_laws::stats::outliers;
use festina_run::Accounting;
use festina_types::{CheckOutcome, Estimate, Point, Sample, Status, Usage};

use super::{Context, Measurement, Refusal, Verdict, mean, shown, walls};
use crate::check::Target;
use crate::store::Note;

impl Context<'_> {
    /// Returns the measurement at `point`, without its speed-up, which needs its base's.
    pub(super) fn measure(&self, point: Point) -> Measurement {
        let samples: Vec<usize> =
            (0..self.samples.len()).filter(|i| self.samples[*i].point == point).collect();
        let used = self.used(&samples);
        let disturbed = samples.iter().filter(|i| self.is_disturbed(**i)).count();
        let estimate = |value: fn(&Usage) -> f64| {
            let values: Vec<f64> = used.iter().map(|i| value(&self.samples[*i].usage)).collect();
            self.median(&values)
        };
        let far_out = outliers(&walls(self.samples, &used)).unwrap_or_default();
        Measurement {
            point,
            outliers: far_out.into_iter().map(|k| used[k]).collect(),
            disturbed,
            wall: estimate(|usage| usage.wall.0),
            user: estimate(|usage| usage.user.0),
            system: estimate(|usage| usage.system.0),
            peak_rss: estimate(|usage| usage.peak_rss.0 as f64),
            accounting: self.accounting(point, &used),
            speedup: Err(self.nothing_finished(&samples)),
            verdict: self.verdict(point, &samples),
            samples,
            used,
        }
    }

    /// The runs that estimates are made of; where only disturbed ones are left, those: a time is shown for them,
    /// and no speed-up.
    fn used(&self, samples: &[usize]) -> Vec<usize> {
        let finished = |i: &usize| self.samples[*i].status.is_finished();
        let warm = |i: &usize| self.samples[*i].block >= self.warm_up_blocks;
        let clean = |i: &usize| self.request.design.accept_noise || !self.is_disturbed(*i);
        let kept = |filter: &dyn Fn(&usize) -> bool| -> Vec<usize> {
            samples.iter().copied().filter(|i| finished(i) && filter(i)).collect()
        };
        let preferences: [&dyn Fn(&usize) -> bool; 4] = [&|i| warm(i) && clean(i), &clean, &warm, &|_| true];
        preferences.into_iter().map(kept).find(|kept| !kept.is_empty()).unwrap_or_default()
    }

    pub(super) fn is_disturbed(&self, index: usize) -> bool {
        let sample = &self.samples[index];
        sample.status.is_finished() && !sample.contamination.is_empty()
    }

    fn median(&self, values: &[f64]) -> Option<Estimate> {
        self.request.design.stopping.median(values).ok()
    }

    fn accounting(&self, point: Point, used: &[usize]) -> Option<Accounting> {
        let of = |i: &usize| {
            let Sample { usage, conditions, .. } = &self.samples[*i];
            Accounting::new(usage, conditions.steal, point.p)
        };
        let all: Vec<Accounting> = used.iter().map(of).collect();
        (!all.is_empty()).then(|| Accounting {
            user: mean(all.iter().map(|a| a.user)),
            system: mean(all.iter().map(|a| a.system)),
            run_delay: mean(all.iter().map(|a| a.run_delay)),
            steal: mean(all.iter().map(|a| a.steal)),
            blocked: mean(all.iter().map(|a| a.blocked)),
            unused: mean(all.iter().map(|a| a.unused)),
            excess: mean(all.iter().map(|a| a.excess)),
        })
    }

    fn nothing_finished(&self, samples: &[usize]) -> Refusal {
        let reason = match samples.last() {
            Some(last) => describe(self.samples[*last].status),
            None => "none was started".to_owned(),
        };
        Refusal::NothingFinished { reason }
    }

    fn verdict(&self, point: Point, samples: &[usize]) -> Verdict {
        if self.request.check.target == Target::None {
            return Verdict::Unchecked;
        }
        // What differed before the reference was seen to vary was held against too strict a reference.
        let varies = self.notes.iter().rev().find_map(|note| match note {
            Note::ReferenceVaries { n, places, runs_before } if *n == point.n => Some((places, *runs_before)),
            _ => None,
        });
        let differing: Vec<&str> = samples
            .iter()
            .map(|i| &self.samples[*i])
            .filter(|sample| varies.is_none_or(|(_, before)| sample.order >= before))
            .filter_map(|sample| match &sample.check {
                Some(CheckOutcome::Different { first_difference }) => Some(first_difference.as_str()),
                _ => None,
            })
            .collect();
        if let Some(first) = differing.first() {
            return Verdict::Different { first_difference: (*first).to_owned(), runs: differing.len() };
        }
        if let Some((places, _)) = varies {
            let reason = format!("two runs on one worker differ at {}: {places}", shown(point_of_one(point)));
            return Verdict::Unsure { reason };
        }
        let compared = samples.iter().filter(|i| self.samples[**i].check.is_some()).count();
        let finished = samples.iter().any(|i| self.samples[*i].status.is_finished());
        match compared {
            0 if finished => Verdict::Unsure { reason: "there was nothing to compare with".to_owned() },
            0 => Verdict::Unchecked,
            compared => Verdict::Same { compared },
        }
    }
}

fn point_of_one(point: Point) -> Point {
    Point { p: festina_types::Workers::MIN, ..point }
}

/// Says how a run ended.
pub(crate) fn describe(status: Status) -> String {
    match status {
        Status::Finished => "it finished".to_owned(),
        Status::Failed { code } => format!("it failed with exit code {code}"),
        Status::Killed { signal } => format!("it was killed by signal {signal}"),
        Status::TimedOut => "it ran into its time limit".to_owned(),
        Status::OutOfMemory => "it ran out of memory".to_owned(),
        Status::Canceled => "it was canceled".to_owned(),
    }
}
