//! Machines made of files.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use festina_machine::{Machine, Source, Surroundings, detect};
use tempfile::TempDir;

/// The root of a machine that isn't there.
pub(crate) struct Fake {
    root: TempDir,
    environment: BTreeMap<String, String>,
}

impl Fake {
    /// Returns a machine that shows nothing.
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().unwrap(), environment: BTreeMap::new() }
    }

    /// Returns the machine of the file `tests/machines/NAME.txt`: after each line `==> PATH` the text of that file; a
    /// suffix ` -> TARGET` makes it a link, ` +x` a program; the path `environment` stands for variables.
    pub(crate) fn unpack(name: &str) -> Self {
        Self::unpack_with(name, str::to_owned)
    }

    /// Returns the machine of that file with the text of each of its files changed by `change`.
    pub(crate) fn unpack_with(name: &str, change: impl Fn(&str) -> String) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/machines/{name}.txt"));
        Self::of_changed_bundle(&fs::read_to_string(&path).unwrap(), change)
    }

    /// Returns the machine that such a text holds.
    pub(crate) fn of_bundle(bundle: &str) -> Self {
        Self::of_changed_bundle(bundle, str::to_owned)
    }

    fn of_changed_bundle(bundle: &str, change: impl Fn(&str) -> String) -> Self {
        let mut fake = Self::new();
        for section in bundle.split("==> ").skip(1) {
            let (head, text) = section.split_once('\n').unwrap();
            match head.split_once(" -> ") {
                Some((path, target)) => symlink(target, fake.place(path)).unwrap(),
                None if head == "environment" => fake.set_environment(&change(text)),
                None => fake.write(head, &change(text)),
            }
        }
        fake
    }

    /// Returns a machine with so many sockets, cores a socket and threads a core, numbered as x86 does: the first
    /// threads of all cores, then the second ones. Each socket has two NUMA nodes.
    pub(crate) fn of_sockets(sockets: u32, cores: u32, threads: u32) -> Self {
        let fake = Self::new();
        let all = sockets * cores;
        let cpus = "/sys/devices/system/cpu";
        fake.write(&format!("{cpus}/online"), &format!("0-{}", all * threads - 1));
        let list =
            |core: u32| (0..threads).map(|thread| (core + thread * all).to_string()).collect::<Vec<_>>();
        let range = |from: u32, count: u32| {
            let ranges = (0..threads).map(|t| format!("{}-{}", from + t * all, from + t * all + count - 1));
            ranges.collect::<Vec<_>>().join(",")
        };
        for core in 0..all {
            let socket = core / cores;
            let topology = format!("{cpus}/cpu{core}/topology");
            fake.write(&format!("{topology}/core_cpus_list"), &list(core).join(","));
            fake.write(&format!("{topology}/physical_package_id"), &socket.to_string());
            fake.write(&format!("{topology}/package_cpus_list"), &range(socket * cores, cores));
        }
        for node in 0..2 * sockets {
            let folder = format!("/sys/devices/system/node/node{node}");
            fake.write(&format!("{folder}/cpulist"), &range(node * cores / 2, cores / 2));
        }
        fake
    }

    /// Returns the machine with one more file.
    pub(crate) fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Returns where its files are.
    pub(crate) fn source(&self) -> Source {
        Source::at(self.root.path())
    }

    /// Returns what is detected on it.
    pub(crate) fn detect(&self) -> Machine {
        let hyperqueue_folder = Some(PathBuf::from("/home/user/.hq-server"));
        detect(&self.source(), &Surroundings { environment: self.environment.clone(), hyperqueue_folder })
    }

    fn set_environment(&mut self, text: &str) {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        self.environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    fn place(&self, path: &str) -> PathBuf {
        let place = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    fn write(&self, head: &str, text: &str) {
        let (path, is_program) = head.strip_suffix(" +x").map_or((head, false), |path| (path, true));
        let place = self.place(path);
        fs::write(&place, text).unwrap();
        if is_program {
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}
