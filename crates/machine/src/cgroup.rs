//! Control groups, versions 1 and 2: which folders hold the limits of this process.
//!
//! A limit of any ancestor holds, so a group is followed up to where it is mounted. In a container with a
//! namespace of its own the groups above its root can't be seen; their limits then can't be known from inside.
//!
//! Sources: cgroups(7); the kernel's `admin-guide/cgroup-v2.rst` and `admin-guide/cgroup-v1/`.

use crate::mountinfo::{self, Mount};
use crate::source::Source;

/// The folders of the groups that hold this process, the innermost first, up to the mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) folders: Vec<String>,
}

impl Chain {
    /// Returns what `read` finds in each folder that has the file `name`, with the path of the file.
    pub(crate) fn each<'a, T>(
        &'a self,
        source: &'a Source,
        name: &'a str,
        read: impl Fn(&str) -> Option<T> + 'a,
    ) -> impl Iterator<Item = Found<T>> + 'a {
        self.folders.iter().filter_map(move |folder| {
            let path = format!("{folder}/{name}");
            let text = source.read(&path)?;
            Some(Found { value: read(&text)?, text, path, folder: folder.clone() })
        })
    }
}

/// What a file of a group says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) text: String,
    pub(crate) path: String,
    pub(crate) folder: String,
}

/// The groups of this process in each hierarchy that matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Version 2, one hierarchy for all controllers.
    pub(crate) unified: Chain,
    /// Version 1, a hierarchy a controller.
    pub(crate) cpu: Chain,
    pub(crate) cpuset: Chain,
    pub(crate) cpuacct: Chain,
    pub(crate) memory: Chain,
    /// The paths of the groups as `/proc/self/cgroup` gives them, for telling a container.
    pub(crate) paths: Vec<String>,
}

impl Groups {
    /// Returns the groups of this process.
    pub(crate) fn read(source: &Source) -> Self {
        let membership = source.read("/proc/self/cgroup").unwrap_or_default();
        let mounts = source.read("/proc/self/mountinfo").unwrap_or_default();
        Self::parse(&membership, &mountinfo::parse(&mounts))
    }

    /// Returns the groups that `membership`, the text of `/proc/self/cgroup`, names under `mounts`.
    pub(crate) fn parse(membership: &str, mounts: &[Mount]) -> Self {
        let mut groups = Self::default();
        for line in membership.lines() {
            // `4:cpu,cpuacct:/path`, or `0::/path` for version 2. The path may hold colons.
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            groups.paths.push(path.to_owned());
            if controllers.is_empty() {
                groups.unified = chain(mounts, path, |mount| mount.kind == "cgroup2");
            }
            for controller in controllers.split(',') {
                let slot = match controller {
                    "cpu" => &mut groups.cpu,
                    "cpuset" => &mut groups.cpuset,
                    "cpuacct" => &mut groups.cpuacct,
                    "memory" => &mut groups.memory,
                    _ => continue,
                };
                let holds = |mount: &Mount| mount.options.split(',').any(|option| option == controller);
                *slot = chain(mounts, path, |mount| mount.kind == "cgroup" && holds(mount));
            }
        }
        groups
    }
}

/// Returns the folders from the group `path` up to the mount that shows the most of it.
fn chain(mounts: &[Mount], path: &str, wanted: impl Fn(&Mount) -> bool) -> Chain {
    let candidates = || mounts.iter().filter(|mount| wanted(mount));
    // The shortest root shows the most ancestors.
    let best = candidates()
        .filter_map(|mount| Some((mount, below(path, &mount.root)?)))
        .min_by_key(|(mount, _)| mount.root.len());
    let (mount, inside) = match best {
        Some(found) => found,
        // The process is outside of what is mounted (its namespace is another): the mount's own group is the
        // closest that can be seen.
        None => match candidates().next() {
            Some(mount) => (mount, ""),
            None => return Chain::default(),
        },
    };
    let point = mount.point.trim_end_matches('/');
    let mut folders = vec![format!("{point}{inside}")];
    let mut rest = inside;
    while let Some((parent, _)) = rest.rsplit_once('/') {
        folders.push(format!("{point}{parent}"));
        rest = parent;
    }
    Chain { folders }
}

/// Returns `path` as seen from `root`: empty or beginning with a slash; `None` if it is not below.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let inside = path.strip_prefix(root.trim_end_matches('/'))?.trim_end_matches('/');
    let upward = inside.split('/').any(|part| part == "..");
    ((inside.is_empty() || inside.starts_with('/')) && !upward).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(membership: &str, mounts: &str) -> Groups {
        Groups::parse(membership, &mountinfo::parse(mounts))
    }

    #[test]
    fn version_2_is_followed_to_its_mount() {
        let groups = folders(
            "0::/user.slice/user-1000.slice/odd:name.scope\n",
            "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        );
        assert_eq!(
            groups.unified.folders,
            [
                "/sys/fs/cgroup/user.slice/user-1000.slice/odd:name.scope",
                "/sys/fs/cgroup/user.slice/user-1000.slice",
                "/sys/fs/cgroup/user.slice",
                "/sys/fs/cgroup",
            ]
        );
        assert_eq!(groups.cpu, Chain::default());
    }

    #[test]
    fn a_container_of_version_1_sees_its_own_group_at_the_mount() {
        let groups = folders(
            "7:cpu,cpuacct:/docker/4f2a/worker\n3:memory:/docker/4f2a\n",
            "41 31 0:38 /docker/4f2a /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n\
             42 31 0:39 /docker/4f2a /odd/place ro - cgroup cgroup rw,memory\n",
        );
        assert_eq!(groups.cpu.folders, ["/sys/fs/cgroup/cpu,cpuacct/worker", "/sys/fs/cgroup/cpu,cpuacct"]);
        assert_eq!(groups.cpuacct, groups.cpu);
        assert_eq!(groups.memory.folders, ["/odd/place"]);
    }

    #[test]
    fn a_process_outside_of_the_mount_gets_the_mounts_group() {
        for membership in ["0::/../other\n", "0::/dockerish\n"] {
            let groups = folders(membership, "29 23 0:26 /docker /cg rw - cgroup2 cgroup2 rw\n");
            assert_eq!(groups.unified.folders, ["/cg"], "{membership}");
        }
    }

    #[test]
    fn garbage_gives_no_group() {
        assert_eq!(folders("", ""), Groups::default());
        assert_eq!(folders("nonsense\n1:cpu\n", "nonsense"), Groups::default());
    }
}
