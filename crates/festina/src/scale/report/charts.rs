//! The charts of a scaling report.

use festina_report::{Axis, Chart, Mark, PlotPoint, Role, Scale, Series, Unit};
use festina_types::Estimate;

use super::super::result::{Curve, CurvePoint, PointResult, ScaleResult};

/// Speed-up over workers, at the largest size or along the sizes of weak scaling.
pub(super) fn speedup(result: &ScaleResult) -> Option<Chart> {
    let curve = over_workers(result)?;
    let base = Base::of(result, curve)?;
    let points = of_curve(result, curve);
    let measured =
        points.iter().filter_map(|point| spread(f64::from(point.p), point.speedup.as_ref()?.into()));
    let axis = |label: &str| Axis::new(label, Unit::Number).with_scale(Scale::Log2);
    let last = measured_end(curve);
    let ends = |p: &CurvePoint| (base.speedup(p.at, p.upper_s), base.speedup(p.at, p.lower_s));
    let forecast = curve.points.iter().map(|p| (p.at, base.speedup(p.at, p.time_s)));
    let chart = Chart::new(title("Speed-up", result, curve), axis("workers"), axis("speed-up"))
        .with(Series::band("90 % band", Role::Forecast, band(curve, ends)))
        .with(Series::line("ideal", Role::Ideal, curve.points.iter().map(|p| (p.at, p.at))))
        .with(Series::line("forecast", Role::Fit, forecast))
        .with(Series::points("measured", Role::Measured, measured));
    Some(with_end(chart, last, curve))
}

/// Elapsed time over workers, at the largest size.
pub(super) fn time_over_workers(result: &ScaleResult) -> Option<Chart> {
    let curve = over_workers(result)?;
    let title = title("Time", result, curve);
    let points = of_curve(result, curve);
    let x = Axis::new("workers", Unit::Number).with_scale(Scale::Log2);
    Some(time_chart(title, x, curve, points.iter().map(|point| (f64::from(point.p), *point))))
}

/// Elapsed time over the size, at the fewest workers.
pub(super) fn time_over_size(result: &ScaleResult) -> Option<Chart> {
    let curve = result.curves.iter().find(|curve| curve.p.is_some())?;
    let p = curve.p?;
    let title = format!("Time on {p} worker{}", if p == 1 { "" } else { "s" });
    let points = result.points.iter().filter(|point| point.p == p);
    let x = Axis::new("n", Unit::Number).with_scale(Scale::Log10);
    Some(time_chart(title, x, curve, points.filter_map(|point| Some((point.n?, point)))))
}

fn time_chart<'a>(
    title: String,
    x: Axis,
    curve: &Curve,
    points: impl Iterator<Item = (f64, &'a PointResult)>,
) -> Chart {
    let y = Axis::new("time", Unit::Seconds).with_scale(Scale::Log10);
    let measured = points.filter_map(|(at, point)| spread(at, point.time_s.as_ref()?.into()));
    let chart = Chart::new(title, x, y)
        .with(Series::band("90 % band", Role::Forecast, band(curve, |p| (p.lower_s, p.upper_s))))
        .with(Series::line("forecast", Role::Fit, curve.points.iter().map(|p| (p.at, p.time_s))))
        .with(Series::points("measured", Role::Measured, measured));
    with_end(chart, measured_end(curve), curve)
}

/// Efficiency over workers, at the largest size.
pub(super) fn efficiency(result: &ScaleResult) -> Option<Chart> {
    let curve = over_workers(result)?;
    let base = Base::of(result, curve)?;
    let points = of_curve(result, curve);
    let measured =
        points.iter().filter_map(|point| spread(f64::from(point.p), point.efficiency.as_ref()?.into()));
    let x = Axis::new("workers", Unit::Number).with_scale(Scale::Log2);
    let y = Axis::new("efficiency", Unit::Fraction);
    let line = curve.points.iter().map(|p| (p.at, base.speedup(p.at, p.time_s) / p.at));
    let chart = Chart::new(title("Efficiency", result, curve), x, y)
        .with(Series::line("forecast", Role::Fit, line))
        .with(Series::points("measured", Role::Measured, measured));
    Some(with_end(chart, measured_end(curve), curve))
}

/// Peak memory over the size, one line of points a number of workers.
pub(super) fn memory(result: &ScaleResult) -> Option<Chart> {
    let memory = result.memory.as_ref()?;
    let mut workers: Vec<u32> = result.points.iter().map(|point| point.p).collect();
    workers.sort_unstable();
    workers.dedup();
    let x = Axis::new("n", Unit::Number).with_scale(Scale::Log10);
    let y = Axis::new("peak memory", Unit::Bytes).with_scale(Scale::Log10);
    let mut chart = Chart::new("Peak memory", x, y);
    for (index, p) in workers.into_iter().enumerate() {
        let points = result.points.iter().filter(|point| point.p == p);
        let spreads = points.filter_map(|point| spread(point.n?, point.peak_rss_bytes.as_ref()?.into()));
        let role = if index == 0 { Role::Measured } else { Role::Other(index as u8) };
        chart = chart.with(Series::points(format!("measured, p = {p}"), role, spreads));
    }
    if let Some(limit) = memory.limit_bytes {
        chart = chart.with_mark(Mark::horizontal(limit as f64, "limit"));
    }
    Some(chart)
}

fn over_workers(result: &ScaleResult) -> Option<&Curve> {
    result.curves.iter().find(|curve| curve.p.is_none())
}

fn is_weak(result: &ScaleResult) -> bool {
    result.scaling.iter().any(|scaling| scaling.weak)
}

fn title(what: &str, result: &ScaleResult, curve: &Curve) -> String {
    if is_weak(result) {
        return format!("{what}, the size growing with the workers{}", from_size(curve.n));
    }
    format!("{what}{}", super::at_size(curve.n))
}

fn from_size(n: Option<f64>) -> String {
    n.map_or_else(String::new, |n| format!(" from n = {}", Unit::Number.format(n)))
}

/// The points that lie on a curve over the workers.
fn of_curve<'a>(result: &'a ScaleResult, curve: &Curve) -> Vec<&'a PointResult> {
    let is_weak = is_weak(result);
    let is_on = |point: &&PointResult| {
        if is_weak { point.grown_from == curve.n && curve.n.is_some() } else { point.n == curve.n }
    };
    result.points.iter().filter(is_on).collect()
}

/// What a speed-up is over.
struct Base {
    one_worker_s: f64,
    is_weak: bool,
}

impl Base {
    fn of(result: &ScaleResult, curve: &Curve) -> Option<Self> {
        let base = of_curve(result, curve).into_iter().find(|point| point.p == 1)?;
        Some(Self { one_worker_s: base.time_s?.value, is_weak: is_weak(result) })
    }

    /// T(n, 1) / T(n, p), or p times as much where p times the work was done.
    fn speedup(&self, p: f64, time_s: f64) -> f64 {
        let work = if self.is_weak { p } else { 1.0 };
        work * self.one_worker_s / time_s
    }
}

struct Spread {
    value: f64,
    ends: Option<(f64, f64)>,
}

impl From<&Estimate> for Spread {
    fn from(estimate: &Estimate) -> Self {
        Self { value: estimate.value, ends: estimate.interval.map(|i| (i.lower, i.upper)) }
    }
}

fn spread(at: f64, spread: Spread) -> Option<PlotPoint> {
    let point = PlotPoint::new(at, spread.value);
    Some(match spread.ends {
        Some((lower, upper)) => point.with_spread(lower, upper),
        None => point,
    })
}

fn band(curve: &Curve, ends: impl Fn(&CurvePoint) -> (f64, f64)) -> Vec<(f64, f64, f64)> {
    let triple = |point: &CurvePoint| {
        let (lower, upper) = ends(point);
        (point.at, lower, upper)
    };
    curve.points.iter().map(triple).collect()
}

fn measured_end(curve: &Curve) -> Option<f64> {
    curve.points.iter().filter(|point| !point.extrapolated).map(|point| point.at).reduce(f64::max)
}

fn with_end(chart: Chart, end: Option<f64>, curve: &Curve) -> Chart {
    match end {
        Some(end) if curve.points.iter().any(|point| point.at > end) => {
            chart.with_mark(Mark::beyond(end, "extrapolated"))
        }
        _ => chart,
    }
}
