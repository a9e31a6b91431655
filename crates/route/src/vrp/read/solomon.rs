//! The tables of Solomon (1987), of Gehring and Homberger (1999), and of Li and Lim (2001).
//!
//! A Solomon table has a `VEHICLE` block with the number and capacity of the vehicles and a `CUSTOMER` block of seven
//! columns; Li and Lim's begins with vehicles, capacity and speed, and has two more columns, the pickup and the delivery
//! that belong to a stop. Distances are Euclidean in double precision; how they are counted is in [`plain_draft`].
//!
//! Sources: <https://www.sintef.no/projectweb/top/vrptw/>, <https://www.sintef.no/projectweb/top/pdptw/>.

use super::super::problem::{Draft, Vehicle, Window, Work};
use super::{Place, in_steps, plain_draft, plain_stop, plain_vehicle};
use crate::error::RouteError;
use crate::read::scan::{Scanner, Word};

struct Row<'a> {
    number: Word<'a>,
    values: Vec<f64>,
}

/// Returns whether a text has Solomon's block of vehicles.
fn is_solomon(text: &str) -> bool {
    text.lines().take(10).any(|line| line.trim().eq_ignore_ascii_case("VEHICLE"))
}

/// Returns whether a text is a table of this family, right or wrong: one with that block, or one that begins with a number.
pub(super) fn is_table(text: &str) -> bool {
    is_solomon(text) || text.split_whitespace().next().is_some_and(|word| word.parse::<f64>().is_ok())
}

pub(super) fn read(name: &str, text: &str) -> Result<Draft, RouteError> {
    let is_solomon = is_solomon(text);
    let mut scanner = Scanner::new(text);
    let mut own_name = name.to_owned();
    let (count, capacity) = if is_solomon {
        while let Some(line) = scanner.line() {
            if line.text.to_ascii_uppercase().starts_with("NUMBER") {
                break;
            }
            if !line.text.eq_ignore_ascii_case("VEHICLE") {
                line.text.clone_into(&mut own_name);
            }
        }
        fleet(&mut scanner)?
    } else {
        let fleet = fleet(&mut scanner)?;
        let speed = number(&mut scanner, "the speed")?;
        if speed.0 != 1.0 {
            return Err(speed.1.error("a speed other than 1 is not supported in this format"));
        }
        fleet
    };
    let columns = if is_solomon { 7 } else { 9 };
    if is_solomon {
        scanner
            .line()
            .filter(|line| line.text.eq_ignore_ascii_case("CUSTOMER"))
            .ok_or_else(|| truncated(&scanner))?;
        scanner.line().ok_or_else(|| truncated(&scanner))?;
    }
    let rows = rows(&mut scanner, columns)?;
    draft(own_name, count, capacity, &rows, is_solomon)
}

pub(super) fn truncated(scanner: &Scanner<'_>) -> RouteError {
    RouteError::text(scanner.place(), "the file ends too early").with_hint("is the file truncated?")
}

fn number<'a>(scanner: &mut Scanner<'a>, what: &str) -> Result<(f64, Word<'a>), RouteError> {
    let word = scanner.word().ok_or_else(|| {
        RouteError::text(scanner.place(), format!("the file ends before {what}"))
            .with_hint("is the file truncated?")
    })?;
    Ok((word.number()?, word))
}

/// Reads the number of vehicles and their capacity.
fn fleet(scanner: &mut Scanner<'_>) -> Result<(usize, i64), RouteError> {
    let (count, word) = number(scanner, "the number of vehicles")?;
    if !(1.0..=1e6).contains(&count) || count.fract() != 0.0 {
        return Err(word.error(format!("'{}' is not a number of vehicles", word.text)));
    }
    let (capacity, word) = number(scanner, "the capacity")?;
    if !(0.0..=1e12).contains(&capacity) || capacity.fract() != 0.0 {
        return Err(word.error(format!("'{}' is not a capacity", word.text)));
    }
    Ok((count as usize, capacity as i64))
}

fn rows<'a>(scanner: &mut Scanner<'a>, columns: usize) -> Result<Vec<Row<'a>>, RouteError> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    while let Some(first) = scanner.word() {
        let mut values = vec![first.number()?];
        for column in 1..columns {
            let word = scanner.word().filter(|word| word.line == first.line).ok_or_else(|| {
                first
                    .error(format!("this line has {column} of {columns} numbers"))
                    .with_hint("is the file truncated?")
            })?;
            values.push(word.number()?);
        }
        let due = columns_due(&values);
        if due.1 < due.0 {
            return Err(first.error(format!("the window closes ({}) before it opens ({})", due.1, due.0)));
        }
        if values[3].fract() != 0.0 || values[3].abs() > 1e12 {
            return Err(first.error(format!("the demand {} is not a whole number", values[3])));
        }
        rows.push(Row { number: first, values });
    }
    if rows.is_empty() { Err(truncated(scanner)) } else { Ok(rows) }
}

fn columns_due(values: &[f64]) -> (f64, f64) {
    (values[4], values[5])
}

fn draft(
    name: String,
    count: usize,
    capacity: i64,
    rows: &[Row<'_>],
    is_solomon: bool,
) -> Result<Draft, RouteError> {
    let place = |row: &Row<'_>| Place {
        name: row.number.text.to_owned(),
        point: Some([row.values[1], row.values[2]]),
    };
    let mut stops = Vec::with_capacity(rows.len());
    for row in &rows[1..] {
        let [demand, open, close, service] = [row.values[3], row.values[4], row.values[5], row.values[6]];
        if open < 0.0 || service < 0.0 || close > 1e9 || service > 1e9 {
            return Err(row.number.error("times lie within 0..1e9"));
        }
        let work = if is_solomon {
            if demand < 0.0 {
                return Err(row.number.error(format!("the demand {demand} is negative")));
            }
            Work::Visit { delivery: vec![demand as i64], pickup: vec![0] }
        } else {
            pair(rows, row)?
        };
        let window = Window { open: in_steps(open), close: in_steps(close) };
        stops.push(plain_stop(row.number.text, stops.len() + 1, work, in_steps(service), window));
    }
    let depot = &rows[0].values;
    let vehicle = Vehicle {
        shift: Window { open: in_steps(depot[4].max(0.0)), close: in_steps(depot[5].min(1e9)) },
        ..plain_vehicle("vehicle", count, Some(0), vec![capacity])
    };
    Ok(plain_draft(name, rows.iter().map(place).collect(), stops, vec![vehicle]))
}

/// Returns the work of a row of Li and Lim: the eighth number is the pickup of a delivery, the ninth the delivery of a pickup.
fn pair(rows: &[Row<'_>], row: &Row<'_>) -> Result<Work, RouteError> {
    let find = |value: f64| rows[1..].iter().position(|other| other.values[0] == value);
    let load = vec![row.values[3].abs() as i64];
    match (row.values[7], row.values[8]) {
        (0.0, 0.0) => Some(Work::Visit { delivery: load, pickup: vec![0] }),
        (0.0, to) => find(to).map(|to| Work::Collect { load, to }),
        (from, _) => find(from).map(|from| Work::Bring { load, from }),
    }
    .ok_or_else(|| row.number.error("the other end of this shipment is not in the table"))
}
