//! What the cores do together: `festina cores --measure`.

use std::time::Duration;

use festina_machine::{Machine, Source, preflight};
use festina_measure::{EffectiveCores, EffectiveCoresDesign, Kernel, default_workers, effective_cores};
use festina_report::{Cell, Column, Table, Unit};
use festina_types::{Bytes, CancelToken, Finding, Severity, Workers};
use serde::{Deserialize, Serialize};

use crate::Error;

/// For how long the machine is watched for other programs before.
const WATCH: Duration = Duration::from_millis(200);
/// Below this part of a core for each worker, a finding says so.
const MUCH_LESS: f64 = 0.8;

/// How much several cores do together, for each kind of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasuredCores {
    /// The kinds of work, with what 1, 2, 4, … workers do, as multiples of what one does alone.
    pub effective: Vec<KernelCores>,
    /// What disturbed the measurement, and what follows from it.
    pub effective_findings: Vec<Finding>,
}

/// What numbers of workers do with one kind of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelCores {
    /// The kind of work.
    pub kernel: Kernel,
    /// The numbers of workers, the smallest first.
    pub workers: Vec<EffectiveCores>,
}

/// Measures, for about a second on two cores, what the available cores do together.
///
/// # Errors
///
/// [`Error::Task`] if a thread cannot be bound to a CPU.
pub fn measure_cores(machine: &Machine, cancel: &CancelToken) -> Result<MeasuredCores, Error> {
    let available = machine.available_parallelism();
    let mut findings = preflight(&Source::live(), machine, available, WATCH);
    let design = design(machine);
    let of = |kernel| Ok(KernelCores { kernel, workers: effective_cores(kernel, &design, cancel)? });
    let effective: Vec<KernelCores> = Kernel::ALL.into_iter().map(of).collect::<Result<_, Error>>()?;
    findings.extend(fewer(&effective));
    Ok(MeasuredCores { effective, effective_findings: findings })
}

/// Returns how `machine` is measured: its workers where `placement` puts them, with a quarter of its free memory at most.
pub(crate) fn design(machine: &Machine) -> EffectiveCoresDesign {
    let available = Workers::new(machine.available_parallelism()).unwrap_or(Workers::MIN);
    let cpus = machine.placement().order().to_vec();
    let mut design = EffectiveCoresDesign::new(cpus, default_workers(available));
    if let Some(free) = machine.memory.available {
        design.memory = Bytes(design.memory.0.min(free.0 / 4 / u64::from(available.get())));
    }
    design
}

/// Says where workers do much less than as many cores would.
fn fewer(effective: &[KernelCores]) -> Option<Finding> {
    let interpreted = effective.iter().find(|one| one.kernel == Kernel::Interpreter)?;
    let most = interpreted.workers.last()?;
    let (workers, cores) = (most.workers.get(), most.cores.value);
    let upper = most.cores.interval.map_or(cores, |interval| interval.upper);
    (upper < MUCH_LESS * f64::from(workers)).then(|| {
        let message = format!("{workers} workers do the work of {cores:.2} cores, though they share nothing");
        Finding::new(Severity::Note, "fewer-effective-cores", message).with_hint(
            "hardware threads that share a core, a clock that sinks, or other guests of the host: hold speed-ups against this number",
        )
    })
}

/// Returns what was measured as a table: a row for each number of workers.
pub(super) fn table(measured: &MeasuredCores) -> Table {
    let mut columns = vec![Column::number("workers", Unit::Number)];
    for one in &measured.effective {
        columns.extend([Column::number(name(one.kernel), Unit::Number), Column::text("95 % interval")]);
    }
    let mut table = Table::new(columns);
    let numbers = measured.effective.first().map(|one| one.workers.as_slice()).unwrap_or_default();
    for (row, number) in numbers.iter().enumerate() {
        let mut cells = vec![Cell::number(f64::from(number.workers.get()))];
        for cores in measured.effective.iter().filter_map(|one| one.workers.get(row)).map(|found| found.cores)
        {
            cells.extend([Cell::estimate(&cores, &Unit::Number), Cell::interval(&cores, &Unit::Number)]);
        }
        table.row(cells);
    }
    table
}

fn name(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Interpreter => "interpreted code",
        Kernel::Memory => "walking memory",
    }
}
