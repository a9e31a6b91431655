//! Tables of points: CSV with a header.

use super::scan::{Word, shorten};
use crate::error::{Place, RouteError};
use crate::instance::Instance;
use crate::rule::Rule;

/// The integer steps that the longest distance of planar points is divided into, at least.
const STEPS: f64 = 1e7;

/// Which column holds what.
struct Columns {
    first: usize,
    second: usize,
    name: Option<usize>,
    geographic: bool,
}

impl Columns {
    fn of(header: &[Word<'_>]) -> Option<Self> {
        let find = |names: &[&str]| {
            header.iter().position(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word.text)))
        };
        let name = find(&["name", "label", "city", "id"]);
        let latitude = find(&["lat", "latitude"]);
        let longitude = find(&["lon", "lng", "long", "longitude"]);
        if let (Some(first), Some(second)) = (latitude, longitude) {
            return Some(Self { first, second, name, geographic: true });
        }
        let (first, second) = (find(&["x"])?, find(&["y"])?);
        Some(Self { first, second, name, geographic: false })
    }
}

/// Returns whether `header` names the columns of points.
pub(super) fn has_point_columns(header: &str) -> bool {
    Columns::of(&fields(1, header, separator(header))).is_some()
}

/// Returns the separator that `line` uses: the tab or semicolon if there is one, else the comma.
pub(super) fn separator(line: &str) -> char {
    ['\t', ';'].into_iter().find(|&c| line.contains(c)).unwrap_or(',')
}

/// Returns the fields of line number `number`, trimmed, without their quotes.
pub(super) fn fields(number: usize, line: &str, separator: char) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in line.char_indices().chain([(line.len(), separator)]) {
        if c == '"' && at < line.len() {
            quoted = !quoted;
        } else if c == separator && (!quoted || at == line.len()) {
            words.push(trimmed(number, line, start, at));
            start = at + c.len_utf8();
        }
    }
    words
}

fn trimmed(number: usize, line: &str, start: usize, end: usize) -> Word<'_> {
    let field = &line[start..end];
    let left = start + field.len() - field.trim_start().len();
    let right = left + field.trim().len();
    let text = &line[left..right];
    let is_quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    let quote = usize::from(is_quoted);
    Word::new(number, line, left + quote, right - quote)
}

/// Returns the numbered lines of `text` that are neither blank nor comments.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    numbered.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

pub(super) fn read(name: &str, text: &str) -> Result<Instance, RouteError> {
    let mut lines = lines(text);
    let start = Place { line: 1, column: 1 };
    let (number, header) = lines.next().ok_or_else(|| {
        RouteError::text(start, "the table is empty")
            .with_hint("a header with x,y or lat,lon, and a line a city")
    })?;
    let separator = separator(header);
    let header = fields(number, header, separator);
    let columns = Columns::of(&header).ok_or_else(|| {
        RouteError::text(Place { line: number, column: 1 }, "the header names no columns of points")
            .with_hint("columns x,y or lat,lon, and name if there is one")
    })?;
    let mut points = Vec::new();
    let mut labels = Vec::new();
    for (number, line) in lines {
        let row = fields(number, line, separator);
        let field = |column: usize| {
            row.get(column).ok_or_else(|| {
                let place = Place { line: number, column: line.chars().count() + 1 };
                let message = format!("the line has {} of {} fields", row.len(), header.len());
                RouteError::text(place, message).with_hint("is the line truncated?")
            })
        };
        let (first, second) = (field(columns.first)?, field(columns.second)?);
        let point = [first.number()?, second.number()?, 0.0];
        if columns.geographic {
            in_range(first, point[0], 90.0, "a latitude")?;
            in_range(second, point[1], 360.0, "a longitude")?;
        }
        points.push(point);
        if let Some(column) = columns.name {
            labels.push(field(column)?.text.replace("\"\"", "\""));
        }
    }
    let rule = if columns.geographic { Rule::GreatCircle } else { planar_rule(&points) };
    let instance = Instance::from_points(name, rule, points)?;
    if columns.name.is_some() { instance.with_labels(labels) } else { Ok(instance) }
}

fn in_range(word: &Word<'_>, value: f64, limit: f64, what: &str) -> Result<(), RouteError> {
    if value.abs() <= limit {
        return Ok(());
    }
    Err(word
        .error(format!("'{}' is not {what}", shorten(word.text)))
        .with_hint("decimal degrees; are the columns swapped?"))
}

/// Returns the Euclidean rule that is fine enough for `points`: a power of ten of steps in a unit, so that the
/// bounding box is at least [`STEPS`] steps across.
fn planar_rule(points: &[[f64; 3]]) -> Rule {
    let extent = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    };
    let diagonal = extent(0).hypot(extent(1));
    if !(diagonal > 0.0 && diagonal < STEPS) {
        return Rule::Scaled2 { steps: 1.0 };
    }
    Rule::Scaled2 { steps: 10_f64.powi((STEPS / diagonal).log10().ceil().min(300.0) as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planar_points_are_measured_finely() {
        let instance = read("t", "x;y;name\n0;0;\"a;b\"\n\n0.5;0;c\n").unwrap();
        assert_eq!(instance.label(0), "a;b");
        assert!((instance.distance(0, 1) as f64 * instance.unit() - 0.5).abs() < 1e-9);
        assert!(instance.distance(0, 1) >= 10_000_000);
    }

    #[test]
    fn the_bad_field_of_a_long_table_is_named() {
        let mut text = "lat,lon\n".to_owned();
        text.push_str(&"1.5,2.5\n".repeat(1000));
        text.push_str("1.5, abc\n");
        assert_eq!(read("t", &text).unwrap_err().to_string(), "line 1002, column 6: 'abc' is not a number");
    }

    #[test]
    fn bad_tables_are_refused_with_a_hint() {
        for (text, message) in [
            ("", "line 1, column 1: the table is empty"),
            ("a,b\n1,2\n", "line 1, column 1: the header names no columns of points"),
            ("x,y\n1\n", "line 2, column 2: the line has 1 of 2 fields"),
            ("x,y\n1,inf\n", "line 2, column 3: 'inf' is not a finite number"),
            ("lat,lon\n95,1\n", "line 2, column 1: '95' is not a latitude"),
            ("x,y\n", "the instance has no cities"),
        ] {
            assert_eq!(read("t", text).unwrap_err().to_string(), message);
        }
    }
}
