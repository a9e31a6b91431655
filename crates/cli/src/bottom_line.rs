//! A line at the bottom of a terminal on which a program writes at the same time.
//!
//! The terminal is told to scroll all of its lines but the last (the scrolling region of the VT100), so that what the program writes
//! moves above the line. A program that draws on the whole terminal sets a region of its own, and takes the line with it until
//! it is drawn anew.

use std::io::{self, Write};

/// A line at the bottom of the terminal on standard error.
#[derive(Debug, Default)]
pub(crate) struct BottomLine {
    /// The height for which the last line was set apart; 0 for none yet.
    height: u16,
}

impl BottomLine {
    /// Shows `text` in the line, cut to its width.
    pub(crate) fn draw(&mut self, text: &str) {
        let Some((width, height)) = terminal_size::terminal_size_of(io::stderr()) else { return };
        let out = self.drawing(text, width.0, height.0);
        // One write, so that nothing of the program's gets in between.
        let _ = io::stderr().lock().write_all(out.as_bytes());
    }

    /// Takes the line away, and gives the terminal all of its lines back.
    pub(crate) fn clear(&mut self) {
        if self.height > 0 {
            let out = format!("\x1b7\x1b[r\x1b[{};1H\x1b[2K\x1b8", self.height);
            let _ = io::stderr().lock().write_all(out.as_bytes());
            self.height = 0;
        }
    }

    /// Returns what draws `text` on a terminal of this size; nothing on one of so few lines that one is missed.
    fn drawing(&mut self, text: &str, width: u16, height: u16) -> String {
        const FEWEST: u16 = 4;
        if height < FEWEST {
            return String::new();
        }
        let mut out = String::new();
        if self.height != height {
            // One line down and up again: the program's cursor is then not on the last line.
            out += &format!("\x1bD\x1b[A\x1b7\x1b[1;{}r\x1b8", height - 1);
            self.height = height;
        }
        let cut: String = text.chars().filter(|c| !c.is_control()).take(usize::from(width)).collect();
        out + &format!("\x1b7\x1b[{height};1H\x1b[2K\x1b[7m{cut}\x1b[0m\x1b8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_set_apart_once_for_a_size() {
        let mut line = BottomLine::default();
        let first = line.drawing("hot 90 %\x1b[2J", 6, 24);
        assert_eq!(first, "\x1bD\x1b[A\x1b7\x1b[1;23r\x1b8\x1b7\x1b[24;1H\x1b[2K\x1b[7mhot 90\x1b[0m\x1b8");
        assert!(!line.drawing("hot", 6, 24).contains("r\x1b8"));
        assert!(line.drawing("hot", 6, 30).contains("\x1b[1;29r"));
        assert_eq!(line.drawing("hot", 6, 3), "");
    }
}
