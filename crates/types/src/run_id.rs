//! The name of a run: when it started, and four random digits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a run, such as `20261122-083059-1f3c`: UTC, so that names sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Returns the name of a run that starts `unix_s` seconds after the Unix epoch, with four `random` digits.
    ///
    /// ```
    /// # use festina_types::RunId;
    /// assert_eq!(RunId::new(951_782_400, 0xbeef).to_string(), "20000229-000000-beef");
    /// ```
    pub fn new(unix_s: u64, random: u16) -> Self {
        let (year, month, day) = civil_date(unix_s / 86_400);
        let second = unix_s % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self(format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{random:04x}"))
    }

    /// Returns the name of a folder as a run's name.
    pub fn from_folder(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Returns the part of the name that tells when the run started.
    pub fn second(&self) -> &str {
        self.0.rsplit_once('-').map_or(&self.0, |(second, _)| second)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Returns year, month and day of the day `days` after 1970-01-01, in the Gregorian calendar.
///
/// Counts from 0000-03-01, so that the leap day ends its year. Source: H. Hinnant, *chrono-compatible low-level
/// date algorithms*, <https://howardhinnant.github.io/date_algorithms.html>.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / DAYS_OF_400_YEARS, shifted % DAYS_OF_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @SECONDS +%Y%m%d-%H%M%S
        let cases = [
            (0, "19700101-000000"),
            (68_169_599, "19720228-235959"),
            (1_709_164_800, "20240229-000000"),
            (1_735_689_599, "20241231-235959"),
            (4_107_542_400, "21000301-000000"),
        ];
        for (seconds, text) in cases {
            assert_eq!(RunId::new(seconds, 0).as_str(), format!("{text}-0000"));
        }
    }

    proptest::proptest! {
        #[test]
        fn names_sort_by_time(a in 0_u64..10_000_000_000, b in 0_u64..10_000_000_000) {
            proptest::prop_assert_eq!(RunId::new(a, 0).cmp(&RunId::new(b, 0)), a.cmp(&b));
        }
    }
}
