//! The day plan: what a planner writes down, in JSON or TOML. The schema `festina.day-plan/1` is in docs/guide/vrp.md.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Place as TextPlace, RouteError};

/// The schema that is read.
pub(super) const SCHEMA: &str = "festina.day-plan/1";

/// A day plan as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayPlan {
    pub(super) schema: String,
    pub(super) name: Option<String>,
    pub(super) speed_kmh: Option<f64>,
    #[serde(default)]
    pub(super) coordinates: Coordinates,
    #[serde(default)]
    pub(super) places: BTreeMap<String, [f64; 2]>,
    pub(super) vehicles: Vec<VehicleEntry>,
    #[serde(default)]
    pub(super) stops: Vec<StopEntry>,
    #[serde(default)]
    pub(super) shipments: Vec<ShipmentEntry>,
    #[serde(default)]
    pub(super) matrices: Vec<MatrixEntry>,
}

/// What a pair of numbers is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Coordinates {
    /// Latitude and longitude in degrees.
    #[default]
    Geographic,
    /// x and y in metres.
    Plane,
}

/// A place: the name of one, or its coordinates.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Where {
    Named(String),
    At([f64; 2]),
}

/// A load: of the only dimension, or of each.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Amounts {
    One(i64),
    Each(BTreeMap<String, i64>),
}

/// A length of time: `"1h30min"`, or a number of minutes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Span {
    Minutes(f64),
    Text(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VehicleEntry {
    pub(super) id: String,
    pub(super) count: Option<usize>,
    pub(super) start: Option<Where>,
    pub(super) end: Option<Where>,
    pub(super) capacity: Option<Amounts>,
    pub(super) shift: Option<String>,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    #[serde(default)]
    pub(super) breaks: Vec<BreakEntry>,
    #[serde(default)]
    pub(super) cost: CostEntry,
    pub(super) speed_kmh: Option<f64>,
    pub(super) profile: Option<String>,
    pub(super) max_duration: Option<Span>,
    pub(super) max_km: Option<f64>,
    pub(super) max_stops: Option<usize>,
    pub(super) reload: Option<ReloadEntry>,
    #[serde(default)]
    pub(super) begins_with: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakEntry {
    /// When it may begin.
    pub(super) between: String,
    pub(super) duration: Span,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CostEntry {
    pub(super) fixed: Option<f64>,
    pub(super) per_km: Option<f64>,
    pub(super) per_hour: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadEntry {
    /// Where; at its start if nothing is said.
    #[serde(default)]
    pub(super) at: Vec<Where>,
    pub(super) duration: Option<Span>,
    pub(super) times: usize,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StopEntry {
    pub(super) id: String,
    pub(super) at: Option<Where>,
    pub(super) service: Option<Span>,
    #[serde(default)]
    pub(super) windows: Vec<String>,
    pub(super) delivery: Option<Amounts>,
    pub(super) pickup: Option<Amounts>,
    pub(super) ready: Option<String>,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    pub(super) vehicles: Option<Vec<String>>,
    pub(super) prize: Option<f64>,
    pub(super) priority: Option<u32>,
    pub(super) backhaul: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipmentEntry {
    pub(super) id: String,
    pub(super) load: Option<Amounts>,
    pub(super) from: EndEntry,
    pub(super) to: EndEntry,
    #[serde(default)]
    pub(super) skills: Vec<String>,
    pub(super) vehicles: Option<Vec<String>>,
    pub(super) prize: Option<f64>,
    pub(super) priority: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndEntry {
    pub(super) at: Where,
    pub(super) service: Option<Span>,
    #[serde(default)]
    pub(super) windows: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatrixEntry {
    pub(super) profile: Option<String>,
    /// The names of places and stops, in the order of the rows.
    pub(super) places: Vec<String>,
    /// Metres.
    pub(super) distances: Vec<Vec<i64>>,
    /// Seconds.
    pub(super) durations: Option<Vec<Vec<i64>>>,
}

/// Reads a day plan in JSON.
pub(super) fn from_json(text: &str) -> Result<DayPlan, RouteError> {
    let plan: DayPlan = serde_json::from_str(text).map_err(|error| {
        let place = TextPlace { line: error.line().max(1), column: error.column().max(1) };
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(head, _)| head);
        RouteError::text(place, message.to_owned()).with_hint(HINT)
    })?;
    known_schema(plan)
}

/// Reads a day plan in TOML.
pub(super) fn from_toml(text: &str) -> Result<DayPlan, RouteError> {
    let plan: DayPlan = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = &text[..text.floor_char_boundary(start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        RouteError::text(TextPlace { line, column }, error.message().to_owned()).with_hint(HINT)
    })?;
    known_schema(plan)
}

/// Where the schema is written down.
pub(super) const HINT: &str = "the schema of day plans is in docs/guide/vrp.md";

fn known_schema(plan: DayPlan) -> Result<DayPlan, RouteError> {
    if plan.schema == SCHEMA {
        return Ok(plan);
    }
    let message = format!("the schema '{}' is not known", plan.schema);
    Err(RouteError::instance(message).with_hint(format!("this version reads schema = \"{SCHEMA}\"")))
}
