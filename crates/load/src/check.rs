//! What makes a response a good one.

use std::str::FromStr;

use serde_json::Value;

use crate::LoadError;

/// What responses must be; a response that is not counts as an error.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The status is one of these.
    Status(Vec<u16>),
    /// The body is JSON that has something at this pointer (RFC 6901), and it is this value, if one is given.
    Json(String, Option<Value>),
    /// The body holds this text.
    Body(String),
}

impl FromStr for Check {
    type Err = LoadError;

    /// Reads `status=200`, `status=200,404`, `json=/p/0`, `json=/ok:true`, `body=TEXT`.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let error = || LoadError::Objective {
            text: text.to_owned(),
            expected: "a check such as status=200, json=/p/0, json=/ok:true or body=TEXT",
        };
        let (kind, value) = text.split_once('=').ok_or_else(error)?;
        match kind {
            "status" => {
                let status = |text: &str| text.trim().parse::<u16>().ok().filter(|s| (100..600).contains(s));
                Ok(Self::Status(value.split(',').map(status).collect::<Option<_>>().ok_or_else(error)?))
            }
            "json" => {
                let (pointer, wanted) = value.split_once(':').map_or((value, None), |(p, v)| (p, Some(v)));
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    return Err(error());
                }
                // What is no JSON is meant as a string.
                let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                Ok(Self::Json(pointer.to_owned(), wanted.map(parse)))
            }
            "body" if !value.is_empty() => Ok(Self::Body(value.to_owned())),
            _ => Err(error()),
        }
    }
}

/// All that a response must be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks(pub(crate) Vec<Check>);

impl Checks {
    /// Returns whether the body has to be kept for a check.
    pub(crate) fn need_body(&self) -> bool {
        self.0.iter().any(|check| !matches!(check, Check::Status(_)))
    }

    /// Returns what is wrong with a response.
    pub(crate) fn problem(&self, status: u16, body: &[u8]) -> Option<String> {
        let has_own = self.0.iter().any(|check| matches!(check, Check::Status(_)));
        if !has_own && !(100..400).contains(&status) {
            return Some(format!("status {status}"));
        }
        self.0.iter().find_map(|check| check.problem(status, body))
    }
}

impl Check {
    fn problem(&self, status: u16, body: &[u8]) -> Option<String> {
        match self {
            Self::Status(allowed) => (!allowed.contains(&status)).then(|| format!("status {status}")),
            Self::Json(pointer, wanted) => {
                let Ok(value) = serde_json::from_slice::<Value>(body) else {
                    return Some("body is not JSON".to_owned());
                };
                match (value.pointer(pointer), wanted) {
                    (None, _) => Some(format!("nothing at {pointer}")),
                    (Some(found), Some(wanted)) if found != wanted => {
                        Some(format!("another value at {pointer}"))
                    }
                    _ => None,
                }
            }
            Self::Body(text) => {
                let found = body.windows(text.len()).any(|window| window == text.as_bytes());
                (!found).then(|| format!("body without '{text}'"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(texts: &[&str]) -> Checks {
        Checks(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn good_responses_pass() {
        let body = br#"{"p": [0.25], "ok": true, "name": "a"}"#;
        let all = checks(&[
            "json=/p/0",
            "json=/ok:true",
            "json=/name:a",
            "json=/p/0:0.25",
            "body=\"ok\"",
            "status=201,200",
        ]);
        assert_eq!(all.problem(200, body), None);
        assert_eq!(Checks::default().problem(304, b""), None);
    }

    #[test]
    fn bad_responses_are_told() {
        let problem = |check: &str, body: &str| checks(&[check]).problem(200, body.as_bytes());
        assert_eq!(problem("json=/p/1", "{\"p\":[1]}").unwrap(), "nothing at /p/1");
        assert_eq!(problem("json=/p", "{\"p\":").unwrap(), "body is not JSON");
        assert_eq!(problem("json=/p:2", "{\"p\":1}").unwrap(), "another value at /p");
        assert_eq!(problem("body=x", "y").unwrap(), "body without 'x'");
        assert_eq!(problem("status=404", "").unwrap(), "status 200");
        assert_eq!(Checks::default().problem(503, b"").unwrap(), "status 503");
    }

    #[test]
    fn what_is_no_check_is_refused() {
        for text in ["", "status", "status=", "status=ok", "status=999", "json=p", "body=", "size=3"] {
            assert!(text.parse::<Check>().is_err(), "{text}");
        }
    }
}
