//! Plans a problem and prints what happened as lines of JSON: for measuring.
//!
//! ```text
//! cargo run --release -p festina-route --example solve_vrp -- FILE [--time S | --work W] [--workers P] [--seed N]
//!     [--vehicles few] [--best COST]
//! ```

mod common;

use std::error::Error;
use std::io::Write;

use common::{Threads, arguments, clock, excess};
use festina_route::vrp::{Convention, Objective, PlanRequest, Problem, ProblemFormat, solve};
use festina_route::{Budget, Limit};
use festina_types::{CancelToken, Seconds, Workers};

fn main() -> Result<(), Box<dyn Error>> {
    let mut request = PlanRequest::default();
    let (mut limit, mut workers, mut best) = (Limit::Time(Seconds(10.0)), Workers::MIN, None);
    let file = arguments(|name, value| {
        match name {
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
        Ok(())
    })?;
    let clock = clock(workers);
    let bytes = std::fs::read(&file)?;
    let problem = Problem::read(&file, &bytes, ProblemFormat::detect(&bytes), Convention::Default)?;
    let budget = Budget::new(&clock, limit, CancelToken::new());
    let plan = solve(&problem, &request, &budget, &Threads(workers), &mut |_| {})?;
    let cost = plan.cost as f64 * plan.units.cost;
    let last = serde_json::json!({
        "name": plan.name, "status": plan.status, "cost": cost, "elapsed_s": plan.elapsed_s, "work": plan.work,
        "vehicles": plan.routes.len(), "unassigned": plan.unassigned.len(), "seed": plan.seed,
        "excess_percent": excess(cost, best),
    });
    writeln!(std::io::stdout().lock(), "{last}")?;
    Ok(())
}
