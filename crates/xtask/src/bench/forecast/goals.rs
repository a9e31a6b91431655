//! What forecasts of published series are to reach.

use super::score::{Scored, Summary, methods};

struct Goal {
    split: &'static str,
    /// Percent.
    median: f64,
    /// Percent.
    p90: f64,
}

const GOALS: [Goal; 5] = [
    Goal { split: "f=2", median: 7.5, p90: 38.0 },
    Goal { split: "f=4", median: 12.0, p90: 48.0 },
    Goal { split: "f=8", median: 13.5, p90: 56.0 },
    Goal { split: "10×", median: 10.5, p90: 36.0 },
    Goal { split: "100×", median: 12.0, p90: 39.0 },
];

/// Says of each goal that was missed by how much, and which method had a lower error.
pub(super) fn missed(scored: &[Scored]) -> Vec<String> {
    GOALS.iter().filter_map(|goal| goal.missed(scored)).collect()
}

impl Goal {
    fn missed(&self, scored: &[Scored]) -> Option<String> {
        // Weak scaling has no goal of its own.
        let of_split = || scored.iter().filter(|one| one.split == self.split && one.kind != "weak");
        let of = |method: &str| Summary::of(of_split().filter(|one| one.method == method));
        let ours = of("festina");
        if ours.forecasts == 0 {
            return None;
        }
        let mut parts = Vec::new();
        for (what, reached, goal) in [("median", ours.median, self.median), ("p90", ours.p90, self.p90)] {
            if reached > goal {
                parts.push(format!("{what} {reached:.1} % for {goal} %"));
            }
        }
        let mut better = methods(of_split());
        better.retain(|method| of(method).median < ours.median);
        if !better.is_empty() {
            parts.push(format!("a lower median has {}", better.join(", ")));
        }
        (!parts.is_empty()).then(|| format!("Missed at {}: {}.", self.split, parts.join("; ")))
    }
}
