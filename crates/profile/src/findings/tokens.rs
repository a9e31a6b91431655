//! The words of one line of Python, as far as findings need them.

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a keyword.
    Name(&'a str),
    /// A number.
    Number,
    /// A text in quotes.
    Text,
    /// An operator, a bracket, or the like.
    Symbol(&'a str),
}

/// Operators of several characters, the longest first.
const OPERATORS: [&str; 24] = [
    "**=", "//=", ">>=", "<<=", "...", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=", "==", "!=",
    "<=", ">=", "->", ":=", "**", "//", "<<", ">>",
];

/// Returns the words of `line`; `None` if a text goes on in the next line.
pub(super) fn tokens(line: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' | '\\' => break,
            '"' | '\'' => {
                // The letters before it, as in f"", belong to it.
                if matches!(tokens.last(), Some(Token::Name(name)) if is_prefix(name, line, rest)) {
                    tokens.pop();
                }
                tokens.push(Token::Text);
                text_length(rest, first)?
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Name(&rest[..length]));
                length
            }
            c if c.is_ascii_digit() => {
                tokens.push(Token::Number);
                rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len())
            }
            c => {
                let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
                let length = operator.map_or(c.len_utf8(), |operator| operator.len());
                tokens.push(Token::Symbol(&rest[..length]));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

/// Returns whether `name`, the word before `rest` of `line`, stands directly before it and can be a text's prefix.
fn is_prefix(name: &str, line: &str, rest: &str) -> bool {
    let before = &line[..line.len() - rest.len()];
    before.ends_with(name) && name.len() <= 2 && name.chars().all(|c| "rRbBuUfF".contains(c))
}

/// Returns the length of the text in quotes at the start of `rest`; `None` if it does not end in this line.
fn text_length(rest: &str, quote: char) -> Option<usize> {
    let triple = quote.to_string().repeat(3);
    if rest.starts_with(&triple) {
        return Some(3 + rest[3..].find(&triple)? + 3);
    }
    let mut is_escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Token::{Name, Number, Symbol, Text};
    use super::*;

    #[test]
    fn a_line_is_told_apart_into_its_words() {
        let found = tokens("    total += f\"a{b}\" + x_1[0x1f] # not this").unwrap();
        let expected =
            [Name("total"), Symbol("+="), Text, Symbol("+"), Name("x_1"), Symbol("["), Number, Symbol("]")];
        assert_eq!(found, expected);
        assert_eq!(tokens("s = 'it\\'s' "), Some(vec![Name("s"), Symbol("="), Text]));
        assert_eq!(tokens("s = \"\"\"begins"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_without_panic(line in "\\PC*") {
            let _ = tokens(&line);
        }
    }
}
