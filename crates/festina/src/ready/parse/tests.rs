use super::*;

const WHOLE: &str = r#"
[project]
name = "churn"

[data]
rows_now = 100_000
rows_target = ["10x", 3_000_000]

[train]
cmd = "python train.py --rows {rows} --out {model}"
target = "10 min"
memory = "16 GiB"
cores_var = "OMP_NUM_THREADS"

[predict]
cmd = "python predict.py --rows {rows} --model-file {model}"
target = 120

[serve]
cmd = "uvicorn app:app --port {port} --workers {workers}"
env = { MODEL = "{model}" }
ready = "GET /healthz"
request = { method = "POST", path = "/predict", body = "requests.jsonl", check = { status = 200, json = "/p/0" } }
slo = { p99 = "100 ms", errors = "0.1 %" }
rate_now = 40
rate_target = "5x"
arrivals = "poisson"
survive_loss_of = 2

[cost]
core_hour = 0.04

[ci]
fail_on = "unsure"
"#;

#[test]
fn every_key_is_read() {
    let project = parse_project("festina.toml", WHOLE).unwrap();
    let data = project.data.unwrap();
    assert_eq!((data.rows_now, data.rows_target), (1e5, vec![1e6, 3e6]));
    let train = project.train.unwrap();
    assert_eq!((train.target, train.memory), (Seconds(600.0), Some(Bytes(16 << 30))));
    assert_eq!(project.predict.unwrap().target, Seconds(120.0));
    let serve = project.serve.unwrap();
    assert_eq!(serve.ready, ("GET".to_owned(), "/healthz".to_owned()));
    assert_eq!(serve.request.checks, ["json=/p/0", "status=200"]);
    assert_eq!(serve.slo.to_string(), "errors ≤ 0.1 %, p99 ≤ 100 ms");
    assert_eq!(serve.demand, Demand { rate: 200.0, headroom: 1.3, survive_loss_of: 2 });
    assert_eq!((project.cost.core_hour, project.fail_on), (Some(0.04), Some(FailOn::Unsure)));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_would_be_right() {
    let cases = [
        ("[trian]\ncmd = \"a\"", "line 1: unknown key 'trian'", "did you mean 'train'?"),
        (
            "[data]\nrows_now = 1\nrows_target = 2\n[train]\ncmd = \"a {rows}\"\ntraget = \"1m\"",
            "line 6: unknown key 'traget'",
            "did you mean 'target'?",
        ),
        (
            "[data]\nrows_now = 1\nrows_target = 2\n[train]\ncmd = \"a {row}\"",
            "line 5: unknown placeholder {row}",
            "did you mean {rows}?",
        ),
        ("[data]\nrows_now = 10", "line 1: rows_target is missing", "30x"),
        ("[train]\ncmd = \"a {rows}\"\ntarget = \"1m\"", "line 1: [train] has no rows to grow", "[data]"),
        (
            "[data]\nrows_now = 1\nrows_target = 2\n[train]\ncmd = \"a\"\ntarget = \"1m\"",
            "line 4: [train] mentions neither",
            "put {rows}",
        ),
        ("[serve]\ncmd = \"a\"", "line 1: {port} is missing", "free port"),
        ("[serve]\ncmd = \"a {port}\"", "line 1: slo is missing", "p99"),
        (
            "[serve]\ncmd = \"a {port}\"\nslo = \"p99=1s\"\nrate_target = \"5x\"",
            "line 4: 5x of what?",
            "rate_now",
        ),
        (
            "[serve]\ncmd = \"a {port} {model}\"\nslo = \"p99=1s\"\nrate_target = 5",
            "line 1: [serve] wants a {model}",
            "[train]",
        ),
        ("", "line 1: nothing is asked", "--init"),
    ];
    for (text, message, hint) in cases {
        let error = parse_project("festina.toml", text).unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.hint().unwrap().contains(hint), "{text}: {:?}", error.hint());
    }
}

#[test]
fn values_of_the_wrong_kind_are_named_with_their_line() {
    let with = |line: &str| format!("[data]\nrows_now = 10\n{line}\n");
    let cases = [
        (with("rows_target = \"ten\""), "line 3: expected a positive number"),
        (with("rows_target = \"-3x\""), "line 3: expected a number, or a multiple"),
        (with("rows_target = 20\nfile = 3"), "line 4: expected a string"),
        ("[data]\nrows_now = 0.5\nrows_target = 2".to_owned(), "line 2: expected a whole number"),
        ("[cost]\ncore_hour = -1".to_owned(), "line 2: expected a price"),
        ("[ci]\nfail_on = \"never\"".to_owned(), "line 2: expected \"not-ready\""),
        ("[serve]\nslo = { p99 = \"fast\" }".to_owned(), "line 2: "),
        ("[serve]\narrivals = \"constant\"".to_owned(), "line 2: expected \"poisson\""),
        ("[serve]\nready = \"healthz\"".to_owned(), "line 2: expected a request"),
        ("train = 3".to_owned(), "line 1: expected a table"),
    ];
    for (text, message) in cases {
        let error = parse_project("festina.toml", &text).unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "(\\PC|\n){0,200}") {
        let _ = parse_project("fuzz", &text);
    }
}
