//! Widths and line breaks, counted in columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the columns that clean `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Returns `text` in lines of at most `room` columns, broken at spaces; a word longer than a line is split.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(split(word, room)),
        }
    }
    lines
}

fn split(word: &str, room: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > room && used > 0 {
            parts.push(String::new());
            used = 0;
        }
        used += columns;
        parts.last_mut().expect("there is a part").push(c);
    }
    parts
}

/// Returns clean `text` cut to `room` columns.
pub(super) fn cut(text: &str, room: usize, ellipsis: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut used = width(ellipsis);
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    format!("{}{ellipsis}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_inside_words_only_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("日本語 ab", 4), ["日本", "語", "ab"]);
        assert!(wrapped("  ", 4).is_empty());
    }

    #[test]
    fn cutting_counts_wide_characters_twice() {
        assert_eq!(cut("日本語", 5, "…"), "日本…");
        assert_eq!(cut("ab", 2, "…"), "ab");
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_is_lost(text in "[a-z日é ]{0,80}", room in 2_usize..20) {
            let lines = wrapped(&text, room);
            proptest::prop_assert!(lines.iter().all(|line| width(line) <= room));
            let letters = |text: &str| text.replace(' ', "");
            proptest::prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
