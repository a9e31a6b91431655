//! Caches: sizes, and how many hardware threads share one.

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use crate::cpu_set::CpuSet;
use crate::source::Source;
use crate::topology::{CPUS, Core};

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKind {
    /// Data only.
    Data,
    /// Instructions only.
    Instruction,
    /// Both.
    Unified,
}

/// All caches of one level, kind and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// The level, 1 being nearest to the core.
    pub level: u8,
    /// What it holds.
    pub kind: CacheKind,
    /// The size of one of them.
    pub size: Bytes,
    /// The size of a line.
    pub line: Option<Bytes>,
    /// How many of them there are.
    pub instances: u32,
    /// How many hardware threads share one (the largest such number).
    pub shared_by: u32,
}

/// One cache of a core, as `index0`, `index1`, … tell it.
#[derive(Clone, Copy)]
struct Shape {
    level: u8,
    kind: CacheKind,
    size: Bytes,
    line: Option<Bytes>,
    /// Whether no other core shares it.
    is_private: bool,
}

/// Returns the caches of `cores`.
///
/// Cores of one kind are taken to have caches of one shape, which is asked of the first of them; only of shared
/// caches each is asked who shares it. This is a matter of milliseconds on large machines.
pub(crate) fn read(source: &Source, cores: &[Core]) -> Vec<Cache> {
    let mut caches: Vec<Cache> = Vec::new();
    let mut shapes: Vec<(usize, Vec<Option<Shape>>)> = Vec::new();
    let mut covered: Vec<CpuSet> = Vec::new();
    for core in cores {
        let Some(cpu) = core.cpus.first() else { continue };
        let known = shapes.iter().position(|(kind, _)| *kind == core.kind);
        let known = known.unwrap_or_else(|| {
            shapes.push((core.kind, read_shapes(source, core, cpu)));
            shapes.len() - 1
        });
        for (index, shape) in shapes[known].1.iter().enumerate() {
            covered.resize_with(covered.len().max(index + 1), CpuSet::new);
            let Some(shape) = shape.filter(|_| !covered[index].contains(cpu)) else { continue };
            let sharers = match shape.is_private {
                true => core.cpus.clone(),
                false => sharers(source, cpu, index).union(&core.cpus),
            };
            covered[index] = covered[index].union(&sharers);
            count(&mut caches, shape, sharers.len() as u32);
        }
    }
    caches.sort_by_key(|cache| (cache.level, cache.kind));
    caches
}

fn sharers(source: &Source, cpu: u32, index: usize) -> CpuSet {
    source.cpus(&format!("{CPUS}/cpu{cpu}/cache/index{index}/shared_cpu_list")).unwrap_or_default()
}

fn count(caches: &mut Vec<Cache>, shape: Shape, sharers: u32) {
    let Shape { level, kind, size, line, .. } = shape;
    let same = |cache: &&mut Cache| (cache.level, cache.kind, cache.size) == (level, kind, size);
    match caches.iter_mut().find(same) {
        Some(cache) => {
            cache.instances += 1;
            cache.shared_by = cache.shared_by.max(sharers);
        }
        None => caches.push(Cache { level, kind, size, line, instances: 1, shared_by: sharers }),
    }
}

/// The deepest hierarchies have level 1 twice, then 2, 3 and 4.
const MOST_INDICES: usize = 8;

fn read_shapes(source: &Source, core: &Core, cpu: u32) -> Vec<Option<Shape>> {
    let folder = |index: usize| format!("{CPUS}/cpu{cpu}/cache/index{index}");
    (0..MOST_INDICES)
        .take_while(|&index| source.exists(&folder(index)))
        .map(|index| {
            let file = |name: &str| format!("{}/{name}", folder(index));
            let kind = source.parse(&file("type"), |text| match text {
                "Data" => Some(CacheKind::Data),
                "Instruction" => Some(CacheKind::Instruction),
                "Unified" => Some(CacheKind::Unified),
                _ => None,
            })?;
            let size = source.parse(&file("size"), parse_size)?;
            let line = source.number(&file("coherency_line_size")).map(Bytes);
            let is_private = sharers(source, cpu, index).is_subset(&core.cpus);
            Some(Shape { level: source.number(&file("level"))?, kind, size, line, is_private })
        })
        .collect()
}

/// Reads `32K`, `1024K` or `8M`; some ARM firmware says `0K`, which is none.
fn parse_size(text: &str) -> Option<Bytes> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|&size| size > 0).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("32K"), Some(Bytes(32_768)));
        assert_eq!(parse_size("8M"), Some(Bytes(8 << 20)));
        for text in ["0K", "", "K", "-1K", "3G ", "99999999999999999999K"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
