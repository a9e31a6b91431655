//! Published series of measurements, read from CSV files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What varies in a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Strong,
    Weak,
    Size,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Strong, Self::Weak, Self::Size];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Weak => "weak",
            Self::Size => "n",
        }
    }
}

/// A series: the median time at each place, in order.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The first component of the name, up to the first `/`: series of one application are correlated.
    pub(crate) application: String,
    pub(crate) kind: Kind,
    /// The number of workers, or the size.
    pub(crate) x: Vec<f64>,
    pub(crate) time: Vec<f64>,
}

/// Repeats at one place that differ by more than this factor mix configurations.
const LARGEST_SPREAD: f64 = 1.6;

/// Reads all `*.csv` files of a folder; other kinds, and series whose repeats differ too much, are left out.
/// Returns the series by name, and how many were left out for their spread.
pub(crate) fn read_folder(folder: &Path) -> Result<(Vec<Series>, usize)> {
    let mut raw = BTreeMap::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let mut files: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    ensure!(!files.is_empty(), "there is no CSV file in {}", folder.display());
    for file in files {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
        read_text(&text, &mut raw).with_context(|| format!("failed to read {}", file.display()))?;
    }
    let count = raw.len();
    let series: Vec<Series> =
        raw.into_iter().filter_map(|((kind, name), places)| summarise(kind, name, places)).collect();
    let left_out = count - series.len();
    Ok((series, left_out))
}

/// All times at each place, keyed by the bits of the positive place, which sort like the place.
type Places = BTreeMap<u64, Vec<f64>>;

fn read_text(text: &str, raw: &mut BTreeMap<(Kind, String), Places>) -> Result<()> {
    let mut lines = text.lines().enumerate();
    let header = split(lines.next().context("it is empty")?.1);
    let column = |name: &str| header.iter().position(|field| field == name);
    let (Some(series), Some(time), Some(p)) = (column("series"), column("time_s"), column("p")) else {
        bail!("it lacks one of the columns series, p, time_s");
    };
    // Files of another sort than series, such as those by topology, have no kind.
    let Some(kind) = column("kind") else { return Ok(()) };
    let n = column("n");
    for (index, line) in lines {
        let fields = split(line);
        let kind = match fields.get(kind).map(String::as_str) {
            Some("strong") => Kind::Strong,
            Some("weak") => Kind::Weak,
            Some("n") => Kind::Size,
            _ => continue,
        };
        let x = if kind == Kind::Size { n.context("it lacks the column n")? } else { p };
        let number = |column: usize| -> Result<f64> {
            let field = fields.get(column).map_or("", String::as_str);
            field.parse().with_context(|| format!("line {}: `{field}` is not a number", index + 1))
        };
        let (x, time) = (number(x)?, number(time)?);
        if x > 0.0 && time > 0.0 && x.is_finite() && time.is_finite() {
            let name = fields[series].clone();
            raw.entry((kind, name)).or_default().entry(x.to_bits()).or_default().push(time);
        }
    }
    Ok(())
}

/// Splits a line of CSV; a field in quotes may hold commas, and quotes as `""`.
fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for character in line.trim_end_matches('\r').chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is always a field").push(character),
        }
    }
    fields
}

fn summarise(kind: Kind, name: String, places: Places) -> Option<Series> {
    let spread = |times: &[f64]| {
        times.iter().copied().fold(0.0, f64::max) / times.iter().copied().fold(f64::INFINITY, f64::min)
    };
    if places.values().any(|times| spread(times) > LARGEST_SPREAD) {
        return None;
    }
    let x = places.keys().map(|&bits| f64::from_bits(bits)).collect();
    let time = places.into_values().map(|mut times| median(&mut times)).collect();
    let application = name.split('/').next().unwrap_or(&name).to_owned();
    Some(Series { application, kind, x, time })
}

/// Returns the median of values that are not empty.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the quantile by linear interpolation between order statistics; NaN of nothing.
pub(crate) fn quantile(values: &mut [f64], probability: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let place = probability * (values.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + share * (values[above] - values[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_series_and_leaves_out_what_mixes_configurations() {
        let text = "series,kind,split,p,p_unit,n,n_unit,time_s,metric,source\n\
                    a/x,strong,fit,1,cores,,,10,\"t, s\",here\n\
                    a/x,strong,fit,2,cores,,,5,t,here\n\
                    a/x,strong,fit,2,cores,,,6,t,here\n\
                    b/y,strong,fit,1,cores,,,1,t,here\n\
                    b/y,strong,fit,1,cores,,,2,t,here\n\
                    c/z,n,fit,1,cores,100,rows,3,t,here\n\
                    d,collective,fit,1,ranks,8,bytes,3,t,here\n";
        let mut raw = BTreeMap::new();
        read_text(text, &mut raw).expect("valid");
        let series: Vec<Series> = raw.into_iter().filter_map(|((k, n), p)| summarise(k, n, p)).collect();
        assert_eq!(series.len(), 2);
        assert_eq!(
            (series[0].application.as_str(), &series[0].x[..], &series[0].time[..]),
            ("a", &[1.0, 2.0][..], &[10.0, 5.5][..])
        );
        assert_eq!((series[1].kind, series[1].x[0]), (Kind::Size, 100.0));
    }

    #[test]
    fn a_bad_number_is_named_with_its_line() {
        let mut raw = BTreeMap::new();
        let error = read_text("series,kind,p,time_s\na,strong,two,1\n", &mut raw).expect_err("not a number");
        assert_eq!(format!("{error:#}"), "line 2: `two` is not a number: invalid float literal");
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [0.0, 10.0], 0.9), 9.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
