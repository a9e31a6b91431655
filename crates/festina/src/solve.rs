//! `festina solve`: fast, right implementations of known problems, each answer with its certificate.

mod mst;

use std::time::Instant;

use festina_report::{Axis, Block, Chart, PlotPoint, Report, Role, Series, Unit};
use festina_route::{Budget, check};
pub use festina_route::{Format, Instance, Limit, Method, Progress, Request, Shape, Solution, Status};
use festina_types::{Backend, CancelToken, Finding, Seconds, Severity};
use serde::Serialize;

pub use mst::{MstFormat, MstInput, MstResult, mst_report, read_mst, solve_mst, verify_mst};

use crate::{Error, Versioned, versioned};

/// A tour, what is known about it, and what an independent checker says.
#[derive(Clone, Debug, Serialize)]
pub struct TspResult {
    /// The tour with its bound.
    #[serde(flatten)]
    pub solution: Solution,
    /// The names of the cities in the order of the tour.
    pub cities: Vec<String>,
    /// Whether the checker, which shares no code with the solvers, finds the tour a permutation of that length.
    pub is_verified: bool,
}

/// What a checker says about somebody's tour.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TourVerdict {
    /// The length, if the tour visits only cities of the instance.
    pub length: Option<i64>,
    /// What is wrong; empty if the tour is right.
    pub problems: Vec<String>,
}

/// Reads an instance from the content of a file; `name` is its name in error messages.
///
/// # Errors
///
/// [`Error::Route`] with the line and column.
pub fn read_instance(name: &str, bytes: &[u8]) -> Result<Instance, Error> {
    Ok(Instance::read(name, bytes, Format::detect(bytes))?)
}

/// The share of a time limit that is kept for the check of the answer, at most.
const CHECK_SHARE: f64 = 0.25;

/// Finds a short tour of `instance`, and checks it; a limit of time holds for both.
///
/// # Errors
///
/// [`Error::Route`] if the method or the shape does not suit the instance.
///
/// # Panics
///
/// Panics if a solver's answer is not what it claims to be: a bug of ours, never shown as an answer.
pub fn solve_tsp(
    instance: &Instance,
    request: &Request,
    limit: Limit,
    backend: &dyn Backend,
    cancel: &CancelToken,
    observe: &mut dyn FnMut(&Progress),
) -> Result<TspResult, Error> {
    let begin = Instant::now();
    let clock = || Seconds(begin.elapsed().as_secs_f64());
    let limit = match limit {
        Limit::Time(time) if request.bound => {
            Limit::Time(Seconds(time.0 - check::seconds(instance).0.min(CHECK_SHARE * time.0)))
        }
        limit => limit,
    };
    let budget = Budget::new(&clock, limit, cancel.clone());
    let solution = festina_route::solve(instance, request, &budget, backend, observe)?;
    let verdict = check::verify(instance, request.shape, &solution);
    assert!(verdict.is_right(), "the tour is not what its solver claims: {:?}", verdict.problems);
    let cities = solution.tour.iter().map(|&city| instance.label(city)).collect();
    // The certificate has been checked; it is one integer a node, which no reader of an answer wants.
    let solution = Solution { certificate: None, ..solution };
    Ok(TspResult { solution, cities, is_verified: true })
}

/// Returns the amount of work that one core of a present-day machine does in about `time`: a limit that gives the same
/// answer everywhere.
pub fn work_of(time: Seconds) -> Limit {
    Limit::Work((time.0 * Budget::WORK_PER_SECOND as f64) as u64)
}

/// Returns the shape of an open tour between two cities, each by its name or its number from 1.
///
/// # Errors
///
/// [`Error::Input`] for a city that the instance does not have.
pub fn open_shape(instance: &Instance, start: Option<&str>, end: Option<&str>) -> Result<Shape, Error> {
    let city = |name: Option<&str>| -> Result<Option<usize>, Error> {
        let Some(name) = name else { return Ok(None) };
        let hint = format!("name one, or give its number from 1 to {}", instance.n());
        let missing = || Error::input_with_hint(format!("there is no city '{name}'"), hint);
        instance.find(name).map(Some).ok_or_else(missing)
    };
    Ok(Shape::Open { start: city(start)?, end: city(end)? })
}

/// Checks the tour file `bytes` against `instance`.
///
/// # Errors
///
/// [`Error::Route`] if the file is not a tour.
pub fn verify_tour(instance: &Instance, shape: Shape, bytes: &[u8]) -> Result<TourVerdict, Error> {
    let tour = check::read_tour(instance, bytes)?;
    let check::TourCheck { length, problems } = check::verify_tour(instance, shape, &tour, None);
    Ok(TourVerdict { length, problems })
}

/// Refuses an ending for which [`tour_file`] could write nothing, before any time is spent.
///
/// # Errors
///
/// [`Error::Input`] for an unknown ending, or `GeoJSON` of cities without coordinates.
pub fn require_tour_ending(instance: &Instance, ending: &str) -> Result<(), Error> {
    match ending {
        "tour" | "csv" => Ok(()),
        "geojson" | "json" if instance.drawing().is_some() => Ok(()),
        "geojson" | "json" => Err(no_coordinates()),
        "" => Err(Error::input_with_hint("a tour's format is told by its file's ending", TOUR_ENDINGS)),
        _ => Err(Error::input_with_hint(format!("'.{ending}' is not a format for tours"), TOUR_ENDINGS)),
    }
}

fn no_coordinates() -> Error {
    Error::input_with_hint("the cities have no coordinates", "write the tour as .tour or .csv")
}

const TOUR_ENDINGS: &str = "name the file .tour, .csv or .geojson";

/// Returns a tour in the format of the file name's ending: `.tour` (TSPLIB), `.csv`, `.geojson`.
///
/// # Errors
///
/// As [`require_tour_ending`].
pub fn tour_file(
    instance: &Instance,
    result: &TspResult,
    shape: Shape,
    ending: &str,
) -> Result<String, Error> {
    require_tour_ending(instance, ending)?;
    let Solution { tour, cost, .. } = &result.solution;
    Ok(match ending {
        "tour" => check::write_tour(instance, tour, *cost),
        "csv" => check::write_table(instance, tour),
        _ => check::write_geojson(instance, tour, shape == Shape::Closed).ok_or_else(no_coordinates)?,
    })
}

impl TspResult {
    /// Returns the result as JSON of the schema `festina.tsp/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.tsp/1", self)
    }

    /// Returns the length in the unit of the input.
    pub fn length(&self) -> f64 {
        self.solution.cost as f64 * self.solution.unit
    }
}

/// Returns `result` for people: length, bound, gap, and a map where the cities can be drawn.
pub fn tsp_report(instance: &Instance, result: &TspResult) -> Report {
    let solution = &result.solution;
    let length = Unit::Number.format(result.length());
    let quality = match (solution.status, solution.gap) {
        (Status::Optimal, _) => "optimal".to_owned(),
        (_, Some(gap)) => format!("at most {:.2} % above the optimum", 100.0 * gap),
        (_, None) => "no bound was asked for".to_owned(),
    };
    let mut report = Report::new(format!(
        "{} {}, length {length}: {quality}",
        instance.n(),
        if instance.n() == 1 { "city" } else { "cities" }
    ));
    report.subtitle = instance.name().to_owned();
    let bound =
        solution.bound.map_or("none".to_owned(), |bound| Unit::Number.format(bound as f64 * solution.unit));
    let pairs = [
        ("length", length.clone()),
        ("lower bound", bound),
        ("method", solution.method.name().to_owned()),
        ("seed", solution.seed.to_string()),
        ("workers", solution.workers.to_string()),
        ("time", Seconds(solution.elapsed_s).to_string()),
        (
            "checked",
            "a permutation of this length, by a checker that shares no code with the solver".to_owned(),
        ),
    ];
    report.push(Block::key_values(pairs));
    report.blocks.extend(map(instance, solution).map(Block::from));
    if solution.status == Status::Canceled {
        report.push(vec![Finding::new(
            Severity::Note,
            "canceled",
            "stopped early: this is the best tour so far",
        )]);
    }
    report
}

/// Draws the tour over the cities.
fn map(instance: &Instance, solution: &Solution) -> Option<Chart> {
    let points = instance.drawing()?;
    let at = |city: &usize| (points[*city][0], points[*city][1]);
    let back = solution.tour.first();
    let line: Vec<(f64, f64)> = solution.tour.iter().chain(back).map(at).collect();
    let (x, y) = if instance.is_geographic() { ("longitude", "latitude") } else { ("x", "y") };
    let axis = |label: &str| Axis::new(label, Unit::Number);
    let cities = solution.tour.iter().map(|city| PlotPoint::new(at(city).0, at(city).1));
    let start = solution.tour.first().map(|city| PlotPoint::new(at(city).0, at(city).1));
    Some(
        Chart::new("Tour", axis(x), axis(y))
            .with_equal_scales()
            .with(Series::line("tour", Role::Fit, line))
            .with(Series::points("cities", Role::Measured, cities))
            .with(Series::points("start", Role::Limit, start)),
    )
}
