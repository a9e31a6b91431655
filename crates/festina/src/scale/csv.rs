//! The measured points as comma-separated text, for programs: a number a column, and the unit in its name.

use festina_types::Estimate;

use super::result::{PointResult, ScaleResult, Verdict};

const COLUMNS: [&str; 17] = [
    "n",
    "p",
    "runs",
    "used",
    "disturbed",
    "time_s",
    "time_lower_s",
    "time_upper_s",
    "user_s",
    "system_s",
    "peak_rss_bytes",
    "speedup",
    "speedup_lower",
    "speedup_upper",
    "efficiency",
    "answer",
    "refusal",
];

/// Returns one line a measured point, below a header; what is not known is empty. Ends of intervals are those of 95 %.
pub fn scale_csv(result: &ScaleResult) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for point in &result.points {
        text += &(line(point).join(",") + "\n");
    }
    text
}

fn line(point: &PointResult) -> [String; COLUMNS.len()] {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let value = |estimate: Option<Estimate>| number(estimate.map(|e| e.value));
    let lower = |estimate: Option<Estimate>| number(estimate.and_then(|e| e.interval).map(|i| i.lower));
    let upper = |estimate: Option<Estimate>| number(estimate.and_then(|e| e.interval).map(|i| i.upper));
    [
        number(point.n),
        point.p.to_string(),
        point.runs.to_string(),
        point.used.to_string(),
        point.disturbed.to_string(),
        value(point.time_s),
        lower(point.time_s),
        upper(point.time_s),
        value(point.user_s),
        value(point.system_s),
        value(point.peak_rss_bytes),
        value(point.speedup),
        lower(point.speedup),
        upper(point.speedup),
        value(point.efficiency),
        answer(&point.verdict).to_owned(),
        quoted(point.refusal.as_deref().unwrap_or_default()),
    ]
}

fn answer(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same { .. } => "same",
        Verdict::Different { .. } => "different",
        Verdict::Unsure { .. } => "unsure",
        Verdict::Unchecked => "unchecked",
    }
}

/// Quotes text as RFC 4180 does, where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(quoted("its answer differs"), "its answer differs");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
