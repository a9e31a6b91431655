//! What ten minutes of a hundred threads at 1000 looks a second would take, from some seconds of them.

mod support;

use festina_profile::{Observer, Options, Recording, Target, profile_command};
use festina_types::CancelToken;

use support::{program, python};

const MINUTES_10_S: f64 = 600.0;
/// Until then, what is needed once is still made: tables of symbols, caches.
const SETTLED_S: f64 = 2.0;

/// Notes the resident memory of this process while a recording grows: seconds and bytes.
#[derive(Default)]
struct Memory(Vec<(f64, f64)>);

impl Observer for Memory {
    fn growing(&mut self, recording: &Recording) {
        let at = recording.rounds.last().copied().unwrap_or(0) as f64 * 1e-9;
        self.0.push((at, resident()));
    }
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    4096.0 * pages
}

#[test]
fn ten_minutes_of_a_hundred_threads_take_little_memory() {
    let target = Target {
        program: python().into(),
        arguments: vec![program("hundred.py").into(), "7".into()],
        environment: std::env::vars_os().collect(),
    };
    let options = Options { rate_hz: 1_000.0, ..Options::default() };
    let mut memory = Memory::default();
    let recording = profile_command(&target, &options, None, &CancelToken::new(), &mut memory).unwrap();
    assert!(recording.threads.len() > 100);
    let first = memory.0.iter().find(|(at, _)| *at >= SETTLED_S).unwrap();
    let last = memory.0.last().unwrap();
    // What the looks that were missed on a busy machine would have taken is counted too.
    let rate = recording.rounds.len() as f64 / recording.elapsed_s();
    let a_second = (last.1 - first.1).max(0.0) / (last.0 - first.0) * options.rate_hz / rate;
    let expected = last.1 + a_second * MINUTES_10_S;
    assert!(expected < 200e6, "{expected} bytes, from {:?} at {rate} looks a second", memory.0);
}
