//! What `festina run` says that more workers would take is held to runs with more workers.

use std::path::Path;

use festina::tasks::{Environment, Inputs, RunRequest, Source, Streams, TasksResult, run_tasks};
use festina::{CancelToken, Workers};

/// Tasks that sleep, so that any number of them can run at once, of 0.08 to 0.38 s in no order.
fn slept(folder: &Path, slots: u32) -> TasksResult {
    let seconds = (0..24_u32).map(|n| format!("0.{:02}", 8 + n * 7 % 31).into()).collect();
    let inputs = Inputs::new().product(Source::Values(seconds));
    let environment = Environment::from_iter([("PATH", "/usr/local/bin:/usr/bin:/bin")]);
    let mut request = RunRequest::new(vec!["sleep".into(), "{}".into()], inputs, environment);
    request.slots = Workers::new(slots);
    request.state = folder.join("state");
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let streams = Streams { output: &mut output, errors: &mut errors };
    run_tasks(&request, streams, &mut (), &CancelToken::new()).unwrap()
}

#[test]
fn twice_and_four_times_the_workers_take_what_was_forecast() {
    let folder = tempfile::tempdir().unwrap();
    let measured = slept(folder.path(), 2);
    let summary = &measured.run.summary;
    let all = f64::from(summary.slots) * summary.wall_s;
    assert!((summary.time.total().0 - all).abs() < 0.02 * all, "{:?} of {all}", summary.time);
    for slots in [4, 8] {
        let forecast = measured.forecasts.iter().find(|forecast| forecast.workers == slots).unwrap();
        let wall_s = slept(folder.path(), slots).run.summary.wall_s;
        let error = forecast.makespan_s / wall_s - 1.0;
        assert!(error.abs() < 0.15, "{slots} workers: {} forecast, {wall_s} taken", forecast.makespan_s);
        assert!(forecast.lower_s <= forecast.makespan_s && forecast.makespan_s <= forecast.upper_s);
    }
    // Which one depends on what else the machine does: on a quiet one it is more workers.
    assert!(measured.run.findings.iter().any(|finding| finding.code == "worth-most"));
}
