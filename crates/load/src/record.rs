//! What happened to requests: as it came for a tick, and in histograms for a run.
//!
//! A histogram of six hours with three digits has tens of thousands of bins. To keep one a tick would cost its thousands of
//! pages of memory ten times a second, however few the requests are, on cores that the service may need: the generator
//! lists what it sees, and who gathers the ticks counts it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Shortest time told apart, in nanoseconds.
const LOWEST: u64 = 1_000;
/// Longest time recorded as such, in nanoseconds: six hours.
const HIGHEST: u64 = 6 * 3600 * 1_000_000_000;
/// The error of a request that had no response when all was over.
pub(crate) const UNFINISHED: &str = "unfinished";
/// Significant decimal digits.
const DIGITS: u8 = 3;

/// Times in nanoseconds with three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(LOWEST, HIGHEST, DIGITS).expect("the bounds are right"))
    }

    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// Returns the share of all times that are above `seconds`.
    pub(crate) fn share_above(&self, seconds: f64) -> f64 {
        let below = self.0.count_between(0, (seconds * 1e9) as u64);
        if self.0.is_empty() { 0.0 } else { 1.0 - below as f64 / self.0.len() as f64 }
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean() * 1e-9)
    }

    /// Returns `(lower, upper, count)` of every bin with something in it, in seconds.
    pub(crate) fn bins(&self) -> Vec<(f64, f64, u64)> {
        let bin = |value: hdrhistogram::iterators::IterationValue<u64>| {
            let upper = value.value_iterated_to();
            (
                self.0.lowest_equivalent(upper) as f64 * 1e-9,
                upper as f64 * 1e-9,
                value.count_since_last_iteration(),
            )
        };
        self.0.iter_recorded().map(bin).collect()
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::new()
    }
}

/// Times in nanoseconds, one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct List(Vec<u64>);

impl List {
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    /// Returns an empty list with room for as much and a quarter more.
    fn next(&self) -> Self {
        Self(Vec::with_capacity(self.0.len() + self.0.len() / 4))
    }
}

/// What can be told of times.
pub(crate) trait Quantiles {
    /// Returns the time in seconds that a share `probability` of all does not exceed; `None` if there are none.
    fn quantile(&self, probability: f64) -> Option<f64>;

    /// Returns the longest time in seconds; `None` if there are none.
    fn max(&self) -> Option<f64>;
}

impl Quantiles for Times {
    fn quantile(&self, probability: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(probability) as f64 * 1e-9)
    }

    fn max(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 * 1e-9)
    }
}

/// Of a list that is sorted.
impl Quantiles for List {
    fn quantile(&self, probability: f64) -> Option<f64> {
        let rank = ((probability * self.0.len() as f64).ceil() as usize).max(1);
        self.0.get(rank - 1).map(|nanoseconds| *nanoseconds as f64 * 1e-9)
    }

    fn max(&self) -> Option<f64> {
        self.0.last().map(|nanoseconds| *nanoseconds as f64 * 1e-9)
    }
}

/// What happened in a span of time, on one thread or on all of them: lists of times for a tick, else histograms.
#[derive(Clone, Debug)]
pub(crate) struct Record<T = Times> {
    /// From the intended send to the end of the response; unfinished requests count with their age.
    pub(crate) latency: T,
    /// From the actual send to the end of the response.
    pub(crate) service: T,
    /// From the intended send to the actual one, where a connection was free.
    pub(crate) lateness: T,
    /// When requests were sent, in nanoseconds from the begin, in order.
    pub(crate) sends: Vec<u64>,
    /// Good responses.
    pub(crate) good: u64,
    /// What went wrong, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Requests that waited for a free connection.
    pub(crate) waited: u64,
    /// Requests sent again, on a new connection, since the server had closed an idle one.
    pub(crate) resent: u64,
    /// Requests whose latency is at least what was recorded: they were given up.
    pub(crate) unfinished: u64,
    /// The least latency of those, in nanoseconds.
    pub(crate) least_unfinished: u64,
    /// Connections opened.
    pub(crate) opened: u64,
    /// Bytes of bodies received.
    pub(crate) body_bytes: u64,
    /// Processor time of the generator's threads, in nanoseconds.
    pub(crate) cpu: u64,
    /// The time that they were ready to run and waited for a core, in nanoseconds.
    pub(crate) run_delay: u64,
    /// How often they were woken by events.
    pub(crate) wakes: u64,
    /// Requests in flight or waiting at the end.
    pub(crate) in_system: u64,
    /// Whether a connection could not be opened for want of files or ports.
    pub(crate) is_short: bool,
}

impl<T: Default> Record<T> {
    pub(crate) fn new() -> Self {
        Self {
            latency: T::default(),
            service: T::default(),
            lateness: T::default(),
            sends: Vec::new(),
            good: 0,
            errors: BTreeMap::new(),
            waited: 0,
            resent: 0,
            unfinished: 0,
            least_unfinished: u64::MAX,
            opened: 0,
            body_bytes: 0,
            cpu: 0,
            run_delay: 0,
            wakes: 0,
            in_system: 0,
            is_short: false,
        }
    }
}

impl Record<List> {
    /// Returns an empty record with room for as much.
    pub(crate) fn next(&self) -> Self {
        Self {
            latency: self.latency.next(),
            service: self.service.next(),
            lateness: self.lateness.next(),
            sends: Vec::with_capacity(self.sends.len() + self.sends.len() / 4),
            ..Self::new()
        }
    }

    /// Adds what another thread saw in the same tick.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.latency.0.append(&mut other.latency.0);
        self.service.0.append(&mut other.service.0);
        self.lateness.0.append(&mut other.lateness.0);
        self.sends.append(&mut other.sends);
        let in_system = self.in_system + other.in_system;
        self.count(&other);
        self.in_system = in_system;
    }

    /// Brings latencies and sends in order; of the others nobody asks for quantiles.
    pub(crate) fn sort(&mut self) {
        [&mut self.latency.0, &mut self.sends].into_iter().for_each(|list| list.sort_unstable());
    }

    /// Counts a response: a good one with its times in nanoseconds, from the intended send and from the actual one.
    pub(crate) fn end(&mut self, problem: Option<&str>, latency: u64, service: u64) {
        match problem {
            None => {
                self.good += 1;
                self.latency.record(latency);
                self.service.record(service);
            }
            Some(problem) => self.error(problem),
        }
    }

    /// Counts an error.
    pub(crate) fn error(&mut self, kind: &str) {
        match self.errors.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.errors.insert(kind.to_owned(), 1)),
        }
    }

    /// Counts a request that was given up at the age of `nanoseconds`.
    pub(crate) fn give_up(&mut self, nanoseconds: u64) {
        self.latency.record(nanoseconds);
        self.unfinished += 1;
        self.least_unfinished = self.least_unfinished.min(nanoseconds);
    }
}

impl Record {
    /// Adds what happened later; times of sends are not kept.
    pub(crate) fn add(&mut self, tick: &Record<List>) {
        tick.latency.0.iter().for_each(|time| self.latency.record(*time));
        tick.service.0.iter().for_each(|time| self.service.record(*time));
        tick.lateness.0.iter().for_each(|time| self.lateness.record(*time));
        self.count(tick);
    }
}

impl<T> Record<T> {
    pub(crate) fn n_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Adds all but times.
    fn count<U>(&mut self, other: &Record<U>) {
        self.good += other.good;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        self.waited += other.waited;
        self.resent += other.resent;
        self.unfinished += other.unfinished;
        self.least_unfinished = self.least_unfinished.min(other.least_unfinished);
        self.opened += other.opened;
        self.body_bytes += other.body_bytes;
        self.cpu += other.cpu;
        self.run_delay += other.run_delay;
        self.wakes += other.wakes;
        self.in_system = other.in_system;
        self.is_short |= other.is_short;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut times = Times::new();
        let values: Vec<u64> = (1..=1000).map(|k| k * k * 1_000).collect();
        values.iter().for_each(|value| times.record(*value));
        for (probability, rank) in [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            let exact = values[rank - 1] as f64 * 1e-9;
            let found = times.quantile(probability).unwrap();
            assert!((found / exact - 1.0).abs() < 2e-3, "{probability}: {found} instead of {exact}");
        }
        assert!((times.share_above(500.0_f64.powi(2) * 1e-6) - 0.5).abs() < 2e-3);
        assert_eq!(times.bins().iter().map(|bin| bin.2).sum::<u64>(), 1000);
    }

    #[test]
    fn times_beyond_the_longest_are_kept_as_it() {
        let mut times = Times::new();
        times.record(u64::MAX);
        assert!(times.max().unwrap() >= 6.0 * 3600.0);
        assert_eq!(Times::new().quantile(0.5), None);
    }

    #[test]
    fn records_add_up() {
        let mut first = Record::new();
        first.error("reset");
        first.give_up(5_000_000);
        first.in_system = 2;
        let mut second = first.next();
        second.error("reset");
        second.error("timeout");
        second.end(None, 1_000_000, 900_000);
        second.in_system = 1;
        first.join(second);
        first.sort();
        assert_eq!((first.latency.quantile(0.5), first.latency.max()), (Some(1e-3), Some(5e-3)));
        assert_eq!((first.n_errors(), first.errors["reset"], first.in_system), (3, 2, 3));
        let mut sum = Record::new();
        sum.add(&first);
        sum.add(&first);
        assert_eq!((sum.n_errors(), sum.good, sum.latency.len(), sum.service.len()), (6, 2, 4, 2));
        assert_eq!((sum.least_unfinished, sum.in_system), (5_000_000, 3));
        assert!((sum.latency.quantile(1.0).unwrap() / 5e-3 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn lists_and_histograms_tell_the_same() {
        let (mut list, mut times) = (List::default(), Times::new());
        assert_eq!((list.quantile(0.5), list.max()), (None, None));
        for value in (1..=1000_u64).map(|k| k * k * 1_000) {
            list.record(value);
            times.record(value);
        }
        for probability in [0.5, 0.99, 0.9995, 1.0] {
            let (exact, counted) =
                (list.quantile(probability).unwrap(), times.quantile(probability).unwrap());
            assert!((counted / exact - 1.0).abs() < 2e-3, "{probability}: {counted} for {exact}");
        }
    }
}
