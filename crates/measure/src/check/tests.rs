use super::*;

fn check() -> Check {
    Check::default()
}

fn tolerant(relative: f64) -> Check {
    Check { tolerance: Tolerance { relative, absolute: 0.0 }, ..check() }
}

fn outcome(check: &Check, reference: &str, candidate: &str) -> CheckOutcome {
    compare(reference.as_bytes(), candidate.as_bytes(), &check.rules().unwrap(), &BTreeSet::new()).outcome
}

/// Returns the first difference.
fn difference(check: &Check, reference: &str, candidate: &str) -> String {
    match outcome(check, reference, candidate) {
        CheckOutcome::Different { first_difference } => first_difference,
        same => panic!("{same:?}"),
    }
}

#[test]
fn the_first_difference_is_told_in_words() {
    let cases = [
        ("a 1\nb 2\n", "a 1\nb 3\n", "line 2, column 3: 3 instead of 2"),
        ("one\ntwo\n", "one\ntoo\n", "line 2: 'too' instead of 'two'"),
        ("a\nb\n", "a\n", "line 2, 'b', is missing: 1 lines instead of 2"),
        ("a\n", "a\na\n", "line 2, 'a', is too much: 2 lines instead of 1"),
        ("a\nb\n", "a\nb", "the last line lacks its newline"),
        ("a\n", "a\r\n", "line 1: 'a\\r' instead of 'a' (only the carriage return at the end differs)"),
        ("x,y\n1,2\n", "x,y\n1,3\n", "line 2, column 'y': '3' instead of '2'"),
        ("x,y\n1,2\n", "x,z\n1,2\n", "the header is 'x,z' instead of 'x,y'"),
        ("x,y\n1,2\n3,4\n", "x,y\n1,2\n", "line 3, '3,4', is missing: 1 rows instead of 2"),
        ("x,y\n1,2\n3,4\n", "x,y\n1\n3,4\n", "line 2: 1 fields instead of 2"),
        (r#"{"a": [1, 2]}"#, r#"{"a": [1, 3]}"#, "/a/1 is 3 instead of 2"),
        (r#"{"a": [1, 2]}"#, r#"{"a": [1]}"#, "/a has 1 elements instead of 2"),
        (r#"{"a": 1}"#, r#"{"b": 1}"#, "/a is missing"),
        (r#"{"a/b": null}"#, r#"{"a/b": false}"#, "/a~1b is false instead of null"),
        (r#"{"a": 1}"#, r#"{"a": 1"#, "the output is no JSON: line 1: a comma or an end is missing"),
        ("{\"a\": 1}\n{\"a\": 2}\n", "{\"a\": 1}\n{\"a\": 3}\n", "line 2, /a is 3 instead of 2"),
    ];
    for (reference, candidate, expected) in cases {
        assert_eq!(difference(&check(), reference, candidate), expected);
    }
    let bytes = |r: &[u8], c: &[u8]| compare(r, c, &check().rules().unwrap(), &BTreeSet::new()).outcome;
    let first_difference = "byte 1: 0x03 instead of 0x02".to_owned();
    assert_eq!(bytes(&[0xff, 2], &[0xff, 3]), CheckOutcome::Different { first_difference });
}

#[test]
fn the_default_is_bit_for_bit() {
    for (reference, candidate) in [("1.0\n", "1.00\n"), ("a  b\n", "a b\n"), ("0.0\n", "-0.0\n"), ("\n", "")]
    {
        assert!(!outcome(&check(), reference, candidate).is_same(), "{reference:?}");
    }
    // In JSON, what is written differently may be the same value.
    assert_eq!(outcome(&check(), r#"{"a": 1, "b": 10.0}"#, r#"{"b":1e1,"a":1}"#), CheckOutcome::Reordered);
}

#[test]
fn tolerances_hold_for_numbers_within_text() {
    let near = "t = 1.0000000001 m, n=3\n";
    let CheckOutcome::WithinTolerance { max_relative, max_absolute, max_ulps } =
        outcome(&tolerant(1e-9), "t = 1.0 m, n=3\n", near)
    else {
        panic!("not within tolerance")
    };
    assert!((max_relative - 1e-10).abs() < 1e-14 && (max_absolute - 1e-10).abs() < 1e-14);
    // 1e-10 / 2^-52.
    assert_eq!(max_ulps, 450_360);
    assert!(!outcome(&tolerant(1e-11), "t = 1.0 m, n=3\n", near).is_same());
    assert!(!outcome(&tolerant(1e-9), "t = 1.0 m, n=3\n", "t = 1.0 m, n=4\n").is_same());
    assert!(outcome(&tolerant(1e-3), "  9.9995 x\n", " 10.0000 x\n").is_same(), "another width");
    assert!(outcome(&tolerant(1e-9), "a,b\n1.0,2\n", "a,b\n1.0000000001,2\n").is_same());
    assert!(outcome(&tolerant(1e-9), "[1.0]", "[1.0000000001]").is_same());
    assert!(outcome(&check(), "x nan\n", "x nan\n").is_same());
}

#[test]
fn order_is_free_where_it_is_said_to_be() {
    let free = Check { unordered: true, ..check() };
    assert_eq!(outcome(&free, "b\na\n", "a\nb\n"), CheckOutcome::Reordered);
    assert_eq!(outcome(&free, "h,i\n2,x\n1,y\n", "h,i\n1,y\n2,x\n"), CheckOutcome::Reordered);
    assert_eq!(outcome(&free, "{\"a\":1}\n{\"a\":2}\n", "{\"a\":2}\n{\"a\":1}\n"), CheckOutcome::Reordered);
    assert!(difference(&free, "h,i\n2,x\n1,y\n", "h,i\n1,y\n").contains("'2,x' of the reference is missing"));
    assert!(!outcome(&free, "[1, 2]", "[2, 1]").is_same(), "an array is no set of records");
    let near = Check { unordered: true, ..tolerant(1e-9) };
    assert!(outcome(&near, "a 1.0\nb 2.0\n", "b 2.0000000001\na 1.0\n").is_same());
}

#[test]
fn what_would_make_a_difference_vanish_is_told() {
    let hint = |reference: &str, candidate: &str| {
        compare(reference.as_bytes(), candidate.as_bytes(), &check().rules().unwrap(), &BTreeSet::new()).hint
    };
    assert!(hint("1.0\n", "1.0000000000000002\n").unwrap().ends_with("give --rtol 1e-9"));
    assert!(hint("0.0\n", "1e-17\n").unwrap().ends_with("--atol 1e-12"));
    assert!(hint("a\nb\n", "b\na\n").unwrap().ends_with("give --unordered"));
    assert!(hint("a 1.0\nb 1.0\n", "b 1.0\na 1.0000000000000002\n").unwrap().contains("--unordered --rtol"));
    assert_eq!(hint("1.0\n", "2.0\n"), None);
}

#[test]
fn ignored_text_columns_and_pointers_are_not_compared() {
    let ignoring = |pattern: &str| Check { ignore: vec![pattern.to_owned()], ..check() };
    let elapsed = ignoring("elapsed: [0-9.]+ s");
    assert!(outcome(&elapsed, "sum 3\nelapsed: 0.5 s\n", "sum 3\nelapsed: 12.25 s\n").is_same());
    assert!(outcome(&elapsed, "sum 3\n", "sum 3\nelapsed: 1 s\n").is_same(), "a whole line");
    assert!(outcome(&elapsed, "3, elapsed: 1 s\n", "3, elapsed: 2 s\n").is_same());
    assert!(!outcome(&elapsed, "3, elapsed: 1 s\n", "4, elapsed: 2 s\n").is_same());
    assert!(outcome(&ignoring("^time$"), "x,time\n1,5\n", "x,time\n1,6\n").is_same());
    assert!(!outcome(&ignoring("^time$"), "x,time\n1,5\n", "x,time\n2,6\n").is_same());
    assert!(outcome(&ignoring("/elapsed_s$"), r#"{"elapsed_s": 1}"#, r#"{"elapsed_s": 2}"#).is_same());
    assert!(outcome(&ignoring("^/timing/"), r#"{"timing": {"a": 1}}"#, r#"{"timing": {"a": 2}}"#).is_same());
    assert!(ignoring("(").rules().is_err() && ignoring("x*").rules().is_err());
}

#[test]
fn a_reference_that_varies_leaves_the_rest_to_compare() {
    let rules = check().rules().unwrap();
    let cases = [
        // The time varies; the sum beside it does not, and its change is seen.
        ("sum 3 in 0.5 s\n", "sum 3 in 0.6 s\n", "sum 3 in 0.1 s\n", "sum 4 in 0.1 s\n", "line 1"),
        ("k,t\n1,5\n2,5\n", "k,t\n1,6\n2,5\n", "k,t\n1,7\n2,8\n", "k,t\n1,7\n3,8\n", "column 't'"),
        (
            r#"{"r":[{"t":1,"v":1}]}"#,
            r#"{"r":[{"t":2,"v":1}]}"#,
            r#"{"r":[{"t":3,"v":1}]}"#,
            r#"{"r":[{"t":3,"v":2}]}"#,
            "/r/*/t",
        ),
    ];
    for (first, second, right, wrong, places) in cases {
        let variation = variation(first.as_bytes(), second.as_bytes(), &rules).unwrap();
        assert!(variation.describe().starts_with(places), "{}", variation.describe());
        let judge = |candidate: &str| {
            compare(first.as_bytes(), candidate.as_bytes(), &rules, &variation.places).outcome.is_same()
        };
        assert!(judge(right) && !judge(wrong), "{first}");
    }
    assert_eq!(variation(b"a\n", b"a\n", &rules), None);
    let shape = variation(b"a\n", b"a\nb\n", &rules).unwrap();
    assert!(shape.places.contains(&Place::Whole));
}

#[test]
fn checks_are_read_and_refused() {
    assert!(Check::parse("cmd:true".as_ref()).unwrap_err().to_string().contains("{candidate}"));
    assert!(Check::parse("file:".as_ref()).is_err());
    assert!(Check::parse("file:{x}".as_ref()).is_err());
    let negative = Check { tolerance: Tolerance { relative: -1.0, absolute: 0.0 }, ..check() };
    assert!(negative.rules().is_err());
    let csv = Check::parse("file:out.CSV".as_ref()).unwrap();
    assert_eq!(csv.rules().unwrap().format, Format::Csv);
    let stored = serde_json::to_string(&csv).unwrap();
    assert_eq!(serde_json::from_str::<Check>(&stored).unwrap(), csv);
    assert_eq!(serde_json::from_str::<Check>("{}").unwrap(), Check::default());
}

proptest::proptest! {
    #[test]
    fn an_output_is_itself_and_no_other(a in "[a1.,\n {}\"-]{0,30}", b in "[a1.,\n {}\"-]{0,30}") {
        proptest::prop_assert_eq!(outcome(&check(), &a, &a), CheckOutcome::Identical);
        // Bit for bit, only what means the same in JSON is the same.
        if a != b && detect(a.as_bytes()) != Format::Json && detect(a.as_bytes()) != Format::JsonLines {
            proptest::prop_assert!(!outcome(&check(), &a, &b).is_same());
        }
        let loose = Check { unordered: true, ..tolerant(0.5) };
        let _ = outcome(&loose, &a, &b);
    }
}
