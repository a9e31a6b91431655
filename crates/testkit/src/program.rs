//! A program whose scaling is known.
//!
//! ```text
//! known-answer --n 1000 --workers 4 --unit 0.4 --serial 0.1 [--sleep]
//! ```
//!
//! prints the sum of the squares of 1 … n, computed in as many parts as there are workers, after T(n, p) seconds.
//! `--wrong` loses a part of the sum when there is more than one worker; `--noise` adds a line that differs from run
//! to run; `--ulps` prints a float whose last digits depend on the number of parts; `--memory B` touches B bytes a
//! unit of n; `--fail-at P` fails on P workers; `--daemon` leaves a process behind; `--forever` never ends.

use std::process::ExitCode;

use crate::{Spend, Truth, spend};

/// Runs the program with the arguments behind its name.
pub fn known_answer(args: impl Iterator<Item = String>) -> ExitCode {
    match Arguments::parse(args) {
        Ok(arguments) => arguments.run(),
        Err(message) => {
            say_error(&message);
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::print_stderr)]
fn say_error(message: &str) {
    eprintln!("known-answer: {message}");
}

#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}

struct Arguments {
    truth: Truth,
    n: f64,
    workers: u32,
    how: Spend,
    wrong: bool,
    noise: bool,
    ulps: bool,
    memory_per_n: f64,
    fail_at: Option<u32>,
    daemon: bool,
    forever: bool,
}

impl Arguments {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            truth: Truth::default(),
            n: 1000.0,
            workers: 1,
            how: Spend::Burn,
            wrong: false,
            noise: false,
            ulps: false,
            memory_per_n: 0.0,
            fail_at: None,
            daemon: false,
            forever: false,
        };
        while let Some(name) = args.next() {
            let mut number = || -> Result<f64, String> {
                let text = args.next().ok_or(format!("{name} needs a value"))?;
                text.parse().map_err(|_| format!("{name}: '{text}' is not a number"))
            };
            match name.as_str() {
                "--floor" => parsed.truth.floor = number()?,
                "--unit" => parsed.truth.unit = number()?,
                "--exponent" => parsed.truth.exponent = number()?,
                "--log" => parsed.truth.log_exponent = number()?,
                "--serial" => parsed.truth.serial = number()?,
                "--contention" => parsed.truth.contention = number()?,
                "--coherency" => parsed.truth.coherency = number()?,
                "--n" => parsed.n = number()?,
                "--memory" => parsed.memory_per_n = number()?,
                "--workers" => parsed.workers = number()? as u32,
                "--fail-at" => parsed.fail_at = Some(number()? as u32),
                "--sleep" => parsed.how = Spend::Sleep,
                "--wrong" => parsed.wrong = true,
                "--noise" => parsed.noise = true,
                "--ulps" => parsed.ulps = true,
                "--daemon" => parsed.daemon = true,
                "--forever" => parsed.forever = true,
                _ => return Err(format!("unknown argument '{name}'")),
            }
        }
        if parsed.workers == 0 || parsed.n < 1.0 {
            return Err("--workers and --n must be at least 1".to_owned());
        }
        Ok(parsed)
    }

    fn run(&self) -> ExitCode {
        if self.fail_at == Some(self.workers) {
            say_error(&format!("told to fail on {} workers", self.workers));
            return ExitCode::FAILURE;
        }
        if self.daemon {
            leave_a_process_behind();
        }
        let memory = vec![1_u8; (self.memory_per_n * self.n) as usize];
        std::hint::black_box(&memory);
        let parts = self.parallel_part();
        spend(self.how, self.truth.alone_time(self.n, self.workers));
        self.print_answer(&parts);
        if self.forever {
            loop {
                std::thread::park();
            }
        }
        ExitCode::SUCCESS
    }

    /// Returns each worker's share of the sum of squares.
    fn parallel_part(&self) -> Vec<u128> {
        let share = self.truth.parallel_time(self.n, self.workers);
        let (n, workers) = (self.n as u64, u64::from(self.workers));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|worker| {
                    scope.spawn(move || {
                        spend(self.how, share);
                        let (first, last) = (worker * n / workers + 1, (worker + 1) * n / workers);
                        (first..=last).map(|i| u128::from(i) * u128::from(i)).sum::<u128>()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect()
        })
    }

    fn print_answer(&self, parts: &[u128]) {
        let lost = usize::from(self.wrong && parts.len() > 1);
        say(&format!("sum {}", parts[lost..].iter().sum::<u128>()));
        if self.ulps {
            let sum: f64 = parts.iter().map(|part| (*part as f64).sqrt() / 3.0 * 0.1).map(|x| x * x).sum();
            say(&format!("mean {}", sum / self.n));
        }
        if self.noise {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            say(&format!("finished at {}", now.expect("the clock is past 1970").as_nanos()));
        }
    }
}

/// Starts a process in a session of its own that outlives this one.
fn leave_a_process_behind() {
    let started = std::process::Command::new("setsid").args(["sleep", "300"]).spawn();
    if let Err(error) = started {
        say_error(&format!("could not start setsid: {error}"));
    }
}
