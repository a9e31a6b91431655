//! What the cores of this machine do together: measured once a day for a state folder, and kept with each profile, so that it
//! can be analysed again.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use festina_machine::Machine;
use festina_measure::{EffectiveCoresDesign, Kernel, effective_cores};
use festina_profile::Together;
use festina_types::{CancelToken, Estimate, Workers};
use serde::{Deserialize, Serialize};

use crate::cores::design;

/// The name of the file, in the state folder and in that of a profile.
const FILE: &str = "cores.json";
/// For how long a measurement holds: a virtual machine may move, and get other neighbours.
const HOLDS: Duration = Duration::from_secs(24 * 3600);
/// After so long it is measured again where it could not be told: what other programs did then may have ended.
const UNSURE_HOLDS: Duration = Duration::from_secs(600);
/// A fraction of a second altogether.
const ROUNDS: u32 = 11;
const SLICE: Duration = Duration::from_millis(10);
/// A measurement with a wider interval than this, relative to the value, says nothing: other programs ran.
const WIDEST: f64 = 0.2;

/// What was measured, and where.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Measured {
    /// The processor, the kernel, and the CPUs that workers took, in their order.
    model: Option<String>,
    kernel: Option<String>,
    cpus: Vec<u32>,
    /// `None` where it could not be told.
    together: Option<Together>,
}

impl Measured {
    fn is_of(&self, machine: &Machine, design: &EffectiveCoresDesign) -> bool {
        self.model == machine.model && self.kernel == machine.kernel && self.cpus == design.cpus
    }
}

/// Returns what the available cores of `machine` do together: as it is known in the folder `state`, else measured now and put
/// there; `None` for one core, or where it cannot be measured, as on a busy machine.
pub(super) fn measured(machine: &Machine, state: &Path, cancel: &CancelToken) -> Option<Together> {
    if let Some(measured) = stored(machine, state) {
        return measured.together;
    }
    let mut design = EffectiveCoresDesign { rounds: ROUNDS, slice: SLICE, ..design(machine) };
    let most = design.workers.last().copied().filter(|most| *most > Workers::MIN)?;
    design.workers = vec![most];
    let found = effective_cores(Kernel::Interpreter, &design, cancel).ok()?;
    let is_sure =
        |cores: &Estimate| cores.interval.is_some_and(|i| i.relative_half_width(cores.value) < WIDEST);
    let found = found.into_iter().find(|found| found.workers == most && is_sure(&found.cores));
    let together = found.map(|found| Together { workers: most.get(), effective: found.cores });
    if !cancel.is_requested() {
        let (model, kernel) = (machine.model.clone(), machine.kernel.clone());
        write(&state.join(FILE), &Measured { model, kernel, cpus: design.cpus, together });
    }
    together
}

/// Returns what is known of `machine` in the folder `state`, if it was measured there within a day.
pub(super) fn known(machine: &Machine, state: &Path) -> Option<Together> {
    stored(machine, state)?.together
}

fn stored(machine: &Machine, state: &Path) -> Option<Measured> {
    let path = state.join(FILE);
    let age = SystemTime::now().duration_since(fs::metadata(&path).ok()?.modified().ok()?).ok()?;
    let measured: Measured = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
    let holds = if measured.together.is_some() { HOLDS } else { UNSURE_HOLDS };
    (age < holds && measured.is_of(machine, &design(machine))).then_some(measured)
}

/// Keeps `together` in the folder of a profile.
pub(super) fn keep(folder: &Path, together: Together) {
    write(&folder.join(FILE), &together);
}

/// Returns what was kept in the folder of a profile.
pub(super) fn kept(folder: &Path) -> Option<Together> {
    serde_json::from_str(&fs::read_to_string(folder.join(FILE)).ok()?).ok()
}

/// Writes `value`; without it the profile has the gains of cores that share nothing, so that a full disk is no error here.
fn write(path: &Path, value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        let _ = fs::write(path, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use festina_machine::{Source, Surroundings, detect};

    #[test]
    fn it_is_measured_once_for_a_folder_and_a_machine() {
        let state = tempfile::tempdir().unwrap();
        let mut machine = detect(&Source::live(), &Surroundings::default());
        assert_eq!(known(&machine, state.path()), None);
        // Nothing is known of one core, or on a busy machine.
        let first = measured(&machine, state.path(), &CancelToken::new());
        if let Some(first) = first {
            assert!(first.workers == machine.available_parallelism() && first.effective.value > 0.2);
        }
        assert_eq!(known(&machine, state.path()), first);
        assert_eq!(measured(&machine, state.path(), &CancelToken::new()), first, "it is not measured again");
        machine.model = Some("another".to_owned());
        assert_eq!(known(&machine, state.path()), None, "it is another machine's");
    }

    #[test]
    fn that_it_cannot_be_told_holds_not_as_long() {
        let state = tempfile::tempdir().unwrap();
        let machine = detect(&Source::live(), &Surroundings::default());
        let (model, kernel, cpus) = (machine.model.clone(), machine.kernel.clone(), design(&machine).cpus);
        let path = state.path().join(FILE);
        let later = |age: Duration| {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            stored(&machine, state.path())
        };
        let sure = Some(Together { workers: 2, effective: Estimate::exact(1.25) });
        for (together, holds) in [(None, UNSURE_HOLDS), (sure, HOLDS)] {
            let (model, kernel, cpus) = (model.clone(), kernel.clone(), cpus.clone());
            write(&path, &Measured { model, kernel, cpus, together });
            assert_eq!(later(holds - Duration::from_secs(9)).map(|known| known.together), Some(together));
            assert_eq!(later(holds + Duration::from_secs(9)), None);
        }
    }

    #[test]
    fn what_is_kept_is_read_again_and_damage_is_nothing_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()), None);
        let together = Together { workers: 2, effective: Estimate::exact(1.25) };
        keep(folder.path(), together);
        assert_eq!(kept(folder.path()), Some(together));
        fs::write(folder.path().join(FILE), "{\"workers\":2").unwrap();
        assert_eq!(kept(folder.path()), None);
    }
}
