//! Cases: what of a series is given, and what is asked for.

use super::series::{Kind, Series};

/// The part of a series up to some place, and the places beyond it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) application: String,
    pub(crate) kind: Kind,
    /// Which split it is, such as `f=4`.
    pub(crate) split: &'static str,
    pub(crate) x: Vec<f64>,
    pub(crate) time: Vec<f64>,
    pub(crate) at: Vec<f64>,
    pub(crate) truth: Vec<f64>,
}

/// How a series is cut.
enum Cut {
    /// Fit up to the largest place over the factor, with at least three points, and forecast the rest.
    Factor(f64),
    /// The same, but forecast only the largest place.
    Largest(f64),
    /// Fit exactly at these places; forecast from the second number on.
    Exactly(&'static [f64], f64),
}

const SPLITS: &[(Kind, &str, Cut)] = &[
    (Kind::Strong, "f=2", Cut::Factor(2.0)),
    (Kind::Strong, "f=4", Cut::Factor(4.0)),
    (Kind::Strong, "f=8", Cut::Factor(8.0)),
    (Kind::Strong, "{1,2}→8…", Cut::Exactly(&[1.0, 2.0], 8.0)),
    (Kind::Strong, "{1,2,4}→8…", Cut::Exactly(&[1.0, 2.0, 4.0], 8.0)),
    (Kind::Strong, "{1,2,4,8}→16…", Cut::Exactly(&[1.0, 2.0, 4.0, 8.0], 16.0)),
    (Kind::Weak, "f=4", Cut::Factor(4.0)),
    (Kind::Weak, "f=8", Cut::Factor(8.0)),
    (Kind::Size, "10×", Cut::Largest(10.0)),
    (Kind::Size, "100×", Cut::Largest(100.0)),
];

/// Returns the names of the splits of a kind, in order.
pub(crate) fn splits(kind: Kind) -> impl Iterator<Item = &'static str> {
    SPLITS.iter().filter(move |(of, _, _)| *of == kind).map(|(_, name, _)| *name)
}

/// Returns all cases of the series.
pub(crate) fn all(series: &[Series]) -> Vec<Case> {
    let cases = series.iter().flat_map(|series| {
        SPLITS
            .iter()
            .filter(|(kind, _, _)| *kind == series.kind)
            .filter_map(|(_, split, cut)| make(series, split, cut))
    });
    cases.collect()
}

/// Returns every case that fits the first points of a series, at least three, and forecasts places up to 2^4.5
/// times beyond. For sizes, the points span at least two decades, and places up to 2^7 times beyond count: below
/// that, a series of times in nanoseconds says more about caches and timers than about growth.
pub(crate) fn prefixes(series: &Series) -> Vec<Case> {
    let reach = if series.kind == Kind::Size { 128.0 } else { 4.5_f64.exp2() };
    let least = if series.kind == Kind::Size { 100.0 * series.x[0] } else { 0.0 };
    (3..series.x.len())
        .filter(|count| series.x[count - 1] >= least)
        .filter_map(|count| {
            let limit = series.x[count - 1] * reach;
            select(series, "prefix", |i| i < count, |i| i >= count && series.x[i] <= limit)
        })
        .collect()
}

fn make(series: &Series, split: &'static str, cut: &Cut) -> Option<Case> {
    let largest = *series.x.last()?;
    match *cut {
        Cut::Factor(factor) => {
            let is_given = |i: usize| series.x[i] <= largest / factor;
            select(series, split, is_given, |i| !is_given(i)).filter(|case| case.x.len() >= 3)
        }
        Cut::Largest(factor) => {
            let is_given = |i: usize| series.x[i] <= largest / factor;
            let case = select(series, split, is_given, |i| series.x[i] == largest);
            case.filter(|case| case.x.len() >= 3)
        }
        Cut::Exactly(given, from) => {
            let is_given = |i: usize| given.contains(&series.x[i]);
            let case = select(series, split, is_given, |i| series.x[i] >= from);
            case.filter(|case| case.x.len() == given.len())
        }
    }
}

fn select(
    series: &Series,
    split: &'static str,
    is_given: impl Fn(usize) -> bool,
    is_asked: impl Fn(usize) -> bool,
) -> Option<Case> {
    let pick = |values: &[f64], is: &dyn Fn(usize) -> bool| -> Vec<f64> {
        values.iter().enumerate().filter(|(i, _)| is(*i)).map(|(_, value)| *value).collect()
    };
    let case = Case {
        application: series.application.clone(),
        kind: series.kind,
        split,
        x: pick(&series.x, &is_given),
        time: pick(&series.time, &is_given),
        at: pick(&series.x, &is_asked),
        truth: pick(&series.time, &is_asked),
    };
    (!case.at.is_empty()).then_some(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(kind: Kind, x: &[f64]) -> Series {
        let time = x.iter().map(|x| 100.0 / x).collect();
        Series { application: "a".into(), kind, x: x.into(), time }
    }

    #[test]
    fn the_small_part_is_given_and_the_rest_asked_for() {
        let cases = all(&[series(Kind::Strong, &[1.0, 2.0, 4.0, 8.0, 16.0])]);
        let find = |split: &str| cases.iter().find(|case| case.split == split);
        let four = find("f=4").expect("three points up to 4");
        assert_eq!((&four.x[..], &four.at[..]), (&[1.0, 2.0, 4.0][..], &[8.0, 16.0][..]));
        assert_eq!(four.truth, [12.5, 6.25]);
        assert!(find("f=8").is_none(), "only two points up to 2");
        assert_eq!(find("{1,2}→8…").expect("both are there").at, [8.0, 16.0]);
    }

    #[test]
    fn sizes_are_forecast_at_the_largest() {
        let cases = all(&[series(Kind::Size, &[1.0, 10.0, 100.0, 1e3, 1e4])]);
        assert_eq!(cases.len(), 2);
        assert_eq!((cases[0].x.len(), &cases[0].at[..]), (4, &[1e4][..]));
        assert_eq!((cases[1].x.len(), cases[1].split), (3, "100×"));
    }

    #[test]
    fn prefixes_have_three_points_and_a_limit() {
        let cases = prefixes(&series(Kind::Strong, &[1.0, 2.0, 4.0, 8.0, 1024.0]));
        assert_eq!(cases.len(), 1, "1024 is out of reach of 8");
        assert_eq!((cases[0].x.len(), &cases[0].at[..]), (3, &[8.0][..]));
    }
}
