//! Solves an instance and prints what happened as lines of JSON: for measuring.
//!
//! ```text
//! cargo run --release -p festina-route --example solve_tsp -- FILE [--time S | --work W] [--workers P] [--seed N]
//!     [--method NAME] [--best LENGTH]
//! ```

mod common;

use std::error::Error;
use std::io::Write;

use common::{Threads, arguments, clock, excess};
use festina_route::{Budget, Format, Instance, Limit, Request, check, solve};
use festina_types::{CancelToken, Seconds, Workers};

fn main() -> Result<(), Box<dyn Error>> {
    let mut request = Request::default();
    let (mut limit, mut workers, mut best) = (Limit::None, Workers::MIN, None);
    let file = arguments(|name, value| {
        match name {
            "--time" => limit = Limit::Time(Seconds(value.parse()?)),
            "--work" => limit = Limit::Work(value.parse()?),
            "--workers" => workers = value.parse()?,
            "--seed" => request.seed = value.parse()?,
            "--method" => request.method = value.parse()?,
            "--bound" => request.bound = value.parse()?,
            "--best" => best = Some(value.parse::<f64>()?),
            _ => return Err(format!("there is no option {name}").into()),
        }
        Ok(())
    })?;
    let clock = clock(workers);
    let bytes = std::fs::read(&file)?;
    let instance = Instance::read(&file, &bytes, Format::detect(&bytes))?;
    let budget = Budget::new(&clock, limit, CancelToken::new());
    let mut out = std::io::stdout().lock();
    let mut news = Vec::new();
    let solution = solve(&instance, &request, &budget, &Threads(workers), &mut |progress| {
        news.push(serde_json::json!({
            "elapsed_s": progress.elapsed_s, "cost": progress.cost, "bound": progress.bound,
            "excess_percent": excess(progress.cost as f64, best),
        }));
    })?;
    if std::env::var("NEWS").is_ok() {
        for line in news {
            writeln!(out, "{line}")?;
        }
    }
    let before = clock().0;
    let check = check::verify(&instance, request.shape, &solution);
    let last = serde_json::json!({
        "problems": check.problems, "check_s": clock().0 - before,
        "name": solution.name, "status": solution.status, "cost": solution.cost, "bound": solution.bound,
        "gap": solution.gap, "elapsed_s": solution.elapsed_s, "work": solution.work,
        "excess_percent": excess(solution.cost as f64, best), "seed": solution.seed,
    });
    writeln!(out, "{last}")?;
    Ok(())
}
