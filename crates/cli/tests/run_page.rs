//! What a run shows: its page, who worked when, of all sessions of it; and on a terminal how far it is.

mod festina;

use std::fs;
use std::process::Command;

use festina::Festina;

#[test]
fn a_run_shows_its_timeline_at_once_and_a_resumed_one_that_of_all_sessions() {
    let festina = Festina::new();
    let run = |more: &[&str]| {
        let arguments = ["run", "-j", "2", "--html", "page.html", "--svg", "timeline.svg"];
        let command = ["--", "sh", "-c", "test {} != 2 || test -e mended", ":::", "1", "2", "3"];
        festina.run(&[&arguments[..], more, &command].concat());
        ["page.html", "timeline.svg"].map(|file| fs::read_to_string(festina.path().join(file)).unwrap())
    };
    // Each span has a title, such as: worker 1, 0 s – 1.5 ms, task 1, 1.5 ms, finished.
    let count = |drawing: &str, ending: &str| {
        let mut titles = drawing.split("<title>").map(|rest| rest.split("</title>").next().unwrap());
        let mut tasks: Vec<_> = titles
            .by_ref()
            .filter(|title| title.contains("worker ") && title.ends_with(ending))
            .filter_map(|title| title.split(", ").find(|part| part.starts_with("task ")))
            .collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks.len()
    };
    let [page, drawing] = run(&[]);
    assert!(page.contains("finished (2)") && page.contains("failed (1)"), "{page}");
    assert!(page.contains("The longest tasks"), "{page}");
    assert_eq!((count(&drawing, "finished"), count(&drawing, "failed")), (2, 1), "{drawing}");
    festina.write("mended", "");
    let [page, drawing] = run(&["--resume", "--retry-failed"]);
    assert!(page.contains("finished (3)") && !page.contains("failed (1)"), "{page}");
    assert_eq!(count(&drawing, "finished"), 3, "{drawing}");
}

#[test]
fn on_a_terminal_the_outputs_move_above_a_line_that_says_how_far_it_is() {
    let festina = Festina::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/on_terminal.py");
    let drawn = |more: &[&str]| {
        let output = Command::new("python3")
            .args([script, "60", "24", "0", "--both", env!("CARGO_BIN_EXE_festina"), "run", "-j2"])
            .args(more)
            .args(["--", "sh", "-c", "sleep 0.3; echo whole-{}", ":::", "1", "2", "3", "4", "5", "6"])
            .current_dir(festina.path())
            .output()
            .unwrap();
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let drawn = result["drawn"].as_str().unwrap().to_owned();
        assert!((1..=6).all(|task| drawn.contains(&format!("whole-{task}\r\n"))), "{drawn:?}");
        drawn
    };
    let shown = drawn(&[]);
    let (set, given_back) = (shown.find("\x1b[1;23r"), shown.rfind("\x1b[r"));
    assert!(set.is_some() && set < given_back && shown.contains(" of 6 tasks, efficiency "), "{shown:?}");
    let quiet = drawn(&["-q"]);
    assert!(!quiet.contains('\x1b') && !quiet.contains("tasks"), "{quiet:?}");
}
