//! The same job gives the same on every backend.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use festina_run::mpi::{self, launch};
use festina_run::processes::Processes;
use festina_run::tasks::LocalCores;
use festina_run::{Environment, Threads};
use festina_types::{CancelToken, Workers};

use crate::functions;
use crate::jobs::{run_commands, run_native, run_native_on};
use crate::processes::{quietly, serial};
use crate::setup::Mpi;

/// Runs as a rank.
pub(crate) fn program(environment: &Environment) -> ExitCode {
    // Panics of functions are part of the test.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = std::env::args().nth(1).unwrap();
    let folder = Path::new(&folder);
    let entered = mpi::enter(environment, functions::ALL, |ranks| {
        let ranks = ranks.unwrap();
        run_native_on(ranks, &folder.join("native"));
        u8::from(run_commands(ranks, folder).is_err())
    });
    ExitCode::from(entered.unwrap_or(70))
}

pub(crate) fn native_calls() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let two = Workers::new(2).unwrap();
    let processes = Processes::start(crate::processes::launch(2)).unwrap();
    quietly(|| {
        run_native(&|function, inputs| serial(function, &inputs), &file("serial"));
        run_native_on(&Threads::new(two), &file("threads"));
        run_native_on(&processes, &file("processes"));
    });
    let expected = fs::read(file("serial")).unwrap();
    assert!(expected.len() > 1000);
    for name in ["threads", "processes"] {
        assert!(fs::read(file(name)).unwrap() == expected, "{name} differ from a loop");
    }
}

/// All jobs, on the ranks of an MPI.
pub(crate) fn on_ranks(mpi: &Mpi) -> Result<(), String> {
    let (local, ranks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = mpi.launch(2, &[&ranks.path().to_string_lossy()], ranks.path())?;
    let code = launch(&job, &CancelToken::new()).map_err(|error| format!("{error} {:?}", error.hint()))?;
    assert_eq!(code, 0);
    run_commands(&LocalCores, local.path()).map_err(|error| error.to_string())?;
    quietly(|| run_native(&|function, inputs| serial(function, &inputs), &local.path().join("native")));
    let mut n_compared = 0;
    for place in fs::read_dir(local.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let files = if place.is_dir() {
            ["table.csv", "output"].map(|name| place.join(name)).to_vec()
        } else {
            vec![place]
        };
        for file in files {
            let name = file.strip_prefix(local.path()).unwrap();
            let (expected, found) = (fs::read(&file).unwrap(), fs::read(ranks.path().join(name)).unwrap());
            let text = String::from_utf8_lossy;
            assert!(expected == found, "{}:\n{}\n{}", name.display(), text(&expected), text(&found));
            n_compared += usize::from(!expected.is_empty());
        }
    }
    assert!(n_compared >= 5, "{n_compared} files were compared");
    Ok(())
}
