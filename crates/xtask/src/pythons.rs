//! Versions of Python that are newer than this Debian's: from its next release, each in a folder of its own under `target/`.
//!
//! Programs of another release need its C library, so that interpreter and libraries are told where theirs is
//! (`patchelf`); nothing outside the folder is changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// The versions, and the release that has them.
const VERSIONS: [&str; 2] = ["3.14", "3.15"];
const RELEASE: &str = "forky";
const MIRROR: &str = "http://deb.debian.org/debian";

/// Installs what is not there, and says in a line each what could not be had: tests look at the versions that are there.
pub(crate) fn install() {
    for version in VERSIONS {
        let folder = shell::target().join("pythons").join(version);
        if try_out(&program(&folder, version)).is_err()
            && try_out(Path::new(&format!("python{version}"))).is_err()
            && let Err(error) = install_one(version, &folder)
        {
            println!("Python {version} could not be had, and is not looked at: {error:#}");
        }
    }
}

fn program(folder: &Path, version: &str) -> PathBuf {
    folder.join(format!("usr/bin/python{version}"))
}

fn try_out(python: &Path) -> Result<()> {
    shell::capture(&mut shell::command(python, ["-c", "import ctypes, multiprocessing"])).map(drop)
}

fn install_one(version: &str, folder: &Path) -> Result<()> {
    println!("installing Python {version} of Debian's {RELEASE} below target/pythons");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for package in download(version, &folder.join("packages"))? {
        let extract = ["--extract".as_ref(), package.as_os_str(), folder.as_os_str()];
        shell::capture(&mut shell::command("dpkg-deb", extract))?;
    }
    let linker = folder.join("usr/lib64/ld-linux-x86-64.so.2");
    let libraries = folder.join("usr/lib/x86_64-linux-gnu");
    let python = program(folder, version);
    let places = ["--set-interpreter".as_ref(), linker.as_os_str(), "--force-rpath".as_ref()];
    let libraries = ["--set-rpath".as_ref(), libraries.as_os_str(), python.as_os_str()];
    shell::capture(&mut shell::command("patchelf", places.into_iter().chain(libraries)))?;
    try_out(&python)
}

/// Downloads a Python and all that it needs, by an apt of its own that knows no other package, into `folder`.
fn download(version: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let place = folder.to_str().context("the target folder's path is not UTF-8")?;
    fs::write(folder.join("sources.list"), format!("deb {MIRROR} {RELEASE} main\n"))?;
    fs::write(folder.join("status"), "")?;
    let settings = format!(
        "Dir::Etc::sourcelist \"{place}/sources.list\";\nDir::Etc::sourceparts \"-\";\nDir::State::Lists \"{place}/lists\";\n\
         Dir::State::status \"{place}/status\";\nDir::Cache \"{place}/cache\";\nAPT::Install-Recommends \"0\";\n\
         Debug::NoLocking \"1\";\n"
    );
    fs::write(folder.join("apt.conf"), settings)?;
    let apt = |args: &[&str]| {
        shell::capture(shell::command("apt-get", args).env("APT_CONFIG", folder.join("apt.conf")))
    };
    apt(&["update", "--quiet"])?;
    apt(&["install", "--yes", "--quiet", "--download-only", &format!("python{version}")])?;
    let packages = fs::read_dir(folder.join("cache/archives"))?;
    let packages: Vec<PathBuf> = packages.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    Ok(packages.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "deb")).collect())
}
