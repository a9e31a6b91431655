//! What keeps a load from being applied.

use std::io;

use festina_types::Exit;
use thiserror::Error;

/// Why there is no load, or no result of it.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The address cannot be used.
    #[error("'{url}' is not an address to load: {message}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// The host has no address.
    #[error("failed to find the address of {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The host is not this machine, and nobody said that it may be loaded.
    #[error("{host} is not this machine: load is an attack where it is not welcome")]
    NotAuthorized {
        /// The host.
        host: String,
    },
    /// A rate, a profile or an arrival process makes no sense.
    #[error("'{text}' is not {expected}")]
    Schedule {
        /// What was given.
        text: String,
        /// What would be right, with an example.
        expected: &'static str,
    },
    /// A row of the data file cannot be read.
    #[error("{file}, line {line}: {message}")]
    Row {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The request cannot be made.
    #[error("{message}")]
    Request {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// A service level objective or a check cannot be read.
    #[error("'{text}' is not {expected}")]
    Objective {
        /// What was given.
        text: String,
        /// What would be right, with an example.
        expected: &'static str,
    },
    /// The machine gives no more files, threads or memory.
    #[error("failed to {action}")]
    Machine {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// There are no certificates of authorities to trust.
    #[error("{message}")]
    Authorities {
        /// What is wrong.
        message: String,
    },
    /// The server answers, but not as encrypted connections are opened.
    #[error("no encrypted connection to {address}: {message}")]
    Tls {
        /// The address.
        address: String,
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: &'static str,
    },
    /// The server does not speak HTTP/2.
    #[error("{address} does not speak HTTP/2")]
    NotHttp2 {
        /// The address.
        address: String,
    },
    /// Nothing answers there.
    #[error("nothing answers at {address}")]
    Refused {
        /// The address that was tried.
        address: String,
        /// Why the connection failed.
        #[source]
        source: io::Error,
    },
}

impl LoadError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Url { .. } => "give one such as http://127.0.0.1:8000/predict".to_owned(),
            Self::Resolve { .. } => "correct the name, or give its number".to_owned(),
            Self::NotAuthorized { host } => {
                format!("if it is yours, or its owner agreed, say so: --authorized-for {host}")
            }
            Self::Schedule { .. } | Self::Objective { .. } => return None,
            Self::Row { .. } => "correct the line, or take it out".to_owned(),
            Self::Request { hint, .. } => hint.clone(),
            Self::Machine { source, .. } => match source.raw_os_error() {
                Some(code) if code == rustix::io::Errno::MFILE.raw_os_error() => {
                    "allow more open files (ulimit -n 65536), or fewer --connections".to_owned()
                }
                _ => return None,
            },
            Self::Authorities { .. } => {
                "give --ca FILE with certificates as text, '-----BEGIN CERTIFICATE-----' and so on".to_owned()
            }
            Self::Tls { hint, .. } => (*hint).to_owned(),
            Self::NotHttp2 { .. } => "leave --http2 away, or have the server offer it".to_owned(),
            Self::Refused { .. } => "start the service first, and give its port".to_owned(),
        })
    }

    /// Returns the exit code that suits it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Machine { .. }
            | Self::Refused { .. }
            | Self::Resolve { .. }
            | Self::Tls { .. }
            | Self::NotHttp2 { .. } => Exit::Unavailable,
            _ => Exit::BadInput,
        }
    }
}
