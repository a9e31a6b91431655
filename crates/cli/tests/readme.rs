//! The README's transcript is what festina says: its command is run, and every line up to its forecast must come, but for
//! the numbers.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Returns the command and the lines of the first console block.
fn transcript(readme: &str) -> (String, Vec<String>) {
    let block = readme.split("```console\n").nth(1).expect("the README has a transcript");
    let block = block.split("```").next().unwrap();
    let mut lines = block.lines();
    let command = lines.next().unwrap().strip_prefix("$ ").expect("it begins with a command").to_owned();
    (command, lines.map(str::to_owned).collect())
}

/// What may differ from run to run beside numbers: units, dashes, counts "of" others, and whether laws disagree.
const VARYING: [&str; 13] =
    ["ns", "µs", "ms", "s", "B", "KiB", "MiB", "GiB", "–", "of", "laws", "disagree", "%"];

/// Writes every number as `#`, with its unit, and runs of them and of spaces as one.
fn masked(line: &str) -> String {
    let words = line.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', ';']));
    let words = words.filter(|word| !VARYING.contains(word));
    let words = words.map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
    let mut kept: Vec<&str> = words.collect();
    kept.dedup();
    kept.join(" ")
}

#[test]
fn the_transcript_is_what_festina_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (command, expected) = transcript(&readme);
    let state = tempfile::tempdir().unwrap();
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("festina"));
    let mut festina = Command::new(env!("CARGO_BIN_EXE_festina"));
    // The machine of a test is seldom quiet enough for a speed-up; the numbers are not compared.
    festina.args([words.next().unwrap(), "--accept-noise", "--budget", "15s", "--state"]).arg(state.path());
    let output = festina.args(words).current_dir(root()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let said_masked: Vec<String> = said.lines().map(masked).collect();
    // The rule under a table's head is as wide as the numbers below it.
    let is_text = |line: &&String| line.chars().any(|c| !c.is_whitespace() && c != '─' && c != '…');
    // The forecast's columns are as wide as its band, and wrap where that is wide: its words are looked for, wherever.
    assert!(said.contains("Forecast") && said.contains("extrapolated"), "{said}");
    for line in expected.iter().take_while(|line| *line != "Forecast").filter(is_text) {
        assert!(said_masked.contains(&masked(line)), "'{line}' is not among\n{said}");
    }
}

#[test]
fn numbers_are_masked_and_words_are_not() {
    assert_eq!(masked("32  128 ms  120 – 140 ms  7.8  extrapolated p 4×"), "# extrapolated p #");
    assert_ne!(masked("speed-up"), masked("efficiency"));
}
