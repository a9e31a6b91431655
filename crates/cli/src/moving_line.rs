//! A line on the terminal of standard error that is written over and over.

use std::io::{self, Write};

/// Shows `text` in place of what stood in the line, cut to its width: what wraps around could not be taken away again.
pub(crate) fn show(text: &str) {
    let width = terminal_size::terminal_size_of(io::stderr()).map_or(usize::MAX, |(width, _)| width.0.into());
    let _ = write!(io::stderr().lock(), "\r\x1b[K{}", cut(text, width));
}

/// Takes the line away.
pub(crate) fn clear() {
    let _ = write!(io::stderr().lock(), "\r\x1b[K");
}

/// Returns what of `text` fits before the last column, in which some terminals begin a new line.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width.saturating_sub(1).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(cut("12 sent – 3 failed", 10), "12 sent –");
        assert_eq!(cut("12 sent", 100), "12 sent");
        assert_eq!(cut("12 sent", 0), "1");
    }
}
