//! What was typed, checked and with its defaults filled in.

use std::ffi::OsStr;

use festina_machine::Machine;
use festina_measure::{Check, Design, Scaling, Sizes, Workload, default_workers, parse_workers};
use festina_types::{Bytes, Point, Seconds, Workers};

use super::ScaleOptions;
use super::question::{At, Questions};
use crate::Error;

/// A scaling measurement that can be started.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleRequest {
    /// The command as a function of n and p.
    pub workload: Workload,
    /// Which points to measure, and within which limits.
    pub design: Design,
    /// How results are compared with the reference's.
    pub check: Check,
    /// What is asked beyond the measured points.
    pub questions: Questions,
}

impl ScaleRequest {
    /// Checks `options` and fills in the defaults, those for workers from `machine`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] and [`Error::Measure`], each with what would be right.
    pub fn new(options: &ScaleOptions, machine: &Machine) -> Result<Self, Error> {
        let workload = workload(options)?;
        let design = design(options, machine)?;
        // An adaptive search runs at several sizes, whichever they turn out to be.
        workload.validate(match &design.sizes {
            Sizes::Adaptive { .. } => &[1.0, 2.0],
            known => known.known(),
        })?;
        design.validate()?;
        // What the first point needs must be there: better told now than after the set-up.
        let first = Point { n: design.sizes.known().first().copied(), p: design.workers[0] };
        if options.setup.is_none() && options.prepare.is_none() {
            workload.fill(first, design.seed)?;
        }
        Ok(Self { workload, design, check: check(options)?, questions: questions(options)? })
    }
}

/// Reads what is asked beyond the measured points.
///
/// # Errors
///
/// [`Error::Input`] for a point, a price or an amount of memory that is not one.
pub fn questions(options: &ScaleOptions) -> Result<Questions, Error> {
    if let Some(price) = options.price
        && !(price >= 0.0 && price.is_finite())
    {
        return Err(Error::input(format!("the price of a core-hour cannot be {price}")));
    }
    Ok(Questions {
        at: options.at.iter().map(|text| text.parse()).collect::<Result<Vec<At>, _>>()?,
        price_per_core_hour: options.price,
        memory: options.memory.as_deref().map(amount).transpose()?,
        accept_noise: options.accept_noise,
    })
}

fn workload(options: &ScaleOptions) -> Result<Workload, Error> {
    let mut workload = Workload::new(&options.command)?;
    for (name, value) in &options.env {
        workload = workload.with_variable(name, value)?;
    }
    if let Some(stdin) = &options.stdin {
        workload = workload.with_stdin(stdin)?;
    }
    if let Some(setup) = &options.setup {
        workload = workload.with_setup(setup)?;
    }
    if let Some(prepare) = &options.prepare {
        workload = workload.with_prepare(prepare)?;
    }
    workload.timeout = options.timeout.as_deref().map(duration).transpose()?;
    workload.memory_limit = options.memory_limit.as_deref().map(amount).transpose()?;
    if workload.timeout.is_some_and(|timeout| timeout.0 <= 0.0) {
        return Err(Error::input_with_hint(
            "a run cannot end in no time",
            "write --timeout 10s, or leave it away",
        ));
    }
    if workload.memory_limit == Some(Bytes(0)) {
        let hint = "write --memory-limit 4GiB, or leave it away";
        return Err(Error::input_with_hint("a run cannot do without memory", hint));
    }
    Ok(workload)
}

fn design(options: &ScaleOptions, machine: &Machine) -> Result<Design, Error> {
    let sizes = options.n.as_deref().map_or(Ok(Sizes::None), str::parse)?;
    let workers = match options.p.as_deref() {
        Some(text) => parse_workers(text)?,
        None => default_workers(Workers::new(machine.workers.workers).unwrap_or(Workers::MIN)),
    };
    let mut design = Design::new(sizes, workers);
    if options.weak {
        design.scaling = Scaling::Weak { growth: 1.0 };
    }
    if let Some(budget) = options.budget.as_deref() {
        design.budget = duration(budget)?;
    }
    if let Some(precision) = options.precision.as_deref() {
        design.stopping.target = fraction(precision)?;
    }
    if let Some(seed) = options.seed {
        design.seed = seed;
    }
    design.accept_noise = options.accept_noise;
    Ok(design)
}

fn check(options: &ScaleOptions) -> Result<Check, Error> {
    let mut check = Check::parse(OsStr::new(options.check.as_deref().unwrap_or("stdout")))?;
    check.tolerance.relative = options.rtol.unwrap_or(check.tolerance.relative);
    check.tolerance.absolute = options.atol.unwrap_or(check.tolerance.absolute);
    check.unordered = options.unordered;
    check.ignore.clone_from(&options.check_ignore);
    check.rules()?;
    Ok(check)
}

fn duration(text: &str) -> Result<Seconds, Error> {
    text.parse().map_err(|error: festina_types::ParseQuantityError| Error::input(error.to_string()))
}

fn amount(text: &str) -> Result<Bytes, Error> {
    text.parse().map_err(|error: festina_types::ParseQuantityError| Error::input(error.to_string()))
}

/// Reads `2%` or `0.02`.
fn fraction(text: &str) -> Result<f64, Error> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text.trim(), 1.0),
    };
    let value = number.trim().parse::<f64>().ok().map(|value| value * unit);
    value.filter(|value| *value > 0.0 && *value < 1.0).ok_or_else(|| {
        Error::input_with_hint(format!("'{text}' is not a precision"), "write it as in --precision 2%")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cores;

    fn request(options: ScaleOptions) -> Result<ScaleRequest, Error> {
        ScaleRequest::new(&options, &cores(&Default::default()))
    }

    fn command(words: &[&str]) -> ScaleOptions {
        ScaleOptions { command: words.iter().map(Into::into).collect(), ..ScaleOptions::default() }
    }

    #[test]
    fn defaults_are_filled_in() {
        let request = request(command(&["sleep", "{p}"])).unwrap();
        assert_eq!(request.design.sizes, Sizes::None);
        assert_eq!(request.design.workers[0], Workers::MIN);
        assert_eq!(request.design.budget, Seconds(120.0));
    }

    #[test]
    fn precision_and_limits_are_read() {
        let options = ScaleOptions {
            precision: Some("5%".to_owned()),
            timeout: Some("1m".to_owned()),
            memory_limit: Some("1GiB".to_owned()),
            ..command(&["sleep", "{p}"])
        };
        let request = request(options).unwrap();
        assert!((request.design.stopping.target - 0.05).abs() < 1e-12);
        assert_eq!(request.workload.timeout, Some(Seconds(60.0)));
        assert_eq!(request.workload.memory_limit, Some(Bytes(1 << 30)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_hint() {
        let bad = [
            ScaleOptions::default(),
            command(&["solve", "{rows}"]),
            ScaleOptions { n: Some("3,2".to_owned()), ..command(&["solve", "{n}"]) },
            ScaleOptions { p: Some(String::new()), ..command(&["solve"]) },
            ScaleOptions { precision: Some("0".to_owned()), ..command(&["solve"]) },
            ScaleOptions { check: Some("output".to_owned()), ..command(&["solve"]) },
            ScaleOptions { at: vec!["32".to_owned()], ..command(&["solve"]) },
        ];
        for options in bad {
            let error = request(options.clone()).unwrap_err();
            assert!(error.hint().is_some(), "{options:?}: {error}");
        }
    }
}
