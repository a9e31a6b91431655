//! The fuzz targets, called with their seeds and with damaged copies of them: bounded, and without a nightly compiler.

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library of its own, where it is fuzzed")]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use targets::{TARGETS, Target};

/// So many damaged inputs a target.
const CASES: u32 = 150;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Returns the seeds of a target, in the order of their names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(fuzz().join("seeds").join(name)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What is done to a seed: bytes put over it or into it, a piece of it taken out or repeated, its end cut off.
#[derive(Clone, Debug)]
enum Damage {
    Overwrite(prop::sample::Index, Vec<u8>),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    // What parsers stumble over, beside anything.
    let telling = prop::sample::select(
        &[
            "-1",
            "1e999",
            "NaN",
            "18446744073709551616",
            "\"",
            "{",
            "}",
            "[",
            "\n",
            ",",
            ";",
            ":",
            "\0",
            "=",
            "..",
            "-",
        ][..],
    );
    let bytes = prop_oneof![
        telling.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (place(), bytes.clone()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        (place(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place(), 1..40_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (place(), 1..40_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        place().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let (Self::Overwrite(at, _)
        | Self::Insert(at, _)
        | Self::Remove(at, _)
        | Self::Repeat(at, _)
        | Self::Cut(at)) = self;
        let at = at.index(bytes.len() + 1);
        let end = |length: usize| (at + length).min(bytes.len());
        match self {
            Self::Overwrite(_, new) => _ = bytes.splice(at..end(new.len()), new.iter().copied()),
            Self::Insert(_, new) => _ = bytes.splice(at..at, new.iter().copied()),
            Self::Remove(_, length) => _ = bytes.drain(at..end(*length)),
            Self::Repeat(_, length) => {
                let piece = bytes[at..end(*length)].to_vec();
                bytes.splice(at..at, piece);
            }
            Self::Cut(_) => bytes.truncate(at),
        }
    }
}

fn exercise((name, call): Target) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    call(b"");
    for seed in &seeds {
        call(seed);
    }
    let inputs = (prop::sample::select(seeds), prop::collection::vec(damage(), 1..6));
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
    let damaged = runner.run(&inputs, |(mut bytes, damages)| {
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        call(&bytes);
        Ok(())
    });
    damaged.unwrap_or_else(|error| panic!("{name}: {error}"));
}

macro_rules! exercised {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            exercise((stringify!($name), targets::$name));
        })*

        #[test]
        fn every_target_is_exercised_and_can_be_fuzzed() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            for (name, _) in TARGETS {
                assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
                let target = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
                assert!(target.contains(&format!("festina_fuzz::{name}(bytes)")), "{name}");
            }
        }
    };
}

exercised!(
    machine, spec, times, tasks, samples, journal, check, instance, tour, plan, template, questions, inputs,
    frame
);
