//! Reads the placeholders of one word.

use super::TaskError;
use super::shell::{Quoting, Scanner};
use crate::nearest;

/// A part of a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Value(Value, Edit, Quoting),
}

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    All,
    /// By position, from 1.
    Input(usize),
    Column(String),
    Number,
    Slot,
    Seed,
}

/// What is done to a value before it is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Whole,
    WithoutExtension,
    FileName,
    Folder,
    FileStem,
}

impl Piece {
    pub(super) fn all(quoting: Quoting) -> Self {
        Self::Value(Value::All, Edit::Whole, quoting)
    }

    pub(super) fn is_value(&self) -> bool {
        matches!(self, Self::Value(..))
    }
}

impl Edit {
    /// Longest first, so that the right one is found at the end of a name.
    const SUFFIXES: [(&'static str, Self); 4] =
        [("//", Self::Folder), ("/.", Self::FileStem), (".", Self::WithoutExtension), ("/", Self::FileName)];

    pub(super) fn apply(self, value: &[u8]) -> &[u8] {
        match self {
            Self::Whole => value,
            Self::WithoutExtension => without_extension(value),
            Self::FileName => file_name(value),
            Self::Folder => folder(value),
            Self::FileStem => without_extension(file_name(value)),
        }
    }
}

fn without_extension(value: &[u8]) -> &[u8] {
    match value.iter().rposition(|&byte| byte == b'.' || byte == b'/') {
        Some(dot) if value[dot] == b'.' => &value[..dot],
        _ => value,
    }
}

fn file_name(value: &[u8]) -> &[u8] {
    value.rsplit(|&byte| byte == b'/').next().unwrap_or(value)
}

/// Returns the folder as `dirname` does.
fn folder(value: &[u8]) -> &[u8] {
    let path = trim_slashes(value);
    match path.iter().rposition(|&byte| byte == b'/') {
        _ if path.is_empty() && !value.is_empty() => b"/",
        None => b".",
        Some(slash) if trim_slashes(&path[..slash]).is_empty() => b"/",
        Some(slash) => trim_slashes(&path[..slash]),
    }
}

fn trim_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

/// Reads one word, or a script for a shell.
pub(super) fn word(text: &[u8], columns: &[String], is_script: bool) -> Result<Vec<Piece>, TaskError> {
    let reader = Reader {
        rest: text,
        whole: text,
        columns,
        scanner: is_script.then(Scanner::default),
        pieces: Vec::new(),
        text: Vec::new(),
        escaped: 0,
        open: 0,
    };
    reader.read()
}

struct Reader<'a> {
    rest: &'a [u8],
    whole: &'a [u8],
    columns: &'a [String],
    scanner: Option<Scanner>,
    pieces: Vec<Piece>,
    text: Vec<u8>,
    /// `{{` whose `}}` has not come.
    escaped: usize,
    /// Braces that hold no name and are not closed.
    open: usize,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Vec<Piece>, TaskError> {
        while let Some(&byte) = self.rest.first() {
            match byte {
                b'{' if self.rest.starts_with(b"{{") => self.escape(b'{'),
                b'{' => self.open()?,
                b'}' if self.rest.starts_with(b"}}") && (self.escaped > 0 || self.open == 0) => {
                    self.escape(b'}');
                }
                b'}' => self.close()?,
                _ => self.take(1),
            }
        }
        self.end_text();
        Ok(self.pieces)
    }

    fn escape(&mut self, brace: u8) {
        self.escaped = if brace == b'{' { self.escaped + 1 } else { self.escaped.saturating_sub(1) };
        self.rest = &self.rest[1..];
        self.take(1);
    }

    /// Takes `length` bytes as text.
    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.text.extend_from_slice(taken);
        if let Some(scanner) = &mut self.scanner {
            taken.iter().for_each(|&byte| scanner.read(byte));
        }
        self.rest = rest;
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn open(&mut self) -> Result<(), TaskError> {
        let after = &self.rest[1..];
        let Some(end) =
            after.iter().position(|&byte| byte == b'}' || byte == b'{').filter(|&end| after[end] == b'}')
        else {
            // An open brace before white space, quotes and the like belongs to a program or to a shell.
            if after.iter().all(|&byte| is_name_byte(byte)) {
                return Err(self.unbalanced());
            }
            self.open += 1;
            self.take(1);
            return Ok(());
        };
        let name = String::from_utf8_lossy(&after[..end]);
        let is_of_shell = self.text.last() == Some(&b'$') && !name.is_empty();
        match if is_of_shell { None } else { self.placeholder(&name)? } {
            Some((value, edit)) => {
                self.rest = &after[end + 1..];
                self.push(value, edit)
            }
            None => {
                self.take(end + 2);
                Ok(())
            }
        }
    }

    fn push(&mut self, value: Value, edit: Edit) -> Result<(), TaskError> {
        self.end_text();
        let quoting = match &self.scanner {
            None => Quoting::None,
            Some(scanner) => scanner.quoting().ok_or_else(|| TaskError::Backquotes {
                script: String::from_utf8_lossy(self.whole).into_owned(),
            })?,
        };
        self.pieces.push(Piece::Value(value, edit, quoting));
        Ok(())
    }

    fn close(&mut self) -> Result<(), TaskError> {
        self.open = self.open.checked_sub(1).ok_or_else(|| self.unbalanced())?;
        self.take(1);
        Ok(())
    }

    fn unbalanced(&self) -> TaskError {
        TaskError::UnbalancedBraces {
            word: String::from_utf8_lossy(self.whole).into_owned(),
            column: self.whole.len() - self.rest.len() + 1,
        }
    }

    /// Returns what `name` stands for, or `None` if it is no name.
    fn placeholder(&self, name: &str) -> Result<Option<(Value, Edit)>, TaskError> {
        if let Some(value) = self.value(name)? {
            return Ok(Some((value, Edit::Whole)));
        }
        for (suffix, edit) in Edit::SUFFIXES {
            if let Some(stem) = name.strip_suffix(suffix)
                && let Some(value) = self.value(stem)?
            {
                return Ok(Some((value, edit)));
            }
        }
        let is_expression = name.len() > 1 && name.starts_with('=') && name.ends_with('=');
        if !is_name(name) && !is_expression {
            return Ok(None);
        }
        let known = self.columns.iter().map(String::as_str).chain(["seed"]);
        let nearest = nearest(name, known).map(str::to_owned);
        Err(TaskError::UnknownPlaceholder { name: name.to_owned(), nearest, columns: self.columns.to_vec() })
    }

    fn value(&self, name: &str) -> Result<Option<Value>, TaskError> {
        Ok(Some(match name {
            "" => Value::All,
            // A column's own name comes first: a table may well have a column called `seed`.
            _ if self.columns.iter().any(|column| column == name) => Value::Column(name.to_owned()),
            "#" => Value::Number,
            "%" => Value::Slot,
            "seed" => Value::Seed,
            _ if name.bytes().all(|byte| byte.is_ascii_digit()) => {
                let position = name.parse().unwrap_or(usize::MAX);
                let n_inputs = self.columns.len();
                if position == 0 || position > n_inputs {
                    return Err(TaskError::NoSuchInput { position, n_inputs });
                }
                Value::Input(position)
            }
            _ => return Ok(None),
        }))
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./#%".contains(&byte) || !byte.is_ascii()
}

/// Returns whether `text` looks like the name of a column.
fn is_name(text: &str) -> bool {
    text.bytes().all(is_name_byte) && text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folders_are_those_of_dirname() {
        let cases = [
            ("a/b", "a"),
            ("a", "."),
            ("/a", "/"),
            ("/", "/"),
            ("a/b/", "a"),
            ("a//b", "a"),
            ("//a", "/"),
            ("", "."),
            ("../x.y/z", "../x.y"),
            ("///", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(folder(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    /// GNU parallel's own definitions: `s:\.[^/.]*$::`, `s:.*/::`.
    fn naive(edit: Edit, path: &str) -> String {
        let base = path.rfind('/').map_or(path, |slash| &path[slash + 1..]);
        let strip = |text: &str| match (text.rfind('.'), text.rfind('/')) {
            (Some(dot), slash) if slash.is_none_or(|slash| slash < dot) => text[..dot].to_owned(),
            _ => text.to_owned(),
        };
        match edit {
            Edit::WithoutExtension => strip(path),
            Edit::FileStem => strip(base),
            _ => base.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn edits_agree_with_a_naive_reading(path in "[a./]{0,8}") {
            for edit in [Edit::WithoutExtension, Edit::FileStem, Edit::FileName] {
                let edited = String::from_utf8_lossy(edit.apply(path.as_bytes())).into_owned();
                prop_assert_eq!(edited, naive(edit, &path));
            }
        }

        #[test]
        fn any_word_is_read_or_refused_without_panic(text in "[{}a1./#%$='\"` ]{0,24}") {
            let columns = ["a".to_owned()];
            let _ = word(text.as_bytes(), &columns, false);
            let _ = word(text.as_bytes(), &columns, true);
        }

        #[test]
        fn doubled_braces_give_any_text(text in "[{}a1 ]{0,16}") {
            // Only text in which no brace is closed before it is opened can be written so.
            let mut depth = 0;
            let balanced = |c: &char| {
                depth += match c {
                    '{' => 1,
                    '}' if depth == 0 => return false,
                    '}' => -1,
                    _ => 0,
                };
                true
            };
            let text: String = text.chars().filter(balanced).collect();
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let pieces = word(doubled.as_bytes(), &[], false).unwrap();
            let text = if text.is_empty() { vec![] } else { vec![Piece::Text(text.into_bytes())] };
            prop_assert_eq!(pieces, text);
        }
    }
}
