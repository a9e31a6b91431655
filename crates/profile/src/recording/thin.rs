//! Recordings that would grow too long: every second look of the past is left out.
//!
//! What is left is what would have been seen with half the rate: rounds stand for the time around them, whatever their distance.

use std::ops::Range;

use super::{Change, Recording};

impl Recording {
    /// Returns the number of rounds and changes that are held.
    pub(crate) fn n_held(&self) -> usize {
        self.rounds.len() + self.threads.iter().map(|thread| thread.changes.len()).sum::<usize>()
    }

    /// Leaves out every second round, the first and the last not.
    ///
    /// # Panics
    ///
    /// If the number of rounds is even: the last round is that which threads are known in.
    pub(crate) fn thin(&mut self) {
        assert!(self.rounds.len() % 2 == 1, "the last round is kept");
        let mut index = 0;
        self.rounds.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        for thread in &mut self.threads {
            thread.rounds = first_kept(thread.rounds.start)..first_kept(thread.rounds.end);
            thin_changes(&mut thread.changes, &thread.rounds);
        }
        let last = self.rounds.len() as u32 - 1;
        for point in &mut self.memory {
            point.round = first_kept(point.round).min(last);
        }
        self.memory.dedup_by(|next, point| {
            let is_same = next.round == point.round;
            if is_same {
                point.rss_bytes = point.rss_bytes.max(next.rss_bytes);
            }
            is_same
        });
    }
}

/// Returns what becomes of `round`: itself, or the next that is kept.
fn first_kept(round: u32) -> u32 {
    round.div_ceil(2)
}

/// Leaves out changes that no round of `rounds` is left of; waits for a CPU that have ended go to the next.
fn thin_changes(changes: &mut Vec<Change>, rounds: &Range<u32>) {
    for change in changes.iter_mut() {
        change.round = first_kept(change.round);
    }
    for index in 1..changes.len() {
        if changes[index - 1].round == changes[index].round {
            changes[index].queued_ns = changes[index].queued_ns.saturating_add(changes[index - 1].queued_ns);
        }
    }
    // Of those that came to the same round the last holds: it is looked at first.
    changes.reverse();
    changes.dedup_by_key(|change| change.round);
    changes.reverse();
    changes.retain(|change| rounds.contains(&change.round));
    changes.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::analysis::Segment;
    use crate::recording::tests::two_threads;
    use crate::{State, Thread, analyse};

    fn change(round: u32, state: State, stack: u32, queued_ns: u32) -> Change {
        Change { round, state, stack, queued_ns }
    }

    #[test]
    fn what_is_held_and_analysed_is_small() {
        // Three million of both are 96 MB.
        assert_eq!((size_of::<Change>(), size_of::<Segment>()), (16, 16));
    }

    #[test]
    fn what_is_left_is_what_half_the_looks_had_seen() {
        let mut recording = two_threads();
        recording.rounds.truncate(9);
        recording.threads[0].rounds = 0..9;
        recording.threads[0].changes = vec![
            change(0, State::Cpu, 1, 0),
            change(3, State::Sleep, 2, 5),
            change(4, State::Cpu, 1, 7),
            change(7, State::Io, 2, 0),
        ];
        // Seen in one round, which is left out; and from a round that is left out to the end.
        recording.threads[1].rounds = 5..6;
        recording.threads[1].changes = vec![change(5, State::Cpu, 3, 0)];
        let later = Thread {
            rounds: 1..9,
            changes: vec![change(1, State::Cpu, 3, 0)],
            ..recording.threads[1].clone()
        };
        recording.threads.push(later);
        recording.thin();
        let half: Vec<u64> = (0..5).map(|round| 2 * round * 1_000_000 + 500_000).collect();
        assert_eq!(recording.rounds, half);
        let [first, second, third] = &recording.threads[..] else { panic!("three threads") };
        assert_eq!(first.rounds, 0..5);
        let expected =
            [change(0, State::Cpu, 1, 0), change(2, State::Cpu, 1, 12), change(4, State::Io, 2, 0)];
        assert_eq!(first.changes, expected);
        assert_eq!((second.rounds.clone(), second.changes.as_slice()), (3..3, &[][..]));
        assert_eq!((third.rounds.clone(), third.changes[0].round), (1..5, 1));
    }

    #[test]
    fn shares_stay_what_they_were_and_little_is_held() {
        // A function that runs in three tenths of the rounds, in spells of about four.
        const MOST: usize = 4_000;
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let mut recording = two_threads();
        recording.rounds.clear();
        recording.threads.truncate(1);
        recording.threads[0].changes.clear();
        let (mut stack, mut every) = (1, 1);
        for number in 0..200_001_u32 {
            let leaves = if stack == 2 { 0.25 } else { 0.107 };
            if (random.next_u64() as f64) < leaves * u64::MAX as f64 {
                stack = 3 - stack;
            }
            recording.end_ns = u64::from(number) * 1_000_000 + 500_000;
            if number % every != 0 {
                continue;
            }
            recording.rounds.push(u64::from(number) * 1_000_000);
            let round = recording.rounds.len() as u32 - 1;
            let thread = &mut recording.threads[0];
            if thread.changes.last().is_none_or(|last| last.stack != stack) {
                thread.changes.push(change(round, State::Cpu, stack, 0));
            }
            thread.rounds = 0..round + 1;
            if recording.n_held() > MOST && recording.rounds.len() % 2 == 1 {
                recording.thin();
                every *= 2;
            }
            assert!(recording.n_held() <= MOST + 4);
        }
        let profile = analyse(&recording, 2);
        let inner = profile.functions.iter().find(|spot| spot.name == "inner").unwrap();
        let interval = inner.share.interval.unwrap();
        assert!(interval.contains(0.3) && interval.upper - interval.lower < 0.08, "{:?}", inner.share);
        assert_eq!(recording.weights().iter().sum::<u64>(), recording.end_ns);
    }
}
