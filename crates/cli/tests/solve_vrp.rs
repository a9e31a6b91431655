//! `festina solve vrp` as a dispatcher types it: the examples, a plan that is not whole, what is typed wrong.

mod festina;

use std::path::PathBuf;

use festina::Festina;
use serde_json::Value;

fn example(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    folder.join(name).to_string_lossy().into_owned()
}

/// Solves with work that is counted, so that the answer depends on no clock.
fn solve(festina: &Festina, arguments: &[&str]) -> (i32, String, String) {
    let mut command = festina.command();
    command.args(["solve", "vrp"]).args(arguments);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const QUICK: [&str; 3] = ["--deterministic", "--time", "0.1s"];

#[test]
fn the_examples_are_planned_written_and_verified() {
    let festina = Festina::new();
    let (plan, stops, vehicles) = (example("day-plan.toml"), example("stops.csv"), example("vehicles.csv"));
    for input in [vec![plan.as_str()], vec![stops.as_str(), "--vehicles", vehicles.as_str()]] {
        let files = ["-o", "plan.csv", "--html", "plan.html", "--json"];
        let (code, out, err) = solve(&festina, &[&input[..], &QUICK, &files].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&answer["schema"], &answer["status"]), (&"festina.vrp/1".into(), &"feasible".into()));
        let (code, out, _) = solve(&festina, &[&input[..], &["--verify", "plan.csv", "--json"]].concat());
        let verdict: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &verdict["is_right"]), (0, &true.into()), "{out}");
        assert_eq!(verdict["cost"], answer["cost"]);
        // The same answer on other workers, byte for byte but for the time and the workers.
        let (_, again, _) = solve(&festina, &[&input[..], &QUICK, &["--json", "-j", "3"]].concat());
        let again: Value = serde_json::from_str(&again).unwrap();
        assert_eq!(again["routes"], answer["routes"]);
    }
}

#[test]
fn a_stop_that_nobody_can_serve_is_an_answer_with_its_reason() {
    let festina = Festina::new();
    let plan = std::fs::read_to_string(example("day-plan.toml")).unwrap();
    let plan = plan.replace("skills = [\"electric\"]\npriority = 3", "skills = [\"asbestos\"]\npriority = 3");
    festina.write("day.toml", &plan);
    let (code, out, _) = solve(&festina, &[&["day.toml"][..], &QUICK, &["--json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["status"]), (1, &"infeasible".into()));
    let left = &answer["unassigned"][0];
    assert_eq!((&left["stop"], &left["class"]), (&"nursery".into(), &"impossible".into()));
    assert_eq!(left["because"][0]["rule"], "skill");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_hint() {
    let festina = Festina::new();
    let plan = example("day-plan.toml");
    let (stops, vehicles) = (example("stops.csv"), example("vehicles.csv"));
    for (arguments, parts) in [
        (&["no-such-file.toml"][..], &["failed to read", "hint:"][..]),
        (&[&plan, "-o", "plan.doc"], &["'.doc' is not a format for plans", "hint:"]),
        (
            &[&plan, "--objective", "speed"],
            &["'speed' is not a known objective", "cost, vehicles or balance"],
        ),
        (&[&plan, "--verify", &vehicles], &["no columns 'vehicle' and 'stop'", "hint:"]),
        (&[&vehicles, "--vehicles", &stops], &["line 1", "is not known", "columns:"]),
        (&[&stops], &["line 1", "hint:"]),
    ] {
        let (code, out, err) = solve(&festina, arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        for part in parts {
            assert!(err.contains(part), "{arguments:?}: {err}");
        }
    }
}
