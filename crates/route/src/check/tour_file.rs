//! Tours as files: TSPLIB's `.tour`, a table, `GeoJSON`.

use std::fmt::Write;

use crate::error::{Place, RouteError};
use crate::instance::Instance;
use crate::read::utf8;

/// Reads the tour of anyone's tool: a TSPLIB `.tour`, or one city a line (a table's first column), by name or by number
/// from 1.
///
/// Cities that the instance does not have are an error here; cities that are missing or come twice are found by
/// [`super::verify_tour`].
///
/// # Errors
///
/// [`RouteError::Text`] with the place of what is no city.
///
/// ```
/// use festina_route::{Instance, Rule, check};
/// let instance = Instance::from_points("", Rule::Euclidean2, vec![[0.0; 3]; 3])?;
/// let file = b"TYPE : TOUR\nDIMENSION : 3\nTOUR_SECTION\n2\n3\n1\n-1\nEOF\n";
/// assert_eq!(check::read_tour(&instance, file)?, [1, 2, 0]);
/// assert_eq!(check::read_tour(&instance, b"city\n2\n3\n1\n")?, [1, 2, 0]);
/// # Ok::<(), festina_route::RouteError>(())
/// ```
pub fn read_tour(instance: &Instance, bytes: &[u8]) -> Result<Vec<usize>, RouteError> {
    let text = utf8(bytes)?;
    let section = text.lines().position(|line| line.trim().trim_end_matches(':').trim() == "TOUR_SECTION");
    match section {
        Some(line) => read_section(instance, text, line + 1),
        None => read_lines(instance, text),
    }
}

fn read_section(instance: &Instance, text: &str, skip: usize) -> Result<Vec<usize>, RouteError> {
    let mut tour = Vec::new();
    for (number, line) in text.lines().enumerate().skip(skip) {
        let mut rest = line;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            let word = rest[start..].split_whitespace().next().unwrap_or("");
            if word == "-1" || word == "EOF" {
                return Ok(tour);
            }
            let column = line.len() - rest.len() + start;
            let node = word.parse::<usize>().ok().filter(|node| (1..=instance.n()).contains(node));
            let node = node.ok_or_else(|| stranger(instance, word, number, line, column))?;
            tour.push(node - 1);
            rest = &rest[start + word.len()..];
        }
    }
    Ok(tour)
}

fn read_lines(instance: &Instance, text: &str) -> Result<Vec<usize>, RouteError> {
    let mut by_label = std::collections::HashMap::new();
    for city in (0..instance.n()).rev() {
        by_label.insert(instance.label(city), city);
    }
    let mut tour = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let quoted = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
        let word = match quoted {
            Some((inside, _)) => inside,
            None => line.split([',', ';', '\t']).next().unwrap_or("").trim(),
        };
        if word.is_empty() || word.starts_with('#') {
            continue;
        }
        let numbered =
            || word.parse::<usize>().ok().filter(|node| (1..=instance.n()).contains(node)).map(|n| n - 1);
        match by_label.get(word).copied().or_else(numbered) {
            Some(city) => tour.push(city),
            // A first line that is no city is a header.
            None if tour.is_empty() && number == 0 => {}
            None => return Err(stranger(instance, word, number, line, 0)),
        }
    }
    Ok(tour)
}

fn stranger(instance: &Instance, word: &str, number: usize, line: &str, column: usize) -> RouteError {
    let place = Place { line: number + 1, column: line[..column].chars().count() + 1 };
    let word: String = word.chars().take(40).collect();
    RouteError::text(place, format!("'{word}' is not a city of the instance"))
        .with_hint(format!("cities are numbered from 1 to {}, or named as in the instance", instance.n()))
}

/// Returns the tour as a TSPLIB `.tour` file.
pub fn write_tour(instance: &Instance, tour: &[usize], length: i64) -> String {
    let name = instance.name();
    let mut text = format!(
        "NAME : {name}.tour\nCOMMENT : length {length}\nTYPE : TOUR\nDIMENSION : {}\nTOUR_SECTION\n",
        tour.len()
    );
    for &city in tour {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", city + 1);
    }
    text.push_str("-1\nEOF\n");
    text
}

/// Returns the tour as a table, a line a city: its name, its number, and its place where it has one.
pub fn write_table(instance: &Instance, tour: &[usize]) -> String {
    let points = instance.drawing();
    let header = match (&points, instance.is_geographic()) {
        (None, _) => "name,city",
        (_, true) => "name,city,lon,lat",
        (_, false) => "name,city,x,y",
    };
    let mut text = format!("{header}\n");
    for &city in tour {
        let label = instance.label(city);
        let label = if label.contains([',', '"', '\n']) {
            format!("\"{}\"", label.replace('"', "\"\""))
        } else {
            label
        };
        let _ = match &points {
            Some(points) => writeln!(text, "{label},{},{},{}", city + 1, points[city][0], points[city][1]),
            None => writeln!(text, "{label},{}", city + 1),
        };
    }
    text
}

/// Returns the tour as `GeoJSON`: a line through the cities, and a point for each; `None` where cities have no places.
pub fn write_geojson(instance: &Instance, tour: &[usize], is_closed: bool) -> Option<String> {
    let points = instance.drawing()?;
    let mut line: Vec<[f64; 2]> = tour.iter().map(|&city| points[city]).collect();
    if is_closed && let Some(&first) = line.first() {
        line.push(first);
    }
    let whole = serde_json::json!({
        "type": "Feature", "properties": {"name": instance.name()},
        "geometry": {"type": "LineString", "coordinates": line},
    });
    let stop = |(order, &city): (usize, &usize)| {
        serde_json::json!({
            "type": "Feature", "properties": {"name": instance.label(city), "order": order + 1},
            "geometry": {"type": "Point", "coordinates": points[city]},
        })
    };
    let features: Vec<_> = std::iter::once(whole).chain(tour.iter().enumerate().map(stop)).collect();
    Some(serde_json::json!({"type": "FeatureCollection", "features": features}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    fn instance() -> Instance {
        let points = vec![[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [5.0, 6.0, 0.0]];
        let labels = ["a,b", "c", "d"].map(String::from).to_vec();
        Instance::from_points("t", Rule::GreatCircle, points).unwrap().with_labels(labels).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let instance = instance();
        let tour = [2, 0, 1];
        assert_eq!(read_tour(&instance, write_tour(&instance, &tour, 7).as_bytes()).unwrap(), tour);
        let table = write_table(&instance, &tour);
        assert_eq!(table.lines().nth(2), Some("\"a,b\",1,2,1"));
        assert_eq!(read_tour(&instance, table.as_bytes()).unwrap(), tour);
        let json = write_geojson(&instance, &tour, true).unwrap();
        assert!(json.contains("[[6.0,5.0],[2.0,1.0],[4.0,3.0],[6.0,5.0]]"), "{json}");
    }

    #[test]
    fn strangers_are_named_with_their_place() {
        let error = read_tour(&instance(), b"TOUR_SECTION\n1 2\n 9\n-1\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3, column 2: '9' is not a city of the instance");
        let error = read_tour(&instance(), b"c\nx\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 1: 'x' is not a city of the instance");
    }
}
