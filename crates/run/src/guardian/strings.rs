//! Lays out a program's path, arguments and environment as `execve` wants them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{Launch, RunError};

/// Where the three parts begin in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) path: usize,
    pub(super) arguments: usize,
    pub(super) environment: usize,
}

const POINTER: usize = size_of::<usize>();

/// Writes pointers and strings of `launch`, to be started as the file `path`, into `arena`, which lies at
/// address `base`.
pub(super) fn lay_out(
    arena: &mut [u8],
    base: usize,
    path: &Path,
    launch: &Launch,
) -> Result<Layout, RunError> {
    check(launch, path)?;
    let (bytes, longest) = lengths(launch, path);
    let n_pointers = launch.arguments.len() + launch.environment.iter().count() + 3;
    if bytes + n_pointers * POINTER > arena.len() {
        return Err(RunError::ArgumentsTooLong { bytes, longest });
    }
    let mut writer = Writer { arena, base, pointer: 0, end: n_pointers * POINTER };
    let arguments = writer.pointer;
    writer.push(&[launch.program.as_bytes()]);
    for argument in &launch.arguments {
        writer.push(&[argument.as_bytes()]);
    }
    writer.push_null();
    let environment = writer.pointer;
    for (name, value) in launch.environment.iter() {
        writer.push(&[name.as_bytes(), b"=", value.as_bytes()]);
    }
    writer.push_null();
    let path = writer.string(&[path.as_os_str().as_bytes()]);
    Ok(Layout { path, arguments, environment })
}

/// Returns the length of all strings, with their ends, and that of the longest.
pub(super) fn lengths(launch: &Launch, path: &Path) -> (usize, usize) {
    let arguments = launch.arguments.iter().map(|argument| argument.len() + 1);
    let environment = launch.environment.iter().map(|(name, value)| name.len() + value.len() + 2);
    let others = [launch.program.len() + 1, path.as_os_str().len() + 1];
    arguments
        .chain(environment)
        .chain(others)
        .fold((0, 0), |(sum, longest), length| (sum + length, longest.max(length)))
}

/// Refuses what cannot be passed on.
fn check(launch: &Launch, path: &Path) -> Result<(), RunError> {
    check_nul("the program's path", path.as_os_str())?;
    check_nul("the program's name", &launch.program)?;
    for argument in &launch.arguments {
        check_nul("an argument", argument)?;
    }
    for (name, value) in launch.environment.iter() {
        check_nul("an environment variable", name)?;
        check_nul("an environment variable", value)?;
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(RunError::VariableName { name: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

fn check_nul(what: &'static str, text: &OsStr) -> Result<(), RunError> {
    // The standard library's search for a byte in a C string is faster than a plain loop in a debug build.
    if text.as_bytes().contains(&0) {
        let value = text.to_string_lossy().escape_debug().to_string();
        return Err(RunError::NulByte { what, value });
    }
    Ok(())
}

struct Writer<'a> {
    arena: &'a mut [u8],
    base: usize,
    /// Where the next pointer goes.
    pointer: usize,
    /// Where the next string goes.
    end: usize,
}

impl Writer<'_> {
    fn push(&mut self, parts: &[&[u8]]) {
        let offset = self.string(parts);
        self.push_address(self.base + offset);
    }

    fn push_null(&mut self) {
        self.push_address(0);
    }

    fn push_address(&mut self, address: usize) {
        self.arena[self.pointer..self.pointer + POINTER].copy_from_slice(&address.to_ne_bytes());
        self.pointer += POINTER;
    }

    /// Writes a string and its NUL, and returns where it begins.
    fn string(&mut self, parts: &[&[u8]]) -> usize {
        let start = self.end;
        for part in parts.iter().chain(&[b"\0".as_slice()]) {
            self.arena[self.end..self.end + part.len()].copy_from_slice(part);
            self.end += part.len();
        }
        start
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::Environment;

    fn text(arena: &[u8], offset: usize) -> &[u8] {
        arena[offset..].split(|&byte| byte == 0).next().unwrap()
    }

    fn pointer(arena: &[u8], offset: usize) -> usize {
        usize::from_ne_bytes(arena[offset..offset + POINTER].try_into().unwrap())
    }

    #[test]
    fn pointers_lead_to_the_strings() {
        let launch = Launch::new("a", Environment::from_iter([("K", "v")])).arguments(["", "x y"]);
        let mut arena = [0xff; 200];
        let layout = lay_out(&mut arena, 1000, Path::new("/bin/a"), &launch).unwrap();
        assert_eq!(text(&arena, layout.path), b"/bin/a");
        let argument = |index: usize| pointer(&arena, layout.arguments + index * POINTER);
        assert_eq!(text(&arena, argument(0) - 1000), b"a");
        assert_eq!(text(&arena, argument(1) - 1000), b"");
        assert_eq!(text(&arena, argument(2) - 1000), b"x y");
        assert_eq!(argument(3), 0);
        assert_eq!(text(&arena, pointer(&arena, layout.environment) - 1000), b"K=v");
        assert_eq!(pointer(&arena, layout.environment + POINTER), 0);
    }

    #[test]
    fn what_the_kernel_cannot_take_is_refused() {
        let path = Path::new("/bin/a");
        let mut arena = [0; 64];
        let long = Launch::new("a", Environment::new()).arguments(["0123456789".repeat(10)]);
        let error = lay_out(&mut arena, 0, path, &long).unwrap_err();
        assert!(matches!(error, RunError::ArgumentsTooLong { bytes: 110, longest: 101 }), "{error}");
        let nul = Launch::new("a", Environment::new()).arguments([OsString::from_vec(vec![b'a', 0, b'b'])]);
        let error = lay_out(&mut arena, 0, path, &nul).unwrap_err();
        assert_eq!(error.to_string(), "an argument holds a NUL byte: a\\0b");
        let name = Launch::new("a", Environment::from_iter([("A=B", "")]));
        assert!(matches!(lay_out(&mut arena, 0, path, &name), Err(RunError::VariableName { .. })));
    }
}
