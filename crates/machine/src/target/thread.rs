//! A thread of another process, with its files kept open: a reading is one `pread`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::Doing;
use crate::Source;
use crate::process::Scheduled;

/// No file that is read here is longer.
const LONGEST: usize = 512;

/// How far a thread has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Its times.
    pub scheduled: Scheduled,
    /// How often it was put on a CPU: where this has not changed, the thread has not run.
    pub slices: u64,
}

impl Progress {
    /// Reads the text of `schedstat`.
    ///
    /// ```
    /// use festina_machine::target::Progress;
    /// let progress = Progress::parse("1200 300 7\n").unwrap();
    /// assert_eq!((progress.scheduled.run_delay_ns, progress.slices), (300, 7));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let slices = text.split_ascii_whitespace().nth(2)?.parse().ok()?;
        Some(Self { scheduled: Scheduled::parse(text)?, slices })
    }
}

/// A thread that is looked at again and again.
#[derive(Debug)]
pub struct TargetThread {
    tid: u32,
    /// The file with its name, which is read too seldom to be kept open.
    comm: PathBuf,
    /// `None` where the kernel counts nothing.
    schedstat: Option<File>,
    /// `None` where it may not be read.
    syscall: Option<File>,
    stat: File,
    children: Option<File>,
}

impl TargetThread {
    /// Returns the thread `tid` of the process `pid`, or `None` if there is none.
    pub fn open(source: &Source, pid: u32, tid: u32) -> Option<Self> {
        let open = |name: &str| source.open(&format!("/proc/{pid}/task/{tid}/{name}"));
        let stat = open("stat")?;
        Some(Self {
            tid,
            comm: source.locate(&format!("/proc/{pid}/task/{tid}/comm")),
            schedstat: open("schedstat"),
            syscall: open("syscall"),
            stat,
            children: open("children"),
        })
    }

    /// Returns its id.
    pub fn tid(&self) -> u32 {
        self.tid
    }

    /// Returns the name that it, its program or the kernel gave it, of at most 15 bytes; `None` once it has ended.
    pub fn name(&self) -> Option<String> {
        let bytes = std::fs::read(&self.comm).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// Returns how far it has come; `None` once it has ended, or where the kernel does not count.
    pub fn progress(&self) -> Option<Progress> {
        read(self.schedstat.as_ref()?, &mut [0; LONGEST], Progress::parse)
    }

    /// Returns whether the kernel tells how far threads have come.
    pub fn tells_progress(&self) -> bool {
        self.schedstat.is_some()
    }

    /// Returns whether the kernel lets us see in which call it waits.
    pub fn tells_calls(&self) -> bool {
        self.syscall.is_some()
    }

    /// Returns what it does; `None` once it has ended.
    pub fn doing(&mut self) -> Option<Doing> {
        if let Some(file) = &self.syscall {
            let mut buffer = [0; LONGEST];
            match file.read_at(&mut buffer, 0) {
                Ok(count) if count > 0 => return Doing::parse(std::str::from_utf8(&buffer[..count]).ok()?),
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => self.syscall = None,
                _ => return None,
            }
        }
        // Without the right to look further, its state is all there is.
        match self.state()? {
            'R' => Some(Doing::Running),
            'Z' | 'X' => None,
            _ => Some(Doing::Untold),
        }
    }

    /// Returns the kernel's letter for its state: R, S, D, T, t, Z …
    pub fn state(&self) -> Option<char> {
        read(&self.stat, &mut [0; LONGEST], |text| {
            let (_, rest) = text.rsplit_once(')')?;
            rest.trim_start().chars().next()
        })
    }

    /// Returns the processes that this thread has started and that have not been collected.
    pub fn children(&self) -> Vec<u32> {
        let mut buffer = vec![0; 4096];
        let Some(file) = &self.children else { return Vec::new() };
        loop {
            let count = file.read_at(&mut buffer, 0).unwrap_or(0);
            if count < buffer.len() {
                let text = String::from_utf8_lossy(&buffer[..count]);
                return text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            }
            buffer.resize(buffer.len() * 4, 0);
        }
    }
}

fn read<T>(file: &File, buffer: &mut [u8; LONGEST], parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let count = file.read_at(buffer, 0).ok()?;
    parse(std::str::from_utf8(&buffer[..count]).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> TargetThread {
        let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        TargetThread::open(&Source::live(), std::process::id(), tid).unwrap()
    }

    #[test]
    fn a_thread_has_the_name_that_it_was_given() {
        let named = std::thread::Builder::new().name("second".to_owned());
        let name = named.spawn(|| own().name()).unwrap().join().unwrap();
        assert_eq!(name.as_deref(), Some("second"));
    }

    #[test]
    fn a_busy_thread_runs() {
        let (send, receive) = std::sync::mpsc::channel();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                send.send(own()).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let mut thread = receive.recv().unwrap();
            assert_eq!(thread.doing(), Some(Doing::Running));
            assert_eq!(thread.state(), Some('R'));
            assert!(thread.progress().is_none_or(|progress| progress.slices > 0));
            assert_eq!(thread.children(), Vec::<u32>::new());
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn a_sleeping_thread_sleeps_and_an_ended_one_is_none() {
        let (send, receive) = std::sync::mpsc::channel();
        let sleeper = std::thread::spawn(move || {
            send.send(own()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        });
        let mut thread = receive.recv().unwrap();
        // Until it has gone to sleep, it is on its way there.
        let asleep = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            thread.doing().and_then(|doing| doing.wait())
        });
        assert!(matches!(asleep, Some(super::super::Wait::Sleep | super::super::Wait::Other)), "{asleep:?}");
        sleeper.join().unwrap();
        assert_eq!(thread.doing(), None);
        assert_eq!(thread.progress(), None);
    }

    #[test]
    fn a_thread_that_never_was_is_none() {
        assert!(TargetThread::open(&Source::live(), 1, u32::MAX).is_none());
    }
}
