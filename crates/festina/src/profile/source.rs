//! Source with its cost, a table a file.

use std::collections::{BTreeMap, BTreeSet};

use festina_profile::{Profile, Recording};
use festina_report::{Block, Cell, Column, Table, Tone, Unit};

/// Files that are shown, lines of each, and what of a file is shown around a line with a cost.
const FILES: usize = 6;
const MOST_LINES: usize = 200;
const BEFORE: u32 = 4;
const BEHIND: u32 = 2;
/// Lines with a smaller share of the elapsed time have no cost.
const LEAST_SHARE: f64 = 0.002;

/// What a line costs, as shares of the elapsed time.
#[derive(Clone, Copy, Default)]
struct Cost {
    own: f64,
    total: f64,
}

/// Returns the source of the files with the costliest lines, with the cost of each line.
pub(super) fn source(profile: &Profile, recording: &Recording) -> Vec<Block> {
    let mut files: Vec<(&str, BTreeMap<u32, Cost>)> = Vec::new();
    for spot in profile.lines.iter().filter(|spot| spot.share.value >= LEAST_SHARE) {
        if recording.source_at(&spot.file, spot.line).is_none() {
            continue;
        }
        let index = files.iter().position(|(file, _)| *file == spot.file).unwrap_or_else(|| {
            files.push((&spot.file, BTreeMap::new()));
            files.len() - 1
        });
        // Several functions may stand on one line; what one of them calls there is in the total of the other.
        let cost = files[index].1.entry(spot.line).or_default();
        cost.own += spot.self_share.value;
        cost.total = cost.total.max(spot.share.value);
    }
    files.into_iter().take(FILES).map(|(file, costs)| table(file, &costs, recording).into()).collect()
}

fn table(file: &str, costs: &BTreeMap<u32, Cost>, recording: &Recording) -> Table {
    let shown: BTreeSet<u32> = costs
        .keys()
        .flat_map(|line| line.saturating_sub(BEFORE)..=line.saturating_add(BEHIND))
        .filter(|line| recording.source_at(file, *line).is_some())
        .collect();
    let mut table = Table::new([
        Column::number("line", Unit::Number),
        Column::number("self", Unit::Fraction).emphasized(),
        Column::number("total", Unit::Fraction),
        Column::text("source"),
    ])
    .with_caption(file);
    let mut last = None;
    for line in shown.into_iter().take(MOST_LINES) {
        if last.is_some_and(|last| last + 1 < line) {
            table.row([Cell::text("…").with_tone(Tone::Muted)]);
        }
        last = Some(line);
        let share = |value: f64| match value {
            value if value < LEAST_SHARE => Cell::default(),
            value => Cell::value(value, &Unit::Fraction),
        };
        let cost = costs.get(&line).copied().unwrap_or_default();
        let text = recording.source_at(file, line).unwrap_or_default();
        table.row([
            Cell::text(line.to_string()).with_tone(Tone::Muted),
            share(cost.own),
            share(cost.total),
            Cell::text(code(text)),
        ]);
    }
    table
}

/// Returns a line of source as code, with its indentation.
fn code(text: &str) -> String {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return String::new();
    }
    let indent = |c: char| if c == '\t' { "\u{a0}".repeat(4) } else { "\u{a0}".to_owned() };
    let indent: String = text[..text.len() - trimmed.len()].chars().map(indent).collect();
    format!("`{indent}{}`", trimmed.trim_end().replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_is_kept_and_empty_lines_stay_empty() {
        assert_eq!(code("    x = `y` \n"), "`\u{a0}\u{a0}\u{a0}\u{a0}x = 'y'`");
        assert_eq!(code("  \n"), "");
    }
}
