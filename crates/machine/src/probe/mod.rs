//! How quiet the machine was during a run: evidence that does not come from the run's own time.
//!
//! A [`Probe`] keeps its files open and compares two readings of the kernel's counters, one before and one after:
//!
//! | what | from | where it is missing |
//! |---|---|---|
//! | steal | `/proc/stat` per CPU | `None` |
//! | CPU time of others | busy time of the CPUs, less the run's own | `None` |
//! | pressure (PSI) on CPU, memory, I/O | `/proc/pressure/*`, `some … total` | `None` |
//! | throttled periods | `cpu.stat` of each control group with a quota | `None` without control groups |
//! | frequency at the end | `cpufreq/scaling_cur_freq` of some of the CPUs | `None` |
//! | load average at the start | `/proc/loadavg` | `None` |
//! | suspension | `CLOCK_BOOTTIME` − `CLOCK_MONOTONIC` | always there |
//!
//! # How fine the busy time is
//!
//! `/proc/stat` counts in ticks of 10 ms, and on most kernels the split into user and system time is sampled at the
//! scheduler's tick besides. Idle time is not sampled, so busy time is taken as elapsed − idle − steal, off by up to
//! one tick a CPU. Two better clocks are used where they are: `cpuacct.usage_percpu` of control groups version 1, and
//! `/proc/schedstat`; both count nanoseconds at each context switch, the first also at each scheduler tick. Which one
//! it was shows in [`Conditions::resolution`].

mod busy;
mod preflight;
mod text;

use std::fs::File;
use std::os::unix::fs::FileExt;

use festina_types::{Conditions, Seconds};
use rustix::time::{ClockId, clock_gettime};

use crate::cgroup::Groups;
use crate::cpu_set::CpuSet;
use crate::limits;
use crate::source::Source;
use crate::topology::CPUS;
use busy::BusyClock;
pub use preflight::{Signals, preflight};
use text::{CpuTimes, Throttled};

/// Frequencies are read of at most so many CPUs: on some kernels each read interrupts its CPU.
const MOST_FREQUENCIES: usize = 8;

/// A line of `/proc/stat` is shorter.
const STAT_LINE: usize = 256;

/// Open files of the kernel's counters, and the reading at the start of a run.
///
/// ```
/// use festina_machine::{Probe, Source, Surroundings, detect};
/// use festina_types::Seconds;
/// let source = Source::live();
/// let machine = detect(&source, &Surroundings::default());
/// let mut probe = Probe::open(&source);
/// probe.start(machine.available_cpus());
/// let conditions = probe.finish(Seconds(0.0));
/// assert!(conditions.suspended.unwrap().0 < 1.0);
/// ```
#[derive(Debug)]
pub struct Probe {
    source: Source,
    stat: Option<File>,
    busy: Option<BusyClock>,
    pressure: [Option<File>; 3],
    throttling: Option<Vec<File>>,
    load: Option<File>,
    frequencies: Vec<File>,
    cpus: CpuSet,
    before: Reading,
    buffer: Vec<u8>,
    tick: Seconds,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default)]
struct Reading {
    at: Seconds,
    /// Time spent suspended since boot.
    suspended: Seconds,
    times: Option<CpuTimes>,
    /// Nanoseconds that each of the CPUs was busy, in ascending order of CPUs; empty without a fine clock.
    busy_ns: Vec<u64>,
    pressure_us: [Option<u64>; 3],
    throttled: Option<Throttled>,
    load: Option<f64>,
}

impl Probe {
    /// Opens the counters of `source`. Those that are missing stay silent.
    pub fn open(source: &Source) -> Self {
        let groups = Groups::read(source);
        let is_grouped = !groups.unified.folders.is_empty() || !groups.cpu.folders.is_empty();
        let stats = limits::folders_with_quota(source, &groups);
        let throttling =
            stats.iter().filter_map(|folder| source.open(&format!("{folder}/cpu.stat"))).collect();
        let stat = source.open("/proc/stat");
        let mut probe = Self {
            source: source.clone(),
            busy: None,
            stat,
            pressure: ["cpu", "memory", "io"].map(|name| source.open(&format!("/proc/pressure/{name}"))),
            throttling: is_grouped.then_some(throttling),
            load: source.open("/proc/loadavg"),
            frequencies: Vec::new(),
            cpus: CpuSet::new(),
            before: Reading::default(),
            buffer: vec![0; 1 << 14],
            tick: Seconds(1.0 / rustix::param::clock_ticks_per_second().max(1) as f64),
        };
        let total = read(probe.stat.as_ref(), &mut probe.buffer).and_then(text::busy_ticks);
        let total = total.map(|ticks| Seconds(ticks as f64 * probe.tick.0));
        probe.busy = BusyClock::open(source, &groups, total, &mut probe.buffer);
        probe
    }

    /// Takes the reading before a run that may use `cpus`.
    pub fn start(&mut self, cpus: &CpuSet) {
        if *cpus != self.cpus {
            self.cpus = cpus.clone();
            let spacing = cpus.len().div_ceil(MOST_FREQUENCIES).max(1);
            let path = |cpu: u32| format!("{CPUS}/cpu{cpu}/cpufreq/scaling_cur_freq");
            self.frequencies =
                cpus.iter().step_by(spacing).filter_map(|cpu| self.source.open(&path(cpu))).collect();
            let each = self.busy.as_ref().map_or(STAT_LINE, BusyClock::bytes_per_cpu).max(STAT_LINE);
            let highest = cpus.iter().last().map_or(0, |cpu| cpu as usize + 1);
            self.buffer.resize((1 << 14) + each * highest, 0);
        }
        let mut before = std::mem::take(&mut self.before);
        self.take(&mut before);
        self.before = before;
    }

    /// Takes the reading after the run, whose process tree used `own_cpu` of CPU time, and returns what was so in
    /// between.
    ///
    /// The CPU time of the caller itself counts as that of others, unless it is in `own_cpu` as well.
    pub fn finish(&mut self, own_cpu: Seconds) -> Conditions {
        let mut after = Reading::default();
        self.take(&mut after);
        let mut conditions = self.compare(&after, own_cpu);
        conditions.frequency_mhz = self.frequency();
        conditions
    }

    /// Returns how far off [`Conditions::other_cpu`] may be on `cpus`: tick · √cpus.
    ///
    /// The difference of two roundings to a tick has a standard deviation of tick / √6, and those of the CPUs are
    /// independent: this is some 2.4 standard deviations of the sum.
    pub fn resolution(&self, cpus: &CpuSet) -> Seconds {
        let each = self.busy.as_ref().map_or(self.tick, BusyClock::resolution);
        Seconds(each.0 * (cpus.len() as f64).sqrt())
    }

    /// Returns how far off a sum over `cpus` from `/proc/stat` may be.
    fn tick_error(&self, cpus: &CpuSet) -> Seconds {
        Seconds(self.tick.0 * (cpus.len() as f64).sqrt())
    }

    fn take(&mut self, reading: &mut Reading) {
        reading.at = now(ClockId::Monotonic);
        reading.suspended = Seconds(now(ClockId::Boottime).0 - reading.at.0);
        let (cpus, buffer) = (&self.cpus, &mut self.buffer);
        reading.times = read(self.stat.as_ref(), buffer).and_then(|bytes| text::cpu_times(bytes, cpus));
        reading.busy_ns.clear();
        if let Some(busy) = &self.busy {
            busy.read(cpus, buffer, &mut reading.busy_ns);
        }
        for (total, file) in reading.pressure_us.iter_mut().zip(&self.pressure) {
            *total = read(file.as_ref(), buffer).and_then(text::pressure_total);
        }
        reading.throttled = self.throttling.as_ref().map(|files| {
            files.iter().filter_map(|file| read(Some(file), buffer).and_then(text::throttled)).sum()
        });
        reading.load = read(self.load.as_ref(), buffer).and_then(text::load);
    }

    fn compare(&self, after: &Reading, own_cpu: Seconds) -> Conditions {
        let before = &self.before;
        let pressure = |which: usize| {
            let (from, to) = (before.pressure_us[which]?, after.pressure_us[which]?);
            Some(Seconds(to.saturating_sub(from) as f64 / 1e6))
        };
        let throttled = |pick: fn(Throttled) -> u64| {
            let (from, to) = (before.throttled?, after.throttled?);
            Some(pick(to).saturating_sub(pick(from)))
        };
        let steal = times_between(before, after).map(|(from, to)| self.ticks(from.steal, to.steal));
        let other = self.busy_between(before, after).map(|busy| Seconds((busy.0 - own_cpu.0).max(0.0)));
        Conditions {
            steal,
            steal_resolution: steal.map(|_| self.tick_error(&self.cpus)),
            other_cpu: other,
            resolution: other.map(|_| self.resolution(&self.cpus)),
            cpu_pressure: pressure(0),
            memory_pressure: pressure(1),
            io_pressure: pressure(2),
            throttled_periods: throttled(|throttled| throttled.periods),
            throttled: throttled(|throttled| throttled.time_ns).map(|time| Seconds(time as f64 * 1e-9)),
            frequency_mhz: None,
            load_1m: before.load,
            // The two clocks are read one after the other: less than a millisecond is no suspension.
            suspended: Some(Seconds(after.suspended.0 - before.suspended.0))
                .map(|gap| if gap.0 < 1e-3 { Seconds(0.0) } else { gap }),
        }
    }

    /// Returns how long the CPUs were busy, by the best clock there is.
    fn busy_between(&self, before: &Reading, after: &Reading) -> Option<Seconds> {
        let elapsed = after.at.0 - before.at.0;
        let by_idle = times_between(before, after).map(|(from, to)| {
            let unused = self.ticks(from.idle, to.idle).0 + self.ticks(from.steal, to.steal).0;
            (elapsed * f64::from(to.cpus) - unused).max(0.0)
        });
        // All CPUs or none: a CPU that the fine clock leaves out would pass for an idle one.
        let is_fine = |reading: &Reading| reading.busy_ns.len() == self.cpus.len();
        if !is_fine(before) || !is_fine(after) {
            return by_idle.map(Seconds);
        }
        let each = before.busy_ns.iter().zip(&after.busy_ns);
        // A clock that counts at context switches may lump in time from before the start: no CPU is busy for longer
        // than there was time.
        let fine: f64 = each.map(|(from, to)| (to.saturating_sub(*from) as f64 / 1e9).min(elapsed)).sum();
        let lags = self.busy.as_ref().is_some_and(BusyClock::lags);
        // And it may not have counted yet what still runs; idle time bounds that from below.
        let floor = by_idle.filter(|_| lags).map_or(0.0, |busy| busy - self.tick.0 * self.cpus.len() as f64);
        Some(Seconds(fine.max(floor)))
    }

    fn ticks(&self, from: u64, to: u64) -> Seconds {
        Seconds(to.saturating_sub(from) as f64 * self.tick.0)
    }

    fn frequency(&mut self) -> Option<f64> {
        let buffer = &mut self.buffer;
        let kilohertz =
            self.frequencies.iter().filter_map(|file| read(Some(file), buffer).and_then(text::number));
        let (sum, count) =
            kilohertz.fold((0.0, 0.0), |(sum, count), value| (sum + value as f64, count + 1.0));
        (count > 0.0).then(|| sum / count / 1e3)
    }
}

/// Returns the times of two readings, unless a CPU came or went in between: sums of other CPUs can't be compared.
fn times_between(before: &Reading, after: &Reading) -> Option<(CpuTimes, CpuTimes)> {
    before.times.zip(after.times).filter(|(from, to)| from.cpus == to.cpus)
}

/// Returns what `file` says now; for a file longer than the buffer, its beginning.
fn read<'b>(file: Option<&File>, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = file?.read_at(buffer, 0).ok()?;
    Some(&buffer[..length])
}

fn now(clock: ClockId) -> Seconds {
    let time = clock_gettime(clock);
    Seconds(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(test)]
mod tests;
