//! What is measured: a command as a function of n and p.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use festina_run::tasks::THREAD_VARIABLES;
use festina_types::{Bytes, Point, Seconds};
use serde::{Deserialize, Serialize};

use crate::error::MeasureError;
use crate::template::{Placeholder, Template, Values};

/// The largest stdin file whose content is searched for placeholders.
const LARGEST_FILLED_STDIN: u64 = 1 << 20;

/// A command as a function of the problem size n and the number of workers p.
///
/// `{n}`, `{p}` and `{seed}` stand anywhere in its arguments, in the values of its environment, in the path of its
/// stdin file and, up to 1 MiB, in that file's content. The command is started directly, never by a shell; set-up
/// and preparation, which users write as one string, are given to `sh -c`.
///
/// ```
/// # use festina_measure::Workload;
/// # use festina_types::Point;
/// let workload = Workload::new(["sort", "--parallel={p}", "lines-{n}.txt"])?;
/// let task = workload.fill(Point::new(Some(1e6), 2), 1)?;
/// assert_eq!(task.command, ["sort", "--parallel=2", "lines-1000000.txt"]);
/// # Ok::<(), festina_measure::MeasureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    command: Vec<Template>,
    #[serde(default)]
    environment: Vec<(String, Template)>,
    #[serde(default)]
    stdin: Option<Template>,
    #[serde(default)]
    setup: Option<Template>,
    #[serde(default)]
    prepare: Option<Template>,
    /// The working directory; `None` for the caller's.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// Whether runs are held to p CPUs.
    #[serde(default)]
    pub pinning: Pinning,
    /// The longest that one run may take; `None` for no limit.
    #[serde(default)]
    pub timeout: Option<Seconds>,
    /// The most memory that the process tree of one run may use; `None` for no limit.
    #[serde(default)]
    pub memory_limit: Option<Bytes>,
}

/// Whether a run at p workers is held to p CPUs by affinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pinning {
    /// If the command has no `{p}` anywhere, since then nothing else imposes p on programs that ask how many CPUs
    /// there are.
    #[default]
    WithoutPlaceholder,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// One execution of a workload: everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Where.
    pub point: Point,
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// Variables to set beside those that the caller's environment has: the thread variables, then the workload's.
    pub environment: Vec<(OsString, OsString)>,
    /// What the program reads.
    pub stdin: Stdin,
    /// A shell command to run before it, not timed.
    pub prepare: Option<OsString>,
    /// Whether to hold it to p CPUs.
    pub pinned: bool,
    /// The working directory.
    pub directory: Option<PathBuf>,
    /// The longest that it may take.
    pub timeout: Option<Seconds>,
    /// The most memory that its process tree may use.
    pub memory_limit: Option<Bytes>,
}

/// What a program reads on its standard input.
#[derive(Clone, Debug, PartialEq)]
pub enum Stdin {
    /// Nothing: it is at its end at once.
    Null,
    /// A file as it is.
    File(PathBuf),
    /// The content of a file that mentions a placeholder, filled.
    Bytes(Vec<u8>),
}

impl Workload {
    /// Returns the workload that starts `command`: the program and its arguments.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Workload`] if `command` is empty, [`MeasureError::Template`] for an unknown placeholder.
    pub fn new<S: AsRef<OsStr>>(command: impl IntoIterator<Item = S>) -> Result<Self, MeasureError> {
        let command = command
            .into_iter()
            .enumerate()
            .map(|(index, word)| {
                let place = if index == 0 { "the program".to_owned() } else { format!("argument {index}") };
                Template::parse(word.as_ref(), Placeholder::OF_WORKLOAD, &place)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if command.first().is_none_or(|program| program.source().is_empty()) {
            return Err(MeasureError::Workload {
                reason: "has no command".to_owned(),
                hint: "write it behind --, as in: festina scale --n 1e4..1e6 -- python train.py --rows {n} --jobs {p}"
                    .to_owned(),
            });
        }
        Ok(Self {
            command,
            environment: Vec::new(),
            stdin: None,
            setup: None,
            prepare: None,
            directory: None,
            pinning: Pinning::default(),
            timeout: None,
            memory_limit: None,
        })
    }

    /// Sets a variable of the command's environment; a later value for the same name replaces the earlier.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Workload`] if `name` is no name, [`MeasureError::Template`] for an unknown placeholder.
    pub fn with_variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Result<Self, MeasureError> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(MeasureError::Workload {
                reason: format!("sets the environment variable '{name}', which is no name"),
                hint: "write it as NAME=VALUE".to_owned(),
            });
        }
        let place = format!("the environment variable {name}");
        let value = Template::parse(value.as_ref(), Placeholder::OF_WORKLOAD, &place)?;
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value));
        Ok(self)
    }

    /// Sets the file that the command reads on its standard input.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Template`] for an unknown placeholder in the path.
    pub fn with_stdin(mut self, path: impl AsRef<OsStr>) -> Result<Self, MeasureError> {
        self.stdin = Some(Template::parse(path.as_ref(), Placeholder::OF_WORKLOAD, "the stdin file's path")?);
        Ok(self)
    }

    /// Sets the shell command to run once, before everything, with the largest n and p.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Template`] for an unknown placeholder.
    pub fn with_setup(mut self, command: impl AsRef<OsStr>) -> Result<Self, MeasureError> {
        self.setup = Some(Template::parse(command.as_ref(), Placeholder::OF_WORKLOAD, "the set-up")?);
        Ok(self)
    }

    /// Sets the shell command to run before each run, not timed.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Template`] for an unknown placeholder.
    pub fn with_prepare(mut self, command: impl AsRef<OsStr>) -> Result<Self, MeasureError> {
        self.prepare = Some(Template::parse(command.as_ref(), Placeholder::OF_WORKLOAD, "the preparation")?);
        Ok(self)
    }

    /// Returns whether n has any influence on what is run.
    pub fn mentions_size(&self) -> bool {
        self.mentions(Placeholder::Size)
    }

    /// Returns whether the command itself says how many workers to use.
    pub fn mentions_workers(&self) -> bool {
        self.mentions(Placeholder::Workers)
    }

    /// Returns the command as it was given, for people.
    pub fn display(&self) -> String {
        let words: Vec<_> = self.command.iter().map(|word| shown(&word.source().to_string_lossy())).collect();
        words.join(" ")
    }

    /// Returns the set-up, filled for a shell, if there is one.
    pub fn fill_setup(&self, point: Point, seed: u64) -> Option<OsString> {
        let values = Values::new(point.n, point.p, seed);
        self.setup.as_ref().map(|setup| setup.fill_for_shell(&values))
    }

    /// Returns the execution at `point`.
    ///
    /// # Errors
    ///
    /// [`MeasureError::File`] if the stdin file cannot be read.
    pub fn fill(&self, point: Point, seed: u64) -> Result<Task, MeasureError> {
        let values = Values::new(point.n, point.p, seed);
        let pinned = match self.pinning {
            Pinning::WithoutPlaceholder => !self.mentions_workers(),
            Pinning::Always => true,
            Pinning::Never => false,
        };
        Ok(Task {
            point,
            command: self.command.iter().map(|word| word.fill(&values)).collect(),
            environment: self.fill_environment(&values),
            stdin: self.fill_stdin(&values)?,
            prepare: self.prepare.as_ref().map(|prepare| prepare.fill_for_shell(&values)),
            pinned,
            directory: self.directory.clone(),
            timeout: self.timeout,
            memory_limit: self.memory_limit,
        })
    }

    /// Refuses sizes that nothing uses, and a `{n}` without sizes.
    ///
    /// # Errors
    ///
    /// [`MeasureError::Workload`], with what to add.
    pub fn validate(&self, sizes: &[f64]) -> Result<(), MeasureError> {
        if sizes.is_empty() && self.mentions_size() {
            return Err(MeasureError::Workload {
                reason: "mentions {n}, and no sizes are given".to_owned(),
                hint: "give some, as in --n 1e4..1e6 or --n adaptive".to_owned(),
            });
        }
        if sizes.len() > 1 && !self.mentions_size() {
            return Err(MeasureError::Workload {
                reason: "does not mention {n}: every size would run the same".to_owned(),
                hint: "put {n} where the command takes its size, or leave the sizes away".to_owned(),
            });
        }
        Ok(())
    }

    fn fill_environment(&self, values: &Values<'_>) -> Vec<(OsString, OsString)> {
        let workers = OsString::from(values.p.to_string());
        let imposed = THREAD_VARIABLES
            .iter()
            .filter(|name| self.environment.iter().all(|(own, _)| own != *name))
            .map(|name| (OsString::from(name), workers.clone()));
        let own = self.environment.iter().map(|(name, value)| (name.into(), value.fill(values)));
        imposed.chain(own).collect()
    }

    fn fill_stdin(&self, values: &Values<'_>) -> Result<Stdin, MeasureError> {
        let Some(template) = &self.stdin else { return Ok(Stdin::Null) };
        let given = PathBuf::from(template.fill(values));
        let path = self.directory.as_deref().unwrap_or(Path::new("")).join(given);
        let metadata = std::fs::metadata(&path).map_err(|e| MeasureError::file("read", &path, e))?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILLED_STDIN {
            return Ok(Stdin::File(path));
        }
        let content = std::fs::read(&path).map_err(|e| MeasureError::file("read", &path, e))?;
        let content = Template::parse_lenient(as_os_str(&content), Placeholder::OF_WORKLOAD);
        let filled = Placeholder::OF_WORKLOAD.iter().any(|p| content.mentions(*p));
        Ok(if filled { Stdin::Bytes(into_bytes(content.fill(values))) } else { Stdin::File(path) })
    }

    fn mentions(&self, placeholder: Placeholder) -> bool {
        let environment = self.environment.iter().map(|(_, value)| value);
        self.command.iter().chain(environment).chain(&self.stdin).any(|t| t.mentions(placeholder))
            || self.stdin_content_mentions(placeholder)
    }

    /// Whether the stdin file's own text has the placeholder; a path with placeholders names many files, and its
    /// own placeholder counts already.
    fn stdin_content_mentions(&self, placeholder: Placeholder) -> bool {
        let Some(path) = &self.stdin else { return false };
        let path = self.directory.as_deref().unwrap_or(Path::new("")).join(path.source());
        let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= LARGEST_FILLED_STDIN);
        small
            && std::fs::read(&path).is_ok_and(|content| {
                Template::parse_lenient(as_os_str(&content), &[placeholder]).mentions(placeholder)
            })
    }
}

fn as_os_str(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

fn into_bytes(text: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(text)
}

/// Quotes a word for people where a shell would split it.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+./:,@%{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(task: &Task, name: &str) -> Option<String> {
        let found = task.environment.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    }

    #[test]
    fn thread_variables_are_set_to_p_unless_the_workload_sets_them() {
        let workload = Workload::new(["solve", "-j{p}"]).unwrap();
        let workload = workload.with_variable("OMP_NUM_THREADS", "1").unwrap();
        let task = workload.fill(Point::new(None, 8), 0).unwrap();
        assert_eq!(variable(&task, "RAYON_NUM_THREADS").as_deref(), Some("8"));
        assert_eq!(variable(&task, "OMP_NUM_THREADS").as_deref(), Some("1"));
        assert_eq!(task.environment.iter().filter(|(key, _)| key == "OMP_NUM_THREADS").count(), 1);
        assert!(!task.pinned, "the command says p itself");
        assert!(Workload::new(["solve"]).unwrap().fill(Point::new(None, 8), 0).unwrap().pinned);
    }

    #[test]
    fn placeholders_of_a_small_stdin_file_are_filled_and_other_braces_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.nml");
        std::fs::write(&path, "&run size={n}, other={x} /").unwrap();
        let workload = Workload::new(["solve"]).unwrap().with_stdin(&path).unwrap();
        assert!(workload.mentions_size() && !workload.mentions_workers());
        let task = workload.fill(Point::new(Some(10.0), 1), 0).unwrap();
        assert_eq!(task.stdin, Stdin::Bytes(b"&run size=10, other={x} /".to_vec()));
        std::fs::write(&path, "plain").unwrap();
        assert_eq!(workload.fill(Point::new(None, 1), 0).unwrap().stdin, Stdin::File(path));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(Workload::new::<&str>([]).is_err());
        assert!(Workload::new([""]).is_err());
        let error = Workload::new(["solve", "{rows}"]).unwrap_err();
        assert_eq!(error.to_string(), "unknown placeholder {rows} in argument 1 ('{rows}')");
        assert!(error.hint().unwrap().contains("{n}"));
        let sized = Workload::new(["solve", "{n}"]).unwrap();
        assert!(sized.validate(&[]).is_err() && sized.validate(&[1.0, 2.0]).is_ok());
        let fixed = Workload::new(["solve"]).unwrap();
        assert!(fixed.validate(&[1.0, 2.0]).is_err() && fixed.validate(&[]).is_ok());
        assert!(fixed.with_variable("A=B", "x").is_err());
    }

    #[test]
    fn a_missing_stdin_file_is_named() {
        let workload = Workload::new(["cat"]).unwrap().with_stdin("no-such-{n}").unwrap();
        let error = workload.fill(Point::new(Some(3.0), 1), 0).unwrap_err();
        assert!(error.to_string().starts_with("cannot read no-such-3"), "{error}");
    }

    #[test]
    fn a_stored_workload_is_the_same_workload() {
        let workload = Workload::new(["a b", "{n}"]).unwrap().with_prepare("sync # {p}").unwrap();
        assert_eq!(workload.display(), "'a b' {n}");
        let text = serde_json::to_string(&workload).unwrap();
        assert_eq!(serde_json::from_str::<Workload>(&text).unwrap(), workload);
    }
}
