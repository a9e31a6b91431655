//! Who worked when: the timeline of a run of tasks, or of a map.

use festina_report::{Axis, Chart, Role, Series, Span, Unit};

/// Spans that are drawn alike, and of how many tasks they are.
pub(crate) struct Spans {
    pub(crate) count: u64,
    pub(crate) spans: Vec<Span>,
}

/// Returns the timeline of `workers` workers, with a lane each; whatever there is none of stands in no legend.
pub(crate) fn timeline(workers: u32, finished: Spans, failed: Spans) -> Chart {
    let names: Vec<String> = (1..=workers).map(|worker| format!("worker {worker}")).collect();
    let end = finished.spans.iter().chain(&failed.spans).map(|span| span.to).fold(0.0, f64::max);
    let mut time = Axis::new("time", Unit::Seconds);
    if end > 0.0 {
        // What passed before the first task is seen too.
        time = time.with_range(0.0, end);
    }
    let mut chart = Chart::new("Timeline", time, Axis::lanes("", names));
    for (what, role, Spans { count, spans }) in
        [("finished", Role::Measured, finished), ("failed", Role::Limit, failed)]
    {
        if !spans.is_empty() {
            chart = chart.with(Series::spans(format!("{what} ({count})"), role, spans));
        }
    }
    chart
}
