//! What stands in braces in a command, and what takes its place.

use std::path::Path;

/// The placeholders of a command that runs on rows.
pub(super) const BATCH: [&str; 5] = ["rows", "data", "model", "tmp", "cores"];
/// The placeholders of a service.
pub(super) const SERVE: [&str; 4] = ["port", "workers", "model", "tmp"];

/// Returns the names in braces in `text`; braces around anything else, and a shell's `${name}`, are text.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices('{') {
        let after = &text[at + 1..];
        let Some(end) = after.find('}') else { break };
        let name = &after[..end];
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_name && !text[..at].ends_with('$') {
            names.push(name.to_owned());
        }
    }
    names
}

/// Puts `values` in the place of their names.
pub(super) fn fill(text: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Returns `path` as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%{}".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Returns the name of the model that `command` writes: `{model}`'s own, or that of the word in `{tmp}/`.
pub(super) fn model_name(command: &str) -> String {
    let end = |c: char| c.is_whitespace() || "'\"=;&|<>".contains(c);
    let in_folder = command.split(end).find_map(|word| word.strip_prefix("{tmp}/"));
    match in_folder.filter(|name| !name.is_empty() && !command.contains("{model}")) {
        Some(name) => name.to_owned(),
        None => "model".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_found() {
        assert_eq!(of("a {rows} ${HOME} {print $1} {\"x\": 1} --out={model}"), ["rows", "model"]);
        assert!(of("{}").is_empty() && of("{rows").is_empty());
    }

    #[test]
    fn the_model_is_what_the_command_writes() {
        assert_eq!(model_name("train --out {model}"), "model");
        assert_eq!(model_name("train --out={tmp}/model.joblib --rows 3"), "model.joblib");
        assert_eq!(model_name("train"), "model");
    }

    #[test]
    fn odd_paths_stay_one_word() {
        assert_eq!(quoted(Path::new("/a/b-{n}")), "/a/b-{n}");
        assert_eq!(quoted(Path::new("/a b/c'd")), r"'/a b/c'\''d'");
    }
}
