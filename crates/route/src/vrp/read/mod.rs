//! From bytes to a [`Problem`](super::Problem): CVRPLIB and VRPLIB, Solomon and its family, Cordeau, day plans, two tables.

mod build;
mod cordeau;
mod day_plan;
mod quantity;
mod solomon;
mod tables;
mod vrplib;

use super::problem::{ANY_TIME, Draft, Place, Problem, Stop, Units, Vehicle, Window, Work};
use super::travel::{Metric, Pace, Rounding, Travel};
use crate::error::RouteError;
use crate::read::utf8;

/// How a problem is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemFormat {
    /// CVRPLIB, and VRPLIB with time windows, fleets, depots, prizes, reloads.
    Vrplib,
    /// Solomon, Gehring and Homberger, Li and Lim.
    Solomon,
    /// Cordeau's for several depots.
    Cordeau,
    /// A day plan in JSON.
    Json,
    /// A day plan in TOML.
    Toml,
}

/// How the distances of a benchmark's coordinates become integers: each family has its own convention, and costs can only be
/// compared under the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// The family's: whole units for CVRPLIB, tenths where there are time windows, thousandths where coordinates have
    /// fractions.
    #[default]
    Default,
    /// To the nearest whole unit, as TSPLIB prescribes.
    Nearest,
    /// Truncated to tenths, as in the 12th DIMACS challenge.
    Tenths,
    /// To the nearest thousandth.
    Thousandths,
}

impl ProblemFormat {
    /// Returns the format that `bytes` look like.
    pub fn detect(bytes: &[u8]) -> Self {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
        let head = head.trim_start_matches('\u{feff}').trim_start();
        if head.starts_with('{') {
            return Self::Json;
        }
        let is_toml =
            |line: &str| line.starts_with("schema") || line.starts_with("[[") || line.starts_with("[places");
        if head.lines().map(str::trim_start).any(is_toml) {
            return Self::Toml;
        }
        let keyword = head.split([':', ' ', '\t', '\n', '\r']).next().unwrap_or("");
        if vrplib::is_keyword(keyword) {
            Self::Vrplib
        } else if cordeau::is_cordeau(head) {
            Self::Cordeau
        } else {
            Self::Solomon
        }
    }
}

impl Problem {
    /// Reads a problem written in `format`; `name` is its name where the text has none.
    ///
    /// # Errors
    ///
    /// [`RouteError::Text`] with the place where reading failed, or [`RouteError::Instance`].
    pub fn read(
        name: &str,
        bytes: &[u8],
        format: ProblemFormat,
        convention: Convention,
    ) -> Result<Self, RouteError> {
        let text = utf8(bytes)?;
        let draft = match format {
            ProblemFormat::Vrplib => vrplib::read(name, text, convention)?,
            ProblemFormat::Solomon => solomon::read(name, text).map_err(|error| {
                let is_table = solomon::is_table(text);
                if error.hint().is_some() && is_table { error } else { error.with_hint(OTHER_FORMATS) }
            })?,
            ProblemFormat::Cordeau => cordeau::read(name, text)?,
            ProblemFormat::Json => build::draft(name, &day_plan::from_json(text)?)?,
            ProblemFormat::Toml => build::draft(name, &day_plan::from_toml(text)?)?,
        };
        Self::new(draft)
    }

    /// Reads a problem from a table of stops and a table of vehicles.
    ///
    /// ```
    /// use festina_route::vrp::Problem;
    /// let stops = b"id,lat,lon,service,windows,delivery\nmill,52.5,13.4,10min,08:00-10:00|14:00-16:00,3\n";
    /// let vehicles = b"id,start_lat,start_lon,shift,capacity,speed_kmh\nvan,52.4,13.3,08:00-17:00,20,40\n";
    /// let problem = Problem::read_tables("today", stops, vehicles)?;
    /// assert_eq!(problem.stops()[0].service, 600);
    /// assert_eq!(problem.stops()[0].windows.len(), 2);
    /// # Ok::<(), festina_route::RouteError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RouteError::Text`] with the line and the name of the column, or [`RouteError::Instance`].
    pub fn read_tables(name: &str, stops: &[u8], vehicles: &[u8]) -> Result<Self, RouteError> {
        Self::new(build::draft(name, &tables::read(utf8(stops)?, utf8(vehicles)?)?)?)
    }
}

/// What to do about a text that no format claims, and that is no table of Solomon's either.
const OTHER_FORMATS: &str =
    "a table of stops needs --vehicles; a day plan begins with schema = \"festina.day-plan/1\"";

/// Returns vehicles without limits but their capacity, that cost a step of cost for a step of distance.
fn plain_vehicle(id: &str, count: usize, depot: Option<usize>, capacity: Vec<i64>) -> Vehicle {
    Vehicle {
        id: id.to_owned(),
        count,
        profile: 0,
        start: depot,
        end: depot,
        capacity,
        shift: ANY_TIME,
        skills: Vec::new(),
        breaks: Vec::new(),
        fixed_cost: 0,
        distance_cost: 1,
        time_cost: 0,
        max_duration: None,
        max_distance: None,
        max_stops: None,
        reload: None,
        begins_with: Vec::new(),
    }
}

/// Returns a stop that must be served by whoever comes.
fn plain_stop(id: &str, place: usize, work: Work, service: i64, window: Window) -> Stop {
    Stop {
        id: id.to_owned(),
        place,
        work,
        service,
        windows: vec![window],
        release: 0,
        skills: Vec::new(),
        vehicles: None,
        prize: None,
        priority: 1,
        is_backhaul: false,
    }
}

/// The steps of a unit of the coordinates in tables whose distances are Euclidean in double precision.
const STEPS: f64 = 1e5;

/// Returns a value in steps.
fn in_steps(value: f64) -> i64 {
    (value * STEPS).round() as i64
}

/// Returns a problem with one load whose distances, and times, are Euclidean, rounded **up** to 1/[`STEPS`] of a unit, so that
/// a plan that is on time here is on time in double precision.
fn plain_draft(name: String, places: Vec<Place>, stops: Vec<Stop>, vehicles: Vec<Vehicle>) -> Draft {
    Draft {
        name,
        places,
        is_geographic: false,
        travel: vec![Travel {
            metric: Metric::Straight { steps: STEPS, rounding: Rounding::Up },
            pace: Pace::Equal,
        }],
        dimensions: vec!["load".to_owned()],
        stops,
        vehicles,
        units: Units { distance: 1.0 / STEPS, time: 1.0 / STEPS, cost: 1.0 / STEPS, is_clock: false },
    }
}
