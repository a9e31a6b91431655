//! Values as bytes: little-endian numbers, and strings after their length.
//!
//! Every length is checked against what is there before anything is reserved for it: damaged bytes give an error,
//! never a panic or a large allocation.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use thiserror::Error;

use crate::native::Output;

/// Why a message cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// It was written by another version of festina.
    #[error("it has version {found}, not {wanted}")]
    Version {
        /// Its version.
        found: u8,
        /// This festina's.
        wanted: u8,
    },
    /// It ends too early.
    #[error("it ends at byte {length}, within a value")]
    Short {
        /// Its length.
        length: usize,
    },
    /// Something follows its end.
    #[error("{extra} bytes follow its end")]
    Long {
        /// How many bytes.
        extra: usize,
    },
    /// A byte that says what follows is not known.
    #[error("{value} is no known {what}")]
    Unknown {
        /// What the byte stands for.
        what: &'static str,
        /// Its value.
        value: u8,
    },
    /// A value is not what it should be.
    #[error("it has a malformed {what}")]
    Malformed {
        /// The value.
        what: &'static str,
    },
}

/// Writes values.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Returns what was written so far.
    pub(crate) fn written(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.u32(value.cast_unsigned())
    }

    /// The bits as they are: what comes back is the very same number.
    pub(crate) fn f64(&mut self, value: f64) -> &mut Self {
        self.u64(value.to_bits())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u64(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: impl AsRef<OsStr>) -> &mut Self {
        self.bytes(text.as_ref().as_bytes())
    }

    /// Writes whether there is a value, and the value.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.byte(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    /// Writes an output or a message.
    pub(crate) fn output(&mut self, output: &Output) -> &mut Self {
        match output {
            Ok(bytes) => self.byte(1).bytes(bytes),
            Err(message) => self.byte(0).text(message),
        }
    }

    /// Writes how many values there are, and the values.
    pub(crate) fn list<T>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.u64(values.len() as u64);
        values.for_each(|value| write(self, value));
        self
    }
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// All must have been read.
    pub(crate) fn finish(self) -> Result<(), FrameError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(FrameError::Long { extra }),
        }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], FrameError> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.rest.len());
        let (taken, rest) = self.rest.split_at(count.ok_or(FrameError::Short { length: self.length })?);
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        Ok(self.take(N as u64)?.try_into().expect("as many bytes were taken"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FrameError> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, FrameError> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, FrameError> {
        self.u64().map(f64::from_bits)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, FrameError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(FrameError::Unknown { what: "truth value", value }),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FrameError> {
        let length = self.u64()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<OsString, FrameError> {
        Ok(OsString::from_vec(self.bytes()?.to_vec()))
    }

    pub(crate) fn string(&mut self) -> Result<String, FrameError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| FrameError::Malformed { what: "text" })
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Option<T>, FrameError> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn output(&mut self) -> Result<Output, FrameError> {
        if self.bool()? { Ok(Ok(self.bytes()?.to_vec())) } else { self.string().map(Err) }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Vec<T>, FrameError> {
        let count = self.u64()?;
        // Every value has a byte at least: a count beyond what is left is a lie, and nothing is reserved for it.
        if count > self.rest.len() as u64 {
            return Err(FrameError::Short { length: self.length });
        }
        (0..count).map(|_| read(self)).collect()
    }
}
