//! Does it train, does it predict, in time on that many rows? Measured small, forecast large.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use festina_laws::Observation;
use festina_laws::floor::{FloorGrowth, Tolerance};
use festina_measure::{
    Check, Design, Event, Measurements, Processes, Request, Sizes, Store, Workload, format_size,
    measure_growth,
};
use festina_types::{Bytes, CancelToken, Estimate, Finding, Sample, Seconds, Severity, Status, Workers};

use super::cores::Serial;
use super::project::{Batch, Data, Project};
use super::result::{CurvePoint, GrowthDetails, GrowthRun, Measure, Memory, NextMeasurement, Question};
use super::{ReadyObserver, Site, fixes, placeholders};
use crate::{Error, cores_json};

/// The level of forecast bands.
pub(super) const BAND: f64 = 0.9;
/// While measuring, an answer this sure needs no more runs.
const SURE: f64 = 0.995;
/// A single run may take this share of the budget.
const LONGEST_RUN: f64 = 0.75;
/// Points of the curve that is drawn.
const CURVE: usize = 40;
/// The finding that tells of the run before those that count: it is shown where the evidence is, for it is no news.
const WARM_UP: &str = "warm-up";
/// A run that was to decide has to be this likely to.
const WORTHWHILE: f64 = 0.8;

/// A command that runs on rows, and what is asked of it.
pub(super) struct BatchTask<'a> {
    pub(super) project: &'a Project,
    pub(super) data: &'a Data,
    /// `train` or `predict`.
    pub(super) name: &'static str,
    pub(super) batch: &'a Batch,
    pub(super) folder: &'a Path,
    pub(super) scratch: &'a Path,
    /// What `{model}` stands for in a command that does not train.
    pub(super) model: Option<&'a Path>,
}

/// What came of it.
pub(super) struct BatchAnswer {
    /// A question for each number of rows.
    pub(super) questions: Vec<Question>,
    /// The model that the largest run wrote, if it trains.
    pub(super) model: Option<PathBuf>,
}

/// What a growth was fitted to.
struct Measured<'a> {
    run: String,
    measurements: &'a Measurements,
    most: Workers,
    time: FloorGrowth,
    memory: Option<FloorGrowth>,
    serial: Option<Serial>,
}

impl BatchTask<'_> {
    /// Measures, and answers all questions.
    pub(super) fn ask(
        &self,
        site: &Site<'_>,
        observer: &mut dyn ReadyObserver,
        cancel: &CancelToken,
    ) -> Result<BatchAnswer, Error> {
        let most = Workers::new(site.machine.available_parallelism()).unwrap_or(Workers::MIN);
        let request = self.request(most)?;
        let (run, measurements) = self.measure(&request, site, observer, cancel)?;
        let finished = measurements.samples.iter().filter(|sample| sample.status.is_finished());
        let largest = finished.clone().filter_map(|sample| sample.point.n).fold(0.0, f64::max);
        let model =
            (largest > 0.0).then(|| self.own(largest).join(placeholders::model_name(&self.batch.command)));
        let rows = &self.data.rows_target;
        let questions = match self.fit(run, &measurements, most) {
            Ok(measured) => rows.iter().map(|rows| self.question(*rows, &measured, site)).collect(),
            Err(reason) => rows.iter().map(|rows| self.unanswered(*rows, &measurements, &reason)).collect(),
        };
        Ok(BatchAnswer { questions, model: model.filter(|path| path.exists()) })
    }

    /// The folder that runs on `rows` write into.
    fn own(&self, rows: f64) -> PathBuf {
        self.scratch.join(format!("{}-{}", self.name, format_size(rows)))
    }

    fn request(&self, most: Workers) -> Result<Request, Error> {
        let own = placeholders::quoted(&self.scratch.join(format!("{}-{{n}}", self.name)));
        let name = placeholders::model_name(&self.batch.command);
        let model = self.model.map_or(format!("{own}/{name}"), placeholders::quoted);
        let end =
            self.data.file.as_deref().and_then(Path::extension).map(|end| end.to_string_lossy().into_owned());
        let data = format!("{own}/data.{}", end.clone().unwrap_or_default());
        let values = [
            ("rows", "{n}".to_owned()),
            ("cores", "{p}".to_owned()),
            ("tmp", own.clone()),
            ("model", model),
            ("data", data.clone()),
        ];
        let command = placeholders::fill(&self.batch.command, &values);
        let mut prepare = format!("mkdir -p {own}");
        if let Some(file) = self.data.file.as_ref().filter(|_| self.mentions("{data}")) {
            // The first line of a table names its columns.
            let lines = if matches!(end.as_deref(), Some("csv" | "tsv")) { "$(({n} + 1))" } else { "{n}" };
            prepare += &format!(" && head -n \"{lines}\" {} > {data}", placeholders::quoted(file));
        }
        let mut workload = Workload::new(["sh", "-c", &command])?.with_prepare(prepare)?;
        for (name, value) in &self.batch.env {
            workload = workload.with_variable(name, placeholders::fill(value, &values))?;
        }
        if let Some(name) = &self.batch.cores_var {
            workload = workload.with_variable(name, "{p}")?;
        }
        workload.directory = Some(self.folder.to_owned());
        workload.timeout = Some(Seconds(self.batch.budget.0 * LONGEST_RUN));
        // A variable is filled with the cores too, and the cores are held to by affinity all the same.
        workload.pinning = festina_measure::Pinning::Always;
        let fewest = Workers::new(most.get() / 2).unwrap_or(Workers::MIN);
        let mut workers = vec![fewest, most];
        workers.dedup();
        let mut design = Design::new(Sizes::Adaptive { start: self.rows_least() }, workers);
        design.budget = self.batch.budget;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Ok(Request::new(workload, design, Check::parse("none".as_ref())?, now))
    }

    fn mentions(&self, placeholder: &str) -> bool {
        let in_env = self.batch.env.values().any(|text| text.contains(placeholder));
        in_env || self.batch.command.contains(placeholder)
    }

    fn rows_least(&self) -> f64 {
        self.batch.rows_least.min(self.rows_most())
    }

    /// No run is larger than what is asked about, nor than the file of rows.
    fn rows_most(&self) -> f64 {
        let asked = self.data.rows_target.iter().copied().fold(0.0, f64::max);
        if self.mentions("{data}") { asked.min(self.data.rows_now) } else { asked }
    }

    fn measure(
        &self,
        request: &Request,
        site: &Site<'_>,
        observer: &mut dyn ReadyObserver,
        cancel: &CancelToken,
    ) -> Result<(String, Measurements), Error> {
        observer.tell(&format!(
            "{}: a first run that does not count, then measuring for {} at most",
            self.name, self.batch.budget
        ));
        let mut executor = Processes::new(site.machine, site.environment.iter().cloned().collect())?;
        let mut folder = Store::new(site.state).create(request, &cores_json(site.machine, None))?;
        let mut is_known = |samples: &[Sample]| self.is_known(samples);
        let told = Told { name: self.name, observer: RefCell::new(observer) };
        let measured = measure_growth(
            request,
            self.rows_most(),
            &mut folder,
            &mut executor,
            &told,
            cancel,
            &mut is_known,
        );
        let run = folder.id().to_string();
        match measured {
            Ok(measurements) => Ok((run, measurements)),
            Err(error) => {
                if folder.is_empty() {
                    // An error in removing it says less than this one.
                    let _ = folder.discard();
                }
                Err(error.into())
            }
        }
    }

    /// Whether every question is answered as surely as it needs to be.
    fn is_known(&self, samples: &[Sample]) -> bool {
        let most = samples.iter().map(|sample| sample.point.p).max().unwrap_or(Workers::MIN);
        let Ok(time) = FloorGrowth::fit(&observations(samples, most, time_of), Tolerance::TIME) else {
            return false;
        };
        self.data.rows_target.iter().all(|rows| {
            let p = time.probability_within(*rows, self.batch.target.0).unwrap_or(0.5);
            !(1.0 - SURE..=SURE).contains(&p) && !time.has_changed()
        })
    }

    fn fit<'m>(
        &self,
        run: String,
        measurements: &'m Measurements,
        most: Workers,
    ) -> Result<Measured<'m>, String> {
        let samples = &measurements.samples;
        let time = FloorGrowth::fit(&observations(samples, most, time_of), Tolerance::TIME)
            .map_err(|error| error.to_string())?;
        let memory = FloorGrowth::fit(&observations(samples, most, peak_of), Tolerance::MEMORY).ok();
        let serial = Serial::measured(samples, most, &time);
        Ok(Measured { run, measurements, most, time, memory, serial })
    }

    fn id(&self, rows: f64) -> String {
        if self.data.rows_target.len() > 1 {
            format!("{}@{}", self.name, format_size(rows))
        } else {
            self.name.to_owned()
        }
    }

    /// Returns the question before anything is known.
    pub(super) fn unmeasured(&self, rows: f64) -> Question {
        let asks = format!("{} on {} rows within {}", self.name, grouped(rows), self.batch.target);
        Question::new(self.id(rows), asks, Measure::Seconds, self.batch.target.0)
    }

    fn question(&self, rows: f64, measured: &Measured<'_>, site: &Site<'_>) -> Question {
        let mut question = self.unmeasured(rows);
        let time = &measured.time;
        question.estimate = time.forecast(rows, BAND).ok();
        let p_time = time.probability_within(rows, self.batch.target.0).unwrap_or(0.5);
        let own = site.machine.limits.memory.or(site.machine.memory.total);
        question.memory =
            measured.memory.as_ref().and_then(|memory| needs(memory, rows, self.batch.memory.or(own)));
        let p_memory = question.memory.and_then(|memory| memory.p_out_of_memory).unwrap_or(0.0);
        question.answer(p_time * (1.0 - p_memory));
        question.growth = Some(self.details(rows, measured));
        question.evidence = self.evidence(rows, measured, p_time, p_memory);
        question.findings = noticed(measured.measurements);
        if time.has_changed() {
            question.findings.push(regime(time));
        }
        if measured.memory.as_ref().is_some_and(FloorGrowth::has_changed) {
            question.findings.push(memory_regime(time));
        }
        let there = site.machine.limits.memory.or(site.machine.memory.total);
        question.findings.extend(uncached(rows, &measured.measurements.samples, there));
        if question.verdict != super::Verdict::Ready {
            let subject = fixes::Subject {
                batch: self.batch,
                cost: self.project.cost,
                rows,
                cores: measured.most.get(),
                time,
                serial: measured.serial.as_ref(),
                memory: question.memory,
            };
            question.fixes = subject.fixes();
            question.rank_fixes();
        }
        if question.verdict == super::Verdict::Unsure {
            question.next = self.next(rows, measured, p_time);
        }
        question
    }

    /// The answer where there is nothing to forecast from.
    fn unanswered(&self, rows: f64, measurements: &Measurements, reason: &str) -> Question {
        let mut question = self.unmeasured(rows);
        question.findings = noticed(measurements);
        let least = grouped(self.rows_least());
        let longest = Seconds(self.batch.budget.0 * LONGEST_RUN);
        let longer =
            format!("give it longer: budget = \"{:.0} s\" in [{}]", self.batch.budget.0 * 3.0, self.name);
        let (p_ready, code, message, hint) = match measurements.samples.first().map(|sample| sample.status) {
            None | Some(Status::Finished) => {
                (None, "not-measured", format!("nothing is forecast: {reason}"), longer)
            }
            // That it is slow is no failure, unless it is slower than it may be.
            Some(Status::TimedOut) if longest.0 < self.batch.target.0 => (
                None,
                "not-measured",
                format!(
                    "a run on {least} rows takes longer than the {longest} that its budget leaves for one"
                ),
                longer,
            ),
            Some(Status::TimedOut) => (
                Some(0.0),
                "too-slow",
                format!("{} takes longer than {longest} even on {least} rows", self.name),
                "make its start faster: that is what takes the time on so few rows".to_owned(),
            ),
            Some(_) => (
                Some(0.0),
                "does-not-run",
                format!("{} does not even run on {least} rows", self.name),
                "run the command by hand in the project's folder, and see what it says".to_owned(),
            ),
        };
        if let Some(p_ready) = p_ready {
            question.answer(p_ready);
        }
        question.findings.push(Finding::new(Severity::Error, code, message).with_hint(hint));
        question
    }

    fn details(&self, rows: f64, measured: &Measured<'_>) -> GrowthDetails {
        let finished = measured.measurements.samples.iter().filter(|sample| sample.status.is_finished());
        let runs = finished.filter_map(|sample| {
            Some(GrowthRun {
                rows: sample.point.n?,
                cores: sample.point.p.get(),
                time_s: sample.usage.wall.0,
                peak_rss_bytes: sample.usage.peak_rss.0,
                is_disturbed: !sample.contamination.is_empty(),
            })
        });
        let (low, _) = measured.time.range();
        let curve = (0..=CURVE).filter_map(|k| {
            let n = low * (rows * 1.5 / low).powf(k as f64 / CURVE as f64);
            let forecast = measured.time.forecast(n, BAND).ok()?;
            let band = forecast.interval?;
            Some(CurvePoint { rows: n, time_s: forecast.value, lower_s: band.lower, upper_s: band.upper })
        });
        GrowthDetails {
            run: measured.run.clone(),
            runs: runs.collect(),
            curve: curve.collect(),
            rows,
            floor_s: measured.time.floor(BAND),
            exponent: measured.time.exponent(BAND),
            serial_fraction: measured.serial.as_ref().map(Serial::estimate),
        }
    }

    fn evidence(
        &self,
        rows: f64,
        measured: &Measured<'_>,
        p_time: f64,
        p_memory: f64,
    ) -> Vec<(String, String)> {
        let (low, high) = measured.time.range();
        let percent = |p: f64| format!("{:.0} %", 100.0 * p);
        let growth = measured.time.exponent(BAND);
        let floor = Seconds(measured.time.floor(BAND).value);
        let mut evidence = vec![
            (
                "measured".to_owned(),
                format!(
                    "{} to {} rows; forecast over {:.0}×",
                    grouped(low),
                    grouped(high),
                    (rows / high).max(1.0)
                ),
            ),
            ("growth".to_owned(), format!("{floor} of start-up, then as rows^{:.2}", growth.value)),
            ("in time".to_owned(), percent(p_time)),
        ];
        if self.batch.memory.is_some() || p_memory > 0.001 {
            evidence.push(("out of memory".to_owned(), percent(p_memory)));
        }
        if let Some(first) = measured.measurements.findings.iter().find(|finding| finding.code == WARM_UP) {
            evidence.push(("before that".to_owned(), first.message.clone()));
        }
        if let Some(serial) = &measured.serial {
            evidence.push(("serial share of what grows".to_owned(), serial.words()));
        }
        evidence
    }

    /// The smallest run that is likely to decide, or that at the target itself.
    fn next(&self, rows: f64, measured: &Measured<'_>, p_time: f64) -> Option<NextMeasurement> {
        if !(super::result::NOT_READY..super::result::READY).contains(&p_time) {
            return None;
        }
        let (_, largest) = measured.time.range();
        let limit = (rows, self.batch.target.0);
        let chance =
            |probe: f64| measured.time.chance_to_decide(limit, probe, super::result::READY).unwrap_or(0.0);
        let probes = [2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0].map(|factor| largest * factor);
        let probe =
            probes.into_iter().take_while(|probe| *probe < rows).find(|probe| chance(*probe) >= WORTHWHILE);
        let probe = probe.unwrap_or(rows);
        let time = Seconds(measured.time.forecast(probe, BAND).ok()?.value);
        Some(NextMeasurement {
            what: format!(
                "run {} once on {} rows (a budget of {} lets festina do it)",
                self.name,
                grouped(probe),
                Seconds((time.0 * 3.0).ceil())
            ),
            time_s: time,
            cost: self.project.cost.of(f64::from(measured.most.get()), 0.0, time),
            p_decides: Some(if probe < rows { chance(probe) } else { 1.0 }),
        })
    }
}

/// Tells of runs as they end.
struct Told<'a> {
    name: &'static str,
    observer: RefCell<&'a mut dyn ReadyObserver>,
}

impl festina_measure::Observer for Told<'_> {
    fn observe(&self, event: &Event<'_>) {
        let line = match event {
            Event::Finished { sample, .. } => {
                let rows = sample.point.n.map(grouped).unwrap_or_default();
                let cores = cores(sample.point.p.get());
                let what = if sample.status.is_finished() { "took" } else { "failed after" };
                format!("{}: {rows} rows on {cores} {what} {}", self.name, sample.usage.wall)
            }
            Event::Noticed(finding) if finding.code == WARM_UP => {
                format!("{}: {}", self.name, finding.message)
            }
            _ => return,
        };
        self.observer.borrow_mut().tell(&line);
    }
}

/// Returns what was noticed while measuring, as it matters here.
fn noticed(measurements: &Measurements) -> Vec<Finding> {
    let mut findings = measurements.findings.clone();
    // These are about speed-up, or about sizes that the user did not choose.
    findings.retain(|finding| {
        !["no-base", "few-sizes", "beyond-budget", WARM_UP].contains(&finding.code.as_str())
    });
    for finding in findings.iter_mut().filter(|finding| finding.code == "disturbed-runs") {
        finding.message =
            finding.message.replace("they do not count", "they count only where no other run does");
        finding.hint =
            Some("stop what else runs here: bands get narrower, and larger sizes fit the budget".to_owned());
    }
    findings
}

fn time_of(sample: &Sample) -> f64 {
    sample.usage.wall.0
}

fn peak_of(sample: &Sample) -> f64 {
    sample.usage.peak_rss.0 as f64
}

/// Returns `value` of the runs on `workers` workers; of a size at which no run was undisturbed, those that were disturbed.
fn observations(samples: &[Sample], workers: Workers, value: fn(&Sample) -> f64) -> Vec<Observation> {
    let usable =
        |sample: &&Sample| sample.status.is_finished() && sample.point.p == workers && value(sample) > 0.0;
    let is_clean_at = |n: Option<f64>| {
        samples.iter().filter(usable).any(|sample| sample.point.n == n && sample.contamination.is_empty())
    };
    let counts = |sample: &&Sample| sample.contamination.is_empty() || !is_clean_at(sample.point.n);
    let observation =
        |sample: &Sample| Observation { n: sample.point.n, ..Observation::new(1.0, value(sample)) };
    samples.iter().filter(usable).filter(counts).map(observation).collect()
}

fn needs(memory: &FloorGrowth, rows: f64, limit: Option<Bytes>) -> Option<Memory> {
    let peak_bytes: Estimate = memory.forecast(rows, BAND).ok()?;
    let within = limit.and_then(|limit| memory.probability_within(rows, limit.0 as f64).ok());
    let largest = limit.and_then(|limit| memory.largest_within(limit.0 as f64, 0.95).ok());
    Some(Memory {
        peak_bytes,
        limit_bytes: limit.map(|limit| limit.0),
        p_out_of_memory: within.map(|within| 1.0 - within),
        rows_at_5_percent: largest.filter(|rows| rows.is_finite() && *rows > 0.0),
    })
}

fn regime(time: &FloorGrowth) -> Finding {
    let (_, largest) = time.range();
    Finding::new(
        Severity::Warning,
        "regime",
        format!(
            "the time at {} rows is not what the smaller runs forecast: something else begins there (another algorithm, a cache, \
            swapping), and the band is twice as wide beyond",
            grouped(largest)
        ),
    )
    .with_hint(format!("measure at {} rows too: give a larger budget", grouped(largest * 3.0)))
}

fn memory_regime(time: &FloorGrowth) -> Finding {
    let (_, largest) = time.range();
    Finding::new(
        Severity::Warning,
        "memory-regime",
        format!(
            "the memory at {} rows is not what the smaller runs forecast (another algorithm, one more copy of the data): its \
             forecast is twice as uncertain beyond",
            grouped(largest)
        ),
    )
}

/// Tells that a run on `rows` reads more than the memory here can keep: small runs find their input in the page cache, and
/// are forecast as if large ones did.
fn uncached(rows: f64, samples: &[Sample], memory: Option<Bytes>) -> Option<Finding> {
    let mut read: Vec<(f64, f64)> = samples
        .iter()
        .filter(|sample| sample.status.is_finished())
        .filter_map(|sample| Some((sample.point.n?, sample.usage.read?.0 as f64)))
        .collect();
    read.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((least, few), (most, many)) = (*read.first()?, *read.last()?);
    // What every run reads, its libraries first of all, is not what grows.
    let a_row = (many - few) / (most - least);
    let all = few + a_row * (rows - least);
    let memory = memory?.0 as f64;
    if !a_row.is_finite() || all <= memory {
        return None;
    }
    Some(
        Finding::new(
            Severity::Warning,
            "page-cache",
            format!(
                "on {} rows it reads about {}, more than the {} of memory here keep: the runs that were measured found their \
                 input in the page cache, and this one will wait for the disk",
                grouped(rows),
                Bytes(all as u64),
                Bytes(memory as u64)
            ),
        )
        .with_hint(format!(
            "add the time that the disk needs for it: at 200 MB/s about {}",
            Seconds((all / 200e6).round())
        )),
    )
}

/// Writes a number of cores.
pub(super) fn cores(count: u32) -> String {
    if count == 1 { "a core".to_owned() } else { format!("{count} cores") }
}

/// Writes a number of rows as people do: `3,000,000`.
pub(super) fn grouped(rows: f64) -> String {
    if rows >= 1e15 || rows.fract() != 0.0 && rows < 1000.0 {
        return format_size(rows);
    }
    let digits = format!("{rows:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use festina_types::{Conditions, Point, Usage};

    use super::*;

    fn reading(rows: f64, bytes: u64) -> Sample {
        let usage = Usage { read: Some(Bytes(bytes)), ..Usage::default() };
        Sample {
            point: Point { n: Some(rows), p: Workers::MIN },
            block: 0,
            order: 0,
            started_at_unix_s: 0.0,
            status: Status::Finished,
            usage,
            conditions: Conditions::default(),
            contamination: Vec::new(),
            check: None,
        }
    }

    #[test]
    fn input_that_the_memory_cannot_keep_is_told() {
        // 50 MB of libraries and 1 kB a row: on ten million rows 10.05 GB, at 200 MB/s 50 s.
        let runs =
            [(1e3, 51_000_000), (3e3, 53_000_000), (81e3, 131_000_000)].map(|(n, bytes)| reading(n, bytes));
        let found = uncached(1e7, &runs, Some(Bytes(8 << 30))).unwrap();
        assert!(
            found.message.contains("9.36 GiB") && found.hint.as_ref().unwrap().ends_with("50.0 s"),
            "{found:?}"
        );
        assert_eq!(uncached(1e7, &runs, Some(Bytes(16 << 30))), None);
        assert_eq!(uncached(1e7, &runs[..1], Some(Bytes(1))), None);
        assert_eq!(uncached(1e7, &runs, None), None);
    }

    #[test]
    fn memory_runs_out_where_it_does_by_hand() {
        // 100 MB of libraries and 1 kB a row: 2 GB are reached at 1.9 million rows.
        let runs = [1e3, 1e3, 1e3, 3e3, 9e3, 27e3, 81e3, 243e3]
            .map(|n| Observation { n: Some(n), ..Observation::new(1.0, 100e6 + 1e3 * n) });
        let growth = FloorGrowth::fit(&runs, Tolerance::MEMORY).unwrap();
        let at = |rows: f64, limit: u64| needs(&growth, rows, Some(Bytes(limit))).unwrap();
        let middle = at(1.9e6, 2_000_000_000);
        assert!((middle.peak_bytes.value / 2e9 - 1.0).abs() < 0.05, "{middle:?}");
        assert!((middle.p_out_of_memory.unwrap() - 0.5).abs() < 0.15, "{middle:?}");
        assert!(at(1.9e6, 4_000_000_000).p_out_of_memory.unwrap() < 0.01);
        assert!(at(1.9e6, 1_000_000_000).p_out_of_memory.unwrap() > 0.99);
        // At the number of rows that is told the risk is one in twenty; that is less than where the middle is.
        let rows = middle.rows_at_5_percent.unwrap();
        assert!((at(rows, 2_000_000_000).p_out_of_memory.unwrap() - 0.05).abs() < 1e-3, "{rows}");
        assert!((1.0e6..1.7e6).contains(&rows), "{rows}");
        let unlimited = needs(&growth, 1.9e6, None).unwrap();
        assert_eq!((unlimited.p_out_of_memory, unlimited.rows_at_5_percent), (None, None));
    }

    #[test]
    fn rows_are_written_in_groups() {
        assert_eq!(grouped(3e6), "3,000,000");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(12_345.0), "12,345");
    }
}
