//! Whole commands timed in turn, so that the machine's moods hit all of them alike.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Runs each of `commands` once a round, in an order that turns by one each round, and returns the wall times in seconds:
/// one list a command, one value a round. The first round warms up and is left out.
///
/// # Errors
///
/// If a command cannot be started or fails.
pub(crate) fn wall_times(commands: &[Vec<String>], rounds: usize) -> Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(rounds); commands.len()];
    for round in 0..=rounds {
        for turn in 0..commands.len() {
            let which = (round + turn) % commands.len();
            let seconds = wall_time(&commands[which])?;
            if round > 0 {
                times[which].push(seconds);
            }
        }
    }
    Ok(times)
}

fn wall_time(words: &[String]) -> Result<f64> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().with_context(|| format!("failed to start {words:?}"))?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{words:?} ended with {status}");
    Ok(seconds)
}

/// Returns the median of `values`.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the `level` quantile of `values`, interpolated.
pub(crate) fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = level * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}

/// Returns the median of the ratios `ours / theirs`, round by round.
pub(crate) fn median_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(&ours.iter().zip(theirs).map(|(our, their)| our / their).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&[0.0, 10.0], 0.9), 9.0);
        assert_eq!(median_ratio(&[2.0, 9.0, 4.0], &[1.0, 3.0, 1.0]), 3.0);
    }
}
