//! Errors of the façade as the exceptions of the package.

use std::error::Error as _;

use festina::{Error, Exit};
use pyo3::prelude::*;

/// Returns `error` as an exception, its hint in the message: `festina.InputError` (a `ValueError`) or
/// `festina.UnavailableError` (an `OSError`).
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let name = if error.exit() == Exit::BadInput { "InputError" } else { "UnavailableError" };
    raise(py, name, &message(error))
}

/// Returns the exception `name` of the package.
pub(crate) fn raise(py: Python<'_>, name: &str, message: &str) -> PyErr {
    let made = py
        .import("festina._errors")
        .and_then(|module| module.getattr(name))
        .and_then(|class| class.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message += &format!(": {text}");
        }
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        message += &format!("\nhint: {hint}");
    }
    message
}
