//! Whole runs of real programs through the library.

use std::fs;
use std::path::Path;
use std::time::Instant;

use festina_run::Environment;
use festina_run::tasks::{
    Collect, Inputs, Origin, Pipe, Record, Resume, RunRequest, RunResult, Source, Streams, Table, TaskEnd,
    TaskError, TaskObserver, run,
};
use festina_types::{Bytes, CancelToken, Exit, Seconds, Status, Workers};

fn environment() -> Environment {
    Environment::from_iter([("PATH", "/usr/local/bin:/usr/bin:/bin")])
}

fn values(words: &[&str]) -> Inputs {
    Inputs::new().product(Source::Values(words.iter().map(Into::into).collect()))
}

fn numbers(range: &str) -> Inputs {
    Inputs::new().product(Source::Range(range.parse().unwrap()))
}

fn request(folder: &Path, command: &[&str], inputs: Inputs) -> RunRequest {
    let mut request = RunRequest::new(command.iter().map(Into::into).collect(), inputs, environment());
    request.state = folder.join("state");
    request.slots = Workers::new(2);
    request
}

/// Notes what ended.
#[derive(Default)]
struct Ended(Vec<Record>);

impl TaskObserver for Ended {
    fn ended(&mut self, record: &Record) {
        self.0.push(record.clone());
    }
}

fn try_run(request: &RunRequest) -> Result<(RunResult, String, String, Vec<Record>), TaskError> {
    let (mut output, mut errors, mut ended) = (Vec::new(), Vec::new(), Ended::default());
    let streams = Streams { output: &mut output, errors: &mut errors };
    let result = run(request, streams, &mut ended, &CancelToken::new())?;
    ended.0.sort_by_key(|record| record.number);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((result, text(&output), text(&errors), ended.0))
}

fn done(request: &RunRequest) -> (RunResult, String, Vec<Record>) {
    let (result, output, errors, ended) = try_run(request).unwrap();
    assert_eq!(errors, "");
    (result, output, ended)
}

#[test]
fn every_input_is_run_once_and_outputs_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted =
        request(folder.path(), &["sh", "-c", "sleep 0.0$((RANDOM % 3)); echo $0", "{}"], numbers("1..60"));
    wanted.keep_order = true;
    let (result, output, ended) = done(&wanted);
    assert_eq!(output, (1..=60).map(|n| format!("{n}\n")).collect::<String>());
    assert_eq!((result.finished, result.failed, ended.len()), (60, 0, 60));
    assert_eq!(result.exit(), Exit::Done);
    assert!(ended.iter().all(|record| record.value.as_ref() == Some(&record.inputs[0])));
}

#[test]
fn lines_of_different_tasks_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let script = "for i in 1 2 3 4 5; do echo $0; done";
    let (_, output, _) = done(&request(folder.path(), &["sh", "-c", script, "{}"], numbers("1..30")));
    let lines: Vec<_> = output.lines().collect();
    assert!(lines.chunks(5).all(|chunk| chunk.iter().all(|line| *line == chunk[0])), "{output}");
    assert_eq!(lines.len(), 150);
}

#[test]
fn a_task_that_is_killed_crashes_or_fails_costs_itself_only() {
    let folder = tempfile::tempdir().unwrap();
    let script = "case $0 in 5) kill -9 $$;; 7) kill -SEGV $$;; 9) exit 3;; 11) sleep 60;; esac";
    let mut wanted = request(folder.path(), &["sh", "-c", script, "{}"], numbers("1..20"));
    wanted.timeout = Some(Seconds(3.0));
    let (result, _, ended) = done(&wanted);
    assert_eq!((result.finished, result.failed, result.exit()), (16, 4, Exit::No));
    let end = |number: usize| ended[number - 1].end.clone();
    assert_eq!(end(5), TaskEnd::Ran(Status::Killed { signal: 9 }));
    assert_eq!(end(7), TaskEnd::Ran(Status::Killed { signal: 11 }));
    assert_eq!(end(9), TaskEnd::Ran(Status::Failed { code: 3 }));
    assert_eq!(end(11), TaskEnd::Ran(Status::TimedOut));
}

#[test]
fn retries_go_on_until_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let script = "n=$(cat $1/$0 2>/dev/null || echo 0); echo $((n + 1)) > $1/$0; test $n -ge 2";
    let place = folder.path().to_str().unwrap();
    let mut wanted = request(folder.path(), &["sh", "-c", script, "{}", place], values(&["a", "b"]));
    (wanted.retries, wanted.retry_delay) = (5, Seconds(0.01));
    let (result, _, ended) = done(&wanted);
    assert_eq!((result.finished, result.failed, result.retries), (2, 0, 4));
    assert!(ended.iter().all(|record| record.attempts == 3 && record.lost_us > 0));
    wanted.retries = 1;
    let failing = RunRequest { command: ["sh", "-c", "exit 1"].map(Into::into).into(), ..wanted };
    assert!(done(&failing).2.iter().all(|record| record.attempts == 2 && record.end.exit_code() == Some(1)));
}

#[test]
fn memory_grows_with_each_retry_that_ran_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = "import time; x = b'x' * (60 << 20); time.sleep(0.3)";
    let mut wanted = request(folder.path(), &["python3", "-c", script], Inputs::new());
    (wanted.retries, wanted.retry_delay) = (4, Seconds(0.0));
    wanted.memory_per_task = Some(Bytes(25 << 20));
    let (result, _, ended) = done(&wanted);
    // 25 MiB and 50 MiB are too little, 100 MiB is enough.
    assert_eq!((result.finished, result.retries, ended[0].attempts), (1, 2, 3));
    wanted.retries = 0;
    assert_eq!(done(&wanted).2[0].end, TaskEnd::Ran(Status::OutOfMemory));
}

#[test]
fn memory_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = request(folder.path(), &["sleep", "0.1"], numbers("1..4"));
    wanted.command.push("0.0{}".into());
    (wanted.memory, wanted.memory_per_task) = (Some(Bytes(100 << 20)), Some(Bytes(60 << 20)));
    let (result, _, ended) = done(&wanted);
    let mut times: Vec<_> = ended.iter().map(|record| (record.started_at_us, record.wall_us)).collect();
    times.sort_unstable();
    assert!(
        times.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0 + 1000),
        "one at a time: {times:?}"
    );
    assert!(result.summary.time.memory_s > 0.2, "{:?}", result.summary.time);
}

#[test]
fn halting_starts_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted =
        request(folder.path(), &["sh", "-c", "sleep 0.02; test $0 -ne 5", "{}"], numbers("1..500"));
    wanted.halt = "soon,fail=1".parse().unwrap();
    let (result, _, ended) = done(&wanted);
    assert!(result.is_cut_short && result.failed == 1 && ended.len() < 20, "{}", ended.len());
    wanted.command = ["sh", "-c", "test $0 -eq 1 && exit 1; sleep 60", "{}"].map(Into::into).into();
    wanted.halt = "now,fail=1".parse().unwrap();
    let start = Instant::now();
    let (result, _, ended) = done(&wanted);
    assert!(start.elapsed().as_secs() < 20 && ended.len() == 1, "the others are canceled and not recorded");
    assert_eq!((result.failed, result.exit()), (1, Exit::No));
}

#[test]
fn resuming_runs_exactly_what_has_no_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let command = ["sh", "-c", "echo $0 >> $1; test $0 != 4", "{}"];
    let log = folder.path().join("log");
    let mut wanted = request(folder.path(), &command, numbers("1..6"));
    wanted.command.push(log.clone().into());
    let (first, _, _) = done(&wanted);
    let ran = || {
        let mut lines: Vec<String> =
            fs::read_to_string(&log).unwrap_or_default().lines().map(Into::into).collect();
        lines.sort();
        let _ = fs::remove_file(&log);
        lines
    };
    assert_eq!(ran().len(), 6);
    wanted.resume = Resume::Latest;
    let (again, _, _) = done(&wanted);
    assert_eq!((again.recorded, again.recorded_failures, &again.folder), (6, 1, &first.folder));
    assert_eq!(again.exit(), Exit::No, "a failure stays one");
    assert!(ran().is_empty());
    // Inserted, removed, reordered, repeated.
    wanted.inputs = values(&["6", "99", "1", "1", "3", "2", "5"]);
    assert_eq!(done(&wanted).0.recorded, 5);
    assert_eq!(ran(), ["1", "99"]);
    wanted.inputs = numbers("1..6");
    wanted.retry_failed = true;
    assert_eq!(done(&wanted).0.recorded, 5);
    assert_eq!(ran(), ["4"]);
    // Other variables are another run of everything; another command finds nothing to resume.
    wanted.variables = vec![("X".into(), "1".into())];
    assert_eq!(done(&wanted).0.recorded, 0);
    wanted.resume = Resume::Run("no-such-run".to_owned());
    assert!(matches!(try_run(&wanted), Err(TaskError::NoRun { .. })));
}

#[test]
fn the_table_has_inputs_endings_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let cities = folder.path().join("cities.csv");
    fs::write(&cities, "city,status\n\"a, b\",1\nx\"y,0\n").unwrap();
    let table = Source::Table { origin: Origin::File(cities), format: festina_run::tasks::TableFormat::Csv };
    let script = "echo noise; echo '{\"n\": 1.50, \"who\": \"é\"}'; exit $0";
    let mut wanted = request(folder.path(), &["sh", "-c", script, "{status}"], Inputs::new().product(table));
    wanted.collect = Collect::Json;
    wanted.table =
        Some(Table { columns: vec!["inputs".into(), "outcome".into(), "value".into()], ..Table::new(&path) });
    done(&wanted);
    let text = fs::read_to_string(&path).unwrap();
    let expected = "task,city,status,task_status,exit_code,signal,n,who,value\n\
                    1,\"a, b\",1,failed,1,,1.5,é,\n\
                    2,\"x\"\"y\",0,finished,0,,1.5,é,\n";
    assert_eq!(text, expected);
    let json = folder.path().join("results.jsonl");
    wanted.table = Some(Table::new(&json));
    wanted.resume = Resume::Latest;
    done(&wanted);
    let rows: Vec<serde_json::Value> =
        fs::read_to_string(json).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["city"], "a, b");
    assert_eq!(rows[1]["signal"], serde_json::Value::Null);
    assert!(rows[0]["wall_s"].as_f64().unwrap() > 0.0 && rows[0]["peak_rss_bytes"].as_u64().unwrap() > 1000);
    wanted.collect = Collect::LastLine;
    wanted.table = Some(Table { columns: vec!["outcom".into()], ..Table::new(&path) });
    let error = try_run(&wanted).unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean outcome?");
}

#[test]
fn each_task_can_have_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted =
        request(folder.path(), &["sh", "-c", "echo $0; echo e >&2", "{}"], values(&["a/b", "../x"]));
    let outputs = folder.path().join("outputs");
    wanted.outputs = Some(outputs.clone());
    let (result, output, _) = done(&wanted);
    assert_eq!((result.finished, output.as_str()), (2, ""));
    let mut names: Vec<_> = fs::read_dir(&outputs).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let starts: Vec<_> =
        names.iter().map(|path| path.file_name().unwrap().to_str().unwrap()[..4].to_owned()).collect();
    assert_eq!(starts, ["_x-".to_owned() + &starts[0][3..], "a_b-".to_owned()]);
    assert_eq!(fs::read_to_string(names[1].join("stdout")).unwrap(), "a/b\n");
    assert_eq!(fs::read_to_string(names[1].join("stderr")).unwrap(), "e\n");
}

#[test]
fn long_outputs_go_through_files_and_come_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted =
        request(folder.path(), &["sh", "-c", "yes $0 | head -c 40000000", "{}"], values(&["a", "b"]));
    wanted.keep_order = true;
    let (_, output, ended) = done(&wanted);
    let expected = ["a\n", "b\n"].map(|line| line.repeat(20_000_000)).concat();
    assert!(output == expected, "{} bytes", output.len());
    assert_eq!(ended[1].value.as_deref(), Some("b".as_ref()));
    assert!(!folder.path().join("state").join(ended[0].key.to_string()).exists());
}

#[test]
fn blocks_of_a_file_are_counted_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    let text: String = (0..300_000).map(|n| format!("line {n}\n")).collect();
    fs::write(&path, &text).unwrap();
    let mut wanted = request(folder.path(), &["wc", "-l"], Inputs::new());
    wanted.pipe = Some(Pipe { block: Some(Bytes(100_000)), ..Pipe::lines(Origin::File(path.clone())) });
    let (result, output, _) = done(&wanted);
    let total: u64 = output.lines().map(|line| line.trim().parse::<u64>().unwrap()).sum();
    assert_eq!(total, 300_000);
    assert!(result.finished >= 30, "{}", result.finished);
    wanted.command = vec!["cat".into()];
    wanted.keep_order = true;
    assert!(done(&wanted).1 == text);
    // A program that reads only the start is no failure.
    wanted.command = vec!["head".into(), "-c1".into()];
    assert_eq!(done(&wanted).0.failed, 0);
    wanted.resume = Resume::Latest;
    assert_eq!(done(&wanted).0.finished, 0);
    fs::write(&path, &text[1..]).unwrap();
    assert_eq!(done(&wanted).0.recorded, 0, "another file is other blocks");
}

#[test]
fn terms_sum_to_the_time_of_all_slots() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted =
        request(folder.path(), &["sleep", "0.0{}"], values(&["1", "2", "3", "9", "1", "5", "7", "3"]));
    for slots in [1, 2, 5] {
        wanted.slots = Workers::new(slots);
        let summary = done(&wanted).0.summary;
        let (total, all) = (summary.time.total().0, f64::from(slots) * summary.wall_s);
        assert!((total - all).abs() < 0.02 * all, "{total} of {all}: {:?}", summary.time);
        assert!(summary.speed_up() <= f64::from(slots) && summary.speed_up() > 0.3, "{summary:?}");
        assert_eq!(summary.longest[0].0, 4);
    }
}

#[test]
fn seeds_are_the_same_for_any_number_of_slots() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = request(folder.path(), &["echo", "{}", "{seed}"], numbers("1..50"));
    wanted.keep_order = true;
    let outputs = [1, 2, 4].map(|slots| {
        wanted.slots = Workers::new(slots);
        done(&wanted).1
    });
    assert!(outputs[0] == outputs[1] && outputs[1] == outputs[2]);
    let seeds: std::collections::HashSet<_> =
        outputs[0].lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(seeds.len(), 50);
    wanted.seed = 1;
    assert_ne!(done(&wanted).1, outputs[0]);
}

#[test]
fn programs_are_told_which_cores_are_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $(env -u OMP_NUM_THREADS nproc) $OMP_NUM_THREADS $RAYON_NUM_THREADS";
    let mut wanted = request(folder.path(), &["sh", "-c", script], Inputs::new());
    wanted.slots = None;
    assert_eq!(done(&wanted).1, "1 1 1\n");
    wanted.variables = vec![("OMP_NUM_THREADS".into(), "7".into())];
    wanted.slots = Workers::new(1);
    let n = std::thread::available_parallelism().unwrap();
    assert_eq!(done(&wanted).1, format!("{n} 7 {n}\n"), "one task at a time has all of them");
}

#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let error = |command: &[&str], inputs: Inputs| {
        let error = try_run(&request(folder.path(), command, inputs)).err().unwrap();
        assert!(!folder.path().join("state").exists());
        (error.to_string(), error.exit())
    };
    assert_eq!(error(&[], values(&["a"])), ("no command was given".to_owned(), Exit::BadInput));
    assert_eq!(error(&["echo", "{x}"], values(&["a"])).0, "unknown placeholder {x}");
    let (message, exit) = error(&["no-such-program-anywhere"], values(&["a"]));
    assert_eq!((message.as_str(), exit), ("tasks cannot be run", Exit::BadInput));
}

#[test]
fn one_task_that_cannot_start_is_told_and_the_others_run() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(200_000);
    let inputs = Inputs::new().product(Source::Values(["a", "b\0c", &long, "d"].map(Into::into).into()));
    let (result, output, _, ended) = try_run(&request(folder.path(), &["echo", "{}"], inputs)).unwrap();
    assert_eq!((result.finished, result.failed), (2, 2));
    assert!(output.contains("a\n") && output.contains("d\n"));
    let reason = |index: usize| match &ended[index].end {
        TaskEnd::NotStarted(reason) => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(1), "an argument would hold a NUL byte: b\\0c");
    assert!(reason(2).contains("too long for the kernel"), "{}", reason(2));
    assert_eq!(result.findings.iter().filter(|finding| finding.code == "not-started").count(), 2);
}

#[test]
fn malformed_inputs_end_the_run_with_what_came_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, "{\"a\": 1}\n{\"a\": 2}\n{\"a\": \n").unwrap();
    let table =
        Source::Table { origin: Origin::File(path), format: festina_run::tasks::TableFormat::JsonLines };
    let mut ended = Ended::default();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let wanted = request(folder.path(), &["echo", "{a}"], Inputs::new().product(table));
    let streams = Streams { output: &mut output, errors: &mut errors };
    let error = run(&wanted, streams, &mut ended, &CancelToken::new()).unwrap_err();
    assert!(matches!(error, TaskError::Malformed { line: 3, .. }), "{error}");
    assert_eq!(ended.0.len(), 2);
}
