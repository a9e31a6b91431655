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

/// Returns what of `text` fits before the last column, in which some terminals begin a new line: whole parts between commas, as a
/// number without its end is another number.
fn cut(text: &str, width: usize) -> String {
    let most = width.saturating_sub(1).max(1);
    let fits: String = text.chars().take(most).collect();
    if fits.len() == text.len() || text[fits.len()..].starts_with(", ") {
        return fits;
    }
    match fits.rfind(", ") {
        Some(end) => fits[..end].to_owned(),
        None => fits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(cut("12 sent – 3 failed", 10), "12 sent –");
        assert_eq!(cut("12 sent", 100), "12 sent");
        assert_eq!(cut("12 sent", 0), "1");
        assert_eq!(cut("p50 39 ms, p99 412 ms, 3 failed", 22), "p50 39 ms, p99 412 ms");
        assert_eq!(cut("p50 39 ms, p99 412 ms, 3 failed", 21), "p50 39 ms");
        assert_eq!(cut("p50 39 ms, p99 412 ms, 3 failed", 24), "p50 39 ms, p99 412 ms");
    }
}
