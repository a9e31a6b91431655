//! `/proc/self/mountinfo`: where control groups are mounted, which nobody promises to be `/sys/fs/cgroup`.
//!
//! Source: `proc_pid_mountinfo(5)`, <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder of the mounted file system that is seen at `point`.
    pub(crate) root: String,
    /// Where it is seen.
    pub(crate) point: String,
    /// The kind of file system, such as `cgroup2`.
    pub(crate) kind: String,
    /// The options of the file system itself; for `cgroup`, its controllers.
    pub(crate) options: String,
}

/// Returns the mounts that `text` lists; lines that are not understood are left out.
pub(crate) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

/// Reads `36 35 98:0 /root /point rw,noatime shared:1 - kind device options`.
fn parse_line(line: &str) -> Option<Mount> {
    let (place, system) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let mut system = system.split(' ');
    Some(Mount {
        root: unescape(place.next()?),
        point: unescape(place.next()?),
        kind: system.next()?.to_owned(),
        options: system.nth(1).unwrap_or_default().to_owned(),
    })
}

/// Undoes the kernel's octal escapes of white space and backslash: `\040` is a space.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match tail.split_at_checked(3) {
            Some((digits, after)) if byte == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)) => {
                bytes.push(digits.iter().fold(0_u8, |value, d| value.wrapping_mul(8) + (d - b'0')));
                after
            }
            _ => {
                bytes.push(byte);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_and_escapes_are_read() {
        let text = "36 35 98:0 /a\\040b /mnt/odd\\134 rw shared:1 master:2 - cgroup none rw,cpu,cpuacct\n\
                    29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n\
                    garbage\n\n1 2 3 - x\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].root.as_str(), mounts[0].point.as_str()), ("/a b", "/mnt/odd\\"));
        assert_eq!(mounts[0].options, "rw,cpu,cpuacct");
        assert_eq!(mounts[1].kind, "cgroup2");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-\\\\0-9a-z/: \n]*") {
            parse(&text);
        }
    }
}
