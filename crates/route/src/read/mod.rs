//! From bytes to an [`Instance`]: TSPLIB 95, CSV, `GeoJSON`, matrices.
//!
//! Nothing here touches a file: the caller reads the bytes. Every error names the line and the column.

mod csv;
mod geojson;
pub(crate) mod layout;
mod matrix;
mod npy;
pub(crate) mod scan;
pub(crate) mod tsplib;

use std::str::FromStr;

use crate::error::{Place, RouteError};
use crate::instance::Instance;

/// How an instance is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TSPLIB 95: symmetric and asymmetric, every edge-weight type and format but `SPECIAL`, `XRAY1`, `XRAY2` and
    /// `FUNCTION`.
    Tsplib,
    /// A table with a header: columns `x,y` or `lat,lon` (also `latitude,longitude`, `lng`), and `name` or `id` if
    /// there is one; other columns are ignored. Comma, semicolon or tab.
    Csv,
    /// A table of distances: `n` lines of `n` numbers, with or without names in the first line and column.
    MatrixCsv,
    /// A square `NumPy` array of integers or floats.
    Npy,
    /// A `FeatureCollection` of points, or a `MultiPoint` or `LineString`: longitudes and latitudes.
    GeoJson,
}

impl Format {
    /// Returns the format that `bytes` look like.
    ///
    /// ```
    /// use festina_route::Format;
    /// assert_eq!(Format::detect(b"NAME: a\nTYPE: TSP\n"), Format::Tsplib);
    /// assert_eq!(Format::detect(b"name,lat,lon\n"), Format::Csv);
    /// assert_eq!(Format::detect(b"0,1\n1,0\n"), Format::MatrixCsv);
    /// ```
    pub fn detect(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"\x93NUMPY") {
            return Self::Npy;
        }
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
        let head = head.trim_start_matches('\u{feff}').trim_start();
        if head.starts_with('{') {
            return Self::GeoJson;
        }
        let first = head.lines().next().unwrap_or("");
        let keyword = first.split([':', ' ', '\t']).next().unwrap_or("");
        if tsplib::is_keyword(keyword) {
            Self::Tsplib
        } else if csv::has_point_columns(first) {
            Self::Csv
        } else {
            Self::MatrixCsv
        }
    }
}

impl FromStr for Format {
    type Err = RouteError;

    /// Reads `tsplib`, `csv`, `matrix-csv`, `npy`, `geojson`.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        Ok(match text {
            "tsplib" => Self::Tsplib,
            "csv" => Self::Csv,
            "matrix-csv" => Self::MatrixCsv,
            "npy" => Self::Npy,
            "geojson" => Self::GeoJson,
            _ => {
                return Err(RouteError::request(format!("'{text}' is not a format of instances"))
                    .with_hint("one of tsplib, csv, matrix-csv, npy, geojson"));
            }
        })
    }
}

impl Instance {
    /// Reads an instance written in `format`; `name` is its name where the text has none.
    ///
    /// ```
    /// use festina_route::{Format, Instance};
    /// let table = b"name,lat,lon\nBerlin,52.52,13.405\nParis,48.8566,2.3522\n";
    /// let instance = Instance::read("capitals", table, Format::Csv)?;
    /// assert_eq!(instance.distance(0, 1) / 1000, 877); // kilometres
    /// # Ok::<(), festina_route::RouteError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RouteError::Text`] with the place where reading failed, or [`RouteError::Instance`].
    pub fn read(name: &str, bytes: &[u8], format: Format) -> Result<Self, RouteError> {
        match format {
            Format::Npy => npy::read(name, bytes),
            Format::Tsplib => tsplib::read(name, utf8(bytes)?),
            Format::Csv => csv::read(name, utf8(bytes)?),
            Format::MatrixCsv => matrix::read(name, utf8(bytes)?),
            Format::GeoJson => geojson::read(name, utf8(bytes)?),
        }
    }
}

/// Returns `bytes` as a text, without a byte-order mark.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, RouteError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            Err(RouteError::text(Place { line, column }, "the text is not UTF-8")
                .with_hint("save the file as UTF-8 text; arrays of numbers are read as .npy"))
        }
    }
}
