//! What identifies a task from one run to the next: its content, not its position.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Row;

/// The identity of a task: 128 bits of a hash of its command, its inputs, and which of equal tasks it is.
///
/// With inputs inserted, removed or reordered, all others keep their keys, and so their recorded outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey([u8; 16]);

/// Hashes strings so that no two different lists of strings give the same bytes.
pub(super) struct Hasher(blake3::Hasher);

impl Hasher {
    pub(super) fn new(purpose: &str) -> Self {
        Self(blake3::Hasher::new()).text(purpose.as_bytes())
    }

    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self.0.update(&(text.len() as u64).to_le_bytes()).update(text);
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        bytes
    }
}

/// Gives each task its key and its seed.
pub(super) struct Keys {
    command: [u8; 16],
    seed: u64,
    uses_seed: bool,
    uses_number: bool,
    /// How often inputs with this hash came, so far.
    occurrences: HashMap<u64, u32>,
    seeds: HashSet<u32>,
}

impl Keys {
    /// `command` is the hash of all that the tasks have in common.
    pub(super) fn new(command: [u8; 16], seed: u64, uses_seed: bool, uses_number: bool) -> Self {
        let (occurrences, seeds) = (HashMap::new(), HashSet::new());
        Self { command, seed, uses_seed, uses_number, occurrences, seeds }
    }

    /// Returns the key and the seed of the next task; `data` identifies what it reads as standard input.
    pub(super) fn next(&mut self, number: u64, row: &Row, data: Option<[u8; 16]>) -> (TaskKey, u64) {
        let mut hasher = Hasher::new("inputs");
        for value in row.values() {
            hasher = hasher.text(value.as_bytes());
        }
        let content = hasher.text(data.as_ref().map_or(&[], |data| data.as_slice())).finish();
        let short = u64::from_le_bytes(content[..8].try_into().expect("eight of sixteen bytes"));
        let count = self.occurrences.entry(short).or_insert(0);
        let occurrence = u64::from(*count);
        *count += 1;
        let seed = if self.uses_seed { self.seed_of(&content, occurrence) } else { 0 };
        let mut hasher = Hasher::new("task").text(&self.command).text(&content).number(occurrence);
        if self.uses_number {
            hasher = hasher.number(number);
        }
        (TaskKey(hasher.number(seed).finish()), seed)
    }

    /// Returns a seed of 31 bits, which every language's generator takes, and no two tasks of a run the same.
    fn seed_of(&mut self, content: &[u8; 16], occurrence: u64) -> u64 {
        for attempt in 0.. {
            let hash = Hasher::new("seed")
                .number(self.seed)
                .text(content)
                .number(occurrence)
                .number(attempt)
                .finish();
            let seed = u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3] & 0x7f]);
            if self.seeds.insert(seed) {
                return u64::from(seed);
            }
        }
        unreachable!("a run has fewer tasks than there are seeds")
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for TaskKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let byte = |index: usize| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..16).map(byte).collect();
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) if text.len() == 32 => Ok(Self(bytes)),
            _ => Err(serde::de::Error::custom("a key has 32 hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys_of(inputs: &[String], uses_number: bool) -> Vec<(TaskKey, u64)> {
        let mut keys = Keys::new([7; 16], 42, true, uses_number);
        let row = |text: &String| Row::unnamed(vec![text.into()]);
        (1..).zip(inputs).map(|(number, text)| keys.next(number, &row(text), None)).collect()
    }

    #[test]
    fn lists_of_strings_are_told_apart() {
        let row = |words: &[&str]| Row::unnamed(words.iter().map(Into::into).collect());
        let key = |words: &[&str]| Keys::new([0; 16], 0, false, false).next(1, &row(words), None).0;
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&[""]), key(&[]));
        assert_eq!(key(&["a"]), key(&["a"]));
    }

    proptest! {
        #[test]
        fn insertion_removal_and_reordering_keep_the_keys_of_the_others(
            inputs in prop::collection::vec("[a-c]{1,2}", 1..12),
            extra in "[d-f]{1,2}",
            place in any::<prop::sample::Index>(),
        ) {
            let before = keys_of(&inputs, false);
            let mut longer = inputs.clone();
            longer.insert(place.index(inputs.len() + 1), extra);
            let after = keys_of(&longer, false);
            prop_assert!(before.iter().all(|key| after.contains(key)));
            prop_assert_eq!(after.iter().filter(|key| !before.contains(key)).count(), 1);
            let mut reversed = inputs.clone();
            reversed.reverse();
            let mut keys = keys_of(&reversed, false);
            let mut sorted = before.clone();
            keys.sort_unstable();
            sorted.sort_unstable();
            prop_assert_eq!(keys, sorted);
            // Equal inputs are different tasks, with different seeds.
            let distinct: HashSet<_> = before.iter().map(|(_, seed)| seed).collect();
            prop_assert_eq!(distinct.len(), inputs.len());
        }
    }
}
