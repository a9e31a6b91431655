//! Tables of distances.

use super::csv::{fields, lines, separator};
use super::scan::{Word, shorten};
use crate::error::{Place, RouteError};
use crate::instance::{Instance, MAX_DISTANCE};

/// The integer steps that the longest of fractional distances is divided into, at least.
const STEPS: f64 = 1e7;

pub(super) fn read(name: &str, text: &str) -> Result<Instance, RouteError> {
    let rows = rows(text)?;
    let is_number = |word: &Word<'_>| word.text.parse::<f64>().is_ok();
    let has_header = rows.first().is_some_and(|row| row.iter().skip(1).any(|word| !is_number(word)));
    let body = &rows[usize::from(has_header)..];
    let has_names = has_header && body.iter().all(|row| row.len() == body.len() + 1);
    let n = body.len();
    let mut values = Vec::new();
    for row in body {
        let row = &row[usize::from(has_names)..];
        if row.len() != n {
            let place = row.last().map_or(Place { line: 1, column: 1 }, Word::place);
            let message = format!("the line has {} distances, and there are {n} lines of them", row.len());
            return Err(RouteError::text(place, message).with_hint(
                "a distance matrix is square; a table of points has a header with x,y or lat,lon",
            ));
        }
        for word in row {
            values.push(word.number()?);
        }
    }
    let instance = from_floats(name, n, &values)?;
    if !has_header {
        return Ok(instance);
    }
    let labels = rows[0][usize::from(has_names)..].iter().map(|word| word.text.to_owned());
    instance.with_labels(labels.collect())
}

/// Splits the text into rows; words are separated by what the first line uses.
fn rows(text: &str) -> Result<Vec<Vec<Word<'_>>>, RouteError> {
    let first = lines(text).next().map_or("", |(_, line)| line);
    let separator = separator(first);
    let by_spaces = !first.contains(separator) && first.trim().contains(' ');
    let split = |(number, line)| {
        let words = fields(number, line, if by_spaces { ' ' } else { separator });
        if by_spaces { words.into_iter().filter(|word| !word.text.is_empty()).collect() } else { words }
    };
    Ok(lines(text).map(split).collect())
}

/// Returns the instance of a full matrix of finite numbers: as they are where all are integers, else in steps of a
/// power of ten.
pub(super) fn from_floats(name: &str, n: usize, values: &[f64]) -> Result<Instance, RouteError> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest > MAX_DISTANCE as f64 {
        let at = values.iter().position(|value| value.abs() == largest).unwrap_or(0);
        let what = shorten(&largest.to_string());
        let message = format!("the distance from city {} to city {} is {what}", at / n + 1, at % n + 1);
        return Err(RouteError::instance(message).with_hint("choose a larger unit"));
    }
    let exact = values.iter().all(|value| value.fract() == 0.0);
    let steps = if exact || largest == 0.0 {
        1.0
    } else {
        10_f64.powi((STEPS / largest).log10().ceil().clamp(0.0, 300.0) as i32)
    };
    let weights = values.iter().map(|value| (value * steps).round() as i64).collect();
    Ok(Instance::from_matrix(name, n, weights)?.with_unit(1.0 / steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_read_with_and_without_names() {
        let plain = read("t", "0,1,2\n3,0,4\n5,6,0\n").unwrap();
        assert_eq!((plain.distance(1, 0), plain.is_symmetric()), (3, false));
        let named = read("t", ",a,b\na,0,1.5\nb,1.5,0\n").unwrap();
        assert_eq!((named.label(1), named.unit()), ("b".into(), 1e-7));
        assert_eq!(named.distance(0, 1), 15_000_000);
        let spaced = read("t", "0  7\n7  0\n").unwrap();
        assert_eq!(spaced.distance(0, 1), 7);
    }

    #[test]
    fn what_is_not_square_is_refused() {
        let error = read("t", "0,1\n1,0\n2,2\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 3: the line has 2 distances, and there are 3 lines of them"
        );
        assert!(read("t", "0,1\n1,x\n").unwrap_err().to_string().starts_with("line 2, column 3"));
        assert!(read("t", "0,1e300\n1,0\n").is_err());
        assert!(read("t", "").is_err());
    }
}
