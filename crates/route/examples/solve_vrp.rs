//! Plans a problem and prints what happened as lines of JSON: for measuring.
//!
//! ```text
//! cargo run --release -p festina-route --example solve_vrp -- FILE [--time S | --work W] [--workers P] [--seed N]
//!     [--vehicles few] [--best COST]
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use festina_route::vrp::{Convention, Objective, PlanRequest, Problem, ProblemFormat, solve};
use festina_route::{Budget, Limit};
use festina_types::{Backend, BackendError, CancelToken, Function, Seconds, Workers};

/// Threads that take tasks off a common list.
struct Threads(Workers);

impl Backend for Threads {
    fn workers(&self) -> Workers {
        self.0
    }

    fn map(&self, function: Function, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, BackendError> {
        let count = inputs.len();
        let waiting = Mutex::new(inputs.into_iter().enumerate());
        let outputs = Mutex::new(vec![Ok(Vec::new()); count]);
        std::thread::scope(|scope| {
            for _ in 0..(self.0.get() as usize).min(count) {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().expect("no worker panics with the lock").next();
                        let Some((task, input)) = next else { break };
                        let output = (function.call)(&input);
                        outputs.lock().expect("no worker panics with the lock")[task] =
                            output.map_err(|message| BackendError::Task { task, message });
                    }
                });
            }
        });
        outputs.into_inner().expect("all workers have ended").into_iter().collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let mut request = PlanRequest::default();
    let (mut limit, mut workers, mut best) = (Limit::Time(Seconds(10.0)), Workers::MIN, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("an option without a value")?;
        match name.as_str() {
            "--time" => limit = Limit::Time(Seconds(value.parse()?)),
            "--work" => limit = Limit::Work(value.parse()?),
            "--workers" => workers = value.parse()?,
            "--seed" => request.seed = value.parse()?,
            "--vehicles" => {
                request.objective = if value == "few" { Objective::Vehicles } else { Objective::Cost }
            }
            "--best" => best = Some(value.parse::<f64>()?),
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    let bytes = std::fs::read(&file)?;
    let problem = Problem::read(&file, &bytes, ProblemFormat::detect(&bytes), Convention::Default)?;
    // On a machine that others use too, CPU seconds over the number of workers say more than seconds.
    let cpu = std::env::var_os("CPU_CLOCK").is_some();
    let clock = || {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        Seconds(if cpu { used / f64::from(workers.get()) } else { begin.elapsed().as_secs_f64() })
    };
    let budget = Budget::new(&clock, limit, CancelToken::new());
    let plan = solve(&problem, &request, &budget, &Threads(workers), &mut |_| {})?;
    let cost = plan.cost as f64 * plan.units.cost;
    let last = serde_json::json!({
        "name": plan.name, "status": plan.status, "cost": cost, "elapsed_s": plan.elapsed_s, "work": plan.work,
        "vehicles": plan.routes.len(), "unassigned": plan.unassigned.len(), "seed": plan.seed,
        "excess_percent": best.map(|best| 100.0 * (cost / best - 1.0)),
    });
    writeln!(std::io::stdout().lock(), "{last}")?;
    Ok(())
}
