//! Commands with placeholders: `{}`, `{.}`, `{2/}`, `{city}`, `{#}`, `{seed}`.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{}` | the input; where a task has several, all of them, an argument each |
//! | `{2}`, `{city}` | the second input; the column `city` |
//! | `{.}` | without the extension: `dir/a.txt` → `dir/a` |
//! | `{/}` | without the folder: `a.txt` |
//! | `{//}` | the folder: `dir` (`.` where there is none) |
//! | `{/.}` | without folder and extension: `a` |
//! | `{2.}`, `{city/}` | the same of one input |
//! | `{#}` | the task's number, from 1 |
//! | `{%}` | the number of the slot that it runs in, from 1 |
//! | `{seed}` | the task's seed |
//!
//! Braces are special only where they hold a name: `{print $1}`, `{"a": 1}` and the shell's `${n}` stay as they
//! are. `{{` writes a brace, and the `}}` that closes the pair writes the other: `{{city}}` is the text `{city}`.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::parse::{self, Piece, Value};
use super::shell::Quoting;
use super::{Row, TaskError};

/// A command, ready to be filled in for one row of inputs after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    words: Vec<Vec<Piece>>,
}

/// Values other than the inputs with which a template is filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The task's number, from 1.
    pub number: u64,
    /// The task's seed.
    pub seed: u64,
    /// The slot that runs the task, from 1; `None` leaves `{%}` as it is.
    pub slot: Option<usize>,
}

impl Template {
    /// Reads a command whose words are passed to the program as they are, whatever the inputs hold.
    ///
    /// Where no word has a placeholder, all inputs are put at the end. `columns` are the names of the inputs.
    ///
    /// # Errors
    ///
    /// [`TaskError::NoCommand`], [`TaskError::UnknownPlaceholder`], [`TaskError::NoSuchInput`],
    /// [`TaskError::UnbalancedBraces`].
    pub fn command(words: &[OsString], columns: &[String]) -> Result<Self, TaskError> {
        if words.is_empty() {
            return Err(TaskError::NoCommand);
        }
        let read = |word: &OsString| parse::word(word.as_bytes(), columns, false);
        let mut words = words.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if !words.iter().flatten().any(Piece::is_value) {
            words.push(vec![Piece::all(Quoting::None)]);
        }
        Ok(Self { words })
    }

    /// Reads a command that reads its input from its standard input: as [`Template::command`], and nothing is put
    /// at the end.
    ///
    /// # Errors
    ///
    /// As [`Template::command`].
    pub fn filter(words: &[OsString], columns: &[String]) -> Result<Self, TaskError> {
        let mut template = Self::command(words, columns)?;
        template.words.truncate(words.len());
        Ok(template)
    }

    /// Reads a command for the shell: the words, joined by spaces, are what `sh -c` reads. Values are quoted for
    /// the place where they stand, so that the shell takes each as one word and interprets nothing in it.
    ///
    /// Without words, the inputs themselves are the commands. `append` puts the inputs at the end of a command
    /// that has no placeholder.
    ///
    /// # Errors
    ///
    /// As [`Template::command`], and [`TaskError::Backquotes`] for a placeholder within backquotes.
    pub fn shell(words: &[OsString], columns: &[String], append: bool) -> Result<Self, TaskError> {
        let start = [b"/bin/sh".as_slice(), b"-c"].map(|word| vec![Piece::Text(word.to_vec())]);
        let mut script = if words.is_empty() {
            vec![Piece::all(Quoting::Interpreted)]
        } else {
            parse::word(words.join(OsStr::new(" ")).as_bytes(), columns, true)?
        };
        if append && !script.iter().any(Piece::is_value) {
            script.push(Piece::Text(b" ".to_vec()));
            script.push(Piece::all(Quoting::Bare));
        }
        Ok(Self { words: start.into_iter().chain([script]).collect() })
    }

    /// Returns whether `{seed}` is used.
    pub fn uses_seed(&self) -> bool {
        self.uses(&Value::Seed)
    }

    /// Returns whether `{#}` is used.
    pub fn uses_number(&self) -> bool {
        self.uses(&Value::Number)
    }

    fn uses(&self, wanted: &Value) -> bool {
        let is_wanted = |piece: &Piece| matches!(piece, Piece::Value(value, _, _) if value == wanted);
        self.words.iter().flatten().any(is_wanted)
    }

    /// Returns the program, if it is the same for all inputs.
    pub fn program(&self) -> Option<OsString> {
        let mut text = Vec::new();
        for piece in self.words.first()? {
            match piece {
                Piece::Text(part) => text.extend_from_slice(part),
                Piece::Value(..) => return None,
            }
        }
        Some(OsString::from_vec(text))
    }

    /// Returns the program and its arguments for one row of inputs.
    ///
    /// # Errors
    ///
    /// [`TaskError::MissingColumn`] if the row lacks a column, [`TaskError::NoSuchInput`] if it has too few inputs,
    /// [`TaskError::NulByte`] if a word would hold a NUL byte.
    pub fn render(&self, row: &Row, given: Given) -> Result<Vec<OsString>, TaskError> {
        let mut words = Vec::with_capacity(self.words.len() + row.values().len());
        for pieces in &self.words {
            match pieces.as_slice() {
                [Piece::Value(Value::All, edit, Quoting::None)] => {
                    let edited = row.values().iter().map(|value| edit.apply(value.as_bytes()).to_vec());
                    words.extend(edited.map(OsString::from_vec));
                }
                _ => words.push(OsString::from_vec(fill(pieces, row, given)?)),
            }
        }
        match words.iter().find(|word| word.as_bytes().contains(&0)) {
            Some(word) => Err(TaskError::NulByte { word: word.to_string_lossy().escape_debug().to_string() }),
            None => Ok(words),
        }
    }
}

fn fill(pieces: &[Piece], row: &Row, given: Given) -> Result<Vec<u8>, TaskError> {
    let mut word = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => word.extend_from_slice(text),
            Piece::Value(Value::All, edit, quoting) => {
                for (index, value) in row.values().iter().enumerate() {
                    if index > 0 {
                        word.push(b' ');
                    }
                    quoting.push(&mut word, edit.apply(value.as_bytes()));
                }
            }
            Piece::Value(value, edit, quoting) => {
                quoting.push(&mut word, edit.apply(&value_of(value, row, given)?));
            }
        }
    }
    Ok(word)
}

/// Returns the text that a single value stands for.
fn value_of<'a>(value: &Value, row: &'a Row, given: Given) -> Result<Cow<'a, [u8]>, TaskError> {
    let number = |number: u64| Ok(number.to_string().into_bytes().into());
    match value {
        Value::Input(position) => row
            .values()
            .get(position - 1)
            .map(|value| value.as_bytes().into())
            .ok_or(TaskError::NoSuchInput { position: *position, n_inputs: row.values().len() }),
        Value::Column(name) => row.column(name).map(|value| value.as_bytes().into()).ok_or_else(|| {
            TaskError::MissingColumn { name: name.clone(), task: given.number, columns: row.names().to_vec() }
        }),
        Value::Number => number(given.number),
        Value::Seed => number(given.seed),
        Value::Slot => match given.slot {
            Some(slot) => number(slot as u64),
            None => Ok(b"{%}".as_slice().into()),
        },
        Value::All => unreachable!("all inputs are filled in by the caller"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<OsString> {
        text.iter().map(OsString::from).collect()
    }

    fn rendered(command: &[&str], inputs: &[&str]) -> Vec<String> {
        let row = Row::unnamed(words(inputs));
        let template = Template::command(&words(command), row.names()).unwrap();
        let given = Given { number: 7, seed: 99, slot: Some(2) };
        template.render(&row, given).unwrap().into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn placeholders_stand_for_what_the_table_says() {
        let cases = [
            ("x", "x"),
            ("{}", "d/a.tar.gz"),
            ("{.}", "d/a.tar"),
            ("{/}", "a.tar.gz"),
            ("{//}", "d"),
            ("{/.}", "a.tar"),
            ("{#}", "7"),
            ("{%}", "2"),
            ("{seed}", "99"),
            ("a{1.}b", "ad/a.tarb"),
            ("{{x}}", "{x}"),
            ("{input/}", "a.tar.gz"),
        ];
        let (command, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        assert_eq!(rendered(&command, &["d/a.tar.gz"]), expected);
    }

    #[test]
    fn several_inputs_are_several_arguments() {
        assert_eq!(rendered(&["x", "{}"], &["a b", "-c"]), ["x", "a b", "-c"]);
        assert_eq!(rendered(&["x", "-{}-"], &["a", "b"]), ["x", "-a b-"]);
        assert_eq!(rendered(&["x", "{2}:{1}"], &["a", "b"]), ["x", "b:a"]);
        assert_eq!(
            rendered(&["x"], &["a", "b"]),
            ["x", "a", "b"],
            "put at the end where there is no placeholder"
        );
        assert_eq!(rendered(&["x", "{#}"], &["a"]), ["x", "7"]);
    }

    #[test]
    fn braces_that_hold_no_name_stay() {
        for same in ["{print $1}", r#"{"a":{"b":1}}"#, "${HOME}", "${1}", "a,{b,c}", "{ }"] {
            assert_eq!(rendered(&["{1}", same], &["z"]), ["z", same]);
        }
        assert_eq!(rendered(&["x", r#"{"a":{"b":{1}}}"#], &["z"])[1], r#"{"a":{"b":z}}"#);
        assert_eq!(rendered(&["x", "{}}}"], &["z"])[1], "z}");
        assert_eq!(rendered(&["x", "{}{{}}"], &["z"])[1], "z{}");
    }

    #[test]
    fn bytes_that_are_not_text_pass_as_they_are() {
        let odd = OsString::from_vec(vec![0xff, b'\n', b'"', b'$', 0xc3]);
        let row = Row::unnamed(vec![odd.clone()]);
        let template = Template::command(&words(&["x", "{}", "={}"]), row.names()).unwrap();
        let rendered = template.render(&row, Given::default()).unwrap();
        assert_eq!(rendered[1], odd);
        assert_eq!(&rendered[2].as_bytes()[1..], odd.as_bytes());
        let long = Row::unnamed(vec!["y".repeat(200_000).into()]);
        assert_eq!(template.render(&long, Given::default()).unwrap()[1].len(), 200_000);
        let nul = Row::unnamed(words(&["a\0b"]));
        let error = template.render(&nul, Given::default()).unwrap_err();
        assert_eq!(error.to_string(), "an argument would hold a NUL byte: a\\0b");
    }

    #[test]
    fn what_is_wrong_is_named_with_the_nearest_name() {
        let columns = ["city".to_owned(), "population".to_owned()];
        let refuse = |word: &str| Template::command(&words(&["x", word]), &columns).unwrap_err();
        let error = refuse("--of={ctiy}");
        assert_eq!(error.to_string(), "unknown placeholder {ctiy}");
        assert_eq!(error.hint().unwrap(), "did you mean {city}? {{ctiy}} passes the braces on");
        assert_eq!(refuse("{3}").to_string(), "there is no input 3: a task has 2");
        assert_eq!(refuse("{0}").to_string(), "there is no input 0: a task has 2");
        for unbalanced in ["{city", "a}", "{", "x{1", "{}}"] {
            assert!(matches!(refuse(unbalanced), TaskError::UnbalancedBraces { .. }), "{unbalanced}");
        }
        assert!(matches!(refuse("{= $_ =}"), TaskError::UnknownPlaceholder { .. }));
        assert!(matches!(Template::command(&[], &columns), Err(TaskError::NoCommand)));
    }

    #[test]
    fn a_shell_takes_every_value_as_one_word() {
        let evil =
            ["a b", "it's", "$(id)", "`id`", "\"; ls /", "\\", "\\'", "!x", "-n", "*", "new\nline", ""];
        for script in ["printf %s {}", "printf %s \"{}\"", "printf %s '{}'", "printf %s \"$(printf %s {}x)\""]
        {
            for value in evil {
                let row = Row::unnamed(words(&[value]));
                let template = Template::shell(&words(&[script]), row.names(), true).unwrap();
                let command = template.render(&row, Given::default()).unwrap();
                let output = std::process::Command::new(&command[0]).args(&command[1..]).output().unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                let end = if script.ends_with("x)\"") { "x" } else { "" };
                assert_eq!(text, format!("{value}{end}"), "{script}");
            }
        }
    }

    #[test]
    fn a_shell_command_without_words_is_the_input() {
        let row = Row::unnamed(words(&["echo a | tr a b"]));
        let template = Template::shell(&[], row.names(), true).unwrap();
        let expected = words(&["/bin/sh", "-c", "echo a | tr a b"]);
        assert_eq!(template.render(&row, Given::default()).unwrap(), expected);
        let refused = Template::shell(&words(&["echo `cat {}`"]), row.names(), true);
        assert!(matches!(refused, Err(TaskError::Backquotes { .. })));
    }
}
