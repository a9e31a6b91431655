//! The folder of a pool, on a file system that all its workers share.
//!
//! ```text
//! chunks-18b2…/
//!   setting                what all tasks have in common; written before the first chunk
//!   alive                  its time of change says that the pool is there
//!   stop                   how urgently workers are to stop
//!   jobs                   what the engine that starts workers calls them
//!   ready/0000000017       a chunk that nobody has
//!   taken/0000000017@n1-4711-18b2…   a chunk that a worker has: a rename made it so, which only one can make
//!   workers/n1-4711-18b2…  what this worker has to say, one record after the other
//! ```
//!
//! Every file has one writer. A file appears whole, by a rename, or grows at its end.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::record::{self, Record};

/// Folders of pools in a run's folder begin so.
const PREFIX: &str = "chunks-";

/// The folder of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(PathBuf);

/// How urgently workers are to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Tasks that run come to their ends; no others are started.
    Polite = 1,
    /// Tasks that run are stopped.
    Urgent = 2,
}

impl Folder {
    /// Makes the folder of a new pool in the folder of a run.
    pub(crate) fn create(run: &Path) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path =
            std::path::absolute(run)?.join(format!("{PREFIX}{:x}-{}", now.as_nanos(), std::process::id()));
        for name in ["ready", "taken", "workers"] {
            fs::create_dir_all(path.join(name))?;
        }
        let folder = Self(path);
        folder.beat()?;
        Ok(folder)
    }

    pub(crate) fn open(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the folders that pools of earlier sessions left in the folder of a run: they were killed.
    pub(crate) fn left_in(run: &Path) -> Vec<Self> {
        let mut left: Vec<PathBuf> = names_in(run)
            .into_iter()
            .filter(|name| name.starts_with(PREFIX))
            .map(|name| run.join(name))
            .collect();
        left.sort();
        left.into_iter().map(Self).collect()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.0)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that appears whole.
    fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.file(&format!("{}.new", name.replace('/', "-")));
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&new, self.file(name))
    }

    pub(crate) fn write_setting(&self, record: &Record) -> io::Result<()> {
        let mut bytes = Vec::new();
        record.write(0, &mut bytes);
        self.publish("setting", &bytes)
    }

    /// Returns what all tasks have in common, once that is known.
    pub(crate) fn setting(&self) -> io::Result<Option<Record>> {
        let bytes = match fs::read(self.file("setting")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let (records, _) = record::read(&bytes).map_err(io::Error::other)?;
        Ok(records.into_iter().next().map(|(_, record)| record))
    }

    /// Says that the pool is there.
    pub(crate) fn beat(&self) -> io::Result<()> {
        fs::write(self.file("alive"), "1\n")
    }

    /// Returns how long ago the pool was there, by the clock of the file system: that of a change that this worker
    /// just made to the file `by`.
    pub(crate) fn silence(&self, by: &File) -> io::Result<Duration> {
        let beat = File::open(self.file("alive"))?.metadata()?.modified()?;
        Ok(by.metadata()?.modified()?.duration_since(beat).unwrap_or_default())
    }

    pub(crate) fn write_stop(&self, stop: Stop) -> io::Result<()> {
        self.publish("stop", (stop as u8).to_string().as_bytes())
    }

    /// Returns how urgently workers are to stop.
    pub(crate) fn stop(&self) -> io::Result<Option<Stop>> {
        match fs::read_to_string(self.file("stop")) {
            Ok(text) if text.trim() == "1" => Ok(Some(Stop::Polite)),
            Ok(_) => Ok(Some(Stop::Urgent)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps what the engine calls a job of workers.
    pub(crate) fn add_job(&self, job: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.file("jobs"))?;
        file.write_all(format!("{job}\n").as_bytes())
    }

    /// Returns what the engine calls the jobs that were started for this pool.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("jobs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Offers a chunk.
    pub(crate) fn offer(&self, chunk: u64, bytes: &[u8]) -> io::Result<()> {
        self.publish(&format!("ready/{chunk:010}"), bytes)
    }

    /// Takes the chunk that was offered first of those that nobody has.
    pub(crate) fn claim(&self, worker: &str) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut offered = names_in(&self.file("ready"));
        offered.sort();
        for name in offered {
            let Ok(chunk) = name.parse() else { continue };
            let taken = self.taken(chunk, worker);
            match fs::rename(self.file("ready").join(&name), &taken) {
                Ok(()) => return Ok(Some((chunk, fs::read(taken)?))),
                // Another was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Takes back all chunks that nobody has; returns their numbers.
    pub(crate) fn withdraw(&self) -> Vec<u64> {
        let offered = names_in(&self.file("ready"));
        let withdrawn = offered.iter().filter(|name| fs::remove_file(self.file("ready").join(name)).is_ok());
        withdrawn.filter_map(|name| name.parse().ok()).collect()
    }

    fn taken(&self, chunk: u64, worker: &str) -> PathBuf {
        self.file("taken").join(format!("{chunk:010}@{worker}"))
    }

    /// Returns whether a worker still has a chunk: one that seemed lost does not.
    pub(crate) fn has(&self, chunk: u64, worker: &str) -> bool {
        self.taken(chunk, worker).exists()
    }

    /// Forgets a chunk that a worker had.
    pub(crate) fn discard(&self, chunk: u64, worker: &str) {
        // What is not there needs not be removed.
        let _ = fs::remove_file(self.taken(chunk, worker));
    }

    /// Returns the chunks that a worker has.
    pub(crate) fn taken_by(&self, worker: &str) -> Vec<u64> {
        let taken = names_in(&self.file("taken"));
        let own = taken.iter().filter_map(|name| name.split_once('@').filter(|(_, by)| *by == worker));
        own.filter_map(|(chunk, _)| chunk.parse().ok()).collect()
    }

    /// Makes the file of a worker.
    pub(crate) fn enroll(&self, worker: &str) -> io::Result<File> {
        OpenOptions::new().create_new(true).append(true).open(self.file("workers").join(worker))
    }

    /// Returns the names of all workers that there are, or were.
    pub(crate) fn workers(&self) -> Vec<String> {
        names_in(&self.file("workers"))
    }

    /// Reads the records that a worker wrote from `offset` on; moves `offset` behind them.
    pub(crate) fn said(&self, worker: &str, offset: &mut u64) -> io::Result<Vec<(u64, Record)>> {
        // It is opened anew each time: file systems of networks look for changes then.
        let mut file = File::open(self.file("workers").join(worker))?;
        file.seek(SeekFrom::Start(*offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (records, taken) = record::read(&bytes).map_err(io::Error::other)?;
        *offset += taken as u64;
        Ok(records)
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_str().map(str::to_owned);
    entries.filter_map(name).collect()
}

/// Returns a name that no other worker has.
pub(crate) fn worker_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = Path::new(&host).file_name().unwrap_or(OsStr::new("host")).to_string_lossy().into_owned();
    format!("{host}-{}-{:x}", std::process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_claimed_once() {
        let run = tempfile::tempdir().unwrap();
        let folder = Folder::create(run.path()).unwrap();
        for chunk in 0..200 {
            folder.offer(chunk, &chunk.to_le_bytes()).unwrap();
        }
        let claim_all = |worker: &str| {
            let mut own = Vec::new();
            while let Some((chunk, bytes)) = folder.claim(worker).unwrap() {
                assert_eq!(bytes, chunk.to_le_bytes());
                assert!(folder.has(chunk, worker));
                own.push(chunk);
            }
            own
        };
        let mut claimed: Vec<u64> = std::thread::scope(|scope| {
            let claim_all = &claim_all;
            let workers = ["a", "b", "c"].map(|worker| scope.spawn(move || claim_all(worker)));
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        claimed.sort_unstable();
        assert_eq!(claimed, (0..200).collect::<Vec<_>>());
        let of_all: usize = ["a", "b", "c"].iter().map(|worker| folder.taken_by(worker).len()).sum();
        assert_eq!(of_all, 200);
    }

    #[test]
    fn what_is_withdrawn_cannot_be_claimed() {
        let run = tempfile::tempdir().unwrap();
        let folder = Folder::create(run.path()).unwrap();
        folder.offer(7, b"x").unwrap();
        assert_eq!(folder.withdraw(), [7]);
        assert_eq!(folder.claim("a").unwrap(), None);
        assert_eq!(folder.stop().unwrap(), None);
        folder.write_stop(Stop::Polite).unwrap();
        assert_eq!(folder.stop().unwrap(), Some(Stop::Polite));
        folder.write_stop(Stop::Urgent).unwrap();
        assert_eq!(folder.stop().unwrap(), Some(Stop::Urgent));
        assert_eq!(Folder::left_in(run.path()), std::slice::from_ref(&folder));
        folder.add_job("12").unwrap();
        assert_eq!(folder.jobs(), ["12"]);
    }

    #[test]
    fn silence_is_measured_by_the_clock_of_the_files() {
        let run = tempfile::tempdir().unwrap();
        let folder = Folder::create(run.path()).unwrap();
        let mut own = folder.enroll("a").unwrap();
        own.write_all(b"1").unwrap();
        assert!(folder.silence(&own).unwrap() < Duration::from_secs(5));
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(folder.file("alive")).unwrap().set_modified(hour_ago).unwrap();
        assert!(folder.silence(&own).unwrap() > Duration::from_secs(3000));
    }
}
