//! Times of the day, lengths of time and windows, as people write them.

use crate::vrp::problem::Window;

/// Reads `08:30`, `8:30` or `08:30:15` as seconds since midnight; hours may go beyond 24.
///
/// The message of an error is a fragment.
pub(super) fn clock(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is not a time of the day such as 08:30");
    let parts: Vec<&str> = text.trim().split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return Err(wrong());
    }
    let mut seconds = 0;
    for (index, part) in parts.iter().enumerate() {
        let is_plain = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let value: i64 = part.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
        if index > 0 && value > 59 {
            return Err(wrong());
        }
        seconds = seconds * 60 + value;
    }
    Ok(if parts.len() == 2 { seconds * 60 } else { seconds })
}

/// Reads `08:00-10:30`.
pub(super) fn window(text: &str) -> Result<Window, String> {
    let ends = text.split_once(['-', '–']);
    let (open, close) = ends.ok_or_else(|| format!("'{text}' is not a window such as 08:00-10:30"))?;
    let window = Window { open: clock(open)?, close: clock(close)? };
    if window.close < window.open {
        return Err(format!("the window {text} closes before it opens"));
    }
    Ok(window)
}

/// Reads windows, and joins those that touch or overlap.
pub(super) fn windows<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Window>, String> {
    let mut all: Vec<Window> = texts.map(window).collect::<Result<_, _>>()?;
    all.sort_by_key(|window| window.open);
    let mut joined: Vec<Window> = Vec::with_capacity(all.len());
    for window in all {
        match joined.last_mut() {
            Some(last) if window.open <= last.close => last.close = last.close.max(window.close),
            _ => joined.push(window),
        }
    }
    Ok(joined)
}

/// Reads `90s`, `10min`, `1h30min`, or a number of minutes, as seconds.
pub(super) fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is not a length of time such as 10min, 1h30min or 45s");
    if let Ok(minutes) = text.trim().parse::<f64>() {
        return minutes_as_seconds(minutes).ok_or_else(wrong);
    }
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&at| at > 0).ok_or_else(wrong)?;
        let value: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let tail = rest[digits..].trim_start();
        let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        seconds += value
            * match &tail[..letters] {
                "h" => 3600.0,
                "min" | "m" => 60.0,
                "s" => 1.0,
                _ => return Err(wrong()),
            };
        rest = tail[letters..].trim_start();
    }
    if text.trim().is_empty() || seconds > 1e9 { Err(wrong()) } else { Ok(seconds.round() as i64) }
}

/// Returns a number of minutes in seconds.
pub(super) fn minutes_as_seconds(minutes: f64) -> Option<i64> {
    (0.0..=1e7).contains(&minutes).then(|| (minutes * 60.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_read_as_they_are_written() {
        assert_eq!(clock("08:30"), Ok(30_600));
        assert_eq!(clock("26:00:05"), Ok(93_605));
        assert_eq!(span("1h30min"), Ok(5400));
        assert_eq!(span("45 s"), Ok(45));
        assert_eq!(span("2.5"), Ok(150));
        for wrong in ["", "8", "08:60", "-1:00", "a:b", "08:00:00:00"] {
            assert!(clock(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "min", "5 days", "-3", "NaN", "1e300"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn windows_that_touch_are_one() {
        let read = windows(["14:00-16:00", "08:00-10:00", "10:00-11:00"].into_iter()).unwrap();
        assert_eq!(read, [Window { open: 28_800, close: 39_600 }, Window { open: 50_400, close: 57_600 }]);
        assert!(window("10:00-08:00").unwrap_err().contains("closes before it opens"));
    }
}
