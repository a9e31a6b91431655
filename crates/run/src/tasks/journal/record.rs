//! What is recorded of a task, and how a line of the journal is written.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use festina_types::{Bytes, Seconds, Status};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tasks::TaskKey;

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskEnd {
    /// It ran.
    Ran(Status),
    /// It could not be started, for this reason.
    NotStarted(String),
}

impl TaskEnd {
    /// Returns whether it ran and ended with exit code 0.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Ran(Status::Finished))
    }

    /// Returns the name of the ending, the same in tables and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ran(Status::Finished) => "finished",
            Self::Ran(Status::Failed { .. }) => "failed",
            Self::Ran(Status::Killed { .. }) => "killed",
            Self::Ran(Status::TimedOut) => "timed-out",
            Self::Ran(Status::OutOfMemory) => "out-of-memory",
            Self::Ran(Status::Canceled) => "canceled",
            Self::NotStarted(_) => "not-started",
        }
    }

    /// Returns the exit code of a task that ended by itself.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Ran(Status::Finished) => Some(0),
            Self::Ran(Status::Failed { code }) => Some(*code),
            _ => None,
        }
    }

    /// Returns the signal that ended the task.
    pub fn signal(&self) -> Option<i32> {
        match self {
            Self::Ran(Status::Killed { signal }) => Some(*signal),
            _ => None,
        }
    }
}

/// The outcome of one task, as it is kept in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The task's identity.
    #[serde(rename = "k")]
    pub key: TaskKey,
    /// Its number in the session that ran it, from 1.
    #[serde(rename = "n")]
    pub number: u64,
    /// Its inputs.
    #[serde(rename = "i", with = "byte_strings")]
    pub inputs: Vec<OsString>,
    /// How it ended.
    #[serde(rename = "e", with = "short_end")]
    pub end: TaskEnd,
    /// How often it was started.
    #[serde(rename = "a", default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
    /// When its last attempt started, in microseconds since the Unix epoch.
    #[serde(rename = "t")]
    pub started_at_us: u64,
    /// The elapsed time of its last attempt, in microseconds, as are all times here.
    #[serde(rename = "w")]
    pub wall_us: u64,
    /// CPU time in user mode.
    #[serde(rename = "u")]
    pub user_us: u64,
    /// CPU time in the kernel.
    #[serde(rename = "y")]
    pub system_us: u64,
    /// Time that its threads waited for a CPU.
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    pub run_delay_us: u64,
    /// Time that attempts before the last one took.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    pub lost_us: u64,
    /// The largest resident memory of its process tree, in bytes.
    #[serde(rename = "r")]
    pub peak_rss_bytes: u64,
    /// The slot that ran it, from 1.
    #[serde(rename = "s")]
    pub slot: u32,
    /// The name of the host that ran it, where that is not the one of the session.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What was captured of its output: its last line.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none", with = "byte_string")]
    pub value: Option<OsString>,
}

impl Record {
    /// Returns the elapsed time of its last attempt.
    pub fn wall(&self) -> Seconds {
        Seconds(self.wall_us as f64 * 1e-6)
    }

    /// Returns the CPU time of its last attempt.
    pub fn cpu(&self) -> Seconds {
        Seconds((self.user_us + self.system_us) as f64 * 1e-6)
    }

    /// Returns its largest resident memory.
    pub fn peak_rss(&self) -> Bytes {
        Bytes(self.peak_rss_bytes)
    }
}

fn once() -> u32 {
    1
}

fn is_once(attempts: &u32) -> bool {
    *attempts == 1
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Bytes that are text are a JSON string; others are a list of numbers.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ByteString {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&OsString> for ByteString {
    fn from(value: &OsString) -> Self {
        match value.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(value.as_bytes().to_vec()),
        }
    }
}

impl From<ByteString> for OsString {
    fn from(value: ByteString) -> Self {
        match value {
            ByteString::Text(text) => text.into(),
            ByteString::Bytes(bytes) => Self::from_vec(bytes),
        }
    }
}

pub(super) mod byte_strings {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        values: &[OsString],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ByteString::from))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<OsString>, D::Error> {
        Ok(Vec::<ByteString>::deserialize(deserializer)?.into_iter().map(Into::into).collect())
    }
}

mod byte_string {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<OsString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ByteString::from).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<OsString>, D::Error> {
        Ok(Option::<ByteString>::deserialize(deserializer)?.map(Into::into))
    }
}

/// Endings as one short text: `0`, `exit 3`, `signal 9`, `timeout`, `memory`, `canceled`, `not started: reason`.
mod short_end {
    use super::*;

    pub(super) fn serialize<S: Serializer>(end: &TaskEnd, serializer: S) -> Result<S::Ok, S::Error> {
        match end {
            TaskEnd::Ran(Status::Finished) => serializer.serialize_str("0"),
            TaskEnd::Ran(Status::Failed { code }) => serializer.collect_str(&format_args!("exit {code}")),
            TaskEnd::Ran(Status::Killed { signal }) => {
                serializer.collect_str(&format_args!("signal {signal}"))
            }
            TaskEnd::Ran(Status::TimedOut) => serializer.serialize_str("timeout"),
            TaskEnd::Ran(Status::OutOfMemory) => serializer.serialize_str("memory"),
            TaskEnd::Ran(Status::Canceled) => serializer.serialize_str("canceled"),
            TaskEnd::NotStarted(reason) => serializer.collect_str(&format_args!("not started: {reason}")),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TaskEnd, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom("unknown ending"))
    }

    fn parse(text: &str) -> Option<TaskEnd> {
        let status = match text {
            "0" => Status::Finished,
            "timeout" => Status::TimedOut,
            "memory" => Status::OutOfMemory,
            "canceled" => Status::Canceled,
            _ => {
                if let Some(reason) = text.strip_prefix("not started: ") {
                    return Some(TaskEnd::NotStarted(reason.to_owned()));
                }
                match text.split_once(' ')? {
                    ("exit", code) => Status::Failed { code: code.parse().ok()? },
                    ("signal", signal) => Status::Killed { signal: signal.parse().ok()? },
                    _ => return None,
                }
            }
        };
        Some(TaskEnd::Ran(status))
    }
}
