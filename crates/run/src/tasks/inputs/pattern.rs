//! Files by pattern.

use std::ffi::OsString;

use crate::tasks::TaskError;

/// Returns the files that match `pattern`, in alphabetical order.
pub(super) fn files(pattern: &str) -> Result<Vec<OsString>, TaskError> {
    let error = |reason: String| TaskError::Pattern { pattern: pattern.to_owned(), reason };
    let paths = glob::glob(pattern)
        .map_err(|source| error(format!("is not a pattern: {} at column {}", source.msg, source.pos + 1)))?;
    let mut files = Vec::new();
    for path in paths {
        // A folder that may not be read could hold matches: leaving them out silently would lose tasks.
        let path = path.map_err(|source| TaskError::Read {
            origin: source.path().display().to_string(),
            source: source.into(),
        })?;
        files.push(path.into_os_string());
    }
    if files.is_empty() { Err(error("matches no file".to_owned())) } else { Ok(files) }
}
