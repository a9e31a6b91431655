//! Writing a `festina.toml` from what is found in a folder.

use std::fs;
use std::path::Path;

use crate::Error;

/// What was found, and the file that was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text of a `festina.toml`.
    pub text: String,
    /// What it was made from, and what is still to be filled in.
    pub notes: Vec<String>,
}

/// Options by which programs are told how many rows to take, the likeliest first.
const ROWS: [&str; 10] = [
    "--rows",
    "--n-rows",
    "--n_rows",
    "--nrows",
    "--n-samples",
    "--samples",
    "--limit",
    "--size",
    "--count",
    "--n",
];
/// Options by which they are told where a model goes, and where it comes from.
const OUT: [&str; 5] = ["--out", "--output", "--model-out", "--save", "--model"];
const MODEL: [&str; 5] = ["--model-file", "--model", "--model-path", "--load", "--in"];
/// Files that hold requests.
const REQUESTS: [&str; 3] = ["requests.jsonl", "request.jsonl", "examples.jsonl"];

/// Looks at the programs in `folder` and writes a `festina.toml` for them: text to be looked at, not a file.
///
/// # Errors
///
/// [`Error::File`] if the folder cannot be read, [`Error::Input`] if nothing in it trains, predicts or serves.
pub fn init_project(folder: &Path) -> Result<Found, Error> {
    let files = python_files(folder)?;
    let mut found = Found { text: String::new(), notes: Vec::new() };
    let name =
        fs::canonicalize(folder).ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let mut parts = Vec::new();
    parts.extend(train(&files, &mut found.notes));
    let has_train = !parts.is_empty();
    parts.extend(predict(&files, has_train, &mut found.notes));
    let has_rows = !parts.is_empty();
    parts.extend(serve(folder, &files, &mut found.notes));
    if parts.is_empty() {
        return Err(Error::input_with_hint(
            format!("nothing in {} trains, predicts or serves, as far as files tell", folder.display()),
            "write festina.toml by hand: docs/guide/ready.md explains every key",
        ));
    }
    let quoted = toml_string(name.as_deref().unwrap_or("project"));
    found.text =
        format!("# For `festina ready`. Set the targets to what you need.\n\n[project]\nname = {quoted}\n");
    if has_rows {
        found.text += "\n[data]\nrows_now = 100_000\nrows_target = \"10x\"\n";
        found
            .notes
            .push("[data]: set rows_now to the rows you have, rows_target to those you will have".to_owned());
    }
    for part in parts {
        found.text += "\n";
        found.text += &part;
    }
    Ok(found)
}

/// A Python file and what is in it.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Returns the first of `options` that the program takes.
    fn option(&self, options: &[&'static str]) -> Option<&'static str> {
        let takes = |option: &&&str| {
            self.text.contains(&format!("\"{option}\"")) || self.text.contains(&format!("'{option}'"))
        };
        options.iter().find(takes).copied()
    }
}

fn python_files(folder: &Path) -> Result<Vec<Source>, Error> {
    let failed = |source| Error::File { action: format!("read {}", folder.display()), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "py")
            && let (Some(name), Ok(text)) = (path.file_name(), fs::read_to_string(&path))
        {
            files.push(Source { name: name.to_string_lossy().into_owned(), text });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn named<'a>(files: &'a [Source], words: &[&str]) -> Option<&'a Source> {
    files.iter().find(|file| words.iter().any(|word| file.name.contains(word)))
}

fn train(files: &[Source], notes: &mut Vec<String>) -> Option<String> {
    let file = named(files, &["train", "fit"])?;
    let mut command = format!("python {}", file.name);
    command += &rows_option(file, "train", notes);
    if let Some(option) = file.option(&OUT) {
        command += &format!(" {option} {{model}}");
    }
    notes.push(format!("[train]: {}; set target to the time it may take", file.name));
    Some(format!("[train]\ncmd = {}\ntarget = \"10 min\"\n", toml_string(&command)))
}

fn predict(files: &[Source], has_train: bool, notes: &mut Vec<String>) -> Option<String> {
    let file = named(files, &["predict", "infer", "score"])?;
    let mut command = format!("python {}", file.name);
    command += &rows_option(file, "predict", notes);
    if let Some(option) = file.option(&MODEL).filter(|_| has_train) {
        command += &format!(" {option} {{model}}");
    }
    notes.push(format!("[predict]: {}; set target to the time it may take", file.name));
    Some(format!("[predict]\ncmd = {}\ntarget = \"2 min\"\n", toml_string(&command)))
}

fn rows_option(file: &Source, part: &str, notes: &mut Vec<String>) -> String {
    if let Some(option) = file.option(&ROWS) {
        return format!(" {option} {{rows}}");
    }
    notes.push(format!(
        "[{part}]: {} takes no number of rows that I know: put {{rows}} where it does",
        file.name
    ));
    " {rows}".to_owned()
}

fn serve(folder: &Path, files: &[Source], notes: &mut Vec<String>) -> Option<String> {
    let (file, command) = files.iter().find_map(|file| Some((file, server(file)?)))?;
    let routes = routes(&file.text);
    let health = routes.iter().find(|(method, path)| method == "GET" && path.contains("health"));
    let ready = health.or_else(|| routes.iter().find(|(method, _)| method == "GET"));
    let asked = routes.iter().find(|(method, _)| method == "POST").or_else(|| {
        routes.iter().find(|(method, path)| method == "GET" && Some(path) != ready.map(|(_, path)| path))
    });
    let mut text = format!("[serve]\ncmd = {}\n", toml_string(&command));
    if let Some((method, path)) = ready {
        text += &format!("ready = {}\n", toml_string(&format!("{method} {path}")));
    }
    let (method, path) = asked.cloned().unwrap_or(("GET".to_owned(), "/".to_owned()));
    let mut request = format!("method = \"{method}\", path = {}", toml_string(&path));
    match REQUESTS.iter().find(|name| folder.join(name).is_file()) {
        Some(name) => request += &format!(", body = \"{name}\""),
        None if method == "POST" => {
            request += ", body = \"{}\"";
            notes.push(
                "[serve]: put a request into body, or one a line into a file requests.jsonl".to_owned(),
            );
        }
        None => {}
    }
    text += &format!(
        "request = {{ {request} }}\nslo = {{ p99 = \"100 ms\", errors = \"0.1 %\" }}\nrate_now = 20\nrate_target = \"5x\"\n"
    );
    notes.push(format!("[serve]: {}; set slo and rate_target to what its users need", file.name));
    Some(text)
}

/// Returns the command that serves the application in `file`, if there is one.
fn server(file: &Source) -> Option<String> {
    let module = file.name.strip_suffix(".py")?;
    let application = |kind: &str| {
        let line = file
            .text
            .lines()
            .find(|line| !line.starts_with([' ', '#']) && line.contains(&format!("{kind}(")))?;
        let name = line.split('=').next()?.split(':').next()?.trim();
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    if let Some(name) = application("FastAPI").or_else(|| application("Starlette")) {
        return Some(format!(
            "python -m uvicorn {module}:{name} --port {{port}} --workers {{workers}} --no-access-log"
        ));
    }
    let name = application("Flask")?;
    Some(format!("python -m gunicorn {module}:{name} --bind 127.0.0.1:{{port}} --workers {{workers}}"))
}

/// Returns the methods and paths of decorators such as `@app.post("/predict")`.
fn routes(text: &str) -> Vec<(String, String)> {
    let route = |line: &str| {
        let call = line.trim().strip_prefix('@')?.split_once('.')?.1;
        let (method, rest) = call.split_once('(')?;
        let method = match method {
            "get" | "post" | "put" | "delete" | "patch" => method.to_uppercase(),
            "route" if rest.contains("POST") => "POST".to_owned(),
            "route" => "GET".to_owned(),
            _ => return None,
        };
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let path = rest[1..].split_once(quote)?.0;
        path.starts_with('/').then(|| (method, path.to_owned()))
    };
    text.lines().filter_map(route).collect()
}

fn toml_string(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{text}'") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ready::parse_project;

    fn example() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn-service")
    }

    #[test]
    fn what_is_written_for_the_example_is_read_and_asks_the_same() {
        let found = init_project(&example()).unwrap();
        let written = parse_project("festina.toml", &found.text).unwrap();
        let own = fs::read_to_string(example().join("festina.toml")).unwrap();
        let own = parse_project("festina.toml", &own).unwrap();
        assert_eq!(written.train.unwrap().command, own.train.unwrap().command);
        assert_eq!(written.predict.unwrap().command, own.predict.unwrap().command);
        let (written, own) = (written.serve.unwrap(), own.serve.unwrap());
        assert_eq!(written.command, own.command);
        assert_eq!((written.ready, written.request.body), (own.ready, own.request.body));
    }

    #[test]
    fn a_flask_service_is_found_and_an_empty_folder_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(init_project(folder.path()).unwrap_err().hint().unwrap().contains("ready.md"));
        let text = "from flask import Flask\nserver = Flask(__name__)\n@server.route('/score', methods=['POST'])\ndef score(): ...\n";
        fs::write(folder.path().join("web.py"), text).unwrap();
        let found = init_project(folder.path()).unwrap();
        assert!(
            found.text.contains("python -m gunicorn web:server --bind 127.0.0.1:{port}"),
            "{}",
            found.text
        );
        assert!(found.text.contains("method = \"POST\", path = \"/score\""), "{}", found.text);
        parse_project("festina.toml", &found.text).unwrap();
    }
}
