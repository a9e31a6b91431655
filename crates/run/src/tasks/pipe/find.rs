//! Finds the end of a record.

/// Returns where `needle` first begins in `text`.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [byte] => text.iter().position(|candidate| candidate == byte),
        _ => text.windows(needle.len()).position(|window| window == needle),
    }
}

/// Returns where `needle` last begins in `text`.
pub(super) fn find_last(text: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [byte] => text.iter().rposition(|candidate| candidate == byte),
        _ => text.windows(needle.len()).rposition(|window| window == needle),
    }
}
