//! What happens while runs are measured: a line that moves on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use festina::scale::{Event, Observer, Plan, Progress};
use festina::tasks;
use festina::{Point, Seconds};
use indicatif::{ProgressBar, ProgressStyle};

use crate::bottom_line::BottomLine;
use crate::moving_line;
use crate::ranks::{Terminals, are_terminals};

/// Shows a measurement on standard error.
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    /// The block under way.
    block: Cell<u32>,
    /// When a line was written last, where there is no terminal.
    told: Cell<Option<Instant>>,
    is_quiet: bool,
}

/// Where there is no terminal, a line is written at most so often.
const PERIOD: Duration = Duration::from_secs(5);

impl Screen {
    /// Returns a screen for standard error as it is, on which nothing appears if it `is_quiet`.
    pub(crate) fn new(is_quiet: bool) -> Self {
        let bar = (!is_quiet && io::stderr().is_terminal()).then(spinner);
        Self { bar, block: Cell::new(0), told: Cell::new(Some(Instant::now())), is_quiet }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.is_quiet => {}
            None => {
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
    }

    fn started(&self, point: Point, block: u32) {
        self.block.set(block);
        if let Some(bar) = &self.bar {
            let message = bar.message();
            let tail = message.split_once(" · ").map_or("", |(_, tail)| tail);
            bar.set_message(format!("block {block}, {} · {tail}", describe(point)));
        }
    }

    fn finished(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            let message = bar.message();
            let head = message.split(" · ").next().unwrap_or_default().to_owned();
            let eta = progress.eta.map_or_else(String::new, |eta| format!(", {eta} left at most"));
            let Progress { runs, finished_points, points, elapsed, .. } = progress;
            bar.set_message(format!(
                "{head} · {runs} runs, {finished_points} of {points} points done, {elapsed}{eta}"
            ));
        } else if self.told.get().is_none_or(|told| told.elapsed() >= PERIOD) {
            self.told.set(Some(Instant::now()));
            let Progress { runs, finished_points, points, elapsed, .. } = progress;
            let eta = progress.eta.map_or_else(String::new, |eta| format!(", {eta} left at most"));
            let block = self.block.get();
            self.say(&format!(
                "block {block}: {runs} runs, {finished_points} of {points} points done, {elapsed}{eta}"
            ));
        }
    }
}

impl Observer for Screen {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Planned(plan) => self.say(&describe_plan(plan)),
            Event::Started { point, block, .. } => self.started(*point, *block),
            Event::Finished { progress, .. } => self.finished(progress),
            Event::Noticed(finding) => self.say(&finding.message),
            Event::Ended(_) => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}

/// Says what a plan will do.
pub(crate) fn describe_plan(plan: &Plan) -> String {
    let points = match (plan.is_adaptive, plan.points.len()) {
        (true, 0) => "sizes that are still to be found".to_owned(),
        (true, _) => format!("{} points, more sizes to be found", plan.points.len()),
        (false, 1) => "1 point".to_owned(),
        (false, count) => format!("{count} points"),
    };
    let time = match plan.eta {
        Some(eta) => format!("about {eta}, at most {}", plan.budget),
        None => format!("at most {}", plan.budget),
    };
    format!("plan: {points}, {} to {} runs in randomised blocks, {time}", plan.fewest_runs, plan.most_runs)
}

fn describe(point: Point) -> String {
    match point.n {
        Some(n) => format!("n = {n}, p = {}", point.p),
        None => format!("p = {}", point.p),
    }
}

/// Shows a run of tasks on standard error: a line that moves on a terminal, nothing elsewhere.
pub(crate) enum TaskScreen {
    Nothing,
    Bar(ProgressBar),
    /// The outputs of tasks go to the terminal too, and move above the line.
    Bottom(BottomLine),
    /// A terminal that is elsewhere, which this process can write to but not ask anything.
    Remote,
}

/// A run that is shorter leaves the terminal to its outputs.
const SHORT: Seconds = Seconds(0.5);

impl TaskScreen {
    /// Returns a screen for standard error as it is, on which nothing appears if it `is_quiet`.
    pub(crate) fn new(is_quiet: bool) -> Self {
        match are_terminals() {
            Terminals { errors: true, output: true, are_remote: false } if !is_quiet => {
                Self::Bottom(BottomLine::default())
            }
            Terminals { errors: true, output: false, are_remote: false } if !is_quiet => Self::Bar(spinner()),
            Terminals { errors: true, output: false, are_remote: true } if !is_quiet => Self::Remote,
            // A line that moves among the outputs of tasks would be torn.
            _ => Self::Nothing,
        }
    }

    fn say(&mut self, message: String) {
        match self {
            Self::Nothing => {}
            Self::Bar(bar) => bar.set_message(message),
            Self::Bottom(line) => line.draw(&message),
            Self::Remote => moving_line::show(&message),
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Bottom(line) => line.clear(),
            Self::Remote => moving_line::clear(),
        }
    }
}

impl tasks::TaskObserver for TaskScreen {
    fn progress(&mut self, progress: &tasks::Progress) {
        if matches!(self, Self::Bottom(_)) && progress.elapsed < SHORT {
            return;
        }
        let ended = progress.finished + progress.failed + progress.recorded;
        let total = progress.total.map_or_else(String::new, |total| format!(" of {total}"));
        let failed =
            if progress.failed > 0 { format!(", {} failed", progress.failed) } else { String::new() };
        let left = progress.left().map_or_else(String::new, |left| format!(", {left} left"));
        let efficiency = 100.0 * progress.efficiency();
        self.say(format!("{ended}{total} tasks{failed}, efficiency {efficiency:.0} %{left}"));
    }
}

/// Shows the hottest functions while a program is profiled: a line that changes on a terminal, nothing elsewhere.
pub(crate) enum ProfileScreen {
    Nothing,
    /// The program writes elsewhere.
    Bar(ProgressBar),
    /// The program writes on the same terminal.
    Bottom(BottomLine),
}

impl ProfileScreen {
    /// Returns a screen for standard error as it is; where the program writes to the terminal too, only if it `is_live`.
    pub(crate) fn new(is_quiet: bool, is_live: bool) -> Self {
        match (io::stderr().is_terminal() && !is_quiet, io::stdout().is_terminal()) {
            (true, false) => Self::Bar(spinner()),
            (true, true) if is_live => Self::Bottom(BottomLine::default()),
            _ => Self::Nothing,
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Bottom(line) => line.clear(),
        }
    }
}

impl festina::profile::Observer for ProfileScreen {
    fn growing(&mut self, recording: &festina::profile::Recording) {
        if matches!(self, Self::Nothing) {
            return;
        }
        let hottest = recording.hottest(3).into_iter();
        let hottest: Vec<String> =
            hottest.map(|(name, share)| format!("{name} {:.0} %", 100.0 * share)).collect();
        let elapsed = recording.rounds.last().copied().unwrap_or(0) as f64 * 1e-9;
        let text = format!("{}, {}", Seconds(elapsed), hottest.join(", "));
        match self {
            Self::Nothing => {}
            Self::Bar(bar) => bar.set_message(text),
            Self::Bottom(line) => line.draw(&text),
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is constant");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
