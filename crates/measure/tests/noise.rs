//! A CPU hog on one of the CPUs that a run uses: every run must be seen to be disturbed.
//!
//! Real processes and real time, since it is the kernel's counters that are tested. Whether a quiet run is left alone
//! depends on the machine being quiet, so here only what must be flagged is asserted.

use std::process::{Child, Command, Stdio};

use festina_machine::{Source, Surroundings, detect};
use festina_measure::{
    Check, Design, Processes, Refusal, Request, Sizes, Store, Workload, measure, parse_workers,
};
use festina_types::{CancelToken, Contamination, Point, Sample, Seconds};

/// Burns a CPU until it is dropped.
struct Hog(Child);

impl Hog {
    fn on(cpu: Option<u32>) -> Self {
        let burn = ["sh", "-c", "while :; do :; done"];
        let mut command = match cpu {
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &cpu.to_string()]).args(burn);
                command
            }
            None => {
                let mut command = Command::new(burn[0]);
                command.args(&burn[1..]);
                command
            }
        };
        Self(command.stdin(Stdio::null()).spawn().expect("the shell starts"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A tenth of a second and more of counting, shared by as many shells as there are to be threads.
const BURN: &str = "p=$OMP_NUM_THREADS; for w in $(seq $p); do \
                    (i=0; while [ $i -lt $((200000 / p)) ]; do i=$((i+1)); done) & done; wait; echo done";

/// Measures the burning on 1 and 2 workers, in `blocks` blocks.
fn measure_burning(blocks: u32) -> festina_measure::Measurements {
    let mut design = Design::new(Sizes::None, parse_workers("1,2").unwrap());
    design.stopping.min_blocks = blocks;
    design.stopping.max_blocks = blocks;
    design.budget = Seconds(100.0);
    let workload = Workload::new(["sh", "-c", BURN]).unwrap();
    let request = Request::new(workload, design, Check::default(), 1e9);
    let machine = detect(&Source::live(), &Surroundings::default());
    let folder = tempfile::tempdir().unwrap();
    let mut run = Store::new(folder.path()).create(&request, &machine).unwrap();
    let mut executor = Processes::new(&machine, std::env::vars_os().collect()).unwrap();
    measure(&request, &mut run, &mut executor, &(), &CancelToken::new()).unwrap()
}

fn flagged<'a>(samples: impl Iterator<Item = &'a Sample>) -> (usize, usize) {
    let all: Vec<&Sample> = samples.collect();
    (all.iter().filter(|sample| !sample.contamination.is_empty()).count(), all.len())
}

#[test]
fn runs_beside_a_hog_are_flagged_and_their_speedup_is_refused() {
    let machine = detect(&Source::live(), &Surroundings::default());
    if machine.available_cpus().len() < 2 {
        // One CPU: both points share it with the hog, which the second half of the test shows as well.
        return unpinned_hog_is_seen();
    }
    // The hog is on the first CPU, which both points use.
    let hog = Hog::on(Some(machine.placement().order()[0]));
    let measured = measure_burning(8);
    drop(hog);
    let (found, all) = flagged(measured.samples.iter());
    assert!(all >= 16 && found * 100 >= all * 99, "{found} of {all} flagged: {:#?}", clean(&measured));
    let two = measured.at(Point::new(None, 2)).unwrap();
    assert!(matches!(two.speedup, Err(Refusal::Disturbed { .. })), "{:?}", two.speedup);
    unpinned_hog_is_seen();
}

/// The scheduler may move this hog about, but two workers on two CPUs always share one with it.
fn unpinned_hog_is_seen() {
    let machine = detect(&Source::live(), &Surroundings::default());
    let hogs: Vec<Hog> = (1..machine.available_cpus().len()).map(|_| Hog::on(None)).collect();
    let _one_more = Hog::on(None);
    let measured = measure_burning(3);
    drop(hogs);
    let (found, all) = flagged(measured.samples.iter().filter(|sample| sample.point.p.get() == 2));
    assert_eq!(found, all, "{:#?}", clean(&measured));
}

fn clean(measured: &festina_measure::Measurements) -> Vec<&Sample> {
    measured.samples.iter().filter(|sample| sample.contamination.is_empty()).collect()
}

#[test]
fn what_is_flagged_has_evidence() {
    let measured = measure_burning(2);
    for sample in &measured.samples {
        for contamination in &sample.contamination {
            let slots = sample.point.workers() * sample.usage.wall.0;
            let share = |seconds: Option<Seconds>| seconds.map_or(0.0, |s| s.0 / slots);
            let is_evident = match contamination {
                Contamination::Steal { .. } => share(sample.conditions.steal) > 0.01,
                Contamination::RunDelay { .. } => share(sample.usage.run_delay) > 0.02,
                Contamination::OtherLoad { .. } => share(sample.conditions.other_cpu) > 0.05,
                Contamination::MajorFaults { .. } => sample.usage.major_faults > 0,
                Contamination::Throttled { .. } | Contamination::Suspended { .. } => true,
            };
            assert!(is_evident, "{sample:#?}");
        }
    }
}
