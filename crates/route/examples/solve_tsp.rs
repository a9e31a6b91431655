//! Solves an instance and prints what happened as lines of JSON: for measuring.
//!
//! ```text
//! cargo run --release -p festina-route --example solve_tsp -- FILE [--time S | --work W] [--workers P] [--seed N]
//!     [--method NAME] [--best LENGTH]
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use festina_route::{Budget, Format, Instance, Limit, Request, solve};
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
    let mut request = Request::default();
    let (mut limit, mut workers, mut best) = (Limit::None, Workers::MIN, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("an option without a value")?;
        match name.as_str() {
            "--time" => limit = Limit::Time(Seconds(value.parse()?)),
            "--work" => limit = Limit::Work(value.parse()?),
            "--workers" => workers = value.parse()?,
            "--seed" => request.seed = value.parse()?,
            "--method" => request.method = value.parse()?,
            "--bound" => request.bound = value.parse()?,
            "--best" => best = Some(value.parse::<f64>()?),
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    let bytes = std::fs::read(&file)?;
    let instance = Instance::read(&file, &bytes, Format::detect(&bytes))?;
    // On a machine that others use too, CPU seconds over the number of workers say more than seconds.
    let cpu = std::env::var_os("CPU_CLOCK").is_some();
    let clock = || {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        Seconds(if cpu { used / f64::from(workers.get()) } else { begin.elapsed().as_secs_f64() })
    };
    let budget = Budget::new(&clock, limit, CancelToken::new());
    let mut out = std::io::stdout().lock();
    let excess = |cost: i64| best.map(|best| 100.0 * (cost as f64 / best - 1.0));
    let mut news = Vec::new();
    let solution = solve(&instance, &request, &budget, &Threads(workers), &mut |progress| {
        news.push(serde_json::json!({
            "elapsed_s": progress.elapsed_s, "cost": progress.cost, "bound": progress.bound,
            "excess_percent": excess(progress.cost),
        }));
    })?;
    if std::env::var("NEWS").is_ok() {
        for line in news {
            writeln!(out, "{line}")?;
        }
    }
    let last = serde_json::json!({
        "name": solution.name, "status": solution.status, "cost": solution.cost, "bound": solution.bound,
        "gap": solution.gap, "elapsed_s": solution.elapsed_s, "work": solution.work,
        "excess_percent": excess(solution.cost), "seed": solution.seed,
    });
    writeln!(out, "{last}")?;
    Ok(())
}
