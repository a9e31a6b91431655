//! Tables of recorded tasks.

use std::borrow::Cow;

use super::{Tasks, TasksBuilder};
use crate::LawError;

/// What was read from a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The tasks, in the order of their lines.
    pub tasks: Tasks,
    /// Names of columns that mean nothing here, and were not read.
    pub ignored_columns: Vec<String>,
}

/// The columns that are read, by their place in the table.
struct Columns {
    id: usize,
    duration: usize,
    dependencies: Option<usize>,
    bytes: Option<usize>,
    count: usize,
}

/// Reads tasks from comma-separated text with a header.
///
/// Columns, in any order: `id`, `duration_s` (seconds), and optionally `deps` (ids, separated by `;`) and `bytes`. Fields may
/// be quoted (`"`, doubled inside); blank lines are skipped.
///
/// ```
/// use festina_laws::simulate::parse::csv;
/// let parsed = csv("id,duration_s,deps\na,1.5,\nb,2,\nlink,0.5,a;b\n")?;
/// assert_eq!(parsed.tasks.len(), 3);
/// assert_eq!(parsed.tasks.dependency_count(), 2);
/// let error = csv("id,duration_s\na,1\nb,fast\n").unwrap_err();
/// assert_eq!(error.to_string(), "line 3: duration_s 'fast' is not a number");
/// # Ok::<(), festina_laws::LawError>(())
/// ```
///
/// # Errors
///
/// [`LawError::Csv`] for a header without the two columns, a line with another number of fields, or a field that is no
/// number; [`LawError::Line`] for what [`TasksBuilder::build`] refuses; both name the line. [`LawError::TooFew`] without
/// tasks.
pub fn csv(text: &str) -> Result<Parsed, LawError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines =
        text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim().is_empty());
    let Some((line, header)) = lines.next() else {
        return Err(csv_error(
            1,
            "the table is empty; its first line must name the columns id and duration_s",
        ));
    };
    let header = split(header).map_err(|reason| csv_error(line, reason))?;
    let (columns, ignored_columns) = Columns::find(&header).map_err(|reason| csv_error(line, reason))?;
    let rows = lines
        .map(|(line, text)| Ok((line, Row::read(text, &columns).map_err(|reason| csv_error(line, reason))?)))
        .collect::<Result<Vec<(usize, Row<'_>)>, LawError>>()?;
    let mut builder = TasksBuilder::new();
    for (_, row) in &rows {
        let dependencies = row.dependencies.split(';').map(str::trim).filter(|id| !id.is_empty());
        builder.push(&row.id, row.duration, dependencies, row.bytes);
    }
    let tasks = builder.build().map_err(|error| match error.task_index() {
        Some(index) => LawError::Line { line: rows[index].0, source: Box::new(error) },
        None => error,
    })?;
    Ok(Parsed { tasks, ignored_columns })
}

/// A line of the table.
struct Row<'a> {
    id: Cow<'a, str>,
    duration: f64,
    dependencies: Cow<'a, str>,
    bytes: u64,
}

impl Columns {
    fn find(header: &[Cow<'_, str>]) -> Result<(Self, Vec<String>), String> {
        let place = |name: &str| header.iter().position(|field| field.trim() == name);
        let required = |name: &str| place(name).ok_or_else(|| format!("the header has no column '{name}'"));
        let columns = Self {
            id: required("id")?,
            duration: required("duration_s")?,
            dependencies: place("deps"),
            bytes: place("bytes"),
            count: header.len(),
        };
        let known = [Some(columns.id), Some(columns.duration), columns.dependencies, columns.bytes];
        let ignored = (0..header.len()).filter(|&place| !known.contains(&Some(place)));
        Ok((columns, ignored.map(|place| header[place].trim().to_owned()).collect()))
    }
}

impl<'a> Row<'a> {
    fn read(line: &'a str, columns: &Columns) -> Result<Self, String> {
        let mut fields = split(line)?;
        if fields.len() != columns.count {
            return Err(format!("{} fields where the header has {}", fields.len(), columns.count));
        }
        let mut take = |place: usize| std::mem::take(&mut fields[place]);
        let id = trimmed(take(columns.id));
        if id.is_empty() {
            return Err("the id is empty".to_owned());
        }
        Ok(Self {
            id,
            duration: number("duration_s", &take(columns.duration), "is not a number")?,
            dependencies: columns.dependencies.map_or(Cow::Borrowed(""), &mut take),
            bytes: match columns.bytes.map(&mut take) {
                Some(field) if !field.trim().is_empty() => number("bytes", &field, "is not a whole number")?,
                _ => 0,
            },
        })
    }
}

fn number<T: std::str::FromStr>(column: &str, field: &str, problem: &str) -> Result<T, String> {
    let field = field.trim();
    field.parse().map_err(|_| format!("{column} '{field}' {problem}"))
}

fn trimmed(field: Cow<'_, str>) -> Cow<'_, str> {
    match field {
        Cow::Borrowed(field) => Cow::Borrowed(field.trim()),
        Cow::Owned(field) => Cow::Owned(field.trim().to_owned()),
    }
}

fn csv_error(line: usize, reason: impl Into<String>) -> LawError {
    LawError::Csv { line, reason: reason.into() }
}

/// Splits a line at its commas; a field in quotes may hold commas, and quotes that are doubled.
fn split(line: &str) -> Result<Vec<Cow<'_, str>>, String> {
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(format!("'{after}' follows a closing quote")),
        }
    }
}

/// Splits the rest of a quoted field, its opening quote taken off, from what follows its closing quote.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let mut from = 0;
    while let Some(found) = text[from..].find('"') {
        let end = from + found;
        let after = &text[end + 1..];
        if after.starts_with('"') {
            from = end + 2;
            continue;
        }
        let field = &text[..end];
        let field =
            if field.contains('"') { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) };
        return Ok((field, after.trim_start()));
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        csv(text).unwrap_err().to_string()
    }

    #[test]
    fn columns_may_come_in_any_order_and_fields_in_quotes() {
        let parsed = csv(
            "\u{feff}bytes, worker,duration_s,deps,id\r\n\r\n1000,w1,2.5,,\"a, \"\"b\"\"\"\r\n,w2,1e-3,\"a, \"\"b\"\"\",c\n",
        );
        let parsed = parsed.unwrap();
        assert_eq!(parsed.ignored_columns, ["worker"]);
        assert_eq!(parsed.tasks.durations(), [2.5, 1e-3]);
        assert_eq!(parsed.tasks.bytes(), Some(&[1000, 0][..]));
        assert_eq!((parsed.tasks.name(0).as_str(), parsed.tasks.name(1).as_str()), ("a, \"b\"", "c"));
        assert_eq!(parsed.tasks.dependency_count(), 1);
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        let cases = [
            ("", "line 1: the table is empty; its first line must name the columns id and duration_s"),
            ("id,time\na,1", "line 1: the header has no column 'duration_s'"),
            ("id,duration_s\na,1,2", "line 2: 3 fields where the header has 2"),
            ("id,duration_s\n\na,", "line 3: duration_s '' is not a number"),
            ("id,duration_s,bytes\na,1,1.5", "line 2: bytes '1.5' is not a whole number"),
            ("id,duration_s\n ,1", "line 2: the id is empty"),
            ("id,duration_s\n\"a,1", "line 2: a quote is not closed"),
            ("id,duration_s\n\"a\"b,1", "line 2: 'b,1' follows a closing quote"),
            (
                "id,duration_s\na,1\nb,-2",
                "line 3: task 'b': the duration must be finite and not negative, not -2",
            ),
            (
                "id,duration_s\na,NaN",
                "line 2: task 'a': the duration must be finite and not negative, not NaN",
            ),
            ("id,duration_s\na,1\n\na,2", "line 4: task 'a' appears twice"),
            ("id,duration_s,deps\na,1,\nb,1,a;x", "line 3: task 'b' depends on 'x', which doesn't exist"),
            ("id,duration_s,deps\na,1,a", "line 2: tasks depend on each other: a → a"),
            ("id,duration_s,deps\nz,1,\na,1,b\nb,1,a", "line 3: tasks depend on each other: a → b → a"),
            ("id,duration_s\n", "a simulation needs at least 1 tasks, not 0"),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            let _ = csv(&text);
        }

        #[test]
        fn any_table_is_read_or_refused_without_panic(body in "[a-d,;\"0-9.\n -]{0,80}") {
            let _ = csv(&format!("id,duration_s,deps\n{body}"));
        }

        #[test]
        fn quoting_survives_a_round_trip(ids in proptest::collection::hash_set("[a-z,\"]{1,6}", 1..8)) {
            let ids: Vec<String> = ids.into_iter().collect();
            let line = |id: &String| format!("\"{}\",1\n", id.replace('"', "\"\""));
            let text = format!("id,duration_s\n{}", ids.iter().map(line).collect::<String>());
            let tasks = csv(&text).unwrap().tasks;
            proptest::prop_assert_eq!((0..tasks.len()).map(|i| tasks.name(i)).collect::<Vec<_>>(), ids);
        }
    }
}
