//! TSPLIB 95 (G. Reinelt, Universität Heidelberg 1995).

use super::layout::Layout;
use super::scan::{Scanner, Word, shorten};
use crate::error::RouteError;
use crate::instance::{Instance, MAX_CITIES, MAX_DISTANCE};
use crate::rule::Rule;

const KEYWORDS: [&str; 10] = [
    "NAME",
    "TYPE",
    "COMMENT",
    "DIMENSION",
    "CAPACITY",
    "EDGE_WEIGHT_TYPE",
    "EDGE_WEIGHT_FORMAT",
    "EDGE_DATA_FORMAT",
    "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE",
];

const SECTIONS: [&str; 5] = [
    "NODE_COORD_SECTION",
    "EDGE_WEIGHT_SECTION",
    "DISPLAY_DATA_SECTION",
    "FIXED_EDGES_SECTION",
    "TOUR_SECTION",
];

const WEIGHT_TYPES: &str = "EXPLICIT, EUC_2D, EUC_3D, MAX_2D, MAX_3D, MAN_2D, MAN_3D, CEIL_2D, GEO or ATT";

/// Returns whether a line that begins with `word` is TSPLIB's.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || SECTIONS.contains(&word) || word == "EOF"
}

#[derive(Default)]
struct File<'a> {
    name: Option<String>,
    dimension: Option<usize>,
    weight_type: Option<Word<'a>>,
    layout: Option<Layout>,
    points: Option<Vec<[f64; 3]>>,
    weights: Option<Vec<i64>>,
    display: Option<Vec<[f64; 2]>>,
}

pub(super) fn read(name: &str, text: &str) -> Result<Instance, RouteError> {
    let mut scanner = Scanner::new(text);
    let mut file = File::default();
    while let Some(line) = scanner.line() {
        let key = line.text.split([':', ' ', '\t']).next().unwrap_or("");
        if key == "EOF" || line.text == "-1" {
            break;
        }
        if SECTIONS.contains(&key) {
            file.section(&mut scanner, line, key)?;
        } else {
            file.entry(line, key)?;
        }
    }
    file.finish(name, &scanner)
}

impl<'a> File<'a> {
    /// Takes one line `KEY : VALUE`.
    fn entry(&mut self, line: Word<'a>, key: &str) -> Result<(), RouteError> {
        if !KEYWORDS.contains(&key) {
            return Err(line
                .error(format!("'{}' is not a keyword of TSPLIB", shorten(line.text)))
                .with_hint("is a section longer or shorter than DIMENSION says?"));
        }
        let value = line.text[key.len()..].trim_start().trim_start_matches(':').trim();
        match key {
            "NAME" => self.name = Some(value.to_owned()),
            "TYPE" => check_type(line, value)?,
            "DIMENSION" => self.dimension = Some(dimension(line, value)?),
            "EDGE_WEIGHT_TYPE" => {
                weight_rule(value).map_err(|message| line.error(message).with_hint(known_types()))?;
                let start = line.text.len() - value.len();
                self.weight_type = Some(Word { text: &line.text[start..], ..line });
            }
            "EDGE_WEIGHT_FORMAT" => {
                self.layout = Some(Layout::parse(value).ok_or_else(|| {
                    line.error(format!("'{}' is not an EDGE_WEIGHT_FORMAT that can be read", shorten(value)))
                        .with_hint(format!("one of {}", Layout::NAMES))
                })?);
            }
            _ => {}
        }
        Ok(())
    }

    fn section(&mut self, scanner: &mut Scanner<'a>, line: Word<'a>, key: &str) -> Result<(), RouteError> {
        let n = self.dimension.ok_or_else(|| {
            line.error(format!("{key} comes before DIMENSION"))
                .with_hint("give the number of cities first: DIMENSION: 100")
        })?;
        match key {
            "NODE_COORD_SECTION" => {
                let rule = self.rule(line)?;
                let dimensions = rule.map_or(2, Rule::dimensions);
                self.points = Some(coordinates(scanner, n, dimensions, key)?);
            }
            "DISPLAY_DATA_SECTION" => {
                let points = coordinates(scanner, n, 2, key)?;
                self.display = Some(points.iter().map(|p| [p[0], p[1]]).collect());
            }
            "EDGE_WEIGHT_SECTION" => self.weights = Some(self.matrix(scanner, line, n)?),
            _ => {
                let hint = if key == "TOUR_SECTION" {
                    "this is a tour, not an instance: give it to --verify"
                } else {
                    "remove the section"
                };
                return Err(line.error(format!("{key} is not supported here")).with_hint(hint));
            }
        }
        Ok(())
    }

    /// Returns the rule of the weight type; `None` for EXPLICIT.
    fn rule(&self, line: Word<'_>) -> Result<Option<Rule>, RouteError> {
        let weight_type = self.weight_type.ok_or_else(|| {
            line.error(format!("{} comes before EDGE_WEIGHT_TYPE", line.text)).with_hint(known_types())
        })?;
        weight_rule(weight_type.text).map_err(|message| weight_type.error(message))
    }

    fn matrix(&self, scanner: &mut Scanner<'a>, line: Word<'a>, n: usize) -> Result<Vec<i64>, RouteError> {
        if self.rule(line)?.is_some() {
            let message = "EDGE_WEIGHT_SECTION needs EDGE_WEIGHT_TYPE EXPLICIT";
            return Err(line
                .error(message)
                .with_hint("remove the section, or say EDGE_WEIGHT_TYPE: EXPLICIT"));
        }
        let layout = self.layout.ok_or_else(|| {
            line.error("EDGE_WEIGHT_SECTION comes before EDGE_WEIGHT_FORMAT")
                .with_hint(format!("one of {}", Layout::NAMES))
        })?;
        let expected = layout.entries(n);
        // The text is there already, and every entry takes two bytes of it: no reservation beyond it is needed.
        let mut entries = Vec::new();
        while entries.len() < expected {
            let word = scanner.word().filter(|word| !is_keyword(word.text)).ok_or_else(|| {
                let message =
                    format!("EDGE_WEIGHT_SECTION ends after {} of {expected} weights", entries.len());
                RouteError::text(scanner.place(), message)
                    .with_hint("is the file truncated, or DIMENSION or EDGE_WEIGHT_FORMAT wrong?")
            })?;
            entries.push(weight(word)?);
        }
        Ok(layout.fill(n, &entries))
    }

    fn finish(self, name: &str, scanner: &Scanner<'_>) -> Result<Instance, RouteError> {
        let missing = |what: &str| {
            RouteError::text(scanner.place(), format!("the file ends without {what}"))
                .with_hint("is the file truncated?")
        };
        let n = self.dimension.ok_or_else(|| missing("DIMENSION"))?;
        let weight_type = self.weight_type.ok_or_else(|| missing("EDGE_WEIGHT_TYPE"))?;
        let name = self.name.filter(|own| !own.is_empty()).unwrap_or_else(|| name.to_owned());
        let rule = weight_rule(weight_type.text).map_err(|message| weight_type.error(message))?;
        let instance = match rule {
            Some(rule) => {
                let points = self.points.clone().ok_or_else(|| missing("NODE_COORD_SECTION"))?;
                Instance::from_points(name, rule, points)?
            }
            None => {
                let weights = self.weights.ok_or_else(|| missing("EDGE_WEIGHT_SECTION"))?;
                Instance::from_matrix(name, n, weights)?
            }
        };
        let from_nodes = || self.points.map(|points| points.iter().map(|p| [p[0], p[1]]).collect());
        Ok(match self.display.or_else(|| if rule.is_none() { from_nodes() } else { None }) {
            Some(display) => instance.with_display(display),
            None => instance,
        })
    }
}

fn check_type(line: Word<'_>, value: &str) -> Result<(), RouteError> {
    let kind = value.split_whitespace().next().unwrap_or("");
    match kind {
        "TSP" | "ATSP" => Ok(()),
        "TOUR" => Err(line.error("this is a tour, not an instance").with_hint("give it to --verify")),
        "CVRP" => {
            Err(line.error("this is a vehicle-routing problem").with_hint("festina solve vrp reads it"))
        }
        _ => Err(line.error(format!("TYPE '{}' cannot be read", shorten(value))).with_hint("TSP or ATSP")),
    }
}

fn dimension(line: Word<'_>, value: &str) -> Result<usize, RouteError> {
    match value.parse::<usize>() {
        Ok(n) if (1..=MAX_CITIES).contains(&n) => Ok(n),
        _ => Err(line
            .error(format!("'{}' is not a DIMENSION", shorten(value)))
            .with_hint(format!("a number of cities from 1 to {MAX_CITIES}"))),
    }
}

fn known_types() -> String {
    format!("EDGE_WEIGHT_TYPE is {WEIGHT_TYPES}")
}

/// Returns the rule of an `EDGE_WEIGHT_TYPE`; `None` for EXPLICIT.
pub(crate) fn weight_rule(value: &str) -> Result<Option<Rule>, String> {
    Ok(Some(match value {
        "EXPLICIT" => return Ok(None),
        "EUC_2D" => Rule::Euclidean2,
        "EUC_3D" => Rule::Euclidean3,
        "MAX_2D" => Rule::Maximum2,
        "MAX_3D" => Rule::Maximum3,
        "MAN_2D" => Rule::Manhattan2,
        "MAN_3D" => Rule::Manhattan3,
        "CEIL_2D" => Rule::Ceiling2,
        "GEO" => Rule::Geo,
        "ATT" => Rule::Att,
        _ => return Err(format!("EDGE_WEIGHT_TYPE '{}' is unknown", shorten(value))),
    }))
}

/// Reads one weight: an integer, or a number with a zero fraction.
fn weight(word: Word<'_>) -> Result<i64, RouteError> {
    let value = match word.text.parse::<i64>() {
        Ok(value) => value,
        Err(_) => {
            let value = word.number()?;
            if value.fract() != 0.0 {
                return Err(word.error(format!("the weight {} is not an integer", shorten(word.text))));
            }
            value as i64
        }
    };
    if (-MAX_DISTANCE..=MAX_DISTANCE).contains(&value) {
        Ok(value)
    } else {
        let message = format!("the weight {} is beyond ±{MAX_DISTANCE}", shorten(word.text));
        Err(word.error(message).with_hint("choose a larger unit"))
    }
}

/// Reads `n` lines of a node's number and its coordinates, in any order.
fn coordinates(
    scanner: &mut Scanner<'_>,
    n: usize,
    dimensions: usize,
    section: &str,
) -> Result<Vec<[f64; 3]>, RouteError> {
    let mut points = Vec::new();
    let mut numbers = Vec::new();
    for read in 0..n {
        let mut next = || {
            scanner.word().filter(|word| !is_keyword(word.text)).ok_or_else(|| {
                RouteError::text(scanner.place(), format!("{section} ends after {read} of {n} nodes"))
                    .with_hint("is the file truncated, or DIMENSION wrong?")
            })
        };
        let number = next()?;
        let mut point = [0.0; 3];
        for value in &mut point[..dimensions] {
            *value = next()?.number()?;
        }
        points.push(point);
        numbers.push(number);
    }
    in_order(&points, &numbers)
}

/// Returns `points` in the order of their nodes' numbers, which are 1 to n or 0 to n − 1, each once.
fn in_order(points: &[[f64; 3]], numbers: &[Word<'_>]) -> Result<Vec<[f64; 3]>, RouteError> {
    let n = points.len();
    let zero_based = numbers.iter().any(|word| word.text == "0");
    let first = usize::from(!zero_based);
    let mut ordered = vec![None; n];
    for (word, point) in numbers.iter().zip(points) {
        let value = word.text.parse::<usize>().ok().or_else(|| {
            let value = word.text.parse::<f64>().ok()?;
            (value.fract() == 0.0 && (0.0..1e9).contains(&value)).then_some(value as usize)
        });
        let place = value.and_then(|number| number.checked_sub(first)).and_then(|at| ordered.get_mut(at));
        match place {
            Some(free @ None) => *free = Some(*point),
            Some(Some(_)) => {
                let message = format!("node {} comes twice", word.text);
                return Err(word.error(message).with_hint("remove or renumber one of the two lines"));
            }
            None => {
                let message = format!("'{}' is not the number of a node", shorten(word.text));
                return Err(word.error(message).with_hint(format!("nodes are numbered from 1 to {n}")));
            }
        }
    }
    Ok(ordered.into_iter().map(|point| point.expect("n distinct numbers below n fill n places")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Weights;

    fn error(text: &str) -> RouteError {
        read("t", text).unwrap_err()
    }

    #[test]
    fn coordinates_come_in_any_order_and_with_exponents() {
        let text = "NAME : two\nTYPE : TSP\nDIMENSION : 2\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n\
                    2 3.0e0 4\n1 0 0\nEOF\n";
        let instance = read("t", text).unwrap();
        assert_eq!((instance.name(), instance.n(), instance.distance(0, 1)), ("two", 2, 5));
    }

    #[test]
    fn an_explicit_matrix_is_read_with_its_display() {
        let text = "TYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: UPPER_ROW\n\
                    EDGE_WEIGHT_SECTION\n1 2\n3\nDISPLAY_DATA_SECTION\n1 0 0\n2 1 0\n3 0 1\nEOF\n";
        let instance = read("t", text).unwrap();
        let Weights::Matrix { weights, symmetric } = instance.weights() else { panic!("a matrix") };
        assert_eq!((weights.as_slice(), *symmetric), ([0, 1, 2, 1, 0, 3, 2, 3, 0].as_slice(), true));
        assert_eq!(instance.drawing().unwrap()[2], [0.0, 1.0]);
    }

    #[test]
    fn errors_name_the_place_and_what_to_do() {
        let head = "TYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n";
        let cases = [
            (format!("{head}1 0 0\n2 1 x\n"), "line 6, column 5: 'x' is not a number"),
            (format!("{head}1 0 0\n2 1 nan\n"), "line 6, column 5: 'nan' is not a finite number"),
            (format!("{head}1 0 0\n1 1 1\n"), "line 6, column 1: node 1 comes twice"),
            (format!("{head}1 0 0\n3 1 1\n"), "line 6, column 1: '3' is not the number of a node"),
            (format!("{head}1 0 0\nEOF\n"), "line 6, column 4: NODE_COORD_SECTION ends after 1 of 2 nodes"),
            ("TYPE: TSP\nDIMENSION: 0\n".into(), "line 2, column 1: '0' is not a DIMENSION"),
            (
                "TYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: XRAY1\n".into(),
                "line 3, column 1: EDGE_WEIGHT_TYPE 'XRAY1' is unknown",
            ),
            ("NAME: x\n".into(), "line 1, column 8: the file ends without DIMENSION"),
        ];
        for (text, message) in cases {
            assert_eq!(error(&text).to_string(), message);
            assert!(!message.contains("XRAY") || error(&text).hint().unwrap().contains("EUC_2D"));
        }
    }
}
