//! Sources of inputs against independent readings: naive loops, and Python's `csv` and `json`.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use festina_run::tasks::{Inputs, Origin, Row, Source, TableFormat, TaskError};
use proptest::prelude::*;

fn values(words: &[&str]) -> Source {
    Source::Values(words.iter().map(OsString::from).collect())
}

fn texts(inputs: &Inputs) -> Vec<Vec<String>> {
    let text = |row: Row| row.values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    inputs.open().unwrap().map(|row| text(row.unwrap())).collect()
}

fn table(folder: &tempfile::TempDir, text: &[u8], format: TableFormat) -> Inputs {
    let path = folder.path().join("table");
    fs::write(&path, text).unwrap();
    Inputs::new().product(Source::Table { origin: Origin::File(path), format })
}

fn error_of(inputs: &Inputs) -> TaskError {
    match inputs.open() {
        Err(error) => error,
        Ok(rows) => rows.filter_map(Result::err).next().expect("an error"),
    }
}

#[test]
fn no_source_is_one_task_and_an_empty_one_none() {
    assert_eq!(texts(&Inputs::new()), [[""; 0]]);
    assert!(texts(&Inputs::new().product(values(&["a"])).product(values(&[]))).is_empty());
    assert!(texts(&Inputs::new().product(values(&[])).product(values(&["a"]))).is_empty());
}

#[test]
fn lines_keep_every_byte_but_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    fs::write(&path, b"a b\r\n\n\xff\0x\n-n\nlast").unwrap();
    let rows = Inputs::new().product(Source::lines(&path)).open().unwrap();
    let lines: Vec<_> = rows.map(|row| row.unwrap().values()[0].as_encoded_bytes().to_vec()).collect();
    assert_eq!(lines, [b"a b\r".as_slice(), b"", b"\xff\0x", b"-n", b"last"]);
    let between_zeros = Source::Lines { origin: Origin::File(path), end: 0 };
    assert_eq!(texts(&Inputs::new().product(between_zeros)).len(), 2);
}

#[test]
fn quoted_fields_hold_commas_quotes_and_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    let csv = b"\xef\xbb\xbfcity,note\nRoma,\"a, \"\"b\"\"\nc\"\nOslo,\n";
    let rows: Vec<_> = table(&folder, csv, TableFormat::Csv).open().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows[0].column("city").unwrap(), "Roma", "the byte order mark is not part of a name");
    assert_eq!(rows[0].column("note").unwrap(), "a, \"b\"\nc");
    assert_eq!(rows[1].column("note").unwrap(), "");
    let tsv = table(&folder, b"a\tb\n\"1\t2\n", TableFormat::Tsv);
    assert_eq!(texts(&tsv), [["\"1", "2"]], "TSV has no quotes");
}

#[test]
fn json_keeps_text_numbers_and_the_order_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"z": "x\ny", "a": 1.10, "big": 12345678901234567890123, "l": [1, 2], "n": null}

{"a": true, "z": "é"}"#;
    let rows: Vec<_> =
        table(&folder, json.as_bytes(), TableFormat::JsonLines).open().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows[0].names(), ["z", "a", "big", "l", "n"]);
    assert_eq!(rows[0].to_string(), "x\ny 1.10 12345678901234567890123 [1, 2] ");
    assert_eq!((rows[1].column("a").unwrap(), rows[1].column("l")), ("true".as_ref(), None));
}

#[test]
fn errors_tell_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = |bytes: &[u8], format| {
        let message = error_of(&table(&folder, bytes, format)).to_string();
        message.rsplit_once('/').unwrap().1.to_owned()
    };
    assert_eq!(
        text(b"a,b\n1,2\n3\n", TableFormat::Csv),
        "table:3:1: the row has 1 fields, the first row has 2"
    );
    assert_eq!(
        text(b"{\"a\": 1}\n{\"a\" 1}\n", TableFormat::JsonLines),
        "table:2:6: not a JSON object: expected `:`"
    );
    assert!(text(b"{\"a\": 1}\n[1]\n", TableFormat::JsonLines).starts_with("table:2:"));
    assert_eq!(
        text(b"{\"a\": 1, \"a\": 2}", TableFormat::JsonLines),
        "table:1:1: the key 'a' is there twice"
    );
    assert!(matches!(
        error_of(&table(&folder, b"a,a\n1,2\n", TableFormat::Csv)),
        TaskError::ColumnTwice { .. }
    ));
    assert!(matches!(error_of(&table(&folder, b"", TableFormat::Csv)), TaskError::Malformed { line: 1, .. }));
    let missing = error_of(&Inputs::new().product(Source::lines("/nowhere/at-all")));
    assert_eq!(missing.to_string(), "inputs cannot be read from /nowhere/at-all");
    let input = || Source::Lines { origin: Origin::StandardInput, end: b'\n' };
    assert!(matches!(error_of(&Inputs::new().product(input()).link(input())), TaskError::InputTwice));
}

#[test]
fn patterns_find_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.txt", "c.csv"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let pattern =
        |end: &str| Inputs::new().product(Source::Pattern(format!("{}/{end}", folder.path().display())));
    let names: Vec<_> = texts(&pattern("*.txt")).into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names[0].ends_with("a.txt") && names[1].ends_with("b.txt"));
    assert!(error_of(&pattern("*.rs")).to_string().ends_with("*.rs' matches no file"));
    assert!(matches!(error_of(&pattern("***")), TaskError::Pattern { .. }));
}

/// What a program in Python makes of a table: one JSON list a row.
fn python(script: &str, text: &[u8]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    fs::write(&path, text).unwrap();
    let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn tables_agree_with_python() {
    let mut csv = Vec::from("a,b,c\n");
    let mut state = 1_u64;
    for _ in 0..2000 {
        let mut fields = Vec::new();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let alphabet = ['x', ',', '"', '\n', ' ', 'é', '\''];
            let text: String = (0..state >> 60).map(|i| alphabet[(state >> (3 * i)) as usize % 7]).collect();
            fields.push(format!("\"{}\"", text.replace('"', "\"\"")));
        }
        csv.extend((fields.join(",") + "\n").bytes());
    }
    let script = "import csv, json, sys\nfor row in list(csv.reader(open(sys.argv[1], newline='')))[1:]: print(json.dumps(row))";
    let folder = tempfile::tempdir().unwrap();
    let ours = texts(&table(&folder, &csv, TableFormat::Csv));
    assert_eq!(ours.len(), 2000);
    assert_eq!(ours, python(script, &csv));
}

proptest! {
    #[test]
    fn products_and_links_agree_with_nested_loops(
        sizes in prop::collection::vec(prop::collection::vec(0_usize..4, 1..3), 1..4),
    ) {
        let source = |group: usize, member: usize, size: usize| -> Vec<String> {
            (0..size).map(|row| format!("{group}.{member}.{row}")).collect()
        };
        let mut inputs = Inputs::new();
        let mut expected: Vec<Vec<String>> = vec![vec![]];
        for (group, members) in sizes.iter().enumerate() {
            for (member, &size) in members.iter().enumerate() {
                let words = Source::Values(source(group, member, size).into_iter().map(Into::into).collect());
                inputs = if member == 0 { inputs.product(words) } else { inputs.link(words) };
            }
            let shortest = *members.iter().min().unwrap();
            let mut next = Vec::new();
            for prefix in &expected {
                for row in 0..shortest {
                    let mut combined = prefix.clone();
                    combined.extend((0..members.len()).map(|member| format!("{group}.{member}.{row}")));
                    next.push(combined);
                }
            }
            expected = next;
        }
        prop_assert_eq!(inputs.open().unwrap().length(), Some(expected.len() as u64));
        prop_assert_eq!(texts(&inputs), expected);
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let folder = tempfile::tempdir().unwrap();
        for format in [TableFormat::Csv, TableFormat::Tsv, TableFormat::JsonLines] {
            if let Ok(rows) = table(&folder, &bytes, format).open() {
                rows.take(100).for_each(drop);
            }
        }
    }
}
