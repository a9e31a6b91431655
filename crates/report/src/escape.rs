//! Text from outside, made harmless for where it lands.

use std::fmt::Write;

/// Returns `text` for the content or an attribute of XML and HTML: markup is escaped, and what XML 1.0 cannot hold
/// (control characters, non-characters) becomes U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            _ => out.push(visible(c)),
        }
    }
    out
}

/// Returns `text` as HTML in which words between `` ` `` stand as code.
pub(crate) fn html_with_code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An unpaired quote is itself.
    let closed = parts.len() % 2 == 1;
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        let is_code = index % 2 == 1 && (closed || index + 1 < parts.len());
        if is_code {
            let _ = write!(out, "<code>{}</code>", xml(part));
        } else {
            if !closed && index > 0 && index + 1 == parts.len() {
                out.push('`');
            }
            out.push_str(&xml(part));
        }
    }
    out
}

/// Returns `text` for a line of a terminal: no escape sequences, no line breaks, no reordering of what stands beside
/// it; without `unicode`, in ASCII.
pub(crate) fn terminal(text: &str, unicode: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raised = false;
    for c in text.chars() {
        let superscript = SUPERSCRIPTS.find(c).is_some();
        match c {
            '\t' | '\n' | '\r' => out.push(' '),
            _ if unicode => out.push(visible(c)),
            _ if c.is_ascii() => out.push(if c.is_control() { '?' } else { c }),
            _ => {
                if superscript && !raised {
                    out.push('^');
                }
                out.push_str(transliterate(c));
            }
        }
        raised = superscript;
    }
    out
}

/// Returns `json` for the content of a script element that no browser runs: nothing in it ends the element, begins a
/// comment or is no XML.
pub(crate) fn json_in_html(json: &str) -> String {
    let shown: String = json.chars().map(visible).collect();
    shown.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Returns `c`, or U+FFFD for what cannot be shown or would reorder its surroundings.
fn visible(c: char) -> char {
    match c {
        _ if c.is_control() => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ => c,
    }
}

const SUPERSCRIPTS: &str = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";

/// Returns the ASCII spelling of the characters that reports use.
fn transliterate(c: char) -> &'static str {
    match c {
        'µ' | 'μ' => "u",
        '–' | '−' | '—' | '⁻' => "-",
        '×' => "x",
        '·' | '•' => "*",
        '…' => "...",
        '≤' => "<=",
        '≥' => ">=",
        '≈' => "~",
        '±' => "+/-",
        '→' => "->",
        '↑' => "^",
        '↓' => "v",
        '∞' => "inf",
        'σ' => "sigma",
        'κ' => "kappa",
        '⁰' | '₀' => "0",
        '¹' | '₁' => "1",
        '²' | '₂' => "2",
        '³' => "3",
        '⁴' => "4",
        '⁵' => "5",
        '⁶' => "6",
        '⁷' => "7",
        '⁸' => "8",
        '⁹' => "9",
        '\u{a0}' | '\u{202f}' => " ",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            xml("</script><img onerror='x' a=\"&\">"),
            "&lt;/script&gt;&lt;img onerror=&#39;x&#39; a=&quot;&amp;&quot;&gt;"
        );
        assert_eq!(xml("a\0b\u{1b}c\u{202e}d\u{fffe}e\nf"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\nf");
    }

    #[test]
    fn code_stands_between_paired_quotes_only() {
        assert_eq!(html_with_code("run `a<b` now"), "run <code>a&lt;b</code> now");
        assert_eq!(html_with_code("`a` and `b"), "<code>a</code> and `b");
        assert_eq!(html_with_code("a ` b"), "a ` b");
        assert_eq!(html_with_code("none"), "none");
    }

    #[test]
    fn a_terminal_gets_no_escape_sequence() {
        assert_eq!(terminal("a\u{1b}[2Jb\nc", true), "a\u{fffd}[2Jb c");
        assert_eq!(terminal("a\u{1b}[2Jb\u{9b}c", false), "a?[2Jb?c");
    }

    #[test]
    fn ascii_keeps_the_meaning() {
        assert_eq!(terminal("2.5×10⁻¹² s – 10⁴ µs ≤ é", false), "2.5x10^-12 s - 10^4 us <= ?");
    }
}
