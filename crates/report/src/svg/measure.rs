//! Widths of text, estimated, and numbers as pixels.

use unicode_width::UnicodeWidthChar;

/// Returns about how wide `text` is in a sans-serif font of `size` pixels: as in
/// `DejaVu Sans`, the widest in common use.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(char_width).sum::<f64>() * size
}

fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 'I' => 0.33,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.97,
        'A'..='Z' => 0.72,
        '⁰'..='⁹' | '⁻' | '¹' | '²' | '³' => 0.42,
        _ if c.is_ascii() => 0.63,
        _ => match c.width() {
            Some(0) | None => 0.0,
            Some(1) => 0.66,
            Some(_) => 1.05,
        },
    }
}

/// Returns `text`, cut with an ellipsis if it would be wider than `width`.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let ellipsis = 0.8 * size;
    let mut used = ellipsis;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += char_width(*c) * size;
            used <= width
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// Returns `text` in at most `most` lines no wider than `width`.
pub(crate) fn wrap(text: &str, size: f64, width: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + 0.33 * size <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines.into_iter().map(|line| fit(&line, size, width)).collect()
}

/// Writes a length in pixels to a hundredth.
pub(crate) fn px(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    debug_assert!(rounded.is_finite(), "a length is finite");
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_wide_is_cut() {
        assert_eq!(fit("short", 12.0, 100.0), "short");
        let cut = fit("a name that goes on and on", 12.0, 80.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 82.0, "{cut}");
    }

    #[test]
    fn wrapped_lines_fit_and_keep_the_words() {
        let text = "the quick brown fox jumps over the lazy dog";
        let lines = wrap(text, 12.0, 100.0, 9);
        assert!(lines.iter().all(|line| text_width(line, 12.0) <= 100.0));
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap(text, 12.0, 100.0, 2).len(), 2);
        assert!(wrap("", 12.0, 100.0, 2).is_empty());
    }

    #[test]
    fn pixels_are_short() {
        assert_eq!(
            ["12.35", "-0.5", "7", "0"],
            [12.345_1, -0.5, 7.0, -0.001].map(px).each_ref().map(String::as_str)
        );
    }
}
