//! What would make a command ready: more cores, a parallel part, memory, a faster program, fewer rows.

use festina_laws::floor::FloorGrowth;
use festina_types::{Bytes, Estimate, Interval, Method, Seconds};

use super::batch::{BAND, grouped};
use super::cores::Serial;
use super::project::{Batch, Cost};
use super::result::{Fix, FixKind, Memory, NOT_READY, READY};

/// A serial share below this is not worth a change.
const WORTH_FIXING: f64 = 0.2;
/// The most cores that are thought of.
const MOST_CORES: u32 = 1024;

/// What fixes are made of.
pub(super) struct Subject<'a> {
    pub(super) batch: &'a Batch,
    pub(super) cost: Cost,
    pub(super) rows: f64,
    pub(super) cores: u32,
    pub(super) time: &'a FloorGrowth,
    pub(super) serial: Option<&'a Serial>,
    pub(super) memory: Option<Memory>,
}

impl Subject<'_> {
    /// Returns all that would help.
    pub(super) fn fixes(&self) -> Vec<Fix> {
        let is_slow = self.p_in_time() < READY;
        let of_time = [self.more_cores(), self.parallel_part(), self.faster()];
        let mut fixes: Vec<Fix> = of_time.into_iter().flatten().filter(|_| is_slow).collect();
        fixes.extend(self.more_memory());
        fixes.extend(self.fewer_rows());
        fixes
    }

    fn p_in_time(&self) -> f64 {
        self.time.probability_within(self.rows, self.batch.target.0).unwrap_or(0.5)
    }

    fn p_memory(&self) -> f64 {
        1.0 - self.memory.and_then(|memory| memory.p_out_of_memory).unwrap_or(0.0)
    }

    /// The time at the target if what grows took `factor` of its time.
    fn scaled(&self, factor: f64) -> Option<Estimate> {
        let forecast = self.time.forecast(self.rows, BAND).ok()?;
        let floor = self.time.floor(BAND).value;
        let scale = |time: f64| floor.min(time) + (time - floor).max(0.0) * factor;
        let interval = forecast.interval.map(|band| Interval {
            lower: scale(band.lower),
            upper: scale(band.upper),
            level: band.level,
        });
        Some(Estimate { value: scale(forecast.value), interval, method: Method::Fit })
    }

    /// The probability of being in time if what grows took `factor` of its time.
    fn p_scaled(&self, factor: f64) -> f64 {
        let floor = self.time.floor(BAND).value;
        let limit = floor + (self.batch.target.0 - floor) / factor;
        if limit <= 0.0 { 0.0 } else { self.time.probability_within(self.rows, limit).unwrap_or(0.0) }
    }

    fn p_on(&self, serial: &Serial, cores: u32) -> f64 {
        let one =
            |(share, weight): (f64, f64)| weight * self.p_scaled(serial.factor(share, f64::from(cores)));
        serial.likely().into_iter().map(one).sum()
    }

    /// The fewest cores that suffice, by doubling; the most that are thought of tell that none do.
    fn more_cores(&self) -> Option<Fix> {
        let serial = self.serial?;
        let doubled = std::iter::successors(Some(self.cores * 2), |cores| Some(cores * 2));
        let cores = doubled
            .take_while(|cores| *cores <= MOST_CORES)
            .find(|cores| self.p_on(serial, *cores) >= READY)?;
        let effect = self.scaled(serial.factor(serial.share, f64::from(cores)))?;
        Some(Fix {
            kind: FixKind::Cores,
            change: format!("{cores} cores instead of {}", self.cores),
            p_ready: Some(self.p_on(serial, cores) * self.p_memory()),
            is_measured: false,
            cost: self.cost.of(f64::from(cores), self.peak(), Seconds(effect.value)),
            effect: Some(effect),
        })
    }

    /// What it would be worth if nothing of what grows were serial.
    fn parallel_part(&self) -> Option<Fix> {
        let serial = self.serial.filter(|serial| serial.share >= WORTH_FIXING && self.cores > 1)?;
        let factor = 1.0 / (f64::from(self.cores) * serial.factor_of_all());
        let effect = self.scaled(factor)?;
        Some(Fix {
            kind: FixKind::SerialPart,
            change: format!("make its serial part parallel: {} of what grows", serial.words()),
            p_ready: Some(self.p_scaled(factor) * self.p_memory()),
            is_measured: false,
            cost: self.cost.of(f64::from(self.cores), self.peak(), Seconds(effect.value)),
            effect: Some(effect),
        })
    }

    /// By how much the program would have to be faster.
    fn faster(&self) -> Option<Fix> {
        let (mut low, mut high) = (1.0, 1e6);
        if self.p_scaled(1.0 / high) < READY {
            return None;
        }
        while high / low > 1.001 {
            let middle = f64::sqrt(low * high);
            if self.p_scaled(1.0 / middle) >= READY {
                high = middle;
            } else {
                low = middle;
            }
        }
        let effect = self.scaled(1.0 / high)?;
        Some(Fix {
            kind: FixKind::Faster,
            change: format!("make what grows {high:.1} times as fast"),
            p_ready: Some(self.p_scaled(1.0 / high) * self.p_memory()),
            is_measured: false,
            cost: None,
            effect: Some(effect),
        })
    }

    fn more_memory(&self) -> Option<Fix> {
        let memory = self.memory.filter(|memory| memory.p_out_of_memory.unwrap_or(0.0) > NOT_READY)?;
        let need = memory.peak_bytes.interval.map_or(memory.peak_bytes.value, |band| band.upper);
        let time = self.time.forecast(self.rows, BAND).ok()?;
        let level = memory.peak_bytes.interval.map_or(0.9, |band| band.level);
        Some(Fix {
            kind: FixKind::Memory,
            change: format!(
                "{} of memory instead of {}",
                Bytes(need as u64),
                memory.limit_bytes.map_or("what there is".to_owned(), |limit| Bytes(limit).to_string())
            ),
            p_ready: Some(self.p_in_time() * f64::midpoint(1.0, level)),
            is_measured: false,
            cost: self.cost.of(f64::from(self.cores), need, Seconds(time.value)),
            effect: Some(time),
        })
    }

    /// The most rows that are ready as it is.
    fn fewer_rows(&self) -> Option<Fix> {
        let in_time = self.time.largest_within(self.batch.target.0, READY).ok()?;
        let rows =
            self.memory.and_then(|memory| memory.rows_at_5_percent).map_or(in_time, |rows| rows.min(in_time));
        let rows = rounded_down(rows);
        if rows < 1.0 || rows >= self.rows {
            return None;
        }
        Some(Fix {
            kind: FixKind::Rows,
            change: format!("{} rows at most, as it is", grouped(rows)),
            p_ready: Some(READY),
            is_measured: false,
            cost: None,
            effect: self.time.forecast(rows, BAND).ok(),
        })
    }

    fn peak(&self) -> f64 {
        self.memory.map_or(0.0, |memory| memory.peak_bytes.value)
    }
}

impl Serial {
    /// Returns the time of what grows on the cores it was measured on, in units of its time on one core.
    fn factor_of_all(&self) -> f64 {
        1.0 / self.factor(self.share, 1.0)
    }
}

/// Returns `value` with its first two digits, rounded down.
fn rounded_down(value: f64) -> f64 {
    if value < 1.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(value.log10().floor() - 1.0).max(1.0);
    (value / unit).floor() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_two_digits() {
        assert_eq!(rounded_down(2_189_000.0), 2.1e6);
        assert_eq!(rounded_down(57.0), 57.0);
        assert_eq!(rounded_down(0.4), 0.0);
    }
}
