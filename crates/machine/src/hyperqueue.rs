//! A `HyperQueue` server that this user started, told by the folder it leaves.
//!
//! Source: `HyperQueue`'s manual, *Deployment → Server*: the server directory holds a folder an instance and the
//! link `hq-current`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Traces of `HyperQueue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HyperQueue {
    /// The folder of the current server; `None` if none was started. Whether that server still runs, only
    /// `hq server info` can tell.
    pub server: Option<PathBuf>,
    /// The program `hq`, if it is on the search path.
    pub program: Option<PathBuf>,
}

/// Returns what there is of `HyperQueue`, or `None` if there is nothing.
pub(crate) fn find(source: &Source, server_folder: Option<&Path>, search_path: &str) -> Option<HyperQueue> {
    let server = server_folder.and_then(|folder| {
        let current = folder.join("hq-current");
        let access = current.join("access.json");
        source.exists(access.to_str()?).then_some(current)
    });
    let program = search_path
        .split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join("hq"))
        .find(|path| path.to_str().is_some_and(|path| source.is_executable(path)));
    (server.is_some() || program.is_some()).then_some(HyperQueue { server, program })
}
