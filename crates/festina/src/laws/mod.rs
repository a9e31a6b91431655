//! `festina laws`: Amdahl, Gustafson, USL, Karp–Flatt, work and span as a calculator.

mod report;

use festina_laws::amdahl::Amdahl;
use festina_laws::diagnosis::{Diagnosis, diagnose};
use festina_laws::gustafson::Gustafson;
use festina_laws::table::DurationTable;
use festina_laws::usl::Usl;
use festina_laws::work_span::WorkSpan;
use festina_laws::{Law, LawError, Observation};
use festina_types::{Estimate, Seconds, Workers};
use serde::Serialize;

use crate::{Error, Versioned, versioned};
pub(crate) use report::fractions;
pub use report::laws_report;

/// The level of the intervals of fitted parameters.
pub(crate) const LEVEL: f64 = 0.95;

/// What the laws are computed from.
#[derive(Clone, Debug, PartialEq)]
pub enum LawsSource {
    /// Given parameters, on a program of one second.
    Given {
        /// Amdahl's serial fraction s, and Gustafson's s′.
        serial: f64,
        /// USL's contention σ.
        contention: f64,
        /// USL's coherency κ.
        coherency: f64,
    },
    /// Measured times of one problem size.
    Times(Vec<Observation>),
    /// The work T₁ and the span T∞ of a program.
    WorkSpan {
        /// T₁.
        work: Seconds,
        /// T∞.
        span: Seconds,
    },
}

/// What the laws say.
#[derive(Clone, Debug, Serialize)]
pub struct LawsResult {
    /// The parameters of the laws, with their intervals where they were fitted.
    pub parameters: Vec<LawParameter>,
    /// Durations on one core, and what they become.
    pub durations: DurationTable,
    /// The laws at growing numbers of workers.
    pub speedups: Vec<SpeedupRow>,
    /// The measured times, where there are any.
    pub observations: Vec<Observation>,
    /// What the trend of the serial fraction says, where times on one worker were given.
    pub diagnosis: Option<Diagnosis>,
}

/// A parameter of a law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LawParameter {
    /// The law's name.
    pub law: String,
    /// The parameter's name in words.
    pub name: String,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// Its value.
    pub estimate: Estimate,
}

/// The laws on `workers` workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpeedupRow {
    /// The number of workers.
    pub workers: u32,
    /// Amdahl's speed-up: the size stays.
    pub amdahl: f64,
    /// Amdahl's efficiency, speed-up by workers.
    pub efficiency: f64,
    /// Gustafson's scaled speed-up: the size grows with the workers.
    pub gustafson: f64,
    /// The speed-up of the universal scalability law.
    pub usl: f64,
    /// The least speed-up of any greedy schedule: Brent's bound on T₁ = 1 and T∞ = s.
    pub brent_lower: f64,
    /// The greatest speed-up of any schedule, min(p, 1 / s).
    pub brent_upper: f64,
}

/// The laws themselves.
struct Laws {
    amdahl: Amdahl,
    gustafson: Gustafson,
    usl: Usl,
    parameters: Vec<LawParameter>,
}

/// Returns what the laws say of `source` for up to `cores` cores.
///
/// From measured times, Amdahl's law and (with at least three numbers of workers) the USL are fitted; Gustafson's serial
/// fraction is then the share of the serial part in the run on the most workers. From work and span, the span is the
/// serial part.
///
/// # Errors
///
/// [`Error::Law`] for parameters out of range or times that carry no fit.
pub fn laws(source: &LawsSource, cores: Workers) -> Result<LawsResult, Error> {
    let found = match source {
        LawsSource::Given { serial, contention, coherency } => given(*serial, *contention, *coherency)?,
        LawsSource::Times(observations) => fitted(observations)?,
        LawsSource::WorkSpan { work, span } => {
            let program = WorkSpan::new(*work, *span)?;
            let serial = program.span().0 / program.work().0;
            let mut found = given(serial, serial, 0.0)?;
            found.parameters.push(parameter(
                "work and span",
                "parallelism T₁/T∞",
                "workers",
                program.parallelism(),
            ));
            found
        }
    };
    let observations = match source {
        LawsSource::Times(observations) => observations.clone(),
        _ => Vec::new(),
    };
    let has_base = observations.iter().any(|observation| observation.p == 1.0);
    let diagnosis = if has_base && Observation::distinct_workers(&observations) > 1 {
        Some(diagnose(&observations, LEVEL)?)
    } else {
        None
    };
    Ok(LawsResult {
        durations: DurationTable::new(cores, &[&found.amdahl, &found.gustafson, &found.usl]),
        speedups: speedups(&found, cores)?,
        parameters: found.parameters,
        observations,
        diagnosis,
    })
}

impl LawsResult {
    /// Returns the result as JSON of the schema `festina.laws/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.laws/1", self)
    }
}

/// Reads `1:100,2:55,4:31` as workers and seconds.
///
/// # Errors
///
/// [`Error::Input`] naming the entry that is not one.
pub fn parse_times(text: &str) -> Result<Vec<Observation>, Error> {
    text.split(',')
        .map(|entry| {
            let error = || {
                let message = format!("'{}' is not a number of workers and a time", entry.trim());
                Error::input_with_hint(message, "write workers:seconds, as in --times 1:100,2:55,4:31")
            };
            let (workers, time) = entry.split_once(':').ok_or_else(error)?;
            let workers: Workers = workers.trim().parse().map_err(|_| error())?;
            let time: Seconds = time.trim().parse().map_err(|_| error())?;
            Ok(Observation::new(f64::from(workers.get()), time.0))
        })
        .collect()
}

fn given(serial: f64, contention: f64, coherency: f64) -> Result<Laws, LawError> {
    let one = Seconds(1.0);
    Ok(Laws {
        amdahl: Amdahl::new(one, serial)?,
        gustafson: Gustafson::new(one, serial)?,
        usl: Usl::new(one, contention, coherency)?,
        parameters: vec![
            parameter("Amdahl", "serial fraction", "", serial),
            parameter("Gustafson", "serial fraction of the parallel run", "", serial),
            parameter("USL", "contention", "", contention),
            parameter("USL", "coherency", "", coherency),
        ],
    })
}

fn fitted(observations: &[Observation]) -> Result<Laws, LawError> {
    let amdahl = Amdahl::fit(observations, LEVEL)?;
    let serial = amdahl.law.serial_fraction();
    let most = observations.iter().map(|observation| observation.p).fold(1.0, f64::max);
    let share = serial / (serial + (1.0 - serial) / most);
    let one = amdahl.law.one_worker();
    let name = |law: &str, found: Vec<festina_laws::Parameter>| {
        let named = |p: festina_laws::Parameter| LawParameter {
            law: law.to_owned(),
            name: p.name.to_owned(),
            unit: p.unit.to_owned(),
            estimate: p.estimate,
        };
        found.into_iter().map(named).collect::<Vec<_>>()
    };
    let mut parameters = name("Amdahl", amdahl.parameters());
    parameters.push(parameter("Gustafson", "serial fraction of the parallel run", "", share));
    let usl = if Observation::distinct_workers(observations) < 3 {
        // Two numbers of workers determine one parameter: contention, as Amdahl's serial fraction.
        Usl::new(one, serial, 0.0)?
    } else {
        let fit = Usl::fit(observations, LEVEL)?;
        parameters.extend(name("USL", fit.parameters()));
        fit.law
    };
    Ok(Laws { amdahl: amdahl.law, gustafson: Gustafson::new(one, share)?, usl, parameters })
}

fn parameter(law: &str, name: &str, unit: &str, value: f64) -> LawParameter {
    LawParameter {
        law: law.to_owned(),
        name: name.to_owned(),
        unit: unit.to_owned(),
        estimate: Estimate::exact(value),
    }
}

fn speedups(laws: &Laws, cores: Workers) -> Result<Vec<SpeedupRow>, LawError> {
    let program = WorkSpan::new(Seconds(1.0), Seconds(laws.amdahl.serial_fraction()))?;
    let doublings = std::iter::successors(Some(1_u32), |p| p.checked_mul(2)).take_while(|p| *p < cores.get());
    let row = |p: u32| {
        let workers = Workers::new(p).expect("doublings of one are positive");
        let bounds = program.bounds(workers);
        SpeedupRow {
            workers: p,
            amdahl: laws.amdahl.speedup(workers),
            efficiency: laws.amdahl.efficiency(workers),
            gustafson: laws.gustafson.scaled_speedup(workers),
            usl: laws.usl.speedup(workers),
            brent_lower: 1.0 / bounds.upper.0,
            brent_upper: 1.0 / bounds.lower.0,
        }
    };
    Ok(doublings.chain([cores.get()]).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(p: u32) -> Workers {
        Workers::new(p).unwrap()
    }

    #[test]
    fn given_parameters_by_hand() {
        let source = LawsSource::Given { serial: 0.05, contention: 0.05, coherency: 0.001 };
        let result = laws(&source, cores(32)).unwrap();
        let last = result.speedups.last().unwrap();
        // 1 / (0.05 + 0.95/32); 32 − 0.05 · 31; 32 / (1 + 0.05·31 + 0.001·32·31).
        assert!((last.amdahl - 12.549_019_607_843_137).abs() < 1e-12);
        assert!((last.gustafson - 30.45).abs() < 1e-12);
        assert!((last.usl - 32.0 / 3.542).abs() < 1e-12);
        assert!((last.brent_upper - 20.0).abs() < 1e-12);
        assert!(last.brent_lower <= last.amdahl && last.amdahl <= last.brent_upper);
    }

    #[test]
    fn times_of_amdahls_law_give_its_fraction_back() {
        let times = parse_times("1:100, 2:52.5,4:28.75").unwrap();
        let result = laws(&LawsSource::Times(times), cores(32)).unwrap();
        let serial =
            result.parameters.iter().find(|p| p.law == "Amdahl" && p.name == "serial fraction").unwrap();
        assert!((serial.estimate.value - 0.05).abs() < 1e-9);
        assert!(serial.estimate.interval.unwrap().contains(0.05));
        assert!(result.diagnosis.is_some());
    }

    #[test]
    fn two_numbers_of_workers_fit_no_usl() {
        let result = laws(&LawsSource::Times(parse_times("1:100,2:55").unwrap()), cores(8)).unwrap();
        assert!(result.parameters.iter().all(|parameter| parameter.law != "USL"));
    }

    #[test]
    fn work_and_span_are_a_serial_part() {
        let source = LawsSource::WorkSpan { work: Seconds(100.0), span: Seconds(5.0) };
        let result = laws(&source, cores(4)).unwrap();
        let parallelism = result.parameters.last().unwrap();
        assert_eq!(parallelism.estimate.value, 20.0);
        // T₁/p + (1 − 1/p)·T∞ = 25 + 3.75 of 100.
        assert!((result.speedups.last().unwrap().brent_lower - 100.0 / 28.75).abs() < 1e-12);
    }

    #[test]
    fn wrong_times_are_named() {
        for text in ["", "1", "1:", "0:5", "x:1", "1:-1", "1:2;2:1"] {
            assert!(parse_times(text).unwrap_err().hint().is_some(), "{text}");
        }
        assert!(laws(&LawsSource::Times(parse_times("1:0,2:1").unwrap()), cores(2)).is_err());
    }
}
