use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use festina_types::Status;
use proptest::prelude::*;

use super::*;
use crate::tasks::{Row, key::Keys};

fn record(number: u64, input: &[u8], end: TaskEnd) -> Record {
    let inputs = vec![OsString::from_vec(input.to_vec())];
    let key = Keys::new([1; 16], 0, false, false).next(number, &Row::unnamed(inputs.clone()), None).0;
    Record {
        key,
        number,
        inputs,
        end,
        attempts: 1 + number as u32 % 2,
        started_at_us: 1_763_800_000_123_456,
        wall_us: 312,
        user_us: 200,
        system_us: 100,
        run_delay_us: 0,
        lost_us: number % 3,
        peak_rss_bytes: 1_540_096,
        slot: 1,
        host: None,
        value: number.is_multiple_of(2).then(|| OsString::from_vec(input.to_vec())),
    }
}

fn session() -> Session {
    Session {
        version: JOURNAL_VERSION,
        command: vec!["echo".into(), "{}".into()],
        identity: "1f".to_owned(),
        columns: vec!["input".to_owned()],
        slots: 2,
        cores_per_task: 1,
        block: None,
        seed: 0,
        host: "a".to_owned(),
        started_at_unix_s: 1.5,
    }
}

fn ends() -> [TaskEnd; 7] {
    [
        TaskEnd::Ran(Status::Finished),
        TaskEnd::Ran(Status::Failed { code: 3 }),
        TaskEnd::Ran(Status::Killed { signal: 9 }),
        TaskEnd::Ran(Status::TimedOut),
        TaskEnd::Ran(Status::OutOfMemory),
        TaskEnd::Ran(Status::Canceled),
        TaskEnd::NotStarted("command not found: x".to_owned()),
    ]
}

/// Writes a journal of a session and one outcome for each of `inputs`.
fn written(inputs: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf, Vec<Record>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path).unwrap();
    journal.append(&Line::Session(session())).unwrap();
    let records: Vec<_> = (1..)
        .zip(inputs)
        .map(|(number, input)| record(number, input, ends()[number as usize % 7].clone()))
        .collect();
    for record in &records {
        let offset = journal.append(&Line::Task(Box::new(record.clone()))).unwrap();
        assert_eq!(journal.record_at(offset).unwrap(), *record);
    }
    (folder, path, records)
}

#[test]
fn what_is_written_is_read() {
    let inputs = [b"a".to_vec(), b"\xff\n\0".to_vec(), vec![b'x'; 3000], b"\"quoted\" {}".to_vec(), vec![]];
    let (_folder, path, records) = written(&inputs);
    let reading = Reading::read(&path).unwrap();
    assert_eq!((reading.sessions.as_slice(), reading.damaged.len()), ([session()].as_slice(), 0));
    assert_eq!(reading.records(&path).unwrap(), records);
}

#[test]
fn a_short_record_is_short() {
    let (_folder, path, _) = written(&[b"a".to_vec()]);
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().nth(1).unwrap();
    assert!(line.len() < 200, "{} bytes: {line}", line.len());
}

#[test]
fn a_torn_line_is_closed_and_told() {
    let (_folder, path, records) = written(&[b"a".to_vec(), b"b".to_vec()]);
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 1]).unwrap();
    let reading = Reading::read(&path).unwrap();
    assert_eq!(
        reading.records(&path).unwrap(),
        records[..1],
        "without its end a line was not wholly written"
    );
    assert!(reading.damaged[0].is_torn);
    let mut journal = Journal::open(&path).unwrap();
    journal.append(&Line::Task(Box::new(record(9, b"c", ends()[0].clone())))).unwrap();
    let inputs: Vec<_> =
        Reading::read(&path).unwrap().records(&path).unwrap().into_iter().map(|r| r.inputs).collect();
    assert_eq!(inputs, [["a"], ["b"], ["c"]]);
}

#[test]
fn the_last_outcome_of_a_task_counts() {
    let (_folder, path, _) = written(&[]);
    let mut journal = Journal::open(&path).unwrap();
    for end in [ends()[1].clone(), ends()[0].clone()] {
        journal.append(&Line::Task(Box::new(record(1, b"a", end)))).unwrap();
    }
    let records = Reading::read(&path).unwrap().records(&path).unwrap();
    assert_eq!((records.len(), &records[0].end), (1, &ends()[0]));
}

#[test]
fn another_version_and_another_user_are_refused() {
    let (_folder, path, _) = written(&[]);
    let mut journal = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(TaskError::InUse { .. })));
    journal.append(&Line::Session(Session { version: 2, ..session() })).unwrap();
    assert!(matches!(Reading::read(&path), Err(TaskError::JournalVersion { version: 2, .. })));
}

#[test]
fn a_full_disk_is_told_and_keeps_what_was_written() {
    // /dev/full takes nothing; a real file keeps what it has when a write fails.
    let error = Journal::open(Path::new("/dev/full"))
        .and_then(|mut journal| journal.append(&Line::Session(session())));
    assert!(matches!(error, Err(TaskError::NoSpace { .. })), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_costs_only_what_it_hits(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 1..8),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
        cut in any::<bool>(),
    ) {
        let distinct: std::collections::BTreeSet<_> = inputs.into_iter().collect();
        let (_folder, path, records) = written(&distinct.into_iter().collect::<Vec<_>>());
        let mut text = fs::read(&path).unwrap();
        let place = place.index(text.len());
        if cut {
            text.truncate(place);
        } else {
            text[place] ^= flip;
        }
        fs::write(&path, &text).unwrap();
        // A session whose version was hit would be refused only with a right checksum, which damage does not have.
        let reading = Reading::read(&path).unwrap();
        let kept = reading.records(&path).unwrap();
        prop_assert!(kept.iter().all(|record| records.contains(record)), "nothing is invented");
        let original = Reading::read_lines_before(&text, place);
        let before = records.iter().take(original.saturating_sub(1)).count();
        prop_assert_eq!(&kept[..before.min(kept.len())], &records[..before], "all before the damage is kept");
        if !cut {
            // At most the line that was hit, and the next where its end was.
            prop_assert!(kept.len() + 2 >= records.len());
            prop_assert!(!reading.damaged.is_empty());
        }
    }
}

impl Reading {
    /// Returns how many whole lines lie before `place`.
    fn read_lines_before(text: &[u8], place: usize) -> usize {
        text[..place.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
    }
}
