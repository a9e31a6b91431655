//! Readers of the kernel's counters: over bytes, without allocation, for they run twice a measured run.

use crate::cpu_set::CpuSet;

/// Times of some CPUs since boot, in ticks, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CpuTimes {
    /// How many CPUs were found.
    pub(super) cpus: u32,
    /// Idle, waiting for I/O or not.
    pub(super) idle: u64,
    /// Taken by the hypervisor.
    pub(super) steal: u64,
}

/// Returns the times of `cpus` in the text of `/proc/stat`, or `None` if it has none of them.
///
/// Columns: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest nice.
pub(super) fn cpu_times(stat: &[u8], cpus: &CpuSet) -> Option<CpuTimes> {
    let mut times = CpuTimes::default();
    for (cpu, mut columns) in cpu_lines(stat) {
        if cpu.is_some_and(|cpu| cpus.contains(cpu)) {
            times.cpus += 1;
            times.idle += columns.nth(3)? + columns.next().unwrap_or(0);
            times.steal += columns.nth(2).unwrap_or(0);
        }
    }
    (times.cpus > 0).then_some(times)
}

/// Returns user, nice and system time of all CPUs since boot in ticks.
pub(super) fn busy_ticks(stat: &[u8]) -> Option<u64> {
    let (_, columns) = cpu_lines(stat).find(|(cpu, _)| cpu.is_none())?;
    Some(columns.take(3).sum())
}

/// Returns the lines that begin with `cpu`: the CPU, or `None` for the sum of all, and the numbers.
fn cpu_lines(bytes: &[u8]) -> impl Iterator<Item = (Option<u32>, impl Iterator<Item = u64> + '_)> + '_ {
    bytes.split(|&byte| byte == b'\n').filter_map(|line| {
        let rest = line.strip_prefix(b"cpu")?;
        let end = rest.iter().position(|&byte| byte == b' ')?;
        let cpu = match &rest[..end] {
            b"" => None,
            digits => Some(u32::try_from(number(digits)?).ok()?),
        };
        Some((cpu, numbers(&rest[end..])))
    })
}

/// Appends the busy time of `cpus` in the text of `/proc/schedstat`, in nanoseconds, in ascending order of CPUs.
///
/// The seventh number of a CPU's line is the time that tasks ran on it (since version 15 of the format).
pub(super) fn schedstat(bytes: &[u8], cpus: &CpuSet, busy_ns: &mut Vec<u64>) {
    for (cpu, mut columns) in cpu_lines(bytes) {
        if cpu.is_some_and(|cpu| cpus.contains(cpu)) {
            busy_ns.extend(columns.nth(6));
        }
    }
}

/// Appends the busy time of `cpus` in the text of `cpuacct.usage_percpu`: one number a CPU, in nanoseconds.
pub(super) fn usage_per_cpu(bytes: &[u8], cpus: &CpuSet, busy_ns: &mut Vec<u64>) {
    busy_ns.extend((0..).zip(numbers(bytes)).filter(|(cpu, _)| cpus.contains(*cpu)).map(|(_, busy)| busy));
}

/// Returns the `total=` of the line `some` of a pressure file, in microseconds.
pub(super) fn pressure_total(bytes: &[u8]) -> Option<u64> {
    let line = bytes.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"some "))?;
    let field = line.split(|&byte| byte == b' ').find_map(|field| field.strip_prefix(b"total="))?;
    number(field)
}

/// How often and how long a control group was throttled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttled {
    pub(super) periods: u64,
    /// Summed over CPUs; 0 where it is not told.
    pub(super) time_ns: u64,
}

impl std::iter::Sum for Throttled {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            periods: a.periods + b.periods,
            time_ns: a.time_ns + b.time_ns,
        })
    }
}

/// Reads `nr_throttled` and the time of the text of a `cpu.stat`: `throttled_usec` of version 2, `throttled_time`, in
/// nanoseconds, of version 1.
pub(super) fn throttled(bytes: &[u8]) -> Option<Throttled> {
    let value = |name: &[u8]| {
        bytes.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name)).and_then(number)
    };
    let microseconds = || value(b"throttled_usec ").map(|time| time.saturating_mul(1000));
    let time_ns = value(b"throttled_time ").or_else(microseconds).unwrap_or(0);
    Some(Throttled { periods: value(b"nr_throttled ")?, time_ns })
}

/// Returns the 1-minute load average of the text of `/proc/loadavg`.
pub(super) fn load(bytes: &[u8]) -> Option<f64> {
    let field = bytes.split(|&byte| byte == b' ').next()?;
    let load: f64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    (load.is_finite() && load >= 0.0).then_some(load)
}

/// Returns the decimal number at the beginning of `bytes`.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let add = |value: Option<u64>, &digit: &u8| value?.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    bytes.first()?.is_ascii_digit().then(|| digits.fold(Some(0), add))?
}

/// Returns the numbers between the spaces of `bytes`, up to the first that is none.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let fields = bytes.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    fields.map_while(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] = b"cpu  60 5 40 900 20 1 2 30 0 0\ncpu0 10 0 20 400 5 0 1 10 0 0\n\
        cpu1 50 5 20 500 15 1 1 20 0 0\nintr 12345 0 0\nctxt 5\n";

    #[test]
    fn times_of_the_allowed_cpus_are_summed() {
        let all = CpuTimes { cpus: 2, idle: 920, steal: 30 };
        assert_eq!(cpu_times(STAT, &"0-7".parse().unwrap()), Some(all));
        let second = CpuTimes { cpus: 1, idle: 515, steal: 20 };
        assert_eq!(cpu_times(STAT, &"1".parse().unwrap()), Some(second));
        assert_eq!(cpu_times(STAT, &"9".parse().unwrap()), None);
        assert_eq!(busy_ticks(STAT), Some(105));
        // Kernel 2.4 has but four columns.
        assert_eq!(cpu_times(b"cpu0 1 2 3 4\n", &"0".parse().unwrap()).map(|times| times.idle), Some(4));
    }

    #[test]
    fn fine_clocks_are_read() {
        let mut busy = Vec::new();
        usage_per_cpu(b"100 200 300 \n", &"0,2".parse().unwrap(), &mut busy);
        assert_eq!(busy, [100, 300]);
        busy.clear();
        let text = b"version 17\ntimestamp 4\ncpu0 0 0 0 0 0 0 111 22 3\ndomain0 MC 3 1 2\ncpu1 0 0 0 0 0 0 444 5 6\n";
        schedstat(text, &"0-1".parse().unwrap(), &mut busy);
        assert_eq!(busy, [111, 444]);
    }

    #[test]
    fn totals_are_read() {
        let text = b"some avg10=0.09 avg60=0.64 avg300=0.53 total=7219501\nfull avg10=0.00 total=9\n";
        assert_eq!(pressure_total(text), Some(7_219_501));
        let expected = Some(Throttled { periods: 3, time_ns: 5000 });
        assert_eq!(throttled(b"nr_periods 10\nnr_throttled 3\nthrottled_usec 5\n"), expected);
        assert_eq!(throttled(b"nr_periods 10\nnr_throttled 3\nthrottled_time 5000\n"), expected);
        assert_eq!(load(b"1.39 0.68 0.31 3/111 11318\n"), Some(1.39));
        for nonsense in
            [&b""[..], b"some", b"some total=", b"nr_throttled", b"nan", b"-1 2", b"cpu0", b"cpux 1"]
        {
            assert_eq!(pressure_total(nonsense), None);
            assert_eq!(throttled(nonsense), None);
            assert_eq!(load(nonsense), None);
            assert_eq!(cpu_times(nonsense, &"0".parse().unwrap()), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let cpus = "0-3".parse().unwrap();
            let text = [b"cpu1 ", &bytes[..], b"\nsome total=", &bytes[..]].concat();
            let mut busy = Vec::new();
            let _ = (cpu_times(&text, &cpus), busy_ticks(&text), pressure_total(&text), load(&bytes));
            schedstat(&text, &cpus, &mut busy);
            usage_per_cpu(&bytes, &cpus, &mut busy);
        }
    }
}
