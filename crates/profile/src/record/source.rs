//! The source around the lines that took the most time: for the page, and as evidence for findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use festina_machine::target::TargetFiles;

use crate::export::stack_times;
use crate::recording::{Recording, SourceLine};

/// Lines with a smaller share of the time of all threads are not noted, nor more than so many.
const LEAST_SHARE: f64 = 0.002;
const MOST_LINES: usize = 200;
/// What is noted before a line, so that the loop around it is seen, and behind it.
const BEFORE: u32 = 40;
const BEHIND: u32 = 4;
/// No file of source that is read is longer.
const LONGEST: u64 = 4 << 20;

/// Notes the source of `recording`, whose processes look for files in `places`.
pub(super) fn note(recording: &mut Recording, places: &[TargetFiles]) {
    let mut wanted: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (file, line) in hottest(recording) {
        let around = line.saturating_sub(BEFORE).max(1)..=line.saturating_add(BEHIND);
        wanted.entry(file).or_default().extend(around);
    }
    for (file, lines) in wanted {
        let opened = places.iter().find_map(|place| place.file(Path::new(&file)));
        let Some(text) = opened.and_then(|opened| read(opened, recording.started_at_s)) else { continue };
        for (text, line) in text.lines().zip(1..).filter(|(_, line)| lines.contains(line)) {
            recording.source.push(SourceLine { file: file.clone(), line, text: text.to_owned() });
        }
    }
}

/// Returns the lines on which threads were most often, as their innermost or as a caller.
fn hottest(recording: &Recording) -> Vec<(String, u32)> {
    let mut times = vec![0; recording.frames.len()];
    let mut all = 0;
    for (index, states) in stack_times(recording).iter().enumerate() {
        let time: u64 = states.iter().sum();
        all += time;
        let mut stack = index as u32;
        while stack != 0 {
            let node = recording.stacks[stack as usize];
            times[node.frame as usize] += time;
            stack = node.parent;
        }
    }
    let mut hottest: Vec<usize> = (0..times.len())
        .filter(|index| times[*index] as f64 >= LEAST_SHARE * all as f64 && recording.frames[*index].line > 0)
        .collect();
    hottest.sort_by_key(|index| std::cmp::Reverse(times[*index]));
    let place = |index: usize| {
        let frame = recording.frames[index];
        (recording.functions[frame.function as usize].file.clone(), frame.line)
    };
    hottest.into_iter().take(MOST_LINES).map(place).collect()
}

/// Returns the text of `file`, unless it was changed since the program was started: its lines would be others.
fn read(file: File, started_at_s: f64) -> Option<String> {
    let changed = file.metadata().ok()?.modified().ok()?;
    let started = UNIX_EPOCH + Duration::try_from_secs_f64(started_at_s).ok()?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    (changed <= started).then(|| String::from_utf8_lossy(&bytes).into_owned())
}
