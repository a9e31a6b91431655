//! A parser that keeps numbers as they are written, sees a key that occurs twice, and reads the `NaN` and `Infinity`
//! that Python writes: what a comparison must not lose, and a value tree for programs does.

use std::collections::HashSet;

/// Documents that are nested deeper are refused rather than overflowing the stack.
const DEEPEST: usize = 256;

/// A value of a document.
#[derive(Debug, PartialEq)]
pub(in crate::check) enum Node<'a> {
    Object(Vec<(String, Node<'a>)>),
    Array(Vec<Node<'a>>),
    String(String),
    /// As it is written.
    Number(&'a str),
    /// `true`, `false` or `null`.
    Word(&'a str),
}

/// Why a text is no JSON.
#[derive(Debug, PartialEq)]
pub(in crate::check) struct JsonError {
    /// Counted from 1.
    pub(in crate::check) line: usize,
    pub(in crate::check) message: String,
}

/// Reads the document that is the whole of `text` (RFC 8259, with `NaN`, `Infinity` and `-Infinity`).
pub(in crate::check) fn parse(text: &str) -> Result<Node<'_>, JsonError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.skip_blanks();
    let node = parser.node()?;
    parser.skip_blanks();
    if parser.at < text.len() { Err(parser.error("something follows the document")) } else { Ok(node) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, message: &str) -> JsonError {
        let line = self.text[..self.at].matches('\n').count() + 1;
        JsonError { line, message: message.to_owned() }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn node(&mut self) -> Result<Node<'a>, JsonError> {
        match self.rest().as_bytes().first() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Node::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Result<Node<'a>, JsonError>) -> Result<Node<'a>, JsonError> {
        if self.depth == DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_blanks();
        let node = parse(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn object(&mut self) -> Result<Node<'a>, JsonError> {
        let mut members = Vec::new();
        let mut keys = HashSet::new();
        if self.take("}") {
            return Ok(Node::Object(members));
        }
        loop {
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                return Err(self.error(&format!("the key '{key}' occurs twice in an object")));
            }
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.error("a colon is missing"));
            }
            self.skip_blanks();
            members.push((key, self.node()?));
            if self.ends_with("}")? {
                return Ok(Node::Object(members));
            }
        }
    }

    fn array(&mut self) -> Result<Node<'a>, JsonError> {
        let mut elements = Vec::new();
        if self.take("]") {
            return Ok(Node::Array(elements));
        }
        loop {
            elements.push(self.node()?);
            if self.ends_with("]")? {
                return Ok(Node::Array(elements));
            }
        }
    }

    /// Takes the end of a list or the comma before its next element.
    fn ends_with(&mut self, end: &str) -> Result<bool, JsonError> {
        self.skip_blanks();
        if self.take(end) {
            return Ok(true);
        }
        if !self.take(",") {
            return Err(self.error("a comma or an end is missing"));
        }
        self.skip_blanks();
        Ok(false)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        if !self.take("\"") {
            return Err(self.error("a quote is missing"));
        }
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['"', '\\']) else {
                return Err(self.error("a string has no end"));
            };
            let plain = &rest[..end];
            if plain.bytes().any(|b| b < 0x20) {
                return Err(self.error("a control character stands in a string"));
            }
            text.push_str(plain);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let kind = self.rest().chars().next().ok_or_else(|| self.error("a string has no end"))?;
        self.at += kind.len_utf8();
        Ok(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unicode_escape()?,
            _ => return Err(self.error("an escape is unknown")),
        })
    }

    /// Reads the digits of `\u`, and those of a second one where the first is half of a pair; a half alone is
    /// the replacement character.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_hex_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.four_hex_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.error("\\u needs four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Node<'a>, JsonError> {
        let text = self.rest();
        if self.take("-Infinity") {
            return Ok(Node::Number(&text[..9]));
        }
        let digits = |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_digit).count();
        let byte = |at: usize| text.as_bytes().get(at).copied();
        let sign = usize::from(byte(0) == Some(b'-'));
        let mut length = sign + digits(sign);
        let leading_zero = byte(sign) == Some(b'0') && length > sign + 1;
        let mut complete = length > sign && !leading_zero;
        if byte(length) == Some(b'.') {
            let fraction = digits(length + 1);
            complete &= fraction > 0;
            length += 1 + fraction;
        }
        if matches!(byte(length), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(byte(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + signed);
            complete &= exponent > 0;
            length += 1 + signed + exponent;
        }
        if !complete {
            return Err(self.error("a number is malformed"));
        }
        self.at += length;
        Ok(Node::Number(&text[..length]))
    }

    fn word(&mut self) -> Result<Node<'a>, JsonError> {
        let text = self.rest();
        for word in ["true", "false", "null"] {
            if self.take(word) {
                return Ok(Node::Word(&text[..word.len()]));
            }
        }
        for number in ["NaN", "Infinity"] {
            if self.take(number) {
                return Ok(Node::Number(&text[..number.len()]));
            }
        }
        Err(self.error(if text.is_empty() { "it ends too early" } else { "no value stands here" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a node as `serde_json` would read it.
    fn to_value(node: &Node<'_>) -> serde_json::Value {
        match node {
            Node::Object(members) => members.iter().map(|(k, v)| (k.clone(), to_value(v))).collect(),
            Node::Array(elements) => elements.iter().map(to_value).collect(),
            Node::String(text) => text.as_str().into(),
            Node::Number(text) | Node::Word(text) => serde_json::from_str(text).unwrap(),
        }
    }

    #[test]
    fn documents_are_read_as_serde_json_reads_them() {
        let texts = [
            r#" {"a": [1, -2.5e3, true, null, "x\n\u00e9\ud83d\ude00\/"], "": {}} "#,
            "[]",
            "0",
            "-0.0",
            r#""\"""#,
        ];
        for text in texts {
            let expected: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(to_value(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_as_serde_json_refuses_it() {
        let texts = [
            "",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "01",
            "1.",
            "1e",
            "-",
            "tru",
            "[1] 2",
            "\"\\x\"",
            "\"a",
            "{a: 1}",
            "\"\t\"",
            ".5",
            "+1",
            "{\"a\":1,}",
            "\"\\u12\"",
        ];
        for text in texts {
            assert!(
                parse(text).is_err() && serde_json::from_str::<serde_json::Value>(text).is_err(),
                "{text}"
            );
        }
        assert_eq!(parse("[\n1,\n}").unwrap_err().line, 3);
        assert!(parse(r#"{"a": 1, "a": 1}"#).unwrap_err().message.contains("twice"));
        assert!(parse(&"[".repeat(100_000)).unwrap_err().message.contains("deeply"));
        assert_eq!(
            parse("[NaN, -Infinity]").unwrap(),
            Node::Array(vec![Node::Number("NaN"), Node::Number("-Infinity")])
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_like_serde_json(text in r#"[\[\]{}:,"\\a1.e\-0 ntru]{0,12}"#) {
            let ours = parse(&text).map_err(|e| e.message);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            if ours.as_ref().is_err_and(|message| message.contains("twice")) {
                return Ok(());
            }
            // serde_json refuses numbers beyond the range of f64; a comparison needs no range.
            let too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            proptest::prop_assert!(ours.is_ok() == theirs.is_ok() || too_large, "{:?} {:?}", ours, theirs);
        }
    }
}
