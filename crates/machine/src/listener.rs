//! Who listens on a port: the process that serves it.

use std::collections::BTreeSet;
use std::fs;

use crate::Source;
use crate::process::TreeReader;

/// State of a socket that listens, in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Returns the processes that hold a socket which listens on TCP `port`, without those whose parent holds it too: of a
/// server with worker processes, the one that started them. Empty if nobody listens, or its owner cannot be seen.
pub fn listeners(source: &Source, port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| source.read(path).unwrap_or_default());
    let inodes: BTreeSet<u64> = tables.iter().flat_map(|table| listening(table, port)).collect();
    if inodes.is_empty() {
        return Vec::new();
    }
    let pids = source.list("/proc");
    let holders: BTreeSet<u32> =
        pids.iter().filter_map(|pid| pid.parse().ok()).filter(|pid| holds(source, *pid, &inodes)).collect();
    let mut reader = TreeReader::new(source.clone());
    let has_own = |pid: &u32| reader.parent(*pid).is_none_or(|parent| !holders.contains(&parent));
    holders.iter().copied().filter(has_own).collect()
}

/// Returns the inodes of the sockets in a table of the kernel that listen on `port`.
///
/// A line is `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …`, with the port in hexadecimal digits
/// behind the colon of the address.
fn listening(table: &str, port: u16) -> Vec<u64> {
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, digits) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(digits, 16).ok()? == port && *fields.get(3)? == LISTEN;
        is_it.then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

fn holds(source: &Source, pid: u32, inodes: &BTreeSet<u64>) -> bool {
    let folder = format!("/proc/{pid}/fd");
    source.list(&folder).iter().any(|name| {
        let Ok(link) = fs::read_link(source.locate(&format!("{folder}/{name}"))) else { return false };
        let inode =
            link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 4343 1 0000000000000000 20 0 0 10 -1
   2: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1
";

    #[test]
    fn tables_of_the_kernel_are_read() {
        assert_eq!(listening(TABLE, 8080), [4242]);
        assert_eq!(listening(TABLE, 8081), [7]);
        assert!(listening(TABLE, 80).is_empty());
        assert!(listening("nonsense\nx y z\n", 80).is_empty());
    }

    #[test]
    fn a_listening_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listeners(&Source::live(), port), [std::process::id()]);
        drop(listener);
        assert!(listeners(&Source::live(), port).is_empty());
    }
}
