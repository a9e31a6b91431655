//! The answer, as plain data.

use festina_load::{LoadResult, Sizing};
use festina_types::{Estimate, Exit, Finding, Seconds};
use serde::Serialize;

use super::project::FailOn;
use crate::load::KneeAnswer;
use crate::{Versioned, versioned};

/// From this probability on, it is ready.
pub(crate) const READY: f64 = 0.9;
/// Up to this one, it is not.
pub(crate) const NOT_READY: f64 = 0.1;

/// Whether something is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// With a probability of at least 90 %.
    Ready,
    /// With one of at most 10 %.
    NotReady,
    /// Neither.
    Unsure,
}

impl Verdict {
    /// Returns the verdict of a probability.
    ///
    /// ```
    /// use festina::ready::Verdict;
    /// assert_eq!(Verdict::of(0.95), Verdict::Ready);
    /// assert_eq!(Verdict::of(0.5), Verdict::Unsure);
    /// assert_eq!(Verdict::of(0.02), Verdict::NotReady);
    /// ```
    pub fn of(probability: f64) -> Self {
        match probability {
            p if p >= READY => Self::Ready,
            p if p <= NOT_READY => Self::NotReady,
            _ => Self::Unsure,
        }
    }

    /// Returns the verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::NotReady => "NOT READY",
            Self::Unsure => "UNSURE",
        }
    }
}

/// All answers of a project.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyResult {
    /// The project.
    pub project: String,
    /// The worst of its verdicts.
    pub verdict: Verdict,
    /// The questions, in the order of train, predict, serve.
    pub questions: Vec<Question>,
    /// What it was measured on.
    pub machine: String,
    /// How long the answer took.
    pub elapsed_s: Seconds,
    /// Which verdicts fail a build.
    #[serde(skip)]
    pub fail_on: Option<FailOn>,
}

/// A question and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// `train`, `predict`, `serve`; with `@ROWS` where several numbers of rows are asked about.
    pub id: String,
    /// The question in words.
    pub asks: String,
    /// The answer.
    pub verdict: Verdict,
    /// The probability that it is ready.
    pub p_ready: f64,
    /// The unit of `estimate` and `target`: `s` or `requests/s`.
    pub unit: Measure,
    /// What is forecast or was found.
    pub estimate: Option<Estimate>,
    /// What is asked for.
    pub target: f64,
    /// The memory it needs.
    pub memory: Option<Memory>,
    /// What would make it ready, the best first.
    pub fixes: Vec<Fix>,
    /// What would decide it, where it is unsure.
    pub next: Option<NextMeasurement>,
    /// What the answer rests on, in words.
    pub evidence: Vec<(String, String)>,
    /// What is to be known about it.
    pub findings: Vec<Finding>,
    /// The growth over rows that the answer comes from.
    pub growth: Option<GrowthDetails>,
    /// What was seen of the service.
    pub service: Option<ServiceDetails>,
}

/// What a question is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Measure {
    /// Seconds: less is better.
    #[serde(rename = "s")]
    Seconds,
    /// Requests a second: more is better.
    #[serde(rename = "requests/s")]
    Rate,
}

/// What a run or a service needs of memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// The peak in bytes.
    pub peak_bytes: Estimate,
    /// What there is.
    pub limit_bytes: Option<u64>,
    /// The probability that it is not enough.
    pub p_out_of_memory: Option<f64>,
    /// The number of rows at which that probability is 5 %; `None` where it is not to be told.
    pub rows_at_5_percent: Option<f64>,
}

/// Something that would help.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fix {
    /// What kind of change.
    pub kind: FixKind,
    /// What to do.
    pub change: String,
    /// What it would give, in the unit of the question.
    pub effect: Option<Estimate>,
    /// The probability that it is ready then.
    pub p_ready: Option<f64>,
    /// Whether the effect was measured, and not computed.
    pub is_measured: bool,
    /// What it costs: of a run, or of an hour of a service.
    pub cost: Option<f64>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixKind {
    /// Let fewer requests overlap.
    Concurrency,
    /// More copies of the service.
    Replicas,
    /// More cores.
    Cores,
    /// Make parallel what is serial.
    SerialPart,
    /// More memory.
    Memory,
    /// A faster program.
    Faster,
    /// Fewer rows.
    Rows,
}

/// A measurement that would decide.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextMeasurement {
    /// What to measure.
    pub what: String,
    /// How long it takes.
    pub time_s: Seconds,
    /// What it costs.
    pub cost: Option<f64>,
    /// The probability that it decides.
    pub p_decides: Option<f64>,
}

/// How something grows with the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrowthDetails {
    /// The stored run, which `festina scale --from` reads.
    pub run: String,
    /// Every finished run: rows, cores, seconds, bytes.
    pub runs: Vec<GrowthRun>,
    /// The forecast over the rows.
    pub curve: Vec<CurvePoint>,
    /// The rows that are asked about.
    pub rows: f64,
    /// What a run needs before the first row, in seconds.
    pub floor_s: Estimate,
    /// The exponent of what grows.
    pub exponent: Estimate,
    /// The share of what grows that more cores do not make faster; `None` where it was not measured.
    pub serial_fraction: Option<Estimate>,
}

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GrowthRun {
    /// Rows.
    pub rows: f64,
    /// Cores.
    pub cores: u32,
    /// Elapsed time in seconds.
    pub time_s: f64,
    /// Peak memory in bytes.
    pub peak_rss_bytes: u64,
    /// Whether other load disturbed it.
    pub is_disturbed: bool,
}

/// A forecast at a number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Rows.
    pub rows: f64,
    /// Elapsed time in seconds.
    pub time_s: f64,
    /// The lower end of its 90 % band.
    pub lower_s: f64,
    /// The upper end.
    pub upper_s: f64,
}

/// What was seen of a service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceDetails {
    /// From its start until it was ready, in seconds.
    pub start_s: Seconds,
    /// How long its first answer took, in seconds.
    pub first_answer_s: Seconds,
    /// The knee of one process.
    pub knee: Option<KneeAnswer>,
    /// The knee with as many requests at a time as suit it best, where it gets slower as they overlap.
    pub calmed: Option<Calmed>,
    /// A window at the rate that is asked about.
    pub window: Option<LoadResult>,
    /// How many replicas the rate needs.
    pub replicas: Option<Sizing>,
}

/// A service that is given no more requests at a time than suit it.
#[derive(Clone, Debug, Serialize)]
pub struct Calmed {
    /// How many at a time.
    pub concurrency: usize,
    /// The knee then.
    pub knee: KneeAnswer,
}

impl ReadyResult {
    /// Returns the answer as JSON of the schema `festina.ready/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.ready/1", self)
    }

    /// Returns the exit code: 0 ready, 1 not ready, 4 unsure, 5 unsure since the generator was the limit; what `[ci]` says
    /// of unsure answers comes first.
    pub fn exit(&self) -> Exit {
        let is_invalid = self.questions.iter().any(|question| {
            question.verdict == Verdict::Unsure
                && question.findings.iter().any(|f| f.code == "client-limited")
        });
        match (self.verdict, self.fail_on) {
            (Verdict::Ready, _) | (Verdict::Unsure, Some(FailOn::NotReady)) => Exit::Done,
            (Verdict::NotReady, _) | (Verdict::Unsure, Some(FailOn::Unsure)) => Exit::No,
            (Verdict::Unsure, None) if is_invalid => Exit::Invalid,
            (Verdict::Unsure, None) => Exit::Unsure,
        }
    }
}

impl Question {
    /// Returns a question whose answer is still open.
    pub(crate) fn new(id: impl Into<String>, asks: String, unit: Measure, target: f64) -> Self {
        Self {
            id: id.into(),
            asks,
            verdict: Verdict::Unsure,
            p_ready: 0.5,
            unit,
            estimate: None,
            target,
            memory: None,
            fixes: Vec::new(),
            next: None,
            evidence: Vec::new(),
            findings: Vec::new(),
            growth: None,
            service: None,
        }
    }

    /// Answers with a probability.
    pub(crate) fn answer(&mut self, p_ready: f64) {
        self.p_ready = p_ready;
        self.verdict = Verdict::of(p_ready);
    }

    /// Sorts the fixes: those that make it ready first, of these the cheapest, and what was measured before what was not.
    pub(crate) fn rank_fixes(&mut self) {
        self.fixes.sort_by(|a, b| {
            let helps = |fix: &Fix| fix.p_ready.unwrap_or(0.0) >= READY;
            let price = |fix: &Fix| fix.cost.unwrap_or(f64::INFINITY);
            helps(b)
                .cmp(&helps(a))
                .then(b.is_measured.cmp(&a.is_measured))
                .then(price(a).total_cmp(&price(b)))
        });
    }
}
