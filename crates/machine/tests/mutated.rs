//! Machines whose files were damaged: whatever they say, the answer holds together.

mod fake;

use fake::Fake;
use festina_machine::Probe;
use festina_types::Seconds;
use proptest::prelude::*;

const MACHINES: [&str; 6] = [
    "docker-version-1",
    "nested-quota",
    "power-lsf",
    "big-little-board",
    "offline-threads-taskset",
    "garbage",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn damaged_files_never_break_the_answer(
        name in prop::sample::select(&MACHINES[..]),
        damages in prop::collection::vec((any::<prop::sample::Index>(), "[-0-9,: /a-z\n]{0,3}"), 1..40),
    ) {
        let fake = Fake::unpack_with(name, |text| {
            let mut text = text.to_owned();
            for (index, damage) in &damages {
                if text.is_ascii() && !text.is_empty() {
                    let at = index.index(text.len());
                    text.replace_range(at..(at + damage.len()).min(text.len()), damage);
                }
            }
            text
        });
        let machine = fake.detect();
        let cpus = machine.available_cpus();
        prop_assert!(!cpus.is_empty());
        prop_assert!(machine.workers.workers >= 1 && machine.workers.workers as usize <= cpus.len());
        prop_assert!(machine.workers.workers <= machine.workers.of);
        let placement = machine.placement();
        prop_assert_eq!(&placement.cpus(u32::MAX), cpus);
        prop_assert_eq!(placement.order().len(), cpus.len());
        let (memory, available) = (machine.limits.memory, machine.limits.memory_available);
        prop_assert!(memory.zip(available).is_none_or(|(memory, available)| available <= memory));
        let json = serde_json::to_string(&machine).unwrap();
        prop_assert_eq!(serde_json::from_str::<festina_machine::Machine>(&json).unwrap(), machine.clone());
        let mut probe = Probe::open(&fake.source());
        probe.start(cpus);
        prop_assert!(probe.finish(Seconds(0.0)).other_cpu.is_none_or(|other| other.0 >= 0.0));
    }
}
