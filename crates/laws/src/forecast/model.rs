//! The model of a workload's time, and what it forecasts.

use festina_types::{Estimate, Interval, Method};
use serde::Serialize;

use super::averaging::Outlook;
use super::points::{Place, merge};
use super::strong::Scaling;
use crate::conformal::{Bands, at_level};
use crate::error::{require, require_level};
use crate::growth::Growth;
use crate::joint::{Joint, JointLaw};
use crate::prior::ShapePrior;
use crate::{LawError, Observation};

/// What forecasts rest on besides the measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// How often each shape of a curve is met.
    pub prior: ShapePrior,
    /// How wide bands must be.
    pub bands: Bands,
}

impl Calibration {
    /// Returns what was derived from published measurements.
    pub fn published() -> Self {
        Self { prior: ShapePrior::published(), bands: Bands::published() }
    }
}

/// How to fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Numbers of workers up to which, inclusive, the machine is of one kind: the physical cores of a socket, all
    /// physical cores. No curve is fitted across one.
    pub boundaries: Vec<f64>,
}

/// The structure that a model found in the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// Several numbers of workers, one size.
    Strong,
    /// The size grows with the number of workers.
    Weak,
    /// Several sizes, one number of workers.
    Size,
    /// Several numbers of workers at several sizes.
    Grid,
}

/// A law that a forecast rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// Its name or formula.
    pub law: String,
    /// Its share in the forecast; the shares shown sum to at most 1.
    pub weight: f64,
    /// What it alone forecasts, in seconds.
    pub value: f64,
}

/// A forecast of T(n, p).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The size; `None` where the workload has none.
    pub n: Option<f64>,
    /// The number of workers.
    pub p: f64,
    /// The elapsed time in seconds, positive.
    pub value: f64,
    /// Its band.
    pub interval: Interval,
    /// Whether the point lies outside of what was measured.
    pub extrapolated: bool,
    /// How many times beyond the measured sizes it lies (above or below); 1 inside.
    pub extrapolation_factor_n: f64,
    /// How many times beyond the measured numbers of workers it lies; 1 inside.
    pub extrapolation_factor_p: f64,
    /// A boundary of the machine between the point and the measurements that it rests on: the band can't know what
    /// happens there.
    pub crosses: Option<f64>,
    /// The laws that it rests on, the heaviest first.
    pub basis: Vec<Member>,
}

impl Forecast {
    /// Returns the value with its band.
    pub fn estimate(&self) -> Estimate {
        Estimate { value: self.value, interval: Some(self.interval), method: Method::Conformal }
    }

    /// Returns by what factor the forecasts of the laws that carry at least 5 % of it differ; 1 if one does.
    pub fn disagreement(&self) -> f64 {
        let leading = || self.basis.iter().filter(|member| member.weight >= 0.05).map(|member| member.value);
        let (low, high) = (leading().fold(f64::INFINITY, f64::min), leading().fold(0.0, f64::max));
        if low > 0.0 && high >= low { high / low } else { 1.0 }
    }
}

/// A workload's time as a function of size and workers, fitted to measurements.
///
/// ```
/// use festina_laws::{Observation, forecast::Model};
/// // Amdahl's law with T₁ = 100 s and a serial fraction of 4 %: T(32) = 4 + 96 / 32 = 7 s.
/// let measured = [1.0, 2.0, 4.0, 8.0].map(|p| Observation::new(p, 4.0 + 96.0 / p));
/// let model = Model::fit(&measured)?;
/// let forecast = model.forecast(None, 32.0, 0.9)?;
/// assert!(forecast.extrapolated && forecast.extrapolation_factor_p == 4.0);
/// assert!((forecast.value / 7.0 - 1.0).abs() < 0.1, "{}", forecast.value);
/// assert!(forecast.interval.contains(7.0));
/// # Ok::<(), festina_laws::LawError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    bands: Bands,
    has_sizes: bool,
    /// The one size, where there is one.
    size: f64,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Strong(Regimes),
    Weak(WeakLine),
    Size { p: f64, growth: Growth },
    Grid(Box<Joint>),
}

impl Model {
    /// Fits what `observations` can carry. Repeated observations of a point count as their median.
    ///
    /// # Errors
    ///
    /// [`LawError::Observation`] for a value out of range or a size given for some observations and not for
    /// others, [`LawError::TooFew`] if neither n nor p takes two values.
    pub fn fit(observations: &[Observation]) -> Result<Self, LawError> {
        Self::fit_with(observations, &Options::default(), &Calibration::published())
    }

    /// Fits with `options`, and with a calibration of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Model::fit`], and [`LawError::Parameter`] for a boundary that is not positive.
    pub fn fit_with(
        observations: &[Observation],
        options: &Options,
        calibration: &Calibration,
    ) -> Result<Self, LawError> {
        Observation::check(observations)?;
        require_sizes_for_all_or_none(observations)?;
        let boundaries = sorted_boundaries(&options.boundaries)?;
        let places = merge(observations);
        let has_sizes = observations.first().is_some_and(|observation| observation.n.is_some());
        let size = places.first().map_or(1.0, |place| place.n);
        let kind = match structure(&places)? {
            Structure::Strong => Kind::Strong(Regimes::fit(places, &boundaries, &calibration.prior)?),
            Structure::Weak => Kind::Weak(WeakLine::fit(places)?),
            Structure::Size => Kind::Size { p: places[0].p, growth: Growth::of_places(places)? },
            Structure::Grid => Kind::Grid(Box::new(Joint::fit(places, &calibration.prior)?)),
        };
        Ok(Self { bands: calibration.bands, has_sizes, size, kind })
    }

    /// Returns the structure that was found.
    pub fn structure(&self) -> Structure {
        match self.kind {
            Kind::Strong(_) => Structure::Strong,
            Kind::Weak(_) => Structure::Weak,
            Kind::Size { .. } => Structure::Size,
            Kind::Grid(_) => Structure::Grid,
        }
    }

    /// Returns the forecast at size `n` (`None`: the measured size, or the largest) on `p` workers, with a band at
    /// `level`.
    ///
    /// # Errors
    ///
    /// [`LawError::Parameter`] for an n, p or level out of range, [`LawError::NotIdentifiable`] where the
    /// measurements say nothing about the direction asked for: another size where one was measured, another
    /// number of workers where one was, a point off the line n(p) of weak scaling.
    pub fn forecast(&self, n: Option<f64>, p: f64, level: f64) -> Result<Forecast, LawError> {
        require_level(level)?;
        require(p >= 1.0 && p.is_finite(), "the number of workers", "finite and at least 1", p)?;
        let n = match n {
            Some(n) => require(n > 0.0 && n.is_finite(), "the size", "positive and finite", n)?,
            None => self.default_size(p),
        };
        let ahead = self.ahead(n, p, level)?;
        let value = ahead.ln_value.exp();
        let half = ahead.half_width;
        let interval =
            Interval { lower: (ahead.ln_value - half).exp(), upper: (ahead.ln_value + half).exp(), level };
        let (factor_n, factor_p) = self.extrapolation(n, p);
        Ok(Forecast {
            n: self.has_sizes.then_some(n),
            p,
            value,
            interval,
            extrapolated: factor_n > 1.0 || factor_p > 1.0,
            extrapolation_factor_n: factor_n,
            extrapolation_factor_p: factor_p,
            crosses: ahead.crosses,
            basis: ahead.basis,
        })
    }

    /// Returns the whole number of workers up to `max` with the shortest time forecast at size `n`; the smallest
    /// of several within 1 ‰ of it.
    ///
    /// # Errors
    ///
    /// As [`Model::forecast`], and [`LawError::Parameter`] if `max` is 0.
    pub fn best_p(&self, n: Option<f64>, max: u32) -> Result<u32, LawError> {
        require(max > 0, "the largest number of workers", "at least 1", f64::from(max))?;
        let mut best = (1, self.value(n, 1.0)?);
        for p in candidates(max) {
            let value = self.value(n, f64::from(p))?;
            if value < best.1 * 0.999 {
                best = (p, value);
            }
        }
        // Refine between the neighbours of the best candidate on the coarse grid.
        let (low, high) = (best.0 - best.0 / 16, best.0.saturating_add(best.0 / 16).min(max));
        for p in low..=high {
            let value = self.value(n, f64::from(p))?;
            if value < best.1 * 0.999 {
                best = (p, value);
            }
        }
        Ok(best.0)
    }

    fn value(&self, n: Option<f64>, p: f64) -> Result<f64, LawError> {
        let n = n.unwrap_or_else(|| self.default_size(p));
        Ok(self.ahead(n, p, 0.5)?.ln_value.exp())
    }

    /// Returns the interval at `level` of the number of workers with the shortest time, up to `max`, which stands for
    /// all beyond it; `None` where the measurements do not tell, as where the size varies.
    ///
    /// Each shape that the measurements leave possible has its own such number; their weights make the interval. It
    /// holds [`Model::best_p`], which follows the forecast.
    ///
    /// ```
    /// use festina_laws::{Observation, forecast::Model};
    /// // USL with its shortest time on √(96 / 0.06) = 40 workers.
    /// let time = |p: f64| 4.0 + 96.0 / p + 0.06 * p;
    /// let measured = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0].map(|p| Observation::new(p, time(p)));
    /// let interval = Model::fit(&measured)?.best_p_interval(1024, 0.9)?.unwrap();
    /// assert!(interval.contains(40.0) && interval.upper < 1024.0, "{interval:?}");
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Model::best_p`].
    pub fn best_p_interval(&self, max: u32, level: f64) -> Result<Option<Interval>, LawError> {
        require_level(level)?;
        let Kind::Strong(regimes) = &self.kind else { return Ok(None) };
        let (best, most) = (f64::from(self.best_p(None, max)?), f64::from(max));
        let turning = Turning::of(regimes.last());
        let tail = (1.0 - level) / 2.0;
        let at = |probability: f64| turning.quantile(probability).map_or(most, |p| p.clamp(1.0, most));
        Ok(Some(Interval { lower: at(tail).min(best), upper: at(1.0 - tail).max(best), level }))
    }

    /// Returns the number of workers beyond which the time rises, with its interval; `None` unless the
    /// measurements show with probability `level` that there is one.
    pub fn peak(&self, level: f64) -> Option<Estimate> {
        let Kind::Strong(regimes) = &self.kind else { return None };
        let turning = Turning::of(regimes.last());
        let tail = (1.0 - level) / 2.0;
        let (lower, upper) = (turning.quantile(tail)?, turning.quantile(1.0 - tail)?);
        let interval = Some(Interval { lower, upper, level });
        Some(Estimate { value: turning.quantile(0.5)?, interval, method: Method::Fit })
    }

    /// Returns how the time grows with n, where one number of workers was measured at several sizes.
    pub fn growth(&self) -> Option<&Growth> {
        match &self.kind {
            Kind::Size { growth, .. } => Some(growth),
            Kind::Grid(joint) => joint.growth(),
            _ => None,
        }
    }

    /// Returns the law of n and p together, where several of both were measured.
    pub fn joint_law(&self) -> Option<&JointLaw> {
        match &self.kind {
            Kind::Grid(joint) => Some(joint.law()),
            _ => None,
        }
    }

    /// Returns how many of the first points were left out because the speed-up up to them is superlinear: more
    /// than p-fold, as when the data of one worker begin to fit its cache.
    pub fn superlinear_points(&self) -> usize {
        match &self.kind {
            Kind::Strong(regimes) => regimes.segments[0].skipped,
            _ => 0,
        }
    }

    /// Returns the measured range of sizes, `None` where the workload has none, and that of workers.
    pub fn measured(&self) -> (Option<(f64, f64)>, (f64, f64)) {
        let (sizes, workers) = match &self.kind {
            Kind::Strong(regimes) => ((self.size, self.size), regimes.range()),
            Kind::Weak(line) => (line.sizes(), line.scaling.range()),
            Kind::Size { p, growth } => (growth.range(), (*p, *p)),
            Kind::Grid(joint) => (joint.sizes(), joint.workers()),
        };
        (self.has_sizes.then_some(sizes), workers)
    }

    /// Returns by how much the standard deviation of ln T at `(n, p)` would shrink with a measurement at `extra`,
    /// as a factor of at most 1; `None` where the model can't tell.
    pub(crate) fn shrinkage(&self, (n, p): (f64, f64), extra: (f64, f64)) -> Option<f64> {
        match &self.kind {
            Kind::Strong(regimes) => Some(regimes.for_workers(p).0.shrinkage(p, extra.1)),
            Kind::Weak(line) => Some(line.scaling.shrinkage(p, extra.1)),
            Kind::Size { growth, .. } => Some(growth.shrinkage(n, extra.0)),
            Kind::Grid(joint) => joint.shrinkage((n, p), extra),
        }
    }

    pub(crate) fn default_size(&self, p: f64) -> f64 {
        match &self.kind {
            Kind::Strong(_) => self.size,
            Kind::Weak(line) => line.size_at(p),
            Kind::Size { growth, .. } => growth.range().1,
            Kind::Grid(joint) => joint.sizes().1,
        }
    }

    fn ahead(&self, n: f64, p: f64, level: f64) -> Result<Ahead, LawError> {
        match &self.kind {
            Kind::Strong(regimes) => {
                if n != self.size {
                    return Err(LawError::NotIdentifiable("how the time grows with n"));
                }
                let (scaling, crosses) = regimes.for_workers(p);
                let is_inside = is_inside(p, scaling.range());
                let band = |bands: &Bands| bands.strong;
                Ok(self.with_band(scaling.outlook(p), is_inside, band, level, scaling.members(p), crosses))
            }
            Kind::Weak(line) => {
                if !line.contains(n, p) {
                    return Err(LawError::NotIdentifiable("the time off the line on which n grows with p"));
                }
                let is_inside = is_inside(p, line.scaling.range());
                let outlook = line.scaling.outlook(p);
                Ok(self.with_band(
                    outlook,
                    is_inside,
                    |bands| bands.weak,
                    level,
                    line.scaling.members(p),
                    None,
                ))
            }
            Kind::Size { p: measured, growth } => {
                if p != *measured {
                    return Err(LawError::NotIdentifiable("how the time falls with p"));
                }
                let is_inside = is_inside(n, growth.range());
                let outlook = growth.outlook(n);
                Ok(self.with_band(outlook, is_inside, |bands| bands.size, level, growth.members(n), None))
            }
            Kind::Grid(joint) => {
                let composed = joint.outlook(n, p);
                let strong = at_level(&self.bands.strong, level) * composed.sd_p;
                let size = at_level(&self.bands.size, level) * composed.sd_n;
                let half_width = strong.hypot(size);
                Ok(Ahead {
                    ln_value: composed.ln_value,
                    half_width,
                    crosses: None,
                    basis: joint.members(n, p),
                })
            }
        }
    }

    fn with_band(
        &self,
        outlook: Outlook,
        is_inside: bool,
        band: impl Fn(&Bands) -> [f64; 6],
        level: f64,
        basis: Vec<Member>,
        crosses: Option<f64>,
    ) -> Ahead {
        // Inside, the error is that of measuring, and of the bridge between two points.
        let bands = if is_inside { Bands::normal() } else { self.bands };
        let half_width = at_level(&band(&bands), level) * outlook.sd;
        Ahead { ln_value: outlook.ln_value, half_width, crosses, basis }
    }

    fn extrapolation(&self, n: f64, p: f64) -> (f64, f64) {
        let beyond = |value: f64, (first, last): (f64, f64)| (value / last).max(first / value).max(1.0);
        let (sizes, workers) = self.measured();
        (sizes.map_or(1.0, |sizes| beyond(n, sizes)), beyond(p, workers))
    }
}

/// A forecast of ln T before it is dressed up.
struct Ahead {
    ln_value: f64,
    half_width: f64,
    crosses: Option<f64>,
    basis: Vec<Member>,
}

/// The numbers of workers from which on the time rises, each with its weight, ascending.
struct Turning(Vec<(f64, f64)>);

impl Turning {
    fn of(scaling: &Scaling) -> Self {
        let mut points = scaling.turning_points();
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        Self(points)
    }

    /// `None` where so much of the weight has shapes whose time always falls.
    fn quantile(&self, probability: f64) -> Option<f64> {
        let mut sum = 0.0;
        let reached = self.0.iter().find(|(weight, _)| {
            sum += weight;
            sum >= probability
        });
        reached.map(|&(_, p)| p)
    }
}

fn is_inside(value: f64, (first, last): (f64, f64)) -> bool {
    first <= value && value <= last
}

/// Returns numbers of workers up to `max`: all up to 64, then in steps of a sixteenth.
fn candidates(max: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(1_u32), move |&p| {
        (p < max).then(|| p.saturating_add((p / 16).max(1)).min(max))
    })
}

fn require_sizes_for_all_or_none(observations: &[Observation]) -> Result<(), LawError> {
    let has_size = observations.first().is_some_and(|first| first.n.is_some());
    match observations.iter().position(|observation| observation.n.is_some() != has_size) {
        None => Ok(()),
        Some(index) => {
            let expected = "given for all observations or for none";
            let value = observations[index].n.unwrap_or(f64::NAN);
            Err(LawError::Observation { index, name: "n", expected, value })
        }
    }
}

fn sorted_boundaries(boundaries: &[f64]) -> Result<Vec<f64>, LawError> {
    let mut sorted = boundaries.to_vec();
    sorted.sort_by(f64::total_cmp);
    for &boundary in boundaries {
        require(boundary > 0.0, "a boundary of the machine", "positive", boundary)?;
    }
    Ok(sorted)
}

/// Returns the structure that sorted, merged places have.
fn structure(places: &[Place]) -> Result<Structure, LawError> {
    let sizes = distinct(places, |place| place.n);
    let workers = distinct(places, |place| place.p);
    match (sizes, workers) {
        (0 | 1, 0 | 1) => {
            let unit = "different numbers of workers or sizes";
            Err(LawError::TooFew { what: "a forecast", needed: 2, unit, given: places.len() })
        }
        (1, _) => Ok(Structure::Strong),
        (_, 1) => Ok(Structure::Size),
        _ if is_rising_line(places, sizes, workers) => Ok(Structure::Weak),
        _ => Ok(Structure::Grid),
    }
}

/// Returns whether each size was measured at one number of workers, and grows with it.
fn is_rising_line(places: &[Place], sizes: usize, workers: usize) -> bool {
    sizes == places.len() && workers == places.len() && places.windows(2).all(|pair| pair[0].p < pair[1].p)
}

pub(crate) fn distinct(places: &[Place], of: impl Fn(&Place) -> f64) -> usize {
    let mut values: Vec<f64> = places.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.len()
}

/// Curves over p, one for each part of the machine with at least two points.
#[derive(Clone, Debug)]
struct Regimes {
    boundaries: Vec<f64>,
    segments: Vec<Scaling>,
}

impl Regimes {
    fn fit(places: Vec<Place>, boundaries: &[f64], prior: &ShapePrior) -> Result<Self, LawError> {
        let regime = |p: f64| boundaries.partition_point(|&boundary| boundary < p);
        let mut segments = Vec::new();
        for segment in places.chunk_by(|a, b| regime(a.p) == regime(b.p)).filter(|segment| segment.len() > 1)
        {
            segments.push(Scaling::of_places(segment.to_vec(), prior)?);
        }
        if segments.is_empty() {
            let unit = "numbers of workers on one side of the machine's boundaries";
            return Err(LawError::TooFew { what: "a forecast", needed: 2, unit, given: 1 });
        }
        Ok(Self { boundaries: boundaries.to_vec(), segments })
    }

    fn last(&self) -> &Scaling {
        &self.segments[self.segments.len() - 1]
    }

    fn range(&self) -> (f64, f64) {
        (self.segments[0].range().0, self.last().range().1)
    }

    /// Returns the curve for `p` workers, and a boundary between them if there is one.
    fn for_workers(&self, p: f64) -> (&Scaling, Option<f64>) {
        let regime = |p: f64| self.boundaries.partition_point(|&boundary| boundary < p);
        let of_segment = |segment: &Scaling| regime(segment.range().0);
        let below = self.segments.iter().rfind(|segment| of_segment(segment) <= regime(p));
        let segment = below.unwrap_or(&self.segments[0]);
        let (low, high) = (of_segment(segment).min(regime(p)), of_segment(segment).max(regime(p)));
        (segment, self.boundaries[low..high].first().copied())
    }
}

/// Weak scaling: a curve over p along the line n(p).
#[derive(Clone, Debug)]
struct WeakLine {
    scaling: Scaling,
}

impl WeakLine {
    fn fit(places: Vec<Place>) -> Result<Self, LawError> {
        Ok(Self { scaling: Scaling::weak(places)? })
    }

    fn sizes(&self) -> (f64, f64) {
        let places = &self.scaling.places;
        (places[0].n, places[places.len() - 1].n)
    }

    /// Returns the size at `p` workers: on the measured line, straight in logarithms and at its ends continued.
    fn size_at(&self, p: f64) -> f64 {
        let places = &self.scaling.places;
        let after = places.partition_point(|place| place.p < p).clamp(1, places.len() - 1);
        let (left, right) = (places[after - 1], places[after]);
        let share = (p / left.p).ln() / (right.p / left.p).ln();
        left.n * (share * (right.n / left.n).ln()).exp()
    }

    /// Returns whether `(n, p)` lies on the line, but for rounding to whole sizes and 2 %.
    fn contains(&self, n: f64, p: f64) -> bool {
        let on_line = self.size_at(p);
        (n - on_line).abs() <= (0.02 * on_line).max(0.5)
    }
}
