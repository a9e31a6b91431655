//! `festina ready`

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use festina::load::TimelinePoint;
use festina::ready::{ReadyObserver, init_project, junit, parse_project, ready, ready_report};
use festina::scale::Site;
use festina::{Error, Exit, Seconds, cores};

use super::cores::surroundings;
use crate::args::ReadyArguments;
use crate::moving_line;
use crate::output::{self, Answer};
use crate::signals::cancel_on_signals;

/// The name of a project's file.
const FILE: &str = "festina.toml";

pub(crate) fn run(arguments: &ReadyArguments) -> Result<Exit, Error> {
    if arguments.init {
        return init(&arguments.project);
    }
    output::require_folders(&arguments.output, arguments.junit.as_deref())?;
    let (folder, file) = place(&arguments.project);
    let project = parse_project(&file.display().to_string(), &read(&file)?)?;
    let machine = cores(&surroundings());
    let site =
        Site { machine: &machine, environment: std::env::vars_os().collect(), state: &arguments.state };
    let cancel = cancel_on_signals();
    let mut screen = Screen::new(arguments.progress.quiet);
    let result = ready(&project, &folder, &site, &mut screen, &cancel)?;
    screen.clear();
    if let Some(path) = &arguments.junit {
        output::write_file(path, &junit(&result))?;
    }
    let provenance =
        vec![("command".to_owned(), output::command_line()), ("machine".to_owned(), result.machine.clone())];
    let answer =
        Answer { report: ready_report(&result), json: output::to_json(&result.to_json()), provenance };
    output::emit(&answer, &arguments.output)?;
    Ok(if cancel.is_requested() { Exit::Interrupted } else { result.exit() })
}

/// Returns the folder of a project and its file.
fn place(project: &Path) -> (PathBuf, PathBuf) {
    if project.is_dir() {
        return (project.to_owned(), project.join(FILE));
    }
    let folder = project.parent().filter(|folder| !folder.as_os_str().is_empty());
    (folder.unwrap_or(Path::new(".")).to_owned(), project.to_owned())
}

fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Input {
            message: format!("there is no {}", file.display()),
            hint: Some("festina ready --init writes one from what it finds in the folder".to_owned()),
        },
        _ => Error::File { action: format!("read {}", file.display()), source },
    })
}

/// `--init`
fn init(project: &Path) -> Result<Exit, Error> {
    let (folder, file) = place(project);
    if file.exists() {
        return Err(Error::Input {
            message: format!("{} is there already", file.display()),
            hint: Some("change it by hand, or move it away".to_owned()),
        });
    }
    let found = init_project(&folder)?;
    output::write_file(&file, &found.text)?;
    let notes: String = found.notes.iter().map(|note| format!("  {note}\n")).collect();
    output::print(&format!("wrote {}\n{notes}", file.display()))?;
    Ok(Exit::Done)
}

/// Tells on standard error how it goes.
struct Screen {
    is_terminal: bool,
    is_quiet: bool,
}

impl Screen {
    fn new(is_quiet: bool) -> Self {
        Self { is_terminal: !is_quiet && std::io::stderr().is_terminal(), is_quiet }
    }

    fn clear(&self) {
        if self.is_terminal {
            moving_line::clear();
        }
    }
}

impl ReadyObserver for Screen {
    fn tell(&mut self, line: &str) {
        self.clear();
        if !self.is_quiet {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        }
    }

    fn loaded(&mut self, point: &TimelinePoint) {
        if self.is_terminal {
            let p99 = point.p99_s.map_or("–".to_owned(), |p99| Seconds(p99).to_string());
            moving_line::show(&format!("{} sent, p99 {p99}, {} in flight", point.sent, point.in_system));
        }
    }
}
