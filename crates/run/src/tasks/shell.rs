//! Quotes values for a shell, each for the place in the script where it stands.
//!
//! Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// As it is, as an argument that no shell sees.
    None,
    /// As it is, for the shell to interpret: the input is the command.
    Interpreted,
    /// Outside of quotes: in single quotes.
    Bare,
    /// Within single quotes.
    Single,
    /// Within double quotes.
    Double,
}

impl Quoting {
    pub(super) fn push(self, script: &mut Vec<u8>, value: &[u8]) {
        match self {
            Self::None | Self::Interpreted => script.extend_from_slice(value),
            Self::Single => push_single(script, value),
            Self::Bare => {
                script.push(b'\'');
                push_single(script, value);
                script.push(b'\'');
            }
            Self::Double => {
                for &byte in value {
                    if b"\"\\$`".contains(&byte) {
                        script.push(b'\\');
                    }
                    script.push(byte);
                }
            }
        }
    }
}

/// Nothing is special within single quotes but their end.
fn push_single(script: &mut Vec<u8>, value: &[u8]) {
    for &byte in value {
        match byte {
            b'\'' => script.extend_from_slice(br"'\''"),
            _ => script.push(byte),
        }
    }
}

/// Follows a script from byte to byte to tell how a value must be quoted here.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// What is open, innermost last.
    open: Vec<Open>,
    escaped: bool,
    previous: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    /// A parenthesis, or the braces of `${…}`, by the byte that closes it.
    Until(u8),
    Backquote,
    /// A comment, up to the end of its line.
    Comment,
}

impl Open {
    fn ends_at(self, byte: u8) -> bool {
        byte == match self {
            Self::Single => b'\'',
            Self::Double => b'"',
            Self::Until(end) => end,
            Self::Backquote => b'`',
            Self::Comment => b'\n',
        }
    }
}

impl Scanner {
    pub(super) fn read(&mut self, byte: u8) {
        let previous = std::mem::replace(&mut self.previous, byte);
        if std::mem::take(&mut self.escaped) {
            return;
        }
        let innermost = self.open.last().copied();
        let is_word_start = previous == 0 || previous.is_ascii_whitespace() || b";&|(".contains(&previous);
        if innermost.is_some_and(|open| open.ends_at(byte)) {
            self.open.pop();
            return;
        }
        match (innermost, byte) {
            (Some(Open::Single | Open::Comment), _) => {}
            (_, b'\\') => self.escaped = true,
            (_, b'`') => self.open.push(Open::Backquote),
            (_, b'(') if previous == b'$' || innermost != Some(Open::Double) => {
                self.open.push(Open::Until(b')'));
            }
            (_, b'{') if previous == b'$' => self.open.push(Open::Until(b'}')),
            (Some(Open::Double), _) => {}
            (_, b'"') => self.open.push(Open::Double),
            (_, b'\'') => self.open.push(Open::Single),
            (_, b'#') if is_word_start => self.open.push(Open::Comment),
            _ => {}
        }
    }

    /// Returns how a value is quoted here; `None` within backquotes, whose rules of quoting nest.
    pub(super) fn quoting(&self) -> Option<Quoting> {
        if self.open.contains(&Open::Backquote) {
            return None;
        }
        Some(match self.open.last() {
            Some(Open::Single) => Quoting::Single,
            Some(Open::Double) => Quoting::Double,
            _ => Quoting::Bare,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_script_decides() {
        let cases = [
            ("echo ", Some(Quoting::Bare)),
            ("echo 'a", Some(Quoting::Single)),
            ("echo \"a 'b", Some(Quoting::Double)),
            ("echo \"$(cat ", Some(Quoting::Bare)),
            ("echo \"$(cat \"", Some(Quoting::Double)),
            ("echo \"$(cat a)", Some(Quoting::Double)),
            ("echo \"(a", Some(Quoting::Double)),
            ("echo \\\"a", Some(Quoting::Bare)),
            ("echo \"\\\"a", Some(Quoting::Double)),
            ("echo a # don't\ncat ", Some(Quoting::Bare)),
            ("echo ${x#'a'} ", Some(Quoting::Bare)),
            ("echo `cat ", None),
        ];
        for (script, expected) in cases {
            let mut scanner = Scanner::default();
            script.bytes().for_each(|byte| scanner.read(byte));
            assert_eq!(scanner.quoting(), expected, "{script}");
        }
    }
}
