//! examples/churn-service for real, at small sizes: scikit-learn trains and predicts, `FastAPI` serves under uvicorn.
//!
//! The environment `target/churn-venv` is made by `cargo xtask test`, or by hand with `python3 -m venv target/churn-venv` and, there,
//! `pip install -r examples/churn-service/requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

/// A busy machine can hide that the service gets slower as requests overlap, or leave budgets too short: it is looked at so often.
const ATTEMPTS: usize = 3;
/// How many times larger budgets then are.
const PATIENCE: u32 = 6;

fn programs() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/ready_example-0123
    let folder = own.ancestors().nth(3).unwrap().join("churn-venv/bin");
    assert!(
        folder.join("uvicorn").exists(),
        "{} is not there: python3 -m venv target/churn-venv, and there pip install -r examples/churn-service/requirements.txt",
        folder.display()
    );
    folder
}

/// Copies the example with smaller sizes, and budgets that are `patience` times as large as a quiet machine needs.
fn example(folder: &Path, patience: u32) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn-service");
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    let file = folder.join("festina.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let [train, predict] = [20, 12].map(|seconds| format!("\"{} s\"", seconds * patience));
    let small = [
        ("\"20x\"", "\"3x\""),
        ("\"40 s\"", &train),
        ("\"30 s\"", &predict),
        ("rate_now", "budget = \"10 s\"\nrate_now"),
    ];
    let text = small.into_iter().fold(text, |text, (large, small)| {
        assert!(text.contains(large), "{large} in {text}");
        text.replace(large, small)
    });
    std::fs::write(file, text).unwrap();
}

fn ready(folder: &Path) -> Value {
    let path = std::env::var_os("PATH").unwrap();
    let paths = std::iter::once(programs()).chain(std::env::split_paths(&path));
    let output = Command::new(env!("CARGO_BIN_EXE_festina"))
        .args(["ready", "--json"])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert!(matches!(output.status.code(), Some(0 | 1 | 4 | 5)), "{output:?}");
    answer
}

/// Leaves only the service to ask about, with a model that is there.
fn serve_alone(folder: &Path) {
    example(folder, 1);
    let trained = Command::new(programs().join("python"))
        .args(["train.py", "--rows", "20000", "--out", "model.joblib"])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(trained.success());
    let text = std::fs::read_to_string(folder.join("festina.toml")).unwrap();
    let serve = text.split_once("[serve]").unwrap().1.replace("{model}", "model.joblib");
    std::fs::write(folder.join("festina.toml"), format!("[serve]{serve}")).unwrap();
}

/// Returns the question `index` of `answer`, or of a later one with larger budgets where this machine, or what else it does, made
/// it too slow for a forecast.
fn forecast(answer: &Value, folder: &Path, index: usize) -> Value {
    let mut question = answer["questions"][index].clone();
    for _ in 1..ATTEMPTS {
        if question["estimate"].is_null() {
            // Predicting waits for a model of the training that was too slow.
            assert!(said(&question, "not-measured") || said(&question, "no-model"), "{question}");
            example(folder, PATIENCE);
            let file = folder.join("festina.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(file, text.split("[serve]").next().unwrap()).unwrap();
            question = ready(folder)["questions"][index].clone();
        }
    }
    question
}

fn said(question: &Value, code: &str) -> bool {
    question["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
}

fn serve(answer: &Value) -> Value {
    answer["questions"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn the_example_is_answered_and_its_threads_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path(), 1);
    let begin = Instant::now();
    let answer = ready(folder.path());
    assert!(begin.elapsed().as_secs() < 180, "{:?}", begin.elapsed());
    let ids: Vec<&str> = answer["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|question| question["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["train", "predict", "serve"], "{answer}");
    for index in 0..2 {
        let question = forecast(&answer, folder.path(), index);
        let seconds = question["estimate"]["value"].as_f64().unwrap_or_else(|| panic!("{question}"));
        assert!((0.5..600.0).contains(&seconds), "{question}");
        assert!(question["memory"]["peak_bytes"]["value"].as_f64().unwrap() > 50e6, "{question}");
        // Few rows can leave it open, but no more.
        assert!(question["verdict"] == "ready" || question["verdict"] == "unsure", "{question}");
    }
    let mut question = serve(&answer);
    if question["service"]["calmed"].is_null() {
        serve_alone(folder.path());
    }
    for _ in 1..ATTEMPTS {
        if question["service"]["calmed"].is_null() {
            question = serve(&ready(folder.path()));
        }
    }
    let service = &question["service"];
    assert!(service["knee"]["loss_when_overlapping"].as_f64().unwrap() > 0.05, "{service}");
    let knee = |of: &Value| of["rate"]["value"].as_f64().unwrap();
    assert!(knee(&service["calmed"]["knee"]) > 1.2 * knee(&service["knee"]), "the cure helps: {service}");
    let fixes = question["fixes"].as_array().unwrap();
    assert!(fixes.iter().any(|fix| fix["kind"] == "concurrency" && fix["is_measured"] == true), "{question}");
    assert!(said(&question, "retrograde"), "{question}");
}
