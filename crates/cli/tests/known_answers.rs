//! Programs whose scaling is known: festina must find it, and refuse what is wrong.
//!
//! They sleep instead of computing where more workers are needed than a test machine has. The time is real, since it is what
//! is measured; nothing is asserted of how long a run took, only of what was concluded.

mod festina;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use festina::{Festina, estimate, f64_at};

/// Runs `test` up to three times: other load on the machine makes a sleeper late, and an answer wrong, now and then; a
/// festina that is wrong is wrong each time.
fn on_a_busy_machine(test: impl Fn()) {
    for _ in 0..2 {
        if catch_unwind(AssertUnwindSafe(&test)).is_ok() {
            return;
        }
    }
    catch_unwind(AssertUnwindSafe(&test)).unwrap_or_else(|panic| resume_unwind(panic));
}

/// Other load cannot disturb a program that sleeps, but the machine of a test is seldom quiet enough to count.
const ACCEPT: [&str; 4] = ["--accept-noise", "--precision", "4%", "--json"];

#[test]
fn a_stated_serial_fraction_is_found() {
    on_a_busy_machine(stated_serial_fraction_is_found);
}

fn stated_serial_fraction_is_found() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2,4,8", "--budget", "25s"];
    let program = ["--sleep", "--unit", "0.4", "--serial", "0.2", "--workers", "{p}"];
    let result = festina.scale(&[&arguments[..], &ACCEPT].concat(), &program).json(0);
    let parameters = result["scaling"][0]["parameters"].as_array().unwrap();
    let serial = parameters.iter().find(|p| p["law"] == "Amdahl" && p["name"] == "serial fraction").unwrap();
    let (value, lower, upper) = estimate(&serial["estimate"]);
    assert!((value - 0.2).abs() < 0.03, "{value}");
    assert!(lower <= 0.23 && upper >= 0.17, "{lower}..{upper}");
    let forecast = result["forecasts"].as_array().unwrap().iter().find(|f| f["p"] == 32).unwrap();
    // 0.4 · (0.2 + 0.8 / 32) = 0.09 s, and some milliseconds to start.
    let (_, lower, upper) = estimate(&forecast["time_s"]);
    assert!(lower <= 0.09 && 0.09 <= upper, "{lower}..{upper}");
    assert_eq!(forecast["extrapolated"], true);
}

#[test]
fn a_stated_growth_is_found() {
    on_a_busy_machine(stated_growth_is_found);
}

fn stated_growth_is_found() {
    let festina = Festina::new();
    let arguments = ["--n", "100..1600", "--p", "1", "--budget", "25s"];
    // 0.02 s + 3e-7 · n² s: from 23 ms to 0.79 s.
    let program = ["--sleep", "--n", "{n}", "--floor", "0.02", "--unit", "3e-7", "--exponent", "2"];
    let result = festina.scale(&[&arguments[..], &ACCEPT].concat(), &program).json(0);
    let term = &result["growth"]["term"];
    assert_eq!((f64_at(term, "power"), f64_at(term, "logarithm")), (2.0, 0.0), "{}", result["growth"]);
}

#[test]
fn a_stated_contention_is_found() {
    on_a_busy_machine(stated_contention_is_found);
}

fn stated_contention_is_found() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2,4,8,16", "--budget", "25s"];
    let program =
        ["--sleep", "--unit", "0.5", "--contention", "0.05", "--coherency", "0.01", "--workers", "{p}"];
    let result = festina.scale(&[&arguments[..], &ACCEPT].concat(), &program).json(0);
    let parameters = result["scaling"][0]["parameters"].as_array().unwrap();
    let coherency = parameters.iter().find(|p| p["law"] == "USL" && p["name"] == "coherency").unwrap();
    let (value, lower, upper) = estimate(&coherency["estimate"]);
    assert!((value - 0.01).abs() < 0.004 && lower <= 0.012 && upper >= 0.008, "{value} in {lower}..{upper}");
    assert_eq!(result["scaling"][0]["diagnosis"]["cause"], "growing-overhead");
}

#[test]
fn a_wrong_parallel_answer_gets_no_speedup() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2", "--budget", "8s", "--accept-noise", "--json"];
    let program = ["--sleep", "--unit", "0.2", "--wrong", "--workers", "{p}"];
    let result = festina.scale(&arguments, &program).json(1);
    assert_eq!(result["verdict"]["kind"], "different");
    let two = &result["points"][1];
    assert!(two["speedup"].is_null() && two["verdict"]["kind"] == "different", "{two}");
    assert!(two["refusal"].as_str().unwrap().contains("instead of"), "{two}");
    assert_eq!(result["forecasts"].as_array().unwrap().len(), 0);
}

#[test]
fn a_reference_that_varies_is_told_apart_from_a_wrong_answer() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2", "--budget", "6s", "--accept-noise", "--json"];
    let program = ["--sleep", "--unit", "0.1", "--noise", "--workers", "{p}"];
    let unsure = festina.scale(&arguments, &program).json(4);
    assert_eq!(unsure["verdict"]["kind"], "unsure");
    let ignored = [&arguments[..], &["--check-ignore", "finished at .*"]].concat();
    assert_eq!(festina.scale(&ignored, &program).json(0)["verdict"]["kind"], "same");
}

#[test]
fn last_digits_are_within_a_stated_tolerance_and_not_without() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2", "--budget", "6s", "--accept-noise", "--json"];
    let program = ["--sleep", "--unit", "0.1", "--ulps", "--workers", "{p}"];
    assert_eq!(festina.scale(&arguments, &program).json(1)["verdict"]["kind"], "different");
    let tolerant = [&arguments[..], &["--rtol", "1e-9"]].concat();
    assert_eq!(festina.scale(&tolerant, &program).json(0)["verdict"]["kind"], "same");
}

#[test]
fn a_point_that_fails_costs_itself_only() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2,4", "--budget", "8s", "--accept-noise", "--json"];
    let program = ["--sleep", "--unit", "0.2", "--fail-at", "2", "--workers", "{p}"];
    let result = festina.scale(&arguments, &program).json(1);
    assert!(result["points"][1]["time_s"].is_null(), "{}", result["points"][1]);
    assert!(!result["points"][0]["time_s"].is_null() && !result["points"][2]["time_s"].is_null());
}

#[test]
fn what_never_ends_is_stopped_and_leaves_nothing_behind() {
    let festina = Festina::new();
    let arguments = ["--p", "1", "--budget", "5s", "--timeout", "0.3s", "--json"];
    let result = festina.scale(&arguments, &["--unit", "0.01", "--forever"]).json(1);
    assert!(result["points"][0]["time_s"].is_null());
    assert_eq!(festina.processes_left("known-answer"), 0);
}

#[test]
fn a_stored_run_is_analysed_again_and_compared_with_itself() {
    let festina = Festina::new();
    let arguments = ["--p", "1,2", "--budget", "6s", "--accept-noise", "--json"];
    let first = festina.scale(&arguments, &["--sleep", "--unit", "0.2", "--workers", "{p}"]).json(0);
    let again = festina.run(&["scale", "--from", "latest", "--json"]).json(0);
    assert_eq!(first["points"], again["points"]);
    assert_eq!(first["forecasts"], again["forecasts"]);
    let same = festina.run(&["scale", "--compare", "latest", "latest", "--json"]).json(0);
    assert!(same["points"].as_array().unwrap().iter().all(|point| f64_at(&point["ratio"], "value") == 1.0));
    let laws = festina.run(&["laws", "--from", "latest", "--json"]).json(0);
    assert_eq!(laws["schema"], "festina.laws/1");
}

#[test]
fn a_slower_program_is_a_regression() {
    on_a_busy_machine(slower_program_is_a_regression);
}

fn slower_program_is_a_regression() {
    let festina = Festina::new();
    let arguments = ["--p", "1", "--budget", "6s", "--accept-noise"];
    festina.scale(&arguments, &["--sleep", "--unit", "0.1"]).code(0);
    festina.scale(&arguments, &["--sleep", "--unit", "0.15"]).code(0);
    let runs = festina.stored();
    let compared = festina.run(&["scale", "--compare", &runs[0], &runs[1], "--json"]).json(1);
    assert_eq!(compared["points"][0]["verdict"], "slower");
    let (ratio, lower, upper) = estimate(&compared["points"][0]["ratio"]);
    assert!((1.3..1.6).contains(&ratio) && lower <= ratio && ratio <= upper, "{ratio}");
}

#[test]
fn cores_that_are_measured_do_no_more_than_there_are() {
    let plain = Festina::new().run(&["cores", "--json"]).json(0);
    assert!(plain.get("effective").is_none(), "nothing is measured unasked");
    let measured = Festina::new().run(&["cores", "--measure", "--json"]).json(0);
    let kernels = measured["effective"].as_array().unwrap();
    assert_eq!(
        kernels.iter().map(|one| one["kernel"].as_str().unwrap()).collect::<Vec<_>>(),
        ["interpreter", "memory"]
    );
    for kernel in kernels {
        let numbers = kernel["workers"].as_array().unwrap();
        assert_eq!((f64_at(&numbers[0], "workers"), f64_at(&numbers[0]["cores"], "value")), (1.0, 1.0));
        for number in &numbers[1..] {
            let (cores, lower, upper) = estimate(&number["cores"]);
            let workers = f64_at(number, "workers");
            assert!(lower <= cores && cores <= upper, "{number}");
            assert!(cores > 0.2 && lower < 1.1 * workers, "{number}");
        }
    }
}
