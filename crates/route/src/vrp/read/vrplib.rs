//! The files of CVRPLIB and their extension VRPLIB, as the instances of `PyVRP` use it.
//!
//! Lines `KEY : VALUE` and sections of numbered rows; what is not known is refused, since a constraint that is passed over
//! silently makes a wrong plan. Sources: <http://vrp.galgos.inf.puc-rio.br/>, <https://github.com/PyVRP/Instances>.

use std::collections::BTreeMap;

use super::super::problem::{ANY_TIME, Draft, Reload, Stop, Units, Vehicle, Window, Work};
use super::super::travel::{Metric, Pace, Rounding, Travel};
use super::{Convention, Place, plain_vehicle};
use crate::error::RouteError;
use crate::read::layout::Layout;
use crate::read::scan::{Scanner, Word, shorten};
use crate::read::tsplib::weight_rule;
use crate::rule::Rule;

const KEYS: [&str; 17] = [
    "NAME",
    "COMMENT",
    "TYPE",
    "DIMENSION",
    "VEHICLES",
    "CAPACITY",
    "SERVICE_TIME",
    "DISTANCE",
    "VEHICLES_MAX_DURATION",
    "VEHICLES_MAX_DISTANCE",
    "VEHICLES_FIXED_COST",
    "VEHICLES_UNIT_DISTANCE_COST",
    "EDGE_WEIGHT_TYPE",
    "EDGE_WEIGHT_FORMAT",
    "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE",
    "EDGE_DATA_FORMAT",
];

const SECTIONS: [&str; 18] = [
    "NODE_COORD_SECTION",
    "EDGE_WEIGHT_SECTION",
    "DEMAND_SECTION",
    "BACKHAUL_SECTION",
    "DEPOT_SECTION",
    "TIME_WINDOW_SECTION",
    "SERVICE_TIME_SECTION",
    "RELEASE_TIME_SECTION",
    "PRIZE_SECTION",
    "CAPACITY_SECTION",
    "VEHICLES_FIXED_COST_SECTION",
    "VEHICLES_UNIT_DISTANCE_COST_SECTION",
    "VEHICLES_MAX_DURATION_SECTION",
    "VEHICLES_MAX_DISTANCE_SECTION",
    "VEHICLES_DEPOT_SECTION",
    "VEHICLES_RELOAD_DEPOT_SECTION",
    "VEHICLES_ALLOWED_CLIENTS_SECTION",
    "DISPLAY_DATA_SECTION",
];

type Row<'a> = Vec<Word<'a>>;

struct File<'a> {
    values: BTreeMap<&'a str, Word<'a>>,
    sections: BTreeMap<&'a str, Vec<Row<'a>>>,
    end: RouteError,
    /// Whether the file ends as it should.
    is_complete: bool,
}

pub(super) fn read(name: &str, text: &str, convention: Convention) -> Result<Draft, RouteError> {
    let file = File::read(text)?;
    let convention = file.convention(convention)?;
    file.draft(name, convention)
}

/// Returns whether a line that begins with `word` is VRPLIB's.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYS.contains(&word) || SECTIONS.contains(&word)
}

impl<'a> File<'a> {
    fn read(text: &'a str) -> Result<Self, RouteError> {
        let mut scanner = Scanner::new(text);
        let (mut values, mut sections) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        let mut section: Option<&str> = None;
        let mut is_complete = false;
        while let Some(line) = scanner.line() {
            let key = line.text.split([':', ' ', '\t']).next().unwrap_or("");
            if key == "EOF" {
                is_complete = true;
                break;
            }
            if SECTIONS.contains(&key) {
                section = Some(key);
                sections.entry(key).or_default();
            } else if key.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_number(key) {
                let colon = line.text.find(':').filter(|_| KEYS.contains(&key));
                let Some(colon) = colon else { return Err(unknown(line, key)) };
                let rest = line.text[colon + 1..].trim();
                let start = line.text.len() - line.text[colon + 1..].trim_start().len();
                values.insert(key, Word { text: rest, line: line.line, before: &line.text[..start] });
                section = None;
            } else {
                let Some(rows) = section.and_then(|section| sections.get_mut(section)) else {
                    return Err(line.error("a row of numbers stands before any section"));
                };
                let row = words(line);
                if row[0].text == "-1" && row.len() == 1 {
                    section = None;
                } else {
                    rows.push(row);
                }
            }
        }
        let end = RouteError::text(scanner.place(), "").with_hint("is the file truncated?");
        Ok(Self { values, sections, end, is_complete })
    }

    fn missing(&self, what: &str) -> RouteError {
        let place = self.end.place().expect("the end of a text has a place");
        RouteError::text(place, format!("the file ends without {what}")).with_hint("is the file truncated?")
    }

    fn number(&self, key: &str) -> Result<Option<f64>, RouteError> {
        let word = self.values.get(key);
        word.map(|word| {
            let value = word.number()?;
            if (0.0..=1e12).contains(&value) {
                Ok(value)
            } else {
                Err(word.error(format!("{key} is {value}")).with_hint("a number from 0 on"))
            }
        })
        .transpose()
    }

    fn dimension(&self) -> Result<usize, RouteError> {
        let n = self.number("DIMENSION")?.ok_or_else(|| self.missing("DIMENSION"))?;
        if n.fract() == 0.0 && (1.0..=100_001.0).contains(&n) {
            return Ok(n as usize);
        }
        Err(self.values["DIMENSION"]
            .error(format!("{n} is not a number of nodes"))
            .with_hint("DIMENSION counts depots and stops: from 1 to 100001"))
    }

    /// Returns the rows of a section by their number from 1 to `n`, each with at least `columns` values after it.
    fn numbered(&self, key: &str, n: usize, columns: usize) -> Result<Option<Vec<&[Word<'a>]>>, RouteError> {
        let Some(rows) = self.sections.get(key) else { return Ok(None) };
        let mut found: Vec<Option<&[Word<'a>]>> = vec![None; n];
        for row in rows {
            let number = row[0].text.parse::<usize>().ok().filter(|number| (1..=n).contains(number));
            let number = number.ok_or_else(|| {
                row[0]
                    .error(format!("{key}: '{}' is not a number from 1 to {n}", shorten(row[0].text)))
                    .with_hint("is the section longer or shorter than DIMENSION or VEHICLES says?")
            })?;
            if row.len() <= columns {
                let message = format!("{key}: {} of {columns} values", row.len() - 1);
                return Err(row[0].error(message).with_hint("is the line truncated?"));
            }
            if found[number - 1].replace(&row[1..]).is_some() {
                let message = format!("{key}: number {number} comes twice");
                return Err(row[0].error(message).with_hint("remove one of the two lines"));
            }
        }
        let complete: Option<Vec<_>> = found.iter().copied().collect();
        let missing = || found.iter().position(Option::is_none).map_or(0, |at| at + 1);
        complete.map(Some).ok_or_else(|| self.missing(&format!("number {} of {n} in {key}", missing())))
    }

    /// Returns one number for each of `n`: those of the section, or the value of the key, or nothing.
    fn column(&self, section: &str, key: &str, n: usize) -> Result<Option<Vec<f64>>, RouteError> {
        if let Some(rows) = self.numbered(section, n, 1)? {
            return rows.iter().map(|row| non_negative(row[0])).collect::<Result<_, _>>().map(Some);
        }
        Ok(self.number(key)?.map(|value| vec![value; n]))
    }

    fn convention(&self, wanted: Convention) -> Result<Convention, RouteError> {
        let is_plane = self.values.get("EDGE_WEIGHT_TYPE").is_some_and(|word| word.text == "EUC_2D");
        if !is_plane {
            return Ok(Convention::Nearest);
        }
        if wanted != Convention::Default {
            return Ok(wanted);
        }
        let is_timed =
            ["TIME_WINDOW_SECTION", "RELEASE_TIME_SECTION"].iter().any(|key| self.sections.contains_key(key));
        let rows = self.sections.get("NODE_COORD_SECTION").into_iter().flatten();
        let is_whole =
            rows.flatten().all(|word| word.text.parse::<f64>().is_ok_and(|value| value.fract() == 0.0));
        Ok(match (is_timed, is_whole) {
            (true, true) => Convention::Tenths,
            (true, false) | (false, false) => Convention::Thousandths,
            (false, true) => Convention::Nearest,
        })
    }

    /// Returns how distances are measured, and the steps of a unit of time.
    fn travel(&self, convention: Convention, n: usize) -> Result<(Travel, f64), RouteError> {
        let word = self.values.get("EDGE_WEIGHT_TYPE").ok_or_else(|| self.missing("EDGE_WEIGHT_TYPE"))?;
        let rule = weight_rule(word.text).map_err(|message| word.error(message))?;
        let straight = |steps, rounding| (Metric::Straight { steps, rounding }, steps);
        let (metric, steps) = match (rule, convention) {
            (None, _) => (Metric::Matrix(self.matrix(n)?), 1.0),
            (Some(_), Convention::Tenths) => straight(10.0, Rounding::Down),
            (Some(_), Convention::Thousandths) => straight(1000.0, Rounding::Nearest),
            (Some(rule), _) if rule.dimensions() == 3 => {
                return Err(word.error(format!("{} is not supported for vehicles", word.text)));
            }
            (Some(rule), _) => (Metric::Rule(rule), 1.0),
        };
        Ok((Travel { metric, pace: Pace::Equal }, steps))
    }

    fn matrix(&self, n: usize) -> Result<Vec<i64>, RouteError> {
        let rows =
            self.sections.get("EDGE_WEIGHT_SECTION").ok_or_else(|| self.missing("EDGE_WEIGHT_SECTION"))?;
        let word = self.values.get("EDGE_WEIGHT_FORMAT").ok_or_else(|| self.missing("EDGE_WEIGHT_FORMAT"))?;
        let layout = Layout::parse(word.text).ok_or_else(|| {
            word.error("an unknown EDGE_WEIGHT_FORMAT").with_hint(format!("one of {}", Layout::NAMES))
        })?;
        let whole = |word: &Word<'_>| {
            let value = non_negative(*word)?;
            if value.fract() == 0.0 {
                Ok(value as i64)
            } else {
                Err(word.error(format!("the weight {value} is not an integer")))
            }
        };
        let entries: Vec<i64> = rows.iter().flatten().map(whole).collect::<Result<_, _>>()?;
        if entries.len() != layout.entries(n) {
            return Err(self.missing(&format!("{} weights: there are {}", layout.entries(n), entries.len())));
        }
        Ok(layout.fill(n, &entries))
    }

    fn places(&self, n: usize, travel: &Travel) -> Result<Vec<Place>, RouteError> {
        let section = if self.sections.contains_key("NODE_COORD_SECTION") {
            "NODE_COORD_SECTION"
        } else {
            "DISPLAY_DATA_SECTION"
        };
        let rows = self.numbered(section, n, 2)?;
        if rows.is_none() && !matches!(travel.metric, Metric::Matrix(_)) {
            return Err(self.missing("NODE_COORD_SECTION"));
        }
        let place = |index: usize| -> Result<Place, RouteError> {
            let point = match &rows {
                Some(rows) => Some([rows[index][0].number()?, rows[index][1].number()?]),
                None => None,
            };
            Ok(Place { name: (index + 1).to_string(), point })
        };
        (0..n).map(place).collect()
    }

    fn depots(&self, n: usize) -> Result<Vec<usize>, RouteError> {
        let Some(rows) = self.sections.get("DEPOT_SECTION") else {
            // Some write none where the first node is the depot.
            return if self.is_complete { Ok(vec![0]) } else { Err(self.missing("DEPOT_SECTION")) };
        };
        let found: Vec<usize> = rows.iter().flatten().map(|word| node(word, n)).collect::<Result<_, _>>()?;
        if found.is_empty() { Err(self.missing("a depot")) } else { Ok(found) }
    }

    fn draft(&self, name: &str, convention: Convention) -> Result<Draft, RouteError> {
        let n = self.dimension()?;
        let depots = self.depots(n)?;
        let (travel, steps) = self.travel(convention, n)?;
        let places = self.places(n, &travel)?;
        let (stops, dimensions) = self.stops(n, &depots, steps)?;
        let count = match self.number("VEHICLES")? {
            Some(count) if (1.0..=1e6).contains(&count) && count.fract() == 0.0 => count as usize,
            Some(count) => {
                return Err(self.values["VEHICLES"]
                    .error(format!("{count} is not a number of vehicles"))
                    .with_hint("a whole number from 1 on"));
            }
            None => stops.len().max(1),
        };
        let numbers: Vec<usize> = stops.iter().map(|stop| stop.place).collect();
        let vehicles = self.vehicles(count, dimensions, &depots, n, steps)?;
        let lists = self.numbered("VEHICLES_ALLOWED_CLIENTS_SECTION", count, 0)?;
        let (vehicles, kinds) = merged(vehicles, lists.as_deref());
        let stops = match lists {
            Some(lists) => allowed(stops, &numbers, &kinds, &lists, n)?,
            None => stops,
        };
        let is_geographic = matches!(travel.metric, Metric::Rule(Rule::Geo));
        let own =
            self.values.get("NAME").map(|word| word.text.trim_matches('"')).filter(|own| !own.is_empty());
        Ok(Draft {
            name: own.unwrap_or(name).to_owned(),
            places,
            is_geographic,
            travel: vec![travel],
            dimensions: (1..=dimensions)
                .map(|d| if dimensions == 1 { "load".into() } else { format!("load {d}") })
                .collect(),
            stops,
            vehicles,
            units: Units { distance: 1.0 / steps, time: 1.0 / steps, cost: 1.0 / steps, is_clock: false },
        })
    }

    fn stops(&self, n: usize, depots: &[usize], steps: f64) -> Result<(Vec<Stop>, usize), RouteError> {
        let scaled = |value: f64| (value * steps).round() as i64;
        let demands = self.numbered("DEMAND_SECTION", n, 1)?.ok_or_else(|| self.missing("DEMAND_SECTION"))?;
        let dimensions = demands.iter().map(|row| row.len()).min().unwrap_or(1);
        let backhauls = self.numbered("BACKHAUL_SECTION", n, dimensions)?;
        let is_ordered = self.values.get("TYPE").is_some_and(|word| word.text == "VRPB");
        let windows = self.numbered("TIME_WINDOW_SECTION", n, 2)?;
        let service = self.column("SERVICE_TIME_SECTION", "SERVICE_TIME", n)?;
        let release = self.column("RELEASE_TIME_SECTION", "", n)?;
        let prizes = self.column("PRIZE_SECTION", "", n)?;
        let mut stops = Vec::with_capacity(n);
        for node in (0..n).filter(|node| !depots.contains(node)) {
            let whole = |word: &Word<'_>| {
                let value = non_negative(*word)?;
                if value.fract() == 0.0 {
                    Ok(value as i64)
                } else {
                    Err(word.error(format!("the demand {value} is not whole")))
                }
            };
            let amounts =
                |row: &[Word<'_>]| row[..dimensions].iter().map(whole).collect::<Result<Vec<i64>, _>>();
            let delivery = amounts(demands[node])?;
            let pickup = backhauls.as_ref().map_or(Ok(vec![0; dimensions]), |rows| amounts(rows[node]))?;
            let window = match &windows {
                Some(rows) => window(rows[node], steps)?,
                None => ANY_TIME,
            };
            let of = |values: &Option<Vec<f64>>| values.as_ref().map_or(0, |values| scaled(values[node]));
            stops.push(Stop {
                id: (node + 1).to_string(),
                place: node,
                is_backhaul: is_ordered && pickup.iter().any(|&amount| amount > 0),
                work: Work::Visit { delivery, pickup },
                service: of(&service),
                windows: vec![window],
                release: of(&release),
                skills: Vec::new(),
                vehicles: None,
                prize: prizes.as_ref().map(|prizes| scaled(prizes[node])),
                priority: 1,
            });
        }
        Ok((stops, dimensions))
    }

    fn vehicles(
        &self,
        count: usize,
        dimensions: usize,
        depots: &[usize],
        n: usize,
        steps: f64,
    ) -> Result<Vec<Vehicle>, RouteError> {
        let scaled = |value: f64| (value * steps).round() as i64;
        let capacities = self.numbered("CAPACITY_SECTION", count, dimensions)?;
        let capacity = self.number("CAPACITY")?;
        let fixed = self.column("VEHICLES_FIXED_COST_SECTION", "VEHICLES_FIXED_COST", count)?;
        let unit =
            self.column("VEHICLES_UNIT_DISTANCE_COST_SECTION", "VEHICLES_UNIT_DISTANCE_COST", count)?;
        let longest = self.column("VEHICLES_MAX_DURATION_SECTION", "VEHICLES_MAX_DURATION", count)?;
        let farthest = self.column("VEHICLES_MAX_DISTANCE_SECTION", "VEHICLES_MAX_DISTANCE", count)?;
        let classic = self.number("DISTANCE")?;
        let homes = self.numbered("VEHICLES_DEPOT_SECTION", count, 1)?;
        let reloads = self.numbered("VEHICLES_RELOAD_DEPOT_SECTION", count, 1)?;
        let windows = self.numbered("TIME_WINDOW_SECTION", n, 2)?;
        let node = |word: &Word<'_>| node(word, n);
        let vehicle = |index: usize| -> Result<Vehicle, RouteError> {
            let own = match (&capacities, capacity) {
                (Some(rows), _) => rows[index][..dimensions]
                    .iter()
                    .map(|word| Ok(non_negative(*word)? as i64))
                    .collect::<Result<_, RouteError>>()?,
                (None, Some(capacity)) => vec![capacity as i64; dimensions],
                (None, None) => return Err(self.missing("CAPACITY")),
            };
            let home = homes.as_ref().map_or(Ok(depots[0]), |rows| node(&rows[index][0]))?;
            let shift = match &windows {
                Some(rows) => window(rows[home], steps)?,
                None => ANY_TIME,
            };
            let reload = match &reloads {
                Some(rows) => {
                    let places = rows[index].iter().map(node).collect::<Result<Vec<_>, _>>()?;
                    Some(Reload { places, duration: 0, times: 20 })
                }
                None => None,
            };
            Ok(Vehicle {
                fixed_cost: fixed.as_ref().map_or(0, |fixed| scaled(fixed[index])),
                distance_cost: unit.as_ref().map_or(1, |unit| unit[index] as i64),
                max_duration: longest.as_ref().map(|longest| scaled(longest[index])).or(classic.map(scaled)),
                max_distance: farthest.as_ref().map(|farthest| scaled(farthest[index])),
                shift,
                reload,
                ..plain_vehicle(&format!("vehicle {}", index + 1), 1, Some(home), own)
            })
        };
        (0..count).map(vehicle).collect()
    }
}

/// Narrows the stops to the kinds of vehicles that list them.
fn allowed(
    mut stops: Vec<Stop>,
    numbers: &[usize],
    kinds: &[usize],
    lists: &[&[Word<'_>]],
    n: usize,
) -> Result<Vec<Stop>, RouteError> {
    let mut allowed: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (vehicle, row) in lists.iter().enumerate() {
        for word in *row {
            let node = node(word, n)?;
            if !allowed[node].contains(&kinds[vehicle]) {
                allowed[node].push(kinds[vehicle]);
            }
        }
    }
    for (stop, &node) in stops.iter_mut().zip(numbers) {
        stop.vehicles = Some(std::mem::take(&mut allowed[node]));
    }
    Ok(stops)
}

/// Returns vehicles that are alike, lists of clients included, as one with a count; and for each which one that is.
fn merged(vehicles: Vec<Vehicle>, lists: Option<&[&[Word<'_>]]>) -> (Vec<Vehicle>, Vec<usize>) {
    let mut kinds: Vec<(Vehicle, usize)> = Vec::new();
    let mut kind_of = Vec::with_capacity(vehicles.len());
    let texts =
        |index: usize| lists.map(|lists| lists[index].iter().map(|word| word.text).collect::<Vec<_>>());
    for (index, vehicle) in vehicles.into_iter().enumerate() {
        let alike = |(kind, first): &(Vehicle, usize)| {
            Vehicle { id: kind.id.clone(), count: kind.count, ..vehicle.clone() } == *kind
                && texts(*first) == texts(index)
        };
        match kinds.iter().rposition(alike) {
            Some(kind) => {
                kinds[kind].0.count += 1;
                kind_of.push(kind);
            }
            None => {
                kind_of.push(kinds.len());
                kinds.push((vehicle, index));
            }
        }
    }
    let mut kinds: Vec<Vehicle> = kinds.into_iter().map(|(kind, _)| kind).collect();
    if let [only] = kinds.as_mut_slice() {
        "vehicle".clone_into(&mut only.id);
    }
    (kinds, kind_of)
}

fn is_number(key: &str) -> bool {
    key.parse::<f64>().is_ok()
}

fn unknown(line: Word<'_>, key: &str) -> RouteError {
    let message = format!("'{}' is not a keyword that is understood", shorten(key));
    line.error(message)
        .with_hint("a constraint that is passed over would make a wrong plan: remove it, or use a day plan")
}

fn words(line: Word<'_>) -> Row<'_> {
    let base = line.before.len();
    let mut row = Vec::new();
    let mut rest = 0;
    while let Some(skip) = line.text[rest..].find(|c: char| !c.is_whitespace()) {
        let start = rest + skip;
        let length = line.text[start..].find(char::is_whitespace).unwrap_or(line.text.len() - start);
        rest = start + length;
        // `before` is a slice of the same line, which ends where the row begins.
        row.push(Word {
            text: &line.text[start..rest],
            line: line.line,
            before: if base == 0 { &line.text[..start] } else { line.before },
        });
    }
    row
}

fn non_negative(word: Word<'_>) -> Result<f64, RouteError> {
    let value = word.number()?;
    if (0.0..=1e12).contains(&value) {
        Ok(value)
    } else {
        Err(word
            .error(format!("{} is not within 0..1e12", shorten(word.text)))
            .with_hint("amounts, times and costs are not negative; choose a larger unit for large ones"))
    }
}

/// Reads the number of one of `n` nodes, which are counted from 1 in the text and from 0 here.
fn node(word: &Word<'_>, n: usize) -> Result<usize, RouteError> {
    let number = word.text.parse::<usize>().ok().filter(|number| (1..=n).contains(number));
    number.map(|number| number - 1).ok_or_else(|| {
        word.error(format!("'{}' is not a node", shorten(word.text)))
            .with_hint(format!("nodes are numbered from 1 to {n}"))
    })
}

fn window(row: &[Word<'_>], steps: f64) -> Result<Window, RouteError> {
    let (open, close) = (non_negative(row[0])?, non_negative(row[1])?);
    if close < open {
        return Err(row[0].error(format!("the window closes ({close}) before it opens ({open})")));
    }
    Ok(Window { open: (open * steps).round() as i64, close: (close * steps).round() as i64 })
}
