//! Real Pythons, recorded from outside: what they say of their own time is what we must find.
//!
//! Every version of `CPython` that we read and that is on this machine is looked at; which are not is printed. The programs
//! measure themselves, so that a machine that is busy with other things changes nothing but how long they take.

mod support;

use std::collections::HashMap;

use festina_profile::{Options, State, Target, analyse, profile_command};
use festina_types::CancelToken;

use support::{codes, program, python, pythons, record, record_with, spot};

#[test]
fn each_part_has_the_time_that_it_took_in_every_version() {
    let folder = tempfile::tempdir().unwrap();
    for (version, python) in pythons() {
        let told = folder.path().join("told");
        let script = format!("exec {python} {} > {}", program("parts.py"), told.display());
        let profile = analyse(&record(&["sh", "-c", &script], 500.0), 2);
        let told = std::fs::read_to_string(&told).unwrap();
        let truth: HashMap<&str, f64> = told
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, seconds)| (name, seconds.parse().unwrap()))
            .collect();
        assert_eq!(truth.len(), 4, "{version}: {told}");
        let child = spot(&profile, "child_part");
        for (name, seconds) in truth {
            // A child that was forked has its parent's frames below its own.
            let of_child = if name == "waiting_part" { child.total_s } else { 0.0 };
            let found = spot(&profile, name).total_s - of_child;
            let difference = (found - seconds).abs() / profile.elapsed_s;
            assert!(difference < 0.04, "{version}, {name}: {found} for {seconds}");
        }
        assert!((0.3..1.5).contains(&child.total_s), "{version}: {}", child.total_s);
        let sleeping = spot(&profile, "sleeping_part");
        assert!(sleeping.states_s[State::Sleep.index()] > 0.9 * sleeping.total_s, "{version}: {sleeping:?}");
        assert!(!codes(&profile).contains(&"gil-contention"), "{version}: {:?}", profile.findings);
        // The hottest line is that of the loop.
        assert!(profile.lines[0].name == "spin", "{version}: {:?}", profile.lines[0]);
        assert!([10, 11].contains(&profile.lines[0].line), "{version}: {:?}", profile.lines[0]);
    }
}

#[test]
fn waits_are_told_apart_in_every_version() {
    let waits = [
        ("waits_asleep", State::Sleep),
        ("waits_for_lock", State::Lock),
        ("waits_for_condition", State::Lock),
        ("waits_for_pipe", State::Io),
        ("waits_for_child", State::Child),
    ];
    for (version, python) in pythons() {
        let profile = analyse(&record(&[python, &program("waits.py")], 500.0), 2);
        for (name, state) in waits {
            let states = spot(&profile, name).states_s;
            // Before it waits and behind it a thread runs, or waits for the GIL.
            let busy: f64 =
                [State::Cpu, State::Queue, State::Gil, State::Paging].map(|s| states[s.index()]).iter().sum();
            let waited = states.iter().sum::<f64>() - busy;
            let right = states[state.index()] / waited;
            assert!(waited > 0.5, "{version}, {name}: {states:?}");
            // The child is also started, and its start waited for, by a pipe.
            let least = if state == State::Child { 0.9 } else { 0.99 };
            assert!(right >= least, "{version}, {name}: {states:?}");
        }
    }
}

#[test]
fn threads_that_fight_for_the_lock_wait_for_it_in_every_version() {
    for (version, python) in pythons() {
        let profile = analyse(&record(&[python, &program("fight.py")], 500.0), 8);
        let states = spot(&profile, "fights").states_s;
        // Beside other programs they wait for CPUs as well.
        let (waited, ran) = (states[State::Gil.index()], states[State::Cpu.index()]);
        let share = waited / (waited + ran);
        assert!((0.3..0.7).contains(&share), "{version}: {states:?}");
        assert!(codes(&profile).contains(&"gil-contention"), "{version}: {:?}", profile.findings);
        // One at a time: making it free frees all but the start, and spreading it helps.
        let fight = spot(&profile, "fights");
        assert!(fight.serial_share.value > 0.4 * fight.share.value, "{version}: {fight:?}");
    }
}

#[test]
fn only_stacks_that_are_possible_are_seen_in_every_version() {
    let callers = HashMap::from([
        ("innermost", "middle"),
        ("middle", "left"),
        ("left", "<module>"),
        ("alone", "right"),
        ("right", "<module>"),
    ]);
    for (version, python) in pythons() {
        let recording = record(&[python, &program("calls.py")], 1_000.0);
        let (mut possible, mut impossible) = (0, 0);
        for thread in &recording.threads {
            let ends = thread.changes.iter().skip(1).map(|next| next.round).chain([thread.rounds.end]);
            for (change, end) in thread.changes.iter().zip(ends) {
                let frames = recording.frames_of(change.stack);
                let names: Vec<&str> =
                    frames.map(|frame| recording.functions[frame.function as usize].name.as_str()).collect();
                let called = |pair: &[&str]| callers.get(pair[0]).is_none_or(|caller| *caller == pair[1]);
                let rounds = end - change.round;
                if names.windows(2).all(called) {
                    possible += rounds;
                } else {
                    impossible += rounds;
                }
            }
        }
        // What changes ten million times a second cannot always be copied whole.
        assert!(impossible * 33 < possible, "{version}: {impossible} of {possible}");
        let (read, torn) = (recording.sampling.stacks_read, recording.sampling.stacks_torn);
        // A build without optimisation reads slowly, and a torn stack is only one that was not read.
        assert!(torn < read, "{version}: {torn} of {read} were torn");
    }
}

#[test]
fn a_program_in_step_with_the_looks_is_not_seen_always_at_the_same_place() {
    // 300 looks that are spread over their periods: a standard deviation of half a point. Looks in step would give 0 or 1. The
    // median of several is taken, and a second and third time, since the looks themselves come late on a machine that is busy with
    // other things.
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("truth").display().to_string();
    let error = |seed| {
        let options = Options { rate_hz: 100.0, seed, ..Options::default() };
        let profile = analyse(&record_with(&[python(), &program("in_step.py"), &truth], &options), 2);
        let (first, second) = (spot(&profile, "first_half").total_s, spot(&profile, "second_half").total_s);
        let truth: f64 = std::fs::read_to_string(&truth).unwrap().parse().unwrap();
        first / (first + second) - truth
    };
    let mut medians = (0..3).map(|group| {
        let mut errors: Vec<f64> = (0..3).map(|seed| error(3 * group + seed)).collect();
        errors.sort_by(f64::total_cmp);
        errors[1]
    });
    assert!(medians.any(|median| median.abs() < 0.02), "three times further off");
}

#[test]
fn a_recording_is_stored_and_gives_the_same_profile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    let target = Target {
        program: python().into(),
        arguments: vec![program("in_step.py").into()],
        environment: std::env::vars_os().collect(),
    };
    let options = Options::default();
    let recorded = profile_command(&target, &options, Some(&path), &CancelToken::new(), &mut ()).unwrap();
    let read = festina_profile::read_recording(&path).unwrap();
    assert_eq!(analyse(&read, 4), analyse(&recorded, 4));
    let stacks = festina_profile::collapsed(&read);
    assert!(
        stacks.lines().any(|line| line.contains("first_half") && line.contains("in_step.py")),
        "{stacks}"
    );
    assert_eq!(festina_profile::speedscope(&read)["profiles"].as_array().unwrap().len(), 1);
}
