//! What workers are asked to call.

use std::time::Duration;

use festina_types::Function;

pub(crate) const REVERSE: Function =
    Function { name: "reverse", call: |bytes| Ok(bytes.iter().rev().copied().collect()) };

/// Fails for what begins with 13, and panics for what begins with 7.
pub(crate) const DIGEST: Function = Function {
    name: "digest",
    call: |bytes| match bytes {
        [13, ..] => Err(format!("{bytes:?} brings bad luck")),
        [7, ..] => panic!("seven"),
        _ => Ok(bytes
            .iter()
            .fold(17_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte))
            .to_le_bytes()
            .into()),
    },
};

/// Returns the process id of its worker.
pub(crate) const WHO: Function =
    Function { name: "who", call: |_| Ok(std::process::id().to_le_bytes().into()) };

/// Ends its worker in the way that the first byte says; returns what is to live.
pub(crate) const DIE: Function = Function {
    name: "die",
    call: |bytes| match bytes {
        [b'k', ..] => Err(kill_myself()),
        [b'a', ..] => std::process::abort(),
        [b'x', ..] => std::process::exit(3),
        bytes => Ok(bytes.to_vec()),
    },
};

/// Ends its worker if the file of this path is not there yet, and makes it.
pub(crate) const DIE_ONCE: Function = Function {
    name: "die-once",
    call: |bytes| {
        let path = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        if !path.is_empty() && std::fs::File::create_new(path).is_ok() {
            return Err(kill_myself());
        }
        Ok(b"alive".to_vec())
    },
};

/// Sleeps for so many milliseconds.
pub(crate) const SLEEP: Function = Function {
    name: "sleep",
    call: |bytes| {
        let ms = u64::from_le_bytes(bytes.try_into().map_err(|_| "not a number")?);
        std::thread::sleep(Duration::from_millis(ms));
        Ok(Vec::new())
    },
};

/// Not among those that workers know.
pub(crate) const UNREGISTERED: Function = Function { name: "unregistered", call: |_| Ok(Vec::new()) };

pub(crate) const ALL: &[Function] = &[REVERSE, DIGEST, WHO, DIE, DIE_ONCE, SLEEP];

fn kill_myself() -> String {
    use rustix::process::{Signal, getpid, kill_process};
    match kill_process(getpid(), Signal::KILL) {
        Ok(()) => "it lives on".to_owned(),
        Err(error) => error.to_string(),
    }
}
