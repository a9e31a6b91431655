//! What the fuzz targets call: a function for everything of festina that reads what it did not write.
//!
//! Each takes any bytes and must neither panic nor hang; what it reads must hold together. `cargo xtask test` calls
//! the same functions with the seeds and damaged copies of them (`crates/testkit/tests/fuzz.rs`), so that the
//! targets cannot rot where nobody fuzzes; `cargo +nightly fuzz run TARGET fuzz/seeds/TARGET` searches on.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use festina::ready::parse_project;
use festina::scale::{At, Costs, Policy, SimulateRequest, parse_spec, simulate};
use festina::{LawsSource, Workers, laws, laws_report, parse_times};
use festina_machine::{CpuSet, Source, Surroundings, detect};
use festina_measure::{
    Check, Design, Format, Measurements, Placeholder, Request, Sizes, Store, Values, Workload, compare,
    default_workers, parse_workers, variation,
};
use festina_route::Instance;
use festina_run::tasks::{self, Given, Halt, Inputs, Origin, TableFormat};
use festina_types::{Bytes, Seconds};

/// A target: its name, which is that of its folder of seeds, and what it calls.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 14] = [
    ("machine", machine),
    ("spec", spec),
    ("times", times),
    ("tasks", tasks),
    ("samples", samples),
    ("journal", journal),
    ("check", check),
    ("instance", instance),
    ("tour", tour),
    ("plan", plan),
    ("template", template),
    ("questions", questions),
    ("inputs", inputs),
    ("frame", frame),
];

/// A line of this parts the files of an input that stands for several.
const PART: &[u8] = b"\n----\n";

/// The files of a machine that the parts of an input stand for, in order.
const MACHINE: [&str; 12] = [
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/self/mountinfo",
    "proc/self/cgroup",
    "proc/self/status",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/possible",
    "sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
    "sys/devices/system/cpu/cpu0/cache/index0/size",
    "sys/fs/cgroup/cpu.max",
    "sys/fs/cgroup/memory.max",
    "sys/fs/cgroup/cpuset.cpus.effective",
];

/// Reads a machine: lists of CPUs, mounts, control groups, memory.
pub fn machine(bytes: &[u8]) {
    let root = folder();
    for (name, part) in MACHINE.iter().zip(parts(bytes)) {
        write(&root.path().join(name), part);
    }
    let machine = detect(&Source::at(root.path()), &Surroundings::default());
    assert!(machine.workers.workers >= 1 && !machine.available_cpus().is_empty());
    if let Some(Ok(set)) = text(bytes).map(str::parse::<CpuSet>) {
        assert_eq!(set.to_string().parse::<CpuSet>().ok(), Some(set));
    }
}

/// Reads a spec file, and the file of a project.
pub fn spec(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let errors = [parse_spec("spec.toml", text).err(), parse_project("festina.toml", text).err()];
    for error in errors.into_iter().flatten() {
        assert!(!error.to_string().is_empty());
    }
}

/// Reads `--times` and computes the laws of them.
pub fn times(bytes: &[u8]) {
    let Some(Ok(times)) = text(bytes).map(parse_times) else { return };
    if let Ok(result) = laws(&LawsSource::Times(times), Workers::MIN) {
        let _ = laws_report(&result);
    }
}

/// Reads a table of tasks and simulates it.
pub fn tasks(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let workers = [1, 2, 7].into_iter().filter_map(Workers::new).collect();
    let request = SimulateRequest { workers, costs: Costs::default(), policy: Policy::CriticalPath };
    let Ok(result) = simulate(text, &request) else { return };
    for simulation in &result.simulations {
        assert!(simulation.makespan.0 >= 0.0 || simulation.makespan.0.is_nan());
    }
}

/// Opens and analyses a stored measurement, whose files are the parts of the input: samples, notes, request.
pub fn samples(bytes: &[u8]) {
    let root = folder();
    let store = Store::new(root.path());
    let workload = Workload::new(["true"]).expect("a command");
    let design = Design::new(Sizes::None, default_workers(Workers::MIN));
    let request = Request::new(workload, design, Check::default(), 1e9);
    let run = store.create(&request, &()).expect("the folder is empty");
    for (name, part) in ["samples.jsonl", "notes.jsonl", "request.json"].iter().zip(parts(bytes)) {
        write(&run.path().join(name), part);
    }
    if let Ok(stored) = store.open("latest") {
        let count = stored.samples.len();
        assert_eq!(Measurements::from_stored(stored).samples.len(), count);
    }
}

/// Reads the journal of a run of tasks.
pub fn journal(bytes: &[u8]) {
    let root = folder();
    let path = root.path().join("journal");
    write(&path, bytes);
    if let Ok(reading) = tasks::Reading::read(&path) {
        for damage in &reading.damaged {
            assert!(damage.offset + damage.length <= bytes.len() as u64);
        }
    }
}

/// Compares two outputs, the parts of the input, in each format and order: an output is itself, and its own
/// repetition does not vary.
pub fn check(bytes: &[u8]) {
    let mut parts = parts(bytes);
    let (one, other) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let formats = [
        Format::Auto,
        Format::Text,
        Format::Csv,
        Format::Json,
        Format::JsonLines,
        Format::Npy,
        Format::Binary,
    ];
    for (format, unordered) in formats.into_iter().flat_map(|format| [(format, false), (format, true)]) {
        let check = Check { format, unordered, ..Check::default() };
        let rules = check.rules().expect("no tolerance and nothing ignored");
        let none = BTreeSet::new();
        assert!(compare(one, one, &rules, &none).outcome.is_same(), "{format:?}");
        assert!(variation(one, one, &rules).is_none(), "{format:?}");
        let _ = compare(one, other, &rules, &none);
    }
}

/// Reads an instance of the travelling salesman in each format.
pub fn instance(bytes: &[u8]) {
    for format in ["tsplib", "csv", "matrix-csv", "npy", "geojson"] {
        let format = format.parse().expect("a format");
        let Ok(instance) = Instance::read("fuzz", bytes, format) else { continue };
        let few = instance.n().min(8);
        for (from, to) in (0..few).flat_map(|from| (0..few).map(move |to| (from, to))) {
            let there = instance.distance(from, to);
            assert!(there <= festina_route::MAX_DISTANCE);
            assert!(!instance.is_symmetric() || there == instance.distance(to, from));
        }
    }
}

/// Reads a tour of five cities.
pub fn tour(bytes: &[u8]) {
    let cities = b"x,y\n0,0\n1,0\n1,1\n0,1\n2,2\n";
    let instance = Instance::read("five", cities, "csv".parse().expect("a format")).expect("five cities");
    if let Ok(tour) = festina_route::check::read_tour(&instance, bytes) {
        assert!(tour.iter().all(|city| *city < 5));
    }
}

/// Reads a problem of vehicles in each format, and the same bytes as a plan of it.
pub fn plan(bytes: &[u8]) {
    use festina_route::vrp::{Convention, Problem, ProblemFormat, check};
    let formats = [
        ProblemFormat::Vrplib,
        ProblemFormat::Solomon,
        ProblemFormat::Cordeau,
        ProblemFormat::Json,
        ProblemFormat::Toml,
    ];
    let read = formats.map(|format| Problem::read("fuzz", bytes, format, Convention::Default));
    let (stops, vehicles) = split(bytes);
    for problem in read.into_iter().chain([Problem::read_tables("fuzz", stops, vehicles)]).flatten() {
        if let Ok(claim) = check::read_plan(&problem, bytes) {
            let _ = check::verify_plan(&problem, &claim);
        }
    }
}

/// Returns two files that an input stands for.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(PART.len()).position(|window| window == PART) {
        Some(at) => (&bytes[..at], &bytes[at + PART.len()..]),
        None => (bytes, bytes),
    }
}

/// Reads a template of each kind and fills it in.
pub fn template(bytes: &[u8]) {
    let word = OsStr::from_bytes(bytes);
    if let Ok(read) = festina_measure::Template::parse(word, Placeholder::OF_WORKLOAD, "fuzz") {
        let _ = read.fill(&Values::new(Some(1e5), Workers::MIN, 1));
    }
    let _ = festina_measure::Template::parse_lenient(word, Placeholder::OF_WORKLOAD).fill(&Values::new(
        None,
        Workers::MIN,
        1,
    ));
    let values = ["a b", "/x/y.z"].map(OsString::from).to_vec();
    let rows = Inputs::new().product(tasks::Source::Values(values)).open().expect("two rows");
    let words = [word.to_owned()];
    let columns = ["1".to_owned()];
    let templates = [
        tasks::Template::command(&words, &columns),
        tasks::Template::filter(&words, &columns),
        tasks::Template::shell(&words, &columns, true),
    ];
    for row in rows.map_while(Result::ok) {
        for template in templates.iter().flatten() {
            let _ = template.render(&row, Given::default());
        }
    }
}

/// Reads what stands after options: points, sizes, workers, quantities, rules.
pub fn questions(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let _ = text.parse::<At>();
    let _ = parse_workers(text);
    let _ = Check::parse(OsStr::new(text));
    let _ = text.parse::<Halt>();
    if let Ok(sizes) = text.parse::<Sizes>() {
        assert!(sizes.known().iter().all(|size| *size > 0.0));
    }
    if let Ok(range) = text.parse::<tasks::Range>() {
        let _ = range.take(10).count();
    }
    let is_shown = |shown: String| assert!(!shown.is_empty());
    if let Ok(time) = text.parse::<Seconds>() {
        is_shown(time.to_string());
    }
    if let Ok(size) = text.parse::<Bytes>() {
        is_shown(size.to_string());
    }
}

/// Reads the inputs of tasks: lines, and tables of each form.
pub fn inputs(bytes: &[u8]) {
    let root = folder();
    let path = root.path().join("inputs");
    write(&path, bytes);
    let table = |format| tasks::Source::Table { origin: Origin::File(path.clone()), format };
    let sources = [
        tasks::Source::lines(&path),
        table(TableFormat::Csv),
        table(TableFormat::Tsv),
        table(TableFormat::JsonLines),
    ];
    for source in sources {
        if let Ok(rows) = Inputs::new().product(source).open() {
            // Every row ends at the latest where the file does.
            assert!(rows.map_while(Result::ok).count() <= bytes.len() + 1);
        }
    }
}

/// Reads a message of one rank to another.
pub fn frame(bytes: &[u8]) {
    if festina_run::mpi::check_message(bytes).is_ok() {
        assert!(bytes.len() >= 10, "a version, a kind and an id");
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let all = rest?;
        match all.windows(PART.len()).position(|window| window == PART) {
            Some(at) => {
                rest = Some(&all[at + PART.len()..]);
                Some(&all[..at])
            }
            None => rest.take(),
        }
    })
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for temporary files")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("below a folder")).expect("a folder can be made");
    fs::write(path, bytes).expect("a file can be written");
}
