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

use toml::de::DeValue;

use super::ScaleOptions;
use crate::Error;
use crate::toml_reader::{Key, Reader, Value};

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
    let mut options = ScaleOptions::default();
    for (key, value) in reader.parse()?.get_ref() {
        Spec(reader).set(&mut options, key, value)?;
    }
    Ok(options)
}

/// Fills options from what a spec file says.
struct Spec<'a>(Reader<'a>);

impl Spec<'_> {
    fn set(&self, options: &mut ScaleOptions, key: &Key<'_>, value: &Value<'_>) -> Result<(), Error> {
        // A key may be spelt as its option is: memory-limit.
        match key.get_ref().replace('-', "_").as_str() {
            "command" => options.command = self.0.strings(value)?.into_iter().map(Into::into).collect(),
            "env" => options.env = self.0.environment(value)?,
            "stdin" => options.stdin = Some(self.0.string(value)?.into()),
            "n" => options.n = Some(self.0.list(value)?),
            "p" => options.p = Some(self.0.list(value)?),
            "weak" => options.weak = self.0.boolean(value)?,
            "setup" => options.setup = Some(self.0.string(value)?),
            "prepare" => options.prepare = Some(self.0.string(value)?),
            "check" => self.check(options, value)?,
            "budget" => options.budget = Some(self.0.scalar(value)?),
            "precision" => options.precision = Some(self.0.scalar(value)?),
            "timeout" => options.timeout = Some(self.0.scalar(value)?),
            "memory_limit" => options.memory_limit = Some(self.0.scalar(value)?),
            "seed" => options.seed = Some(self.0.number(value)?),
            "accept_noise" => options.accept_noise = self.0.boolean(value)?,
            "at" => options.at = self.0.strings(value)?,
            "price" => options.price = Some(self.0.number(value)?),
            "memory" => options.memory = Some(self.0.scalar(value)?),
            _ => return Err(self.0.unknown_key(key, key.get_ref(), &KEYS)),
        }
        Ok(())
    }

    fn check(&self, options: &mut ScaleOptions, value: &Value<'_>) -> Result<(), Error> {
        let DeValue::Table(table) = value.get_ref() else {
            options.check = Some(self.0.string(value)?);
            return Ok(());
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "what" => options.check = Some(self.0.string(value)?),
                "rtol" => options.rtol = Some(self.0.number(value)?),
                "atol" => options.atol = Some(self.0.number(value)?),
                "unordered" => options.unordered = self.0.boolean(value)?,
                "ignore" => options.check_ignore = self.0.strings(value)?,
                unknown => return Err(self.0.unknown_key(key, unknown, &CHECK_KEYS)),
            }
        }
        Ok(())
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
