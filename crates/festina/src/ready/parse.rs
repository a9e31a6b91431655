//! Reading `festina.toml`.

use std::str::FromStr;

use festina_load::{Check, Demand, Slo};
use festina_types::{Bytes, Seconds};
use toml::de::{DeTable, DeValue};

use super::placeholders;
use super::project::{Batch, Cost, Data, FailOn, Project, Serve, ServeRequest};
use crate::Error;
use crate::toml_reader::{Key, Reader, Value};

const TABLES: [&str; 7] = ["project", "data", "train", "predict", "serve", "cost", "ci"];
const DATA: [&str; 3] = ["rows_now", "rows_target", "file"];
const BATCH: [&str; 7] = ["cmd", "target", "memory", "budget", "rows_least", "cores_var", "env"];
const SERVE: [&str; 12] = [
    "cmd",
    "env",
    "ready",
    "ready_within",
    "request",
    "slo",
    "rate_now",
    "rate_target",
    "arrivals",
    "headroom",
    "survive_loss_of",
    "budget",
];
const REQUEST: [&str; 6] = ["method", "path", "headers", "body", "rows", "check"];
const COST: [&str; 2] = ["core_hour", "gib_hour"];

const DEFAULT_BUDGET: Seconds = Seconds(60.0);
const DEFAULT_KNEE_BUDGET: Seconds = Seconds(15.0);
const DEFAULT_READY_WITHIN: Seconds = Seconds(60.0);
const DEFAULT_ROWS_LEAST: f64 = 1000.0;
const DEFAULT_HEADROOM: f64 = 1.3;

/// Reads the text of a `festina.toml`; `name` is its name in error messages.
///
/// # Errors
///
/// [`Error::Spec`] with the line and, for an unknown key or placeholder, the nearest right one.
pub fn parse_project(name: &str, text: &str) -> Result<Project, Error> {
    let form = Form(Reader { name, text });
    let whole = form.0.parse()?;
    let table = whole.get_ref();
    let mut project = Project {
        name: "project".to_owned(),
        data: None,
        train: None,
        predict: None,
        serve: None,
        cost: Cost::default(),
        fail_on: None,
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "project" => form.project(&mut project, value)?,
            "data" => project.data = Some(form.data(value)?),
            "train" => project.train = Some(form.batch(value, "[train]")?),
            "predict" => project.predict = Some(form.batch(value, "[predict]")?),
            "serve" => project.serve = Some(form.serve(value)?),
            "cost" => project.cost = form.cost(value)?,
            "ci" => form.ci(&mut project, value)?,
            unknown => return Err(form.0.unknown_key(key, unknown, &TABLES)),
        }
    }
    form.check(&project, table)?;
    Ok(project)
}

struct Form<'a>(Reader<'a>);

impl Form<'_> {
    fn project(&self, project: &mut Project, value: &Value<'_>) -> Result<(), Error> {
        for (key, value) in self.0.table(value, "a table: [project]")? {
            match key.get_ref().as_ref() {
                "name" => project.name = self.0.string(value)?,
                unknown => return Err(self.0.unknown_key(key, unknown, &["name"])),
            }
        }
        Ok(())
    }

    fn data(&self, value: &Value<'_>) -> Result<Data, Error> {
        let table = self.0.table(value, "a table: [data]")?;
        let mut data = Data { rows_now: 0.0, rows_target: Vec::new(), file: None };
        let mut target = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "rows_now" => data.rows_now = self.rows(value)?,
                "rows_target" => target = Some(value),
                "file" => data.file = Some(self.0.string(value)?.into()),
                unknown => return Err(self.0.unknown_key(key, unknown, &DATA)),
            }
        }
        if data.rows_now <= 0.0 {
            return Err(self.missing(
                value,
                "rows_now",
                "how many rows there are today, as in rows_now = 100_000",
            ));
        }
        let Some(target) = target else {
            return Err(self.missing(
                value,
                "rows_target",
                "how many there will be, as in rows_target = \"30x\"",
            ));
        };
        data.rows_target = match target.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(|item| self.multiple(item, Some(data.rows_now))).collect::<Result<_, _>>()?
            }
            _ => vec![self.multiple(target, Some(data.rows_now))?],
        };
        data.rows_target.sort_by(f64::total_cmp);
        data.rows_target.dedup();
        if data.rows_target.is_empty() {
            return Err(self.0.wrong(target, "at least one number of rows"));
        }
        Ok(data)
    }

    fn batch(&self, value: &Value<'_>, title: &str) -> Result<Batch, Error> {
        let table = self.0.table(value, &format!("a table: {title}"))?;
        let mut target = None;
        let mut batch = Batch {
            command: String::new(),
            target: Seconds(0.0),
            memory: None,
            budget: DEFAULT_BUDGET,
            rows_least: DEFAULT_ROWS_LEAST,
            cores_var: None,
            env: std::collections::BTreeMap::new(),
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "cmd" => batch.command = self.command(value, &placeholders::BATCH)?,
                "target" => target = Some(self.time(value)?),
                "memory" => {
                    batch.memory = Some(self.quantity::<Bytes>(value, "an amount of memory such as 16GiB")?);
                }
                "budget" => batch.budget = self.time(value)?,
                "rows_least" => batch.rows_least = self.rows(value)?,
                "cores_var" => batch.cores_var = Some(self.0.string(value)?),
                "env" => {
                    self.placeholders_of(value, &placeholders::BATCH)?;
                    batch.env = self.0.environment(value)?;
                }
                unknown => return Err(self.0.unknown_key(key, unknown, &BATCH)),
            }
        }
        if batch.command.is_empty() {
            return Err(self.missing(
                value,
                "cmd",
                "the command, as in cmd = \"python train.py --rows {rows}\"",
            ));
        }
        let target = target.ok_or_else(|| {
            self.missing(value, "target", "how long it may take, as in target = \"10 min\"")
        })?;
        Ok(Batch { target, ..batch })
    }

    fn serve(&self, value: &Value<'_>) -> Result<Serve, Error> {
        let table = self.0.table(value, "a table: [serve]")?;
        let mut serve = Serve {
            command: String::new(),
            env: std::collections::BTreeMap::new(),
            ready: ("GET".to_owned(), "/".to_owned()),
            ready_within: DEFAULT_READY_WITHIN,
            request: ServeRequest { path: "/".to_owned(), ..ServeRequest::default() },
            slo: Slo::default(),
            rate_now: None,
            demand: Demand { rate: 0.0, headroom: DEFAULT_HEADROOM, survive_loss_of: 1 },
            budget: DEFAULT_KNEE_BUDGET,
        };
        let mut target = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "cmd" => serve.command = self.command(value, &placeholders::SERVE)?,
                "env" => {
                    self.placeholders_of(value, &placeholders::SERVE)?;
                    serve.env = self.0.environment(value)?;
                }
                "ready" => serve.ready = self.ready(value)?,
                "ready_within" => serve.ready_within = self.time(value)?,
                "request" => serve.request = self.request(value)?,
                "slo" => serve.slo = self.slo(value)?,
                "rate_now" => serve.rate_now = Some(self.positive(value)?),
                "rate_target" => target = Some(value),
                "arrivals" => self.arrivals(value)?,
                "headroom" => serve.demand.headroom = self.positive(value)?,
                "survive_loss_of" => serve.demand.survive_loss_of = self.0.number(value)?,
                "budget" => serve.budget = self.time(value)?,
                unknown => return Err(self.0.unknown_key(key, unknown, &SERVE)),
            }
        }
        if serve.command.is_empty() {
            return Err(self.missing(
                value,
                "cmd",
                "the command, as in cmd = \"uvicorn app:app --port {port}\"",
            ));
        }
        if !serve.command.contains("{port}") && !serve.env.values().any(|text| text.contains("{port}")) {
            return Err(self.missing(
                value,
                "{port}",
                "festina gives the service a free port: put {port} into cmd or env",
            ));
        }
        if serve.slo.latency().is_none() {
            return Err(self.missing(
                value,
                "slo",
                "what users may expect, as in slo = { p99 = \"100 ms\" }",
            ));
        }
        let Some(target) = target else {
            return Err(self.missing(value, "rate_target", "requests a second, as in rate_target = 200"));
        };
        serve.demand.rate = self.multiple(target, serve.rate_now)?;
        Ok(serve)
    }

    fn ready(&self, value: &Value<'_>) -> Result<(String, String), Error> {
        let text = self.0.string(value)?;
        let (method, path) = text.split_once(' ').unwrap_or(("GET", &text));
        if !path.trim().starts_with('/') {
            return Err(self.0.wrong(value, "a request such as \"GET /healthz\""));
        }
        Ok((method.to_uppercase(), path.trim().to_owned()))
    }

    fn request(&self, value: &Value<'_>) -> Result<ServeRequest, Error> {
        let mut request = ServeRequest { path: "/".to_owned(), ..ServeRequest::default() };
        for (key, value) in
            self.0.table(value, "a table such as { method = \"POST\", path = \"/predict\" }")?
        {
            match key.get_ref().as_ref() {
                "method" => request.method = Some(self.0.string(value)?),
                "path" => request.path = self.0.string(value)?,
                "headers" => {
                    let headers = self.0.environment(value)?;
                    request.headers =
                        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                }
                "body" => request.body = Some(self.0.string(value)?),
                "rows" => request.rows = Some(self.0.string(value)?),
                "check" => request.checks = self.checks(value)?,
                unknown => return Err(self.0.unknown_key(key, unknown, &REQUEST)),
            }
        }
        Ok(request)
    }

    /// Reads `{ status = 200, json = "/p/0" }`, or the checks of `festina load` as a list of strings.
    fn checks(&self, value: &Value<'_>) -> Result<Vec<String>, Error> {
        let checks = match value.get_ref() {
            DeValue::Table(table) => {
                let check = |(key, value): (&Key<'_>, &Value<'_>)| {
                    Ok(format!("{}={}", key.get_ref(), self.0.list(value)?))
                };
                table.iter().map(check).collect::<Result<Vec<_>, Error>>()?
            }
            DeValue::Array(_) => self.0.strings(value)?,
            _ => vec![self.0.string(value)?],
        };
        for check in &checks {
            Check::from_str(check)
                .map_err(|error| self.0.error(value.span().start, error.to_string(), None))?;
        }
        Ok(checks)
    }

    /// Reads `{ p99 = "100 ms", errors = "0.1 %" }` or `"p99=100ms,errors=0.1%"`.
    fn slo(&self, value: &Value<'_>) -> Result<Slo, Error> {
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                let bound = |(key, value): (&Key<'_>, &Value<'_>)| {
                    Ok(format!("{}={}", key.get_ref(), self.0.scalar(value)?))
                };
                table.iter().map(bound).collect::<Result<Vec<_>, Error>>()?.join(",")
            }
            _ => self.0.string(value)?,
        };
        text.parse::<Slo>().map_err(|error| self.0.error(value.span().start, error.to_string(), None))
    }

    fn arrivals(&self, value: &Value<'_>) -> Result<(), Error> {
        match self.0.string(value)?.as_str() {
            "poisson" => Ok(()),
            _ => Err(self
                .0
                .wrong(value, "\"poisson\": a knee is found with users who know nothing of each other")),
        }
    }

    fn cost(&self, value: &Value<'_>) -> Result<Cost, Error> {
        let mut cost = Cost::default();
        for (key, value) in self.0.table(value, "a table: [cost]")? {
            let price = self.0.number::<f64>(value)?;
            if !(price >= 0.0 && price.is_finite()) {
                return Err(self.0.wrong(value, "a price, which is not negative"));
            }
            match key.get_ref().as_ref() {
                "core_hour" => cost.core_hour = Some(price),
                "gib_hour" => cost.gib_hour = Some(price),
                unknown => return Err(self.0.unknown_key(key, unknown, &COST)),
            }
        }
        Ok(cost)
    }

    fn ci(&self, project: &mut Project, value: &Value<'_>) -> Result<(), Error> {
        for (key, value) in self.0.table(value, "a table: [ci]")? {
            if key.get_ref() != "fail_on" {
                return Err(self.0.unknown_key(key, key.get_ref(), &["fail_on"]));
            }
            project.fail_on = Some(match self.0.string(value)?.as_str() {
                "not-ready" => FailOn::NotReady,
                "unsure" => FailOn::Unsure,
                _ => return Err(self.0.wrong(value, "\"not-ready\" or \"unsure\"")),
            });
        }
        Ok(())
    }

    /// Refuses what cannot be asked together.
    fn check(&self, project: &Project, table: &DeTable<'_>) -> Result<(), Error> {
        let at = |name: &str| {
            table.iter().find(|(key, _)| key.get_ref() == name).map_or(0, |(key, _)| key.span().start)
        };
        let batches = [("train", &project.train), ("predict", &project.predict)];
        if project.train.is_none() && project.predict.is_none() && project.serve.is_none() {
            let hint =
                "add [train], [predict] or [serve]; `festina ready --init` writes them from what it finds";
            return Err(self.0.error(0, "nothing is asked".to_owned(), Some(hint.to_owned())));
        }
        for (name, batch) in batches.into_iter().filter_map(|(name, batch)| Some((name, batch.as_ref()?))) {
            let uses = |placeholder: &str| {
                batch.command.contains(placeholder)
                    || batch.env.values().any(|text| text.contains(placeholder))
            };
            let Some(data) = &project.data else {
                let hint = "add [data] with rows_now and rows_target";
                return Err(self.0.error(
                    at(name),
                    format!("[{name}] has no rows to grow"),
                    Some(hint.to_owned()),
                ));
            };
            if !uses("{rows}") && !uses("{data}") {
                let message =
                    format!("[{name}] mentions neither {{rows}} nor {{data}}: every size would run the same");
                let hint = "put {rows} where the command takes its number of rows, or {data} where it takes its file";
                return Err(self.0.error(at(name), message, Some(hint.to_owned())));
            }
            if uses("{data}") && data.file.is_none() {
                let hint = "add file = \"data.csv\" to [data]; {data} is then a file of its first rows";
                return Err(self.0.error(
                    at(name),
                    "{data} is the beginning of which file?".to_owned(),
                    Some(hint.to_owned()),
                ));
            }
        }
        let is_head = |file: &std::path::Path| {
            file.extension()
                .is_some_and(|end| ["csv", "tsv", "jsonl", "txt"].iter().any(|known| end == *known))
        };
        if let Some(file) = project.data.as_ref().and_then(|data| data.file.as_deref())
            && !is_head(file)
        {
            let hint = "give a .csv, .tsv, .jsonl or .txt file, or let the command take {rows}";
            let message = format!("{} cannot be cut after some rows", file.display());
            return Err(self.0.error(at("data"), message, Some(hint.to_owned())));
        }
        let needs_model = |text: &str, env: &std::collections::BTreeMap<String, String>| {
            text.contains("{model}") || env.values().any(|value| value.contains("{model}"))
        };
        let others = [
            ("predict", project.predict.as_ref().map(|batch| (&batch.command, &batch.env))),
            ("serve", project.serve.as_ref().map(|serve| (&serve.command, &serve.env))),
        ];
        for (name, (command, env)) in others.into_iter().filter_map(|(name, part)| Some((name, part?))) {
            if needs_model(command, env) && project.train.is_none() {
                let message = format!("[{name}] wants a {{model}}, and nothing trains one");
                let hint = "add [train], or write the path of a model in place of {model}";
                return Err(self.0.error(at(name), message, Some(hint.to_owned())));
            }
        }
        Ok(())
    }

    fn command(&self, value: &Value<'_>, known: &[&str]) -> Result<String, Error> {
        let text = self.0.string(value)?;
        if text.trim().is_empty() {
            return Err(self.0.wrong(value, "a command"));
        }
        self.placeholders(value, &text, known)?;
        Ok(text)
    }

    fn placeholders_of(&self, value: &Value<'_>, known: &[&str]) -> Result<(), Error> {
        let table = self.0.table(value, "a table of names and values")?;
        table.iter().try_for_each(|(_, value)| self.placeholders(value, &self.0.scalar(value)?, known))
    }

    fn placeholders(&self, value: &Value<'_>, text: &str, known: &[&str]) -> Result<(), Error> {
        let Some(unknown) = placeholders::of(text).into_iter().find(|name| !known.contains(&name.as_str()))
        else {
            return Ok(());
        };
        let hint = festina_run::nearest(&unknown, known.iter().copied()).map_or_else(
            || format!("there are {{{}}}", known.join("}, {")),
            |near| format!("did you mean {{{near}}}?"),
        );
        Err(self.0.error(value.span().start, format!("unknown placeholder {{{unknown}}}"), Some(hint)))
    }

    /// Reads a number, or a multiple such as `"30x"` of what there is now.
    fn multiple(&self, value: &Value<'_>, now: Option<f64>) -> Result<f64, Error> {
        let text = self.0.scalar(value)?;
        let Some(factor) = text.trim().strip_suffix(['x', '×']) else { return self.positive(value) };
        let factor = factor.trim().parse::<f64>().ok().filter(|factor| *factor > 0.0 && factor.is_finite());
        let factor = factor.ok_or_else(|| self.0.wrong(value, "a number, or a multiple such as \"30x\""))?;
        let Some(now) = now else {
            let message = format!("{text} of what? There is no rate_now");
            return Err(self.0.error(value.span().start, message, Some("add rate_now above it".to_owned())));
        };
        Ok(now * factor)
    }

    fn positive(&self, value: &Value<'_>) -> Result<f64, Error> {
        let number: Option<f64> = self.0.scalar(value)?.replace('_', "").trim().parse().ok();
        let number = number.filter(|number| *number > 0.0 && number.is_finite());
        number.ok_or_else(|| self.0.wrong(value, "a positive number"))
    }

    fn rows(&self, value: &Value<'_>) -> Result<f64, Error> {
        let rows = self.positive(value)?;
        if rows.fract() != 0.0 {
            return Err(self.0.wrong(value, "a whole number of rows"));
        }
        Ok(rows)
    }

    fn time(&self, value: &Value<'_>) -> Result<Seconds, Error> {
        let time = self.quantity::<Seconds>(value, "a time such as \"10 min\"")?;
        if time.0 <= 0.0 {
            return Err(self.0.wrong(value, "a time above zero"));
        }
        Ok(time)
    }

    fn quantity<T: FromStr>(&self, value: &Value<'_>, expected: &str) -> Result<T, Error> {
        let text = self.0.scalar(value)?.replace(' ', "");
        text.parse().map_err(|_| self.0.wrong(value, expected))
    }

    fn missing(&self, value: &Value<'_>, key: &str, hint: &str) -> Error {
        self.0.error(value.span().start, format!("{key} is missing"), Some(hint.to_owned()))
    }
}

#[cfg(test)]
mod tests;
