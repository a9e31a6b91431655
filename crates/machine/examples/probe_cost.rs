//! Prints what one start and finish of the probe cost here, in microseconds: median and 90th percentile of 2000.
//!
//! `cargo run --release -p festina-machine --example probe_cost`
#![allow(clippy::print_stdout)]

use std::time::Instant;

use festina_machine::{Probe, Source, Surroundings, detect};
use festina_types::Seconds;

fn main() {
    let source = Source::live();
    let machine = detect(&source, &Surroundings::default());
    let mut probe = Probe::open(&source);
    let mut costs: Vec<f64> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            probe.start(machine.available_cpus());
            std::hint::black_box(probe.finish(Seconds(0.0)));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    costs.sort_unstable_by(f64::total_cmp);
    println!("{{\"median_us\": {:.1}, \"p90_us\": {:.1}}}", costs[1000], costs[1800]);
}
