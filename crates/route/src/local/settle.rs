//! Looking at every node until nothing more is found.

use super::array_tour::ArrayTour;

/// Lets `step` change the tour `order` at each of its nodes for as long as it finds something; the nodes that it returns
/// have new surroundings, and are looked at again.
pub(super) fn settle<E: AsRef<[u32]>>(
    order: Vec<u32>,
    mut step: impl FnMut(&mut ArrayTour, u32) -> Option<E>,
) -> Vec<u32> {
    let n = order.len();
    let mut tour = ArrayTour::new(order);
    let mut waiting: Vec<u32> = (0..n as u32).rev().collect();
    let mut is_waiting = vec![true; n];
    while let Some(node) = waiting.pop() {
        is_waiting[node as usize] = false;
        while let Some(ends) = step(&mut tour, node) {
            for &end in ends.as_ref() {
                if !std::mem::replace(&mut is_waiting[end as usize], true) {
                    waiting.push(end);
                }
            }
        }
    }
    tour.into_order()
}
