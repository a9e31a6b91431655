//! The name that was probably meant.

/// Returns the candidate that `name` was probably meant to be: with a slip or two in proportion to its length, a
/// third of it at the most; of several as near, the first in the alphabet.
///
/// ```
/// use festina_run::nearest;
/// assert_eq!(nearest("sleeep", ["sleep", "step"]), Some("sleep"));
/// // Two slips in six letters are another word.
/// assert_eq!(nearest("nosuch", ["touch"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let most = (1 + length / 8).min(length / 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        assert_eq!(nearest("ctiy", ["country", "city"]), Some("city"));
        assert_eq!(nearest("City", ["city"]), Some("city"));
        assert_eq!(nearest("zzz", ["country", "city"]), None);
    }

    #[test]
    fn short_words_are_taken_as_they_are_and_long_ones_may_have_two_slips() {
        assert_eq!(nearest("lz", ["ls"]), None);
        assert_eq!(nearest("N", ["n"]), Some("n"));
        assert_eq!(nearest("gti", ["git"]), Some("git"));
        assert_eq!(nearest("pyhton33", ["python3"]), Some("python3"));
        assert_eq!(nearest("", ["a"]), None);
    }
}
