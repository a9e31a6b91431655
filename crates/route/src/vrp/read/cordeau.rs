//! The tables of Cordeau, Gendreau and Laporte (1997) for several depots, with time windows or without.
//!
//! The first line has the type of the problem, the vehicles of each depot, the customers and the depots; then comes a line with
//! the longest duration of a route and the capacity for each depot, a row for each customer (number, x, y, service,
//! demand, frequency, the number of combinations of visits and as many combinations, with time windows the earliest and the
//! latest beginning), and a row for each depot. A limit of 0 is none. Distances are as in [`plain_draft`].
//!
//! Source: J.-F. Cordeau, M. Gendreau and G. Laporte, *A tabu search heuristic for periodic and multi-depot vehicle
//! routing problems*, Networks 30, 1997; the format as in <http://neumann.hec.ca/chairedistributique/data/>.

use super::super::problem::{ANY_TIME, Draft, MAX_STOPS, Vehicle, Window, Work};
use super::solomon::truncated;
use super::{Place, in_steps, plain_draft, plain_stop, plain_vehicle};
use crate::error::RouteError;
use crate::read::scan::{Scanner, Word, shorten};

/// What the types stand for.
const TYPES: [&str; 8] = ["VRP", "PVRP", "MDVRP", "SDVRP", "VRPTW", "PVRPTW", "MDVRPTW", "SDVRPTW"];

/// A row of a customer or a depot.
struct Row<'a> {
    number: Word<'a>,
    point: [f64; 2],
    service: i64,
    demand: i64,
    window: Window,
}

/// Returns whether a text begins with a line of four whole numbers, the first of which is a type.
pub(super) fn is_cordeau(head: &str) -> bool {
    let first = head.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let numbers: Option<Vec<usize>> = first.split_whitespace().map(|word| word.parse().ok()).collect();
    numbers.is_some_and(|numbers| numbers.len() == 4 && numbers[0] < TYPES.len())
}

pub(super) fn read(name: &str, text: &str) -> Result<Draft, RouteError> {
    let mut scanner = Scanner::new(text);
    let head = row(&mut scanner, 4, "the type and three numbers")?;
    let is_timed = match whole(head[0], 7)? {
        2 => false,
        6 => true,
        other => {
            return Err(head[0]
                .error(format!("problems of type {other} ({}) are not read", TYPES[other as usize]))
                .with_hint("of this format, types 2 (MDVRP) and 6 (MDVRPTW) are; a day plan can say more"));
        }
    };
    let count = positive(head[1], 1_000_000, "vehicles")?;
    let n = whole(head[2], MAX_STOPS as i64)? as usize;
    let depots = positive(head[3], MAX_STOPS as i64, "depots")? as usize;
    let mut limits = Vec::new();
    for _ in 0..depots {
        let row = row(&mut scanner, 2, "the longest duration and the capacity")?;
        limits.push((within(row[0], 1e9)?, whole(row[1], 1_000_000_000_000)?));
    }
    let mut rows = Vec::new();
    for index in 0..n + depots {
        rows.push(Row::read(
            &row(&mut scanner, 5, "number, x, y, service and demand")?,
            is_timed,
            index >= n,
        )?);
    }
    if let Some(more) = scanner.line() {
        return Err(more
            .error("the file goes on after its last depot")
            .with_hint("do the numbers of customers and depots in the first line hold?"));
    }
    Ok(draft(name, count as usize, &limits, &rows))
}

/// Returns the next row, of at least `columns` words.
fn row<'a>(scanner: &mut Scanner<'a>, columns: usize, what: &str) -> Result<Vec<Word<'a>>, RouteError> {
    let row = scanner.row().ok_or_else(|| truncated(scanner))?;
    if row.len() >= columns {
        return Ok(row);
    }
    Err(row[0].error(format!("this line has {} of {columns} values: {what}", row.len())))
}

/// Returns a number from 0 to `most`.
fn within(word: Word<'_>, most: f64) -> Result<f64, RouteError> {
    let value = word.number()?;
    if (0.0..=most).contains(&value) {
        Ok(value)
    } else {
        Err(word.error(format!("{} is not within 0..{most}", shorten(word.text))))
    }
}

/// Returns a whole number from 0 to `most`.
fn whole(word: Word<'_>, most: i64) -> Result<i64, RouteError> {
    let value = within(word, most as f64)?;
    if value.fract() == 0.0 {
        Ok(value as i64)
    } else {
        Err(word.error(format!("{} is not a whole number", shorten(word.text))))
    }
}

fn positive(word: Word<'_>, most: i64, what: &str) -> Result<i64, RouteError> {
    match whole(word, most)? {
        0 => Err(word.error(format!("there are no {what}"))),
        count => Ok(count),
    }
}

impl<'a> Row<'a> {
    /// Returns the two words of a row that are its time window, if it is long enough.
    fn ends(row: &[Word<'a>], is_depot: bool) -> Result<Option<[Word<'a>; 2]>, RouteError> {
        let combinations = match row.get(6) {
            Some(word) if !is_depot => whole(*word, 1_000_000)? as usize,
            _ => 0,
        };
        let at = 7 + combinations;
        Ok(row.get(at..at + 2).map(|ends| [ends[0], ends[1]]))
    }

    fn read(row: &[Word<'a>], is_timed: bool, is_depot: bool) -> Result<Self, RouteError> {
        let window = match Self::ends(row, is_depot)? {
            Some([open, close]) if is_timed => {
                let (from, to) = (within(open, 1e9)?, within(close, 1e9)?);
                if to < from {
                    return Err(open.error(format!("the window closes ({to}) before it opens ({from})")));
                }
                // 0 to 0 is how a depot says that it never closes.
                if is_depot && to == 0.0 {
                    ANY_TIME
                } else {
                    Window { open: in_steps(from), close: in_steps(to) }
                }
            }
            None if is_timed && !is_depot => {
                return Err(row[0].error("this line has no time window after its combinations of visits"));
            }
            _ => ANY_TIME,
        };
        Ok(Self {
            number: row[0],
            point: [row[1].number()?, row[2].number()?],
            service: in_steps(within(row[3], 1e9)?),
            demand: whole(row[4], 1_000_000_000_000)?,
            window,
        })
    }
}

fn draft(name: &str, count: usize, limits: &[(f64, i64)], rows: &[Row<'_>]) -> Draft {
    let n = rows.len() - limits.len();
    let place = |row: &Row<'_>| Place { name: row.number.text.to_owned(), point: Some(row.point) };
    let stop = |(index, row): (usize, &Row<'_>)| {
        let work = Work::Visit { delivery: vec![row.demand], pickup: vec![0] };
        plain_stop(row.number.text, index, work, row.service, row.window)
    };
    let vehicle = |(index, &(longest, capacity)): (usize, &(f64, i64))| Vehicle {
        shift: rows[n + index].window,
        max_duration: (longest > 0.0).then(|| in_steps(longest)),
        ..plain_vehicle(
            &format!("depot {}", rows[n + index].number.text),
            count,
            Some(n + index),
            vec![capacity],
        )
    };
    let stops = rows[..n].iter().enumerate().map(stop).collect();
    let vehicles = limits.iter().enumerate().map(vehicle).collect();
    plain_draft(name.to_owned(), rows.iter().map(place).collect(), stops, vehicles)
}
