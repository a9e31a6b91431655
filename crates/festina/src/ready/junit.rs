//! Verdicts as the test cases that build servers show.

use std::fmt::Write;

use super::project::FailOn;
use super::result::{Question, ReadyResult, Verdict};

/// Returns `result` as a `JUnit` file: a case a question, NOT READY as a failure, UNSURE as skipped, or as a failure where
/// `[ci] fail_on = "unsure"` says so.
pub fn junit(result: &ReadyResult) -> String {
    let fails = |question: &&Question| {
        question.verdict == Verdict::NotReady
            || (question.verdict == Verdict::Unsure && result.fail_on == Some(FailOn::Unsure))
    };
    let skips = |question: &&Question| question.verdict == Verdict::Unsure && !fails(question);
    let (failures, skipped) =
        (result.questions.iter().filter(fails).count(), result.questions.iter().filter(skips).count());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuite name=\"festina ready: {}\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{:.3}\">",
        escaped(&result.project),
        result.questions.len(),
        result.elapsed_s.0
    );
    for question in &result.questions {
        let _ = write!(
            text,
            "  <testcase classname=\"{}\" name=\"{}: {}\"",
            escaped(&result.project),
            escaped(&question.id),
            escaped(&question.asks)
        );
        let element = if fails(&question) {
            "failure"
        } else if skips(&question) {
            "skipped"
        } else {
            let _ = writeln!(text, "/>");
            continue;
        };
        let _ = writeln!(
            text,
            ">\n    <{element} message=\"{}\">{}</{element}>",
            escaped(&message(question)),
            escaped(&advice(question))
        );
        let _ = writeln!(text, "  </testcase>");
    }
    text += "</testsuite>\n";
    text
}

fn message(question: &Question) -> String {
    format!("{} with probability {:.2}", question.verdict.words(), question.p_ready)
}

/// What would help, a line each.
fn advice(question: &Question) -> String {
    let fixes = question.fixes.iter().map(|fix| fix.change.clone());
    let findings = question.findings.iter().map(|finding| finding.message.clone());
    let next = question.next.iter().map(|next| next.what.clone());
    fixes.chain(next).chain(findings).collect::<Vec<_>>().join("\n")
}

/// Escapes what XML gives a meaning, and leaves out what it cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use festina_types::Seconds;

    use super::*;
    use crate::ready::Measure;

    fn result(fail_on: Option<FailOn>) -> ReadyResult {
        let question = |id: &str, p: f64| {
            let mut question = Question::new(id, format!("{id} <fast> & \"sure\""), Measure::Seconds, 1.0);
            question.answer(p);
            question
        };
        ReadyResult {
            project: "a&b".to_owned(),
            verdict: Verdict::NotReady,
            questions: vec![question("train", 0.99), question("predict", 0.5), question("serve", 0.0)],
            machine: String::new(),
            elapsed_s: Seconds(1.5),
            fail_on,
        }
    }

    #[test]
    fn each_verdict_is_a_case() {
        let text = junit(&result(None));
        assert!(text.contains("tests=\"3\" failures=\"1\" skipped=\"1\" time=\"1.500\""), "{text}");
        assert!(text.contains("<failure message=\"NOT READY with probability 0.00\">"), "{text}");
        assert!(text.contains("name=\"train: train &lt;fast&gt; &amp; &quot;sure&quot;\"/>"), "{text}");
        assert!(junit(&result(Some(FailOn::Unsure))).contains("failures=\"2\" skipped=\"0\""));
    }
}
