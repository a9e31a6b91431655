//! `festina ready` as it is typed, on small projects of which the truth is known.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A service that waits a moment for each request, one at a time: about 90 a second.
const SERVICE: &str = r#"
import http.server, sys, threading, time
turn = threading.Lock()
left = 100
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if self.path == "/slow":
            with turn:
                time.sleep(0.01)
        if self.path == "/tire":
            global left
            left -= 1
        if self.path == "/die" or left < 0:
            print("out of luck", file=sys.stderr, flush=True)
            import os
            os._exit(7)
        body = b"ok"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

/// A program with a start-up of 50 ms that takes 2 µs a row and writes a model.
const TRAIN: &str = "sleep $(awk 'BEGIN { print 0.05 + {rows} * 2e-6 }') && echo {rows} > {model}";

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(festina_toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("festina.toml"), festina_toml).unwrap();
        std::fs::write(folder.path().join("service.py"), SERVICE).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_festina"));
        command.arg("ready").args(arguments).current_dir(self.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn json(&self) -> (Value, Option<i32>) {
        let output = self.run(&["--json"]);
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (value, output.status.code())
    }

    /// Nothing is left in the state folder but runs.
    fn is_clean(&self) -> bool {
        let entries = std::fs::read_dir(self.path().join(".festina")).unwrap();
        entries
            .filter_map(Result::ok)
            .all(|entry| !entry.file_name().to_string_lossy().starts_with("scratch"))
    }
}

fn batches(target: &str) -> String {
    let train = toml_string(TRAIN);
    format!(
        "[data]\nrows_now = 100_000\nrows_target = \"10x\"\n[train]\ncmd = {train}\ntarget = \"{target}\"\nbudget = \"4s\"\n"
    )
}

fn toml_string(text: &str) -> String {
    format!("'''{text}'''")
}

fn serve(path: &str, ready: &str, rate: u32) -> String {
    format!(
        "[serve]\ncmd = \"exec python3 service.py {{port}}\"\nready = \"GET {ready}\"\nready_within = \"20 s\"\n\
        request = {{ path = \"{path}\" }}\nslo = {{ p99 = \"500 ms\" }}\nrate_target = {rate}\nbudget = \"5 s\"\n"
    )
}

#[test]
fn a_program_that_is_fast_enough_is_ready_and_one_that_is_not_has_fixes() {
    // 0.05 + 10⁶ · 2 µs = 2.05 s.
    let (answer, code) = Project::new(&batches("60 s")).json();
    let train = &answer["questions"][0];
    assert_eq!((answer["schema"].as_str(), code), (Some("festina.ready/1"), Some(0)), "{answer}");
    assert_eq!((train["id"].as_str(), train["verdict"].as_str()), (Some("train"), Some("ready")));
    let (lower, upper) = (
        &train["estimate"]["interval"]["lower"].as_f64().unwrap(),
        &train["estimate"]["interval"]["upper"].as_f64().unwrap(),
    );
    assert!(*lower < 2.05 * 1.3 && *upper > 2.05, "{train}");
    let project = Project::new(&batches("200 ms"));
    let (answer, code) = project.json();
    let train = &answer["questions"][0];
    assert_eq!((train["verdict"].as_str(), code), (Some("not-ready"), Some(1)), "{answer}");
    let kinds: Vec<&str> =
        train["fixes"].as_array().unwrap().iter().map(|fix| fix["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"faster") && kinds.contains(&"rows"), "{kinds:?}");
    assert!(project.is_clean());
}

#[test]
fn a_service_is_started_judged_and_stopped() {
    let project = Project::new(&format!("{}[cost]\ncore_hour = 1\n", serve("/slow", "/", 2)));
    let page = project.path().join("page.html");
    let cases = project.path().join("cases.xml");
    let output = project.run(&["--html", page.to_str().unwrap(), "--junit", cases.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout);
    // On a crowded machine the generator itself may be late: then nothing is sure.
    assert!(matches!(output.status.code(), Some(0 | 5)), "{text}");
    assert!(text.contains("bear 2 requests/s with p99 ≤ 500 ms"), "{text}");
    assert!(std::fs::read_to_string(page).unwrap().contains("Throughput by users"));
    assert!(std::fs::read_to_string(cases).unwrap().contains("tests=\"1\" failures=\"0\""));
    assert!(project.is_clean() && !is_running(project.path()));
    let costs = "[cost]\ncore_hour = 0.04\ngib_hour = 0.005\n";
    let (answer, code) = Project::new(&(serve("/slow", "/", 2000) + costs)).json();
    let serve = &answer["questions"][0];
    assert_eq!((serve["verdict"].as_str(), code), (Some("not-ready"), Some(1)), "{answer}");
    // At most 100 a second each: at least 2600 / 100 of them.
    let replicas = serve["service"]["replicas"]["at_random"].as_u64().unwrap();
    assert!(replicas >= 26, "{serve}");
    assert_replicas_are_counted_and_priced(serve, 2000.0);
}

/// Computes the replicas and their price anew, from what was measured: by default they bear 1.3 times the rate, and the rate
/// after the loss of one.
fn assert_replicas_are_counted_and_priced(question: &Value, rate: f64) {
    let fix = question["fixes"].as_array().unwrap().iter().find(|fix| fix["kind"] == "replicas").unwrap();
    let knee = [&question["service"]["calmed"]["knee"], &question["service"]["knee"]]
        .into_iter()
        .find(|k| k.is_object());
    let knee = knee.unwrap();
    let each = knee["rate"]["value"].as_f64().unwrap();
    let n = (1.3 * rate / each).ceil().max((rate / each).ceil() + 1.0);
    assert_eq!(question["service"]["replicas"]["at_random"].as_f64(), Some(n), "{fix}");
    assert!(fix["change"].as_str().unwrap().contains(&format!("{n:.0} replicas")), "{fix}");
    let gib = knee["server"]["peak_rss"].as_f64().unwrap() / 1_073_741_824.0;
    let price = n * (0.04 * knee["server"]["cores"].as_f64().unwrap() + 0.005 * gib);
    assert!((fix["cost"].as_f64().unwrap() / price - 1.0).abs() < 1e-9, "{fix}: {price}");
}

#[test]
fn a_service_that_never_gets_ready_or_dies_shows_its_last_lines() {
    let cases = [
        ("[serve]\ncmd = \"echo no such model >&2; exit 3 # {port}\"\nslo = \"p99=1s\"\nrate_target = 5\n".to_owned(), "never-ready", "ended with exit code 3", "no such model"),
        ("[serve]\ncmd = \"echo still thinking; sleep 60 # {port}\"\nready_within = \"500 ms\"\nslo = \"p99=1s\"\nrate_target = 5\n".to_owned(), "never-ready", "not ready after 500 ms", "still thinking"),
        (serve("/die", "/", 5), "died", "exit code 7", "out of luck"),
        (serve("/tire", "/", 5), "died", "exit code 7", "out of luck"),
    ];
    for (text, code, reason, line) in cases {
        let project = Project::new(&text);
        let (answer, exit) = project.json();
        let finding = answer["questions"][0]["findings"].as_array().unwrap().last().unwrap();
        assert_eq!(exit, Some(1), "{answer}");
        assert!(["bad-answer", code].contains(&finding["code"].as_str().unwrap()), "{finding}");
        assert!(code == "died" || finding["message"].as_str().unwrap().contains(reason), "{finding}");
        assert!(finding["hint"].as_str().unwrap().contains(line), "{finding}");
        let service = &answer["questions"][0]["service"];
        assert!(
            !text.contains("/tire") || service["knee"]["ladder"].is_array(),
            "what was seen is kept: {answer}"
        );
        assert!(project.is_clean() && !is_running(project.path()));
    }
}

#[test]
fn a_command_that_fails_is_an_answer_and_what_needs_its_model_is_left_open() {
    let text = "[data]\nrows_now = 10\nrows_target = 20\n[train]\ncmd = \"echo bad column >&2; exit 4 # {rows} {model}\"\n\
        target = 5\nbudget = 2\n[predict]\ncmd = \"cat {model} # {rows}\"\ntarget = 5\n";
    let (answer, exit) = Project::new(text).json();
    let codes = |index: usize| -> Vec<String> {
        let findings = answer["questions"][index]["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(exit, Some(1), "{answer}");
    assert!(codes(0).contains(&"does-not-run".to_owned()), "{answer}");
    assert!(answer["questions"][0].to_string().contains("bad column"), "{answer}");
    assert_eq!(codes(1), ["no-model"]);
}

#[test]
fn a_command_that_is_too_slow_to_be_measured_is_unsure_unless_it_may_not_be_so_slow() {
    let head =
        "[data]\nrows_now = 10\nrows_target = 20\n[train]\ncmd = \"sleep 20 # {rows}\"\nbudget = 0.4\n";
    for (target, verdict, code, finding) in
        [("60", "unsure", 4, "not-measured"), ("0.2", "not-ready", 1, "too-slow")]
    {
        let (answer, exit) = Project::new(&format!("{head}target = {target}\n")).json();
        let train = &answer["questions"][0];
        assert_eq!((train["verdict"].as_str(), exit), (Some(verdict), Some(code)), "{answer}");
        let findings = train["findings"].as_array().unwrap();
        assert!(findings.iter().any(|found| found["code"] == finding), "{findings:?}");
    }
}

#[test]
fn a_request_to_stop_leaves_nothing_behind() {
    let project = Project::new(&serve("/slow", "/", 50));
    for signal in ["-INT", "-TERM"] {
        let mut command = project.command(&[]);
        let mut festina = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert!(within(20.0, || is_running(project.path())), "the service is started");
        std::thread::sleep(Duration::from_millis(500));
        let killed = Command::new("kill").args([signal, &festina.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(festina.wait().unwrap().code(), Some(130), "{signal}");
        assert!(project.is_clean() && !is_running(project.path()), "{signal}");
    }
    // Even what cannot be caught takes the service along; its folder goes when the next one starts.
    let mut festina = project.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(within(20.0, || is_running(project.path())));
    festina.kill().unwrap();
    festina.wait().unwrap();
    assert!(within(10.0, || !is_running(project.path())));
    assert!(!project.is_clean());
    std::fs::write(project.path().join("festina.toml"), batches("1 h")).unwrap();
    assert_eq!(project.run(&[]).status.code(), Some(0));
    assert!(project.is_clean());
}

#[test]
fn bad_input_is_one_error_with_a_hint() {
    let cases: [(&str, &str, &str); 4] = [
        ("[trian]\n", "festina.toml, line 1: unknown key 'trian'", "did you mean 'train'?"),
        ("[serve]\ncmd = \"a {prot}\"\n", "line 2: unknown placeholder {prot}", "did you mean {port}?"),
        ("[data]\nrows_now = \"many\"\n", "line 2: expected a positive number", ""),
        ("rows = [1\n", "line 1", ""),
    ];
    for (text, message, hint) in cases {
        let output = Project::new(text).run(&[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(message) && errors.contains(hint), "{errors}");
    }
    let project = Project::new("");
    let errors = String::from_utf8_lossy(&project.run(&["nowhere"]).stderr).into_owned();
    assert!(errors.contains("there is no nowhere") && errors.contains("--init"), "{errors}");
}

#[test]
fn init_writes_what_ready_reads_and_overwrites_nothing() {
    let project = Project::new("");
    let output = project.run(&["--init"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    std::fs::remove_file(project.path().join("festina.toml")).unwrap();
    std::fs::write(
        project.path().join("train.py"),
        "import argparse, sys\np = argparse.ArgumentParser()\np.add_argument('--rows')\np.add_argument('--out')\n\
        open(p.parse_args().out, 'w').write('model')\n",
    )
    .unwrap();
    let output = project.run(&["--init"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("wrote ./festina.toml"), "{output:?}");
    let text = std::fs::read_to_string(project.path().join("festina.toml")).unwrap();
    assert!(text.contains("cmd = \"python train.py --rows {rows} --out {model}\""), "{text}");
}

/// Whether a service of the project in `folder` runs: each has the folder as its working directory.
fn is_running(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.into_iter().any(|process| {
        let is_in_it = std::fs::read_link(process.path().join("cwd")).is_ok_and(|path| path == folder);
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        is_in_it && String::from_utf8_lossy(&command).contains("service.py")
    })
}

fn within(seconds: f64, mut holds: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < seconds {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
