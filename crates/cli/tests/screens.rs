//! What people see, as snapshots: `TRYCMD=overwrite cargo test -p festina-cli`, then read the diff.

#[test]
fn screens_are_as_documented() {
    trycmd::TestCases::new().case("tests/screens/*.md").case("tests/screens/*.toml");
}
