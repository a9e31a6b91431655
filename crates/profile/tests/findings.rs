//! Findings: each with a program that shows it, and its mended version, which does not.
//!
//! All that is found in a program is compared, so that each program is also one that must not show the others.

mod support;

use festina_profile::analyse;

use support::{Held, codes, findings, holds, program, python, python_with_numpy, pythons, record, tried};

/// Asserts what is found in both versions of a program.
fn assert_found(python: &str, name: &str, slow: &[&str], fast: &[&str]) {
    let path = program(name);
    for (version, expected) in [("slow", slow), ("fast", fast)] {
        tried(|scale| assert_is(&[python, &path, version, &scale.to_string()], 2, expected));
    }
}

/// Tells where something else than `expected` is found in the program of these words.
fn assert_is(words: &[&str], cores: u32, expected: &[&str]) -> Held {
    let found = findings(words, cores);
    holds!(found == expected, "{words:?}: {found:?}");
    Ok(())
}

#[test]
fn a_search_in_a_list_is_found_in_every_version_and_one_in_a_set_is_not() {
    for (_, python) in pythons() {
        assert_found(python, "search.py", &["search-in-list"], &[]);
    }
}

#[test]
fn a_list_that_is_copied_to_grow_is_found_and_one_that_is_appended_to_is_not() {
    assert_found(python(), "copies.py", &["growing-copy"], &[]);
}

#[test]
fn a_loop_over_the_elements_of_an_array_is_found_and_one_over_its_rows_is_not() {
    let python = python_with_numpy();
    assert_found(&python.display().to_string(), "elements.py", &["loop-over-array"], &[]);
}

#[test]
fn threads_that_fight_for_the_lock_are_found_and_threads_that_sleep_are_not() {
    tried(|scale| assert_is(&[python(), &program("fight.py"), &scale.to_string()], 2, &["gil-contention"]));
    tried(|scale| {
        let words = [python(), &program("sleepers.py"), &scale.to_string()];
        let asleep = analyse(&record(&words, 500.0), 2);
        let found = codes(&asleep);
        let is_right = found.contains(&"mostly-waiting") && !found.contains(&"gil-contention");
        holds!(is_right, "{:?}", asleep.findings);
        Ok(())
    });
}

#[test]
fn more_workers_than_cores_are_found() {
    for (workers, expected) in [("4", &["oversubscribed"][..]), ("1", &[])] {
        let seconds = |scale: f64| (1.5 * scale).to_string();
        tried(|scale| assert_is(&[python(), &program("crowd.py"), workers, &seconds(scale)], 1, expected));
    }
}

#[test]
fn small_writes_are_found_and_buffered_ones_are_not() {
    assert_found(python(), "writes.py", &["small-io"], &[]);
}

#[test]
fn packing_is_found() {
    tried(|scale| {
        let found = findings(&[python(), &program("packing.py"), &scale.to_string()], 2);
        holds!(found.contains(&"pickling".to_owned()), "{found:?}");
        Ok(())
    });
}

#[test]
fn many_short_processes_are_found() {
    tried(|scale| {
        let found = findings(&["sh", &program("many.sh"), &(60.0 * scale).to_string()], 2);
        holds!(found.contains(&"many-short-processes".to_owned()), "{found:?}");
        Ok(())
    });
}

#[test]
fn imports_that_take_the_time_are_found_and_a_program_that_computes_is_not() {
    tried(|_| {
        let imports = analyse(&record(&[python(), &program("imports.py")], 500.0), 2);
        holds!(codes(&imports).contains(&"import-dominates"), "{:?}", imports.findings);
        Ok(())
    });
    tried(|_| {
        let computes = analyse(&record(&[python(), &program("in_step.py")], 500.0), 2);
        let found = codes(&computes);
        let is_wrong = found.contains(&"import-dominates") || found.contains(&"mostly-waiting");
        holds!(!is_wrong, "{:?}", computes.findings);
        Ok(())
    });
}
