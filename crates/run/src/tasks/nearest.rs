//! The name that was probably meant.

/// Returns the candidate that is most like `name`, if one is alike enough to be meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |candidate: &str| strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (similarity(candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        assert_eq!(super::nearest("ctiy", ["country", "city"]), Some("city"));
        assert_eq!(super::nearest("City", ["city"]), Some("city"));
        assert_eq!(super::nearest("zzz", ["country", "city"]), None);
    }
}
