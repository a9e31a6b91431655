//! Order crossover: a piece of one tour, and the rest in the order of the other.
//!
//! Source: I. M. Oliver, D. J. Smith and J. R. C. Holland, *A study of permutation crossover operators on the travelling salesman
//! problem*, International Conference on Genetic Algorithms 1987.

use crate::local::random::Random;

/// Returns a tour with a random piece of `first` where it is there, and the other stops as they follow each other in `second`.
pub(super) fn order(first: &[u32], second: &[u32], random: &mut Random) -> Vec<u32> {
    let n = first.len();
    let begin = random.below(n);
    let length = 1 + random.below(n);
    let mut child = vec![0; n];
    let mut is_taken = vec![false; n];
    for offset in 0..length {
        let at = (begin + offset) % n;
        child[at] = first[at];
        is_taken[first[at] as usize] = true;
    }
    let mut at = (begin + length) % n;
    for offset in 0..n {
        let stop = second[(begin + length + offset) % n];
        if !is_taken[stop as usize] {
            child[at] = stop;
            at = (at + 1) % n;
        }
    }
    child
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_serves_every_stop_once() {
        let mut random = Random::new(3, 0);
        for n in 1..40_u32 {
            let mut tours = [(0..n).collect::<Vec<_>>(), (0..n).collect()];
            tours.iter_mut().for_each(|tour| random.shuffle(tour));
            let mut child = order(&tours[0], &tours[1], &mut random);
            child.sort_unstable();
            assert_eq!(child, (0..n).collect::<Vec<_>>());
        }
    }
}
