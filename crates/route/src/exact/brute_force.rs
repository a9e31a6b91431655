//! Every order of the cities, by Heap's method: each order differs from the one before by one exchange.
//!
//! Source: B. R. Heap, *Permutations by interchanges*, The Computer Journal 6, 1963.

use crate::closed::Closed;

/// The most nodes that are tried: 11! = 39,916,800 orders.
pub(crate) const MOST: usize = 12;

/// Returns a shortest closed tour; O((n − 1)! · n) time.
pub(crate) fn tour(closed: &Closed) -> Vec<usize> {
    let n = closed.side();
    let mut order: Vec<usize> = (0..n).collect();
    if n <= 2 {
        return order;
    }
    let mut best = (length(closed, &order), order.clone());
    // The first node stays where it is; the others are permuted.
    let mut counter = vec![0; n];
    let mut i = 1;
    while i + 1 < n {
        if counter[i] < i {
            let other = if i % 2 == 0 { 0 } else { counter[i] };
            order.swap(1 + other, 1 + i);
            let now = length(closed, &order);
            if now < best.0 {
                best = (now, order.clone());
            }
            counter[i] += 1;
            i = 1;
        } else {
            counter[i] = 0;
            i += 1;
        }
    }
    best.1
}

fn length(closed: &Closed, order: &[usize]) -> i64 {
    let steps: i64 = order.windows(2).map(|pair| closed.weight(pair[0], pair[1])).sum();
    steps + closed.weight(order[order.len() - 1], order[0])
}
