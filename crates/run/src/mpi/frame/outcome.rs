//! How a program ended, on its way back.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use festina_types::{Bytes, Finding, Seconds, Severity, Status, Usage};

use crate::wire::{FrameError, Reader, Writer};
use crate::{Captured, Outcome, RunError};

pub(super) fn write(outcome: &Outcome, writer: &mut Writer) {
    write_status(outcome.status, writer);
    write_usage(&outcome.usage, writer);
    let since_epoch = outcome.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    writer.u64(since_epoch.as_nanos() as u64);
    write_captured(&outcome.output, writer);
    write_captured(&outcome.errors, writer);
    writer.list(outcome.findings.iter(), write_finding);
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Outcome, FrameError> {
    Ok(Outcome {
        status: read_status(reader)?,
        usage: read_usage(reader)?,
        started_at: reader.u64().map(|since_epoch| UNIX_EPOCH + Duration::from_nanos(since_epoch))?,
        output: read_captured(reader)?,
        errors: read_captured(reader)?,
        findings: reader.list(read_finding)?,
    })
}

fn write_status(status: Status, writer: &mut Writer) {
    match status {
        Status::Finished => writer.byte(0),
        Status::Failed { code } => writer.byte(1).i32(code),
        Status::Killed { signal } => writer.byte(2).i32(signal),
        Status::TimedOut => writer.byte(3),
        Status::OutOfMemory => writer.byte(4),
        Status::Canceled => writer.byte(5),
    };
}

fn read_status(reader: &mut Reader<'_>) -> Result<Status, FrameError> {
    Ok(match reader.byte()? {
        0 => Status::Finished,
        1 => Status::Failed { code: reader.i32()? },
        2 => Status::Killed { signal: reader.i32()? },
        3 => Status::TimedOut,
        4 => Status::OutOfMemory,
        5 => Status::Canceled,
        value => return Err(FrameError::Unknown { what: "status", value }),
    })
}

fn write_usage(usage: &Usage, writer: &mut Writer) {
    let seconds = |writer: &mut Writer, time: Seconds| _ = writer.f64(time.0);
    let bytes = |writer: &mut Writer, amount: Bytes| _ = writer.u64(amount.0);
    writer
        .f64(usage.wall.0)
        .f64(usage.user.0)
        .f64(usage.system.0)
        .option(usage.run_delay, seconds)
        .option(usage.blocked, seconds)
        .u64(usage.peak_rss.0)
        .u32(usage.peak_processes)
        .u32(usage.peak_threads)
        .u64(usage.voluntary_switches)
        .u64(usage.involuntary_switches)
        .u64(usage.major_faults)
        .u64(usage.minor_faults)
        .option(usage.read, bytes)
        .option(usage.written, bytes);
}

fn read_usage(reader: &mut Reader<'_>) -> Result<Usage, FrameError> {
    let seconds = |reader: &mut Reader<'_>| reader.f64().map(Seconds);
    let bytes = |reader: &mut Reader<'_>| reader.u64().map(Bytes);
    Ok(Usage {
        wall: seconds(reader)?,
        user: seconds(reader)?,
        system: seconds(reader)?,
        run_delay: reader.option(seconds)?,
        blocked: reader.option(seconds)?,
        peak_rss: bytes(reader)?,
        peak_processes: reader.u32()?,
        peak_threads: reader.u32()?,
        voluntary_switches: reader.u64()?,
        involuntary_switches: reader.u64()?,
        major_faults: reader.u64()?,
        minor_faults: reader.u64()?,
        read: reader.option(bytes)?,
        written: reader.option(bytes)?,
    })
}

fn write_captured(captured: &Captured, writer: &mut Writer) {
    writer
        .bytes(&captured.bytes)
        .u64(captured.total.0)
        .option(captured.spilled.as_ref(), |writer, path| _ = writer.text(path));
}

fn read_captured(reader: &mut Reader<'_>) -> Result<Captured, FrameError> {
    Ok(Captured {
        bytes: reader.bytes()?.to_vec(),
        total: Bytes(reader.u64()?),
        spilled: reader.option(Reader::text)?.map(Into::into),
    })
}

fn write_finding(writer: &mut Writer, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Note => 0,
        Severity::Warning => 1,
        Severity::Error => 2,
    };
    writer
        .byte(severity)
        .text(&finding.code)
        .text(&finding.message)
        .option(finding.hint.as_ref(), |writer, hint| _ = writer.text(hint));
}

fn read_finding(reader: &mut Reader<'_>) -> Result<Finding, FrameError> {
    let severity = match reader.byte()? {
        0 => Severity::Note,
        1 => Severity::Warning,
        2 => Severity::Error,
        value => return Err(FrameError::Unknown { what: "severity", value }),
    };
    let (code, message) = (reader.string()?, reader.string()?);
    let finding = Finding::new(severity, &code, message);
    Ok(Finding { hint: reader.option(Reader::string)?, ..finding })
}

/// Why a program could not be run: as much of a [`RunError`] as whoever asked for it acts upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Processes, files or memory are short; the number of the error.
    Exhausted { errno: i32 },
    /// A disk is full.
    NoSpace { path: PathBuf },
    /// The rank itself is broken, not the task.
    Broken { message: String },
    /// The task cannot be run, on any rank.
    Unfit { message: String },
}

impl From<&RunError> for Failure {
    fn from(error: &RunError) -> Self {
        let message = error.to_string();
        match error {
            RunError::Exhausted { source } => {
                Self::Exhausted { errno: source.raw_os_error().unwrap_or(libc::EAGAIN) }
            }
            RunError::NoSpace { path } => Self::NoSpace { path: path.clone() },
            RunError::Output { source, .. } | RunError::Guardian { source, .. } => {
                Self::Broken { message: format!("{message}: {source}") }
            }
            RunError::Nice { .. } => Self::Broken { message },
            _ => Self::Unfit { message },
        }
    }
}

impl Failure {
    /// Returns the error as it is told on the first rank; `worker` says where it befell.
    pub(crate) fn into_error(self, worker: &str) -> RunError {
        match self {
            Self::Exhausted { errno } => RunError::Exhausted { source: io::Error::from_raw_os_error(errno) },
            Self::NoSpace { path } => RunError::NoSpace { path },
            Self::Broken { message } => RunError::Worker { worker: worker.to_owned(), message },
            Self::Unfit { message } => RunError::Unfit { message },
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Exhausted { errno } => writer.byte(0).i32(*errno),
            Self::NoSpace { path } => writer.byte(1).text(path),
            Self::Broken { message } => writer.byte(2).text(message),
            Self::Unfit { message } => writer.byte(3).text(message),
        };
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(match reader.byte()? {
            0 => Self::Exhausted { errno: reader.i32()? },
            1 => Self::NoSpace { path: reader.text()?.into() },
            2 => Self::Broken { message: reader.string()? },
            3 => Self::Unfit { message: reader.string()? },
            value => return Err(FrameError::Unknown { what: "failure", value }),
        })
    }
}

/// Returns the time as it comes back: whole nanoseconds.
#[cfg(test)]
pub(super) fn at(nanoseconds: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}
