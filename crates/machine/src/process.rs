//! What the kernel tells of a tree of processes while it runs, and of its root once it has ended: `/proc/<pid>`.
//!
//! All counters are the kernel's own since the start of the thread or process that they belong to. A process that
//! has ended but was not collected by its parent (a zombie) can still be read: its memory is gone, its times and
//! its I/O are final.
//!
//! Units: times in nanoseconds, memory and I/O in bytes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read;

use festina_types::Bytes;

use crate::Source;

/// How long a thread ran on a CPU, and how long it was ready to run and waited for one.
///
/// The kernel brings the running thread's time up to date at its timer tick, at most 10 ms late; the waiting time
/// is counted when the wait ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduled {
    /// The time on a CPU, in nanoseconds.
    pub on_cpu_ns: u64,
    /// The time in a run queue, in nanoseconds.
    pub run_delay_ns: u64,
}

impl Scheduled {
    /// Reads `/proc/<pid>/schedstat`: `on_cpu_ns run_delay_ns timeslices`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        Some(Self { on_cpu_ns: fields.next()?.parse().ok()?, run_delay_ns: fields.next()?.parse().ok()? })
    }

    /// Returns what the kernel counts of the calling thread.
    pub fn of_this_thread(source: &Source) -> Option<Self> {
        source.parse("/proc/thread-self/schedstat", Self::parse)
    }
}

/// What a process, and the children that it has collected, passed through read and write calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes that were read, from storage, the page cache, pipes or terminals alike.
    pub read: Bytes,
    /// Bytes that were written.
    pub written: Bytes,
}

impl Transferred {
    /// Reads `/proc/<pid>/io`: the lines `rchar` and `wchar`.
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        Some(Self { read: Bytes(field("rchar:")?), written: Bytes(field("wchar:")?) })
    }
}

/// A thread at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadReading {
    /// Its id.
    pub tid: u32,
    /// Whether its process has not ended.
    pub alive: bool,
    /// What the scheduler tells of it; `None` where the kernel counts nothing (no `CONFIG_SCHED_INFO`).
    pub scheduled: Option<Scheduled>,
}

/// A process at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessReading {
    /// Its id.
    pub pid: u32,
    /// Its resident memory; 0 once it has ended.
    pub rss: Bytes,
}

impl ProcessReading {
    /// Returns whether the process has not ended.
    pub fn is_alive(&self) -> bool {
        self.rss.0 > 0
    }
}

/// All descendants of a process at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeReading {
    /// The processes, parents before children.
    pub processes: Vec<ProcessReading>,
    /// Their threads.
    pub threads: Vec<ThreadReading>,
}

impl TreeReading {
    /// Returns the sum of the resident memory of all processes: pages that several share are counted in each.
    pub fn rss(&self) -> Bytes {
        Bytes(self.processes.iter().map(|process| process.rss.0).sum())
    }

    /// Returns the number of processes that have not ended.
    pub fn n_processes(&self) -> u32 {
        self.processes.iter().filter(|process| process.is_alive()).count() as u32
    }

    /// Returns the number of threads of processes that have not ended.
    pub fn n_threads(&self) -> u32 {
        self.threads.iter().filter(|thread| thread.alive).count() as u32
    }
}

/// Reads trees of processes, with buffers that are used again.
#[derive(Debug)]
pub struct TreeReader {
    source: Source,
    path: String,
    bytes: Vec<u8>,
    page: u64,
    /// Whether the kernel lists the children of a thread (`CONFIG_PROC_CHILDREN`).
    lists_children: bool,
}

impl TreeReader {
    /// Returns a reader of the processes of `source`.
    pub fn new(source: Source) -> Self {
        let lists_children =
            source.exists("/proc/thread-self/children") || source.exists("/proc/1/task/1/children");
        let page = rustix::param::page_size() as u64;
        Self { source, path: String::new(), bytes: Vec::new(), page, lists_children }
    }

    /// Reads all descendants of the process `root`, itself left out, into `reading`.
    ///
    /// The tree may change meanwhile: what ends before it is read is left out, what starts behind the reader's
    /// back is met the next time. It costs some 10 µs a process and a thread.
    pub fn read(&mut self, root: u32, reading: &mut TreeReading) {
        let parents = if self.lists_children { None } else { Some(self.children_by_parent()) };
        let mut waiting = Vec::new();
        self.push_children(root, parents.as_ref(), &mut waiting);
        self.read_waiting(waiting, parents.as_ref(), reading);
    }

    /// Reads `roots` and all their descendants into `reading`.
    pub fn read_with_roots(&mut self, roots: &[u32], reading: &mut TreeReading) {
        let parents = if self.lists_children { None } else { Some(self.children_by_parent()) };
        self.read_waiting(roots.to_vec(), parents.as_ref(), reading);
    }

    fn read_waiting(&mut self, mut waiting: Vec<u32>, parents: Option<&Children>, reading: &mut TreeReading) {
        reading.processes.clear();
        reading.threads.clear();
        let mut next = 0;
        while let Some(&pid) = waiting.get(next) {
            next += 1;
            let Some(rss) = self.rss(pid) else { continue };
            let process = ProcessReading { pid, rss };
            reading.processes.push(process);
            for tid in self.threads(pid) {
                let scheduled = self.file(pid, Some(tid), "schedstat").and_then(Scheduled::parse);
                reading.threads.push(ThreadReading { tid, alive: process.is_alive(), scheduled });
                if parents.is_none() {
                    self.push_children_of_thread(pid, tid, &mut waiting);
                }
            }
            if let Some(parents) = parents {
                waiting.extend(parents.get(&pid).into_iter().flatten());
            }
        }
    }

    /// Returns what the scheduler tells of the main thread of `pid`.
    pub fn scheduled(&mut self, pid: u32) -> Option<Scheduled> {
        self.file(pid, None, "schedstat").and_then(Scheduled::parse)
    }

    /// Returns what `pid` and the children that it has collected passed through read and write calls.
    pub fn transferred(&mut self, pid: u32) -> Option<Transferred> {
        self.file(pid, None, "io").and_then(Transferred::parse)
    }

    /// Returns the proportional resident memory of `pid`: a page that k processes share counts 1/k in each. The
    /// kernel walks all of its pages for that, some milliseconds a gigabyte.
    pub fn pss(&mut self, pid: u32) -> Option<Bytes> {
        self.file(pid, None, "smaps_rollup").and_then(parse_pss)
    }

    /// Returns the name of `pid`, of which the kernel keeps 15 bytes.
    pub fn name(&mut self, pid: u32) -> Option<String> {
        self.file(pid, None, "comm").map(|name| name.trim_end().to_owned())
    }

    /// Returns the parent of `pid`.
    pub fn parent(&mut self, pid: u32) -> Option<u32> {
        self.file(pid, None, "stat").and_then(parse_parent)
    }

    /// Returns how many processes of the machine the kernel has killed for memory since it started.
    pub fn memory_kills(&mut self) -> Option<u64> {
        self.path.clear();
        self.path.push_str("/proc/vmstat");
        self.text()?.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    fn rss(&mut self, pid: u32) -> Option<Bytes> {
        let page = self.page;
        let pages: u64 = self.file(pid, None, "statm")?.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Bytes(pages * page))
    }

    fn threads(&mut self, pid: u32) -> Vec<u32> {
        self.path.clear();
        let _ = write!(self.path, "/proc/{pid}/task");
        self.source.list(&self.path).iter().filter_map(|name| name.parse().ok()).collect()
    }

    fn push_children(&mut self, pid: u32, parents: Option<&Children>, into: &mut Vec<u32>) {
        if let Some(parents) = parents {
            into.extend(parents.get(&pid).into_iter().flatten());
            return;
        }
        for tid in self.threads(pid) {
            self.push_children_of_thread(pid, tid, into);
        }
    }

    fn push_children_of_thread(&mut self, pid: u32, tid: u32, into: &mut Vec<u32>) {
        if let Some(text) = self.file(pid, Some(tid), "children") {
            for child in text.split_ascii_whitespace().filter_map(|child| child.parse().ok()) {
                // A child that is handed over between two reads could be listed twice.
                if !into.contains(&child) {
                    into.push(child);
                }
            }
        }
    }

    /// Returns the children of every process, from a walk over all of `/proc`.
    fn children_by_parent(&mut self) -> Children {
        let mut children = Children::new();
        for pid in self.source.list("/proc").iter().filter_map(|name| name.parse::<u32>().ok()) {
            if let Some(parent) = self.file(pid, None, "stat").and_then(parse_parent) {
                children.entry(parent).or_default().push(pid);
            }
        }
        children
    }

    fn file(&mut self, pid: u32, tid: Option<u32>, name: &str) -> Option<&str> {
        self.path.clear();
        let _ = match tid {
            Some(tid) => write!(self.path, "/proc/{pid}/task/{tid}/{name}"),
            None => write!(self.path, "/proc/{pid}/{name}"),
        };
        self.text()
    }

    fn text(&mut self) -> Option<&str> {
        self.bytes.clear();
        self.source.open(&self.path)?.read_to_end(&mut self.bytes).ok()?;
        std::str::from_utf8(&self.bytes).ok()
    }
}

type Children = HashMap<u32, Vec<u32>>;

/// Reads the line `Pss:` of `smaps_rollup`, which is in KiB.
fn parse_pss(text: &str) -> Option<Bytes> {
    let value = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib * 1024))
}

/// Reads the parent of `stat`: `pid (name) state ppid …`, where the name may hold spaces and parentheses.
fn parse_parent(text: &str) -> Option<u32> {
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A tree 10 → {11, 12}, 12 → 13 (ended), and a stranger 20; 11 has two threads.
    fn machine(with_children: bool) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let tree =
            [(1, 0, "10 20"), (10, 1, "11 12"), (11, 10, ""), (12, 10, "13"), (13, 12, ""), (20, 1, "")];
        for (pid, parent, children) in tree {
            let pages = if pid == 13 { 0 } else { pid };
            write(root, &format!("proc/{pid}/stat"), &format!("{pid} (a b) c) S {parent} 1 1 0"));
            write(root, &format!("proc/{pid}/statm"), &format!("999 {pages} 3 4 0 5 0"));
            write(root, &format!("proc/{pid}/task/{pid}/schedstat"), &format!("{pid}000 {pid} 7\n"));
            if with_children {
                write(root, &format!("proc/{pid}/task/{pid}/children"), children);
            }
        }
        write(root, "proc/11/task/111/schedstat", "5 6 7");
        write(root, "proc/vmstat", "nr_free_pages 4\noom_kill 3\nother 1");
        folder
    }

    #[test]
    fn a_tree_is_read_with_and_without_lists_of_children() {
        for with_children in [true, false] {
            let folder = machine(with_children);
            let mut reader = TreeReader::new(Source::at(folder.path()));
            assert_eq!(reader.lists_children, with_children);
            let mut reading = TreeReading::default();
            reader.read(10, &mut reading);
            let pids: Vec<u32> = reading.processes.iter().map(|process| process.pid).collect();
            assert_eq!(pids, [11, 12, 13]);
            assert_eq!((reading.n_processes(), reading.n_threads()), (2, 3));
            assert_eq!(reading.rss(), Bytes(23 * rustix::param::page_size() as u64));
            let thread = reading.threads.iter().find(|thread| thread.tid == 111).unwrap();
            assert_eq!(thread.scheduled, Some(Scheduled { on_cpu_ns: 5, run_delay_ns: 6 }));
            assert_eq!(reader.memory_kills(), Some(3));
        }
    }

    #[test]
    fn a_kernel_that_does_not_tell_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = TreeReader::new(Source::at(folder.path()));
        let mut reading = TreeReading::default();
        reader.read(1, &mut reading);
        assert_eq!(reading, TreeReading::default());
        assert_eq!((reader.scheduled(1), reader.transferred(1), reader.pss(1)), (None, None, None));
        assert_eq!(reader.memory_kills(), None);
    }

    #[test]
    fn captured_files_are_read() {
        let io = "rchar: 3395644\nwchar: 290148\nsyscr: 12951\nsyscw: 440\nread_bytes: 195686400\n";
        assert_eq!(
            Transferred::parse(io),
            Some(Transferred { read: Bytes(3_395_644), written: Bytes(290_148) })
        );
        let rollup =
            "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  3812 kB\nPss:  1029 kB\nPss_Dirty: 9 kB\n";
        assert_eq!(parse_pss(rollup), Some(Bytes(1029 * 1024)));
        assert_eq!(parse_parent("77 (a) b) R 12 77 77 0 -1"), Some(12));
    }

    #[test]
    fn our_own_child_is_found_on_this_machine() {
        let mut reader = TreeReader::new(Source::live());
        let own = std::process::id();
        assert!(reader.scheduled(own).is_some_and(|scheduled| scheduled.on_cpu_ns > 0));
        assert!(reader.pss(own).is_none_or(|pss| pss.0 > 0));
        assert!(reader.transferred(own).is_some_and(|io| io.read.0 > 0));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "(?s).*") {
            let _ = (Scheduled::parse(&text), Transferred::parse(&text), parse_pss(&text), parse_parent(&text));
        }
    }
}
