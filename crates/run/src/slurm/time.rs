//! Times as Slurm writes them.

use festina_types::Seconds;

/// Reads the time that is left, such as `2-03:04:05`, `3:04:05`, `4:05` or `5`; `None` if there is no limit, or it is not
/// known.
///
/// Source: squeue(1) of Slurm 22.05, format `%L`: "days-hours:minutes:seconds".
pub(super) fn time_left(text: &str) -> Option<Seconds> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse::<u32>().ok()?, clock),
        None => (0, text),
    };
    let mut seconds = 0.0;
    for part in clock.split(':') {
        seconds = 60.0 * seconds + f64::from(part.parse::<u32>().ok()?);
    }
    Some(Seconds(seconds + 86_400.0 * f64::from(days)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_by_hand() {
        let left = |text| time_left(text).map(|time| time.0);
        assert_eq!(left("2-03:04:05"), Some(183_845.0));
        assert_eq!(left("3:04:05"), Some(11_045.0));
        assert_eq!((left("4:05"), left("5"), left("0:00")), (Some(245.0), Some(5.0), Some(0.0)));
        assert_eq!((left("UNLIMITED"), left("NOT_SET"), left("INVALID"), left("")), (None, None, None, None));
    }
}
