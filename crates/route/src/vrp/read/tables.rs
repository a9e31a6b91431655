//! Two tables for people with a spreadsheet: a line a stop, a line a vehicle. They become a day plan.

use std::collections::BTreeMap;

use super::day_plan::{
    Amounts, BreakEntry, Coordinates, CostEntry, DayPlan, ReloadEntry, SCHEMA, Span, StopEntry, VehicleEntry,
    Where,
};
use super::quantity;
use crate::error::{Place, RouteError};
use crate::read::scan::shorten;
use crate::vrp::write::placed_cells;

/// The columns of a table of stops.
const STOP_COLUMNS: &str = "id, lat and lon (or x and y, or at), service, windows, delivery, pickup, ready, skills, vehicles, prize, priority, backhaul";

/// The columns of a table of vehicles.
const VEHICLE_COLUMNS: &str = "id, count, start (or start_lat and start_lon, start_x and start_y), end (likewise), shift, \
    capacity, skills, break, cost_fixed, cost_per_km, cost_per_hour, speed_kmh, max_duration, max_km, max_stops, reload_times, \
    reload_duration, begins_with";

/// A line of a table.
struct Row<'a> {
    number: usize,
    /// The text of each column, and where it begins.
    cells: BTreeMap<&'a str, (usize, String)>,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(|(_, cell)| cell.as_str()).filter(|cell| !cell.is_empty())
    }

    fn error(&self, column: &str, message: impl std::fmt::Display) -> RouteError {
        let place = Place { line: self.number, column: self.cells.get(column).map_or(1, |(at, _)| *at) };
        RouteError::text(place, format!("column '{column}': {message}")).with_hint(example(column))
    }

    /// Returns the text of a cell that `read` can read.
    fn readable<T>(
        &self,
        column: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<&str>, RouteError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        read(text).map(|_| Some(text)).map_err(|message| self.error(column, message))
    }

    fn parse<T: std::str::FromStr>(&self, column: &str, what: &str) -> Result<Option<T>, RouteError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.error(column, format!("'{}' is not {what}", shorten(text))))
    }

    /// Returns a finite number.
    fn number(&self, column: &str) -> Result<Option<f64>, RouteError> {
        let value: Option<f64> = self.parse(column, "a number")?;
        match value {
            Some(value) if !value.is_finite() => {
                Err(self.error(column, format!("{value} is not a finite number")))
            }
            value => Ok(value),
        }
    }

    /// Returns the parts of a cell that lists several things: `a|b`.
    fn list(&self, column: &str) -> Vec<String> {
        let parts = self.text(column).unwrap_or("").split('|').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn span(&self, column: &str) -> Result<Option<Span>, RouteError> {
        let text = self.readable(column, quantity::span)?;
        Ok(text.map(|text| Span::Text(text.to_owned())))
    }

    /// Returns an amount, which is not negative.
    fn amount(&self, column: &str) -> Result<Option<i64>, RouteError> {
        match self.parse(column, "a whole number")? {
            Some(amount @ ..0) => Err(self.error(column, format!("the amount {amount} is negative"))),
            amount => Ok(amount),
        }
    }

    /// Returns amounts of one column, or of `column.NAME` for each dimension.
    fn amounts(&self, column: &str) -> Result<Option<Amounts>, RouteError> {
        if let Some(amount) = self.amount(column)? {
            return Ok(Some(Amounts::One(amount)));
        }
        let mut each = BTreeMap::new();
        for key in self.cells.keys().filter(|key| key.split_once('.').is_some_and(|(head, _)| head == column))
        {
            if let Some(amount) = self.amount(key)? {
                each.insert(key[column.len() + 1..].to_owned(), amount);
            }
        }
        Ok((!each.is_empty()).then_some(Amounts::Each(each)))
    }

    /// Returns a place: a name in `column`, or two coordinates.
    fn place(&self, column: &str, pairs: &[[&str; 2]]) -> Result<Option<Where>, RouteError> {
        for pair in pairs {
            match (self.number(pair[0])?, self.number(pair[1])?) {
                (Some(a), Some(b)) => return Ok(Some(Where::At([a, b]))),
                (None, None) => {}
                (Some(_), None) => return Err(self.error(pair[1], "a coordinate is missing")),
                (None, Some(_)) => return Err(self.error(pair[0], "a coordinate is missing")),
            }
        }
        Ok(self.text(column).map(|name| Where::Named(name.to_owned())))
    }
}

/// Reads both tables.
pub(super) fn read(stops: &str, vehicles: &str) -> Result<DayPlan, RouteError> {
    let stop_rows = rows(stops, STOP_COLUMNS)?;
    let vehicle_rows = rows(vehicles, VEHICLE_COLUMNS).map_err(in_vehicles)?;
    let has = |rows: &[Row<'_>], column: &str| rows.iter().any(|row| row.text(column).is_some());
    let is_plane = has(&stop_rows, "x") || has(&vehicle_rows, "start_x");
    let entries: Vec<StopEntry> = stop_rows.iter().map(stop).collect::<Result<_, _>>()?;
    let vehicles: Vec<VehicleEntry> =
        vehicle_rows.iter().map(vehicle).collect::<Result<_, _>>().map_err(in_vehicles)?;
    Ok(DayPlan {
        schema: SCHEMA.to_owned(),
        name: None,
        speed_kmh: None,
        coordinates: if is_plane { Coordinates::Plane } else { Coordinates::Geographic },
        places: BTreeMap::new(),
        vehicles,
        stops: entries,
        shipments: Vec::new(),
        matrices: Vec::new(),
    })
}

/// Returns an error of the second table as such.
fn in_vehicles(error: RouteError) -> RouteError {
    match error {
        RouteError::Text { place, message, hint } => {
            RouteError::Text { place, message: format!("in the table of vehicles: {message}"), hint }
        }
        other => other,
    }
}

fn rows<'a>(text: &'a str, columns: &str) -> Result<Vec<Row<'a>>, RouteError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (number, header) = lines.next().ok_or_else(|| {
        RouteError::text(Place { line: 1, column: 1 }, "the table is empty")
            .with_hint(format!("columns: {columns}"))
    })?;
    let names: Vec<&'a str> = header_cells(header);
    let known: Vec<&str> = columns.split([',', '(', ')', ' ']).filter(|word| !word.is_empty()).collect();
    for (index, name) in names.iter().enumerate() {
        let place = Place { line: number + 1, column: index + 1 };
        let is_known = known.contains(name)
            || ["delivery.", "pickup.", "capacity."].iter().any(|head| name.starts_with(head));
        if !is_known && !ENDS.contains(name) {
            return Err(RouteError::text(place, format!("the column '{}' is not known", shorten(name)))
                .with_hint(format!("columns: {columns}")));
        }
    }
    let row = |(number, line): (usize, &str)| {
        let values = placed_cells(line);
        if values.len() != names.len() {
            let place = Place { line: number + 1, column: line.chars().count() + 1 };
            let message = format!("{} cells for {} columns", values.len(), names.len());
            return Err(RouteError::text(place, message)
                .with_hint("leave cells empty, but keep their separators; quote a cell that holds one"));
        }
        let values = values.into_iter().map(|(at, cell)| (at, cell.trim().to_owned()));
        Ok(Row { number: number + 1, cells: names.iter().copied().zip(values).collect() })
    };
    lines.map(row).collect()
}

/// Returns how a column's cells are written.
fn example(column: &str) -> &'static str {
    match column.split('.').next().unwrap_or(column) {
        "id" => "every line begins with a name of its own",
        "service" | "max_duration" | "reload_duration" => "write it as 10min, 1h30min or 45s",
        "windows" => "write it as 08:00-10:30, several as 08:00-10:30|14:00-16:00",
        "shift" => "write it as 08:00-17:00",
        "ready" => "write it as 08:30",
        "break" => "write it as 12:00-13:00 30min",
        "delivery" | "pickup" | "capacity" | "count" | "max_stops" | "reload_times" => {
            "write it as a whole number from 0 on"
        }
        "priority" => "write it as a whole number from 1 to 10",
        "backhaul" => "write it as true or false",
        _ => "write it as a number such as 52.5",
    }
}

/// Columns of places, which the list for people abbreviates.
const ENDS: [&str; 8] =
    ["start_lat", "start_lon", "start_x", "start_y", "end_lat", "end_lon", "end_x", "end_y"];

/// Returns the names of the columns; a header needs no quotes.
fn header_cells(header: &str) -> Vec<&str> {
    let separator = [';', '\t', ','].into_iter().find(|&separator| header.contains(separator)).unwrap_or(',');
    header.split(separator).map(|cell| cell.trim().trim_matches('"')).collect()
}

fn stop(row: &Row<'_>) -> Result<StopEntry, RouteError> {
    let id = row.text("id").ok_or_else(|| row.error("id", "the stop has no name"))?;
    let vehicles = row.list("vehicles");
    Ok(StopEntry {
        id: id.to_owned(),
        at: row.place("at", &[["lat", "lon"], ["x", "y"]])?,
        service: row.span("service")?,
        windows: windows(row)?,
        delivery: row.amounts("delivery")?,
        pickup: row.amounts("pickup")?,
        ready: row.readable("ready", quantity::clock)?.map(str::to_owned),
        skills: row.list("skills"),
        vehicles: (!vehicles.is_empty()).then_some(vehicles),
        prize: row.number("prize")?,
        priority: row.parse("priority", "a number from 1 to 10")?,
        backhaul: row.parse("backhaul", "true or false")?,
    })
}

fn windows(row: &Row<'_>) -> Result<Vec<String>, RouteError> {
    let windows = row.list("windows");
    quantity::windows(windows.iter().map(String::as_str)).map_err(|message| row.error("windows", message))?;
    Ok(windows)
}

fn vehicle(row: &Row<'_>) -> Result<VehicleEntry, RouteError> {
    let id = row.text("id").ok_or_else(|| row.error("id", "the vehicle has no name"))?;
    let pause = |text: String| {
        let (between, duration) = text.rsplit_once(' ').ok_or_else(|| {
            row.error("break", format!("'{}' is not a break such as 12:00-13:00 30min", shorten(&text)))
        })?;
        let is_wrong = |message| row.error("break", message);
        quantity::window(between).map_err(is_wrong)?;
        quantity::span(duration).map_err(is_wrong)?;
        Ok(BreakEntry { between: between.trim().to_owned(), duration: Span::Text(duration.to_owned()) })
    };
    let times: Option<usize> = row.parse("reload_times", "a whole number")?;
    let reload_duration = row.span("reload_duration")?;
    Ok(VehicleEntry {
        id: id.to_owned(),
        count: row.parse("count", "a whole number")?,
        start: row.place("start", &[["start_lat", "start_lon"], ["start_x", "start_y"]])?,
        end: row.place("end", &[["end_lat", "end_lon"], ["end_x", "end_y"]])?,
        capacity: row.amounts("capacity")?,
        shift: row.readable("shift", quantity::window)?.map(str::to_owned),
        skills: row.list("skills"),
        breaks: row.list("break").into_iter().map(pause).collect::<Result<_, RouteError>>()?,
        cost: CostEntry {
            fixed: row.number("cost_fixed")?,
            per_km: row.number("cost_per_km")?,
            per_hour: row.number("cost_per_hour")?,
        },
        speed_kmh: row.number("speed_kmh")?,
        profile: None,
        max_duration: row.span("max_duration")?,
        max_km: row.number("max_km")?,
        max_stops: row.parse("max_stops", "a whole number")?,
        reload: times.map(|times| ReloadEntry { at: Vec::new(), duration: reload_duration, times }),
        begins_with: row.list("begins_with"),
    })
}
