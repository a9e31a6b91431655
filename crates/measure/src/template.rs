//! Text with placeholders: `{n}`, `{p}` and `{seed}` in what the user types.
//!
//! Braces are special only where they hold a name: `{n}` is a placeholder; `{"a": 1}`, `{print $1}` and the shell's
//! `${n}` stay as they are. `{{` writes a brace, and each `}}` that closes such a pair writes the other, so that `{{n}}` is the text
//! `{n}` while the `}}` of `{"a":{"b":{n}}}` stays.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use festina_types::Workers;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `{n}`: the problem size.
    Size,
    /// `{p}`: the number of workers.
    Workers,
    /// `{seed}`: the seed of the measurement, the same in all its runs so that their answers compare.
    Seed,
    /// `{reference}`: the path of the reference's output, in a check command.
    Reference,
    /// `{candidate}`: the path of the output to check, in a check command.
    Candidate,
}

impl Placeholder {
    /// The placeholders of a workload.
    pub const OF_WORKLOAD: &'static [Self] = &[Self::Size, Self::Workers, Self::Seed];
    /// The placeholders of a check command.
    pub const OF_CHECK: &'static [Self] =
        &[Self::Reference, Self::Candidate, Self::Size, Self::Workers, Self::Seed];

    /// Returns the name between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "n",
            Self::Workers => "p",
            Self::Seed => "seed",
            Self::Reference => "reference",
            Self::Candidate => "candidate",
        }
    }
}

/// Words that people use for a placeholder, beside names that are merely misspelt.
const SYNONYMS: [(&str, Placeholder); 16] = [
    ("size", Placeholder::Size),
    ("rows", Placeholder::Size),
    ("len", Placeholder::Size),
    ("count", Placeholder::Size),
    ("np", Placeholder::Workers),
    ("nproc", Placeholder::Workers),
    ("threads", Placeholder::Workers),
    ("workers", Placeholder::Workers),
    ("cores", Placeholder::Workers),
    ("cpus", Placeholder::Workers),
    ("jobs", Placeholder::Workers),
    ("j", Placeholder::Workers),
    ("ranks", Placeholder::Workers),
    ("random_seed", Placeholder::Seed),
    ("expected", Placeholder::Reference),
    ("actual", Placeholder::Candidate),
];

/// A placeholder is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown placeholder {{{name}}} in {place}")]
pub struct TemplateError {
    /// What was between the braces.
    pub name: String,
    /// Where: `argument 3 ('--jobs={np}')`.
    pub place: String,
    /// The placeholder that was probably meant.
    pub nearest: Placeholder,
}

impl TemplateError {
    /// Returns what to write instead.
    pub fn hint(&self) -> String {
        format!("did you mean {{{}}}? for the text itself write {{{{{}}}}}", self.nearest.name(), self.name)
    }
}

/// The values to fill in.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The problem size; `None` leaves `{n}` empty, which [`crate::Workload::validate`] rules out.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: Workers,
    /// The seed of the measurement.
    pub seed: u64,
    /// The path of the reference's output, for a check command.
    pub reference: &'a OsStr,
    /// The path of the output to check, for a check command.
    pub candidate: &'a OsStr,
}

impl Values<'_> {
    /// Returns the values of a run.
    pub fn new(n: Option<f64>, p: Workers, seed: u64) -> Self {
        Self { n, p, seed, reference: OsStr::new(""), candidate: OsStr::new("") }
    }

    fn get(&self, placeholder: Placeholder) -> Vec<u8> {
        match placeholder {
            Placeholder::Size => self.n.map(format_size).unwrap_or_default().into_bytes(),
            Placeholder::Workers => self.p.to_string().into_bytes(),
            Placeholder::Seed => self.seed.to_string().into_bytes(),
            Placeholder::Reference => self.reference.as_bytes().to_vec(),
            Placeholder::Candidate => self.candidate.as_bytes().to_vec(),
        }
    }
}

/// Text with placeholders; it need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Source", into = "Source")]
pub struct Template {
    source: OsString,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Field(Placeholder),
}

/// How a template is stored: as text, or as bytes where it is not UTF-8.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Source {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Template> for Source {
    fn from(template: Template) -> Self {
        match template.source.into_string() {
            Ok(text) => Self::Text(text),
            Err(bytes) => Self::Bytes(bytes.into_vec()),
        }
    }
}

impl TryFrom<Source> for Template {
    type Error = TemplateError;

    fn try_from(source: Source) -> Result<Self, TemplateError> {
        let source = match source {
            Source::Text(text) => OsString::from(text),
            Source::Bytes(bytes) => OsString::from_vec(bytes),
        };
        Self::parse(&source, Placeholder::OF_CHECK, "a stored template")
    }
}

impl Template {
    /// Reads `text`, in which the `allowed` placeholders may stand; `place` names it in the error.
    ///
    /// ```
    /// # use festina_measure::{Placeholder, Template, Values};
    /// # use festina_types::Workers;
    /// let template = Template::parse("--rows={n}".as_ref(), Placeholder::OF_WORKLOAD, "argument 2")?;
    /// assert_eq!(template.fill(&Values::new(Some(1e5), Workers::MIN, 0)), "--rows=100000");
    /// let error = Template::parse("-j{threads}".as_ref(), Placeholder::OF_WORKLOAD, "argument 3").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown placeholder {threads} in argument 3 ('-j{threads}')");
    /// assert!(error.hint().starts_with("did you mean {p}?"));
    /// # Ok::<(), festina_measure::TemplateError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if there is a name in braces that is not one of `allowed`; also for empty braces.
    pub fn parse(text: &OsStr, allowed: &[Placeholder], place: &str) -> Result<Self, TemplateError> {
        let unknown = |name: &str| TemplateError {
            name: name.to_owned(),
            place: format!("{place} ('{}')", text.to_string_lossy()),
            nearest: nearest(name, allowed),
        };
        let pieces = split(text.as_bytes(), &|name| {
            allowed.iter().copied().find(|p| p.name() == name).ok_or_else(|| unknown(name))
        })?;
        Ok(Self { source: text.to_owned(), pieces })
    }

    /// Reads `text`, in which only the `allowed` placeholders are special and all else, braces included, is text:
    /// for the content of files, which were not written for festina.
    pub fn parse_lenient(text: &OsStr, allowed: &[Placeholder]) -> Self {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let found = allowed.iter().find(|p| {
                let (name, rest) = (p.name().as_bytes(), &bytes[at..]);
                rest[0] == b'{' && rest[1..].starts_with(name) && rest.get(name.len() + 1) == Some(&b'}')
            });
            if let Some(placeholder) = found {
                push_text(&mut pieces, &mut literal);
                pieces.push(Piece::Field(*placeholder));
                at += placeholder.name().len() + 2;
            } else {
                literal.push(bytes[at]);
                at += 1;
            }
        }
        push_text(&mut pieces, &mut literal);
        Self { source: text.to_owned(), pieces }
    }

    /// Returns whether `placeholder` occurs.
    pub fn mentions(&self, placeholder: Placeholder) -> bool {
        self.pieces.contains(&Piece::Field(placeholder))
    }

    /// Returns the text as it was given.
    pub fn source(&self) -> &OsStr {
        &self.source
    }

    /// Returns the text with `values` in place of the placeholders.
    pub fn fill(&self, values: &Values<'_>) -> OsString {
        self.fill_with(|placeholder| values.get(placeholder))
    }

    /// Returns the text for a shell: as [`Template::fill`], with each path quoted as one word.
    pub fn fill_for_shell(&self, values: &Values<'_>) -> OsString {
        self.fill_with(|placeholder| match placeholder {
            Placeholder::Reference | Placeholder::Candidate => quote_for_shell(&values.get(placeholder)),
            _ => values.get(placeholder),
        })
    }

    fn fill_with(&self, value: impl Fn(Placeholder) -> Vec<u8>) -> OsString {
        let mut filled = Vec::with_capacity(self.source.len() + 16);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.extend_from_slice(text),
                Piece::Field(placeholder) => filled.extend(value(*placeholder)),
            }
        }
        OsString::from_vec(filled)
    }
}

/// Writes a problem size as programs read it: an integral one as an integer, never with an exponent.
///
/// ```
/// assert_eq!(festina_measure::format_size(1e5), "100000");
/// assert_eq!(festina_measure::format_size(2.5), "2.5");
/// ```
pub fn format_size(n: f64) -> String {
    format!("{n}")
}

/// Splits `text` at its placeholders; `resolve` says what a name in braces stands for.
fn split(
    text: &[u8],
    resolve: &dyn Fn(&str) -> Result<Placeholder, TemplateError>,
) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut escapes_open = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(b"{{") {
            literal.push(b'{');
            escapes_open += 1;
            at += 2;
        } else if rest.starts_with(b"}}") && escapes_open > 0 {
            literal.push(b'}');
            escapes_open -= 1;
            at += 2;
        } else if rest.starts_with(b"${") {
            literal.extend_from_slice(b"${");
            at += 2;
        } else if let Some(name) = name_in_braces(rest) {
            at += name.len() + 2;
            push_text(&mut pieces, &mut literal);
            pieces.push(Piece::Field(resolve(name)?));
        } else {
            literal.push(rest[0]);
            at += 1;
        }
    }
    push_text(&mut pieces, &mut literal);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut Vec<u8>) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal)));
    }
}

/// Returns the name if `text` starts with one in braces; the empty name counts, as it is a slip.
fn name_in_braces(text: &[u8]) -> Option<&str> {
    let inner = text.strip_prefix(b"{")?;
    let end = inner.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))?;
    let starts_well = !inner[0].is_ascii_digit();
    (inner[end] == b'}' && starts_well).then(|| std::str::from_utf8(&inner[..end]).ok()).flatten()
}

/// Returns the allowed placeholder that `name` was probably meant to be.
fn nearest(name: &str, allowed: &[Placeholder]) -> Placeholder {
    let lower = name.to_ascii_lowercase();
    let candidates = allowed
        .iter()
        .map(|p| (p.name(), *p))
        .chain(SYNONYMS.iter().copied().filter(|(_, p)| allowed.contains(p)));
    candidates
        .min_by(|a, b| {
            let distance = |word: &str| 1.0 - strsim::normalized_damerau_levenshtein(&lower, word);
            distance(a.0).total_cmp(&distance(b.0))
        })
        .map_or(Placeholder::Size, |(_, placeholder)| placeholder)
}

fn quote_for_shell(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in word {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> String {
        let template = Template::parse(text.as_ref(), Placeholder::OF_WORKLOAD, "here").unwrap();
        let values = Values::new(Some(2e6), Workers::new(4).unwrap(), 7);
        template.fill(&values).into_string().unwrap()
    }

    #[test]
    fn placeholders_stand_anywhere_and_other_braces_stay() {
        let cases = [
            ("{n}x{p}/{seed}", "2000000x4/7"),
            ("{{n}}", "{n}"),
            ("{{{n}}}", "{2000000}"),
            (r#"{"a":{"b":{n}}}"#, r#"{"a":{"b":2000000}}"#),
            (r#"{{"a":{{"b":{p}}}}}"#, r#"{"a":{"b":4}}"#),
            ("{print $1}", "{print $1}"),
            ("a}b{", "a}b{"),
            ("${n} ${HOME}", "${n} ${HOME}"),
            ("{1..3}", "{1..3}"),
            ("{n", "{n"),
        ];
        for (text, filled) in cases {
            assert_eq!(fill(text), filled, "{text}");
        }
    }

    #[test]
    fn sizes_are_written_without_an_exponent() {
        let cases = [(1e5, "100000"), (1e15, "1000000000000000"), (0.5, "0.5"), (1e-7, "0.0000001")];
        for (n, text) in cases {
            assert_eq!(format_size(n), text);
        }
    }

    #[test]
    fn the_nearest_placeholder_is_offered() {
        let cases = [
            ("{N}", "n"),
            ("{np}", "p"),
            ("{nprocs}", "p"),
            ("{thread}", "p"),
            ("{sed}", "seed"),
            ("{Size}", "n"),
        ];
        for (text, meant) in cases {
            let error = Template::parse(text.as_ref(), Placeholder::OF_WORKLOAD, "here").unwrap_err();
            assert_eq!(error.nearest.name(), meant, "{text}");
        }
        assert!(Template::parse("{}".as_ref(), Placeholder::OF_WORKLOAD, "here").is_err());
    }

    #[test]
    fn text_that_is_not_utf8_passes_as_it_is() {
        let text = OsString::from_vec(vec![0xff, b'{', b'p', b'}', 0xfe]);
        let template = Template::parse(&text, Placeholder::OF_WORKLOAD, "here").unwrap();
        let filled = template.fill(&Values::new(None, Workers::MIN, 0));
        assert_eq!(filled.as_bytes(), [0xff, b'1', 0xfe]);
        let stored = serde_json::to_string(&template).unwrap();
        assert_eq!(serde_json::from_str::<Template>(&stored).unwrap(), template);
    }

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        let template = Template::parse("cmp {candidate}".as_ref(), Placeholder::OF_CHECK, "here").unwrap();
        let values = Values { candidate: OsStr::new("it's $x"), ..Values::new(None, Workers::MIN, 0) };
        assert_eq!(template.fill_for_shell(&values), r"cmp 'it'\''s $x'");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_lenient_text_without_names_stays(text in ".{0,40}") {
            let _ = Template::parse(text.as_ref(), Placeholder::OF_WORKLOAD, "here");
            let lenient = Template::parse_lenient(text.as_ref(), &[Placeholder::Reference]);
            if !text.contains("{reference}") {
                let filled = lenient.fill(&Values::new(None, Workers::MIN, 0));
                proptest::prop_assert_eq!(filled.to_str().unwrap(), text.as_str());
            }
        }
    }
}
