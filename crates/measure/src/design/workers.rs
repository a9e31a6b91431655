//! The numbers of workers at which to measure.

use festina_types::Workers;

use crate::error::MeasureError;

/// Returns the default: powers of two up to `available`, and that number.
///
/// ```
/// # use festina_measure::default_workers;
/// # use festina_types::Workers;
/// let workers = default_workers(Workers::new(6).unwrap());
/// assert_eq!(workers.iter().map(|p| p.get()).collect::<Vec<_>>(), [1, 2, 4, 6]);
/// ```
pub fn default_workers(available: Workers) -> Vec<Workers> {
    powers_of_two(Workers::MIN, available)
}

/// Reads `1,2,4` or `1..8` (doubling, with both ends).
///
/// # Errors
///
/// [`MeasureError::Design`] for what is no positive integer, and for lists that do not grow.
pub fn parse_workers(text: &str) -> Result<Vec<Workers>, MeasureError> {
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (read(low)?, read(high)?);
        return if low <= high { Ok(powers_of_two(low, high)) } else { Err(not_growing(&[low, high])) };
    }
    let workers = text.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
    check_growing(&workers)?;
    Ok(workers)
}

pub(super) fn check_growing(workers: &[Workers]) -> Result<(), MeasureError> {
    if workers.windows(2).all(|pair| pair[0] < pair[1]) { Ok(()) } else { Err(not_growing(workers)) }
}

fn powers_of_two(low: Workers, high: Workers) -> Vec<Workers> {
    let doubling = std::iter::successors(Some(low), |p| p.checked_mul(const { Workers::new(2).unwrap() }));
    let mut workers: Vec<_> = doubling.take_while(|p| *p < high).collect();
    workers.push(high);
    workers
}

fn read(text: &str) -> Result<Workers, MeasureError> {
    text.trim().parse().map_err(|_| MeasureError::Design {
        reason: format!("has the number of workers '{}', which is no positive integer", text.trim()),
        hint: "write them as in 1,2,4 or 1..8".to_owned(),
    })
}

fn not_growing(workers: &[Workers]) -> MeasureError {
    let mut sorted = workers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let list: Vec<_> = sorted.iter().map(Workers::to_string).collect();
    MeasureError::Design {
        reason: "has numbers of workers that do not grow".to_owned(),
        hint: format!("write them as {}", list.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Vec<u32> {
        parse_workers(text).unwrap().iter().map(|p| p.get()).collect()
    }

    #[test]
    fn lists_and_ranges_are_read() {
        assert_eq!(read_all("1, 3,7"), [1, 3, 7]);
        assert_eq!(read_all("1..1"), [1]);
        assert_eq!(read_all("2..12"), [2, 4, 8, 12]);
        assert_eq!(default_workers(Workers::MIN).len(), 1);
    }

    #[test]
    fn bad_numbers_of_workers_are_named() {
        for text in ["", "0", "1,0", "a", "-2", "1.5", "4..2", "2,1", "1,1"] {
            assert!(parse_workers(text).unwrap_err().hint().is_some(), "{text}");
        }
        assert_eq!(parse_workers("4,1,2").unwrap_err().hint().unwrap(), "write them as 1,2,4");
    }
}
