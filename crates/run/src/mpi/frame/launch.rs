//! What is to be run, on its way to a rank.

use std::sync::Arc;

use festina_machine::CpuSet;
use festina_types::{Bytes, Seconds, Workers};

use crate::wire::{FrameError, Reader, Writer};
use crate::{Environment, Input, Launch, Sink};

/// What many jobs have in common, and is sent once: mostly the environment, some kilobytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) environment: Environment,
    pub(crate) directory: Option<std::path::PathBuf>,
    /// The CPUs of a task; `None` where tasks are not bound to CPUs.
    pub(crate) cores_per_task: Option<u32>,
    /// Of the ranks on the same host, which one this is, from 0, and how many there are.
    pub(crate) local: (u32, u32),
}

impl Setting {
    pub(super) fn write(&self, writer: &mut Writer) {
        let variables: Vec<_> = self.environment.iter().collect();
        writer
            .list(variables.into_iter(), |writer, (name, value)| _ = writer.text(name).text(value))
            .option(self.directory.as_ref(), |writer, path| _ = writer.text(path))
            .option(self.cores_per_task, |writer, cores| _ = writer.u32(cores))
            .u32(self.local.0)
            .u32(self.local.1);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let variables = reader.list(|reader| Ok((reader.text()?, reader.text()?)))?;
        Ok(Self {
            environment: variables.into_iter().collect(),
            directory: reader.option(Reader::text)?.map(Into::into),
            cores_per_task: reader.option(Reader::u32)?,
            local: (reader.u32()?, reader.u32()?),
        })
    }
}

/// A launch without what its setting says: that is filled in where it is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job(pub(crate) Launch);

impl Job {
    /// Returns the launch with what `setting` says.
    pub(crate) fn under(self, setting: &Setting) -> Launch {
        Launch { environment: setting.environment.clone(), directory: setting.directory.clone(), ..self.0 }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let launch = &self.0;
        writer.text(&launch.program).list(launch.arguments.iter(), |writer, word| _ = writer.text(word));
        write_input(&launch.input, writer);
        write_sink(&launch.output, writer);
        write_sink(&launch.errors, writer);
        writer
            .option(launch.cpus.as_ref(), |writer, cpus| _ = writer.text(cpus.to_string()))
            .option(launch.workers, |writer, workers| _ = writer.u32(workers.get()))
            .option(launch.timeout, |writer, timeout| _ = writer.f64(timeout.0))
            .option(launch.memory_limit, |writer, memory| _ = writer.u64(memory.0))
            .option(launch.nice, |writer, nice| _ = writer.i32(nice))
            .f64(launch.grace.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let cpus = |reader: &mut Reader<'_>| {
            reader.string()?.parse::<CpuSet>().map_err(|_| FrameError::Malformed { what: "set of CPUs" })
        };
        let workers = |reader: &mut Reader<'_>| {
            Workers::new(reader.u32()?).ok_or(FrameError::Malformed { what: "number of workers" })
        };
        Ok(Self(Launch {
            program: reader.text()?,
            arguments: reader.list(Reader::text)?,
            input: read_input(reader)?,
            output: read_sink(reader)?,
            errors: read_sink(reader)?,
            cpus: reader.option(cpus)?,
            workers: reader.option(workers)?,
            timeout: reader.option(Reader::f64)?.map(Seconds),
            memory_limit: reader.option(Reader::u64)?.map(Bytes),
            nice: reader.option(Reader::i32)?,
            grace: Seconds(reader.f64()?),
            environment: Environment::new(),
            directory: None,
        }))
    }
}

fn write_input(input: &Input, writer: &mut Writer) {
    match input {
        Input::Empty => writer.byte(0),
        Input::File(path) => writer.byte(1).text(path),
        Input::Bytes(bytes) => writer.byte(2).bytes(bytes),
        Input::Inherit => writer.byte(3),
    };
}

fn read_input(reader: &mut Reader<'_>) -> Result<Input, FrameError> {
    Ok(match reader.byte()? {
        0 => Input::Empty,
        1 => Input::File(reader.text()?.into()),
        2 => Input::Bytes(Arc::from(reader.bytes()?)),
        3 => Input::Inherit,
        value => return Err(FrameError::Unknown { what: "input", value }),
    })
}

fn write_sink(sink: &Sink, writer: &mut Writer) {
    match sink {
        Sink::Discard => writer.byte(0),
        Sink::Inherit => writer.byte(1),
        Sink::File(path) => writer.byte(2).text(path),
        Sink::Capture { limit, spill } => {
            writer.byte(3).u64(limit.0).option(spill.as_ref(), |writer, path| _ = writer.text(path))
        }
    };
}

fn read_sink(reader: &mut Reader<'_>) -> Result<Sink, FrameError> {
    Ok(match reader.byte()? {
        0 => Sink::Discard,
        1 => Sink::Inherit,
        2 => Sink::File(reader.text()?.into()),
        3 => {
            Sink::Capture { limit: Bytes(reader.u64()?), spill: reader.option(Reader::text)?.map(Into::into) }
        }
        value => return Err(FrameError::Unknown { what: "sink", value }),
    })
}
