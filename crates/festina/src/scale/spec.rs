//! The spec file: what outgrows a command line.
//!
//! ```toml
//! command = ["python3", "train.py", "--rows", "{n}", "--jobs", "{p}"]
//! n = "1e4..1e6"
//! p = [1, 2, 4]
//! budget = "5m"
//! at = ["n=1e8,p=32"]
//!
//! [env]
//! DATA = "/data/{n}.csv"
//!
//! [check]
//! what = "file:out.npy"
//! rtol = 1e-9
//! ```

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScaleOptions;
use crate::Error;

/// The keys of a spec file, in the order of the documentation.
const KEYS: [&str; 18] = [
    "command",
    "env",
    "stdin",
    "n",
    "p",
    "weak",
    "setup",
    "prepare",
    "check",
    "budget",
    "precision",
    "timeout",
    "memory_limit",
    "seed",
    "accept_noise",
    "at",
    "price",
    "memory",
];

/// The keys of its `[check]` table.
const CHECK_KEYS: [&str; 5] = ["what", "rtol", "atol", "unordered", "ignore"];

/// Reads a spec file's text; `name` is its name in error messages.
///
/// # Errors
///
/// [`Error::Spec`] with the line and, for an unknown key, the nearest right one.
pub fn parse_spec(name: &str, text: &str) -> Result<ScaleOptions, Error> {
    let reader = Reader { name, text };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(at, error.message().to_owned(), None)
    })?;
    let mut options = ScaleOptions::default();
    for (key, value) in table.get_ref() {
        reader.set(&mut options, key, value)?;
    }
    Ok(options)
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

/// Knows where it is, for errors.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn set(&self, options: &mut ScaleOptions, key: &Key, value: &Value) -> Result<(), Error> {
        // A key may be spelt as its option is: memory-limit.
        match key.get_ref().replace('-', "_").as_str() {
            "command" => options.command = self.strings(value)?.into_iter().map(Into::into).collect(),
            "env" => options.env = self.environment(value)?,
            "stdin" => options.stdin = Some(self.string(value)?.into()),
            "n" => options.n = Some(self.list(value)?),
            "p" => options.p = Some(self.list(value)?),
            "weak" => options.weak = self.boolean(value)?,
            "setup" => options.setup = Some(self.string(value)?),
            "prepare" => options.prepare = Some(self.string(value)?),
            "check" => self.check(options, value)?,
            "budget" => options.budget = Some(self.scalar(value)?),
            "precision" => options.precision = Some(self.scalar(value)?),
            "timeout" => options.timeout = Some(self.scalar(value)?),
            "memory_limit" => options.memory_limit = Some(self.scalar(value)?),
            "seed" => options.seed = Some(self.number(value)?),
            "accept_noise" => options.accept_noise = self.boolean(value)?,
            "at" => options.at = self.strings(value)?,
            "price" => options.price = Some(self.number(value)?),
            "memory" => options.memory = Some(self.scalar(value)?),
            _ => return Err(self.unknown_key(key, key.get_ref(), &KEYS)),
        }
        Ok(())
    }

    fn check(&self, options: &mut ScaleOptions, value: &Value) -> Result<(), Error> {
        let DeValue::Table(table) = value.get_ref() else {
            options.check = Some(self.string(value)?);
            return Ok(());
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "what" => options.check = Some(self.string(value)?),
                "rtol" => options.rtol = Some(self.number(value)?),
                "atol" => options.atol = Some(self.number(value)?),
                "unordered" => options.unordered = self.boolean(value)?,
                "ignore" => options.check_ignore = self.strings(value)?,
                unknown => return Err(self.unknown_key(key, unknown, &CHECK_KEYS)),
            }
        }
        Ok(())
    }

    fn environment(&self, value: &Value) -> Result<BTreeMap<String, String>, Error> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.wrong(value, "a table of names and values"));
        };
        table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), self.scalar(value)?))).collect()
    }

    fn string(&self, value: &Value) -> Result<String, Error> {
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(value, "a string"))?;
        Ok(text.to_owned())
    }

    fn boolean(&self, value: &Value) -> Result<bool, Error> {
        value.get_ref().as_bool().ok_or_else(|| self.wrong(value, "true or false"))
    }

    /// Reads a string, or a number as it is written.
    fn scalar(&self, value: &Value) -> Result<String, Error> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                Ok(self.text[value.span()].to_owned())
            }
            _ => Err(self.wrong(value, "a string or a number")),
        }
    }

    fn number<T: std::str::FromStr>(&self, value: &Value) -> Result<T, Error> {
        let written = match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => self.text[value.span()].replace('_', ""),
            _ => String::new(),
        };
        written.parse().map_err(|_| self.wrong(value, "a number"))
    }

    fn strings(&self, value: &Value) -> Result<Vec<String>, Error> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.scalar(item)).collect(),
            _ => Err(self.wrong(value, "a list of strings")),
        }
    }

    /// Reads `"1,2,4"`, `4` or `[1, 2, 4]` as a comma-separated list.
    fn list(&self, value: &Value) -> Result<String, Error> {
        match value.get_ref() {
            DeValue::Array(_) => Ok(self.strings(value)?.join(",")),
            _ => self.scalar(value),
        }
    }

    fn wrong(&self, value: &Value, expected: &str) -> Error {
        self.error(value.span().start, format!("expected {expected}"), None)
    }

    fn unknown_key(&self, key: &Key, unknown: &str, known: &[&str]) -> Error {
        let hint = festina_run::nearest(unknown, known.iter().copied()).map_or_else(
            || format!("the keys are {}", known.join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        self.error(key.span().start, format!("unknown key '{unknown}'"), Some(hint))
    }

    fn error(&self, at: usize, message: String, hint: Option<String>) -> Error {
        let line = 1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Error::Spec { file: self.name.to_owned(), line, message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
command = ["train", "--rows", "{n}"]
n = [1e4, 100_000]
p = "1..8"
budget = "5m"
memory-limit = "1GiB"
precision = 0.02
seed = 7
at = ["n=1e8,p=32"]
price = 0.05

[env]
THREADS = 3

[check]
what = "file:out.npy"
rtol = 1e-9
ignore = ["took .* s"]
"#;

    #[test]
    fn every_kind_of_value_is_read() {
        let options = parse_spec("scale.toml", WHOLE).unwrap();
        assert_eq!(options.command, ["train", "--rows", "{n}"]);
        assert_eq!(options.n.as_deref(), Some("1e4,100_000"));
        assert_eq!(options.p.as_deref(), Some("1..8"));
        assert_eq!(options.precision.as_deref(), Some("0.02"));
        assert_eq!(options.memory_limit.as_deref(), Some("1GiB"));
        assert_eq!((options.seed, options.rtol, options.price), (Some(7), Some(1e-9), Some(0.05)));
        assert_eq!(options.env["THREADS"], "3");
        assert_eq!(options.check_ignore, ["took .* s"]);
    }

    #[test]
    fn a_typo_is_named_with_its_line_and_the_nearest_key() {
        let error = parse_spec("scale.toml", "command = [\"a\"]\n\nbudgte = \"5m\"\n").unwrap_err();
        assert_eq!(error.to_string(), "scale.toml, line 3: unknown key 'budgte'");
        assert_eq!(error.hint().as_deref(), Some("did you mean 'budget'?"));
    }

    #[test]
    fn a_wrong_kind_of_value_is_named_with_its_line() {
        let error = parse_spec("scale.toml", "[check]\nrtol = \"small\"").unwrap_err();
        assert_eq!(error.to_string(), "scale.toml, line 2: expected a number");
    }

    #[test]
    fn what_was_typed_wins() {
        let typed = ScaleOptions { budget: Some("1m".to_owned()), ..ScaleOptions::default() };
        let merged = typed.or(parse_spec("scale.toml", WHOLE).unwrap());
        assert_eq!((merged.budget.as_deref(), merged.p.as_deref()), (Some("1m"), Some("1..8")));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "(\\PC|\n){0,200}") {
            let _ = parse_spec("fuzz", &text);
        }
    }
}
