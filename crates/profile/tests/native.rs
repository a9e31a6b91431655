//! Programs of machine code, compiled here in several ways: who called whom must be seen in all of them.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use festina_profile::{Kind, State, analyse};

use support::compiled::{Run, compiled, names, near_run, run};
use support::{codes, program, python_with_numpy, record, spot};

/// Compiles our program in C.
fn compiled_c(folder: &Path, options: &[&str]) -> PathBuf {
    compiled("cc", folder, "stacks.c", options)
}

#[test]
fn callers_are_seen_however_a_program_was_built() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        &["-O2", "-g", "-fomit-frame-pointer"][..],
        &["-O2", "-g", "-fomit-frame-pointer", "-static"],
        &["-O2", "-fomit-frame-pointer", "-no-pie"],
        &["-O2", "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables"],
    ] {
        let path = compiled_c(folder.path(), options);
        let Run { truth, recording, profile, .. } = near_run(folder.path(), &path, "1");
        assert_eq!(truth.len(), 4);
        assert!(!codes(&profile).contains(&"callers-not-seen"), "{options:?}: {:?}", profile.findings);
        let main = spot(&profile, "main");
        assert!(main.total_s > 0.95 * truth.values().sum::<f64>(), "{options:?}: {main:?}");
        // One below the other, as often as it calls itself.
        let deepest = (0..recording.stacks.len() as u32)
            .map(|stack| names(&recording, stack).iter().filter(|name| **name == "descends").count())
            .max();
        assert_eq!(deepest, Some(201), "{options:?}");
    }
}

#[test]
fn libraries_that_are_loaded_one_after_the_other_are_seen() {
    const PARTS: [&str; 4] = ["part_one", "part_two", "part_three", "part_four"];
    let folder = tempfile::tempdir().unwrap();
    for part in PARTS {
        let library = folder.path().join(part).with_extension("so");
        let status = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", &format!("-DPART={part}"), "-o"])
            .args([&library, &program("part.c").into()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{part}");
    }
    let path = compiled("cc", folder.path(), "loads.c", &["-O2"]);
    let libraries = folder.path().display().to_string();
    let Run { profile, .. } = near_run(folder.path(), &path, &format!("0.3 {libraries}"));
    assert!(!codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
    for part in PARTS {
        assert!(spot(&profile, part).file.ends_with(&format!("{part}.so")), "{:?}", spot(&profile, part));
    }
}

#[test]
fn inlined_functions_lines_and_waits_are_told_where_there_is_debug_information() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled_c(folder.path(), &["-O2", "-g", "-fomit-frame-pointer"]);
    let Run { recording, profile, .. } = run(folder.path(), &path, "0.5");
    let folded = spot(&profile, "folded");
    assert_eq!(folded.kind, Kind::Native);
    assert!(folded.self_s > 0.8 * spot(&profile, "shallow").total_s, "{folded:?}");
    let hottest = &profile.lines[0];
    assert!(hottest.file.ends_with("stacks.c"), "{hottest:?}");
    let text = recording.source_at(&hottest.file, hottest.line).unwrap_or_default();
    assert!(text.contains("the inlined loop") || text.contains("turn < 400"), "{text:?}");
    let inlined = (0..recording.stacks.len() as u32)
        .any(|stack| names(&recording, stack).starts_with(&["folded", "computes"]));
    assert!(inlined);
    let waits = spot(&profile, "waits");
    assert!(waits.states_s[State::Sleep.index()] > 0.15, "{waits:?}");
}

#[test]
fn what_a_stripped_program_does_not_tell_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled_c(folder.path(), &["-O2", "-s", "-fomit-frame-pointer"]);
    let Run { recording, profile, .. } = run(folder.path(), &path, "0.4");
    // Its functions have no names; its stacks are whole, down to the C library's start.
    assert!(spot(&profile, "[stacks]").total_s > 0.3);
    let is_whole = |stack: u32| names(&recording, stack).iter().any(|name| name.starts_with("__libc_start"));
    assert!((0..recording.stacks.len() as u32).any(is_whole));
    assert!(!codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
}

#[test]
fn callers_that_cannot_be_told_are_missed_in_words() {
    let folder = tempfile::tempdir().unwrap();
    // Neither unwind tables nor frame pointers.
    let options = ["-O2", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];
    let path = compiled_c(folder.path(), &options);
    let Run { profile, .. } = run(folder.path(), &path, "0.4");
    assert!(codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
    assert!(spot(&profile, "[callers not seen]").total_s > 0.05);
}

#[test]
fn machine_code_stands_on_the_python_line_that_called_it() {
    let python = python_with_numpy().display().to_string();
    let recording = record(&["env", "OPENBLAS_NUM_THREADS=1", &python, &program("mixed.py")], 1_000.0);
    let profile = analyse(&recording, 2);
    for (function, part) in [("sorts", "numpy"), ("packs", "deflate"), ("spins", "")] {
        let caller = spot(&profile, function);
        assert_eq!(caller.kind, Kind::Python);
        // A Python function has what it called of machine code as its own.
        assert!(caller.self_share.value > 0.7 * caller.share.value, "{caller:?}");
        let mut native = 0.0;
        for thread in &recording.threads {
            let ends = thread.changes.iter().skip(1).map(|next| next.round).chain([thread.rounds.end]);
            for (change, end) in thread.changes.iter().zip(ends) {
                let names = names(&recording, change.stack);
                let is_below = names.iter().position(|name| *name == function).is_some_and(|at| at > 0);
                // The library of a wheel does not tell its functions: they are one block by its name.
                let has_part = recording.frames_of(change.stack).any(|frame| {
                    let told = &recording.functions[frame.function as usize];
                    told.kind != Kind::Python && (told.name.contains(part) || told.file.contains(part))
                });
                if is_below && has_part {
                    native += f64::from(end - change.round) / recording.rounds.len() as f64;
                }
            }
        }
        let share = native / caller.share.value;
        match function {
            // Nothing but the interpreter, and the kernel now and then.
            "spins" => assert!(share < 0.1, "{function}: {share} of {caller:?}"),
            _ => assert!(share > 0.8, "{function}: {share} of {caller:?}"),
        }
    }
}
