//! Programs of machine code, compiled here in several ways: who called whom must be seen in all of them.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use festina_profile::{Kind, Recording, State, analyse};

use support::compiled::{Run, compiled, names, near_run, run};
use support::{codes, holds, program, python_with_numpy, record, spot, tried};

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
        tried(|scale| {
            let run = near_run(folder.path(), &path, &scale.to_string())?;
            let Run { truth, recording, profile } = run;
            assert_eq!(truth.len(), 4);
            holds!(!codes(&profile).contains(&"callers-not-seen"), "{options:?}: {:?}", profile.findings);
            let main = spot(&profile, "main")?;
            holds!(main.total_s > 0.95 * truth.values().sum::<f64>(), "{options:?}: {main:?}");
            // One below the other, as often as it calls itself.
            let deepest = (0..recording.stacks.len() as u32)
                .map(|stack| names(&recording, stack).iter().filter(|name| **name == "descends").count())
                .max();
            holds!(deepest == Some(201), "{options:?}: {deepest:?}");
            Ok(())
        });
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
    tried(|scale| {
        let Run { profile, .. } = near_run(folder.path(), &path, &format!("{} {libraries}", 0.3 * scale))?;
        holds!(!codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
        for part in PARTS {
            let spot = spot(&profile, part)?;
            holds!(spot.file.ends_with(&format!("{part}.so")), "{spot:?}");
        }
        Ok(())
    });
}

#[test]
fn inlined_functions_lines_and_waits_are_told_where_there_is_debug_information() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled_c(folder.path(), &["-O2", "-g", "-fomit-frame-pointer"]);
    tried(|scale| {
        let Run { recording, profile, .. } = run(folder.path(), &path, &(0.5 * scale).to_string());
        let folded = spot(&profile, "folded")?;
        assert_eq!(folded.kind, Kind::Native);
        holds!(folded.self_s > 0.8 * spot(&profile, "shallow")?.total_s, "{folded:?}");
        let hottest = &profile.lines[0];
        holds!(hottest.file.ends_with("stacks.c"), "{hottest:?}");
        let text = recording.source_at(&hottest.file, hottest.line).unwrap_or_default();
        holds!(text.contains("the inlined loop") || text.contains("turn < 400"), "{text:?}");
        let inlined = (0..recording.stacks.len() as u32)
            .any(|stack| names(&recording, stack).starts_with(&["folded", "computes"]));
        holds!(inlined, "nothing is inlined");
        let waits = spot(&profile, "waits")?;
        holds!(waits.states_s[State::Sleep.index()] > 0.15, "{waits:?}");
        Ok(())
    });
}

#[test]
fn what_a_stripped_program_does_not_tell_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled_c(folder.path(), &["-O2", "-s", "-fomit-frame-pointer"]);
    tried(|scale| {
        let Run { recording, profile, .. } = run(folder.path(), &path, &(0.4 * scale).to_string());
        // Its functions have no names; its stacks are whole, down to the C library's start.
        let program = spot(&profile, "[stacks]")?;
        holds!(program.total_s > 0.3 * scale, "{program:?}");
        let is_whole =
            |stack: u32| names(&recording, stack).iter().any(|name| name.starts_with("__libc_start"));
        holds!((0..recording.stacks.len() as u32).any(is_whole), "no stack is whole");
        holds!(!codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
        Ok(())
    });
}

#[test]
fn callers_that_cannot_be_told_are_missed_in_words() {
    let folder = tempfile::tempdir().unwrap();
    // Neither unwind tables nor frame pointers.
    let options = ["-O2", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];
    let path = compiled_c(folder.path(), &options);
    tried(|scale| {
        let Run { profile, .. } = run(folder.path(), &path, &(0.4 * scale).to_string());
        holds!(codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
        let missing = spot(&profile, "[callers not seen]")?;
        holds!(missing.total_s > 0.05, "{missing:?}");
        Ok(())
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
#[allow(clippy::print_stdout, reason = "what this kernel cannot run is to be told")]
fn of_a_32_bit_program_it_is_said_what_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled("cc", folder.path(), "bits32.c", &["-m32", "-O2", "-nostdlib", "-static"]);
    if let Err(error) = Command::new(&path).status() {
        println!("32-bit programs do not run here, and were not looked at: {error}");
        return;
    }
    tried(|_| {
        let profile = analyse(&record(&[&path.display().to_string()], 1_000.0), 2);
        let found = codes(&profile);
        if found.contains(&"machine-code-not-seen") {
            return Ok(());
        }
        holds!(found.contains(&"code-of-32-bits"), "{:?}", profile.findings);
        holds!(!found.contains(&"callers-not-seen"), "{:?}", profile.findings);
        let program = spot(&profile, "[bits32]")?;
        holds!(program.total_s > 0.5, "{program:?}");
        Ok(())
    });
}

#[test]
fn functions_of_the_kernel_stand_on_the_call_where_they_may_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = compiled("cc", folder.path(), "kernel.c", &["-O2", "-g"]);
    tried(|scale| {
        let Run { truth, recording, profile } = run(folder.path(), &path, &(0.5 * scale).to_string());
        let found = codes(&profile);
        if found.contains(&"machine-code-not-seen") {
            return Ok(());
        }
        let least = 0.5 * truth["reads_zeros"];
        let kernel = spot(&profile, "[kernel]")?;
        holds!(kernel.total_s > least, "{kernel:?}");
        let named = profile.functions.iter().filter(|spot| spot.file == "[kernel]");
        if found.contains(&"kernel-not-seen") {
            assert_eq!(named.count(), 0);
            return Ok(());
        }
        let unknown: f64 = named.filter(|spot| spot.name == "[unknown]").map(|spot| spot.total_s).sum();
        holds!(unknown < 0.1 * kernel.total_s, "{unknown} of {kernel:?}");
        let read = spot(&profile, "vfs_read")?;
        holds!(read.total_s > least, "{read:?}");
        let is_whole = |stack: u32| {
            let names = names(&recording, stack);
            let place = |name: &str| names.iter().position(|known| *known == name);
            let places = ["vfs_read", "[kernel]", "reads_zeros", "main"].map(place);
            places.iter().all(Option::is_some) && places.is_sorted()
        };
        holds!((0..recording.stacks.len() as u32).any(is_whole), "no stack is whole");
        Ok(())
    });
}

#[test]
fn machine_code_stands_on_the_python_line_that_called_it() {
    let python = python_with_numpy().display().to_string();
    tried(|scale| {
        let seconds = (0.5 * scale).to_string();
        let words = ["env", "OPENBLAS_NUM_THREADS=1", &python, &program("mixed.py"), &seconds];
        let recording = record(&words, 1_000.0);
        let profile = analyse(&recording, 2);
        for (function, part) in [("sorts", "numpy"), ("packs", "deflate"), ("spins", "")] {
            let caller = spot(&profile, function)?;
            assert_eq!(caller.kind, Kind::Python);
            // A Python function has what it called of machine code as its own.
            holds!(caller.self_share.value > 0.7 * caller.share.value, "{caller:?}");
            let share = called_share(&recording, function, part) / caller.share.value;
            // Nothing but the interpreter, and the kernel now and then.
            let is_right = if function == "spins" { share < 0.1 } else { share > 0.8 };
            holds!(is_right, "{function}: {share} of {caller:?}");
        }
        Ok(())
    });
}

/// Returns the share of the rounds in which `function` had called machine code with `part` in the name of a function or a file.
fn called_share(recording: &Recording, function: &str, part: &str) -> f64 {
    let mut rounds = 0;
    for thread in &recording.threads {
        let ends = thread.changes.iter().skip(1).map(|next| next.round).chain([thread.rounds.end]);
        for (change, end) in thread.changes.iter().zip(ends) {
            let names = names(recording, change.stack);
            let is_below = names.iter().position(|name| *name == function).is_some_and(|at| at > 0);
            // The library of a wheel does not tell its functions: they are one block by its name.
            let has_part = recording.frames_of(change.stack).any(|frame| {
                let told = &recording.functions[frame.function as usize];
                told.kind != Kind::Python && (told.name.contains(part) || told.file.contains(part))
            });
            if is_below && has_part {
                rounds += end - change.round;
            }
        }
    }
    f64::from(rounds) / recording.rounds.len() as f64
}
