//! A set of CPUs (hardware threads), read and written the way the kernel does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::MachineError;

/// A set of CPU numbers, as the kernel numbers hardware threads.
///
/// Text and JSON have the kernel's list format:
///
/// ```
/// use festina_machine::CpuSet;
/// let cpus: CpuSet = "0-3,8,10-14:2".parse()?;
/// assert_eq!(cpus.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 8, 10, 12, 14]);
/// assert_eq!(cpus.to_string(), "0-3,8,10,12,14");
/// # Ok::<(), festina_machine::MachineError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct CpuSet {
    /// One bit a CPU; the last word is never 0, so that equal sets are equal values.
    words: Vec<u64>,
}

impl CpuSet {
    /// The largest CPU number; the kernel's own largest (`NR_CPUS`) is 8,192 on x86-64 and below this elsewhere.
    pub const LARGEST: u32 = 65_535;

    /// Returns the empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `cpu`.
    ///
    /// # Errors
    ///
    /// [`MachineError::CpuNumber`] if it is above [`CpuSet::LARGEST`].
    pub fn insert(&mut self, cpu: u32) -> Result<(), MachineError> {
        if cpu > Self::LARGEST {
            return Err(MachineError::CpuNumber { cpu: cpu.into() });
        }
        let word = cpu as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (cpu % 64);
        Ok(())
    }

    /// Returns the number of CPUs in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns whether the set has no CPU.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns whether `cpu` is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.words.get(cpu as usize / 64).is_some_and(|word| word >> (cpu % 64) & 1 == 1)
    }

    /// Returns the smallest CPU number.
    pub fn first(&self) -> Option<u32> {
        self.iter().next()
    }

    /// Returns the CPUs in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0_u32..).flat_map(|(&word, index)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.checked_sub(1)?;
                Some(index * 64 + bit)
            })
        })
    }

    /// Returns the CPUs that are in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        Self::from_words(self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect())
    }

    /// Returns the CPUs that are in either set.
    pub fn union(&self, other: &Self) -> Self {
        let word = |set: &Self, index: usize| set.words.get(index).copied().unwrap_or(0);
        let words = self.words.len().max(other.words.len());
        Self::from_words((0..words).map(|index| word(self, index) | word(other, index)).collect())
    }

    /// Returns the CPUs of this set that are not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let without = |(index, word): (usize, &u64)| word & !other.words.get(index).copied().unwrap_or(0);
        Self::from_words(self.words.iter().enumerate().map(without).collect())
    }

    /// Returns whether every CPU of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    fn from_words(mut words: Vec<u64>) -> Self {
        let used = words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        words.truncate(used);
        Self { words }
    }
}

impl FromIterator<u32> for CpuSet {
    /// Collects CPU numbers; those above [`CpuSet::LARGEST`], which no kernel has, are left out.
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        let mut set = Self::new();
        for cpu in cpus {
            let _ = set.insert(cpu);
        }
        set
    }
}

impl FromStr for CpuSet {
    type Err = MachineError;

    /// Reads `0-3,8`, with an optional stride as in `0-30:2` or the kernel's `0-31:2/8` (2 of each 8). Empty text
    /// is the empty set, as in `/sys/devices/system/cpu/offline`.
    fn from_str(text: &str) -> Result<Self, MachineError> {
        let error = || MachineError::CpuList { text: text.to_owned() };
        let mut set = Self::new();
        for part in text.trim().split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (range, stride) = part.split_once(':').unwrap_or((part, ""));
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (number(first).ok_or_else(error)?, number(last).ok_or_else(error)?);
            let (used, group) = read_stride(stride).ok_or_else(error)?;
            if first > last {
                return Err(error());
            }
            if last > u64::from(Self::LARGEST) {
                return Err(MachineError::CpuNumber { cpu: last });
            }
            for cpu in (first..=last).filter(|cpu| (cpu - first) % group < used) {
                set.insert(cpu as u32)?;
            }
        }
        Ok(set)
    }
}

fn number(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads what stands after the colon as (used, group): nothing is all, `2` is the first of each 2.
fn read_stride(text: &str) -> Option<(u64, u64)> {
    let (used, group) = match text.split_once('/') {
        Some((used, group)) => (number(used)?, number(group)?),
        None if text.is_empty() => (1, 1),
        None => (1, number(text)?),
    };
    (1..=group).contains(&used).then_some((used, group))
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = cpus.next() {
            let mut last = first;
            while let Some(next) = cpus.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{separator}{first}")?,
                _ => write!(f, "{separator}{first}-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSet({self})")
    }
}

impl Serialize for CpuSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CpuSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap()
    }

    #[test]
    fn lists_of_large_machines_are_read() {
        assert_eq!(set("0-255,512-767").len(), 512);
        assert_eq!(set("").len(), 0);
        assert_eq!(set("0,128\n"), CpuSet::from_iter([0, 128]));
        // The kernel's example: of 0-1023 the first 16 of each 256.
        assert_eq!(set("0-1023:16/256").to_string(), "0-15,256-271,512-527,768-783");
    }

    #[test]
    fn garbage_is_refused() {
        for text in
            ["a", "1-", "-1", "3-1", "+3", "1-2-3", "0-4:0", "0-4:3/2", "0x3", "1 2", "99999999999999999999"]
        {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
        assert_eq!("0-4000000000".parse::<CpuSet>(), Err(MachineError::CpuNumber { cpu: 4_000_000_000 }));
    }

    #[test]
    fn equal_sets_are_equal_values() {
        assert_eq!(set("0-200").intersection(&set("3,300")), set("3"));
        assert_eq!(set("0-200").difference(&set("2-200")), set("0-1"));
        assert_eq!(set("64").difference(&set("64")), CpuSet::new());
        assert!(set("").is_subset(&set("")) && !set("7").is_subset(&set("0-6")));
    }

    fn cpus() -> impl Strategy<Value = BTreeSet<u32>> {
        prop::collection::btree_set(0_u32..700, 0..80)
    }

    proptest! {
        #[test]
        fn lists_survive_a_round_trip(cpus in cpus()) {
            let set = CpuSet::from_iter(cpus.iter().copied());
            prop_assert_eq!(set.len(), cpus.len());
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), cpus);
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set.clone());
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<CpuSet>(&json).unwrap(), set);
        }

        #[test]
        fn algebra_agrees_with_sorted_sets(a in cpus(), b in cpus()) {
            let (x, y) = (CpuSet::from_iter(a.iter().copied()), CpuSet::from_iter(b.iter().copied()));
            prop_assert_eq!(x.intersection(&y), CpuSet::from_iter(a.intersection(&b).copied()));
            prop_assert_eq!(x.union(&y), CpuSet::from_iter(a.union(&b).copied()));
            prop_assert_eq!(x.difference(&y), CpuSet::from_iter(a.difference(&b).copied()));
            prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[-0-9,:/ a]*") {
            let _ = text.parse::<CpuSet>();
        }
    }
}
