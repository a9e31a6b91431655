//! `festina load`: how a service does under requests that come whether it is ready or not.

mod knee_report;
mod report;

use festina_load::{
    Arrivals, Check, LoadObserver, LoadPlan, Mode, Profile, RequestSpec, Rows, Slo, Target, Template, Tls,
    Trust,
};
pub use festina_load::{KneeResult, Limit, LoadResult, TimelinePoint, Totals};
use festina_machine::Source;
use festina_types::{Bytes, CancelToken, Exit, Seconds};
use serde::Serialize;

use crate::{Error, Versioned, versioned};

pub use knee_report::knee_report;
pub(crate) use knee_report::{ladder, latency, throughput, windows};
pub use report::load_report;

/// What was asked for, as it was typed; `None` is the default.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The address.
    pub url: String,
    /// Hosts other than this machine that may be loaded.
    pub authorized: Vec<String>,
    /// The name and the text of a file of certificates to trust instead of this machine's.
    pub authorities: Option<(String, String)>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
    /// Whether any certificate will do.
    pub accepts_any_certificate: bool,
    /// The rate in requests a second.
    pub rate: Option<f64>,
    /// A rate over time: `10s@100,30s@100..500`.
    pub profile: Option<String>,
    /// How long; 10 s.
    pub duration: Option<Seconds>,
    /// `poisson`, `constant`, `gamma:CV`.
    pub arrivals: Option<String>,
    /// The name and the text of a file of times to repeat.
    pub trace: Option<(String, String)>,
    /// Users of a closed loop.
    pub concurrency: Option<usize>,
    /// The method.
    pub method: Option<String>,
    /// Headers, each as `Name: value`.
    pub headers: Vec<String>,
    /// The body.
    pub body: Option<String>,
    /// The name and the text of a file of rows.
    pub rows: Option<(String, String)>,
    /// What responses must be.
    pub checks: Vec<String>,
    /// What users may expect: `p99=50ms,errors=0.1%`.
    pub slo: Option<String>,
    /// Threads of the generator.
    pub threads: Option<usize>,
    /// The most connections; 1000, with HTTP/2 8.
    pub connections: Option<usize>,
    /// A new connection for every request.
    pub no_keep_alive: bool,
    /// The time limit of a request; 30 s.
    pub timeout: Option<Seconds>,
    /// The seed of the arrivals; 1.
    pub seed: Option<u64>,
    /// A process of the service, if it cannot be found by its port.
    pub pid: Option<u32>,
}

/// A load and what it showed.
#[derive(Clone, Debug, Serialize)]
pub struct LoadAnswer {
    /// The address.
    pub url: String,
    /// How requests came, for people.
    pub mode: String,
    /// The seed of the arrivals.
    pub seed: u64,
    /// What the service's users may expect.
    pub slo: Slo,
    /// What it showed.
    #[serde(flatten)]
    pub result: LoadResult,
}

/// The highest rate that a service bears.
#[derive(Clone, Debug, Serialize)]
pub struct KneeAnswer {
    /// The address.
    pub url: String,
    /// The seed of the arrivals.
    pub seed: u64,
    /// What the service's users may expect.
    pub slo: Slo,
    /// The knee, and how it was found.
    #[serde(flatten)]
    pub result: KneeResult,
}

/// A checked request.
pub(crate) struct LoadRequest {
    pub(crate) url: String,
    pub(crate) plan: LoadPlan,
    pub(crate) slo: Slo,
    pub(crate) server: Vec<u32>,
    pub(crate) cores: f64,
}

const DEFAULT_RATE: f64 = 20.0;
const DEFAULT_DURATION: Seconds = Seconds(10.0);
const DEFAULT_TIMEOUT: Seconds = Seconds(30.0);
const DEFAULT_CONNECTIONS: usize = 1000;
/// Connections of HTTP/2, on each of which a server takes some hundred requests at a time.
const HTTP2_CONNECTIONS: usize = 8;
/// How long the last responses are waited for.
const DRAIN: Seconds = Seconds(10.0);
const MAX_BODY: Bytes = Bytes(64 << 20);

/// Loads a service as asked for; `observer` is told once a tick how it goes.
///
/// # Errors
///
/// [`Error::Load`] if something that was typed is wrong, nothing answers, or the machine lacks files or threads.
pub fn load(
    options: &LoadOptions,
    cancel: &CancelToken,
    observer: &mut dyn LoadObserver,
) -> Result<LoadAnswer, Error> {
    let request = LoadRequest::new(options)?;
    let LoadRequest { url, plan, slo, server, cores } = request;
    let result = festina_load::load(&plan, &slo, (&server, cores), cancel, observer)?;
    Ok(LoadAnswer { url, mode: describe(&plan.mode), seed: plan.seed, slo, result })
}

/// How long the search for a knee takes, about.
const KNEE_BUDGET: Seconds = Seconds(19.0);

/// Finds the highest rate at which the service meets the objective of `options`, in about 19 s or `options.duration`.
///
/// # Errors
///
/// As [`load`]; [`Error::Input`] for options that set a rate or close the loop.
pub fn find_knee(
    options: &LoadOptions,
    cancel: &CancelToken,
    observer: &mut dyn LoadObserver,
) -> Result<KneeAnswer, Error> {
    let fixes_rate = options.rate.is_some() || options.profile.is_some() || options.trace.is_some();
    if fixes_rate || options.concurrency.is_some() || options.arrivals.is_some() {
        return Err(Error::input_with_hint(
            "the search for the knee chooses rates itself, with Poisson arrivals",
            "leave --rate, --profile, --trace, --arrivals and --concurrency away",
        ));
    }
    if options.slo.is_none() {
        return Err(Error::input_with_hint(
            "the knee is the highest rate at which an objective holds, and none is given",
            "add one, such as --slo p99=50ms",
        ));
    }
    let LoadRequest { url, plan, slo, server, .. } = LoadRequest::new(options)?;
    let budget = options.duration.unwrap_or(KNEE_BUDGET);
    let result = festina_load::find_knee(&plan, &slo, &server, budget, cancel, observer)?;
    Ok(KneeAnswer { url, seed: plan.seed, slo, result })
}

impl KneeAnswer {
    /// Returns the answer as JSON of the schema `festina.knee/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.knee/1", self)
    }

    /// Returns the exit code: 0, 1 if even an idle service is too slow or stopped answering, 5 if the generator was the
    /// limit.
    pub fn exit(&self) -> Exit {
        match &self.result.knee {
            _ if self.result.stopped_answering => Exit::No,
            knee if !knee.is_valid => Exit::Invalid,
            knee if knee.rate.value <= 0.0 => Exit::No,
            _ => Exit::Done,
        }
    }
}

impl LoadRequest {
    pub(crate) fn new(options: &LoadOptions) -> Result<Self, Error> {
        let target: Target = options.url.parse()?;
        let mode = mode(options)?;
        let slo: Slo = options.slo.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        let checks = options.checks.iter().map(|text| text.parse::<Check>()).collect::<Result<_, _>>()?;
        let template = Template::new(&target, &spec(options)?)?;
        let addresses = target.addresses()?;
        target.require_consent(&addresses, &options.authorized)?;
        let tls = tls(options, &target)?;
        let address = festina_load::first_answering(&addresses)?;
        match &tls {
            Some(tls) => tls.greet(&address)?,
            None if options.http2 => festina_load::require_http2(&address)?,
            None => {}
        }
        if options.http2 && options.no_keep_alive {
            return Err(Error::input("HTTP/2 is for connections that are kept: leave --no-keep-alive away"));
        }
        let connections = if options.http2 { HTTP2_CONNECTIONS } else { DEFAULT_CONNECTIONS };
        let positive = |value: Option<usize>, name: &str| match value {
            Some(0) => Err(Error::input(format!("{name} cannot be 0"))),
            other => Ok(other),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = positive(options.threads, "--threads")?.unwrap_or_else(|| (cores / 2).clamp(1, 16));
        let plan = LoadPlan {
            address,
            tls,
            http2: options.http2,
            template,
            mode,
            checks,
            threads,
            connections: positive(options.connections, "--connections")?.unwrap_or(connections),
            keep_alive: !options.no_keep_alive,
            timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT),
            drain: DRAIN,
            max_body: MAX_BODY,
            seed: options.seed.unwrap_or(1),
        };
        let server = match options.pid {
            Some(pid) => vec![pid],
            None if address.ip().is_loopback() => festina_machine::listeners(&Source::live(), address.port()),
            None => Vec::new(),
        };
        Ok(Self { url: options.url.clone(), plan, slo, server, cores: cores as f64 })
    }
}

fn mode(options: &LoadOptions) -> Result<Mode, Error> {
    let duration = options.duration.unwrap_or(DEFAULT_DURATION);
    if let Some(concurrency) = options.concurrency {
        if options.rate.is_some() || options.profile.is_some() || options.trace.is_some() {
            return Err(Error::input_with_hint(
                "--concurrency closes the loop: the service then sets the rate",
                "give either --concurrency, or a rate",
            ));
        }
        if concurrency == 0 {
            return Err(Error::input("--concurrency cannot be 0"));
        }
        Profile::constant(1.0, duration)?;
        return Ok(Mode::Closed { concurrency, duration });
    }
    let arrivals = match (&options.trace, &options.arrivals) {
        (Some(_), Some(_)) => {
            return Err(Error::input_with_hint("a trace is a process of arrivals", "leave --arrivals away"));
        }
        (Some((name, text)), None) => Arrivals::trace(name, text)?,
        (None, Some(text)) => text.parse()?,
        (None, None) => Arrivals::Poisson,
    };
    let profile = match (&options.profile, options.rate) {
        (Some(_), Some(_)) => {
            return Err(Error::input_with_hint(
                "a profile has its own rates",
                "give either --rate or --profile",
            ));
        }
        (Some(profile), None) => profile.parse()?,
        (None, rate) => Profile::constant(rate.unwrap_or(DEFAULT_RATE), duration)?,
    };
    Ok(Mode::Open { arrivals, profile })
}

/// Returns how connections are encrypted, if the address asks for it.
fn tls(options: &LoadOptions, target: &Target) -> Result<Option<Tls>, Error> {
    let trust = match &options.authorities {
        _ if !target.is_tls => {
            if options.authorities.is_some() || options.accepts_any_certificate {
                return Err(Error::input_with_hint(
                    "http:// has no certificates",
                    "leave --ca and --accept-any-certificate away, or write https://",
                ));
            }
            return Ok(None);
        }
        Some((file, pem)) => Trust::Authorities(file.clone(), pem.clone()),
        None if options.accepts_any_certificate => Trust::Anybody,
        None => Trust::Machine,
    };
    Ok(Some(Tls::new(target, &trust, options.http2)?))
}

fn spec(options: &LoadOptions) -> Result<RequestSpec, Error> {
    let header = |text: &String| {
        let parts =
            text.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        parts.ok_or_else(|| {
            Error::input_with_hint(format!("'{text}' is not a header"), "write it as in 'Accept: text/plain'")
        })
    };
    let rows = options.rows.as_ref().map(|(name, text)| Rows::read(name, text)).transpose()?;
    Ok(RequestSpec {
        method: options.method.as_ref().map(|method| method.to_uppercase()),
        headers: options.headers.iter().map(header).collect::<Result<_, _>>()?,
        body: options.body.clone(),
        rows,
        closes: options.no_keep_alive,
    })
}

fn describe(mode: &Mode) -> String {
    match mode {
        Mode::Closed { concurrency, duration } => {
            format!("{concurrency} users in a closed loop for {duration}")
        }
        Mode::Open { arrivals, profile } => {
            let process = match arrivals {
                Arrivals::Poisson => "Poisson arrivals".to_owned(),
                Arrivals::Constant => "arrivals by the clock".to_owned(),
                Arrivals::Gamma(variation) => format!("gamma arrivals, coefficient of variation {variation}"),
                Arrivals::Trace(times) => return format!("a trace of {} arrivals", times.len()),
            };
            match profile.pieces() {
                [piece] if piece.from == piece.to => {
                    format!("{process}, {} requests/s for {}", piece.from, profile.duration())
                }
                _ => format!("{process}, {profile}"),
            }
        }
    }
}

impl LoadAnswer {
    /// Returns the answer as JSON of the schema `festina.load/1`.
    pub fn to_json(&self) -> Versioned<&Self> {
        versioned("festina.load/1", self)
    }

    /// Returns the exit code: 0 if all objectives hold, 1 if one does not, 4 if it cannot be told, 5 if the generator was
    /// the limit.
    pub fn exit(&self) -> Exit {
        let objectives = &self.result.objectives;
        if !self.result.client.is_valid {
            Exit::Invalid
        } else if objectives.iter().any(|objective| objective.holds == Some(false)) {
            Exit::No
        } else if objectives.iter().any(|objective| objective.holds.is_none()) {
            Exit::Unsure
        } else {
            Exit::Done
        }
    }
}
