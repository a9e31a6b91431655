//! The classic table: what a minute, an hour, a day, a month and a year on one core become on many.

use festina_types::{Seconds, Workers};
use serde::{Deserialize, Serialize};

use crate::Law;

/// The durations on one core, with their names. The month is a twelfth of a year of 365.04 days, the year has 365.
pub const DURATIONS: [(&str, Seconds); 5] = [
    ("1 minute", Seconds(60.0)),
    ("1 hour", Seconds(3_600.0)),
    ("1 day", Seconds(86_400.0)),
    ("1 month", Seconds(2_628_288.0)),
    ("1 year", Seconds(31_536_000.0)),
];

/// The number of cores that the table is about if none is given.
pub const DEFAULT_CORES: u32 = 32;

/// The table of durations on many cores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DurationTable {
    /// The number of cores.
    pub cores: Workers,
    /// The names of the columns after the duration on one core: "ideal", then the laws.
    pub columns: Vec<String>,
    /// A row a duration.
    pub rows: Vec<DurationRow>,
}

/// A duration on one core, and what each law makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DurationRow {
    /// The duration in words.
    pub label: String,
    /// The duration on one core.
    pub one_core: Seconds,
    /// The duration on the table's cores, in the order of the columns.
    pub times: Vec<Seconds>,
}

impl DurationTable {
    /// Returns the table of [`DURATIONS`] on `cores` cores: ideal speed-up, then each law's, taken to be the same for
    /// all durations.
    ///
    /// ```
    /// use festina_laws::table::{DurationTable, clock_time};
    /// use festina_laws::{Law, amdahl::Amdahl};
    /// use festina_types::{Seconds, Workers};
    ///
    /// let amdahl = Amdahl::new(Seconds(1.0), 0.05)?;
    /// let table = DurationTable::new(Workers::new(32).unwrap(), &[&amdahl]);
    /// assert_eq!(table.columns, ["ideal", "Amdahl"]);
    /// let hour = &table.rows[1];
    /// // 3,600 / 32 = 112.5, and 3,600 · (0.05 + 0.95 / 32) = 286.875.
    /// assert_eq!(clock_time(hour.times[0]), "00:01:52");
    /// assert_eq!(clock_time(hour.times[1]), "00:04:47");
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    pub fn new(cores: Workers, laws: &[&dyn Law]) -> Self {
        let ideal = f64::from(cores.get());
        let speedups: Vec<f64> =
            [ideal].into_iter().chain(laws.iter().map(|law| law.speedup(cores))).collect();
        let names = laws.iter().map(|law| law.name().to_owned());
        let row = |(label, one_core): (&str, Seconds)| DurationRow {
            label: label.to_owned(),
            one_core,
            times: speedups.iter().map(|speedup| Seconds(one_core.0 / speedup)).collect(),
        };
        Self {
            cores,
            columns: ["ideal".to_owned()].into_iter().chain(names).collect(),
            rows: DURATIONS.into_iter().map(row).collect(),
        }
    }
}

/// Writes a time as Python's `timedelta` does, in whole seconds: `00:01:52`, `1 day, 00:00:00`, `11 days, 09:45:00`.
///
/// Halves are rounded to even, so 112.5 s is 1:52 and 1.875 s is two seconds. Unlike Python, hours always have two
/// digits; a negative time has a sign in front, and what is not finite is written as a number.
///
/// ```
/// use festina_laws::table::clock_time;
/// use festina_types::Seconds;
/// assert_eq!(clock_time(Seconds(985_500.0)), "11 days, 09:45:00");
/// ```
pub fn clock_time(time: Seconds) -> String {
    if !time.0.is_finite() {
        return time.0.to_string();
    }
    let total = time.0.abs().round_ties_even();
    let sign = if time.0 < 0.0 && total > 0.0 { "-" } else { "" };
    let days = (total / 86_400.0).floor();
    let rest = (total - days * 86_400.0) as u32;
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0.0 => format!("{sign}{clock}"),
        1.0 => format!("{sign}1 day, {clock}"),
        _ => format!("{sign}{days} days, {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amdahl::Amdahl;
    use crate::gustafson::Gustafson;
    use crate::usl::Usl;

    #[test]
    fn the_ideal_column_is_the_classic_one() {
        let table = DurationTable::new(Workers::new(DEFAULT_CORES).unwrap(), &[]);
        let ideal: Vec<String> = table.rows.iter().map(|row| clock_time(row.times[0])).collect();
        assert_eq!(ideal, ["00:00:02", "00:01:52", "00:45:00", "22:48:54", "11 days, 09:45:00"]);
    }

    #[test]
    fn laws_without_a_serial_part_are_ideal() {
        let amdahl = Amdahl::new(Seconds(1.0), 0.0).unwrap();
        let gustafson = Gustafson::new(Seconds(1.0), 0.0).unwrap();
        let usl = Usl::new(Seconds(1.0), 0.0, 0.0).unwrap();
        let table = DurationTable::new(Workers::new(32).unwrap(), &[&amdahl, &gustafson, &usl]);
        assert_eq!(table.columns, ["ideal", "Amdahl", "Gustafson", "USL"]);
        for row in &table.rows {
            assert!(row.times.iter().all(|time| time.0 == row.one_core.0 / 32.0), "{row:?}");
        }
    }

    #[test]
    fn each_law_has_its_own_speedup() {
        let amdahl = Amdahl::new(Seconds(9.0), 0.05).unwrap();
        let gustafson = Gustafson::new(Seconds(9.0), 0.05).unwrap();
        let usl = Usl::new(Seconds(9.0), 0.05, 0.001).unwrap();
        let table = DurationTable::new(Workers::new(32).unwrap(), &[&amdahl, &gustafson, &usl]);
        let day = &table.rows[2].times;
        // S = 32/2.55, 32 − 0.05 · 31 = 30.45, 32/(1 + 1.55 + 0.992).
        for (time, speedup) in day.iter().zip([32.0, 32.0 / 2.55, 30.45, 32.0 / 3.542]) {
            assert!((time.0 - 86_400.0 / speedup).abs() < 1e-9);
        }
    }

    #[test]
    fn times_are_written_as_python_writes_them() {
        // str(timedelta(seconds=round(x))), with two digits of hours.
        let cases = [
            (0.0, "00:00:00"),
            (0.5, "00:00:00"),
            (1.5, "00:00:02"),
            (59.5, "00:01:00"),
            (86_399.6, "1 day, 00:00:00"),
            (172_800.0, "2 days, 00:00:00"),
            (-5.0, "-00:00:05"),
            (-0.2, "00:00:00"),
            (f64::INFINITY, "inf"),
        ];
        for (seconds, text) in cases {
            assert_eq!(clock_time(Seconds(seconds)), text);
        }
    }
}
