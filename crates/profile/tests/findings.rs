//! Findings: each with a program that shows it, and its mended version, which does not.
//!
//! All that is found in a program is compared, so that each program is also one that must not show the others.

mod support;

use festina_profile::analyse;

use support::{codes, findings, program, python, python_with_numpy, pythons, record};

/// Beside other load an import or a start can take so long that little is left of what is to be found.
const ATTEMPTS: usize = 3;

/// Asserts what is found in both versions of a program.
fn assert_found(python: &str, name: &str, slow: &[&str], fast: &[&str]) {
    let path = program(name);
    for (version, expected) in [("slow", slow), ("fast", fast)] {
        let mut found = Vec::new();
        for _ in 0..ATTEMPTS {
            found = findings(&[python, &path, version], 2);
            if found == expected {
                break;
            }
        }
        assert_eq!(found, expected, "{python} {name} {version}");
    }
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
    assert_eq!(findings(&[python(), &program("fight.py")], 2), ["gil-contention"]);
    let asleep = analyse(&record(&[python(), &program("sleepers.py")], 500.0), 2);
    assert!(codes(&asleep).contains(&"mostly-waiting"), "{:?}", asleep.findings);
    assert!(!codes(&asleep).contains(&"gil-contention"), "{:?}", asleep.findings);
}

#[test]
fn more_workers_than_cores_are_found() {
    assert_eq!(findings(&[python(), &program("crowd.py"), "4"], 1), ["oversubscribed"]);
    assert_eq!(findings(&[python(), &program("crowd.py"), "1"], 1), Vec::<String>::new());
}

#[test]
fn small_writes_are_found_and_buffered_ones_are_not() {
    assert_found(python(), "writes.py", &["small-io"], &[]);
}

#[test]
fn packing_is_found() {
    let found = findings(&[python(), &program("packing.py")], 2);
    assert!(found.contains(&"pickling".to_owned()), "{found:?}");
}

#[test]
fn many_short_processes_are_found() {
    let found = findings(&["sh", &program("many.sh")], 2);
    assert!(found.contains(&"many-short-processes".to_owned()), "{found:?}");
}

#[test]
fn imports_that_take_the_time_are_found_and_a_program_that_computes_is_not() {
    let imports = analyse(&record(&[python(), &program("imports.py")], 500.0), 2);
    assert!(codes(&imports).contains(&"import-dominates"), "{:?}", imports.findings);
    let computes = analyse(&record(&[python(), &program("in_step.py")], 500.0), 2);
    assert!(!codes(&computes).contains(&"import-dominates"), "{:?}", computes.findings);
    assert!(!codes(&computes).contains(&"mostly-waiting"), "{:?}", computes.findings);
}
