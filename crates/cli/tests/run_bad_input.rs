//! `festina run` with what users do wrong and what machines do to them: one clear error with a hint, the documented exit
//! code, nothing lost, no process left behind.

mod festina;

use std::fs;

use festina::Festina;

#[test]
fn what_no_task_can_be_run_with_is_told_before_anything_runs() {
    let festina = Festina::new();
    festina.write("cities.csv", "city,n\nRome,1\n");
    festina.write("plain", "no program\n");
    for (arguments, parts) in [
        (&["--", "echo", "{a", ":::", "1"][..], &["unbalanced braces in '{a' at column 1", "{{ and }}"][..]),
        (&["--", "echo", "{}}", ":::", "1"], &["unbalanced braces in '{}}' at column 3"]),
        (
            &["--csv", "cities.csv", "--", "echo", "{cty}"],
            &["unknown placeholder {cty}", "did you mean {city}?"],
        ),
        (&["--", "echo", "{3}", ":::", "1", ":::", "2"], &["there is no input 3: a task has 2"]),
        (&["--", "no-such-program-at-all", ":::", "1"], &["command not found", "give its path"]),
        (&["--", "./plain", ":::", "1"], &["not executable", "chmod"]),
        (&["--", "./absent", ":::", "1"], &["absent"]),
        (&["--", "/tmp", ":::", "1"], &["folder"]),
        (&["--", "echo", "::::", "absent"], &["cannot be read from absent"]),
        (&["--csv", "absent", "--", "echo"], &["cannot be read from absent"]),
        (&[":::", "1"], &["no command"]),
        (&["--range", "1..x", "--", "echo"], &["'1..x' is not a range", "1..100"]),
        (&["--halt", "maybe", "--", "echo", ":::", "1"], &["'maybe' does not say when to stop", "never"]),
        (&["--nice", "99", "--", "echo", ":::", "1"], &["99"]),
        (
            &["--memory-growth", "0.5", "--", "echo", ":::", "1"],
            &["cannot grow by a factor of 0.5", "2 doubles it"],
        ),
        (&["--name", "a/b", "--", "echo", ":::", "1"], &["'a/b' cannot be the name of a run", "without /"]),
        (&["--name", "", "--", "echo", ":::", "1"], &["'' cannot be the name of a run"]),
        (&["--memory-growth", "nan", "--", "echo", ":::", "1"], &["cannot grow"]),
        (&["--pipe-file", "absent", "--", "wc"], &["cannot be read from absent"]),
        (&["--pipe-file", "plain", "--block", "0", "--", "wc"], &["blocks need a size"]),
        (&["--resume=absent", "--", "echo", ":::", "1"], &["no run is kept"]),
        (&["--table", "nowhere/out.csv", "--", "echo", ":::", "1"], &["nowhere"]),
    ] {
        let call = festina.run(&[&["run"], arguments].concat());
        assert!(!call.errors().contains("panicked"), "{}", call.errors());
        assert_eq!(call.output(), "", "{arguments:?}");
        for part in parts {
            assert!(call.errors().contains(part), "{arguments:?}: {}", call.errors());
        }
        let code = if arguments.contains(&"nowhere/out.csv") { 3 } else { 2 };
        call.code(code);
    }
    assert!(!festina.path().join(".festina").exists(), "nothing was begun");
}

#[test]
fn no_input_is_interpreted_whatever_it_holds() {
    let festina = Festina::new();
    let odd = [
        "a\nb",
        "it's",
        "\"q\"",
        "$(touch pwned)",
        "`touch pwned`",
        "-n",
        "--help",
        "*",
        "{}",
        " a  b ",
        "é",
        "",
    ];
    for shell in [&["--", "printf", "<%s>", "{}"][..], &["--shell", "printf '<%s>' {}"]] {
        let call = festina.run(&[&["run", "-k"], shell, &[":::"], &odd].concat());
        call.code(0);
        let expected: String = odd.iter().map(|text| format!("<{text}>")).collect();
        assert_eq!(call.output(), expected);
    }
    assert!(!festina.path().join("pwned").exists());
}

#[test]
fn inputs_that_no_program_can_take_cost_themselves_only() {
    let festina = Festina::new();
    fs::write(festina.path().join("inputs"), [&b"a\0b\n\xff\xfe\n"[..], &[b'x'; 200_000], b"\nc\n"].concat())
        .unwrap();
    let call =
        festina.run(&["run", "-k", "--table", "out.csv", "--", "printf", "%s,", "{}", "::::", "inputs"]);
    call.code(1);
    assert!(call.output().ends_with("c,"), "{}", call.output());
    for part in ["2 finished, 2 failed", "task 1 (a\\0b): an argument would hold a NUL byte", "task 3 (xxx"] {
        assert!(call.errors().contains(part), "{}", call.errors());
    }
    let table = fs::read(festina.path().join("out.csv")).unwrap();
    let lines = table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    assert_eq!(lines.count(), 5);
}

#[test]
fn rows_without_a_column_end_the_run_where_they_are() {
    let festina = Festina::new();
    festina.write("short.csv", "city,n\nRome,1\nOslo\n");
    let call = festina.run(&["run", "-k", "--csv", "short.csv", "--", "echo", "{city}"]);
    call.code(2);
    assert!(call.errors().contains("short.csv:3:1"), "{}", call.errors());
    assert_eq!(call.output(), "Rome\n", "the tasks before it have run");
    festina.write("rows.jsonl", "{\"a\": 1}\n{\"b\": 2}\n");
    let call = festina.run(&["run", "-k", "--jsonl", "rows.jsonl", "--", "echo", "{a}"]);
    call.code(1);
    assert!(call.errors().contains("task 2 has no column 'a'"), "{}", call.errors());
}

#[test]
fn each_way_to_fail_is_named() {
    let festina = Festina::new();
    let script = "case $0 in 1) exit 3;; 2) kill -SEGV $$;; 3) exec 1>&- 2>&-; sleep 0.1; exit 4;; \
                  4) trap '' TERM; while :; do sleep 0.05; done;; 5) (setsid sleep 4713 &); exit 0;; 6) cat;; esac";
    let arguments = [
        "run",
        "-j2",
        "--timeout",
        "2s",
        "--",
        "sh",
        "-c",
        script,
        "{}",
        ":::",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
    ];
    let call = festina.run(&arguments);
    call.code(1);
    for part in [
        "2 finished, 4 failed",
        "task 1 (1): failed with exit code 3",
        "task 2 (2): was killed by signal 11",
        "task 3 (3): failed with exit code 4",
        "task 4 (4): was stopped at its time limit",
        "task 5 (5): the program ended and left 'sleep' running: killed",
    ] {
        assert!(call.errors().contains(part), "{part} in {}", call.errors());
    }
    assert_eq!(festina.processes_left("sleep 4713"), 0);
}

#[test]
fn linked_sources_and_files_of_them_are_as_in_gnu_parallel() {
    let festina = Festina::new();
    festina.write("letters", "a\nb\nc\n");
    festina.write("numbers", "1\n2\n3\n");
    for (arguments, expected) in [
        (&["::::", "letters", "::::+", "numbers"][..], "a 1\nb 2\nc 3\n"),
        (&["::::", "letters", ":::+", "x", "y"], "a x\nb y\n"),
        (&[":::", "p", "q", "::::", "letters", "::::+", "numbers"], "p a\np b\np c\nq a\nq b\nq c\n"),
    ] {
        let call = festina.run(&[&["run", "-k", "--", "echo", "{1}", "{2}"], arguments].concat());
        assert_eq!((call.output().as_str(), call.errors().as_str()), (expected, ""));
    }
    let call = festina.run(&["run", "-k", "--", "echo", "{#} {.} {/} {//} {/.}", ":::", "/x/y.tar.gz"]);
    assert_eq!(call.output(), "1 /x/y.tar y.tar.gz /x y.tar\n");
}

#[test]
fn a_full_disk_ends_in_one_error_and_leaves_no_heap_of_outputs() {
    let festina = Festina::new();
    // Files may have 64 KiB: outputs that wait in files beyond what memory holds do not fit.
    let script = "ulimit -f 64; festina run -j1 --name full -- sh -c 'ulimit -f unlimited; yes | head -c 50000000' {} ::: 1";
    let full = festina.shell(script);
    full.refuses(3, &["no space left", "--resume"]);
    let left: Vec<_> = fs::read_dir(festina.path().join(".festina/full")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "the journal: {left:?}");
    // Where not even the beginning can be written, no run is left.
    let tiny = festina.shell("ulimit -f 0; festina run --state other -- true ::: 1");
    tiny.refuses(3, &["no space left"]);
    assert_eq!(fs::read_dir(festina.path().join("other")).unwrap().count(), 0);
}

#[test]
fn a_journal_that_was_damaged_anywhere_keeps_what_can_be_read() {
    let festina = Festina::new();
    let words = [
        "--name",
        "one",
        "--table",
        "out.csv",
        "--columns",
        "inputs,outcome,value",
        "--",
        "echo",
        "{}",
        ":::",
    ];
    let all = [&words[..], &["a", "b", "c", "d"]].concat();
    festina.run(&[&["run"], &all[..]].concat()).code(0);
    let table = || fs::read(festina.path().join("out.csv")).unwrap();
    let (path, expected) = (festina.path().join(".festina/one/tasks.journal"), table());
    let whole = fs::read(&path).unwrap();
    let resume: Vec<&str> = ["run", "--resume=one"].into_iter().chain(all.iter().skip(2).copied()).collect();
    for step in 0..12 {
        let at = whole.len() * step / 12;
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (step % 8);
        for broken in [&whole[..at], &flipped] {
            fs::write(&path, broken).unwrap();
            let call = festina.run(&resume);
            assert!(!call.errors().contains("panicked"), "{at}: {}", call.errors());
            call.code(0);
            assert!(table() == expected, "{at}: {}", String::from_utf8_lossy(&table()));
        }
    }
    let text = String::from_utf8(whole).unwrap();
    fs::write(&path, text.replace("festina-run-journal\":1", "festina-run-journal\":9")).unwrap();
    // Its checksum is that of version 1: it is damage, and everything runs again.
    festina.run(&resume).code(0);
}

#[test]
fn short_options_take_their_values_with_or_without_a_space() {
    let festina = Festina::new();
    for jobs in [&["-j2"][..], &["-j", "2"], &["-kj2"]] {
        let call = festina.run(&[&["run"], jobs, &["echo", "-n", "{}", ":::", "a"]].concat());
        assert_eq!((call.output().as_str(), call.errors().as_str()), ("a", ""), "{jobs:?}");
    }
    let call = festina.run(&["run", "--no-such-option", "--", "echo", ":::", "a"]);
    call.code(2);
    assert!(call.errors().contains("--no-such-option"), "{}", call.errors());
}
