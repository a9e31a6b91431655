//! `festina scale --simulate`: recorded tasks on numbers of workers that one doesn't have.

use festina_laws::simulate::{Costs, Policy, Simulation, Simulator, parse, spread};
use festina_report::{Axis, Cell, Chart, Column, Report, Role, Scale, Series, Table, Unit};
use festina_types::{Finding, Seconds, Severity, Workers};
use serde::Serialize;

use crate::{Error, Versioned, versioned};

/// At most so many numbers of workers are shown as a table; all of them are in the JSON.
const TABLE_ROWS: usize = 24;

/// Tasks times numbers of workers that are simulated at the most: some seconds.
const MOST_STEPS: usize = 20_000_000;

/// So many numbers of workers are simulated of a range, however many tasks there are.
const FEWEST: usize = 24;

/// What a simulation is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulateRequest {
    /// The numbers of workers, ascending.
    pub workers: Vec<Workers>,
    /// What a task costs beyond its duration.
    pub costs: Costs,
    /// Which ready task starts first.
    pub policy: Policy,
}

/// What a simulation found.
#[derive(Clone, Debug, Serialize)]
pub struct SimulateResult {
    /// How many tasks there were.
    pub tasks: usize,
    /// T₁, the time of all tasks one after the other, costs included, in seconds.
    pub work_s: f64,
    /// T∞, the longest chain of tasks, in seconds.
    pub span_s: f64,
    /// The rule by which ready tasks start.
    pub policy: Policy,
    /// One entry a number of workers.
    pub simulations: Vec<Simulation>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// Simulates the tasks of the CSV text `tasks` as `request` asks.
///
/// # Errors
///
/// [`Error::Law`] with the line of a task that cannot be one, or a cycle's tasks.
pub fn simulate(tasks: &str, request: &SimulateRequest) -> Result<SimulateResult, Error> {
    let parsed = parse::csv(tasks)?;
    let mut simulator = Simulator::new(&parsed.tasks, request.costs, request.policy)?;
    let work_span = simulator.work_span();
    let (workers, thinned) = thin(&request.workers, parsed.tasks.len());
    let mut findings: Vec<Finding> = thinned.into_iter().collect();
    findings.extend(ignored(&parsed.ignored_columns));
    Ok(SimulateResult {
        tasks: parsed.tasks.len(),
        work_s: work_span.work().0,
        span_s: work_span.span().0,
        policy: request.policy,
        simulations: simulator.sweep(workers),
        findings,
    })
}

/// Keeps some of many numbers of workers where simulating all of them would take minutes.
fn thin(workers: &[Workers], tasks: usize) -> (Vec<Workers>, Option<Finding>) {
    let (Some(&first), Some(&last)) = (workers.first(), workers.last()) else { return (Vec::new(), None) };
    let most = (MOST_STEPS / tasks.max(1)).max(FEWEST);
    if workers.len() <= most {
        return (workers.to_vec(), None);
    }
    let kept = spread(first, last, most);
    let message =
        format!("{tasks} tasks were simulated on {} of {} numbers of workers", kept.len(), workers.len());
    let finding = Finding::new(Severity::Note, "thinned", message)
        .with_hint("a list such as --p 1,64,4096 is kept whole");
    if workers.len() == 1 + (last.get() - first.get()) as usize {
        (kept, Some(finding))
    } else {
        (workers.to_vec(), None)
    }
}

fn ignored(columns: &[String]) -> Option<Finding> {
    if columns.is_empty() {
        return None;
    }
    let message = format!("columns that mean nothing here were not read: {}", columns.join(", "));
    let hint = "the columns are id, duration_s, deps and bytes";
    Some(Finding::new(Severity::Note, "ignored-columns", message).with_hint(hint))
}

impl SimulateResult {
    /// Returns the result as JSON of the schema `festina.simulate/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.simulate/1", self)
    }
}

/// Returns `result` for people.
pub fn simulate_report(result: &SimulateResult) -> Report {
    // Tasks that take no time gain nothing from any worker.
    let parallelism = if result.span_s > 0.0 { result.work_s / result.span_s } else { 1.0 };
    let title = format!("{} tasks of {} in all", result.tasks, Seconds(result.work_s));
    let subtitle = format!(
        "longest chain {}, average parallelism {parallelism:.1}: no speed-up can exceed it",
        Seconds(result.span_s)
    );
    let mut report = Report::new(title).with_subtitle(subtitle);
    report.push(table(result));
    if result.simulations.len() > 1 {
        report.push(chart(result));
    }
    if !result.findings.is_empty() {
        report.push(result.findings.clone());
    }
    report
}

fn table(result: &SimulateResult) -> Table {
    let mut table = Table::new([
        Column::number("p", Unit::Number),
        Column::number("makespan", Unit::Seconds).emphasized(),
        Column::number("speed-up", Unit::Number),
        Column::number("utilisation", Unit::Fraction),
        Column::number("at least", Unit::Seconds),
        Column::number("at most", Unit::Seconds),
    ]);
    for simulation in shown(&result.simulations) {
        table.row([
            Cell::number(f64::from(simulation.workers.get())),
            Cell::seconds(simulation.makespan.0),
            Cell::number(simulation.speedup),
            Cell::fraction(simulation.utilisation),
            Cell::seconds(simulation.bounds.lower.0),
            Cell::seconds(simulation.bounds.upper.0),
        ]);
    }
    table.footnote(
        "At least: max(span, work/p). At most: Brent's work/p + (1 − 1/p)·span, for any greedy schedule.",
    );
    table
}

/// Returns all simulations if they are few, or about four a doubling of the workers, the first and the last among them.
fn shown(simulations: &[Simulation]) -> Vec<&Simulation> {
    if simulations.len() <= TABLE_ROWS {
        return simulations.iter().collect();
    }
    let last = simulations.len() - 1;
    let is_shown = |index: usize, simulation: &Simulation| {
        simulation.workers.get().is_power_of_two() || index == 0 || index == last
    };
    simulations.iter().enumerate().filter(|(i, s)| is_shown(*i, s)).map(|(_, s)| s).collect()
}

fn chart(result: &SimulateResult) -> Chart {
    let x = Axis::new("workers", Unit::Number).with_scale(Scale::Log2);
    let y = Axis::new("makespan", Unit::Seconds).with_scale(Scale::Log10);
    let line = |of: fn(&Simulation) -> f64| {
        result.simulations.iter().map(move |s| (f64::from(s.workers.get()), of(s))).collect::<Vec<_>>()
    };
    let bounds =
        result.simulations.iter().map(|s| (f64::from(s.workers.get()), s.bounds.lower.0, s.bounds.upper.0));
    Chart::new("Makespan", x, y)
        .with(Series::band("any greedy schedule", Role::Limit, bounds))
        .with(Series::line(
            "work/p",
            Role::Ideal,
            line(|s| s.speedup * s.makespan.0 / f64::from(s.workers.get())),
        ))
        .with(Series::line("simulated", Role::Fit, line(|s| s.makespan.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(workers: &[u32]) -> SimulateRequest {
        SimulateRequest {
            workers: workers.iter().filter_map(|p| Workers::new(*p)).collect(),
            costs: Costs::default(),
            policy: Policy::Fifo,
        }
    }

    #[test]
    fn a_diamond_by_hand() {
        // a (1) → b (2), c (3) → d (1): 7 on one worker, 5 on two and more.
        let tasks = "id,duration_s,deps\na,1,\nb,2,a\nc,3,a\nd,1,b;c\n";
        let result = simulate(tasks, &request(&[1, 2, 3])).unwrap();
        let makespans: Vec<f64> = result.simulations.iter().map(|s| s.makespan.0).collect();
        assert_eq!(makespans, [7.0, 5.0, 5.0]);
        assert_eq!((result.work_s, result.span_s), (7.0, 5.0));
    }

    #[test]
    fn a_long_sweep_is_shown_at_powers_of_two() {
        let tasks: String = (0..10).fold("id,duration_s\n".to_owned(), |text, i| text + &format!("{i},1\n"));
        let workers: Vec<u32> = (1..=100).collect();
        let result = simulate(&tasks, &request(&workers)).unwrap();
        let shown: Vec<u32> = shown(&result.simulations).iter().map(|s| s.workers.get()).collect();
        assert_eq!(shown, [1, 2, 4, 8, 16, 32, 64, 100]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = simulate("id,duration_s\na,fast\n", &request(&[1])).unwrap_err();
        assert!(error.to_string().starts_with("line 2"), "{error}");
    }
}
