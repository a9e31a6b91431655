//! Programs in C++ and Rust, optimised and without frame pointers: their own words for functions, stacks through templates,
//! generics, virtual calls, exceptions and closures, the names of their threads.

mod support;

use std::path::Path;

use festina_profile::Kind;

use support::compiled::{Run, compiled, names, near_run, total};
use support::{Held, codes, holds, tried};

/// Asserts that the parts of the program at `path` have their times, that `innermost` was seen called by `caller`, and that nothing
/// is missing.
fn assert_seen(folder: &Path, path: &Path, n_parts: usize, called: &[(&str, &str)]) {
    tried(|scale| is_seen(near_run(folder, path, &(2.0 * scale).to_string())?, n_parts, called));
}

fn is_seen(run: Run, n_parts: usize, called: &[(&str, &str)]) -> Held {
    let Run { truth, recording, profile } = run;
    assert_eq!(truth.len(), n_parts, "{truth:?}");
    holds!(!codes(&profile).contains(&"callers-not-seen"), "{:?}", profile.findings);
    let all: f64 = truth.values().sum();
    let crunched = profile.threads.iter().find(|thread| thread.name == "cruncher");
    let crunched_s = crunched.map_or(0.0, |thread| thread.to_s - thread.from_s);
    holds!(total(&profile, "main") > 0.8 * all, "{} of {all}", total(&profile, "main"));
    holds!(crunched_s > 0.05 * all, "{crunched_s} of {all}: {:?}", profile.threads);
    for (caller, innermost) in called {
        let is_called = (0..recording.stacks.len() as u32).any(|stack| {
            let names = names(&recording, stack);
            // What a caller's own types are made of has its name too.
            let inner = names.iter().position(|name| name.contains(innermost));
            let outer = names.iter().rposition(|name| name.contains(caller));
            inner.zip(outer).is_some_and(|(inner, outer)| inner < outer)
                && names.iter().any(|name| name.contains("main"))
        });
        holds!(is_called, "no {innermost} below {caller}");
    }
    let hottest = &profile.lines[0];
    holds!(hottest.kind == Kind::Native && hottest.line > 0, "{hottest:?}");
    Ok(())
}

#[test]
fn parts_of_cpp_have_their_times_names_and_callers() {
    let folder = tempfile::tempdir().unwrap();
    let path =
        compiled("g++", folder.path(), "shapes.cpp", &["-O2", "-g", "-fomit-frame-pointer", "-pthread"]);
    let called = [
        ("parts::spreads<double>", "folded"),
        ("parts::Square::area", "folded"),
        ("parts::catches", "_Unwind_RaiseException"),
        ("parts::catches", "parts::fails"),
        ("parts::sorts", "__introsort_loop"),
    ];
    assert_seen(folder.path(), &path, 6, &called);
}

#[test]
fn parts_of_rust_have_their_times_names_and_callers() {
    let folder = tempfile::tempdir().unwrap();
    let usual = ["--edition=2021", "-Copt-level=2", "-g", "-Cforce-frame-pointers=no"];
    for mangling in [&[][..], &["-Csymbol-mangling-version=v0"]] {
        let options = [&usual, mangling].concat();
        let path = compiled("rustc", folder.path(), "shapes.rs", &options);
        let called = [
            ("shapes::doubles", "shapes::spreads"),
            ("shapes::spreads", "shapes::folded"),
            ("shapes::Square as shapes::Shape>::area", "shapes::folded"),
            ("shapes::catches", "_Unwind_RaiseException"),
            ("shapes::catches", "shapes::unwinds"),
            ("shapes::sorts", "core::slice::sort"),
        ];
        assert_seen(folder.path(), &path, 7, &called);
    }
}
