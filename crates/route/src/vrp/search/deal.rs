//! Which lane works on which routes.

use super::anneal::{Routes, absent};
use super::translate::Translation;
use crate::local::random::Random;

/// A part of the problem: some stops, some vehicles, the routes that they have.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    /// Stops in the numbers of the whole problem.
    pub(crate) stops: Vec<u32>,
    /// Vehicles of each kind.
    pub(crate) counts: Vec<usize>,
    /// Routes in the numbers of the whole problem, where sites of depots begin after all stops.
    pub(crate) routes: Routes,
}

impl Hand {
    /// Returns the routes in the hand's own numbers.
    pub(crate) fn to_local(&self, n: usize) -> Routes {
        let mut number = vec![0; n];
        for (local, &stop) in self.stops.iter().enumerate() {
            number[stop as usize] = local as u32;
        }
        let local = |&token: &u32| {
            if (token as usize) < n {
                number[token as usize]
            } else {
                token - n as u32 + self.stops.len() as u32
            }
        };
        self.routes.iter().map(|(kind, tokens)| (*kind, tokens.iter().map(local).collect())).collect()
    }

    /// Translates routes from the hand's own numbers.
    pub(crate) fn to_whole(&self, routes: &mut Routes, n: usize) {
        let own = self.stops.len();
        for token in routes.iter_mut().flat_map(|(_, tokens)| tokens) {
            let local = *token as usize;
            *token = if local < own { self.stops[local] } else { (local - own + n) as u32 };
        }
    }
}

/// Returns how many hands `n` stops become.
fn hands(n: usize, lanes: usize, most: usize) -> usize {
    n.div_ceil(most).max(lanes).next_multiple_of(lanes)
}

/// Deals out stops without routes, neighbours together; `locked` routes go where their first stop goes.
pub(crate) fn by_place(
    translation: &Translation<'_>,
    n: usize,
    locked: &Routes,
    counts: &[usize],
    lanes: usize,
    most: usize,
) -> Vec<Hand> {
    let count = if n <= most { 1 } else { hands(n, lanes, most) };
    let order = translation.order_of_stops();
    let mut owner = vec![0; n];
    for (place, &stop) in order.iter().enumerate() {
        owner[stop as usize] = place * count / n.max(1);
    }
    translation.keep_together(&mut owner, locked);
    let free = less(counts, locked);
    let hand = |index: usize| {
        let mine = |tokens: &[u32]| tokens.first().map_or(index == 0, |&stop| owner[stop as usize] == index);
        let routes: Routes = locked.iter().filter(|(_, tokens)| mine(tokens)).cloned().collect();
        Hand {
            stops: (0..n as u32).filter(|&stop| owner[stop as usize] == index).collect(),
            counts: with_share(&routes, &free, index, count),
            routes,
        }
    };
    (0..count).map(hand).collect()
}

/// Deals out routes, those near a random stop to one hand, those near another to the next.
pub(crate) fn by_routes(
    translation: &Translation<'_>,
    routes: &Routes,
    counts: &[usize],
    lanes: usize,
    most: usize,
    random: &mut Random,
) -> Vec<Hand> {
    let n = translation.stops();
    let count = hands(n, lanes, most);
    let missing = absent(routes, n);
    let served: usize = n - missing.len();
    let mut left: Vec<usize> = (0..routes.len()).collect();
    let mut hands: Vec<Hand> = Vec::with_capacity(count);
    let mut dealt = 0;
    let free = less(counts, routes);
    for index in 0..count {
        let target = served * (index + 1) / count;
        let mut mine = Vec::new();
        if index + 1 == count {
            mine.append(&mut left);
        } else if !left.is_empty() {
            let seed = left[random.below(left.len())];
            let tokens: Vec<u32> = stops_of(&routes[seed].1, n).collect();
            let stop = tokens.get(random.below(tokens.len().max(1))).copied();
            let far = |&route: &usize| {
                let near = stops_of(&routes[route].1, n)
                    .map(|other| stop.map_or(0, |stop| translation.apart(stop, other)));
                near.min().unwrap_or(0)
            };
            left.sort_by_cached_key(far);
            while dealt < target && !left.is_empty() {
                let route = left.remove(0);
                dealt += stops_of(&routes[route].1, n).count();
                mine.push(route);
            }
        }
        let own: Routes = mine.into_iter().map(|route| routes[route].clone()).collect();
        let mut stops: Vec<u32> = own.iter().flat_map(|(_, tokens)| stops_of(tokens, n)).collect();
        stops.sort_unstable();
        hands.push(Hand { stops, counts: with_share(&own, &free, index, count), routes: own });
    }
    deal_absent(translation, &mut hands, &missing, random);
    hands
}

/// Gives each absent stop, with its partner, to a random hand: over the rounds it meets all routes.
fn deal_absent(translation: &Translation<'_>, hands: &mut [Hand], missing: &[u32], random: &mut Random) {
    let mut is_dealt = vec![false; translation.stops()];
    for &stop in missing {
        if std::mem::replace(&mut is_dealt[stop as usize], true) {
            continue;
        }
        let hand = random.below(hands.len());
        let partner = translation.partner(stop);
        for stop in std::iter::once(stop).chain(partner) {
            is_dealt[stop as usize] = true;
            let stops = &mut hands[hand].stops;
            if let Err(place) = stops.binary_search(&stop) {
                stops.insert(place, stop);
            }
        }
    }
}

fn stops_of(tokens: &[u32], n: usize) -> impl Iterator<Item = u32> + '_ {
    tokens.iter().copied().filter(move |&token| (token as usize) < n)
}

/// Returns the vehicles of each kind that `routes` leave.
fn less(counts: &[usize], routes: &Routes) -> Vec<usize> {
    let mut free = counts.to_vec();
    for (kind, _) in routes {
        free[*kind as usize] = free[*kind as usize].saturating_sub(1);
    }
    free
}

/// Returns the vehicles of a hand: those of its routes, and its share of the free ones.
fn with_share(routes: &Routes, free: &[usize], index: usize, count: usize) -> Vec<usize> {
    let share =
        |kind: usize, free: usize| (free * (index + 1 + kind)) / count - (free * (index + kind)) / count;
    let mut counts: Vec<usize> = free.iter().enumerate().map(|(kind, &free)| share(kind, free)).collect();
    for (kind, _) in routes {
        counts[*kind as usize] += 1;
    }
    counts
}
