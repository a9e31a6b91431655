//! What programs read and write.

use std::fs;
use std::sync::Arc;

use festina_run::{Input, RunError, Runner, Sink};
use festina_types::{Bytes, CancelToken, Status};

use crate::{launch, one_of_five, python, run, sh, text, try_run};

#[test]
fn both_streams_are_read_beyond_the_size_of_a_pipe() {
    let script = "import sys\nfor i in range(3000):\n  sys.stdout.write('o' * 999 + '\\n'); sys.stderr.write('e' * 999 + '\\n')";
    let outcome = run(&python(script));
    assert_eq!(outcome.status, Status::Finished);
    for (captured, letter) in [(&outcome.output, b'o'), (&outcome.errors, b'e')] {
        assert_eq!(captured.total, Bytes(3_000_000));
        let line = [&[letter; 999][..], b"\n"].concat();
        assert!(captured.bytes.chunks(1000).all(|chunk| chunk == line));
    }
}

#[test]
fn gigabytes_pass_in_bounded_memory() {
    let own = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    };
    let before = own();
    let limit = Sink::Capture { limit: Bytes(1000), spill: None };
    let outcome = run(&launch("head", &["-c", "2G", "/dev/zero"]).output(limit));
    assert_eq!(outcome.output.total, Bytes(2 << 30));
    assert_eq!((outcome.output.bytes.len(), outcome.output.is_truncated()), (1000, true));
    // Other tests run in this process at the same time.
    assert!(own() - before < 512 << 20);
}

#[test]
fn what_exceeds_the_limit_is_spilled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all");
    let sink = || Sink::Capture { limit: Bytes(100_000), spill: Some(path.clone()) };
    let outcome = run(&sh("seq 1 1000").output(sink()));
    assert_eq!((outcome.output.bytes.len(), outcome.output.spilled), (3893, None));
    assert!(!path.exists());
    let outcome = run(&sh("seq 1 1000000").output(sink()));
    assert_eq!(outcome.output.total, Bytes(6_888_896));
    let spilled = fs::read_to_string(outcome.output.spilled.unwrap()).unwrap();
    assert!(spilled.lines().zip(1..).all(|(line, number): (&str, u32)| line.parse() == Ok(number)));
    assert_eq!(spilled.len(), 6_888_896);
    assert_eq!(&spilled.as_bytes()[..100_000], &outcome.output.bytes);
}

#[test]
fn a_full_disk_ends_the_program_with_one_error() {
    let sink = Sink::Capture { limit: Bytes(10), spill: Some("/dev/full".into()) };
    let mut runner = Runner::new().unwrap();
    let endless = launch("yes", &[]).output(sink);
    let error = runner.run(&endless, &CancelToken::new(), &mut ()).unwrap_err();
    assert!(matches!(error, RunError::NoSpace { .. }), "{error}");
    assert_eq!(
        runner.run(&sh("exit 5"), &CancelToken::new(), &mut ()).unwrap().status,
        Status::Failed { code: 5 }
    );
}

#[test]
fn output_goes_straight_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let (output, errors) = (folder.path().join("out"), folder.path().join("err"));
    fs::write(&output, "what was there before, and is longer").unwrap();
    let outcome =
        run(&sh("echo o; echo e >&2").output(Sink::File(output.clone())).errors(Sink::File(errors.clone())));
    assert_eq!((outcome.output.total, outcome.errors.total), (Bytes(0), Bytes(0)));
    assert_eq!(
        (fs::read_to_string(output).unwrap().as_str(), fs::read_to_string(errors).unwrap().as_str()),
        ("o\n", "e\n")
    );
}

#[test]
fn input_is_nothing_bytes_or_a_file() {
    let cat = launch("cat", &[]);
    assert_eq!(run(&cat).output.bytes, b"");
    let bytes: Arc<[u8]> = (0..=255).cycle().take(1_000_000).collect();
    assert_eq!(run(&cat.clone().input(Input::Bytes(Arc::clone(&bytes)))).output.bytes, *bytes);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from a file").unwrap();
    assert_eq!(run(&cat.input(Input::File(file.path().into()))).output.bytes, b"from a file");
}

#[test]
fn a_program_may_close_its_streams_early_or_not_read() {
    let outcome = run(&sh("exec >&- 2>&- <&-; sleep 0.2; exit 3"));
    assert_eq!(outcome.status, Status::Failed { code: 3 });
    assert!(outcome.usage.wall.0 >= 0.2);
    let unread: Arc<[u8]> = vec![b'x'; 10 << 20].into();
    assert_eq!(run(&launch("true", &[]).input(Input::Bytes(unread))).status, Status::Finished);
}

#[test]
fn what_late_children_write_is_read() {
    // The program ends at once, its child some milliseconds later.
    one_of_five("what is late is read", || {
        let outcome = run(&sh("(sleep 0.02; echo late) & echo early"));
        text(&outcome.output.bytes) == "early\nlate\n" && outcome.findings.is_empty()
    });
}

#[test]
fn a_reader_that_leaves_ends_its_writer() {
    assert_eq!(run(&sh("yes | head -1")).output.bytes, b"y\n");
    assert!(try_run(&sh("true")).is_ok());
}
