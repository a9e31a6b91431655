//! JSON that says what it is.

use serde::{Deserialize, Serialize};

/// A value with the name and version of its schema, as docs/guide/json.md describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The schema and its version, such as `festina.scale/1`.
    pub schema: String,
    /// The value.
    #[serde(flatten)]
    pub body: T,
}

/// Returns `body` with the name of its schema.
pub fn versioned<T>(schema: &str, body: T) -> Versioned<T> {
    Versioned { schema: schema.to_owned(), body }
}
