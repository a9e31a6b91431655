//! In which order outcomes are taken.

use std::collections::BTreeMap;

/// In which order outcomes are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    #[default]
    AsTheyCome,
    /// That of the inputs: an outcome waits in memory for all before it.
    OfInputs,
}

/// Brings numbered values into their order.
pub(super) struct Sorter<T> {
    order: Order,
    next: usize,
    waiting: BTreeMap<usize, T>,
}

impl<T> Sorter<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, next: 0, waiting: BTreeMap::new() }
    }

    /// Takes a value; it may be its turn, or not yet.
    pub(super) fn put(&mut self, number: usize, value: T) {
        self.waiting.insert(number, value);
    }

    /// Returns the next value whose turn it is.
    pub(super) fn next(&mut self) -> Option<(usize, T)> {
        let first = self.waiting.first_entry()?;
        if self.order == Order::OfInputs && *first.key() != self.next {
            return None;
        }
        self.next += 1;
        Some(first.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(order: Order, numbers: [usize; 5]) -> Vec<Vec<usize>> {
        let mut sorter = Sorter::new(order);
        let take = |number| {
            sorter.put(number, ());
            std::iter::from_fn(|| sorter.next()).map(|(number, ())| number).collect()
        };
        numbers.into_iter().map(take).collect()
    }

    #[test]
    fn values_wait_for_their_turn_or_not() {
        let came = [2, 0, 1, 4, 3];
        assert_eq!(taken(Order::AsTheyCome, came), [[2], [0], [1], [4], [3]]);
        assert_eq!(taken(Order::OfInputs, came), [vec![], vec![0], vec![1, 2], vec![], vec![3, 4]]);
    }
}
