//! The table of results: a row a task, in the order of the inputs, for pandas, R and `jq`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Collect, Record, TaskError};

/// Where and how the results are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// How it is written.
    pub format: ResultFormat,
    /// The columns, by name or by group (`inputs`, `outcome`, `usage`, `value`); none means all.
    pub columns: Vec<String>,
}

/// How a table of results is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// Tab-separated values, quoted as CSV is.
    Tsv,
    /// A JSON object a line.
    JsonLines,
}

impl Table {
    /// Returns the table of all columns, in the format that the name of the file suggests: `.tsv`, `.jsonl` and
    /// `.json`, or else CSV.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("tsv") => ResultFormat::Tsv,
            Some("jsonl" | "json" | "ndjson") => ResultFormat::JsonLines,
            _ => ResultFormat::Csv,
        };
        Self { path, format, columns: Vec::new() }
    }

    /// Refuses columns that no task can have, and a file that cannot be in its folder.
    pub(super) fn check(&self, inputs: &[String], collect: Collect) -> Result<(), TaskError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Err(source) = fs::metadata(folder.unwrap_or(Path::new("."))) {
            return Err(TaskError::writing(&self.path, source));
        }
        if self.path.is_dir() {
            return Err(TaskError::writing(&self.path, io::ErrorKind::IsADirectory.into()));
        }
        let known = || {
            let own = COLUMNS.iter().flat_map(|(group, name)| [*group, *name]);
            own.chain(["inputs", "value"]).chain(inputs.iter().map(String::as_str))
        };
        // What a task's JSON holds is not known before.
        let is_known = |name: &&String| collect == Collect::Json || known().any(|known| known == *name);
        match self.columns.iter().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(TaskError::ResultColumn {
                name: name.clone(),
                nearest: crate::nearest(name, known()).map(str::to_owned),
            }),
        }
    }
}

/// Our own columns with their groups; the inputs come after the first, the captured value after the last.
const COLUMNS: [(&str, &str); 14] = [
    ("inputs", "task"),
    ("outcome", "status"),
    ("outcome", "exit_code"),
    ("outcome", "signal"),
    ("usage", "attempts"),
    ("usage", "started_at_unix_s"),
    ("usage", "wall_s"),
    ("usage", "user_s"),
    ("usage", "system_s"),
    ("usage", "run_delay_s"),
    ("usage", "lost_s"),
    ("usage", "peak_rss_bytes"),
    ("usage", "slot"),
    ("usage", "host"),
];

/// A cell: text, a number as it is written, or nothing.
enum Cell<'a> {
    Empty,
    Number(String),
    Text(Cow<'a, str>),
    Json(&'a Value),
}

fn own_cell<'a>(name: &str, number: u64, record: &'a Record, host: &'a str) -> Cell<'a> {
    let count = |count: u64| Cell::Number(count.to_string());
    let seconds = |us: u64| Cell::Number(format!("{}.{:06}", us / 1_000_000, us % 1_000_000));
    let maybe = |code: Option<i32>| code.map_or(Cell::Empty, |code| Cell::Number(code.to_string()));
    match name {
        "task" => count(number),
        "status" => Cell::Text(record.end.name().into()),
        "exit_code" => maybe(record.end.exit_code()),
        "signal" => maybe(record.end.signal()),
        "attempts" => count(record.attempts.into()),
        "started_at_unix_s" => seconds(record.started_at_us),
        "wall_s" => seconds(record.wall_us),
        "user_s" => seconds(record.user_us),
        "system_s" => seconds(record.system_us),
        "run_delay_s" => seconds(record.run_delay_us),
        "lost_s" => seconds(record.lost_us),
        "peak_rss_bytes" => count(record.peak_rss_bytes),
        "slot" => count(record.slot.into()),
        _ => Cell::Text(record.host.as_deref().unwrap_or(host).into()),
    }
}

/// Where a column's cells come from.
enum Origin {
    Own(&'static str),
    Input(usize),
    Value,
    Key(String),
}

/// Writes `records`, numbered, in their order; `inputs` are the names of the inputs.
///
/// The table replaces the file at once when it is complete.
pub(super) fn write<I: Iterator<Item = Result<(u64, Record), TaskError>>>(
    table: &Table,
    inputs: &[String],
    collect: Collect,
    host: &str,
    records: impl Fn() -> I,
) -> Result<(), TaskError> {
    let fail = |source| TaskError::writing(&table.path, source);
    let keys = if collect == Collect::Json { json_keys(records())? } else { Vec::new() };
    let columns = columns(table, inputs, collect, keys);
    let is_new_or_file = fs::metadata(&table.path).map_or(true, |data| data.is_file());
    let target = if is_new_or_file { with_suffix(&table.path) } else { table.path.clone() };
    let file = File::create(&target).map_err(fail)?;
    let mut writer = Writer::new(BufWriter::with_capacity(256 << 10, file), table.format);
    let result =
        write_rows(&mut writer, &columns, host, records()).and_then(|()| writer.finish().map_err(fail));
    if is_new_or_file {
        match result {
            Ok(()) => fs::rename(&target, &table.path).map_err(fail)?,
            Err(error) => {
                let _ = fs::remove_file(&target);
                return Err(error);
            }
        }
        return Ok(());
    }
    result
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_rows(
    writer: &mut Writer,
    columns: &[(String, Origin)],
    host: &str,
    records: impl Iterator<Item = Result<(u64, Record), TaskError>>,
) -> Result<(), TaskError> {
    let fail = |source| TaskError::writing(Path::new("the table of results"), source);
    writer.header(columns).map_err(fail)?;
    for record in records {
        let (number, record) = record?;
        let json = record.value.as_ref().and_then(object_of);
        let cells = columns.iter().map(|(name, origin)| {
            let cell = match origin {
                Origin::Own(own) => own_cell(own, number, &record, host),
                Origin::Input(index) => text_cell(record.inputs.get(*index)),
                // An object's keys have columns of their own.
                Origin::Value if json.is_some() => Cell::Empty,
                Origin::Value => text_cell(record.value.as_ref()),
                Origin::Key(key) => {
                    json.as_ref().and_then(|json| json.get(key)).map_or(Cell::Empty, Cell::Json)
                }
            };
            (name.as_str(), cell)
        });
        writer.row(cells).map_err(fail)?;
    }
    Ok(())
}

fn text_cell(value: Option<&OsString>) -> Cell<'_> {
    value.map_or(Cell::Empty, |value| Cell::Text(value.to_string_lossy()))
}

fn object_of(value: &OsString) -> Option<Map<String, Value>> {
    match serde_json::from_str(value.to_str()?) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

/// Returns the keys of the captured objects, in the order in which they first come.
fn json_keys(
    records: impl Iterator<Item = Result<(u64, Record), TaskError>>,
) -> Result<Vec<String>, TaskError> {
    let mut keys = Vec::new();
    let mut known = std::collections::HashSet::new();
    for record in records {
        for (key, _) in record?.1.value.as_ref().and_then(object_of).into_iter().flatten() {
            if known.insert(key.clone()) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Returns the columns that are wanted; names that inputs have taken already get `task_` in front.
fn columns(table: &Table, inputs: &[String], collect: Collect, keys: Vec<String>) -> Vec<(String, Origin)> {
    let mut all: Vec<(&str, String, Origin)> = Vec::new();
    let free = |name: &str, all: &[(&str, String, Origin)]| {
        let mut name = name.to_owned();
        while inputs.contains(&name) || all.iter().any(|(_, taken, _)| *taken == name) {
            name = format!("task_{name}");
        }
        name
    };
    for (index, (group, name)) in COLUMNS.into_iter().enumerate() {
        all.push((group, free(name, &all), Origin::Own(name)));
        if index == 0 {
            all.extend(
                inputs.iter().enumerate().map(|(index, name)| ("inputs", name.clone(), Origin::Input(index))),
            );
        }
    }
    for key in keys {
        all.push(("value", free(&key, &all), Origin::Key(key)));
    }
    if collect != Collect::Nothing {
        all.push(("value", free("value", &all), Origin::Value));
    }
    let is_wanted = |group: &str, name: &String| {
        table.columns.is_empty() || table.columns.iter().any(|wanted| wanted == group || wanted == name)
    };
    all.into_iter()
        .filter(|(group, name, _)| is_wanted(group, name))
        .map(|(_, name, origin)| (name, origin))
        .collect()
}

enum Writer {
    Separated(Box<csv::Writer<BufWriter<File>>>),
    Json(BufWriter<File>),
}

impl Writer {
    fn new(file: BufWriter<File>, format: ResultFormat) -> Self {
        let delimiter = match format {
            ResultFormat::Csv => b',',
            ResultFormat::Tsv => b'\t',
            ResultFormat::JsonLines => return Self::Json(file),
        };
        Self::Separated(Box::new(csv::WriterBuilder::new().delimiter(delimiter).from_writer(file)))
    }

    fn header(&mut self, columns: &[(String, Origin)]) -> io::Result<()> {
        match self {
            Self::Separated(writer) => Ok(writer.write_record(columns.iter().map(|(name, _)| name))?),
            Self::Json(_) => Ok(()),
        }
    }

    fn row<'a>(&mut self, cells: impl Iterator<Item = (&'a str, Cell<'a>)>) -> io::Result<()> {
        match self {
            Self::Separated(writer) => {
                for (_, cell) in cells {
                    match cell {
                        Cell::Empty | Cell::Json(Value::Null) => writer.write_field("")?,
                        Cell::Number(number) => writer.write_field(number)?,
                        Cell::Text(text) => writer.write_field(&*text)?,
                        Cell::Json(Value::String(text)) => writer.write_field(text)?,
                        Cell::Json(value) => writer.write_field(value.to_string())?,
                    }
                }
                Ok(writer.write_record(None::<&[u8]>)?)
            }
            Self::Json(file) => {
                let mut separator = '{';
                for (name, cell) in cells {
                    write!(file, "{separator}{}:", Value::from(name))?;
                    separator = ',';
                    match cell {
                        Cell::Empty => file.write_all(b"null")?,
                        Cell::Number(number) => file.write_all(number.as_bytes())?,
                        Cell::Text(text) => write!(file, "{}", Value::from(text))?,
                        Cell::Json(value) => write!(file, "{value}")?,
                    }
                }
                file.write_all(b"}\n")
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Separated(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error)?.flush(),
            Self::Json(mut file) => file.flush(),
        }
    }
}

/// Returns whether `line` is JSON.
pub(super) fn is_json(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}
