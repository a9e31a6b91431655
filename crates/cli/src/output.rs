//! Where answers go: standard output, JSON, HTML, SVG, CSV.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use festina::report::{Block, Report, csv, html, svg, text};
use festina::{Error, Finding, Severity};
use serde_json::Value;

use crate::args::OutputArguments;
use crate::ranks;

/// An answer in all its forms.
pub(crate) struct Answer {
    /// For people.
    pub(crate) report: Report,
    /// For programs.
    pub(crate) json: Value,
    /// How it came about.
    pub(crate) provenance: Vec<(String, String)>,
}

/// Refuses files in folders that do not exist, before anything is measured for them.
pub(crate) fn require_folders(arguments: &OutputArguments, csv: Option<&Path>) -> Result<(), Error> {
    let OutputArguments { json, html, svg } = arguments;
    let files = [json.as_deref(), html.as_deref(), svg.as_deref(), csv].into_iter().flatten();
    for file in files.filter(|file| *file != Path::new("-")) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || file.is_dir() {
            let reason = if file.is_dir() { "it is a folder" } else { "its folder does not exist" };
            return Err(Error::Input {
                message: format!("cannot write {}: {reason}", file.display()),
                hint: Some("give a file in a folder that exists".to_owned()),
            });
        }
    }
    Ok(())
}

/// Writes `answer` wherever `arguments` ask for it; as text on standard output unless JSON is printed there.
///
/// What goes to the screen comes first: a file that cannot be written takes nothing from it.
pub(crate) fn emit(answer: &Answer, arguments: &OutputArguments) -> Result<(), Error> {
    match arguments.json.as_deref() {
        Some(path) if path == Path::new("-") => print(&pretty(&answer.json))?,
        _ => print(&text::render(&short(&answer.report), &screen()))?,
    }
    emit_files(answer, arguments)
}

/// Writes the files that `arguments` ask for.
pub(crate) fn emit_files(answer: &Answer, arguments: &OutputArguments) -> Result<(), Error> {
    if let Some(path) = arguments.json.as_deref().filter(|path| *path != Path::new("-")) {
        write_file(path, &pretty(&answer.json))?;
    }
    write_pictures(&answer.report, &answer.provenance, arguments)
}

/// Returns `report` without what a page folds away: on a screen it would push the answer out of sight.
fn short(report: &Report) -> Report {
    let mut short = report.clone();
    let before = short.blocks.len();
    short.blocks.retain(|block| !matches!(block, Block::Details { .. } | Block::Flame(_)));
    if short.blocks.len() < before {
        short.push(Block::paragraph("More charts and tables: --html FILE"));
    }
    short
}

/// Writes `report` wherever `arguments` ask for it but to standard output, which belongs to somebody else; JSON goes there
/// only if it is asked to.
pub(crate) fn write_files(
    report: &Report,
    json: &Value,
    provenance: &[(String, String)],
    arguments: &OutputArguments,
) -> Result<(), Error> {
    write_pictures(report, provenance, arguments)?;
    arguments.json.as_deref().map_or(Ok(()), |path| emit_json(json, path))
}

/// Prints `report` to standard error if that is a terminal; elsewhere its title and what of `findings` is more than a note,
/// and only if it `matters`.
pub(crate) fn print_to_errors(report: &Report, findings: &[Finding], matters: bool) {
    if !ranks::are_terminals().errors {
        if matters {
            let mut errors = io::stderr().lock();
            let _ = writeln!(errors, "festina: {} ({})", report.title, report.subtitle);
            for finding in findings.iter().filter(|finding| finding.severity > Severity::Note) {
                let _ = writeln!(errors, "festina: {}", finding.message);
            }
        }
        return;
    }
    let options = text::TextOptions { color: false, ..screen() };
    let _ = io::stderr().lock().write_all(text::render(report, &options).as_bytes());
}

/// Prints `report` to standard error, since standard output is another program's.
pub(crate) fn print_answer_to_errors(report: &Report) {
    let terminal = io::stderr().is_terminal();
    let options = text::TextOptions { color: terminal && screen().color, ..screen() };
    let _ = io::stderr().lock().write_all(text::render(&short(report), &options).as_bytes());
}

/// Writes the HTML page and the SVG drawing.
fn write_pictures(
    report: &Report,
    provenance: &[(String, String)],
    arguments: &OutputArguments,
) -> Result<(), Error> {
    if let Some(path) = &arguments.html {
        let options = html::HtmlOptions { provenance: provenance.to_vec(), generator: generator() };
        write_file(path, &html::page(report, &options))?;
    }
    if let Some(path) = &arguments.svg {
        let charts = report.charts();
        let chart = charts.first().ok_or_else(|| Error::Input {
            message: "this answer has no chart to write as SVG".to_owned(),
            hint: Some("leave --svg away".to_owned()),
        })?;
        write_file(path, &svg::chart(chart, &svg::SvgOptions::default()))?;
    }
    Ok(())
}

/// Writes the table at `index` of `report` as CSV to `path`, or prints it where `path` is `-`.
pub(crate) fn emit_csv(report: &Report, index: usize, path: &Path) -> Result<(), Error> {
    let tables = report.tables();
    emit_text(&tables.get(index).map_or_else(String::new, |table| csv::table(table)), path)
}

/// Prints `text`, or writes it to `path`.
pub(crate) fn emit_text(text: &str, path: &Path) -> Result<(), Error> {
    if path == Path::new("-") { print(text) } else { write_file(path, text) }
}

/// Prints `value` as JSON, or writes it to `path`.
pub(crate) fn emit_json(value: &Value, path: &Path) -> Result<(), Error> {
    if path == Path::new("-") { print(&pretty(value)) } else { write_file(path, &pretty(value)) }
}

/// Prints to standard output; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(Error::File { action: "write to standard output".to_owned(), source }),
        Ok(()) => Ok(()),
    }
}

/// Prints an error with its hint to standard error.
pub(crate) fn print_error(error: &Error) {
    let mut message = format!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            message += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        message += &format!("\n\nhint: {hint}");
    }
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Returns what the terminal can show.
pub(crate) fn screen() -> text::TextOptions {
    let terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    text::TextOptions {
        width: if terminal { width.clamp(40, 120) } else { 100 },
        color: terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        unicode: speaks_unicode(),
    }
}

/// Returns whether the locale can show more than ASCII; one that is not set is taken to.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| {
        let value = std::env::var_os(name)?;
        (!value.is_empty()).then(|| value.to_string_lossy().to_lowercase())
    });
    locale.is_none_or(|locale| locale.contains("utf"))
}

/// Returns the name and version that pages carry.
pub(crate) fn generator() -> String {
    concat!("festina ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// Returns `value` as JSON; results are plain data, which always can be.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("results are plain data with string keys")
}

/// Returns the command line of this process, for people.
pub(crate) fn command_line() -> String {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    format!("festina {}", words.join(" "))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text)
        .map_err(|source| Error::File { action: format!("write {}", path.display()), source })
}
