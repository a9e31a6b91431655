//! Profiles for people.

use festina_profile::{
    Call, Comparison, Kind, Profile, Recording, Spot, State, ThreadSummary, call_tree, timelines,
};
use festina_report::{
    Axis, Block, Cell, Chart, Column, Flame, FlameNode, Report, Role, Series, Span, Table, Tone, Unit,
};
use festina_types::{Estimate, Seconds};

use super::source;

/// Rows of the tables on a screen; a page has more.
const ROWS: usize = 12;
const MORE_ROWS: usize = 100;
/// Lanes of the timeline, and spans in each.
const LANES: usize = 40;
const SPANS: usize = 400;
/// Functions with a smaller share, in the tables, are noise.
const LEAST_SHARE: f64 = 0.005;

/// Returns `profile` of `recording` for people.
pub fn profile_report(profile: &Profile, recording: &Recording) -> Report {
    let mut report = Report::new(title(profile)).with_subtitle(subtitle(profile));
    report.push(functions(profile, ROWS));
    if !profile.findings.is_empty() {
        report.push(profile.findings.clone());
    }
    report.push(flame(recording));
    if profile.lines.iter().any(|spot| spot.self_share.value >= LEAST_SHARE) {
        report.push(Block::heading("The lines"));
        report.push(lines(profile, recording, ROWS));
    }
    report.push(Block::heading("The program as a whole"));
    report.push(Block::key_values(whole(profile)));
    report.push(speedups(profile));
    let listing = source::source(profile, recording);
    if !listing.is_empty() {
        report.push(Block::details("Source with the cost of each line", listing));
    }
    let mut more = vec![timeline(profile, recording), threads(profile)];
    more.extend(memory(profile));
    more.extend([functions(profile, MORE_ROWS), lines(profile, recording, MORE_ROWS)].map(Block::from));
    report.push(Block::details("Threads over time, memory, all functions and lines", more));
    report
}

/// The function that is worth most: what a title can say of it.
fn title(profile: &Profile) -> String {
    let worth = profile.functions.iter().filter(|spot| is_hot(spot) && spot.kind != Kind::Unseen);
    let most = worth.max_by(|a, b| a.self_share.value.total_cmp(&b.self_share.value));
    let Some(spot) = most else {
        return format!("{} of {}", Seconds(profile.elapsed_s), program(profile));
    };
    let (share, name) = (Unit::Fraction.format(spot.share.value), brief(&spot.name, 60));
    match &spot.gain_free {
        Some(gain) => {
            format!("{share} of the time is in `{name}`: at most {:.2}× faster without it", gain.value)
        }
        None => format!("All of the time is in `{name}`"),
    }
}

fn program(profile: &Profile) -> String {
    profile.command.first().cloned().unwrap_or_default()
}

fn subtitle(profile: &Profile) -> String {
    let elapsed = profile.elapsed_s.max(1e-9);
    let mut looks = format!("{:.0} a second", profile.rounds as f64 / elapsed);
    // A recording that was cut short does not tell what it took.
    if profile.sampling.cpu_s > 0.0 {
        looks += &format!("; {:.1} % of a core", 100.0 * profile.sampling.cpu_s / elapsed);
    }
    let mut parts = vec![format!(
        "{} in {}, looked at {} times ({looks})",
        profile.command.join(" "),
        Seconds(profile.elapsed_s),
        profile.rounds
    )];
    parts.extend(Some(profile.sampling.backends.join(", ")).filter(|backends| !backends.is_empty()));
    parts.join("; ")
}

/// Returns whether a function is more than a way to another.
fn is_hot(spot: &Spot) -> bool {
    !spot.is_wrapper && spot.share.value >= LEAST_SHARE
}

fn functions(profile: &Profile, rows: usize) -> Table {
    let spread = format!("over {} cores", profile.cores);
    let mut table = Table::new([
        Column::text("function"),
        Column::text("where"),
        Column::number("self", Unit::Fraction),
        Column::number("total", Unit::Fraction),
        Column::number("alone", Unit::Fraction),
        Column::number("CPU", Unit::Seconds),
        Column::text("waits"),
        Column::number("made free", Unit::Number).emphasized(),
        Column::number(spread, Unit::Number).emphasized(),
    ]);
    let hot: Vec<&Spot> = profile.functions.iter().filter(|spot| is_hot(spot)).collect();
    for spot in hot.iter().take(rows) {
        table.row([
            function(spot),
            Cell::text(place(spot)).with_tooltip(format!("{}:{}", spot.file, spot.line)),
            Cell::estimate(&spot.self_share, &Unit::Fraction),
            Cell::estimate(&spot.share, &Unit::Fraction),
            Cell::estimate(&spot.serial_share, &Unit::Fraction),
            Cell::seconds(spot.total_cpu_s),
            Cell::text(waits(&spot.states_s, spot.total_s)),
            gain(spot.gain_free.as_ref()),
            gain(spot.gain_spread.as_ref()),
        ]);
    }
    if let Some(spot) = hot.iter().find(|spot| spot.gain_free.is_some_and(|gain| gain.interval.is_some())) {
        let interval = spot
            .gain_free
            .and_then(|gain| gain.interval)
            .map(|i| format!("{:.2} to {:.2}", i.lower, i.upper));
        table.footnote(format!(
            "Shares of the elapsed time; alone: while nothing else ran. Gains are of the whole program, with 95 % intervals \
             in --json: {} made free is {}.",
            brief(&spot.name, 60),
            interval.unwrap_or_default()
        ));
    }
    table
}

fn lines(profile: &Profile, recording: &Recording, rows: usize) -> Table {
    let mut table = Table::new([
        Column::text("line"),
        Column::text("source"),
        Column::number("self", Unit::Fraction).emphasized(),
        Column::number("total", Unit::Fraction),
        Column::number("CPU", Unit::Seconds),
        Column::text("waits"),
        Column::number("made free", Unit::Number),
    ]);
    for spot in profile.lines.iter().filter(|spot| spot.self_share.value >= LEAST_SHARE).take(rows) {
        table.row([
            Cell::text(place(spot)).with_tooltip(format!("{}:{} in {}", spot.file, spot.line, spot.name)),
            Cell::text(line_of(spot, recording)),
            Cell::estimate(&spot.self_share, &Unit::Fraction),
            Cell::estimate(&spot.share, &Unit::Fraction),
            Cell::seconds(spot.total_cpu_s),
            Cell::text(waits(&spot.states_s, spot.total_s)),
            gain(spot.gain_free.as_ref()),
        ]);
    }
    table
}

/// Returns the source of the line, or where that is not known the name of its function.
fn line_of(spot: &Spot, recording: &Recording) -> String {
    const LONGEST: usize = 48;
    match recording.source_at(&spot.file, spot.line) {
        Some(text) => brief(text.trim(), LONGEST),
        None => brief(&format!("in {}", spot.name), LONGEST),
    }
}

/// Returns the name of the function; those of templates can be longer than a line.
fn function(spot: &Spot) -> Cell {
    const LONGEST: usize = 36;
    let name = brief(&spot.name, LONGEST);
    let is_cut = name != spot.name;
    let cell = Cell::text(name);
    if is_cut { cell.with_tooltip(spot.name.clone()) } else { cell }
}

/// Returns `text`, cut where it is longer than `longest` characters.
fn brief(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// Returns the last part of the file and the line.
fn place(spot: &Spot) -> String {
    /// Libraries of wheels have names with a sum.
    const LONGEST: usize = 20;
    let file = match spot.file.strip_prefix("<frozen ").and_then(|rest| rest.strip_suffix('>')) {
        // A module that the interpreter has within it.
        Some(module) => module.rsplit('.').next().unwrap_or_default(),
        None => spot.file.rsplit('/').next().unwrap_or_default(),
    };
    let file = brief(file, LONGEST);
    if spot.line > 0 { format!("{file}:{}", spot.line) } else { file }
}

fn gain(gain: Option<&Estimate>) -> Cell {
    match gain {
        Some(gain) => {
            let cell = Cell::estimate(gain, &Unit::Number);
            let text = format!("{:.2}×", gain.value);
            Cell { text, ..cell }
        }
        None => Cell::text("all").with_tone(Tone::Muted),
    }
}

/// Returns the two things that threads waited for longest, where it is a tenth of `total` or more.
fn waits(states: &[f64; 9], total: f64) -> String {
    const LEAST: f64 = 0.1;
    const MOST: usize = 2;
    let mut waits: Vec<(State, f64)> = State::ALL.into_iter().zip(*states).skip(1).collect();
    waits.retain(|(_, time)| *time >= LEAST * total && *time > 0.0);
    waits.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = waits.iter().take(MOST).map(|(state, time)| format!("{} {}", state.name(), Seconds(*time)));
    shown.collect::<Vec<_>>().join(", ")
}

fn whole(profile: &Profile) -> Vec<(String, String)> {
    let whole = &profile.whole;
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    let serial = &whole.serial_fraction;
    let interval =
        serial.interval.map(|i| format!(" ({})", Unit::Fraction.format_interval(i.lower, i.upper)));
    add(
        "serial fraction",
        format!("{}{}", Unit::Fraction.format(serial.value), interval.unwrap_or_default()),
    );
    if let Some(together) = &profile.together {
        let Estimate { value, interval, .. } = together.effective;
        let interval = interval.map(|i| format!(" ({})", Unit::Number.format_interval(i.lower, i.upper)));
        let worth = format!("{}{} of one", Unit::Number.format(value), interval.unwrap_or_default());
        add(&format!("work of {} cores together", together.workers), worth);
    }
    add("cores used on average", format!("{:.2}", whole.cores_used));
    add("threads ready at a time", format!("{:.2}", whole.average_parallelism));
    if whole.idle_share >= LEAST_SHARE {
        add("nothing ready", Unit::Fraction.format(whole.idle_share));
    }
    let times: Vec<String> = State::ALL
        .into_iter()
        .zip(whole.states_s)
        .filter(|(_, time)| *time >= 0.001)
        .map(|(state, time)| format!("{} {}", state.name(), Seconds(time)))
        .collect();
    add("time of all threads", times.join(", "));
    if let Some(peak) = &profile.memory_peak {
        let stack = peak.stack.first().map_or_else(String::new, |frame| format!(", in {frame}"));
        add("most memory", format!("{} after {}{stack}", peak.rss, Seconds(peak.at_s)));
    }
    pairs
}

fn speedups(profile: &Profile) -> Table {
    let mut table = Table::new([
        Column::number("cores", Unit::Number),
        Column::number("speed-up if all that computes were spread", Unit::Number).emphasized(),
    ]);
    for (cores, speedup) in &profile.whole.speedups {
        table.row([Cell::number(f64::from(*cores)), gain(speedup.as_ref())]);
    }
    table
}

fn threads(profile: &Profile) -> Block {
    let mut table = Table::new([
        Column::text("thread"),
        Column::number("process", Unit::Number),
        Column::number("thread id", Unit::Number),
        Column::number("from", Unit::Seconds),
        Column::number("to", Unit::Seconds),
        Column::number("CPU", Unit::Seconds),
        Column::text("states"),
    ]);
    for thread in profile.threads.iter().take(MORE_ROWS) {
        let total: f64 = thread.states_s.iter().sum();
        let running = thread.states_s[State::Cpu.index()];
        let mut states = vec![format!("{} {}", State::Cpu.name(), Seconds(running))];
        states.extend(Some(waits(&thread.states_s, total)).filter(|waits| !waits.is_empty()));
        table.row([
            Cell::text(thread.name.clone()),
            Cell::number(f64::from(thread.pid)),
            Cell::number(f64::from(thread.tid)),
            Cell::seconds(thread.from_s),
            Cell::seconds(thread.to_s),
            Cell::seconds(thread.cpu_s),
            Cell::text(states.join(", ")),
        ]);
    }
    table.into()
}

/// Returns the role, thus the colour, of a state.
fn role(state: State) -> Role {
    match state {
        State::Cpu => Role::Measured,
        State::Queue => Role::Fit,
        State::Gil => Role::Limit,
        State::Lock => Role::Other(1),
        State::Io | State::Paging => Role::Other(0),
        State::Sleep | State::Other => Role::Ideal,
        State::Child => Role::Other(2),
    }
}

fn flame(recording: &Recording) -> Block {
    let node = |call: Call| FlameNode {
        color: match call.kind {
            Some(Kind::Python) => 0,
            Some(Kind::Native) => 1,
            Some(Kind::Unseen) => 2,
            None => 3,
        },
        name: call.name,
        detail: call.place,
        parent: call.parent,
        value: call.seconds,
    };
    let nodes = call_tree(recording).into_iter().map(node);
    Flame::new("Calls, by the time of all threads", Unit::Seconds, nodes).into()
}

fn timeline(profile: &Profile, recording: &Recording) -> Block {
    let mut shown: Vec<(usize, &ThreadSummary)> = profile.threads.iter().enumerate().collect();
    shown.sort_by(|a, b| b.1.cpu_s.total_cmp(&a.1.cpu_s));
    shown.truncate(LANES);
    shown.sort_by_key(|(index, _)| *index);
    let names = shown.iter().map(|(_, thread)| format!("{} {}", thread.name, thread.tid));
    let mut chart = Chart::new("Threads", Axis::new("time", Unit::Seconds), Axis::lanes("", names));
    let all = timelines(recording, SPANS);
    for state in State::ALL {
        let mut spans = Vec::new();
        for (lane, (index, _)) in shown.iter().enumerate() {
            let own =
                all.iter().filter(|timeline| timeline.thread == *index).flat_map(|timeline| &timeline.spans);
            for (_, from, to, name) in own.filter(|span| span.0 == state) {
                spans.push(Span::new(lane as u32, *from, *to).with_tooltip(name.clone()));
            }
        }
        if !spans.is_empty() {
            chart = chart.with(Series::spans(state.name(), role(state), spans));
        }
    }
    if profile.threads.len() > LANES {
        chart = chart.with_caption(format!(
            "The {LANES} threads with the most CPU time, of {}.",
            profile.threads.len()
        ));
    }
    chart.into()
}

fn memory(profile: &Profile) -> Option<Block> {
    (profile.memory.len() >= 2).then(|| {
        let points = profile.memory.iter().map(|(at, bytes)| (*at, *bytes as f64));
        Chart::new(
            "Memory of all processes",
            Axis::new("time", Unit::Seconds),
            Axis::new("resident", Unit::Bytes),
        )
        .with(Series::line("resident memory", Role::Measured, points))
        .into()
    })
}

/// Returns `comparison` for people.
pub fn comparison_report(comparison: &Comparison) -> Report {
    let Comparison { before_s, after_s, changes } = comparison;
    let factor = before_s / after_s.max(1e-9);
    let title = format!("{} before, {} after: {factor:.2}× as fast", Seconds(*before_s), Seconds(*after_s));
    let mut table = Table::new([
        Column::text("function"),
        Column::text("where"),
        Column::number("before", Unit::Seconds),
        Column::number("after", Unit::Seconds),
        Column::number("difference", Unit::Seconds).emphasized(),
        Column::text("beyond chance"),
    ]);
    for change in changes.iter().filter(|change| change.before_s.max(change.after_s) >= 0.001).take(2 * ROWS)
    {
        let tone = match (change.is_beyond_chance, change.difference_s.value > 0.0) {
            (false, _) => Tone::Muted,
            (true, true) => Tone::Bad,
            (true, false) => Tone::Good,
        };
        let file = change.file.rsplit('/').next().unwrap_or_default().to_owned();
        table.row([
            Cell::text(change.name.clone()),
            Cell::text(file),
            Cell::seconds(change.before_s),
            Cell::seconds(change.after_s),
            Cell::estimate(&change.difference_s, &Unit::Seconds).with_tone(tone),
            Cell::text(if change.is_beyond_chance { "yes" } else { "no" }),
        ]);
    }
    table.footnote("Elapsed time charged to each function itself. Chance is that of sampling, not what differs from run to run.");
    Report::new(title).with(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_its_place_is_cut_between_characters() {
        assert_eq!(brief("naïve", 5), "naïve");
        assert_eq!(brief("naïve café", 6), "naïve…");
        assert_eq!(brief("libscipy_openblas64_-32a4b2a6.so", 20), "libscipy_openblas64_…");
    }
}
