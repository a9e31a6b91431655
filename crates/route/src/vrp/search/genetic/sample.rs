//! Random classical problems for the tests of this folder.

use crate::local::random::Random;
use crate::vrp::problem::{MAX_VALUE, Window};
use crate::vrp::search::model::{Kind, Matrix, Model, NONE, Role, Visit};

/// Returns a problem of `n` stops in a square, with windows if it `is_timed`.
pub(super) fn model(n: usize, seed: u64, is_timed: bool) -> Model {
    let mut random = Random::new(seed, 9);
    let places: Vec<[f64; 2]> = (0..=n).map(|_| [1000.0 * random.unit(), 1000.0 * random.unit()]).collect();
    let side = n + 2;
    let mut distance = vec![0; side * side];
    for (i, a) in places.iter().enumerate() {
        for (j, b) in places.iter().enumerate() {
            distance[i * side + j] = (a[0] - b[0]).hypot(a[1] - b[1]).round() as i32;
        }
    }
    let any = Window { open: 0, close: if is_timed { 5000 } else { MAX_VALUE } };
    let mut visit = || {
        let open = random.below(3000) as i64;
        Visit {
            service: random.below(50) as i64,
            windows: vec![if is_timed { Window { open, close: open + 800 } } else { any }],
            release: 0,
            role: Role::Visit,
            partner: NONE,
            absence: 1_000_000,
            is_required: true,
            is_locked: false,
            is_backhaul: false,
            is_prefix: false,
        }
    };
    let visits = (0..n).map(|_| visit()).collect();
    let delivery = (0..n).map(|_| 1 + random.below(9) as i64).collect();
    Model {
        n,
        dimensions: 1,
        matrices: vec![Matrix { side, distance, back: None, time: None, time_back: None }],
        visits,
        delivery,
        pickup: vec![0; n],
        shipment: vec![0; n],
        kinds: vec![vehicles(n, any)],
        allowed: vec![true; n],
        is_timed,
        is_mixed: false,
        has_pairs: false,
        has_backhauls: false,
        balance: 0.0,
        even_time: 1,
    }
}

fn vehicles(n: usize, shift: Window) -> Kind {
    Kind {
        count: n,
        profile: 0,
        start: n as u32,
        end: n as u32,
        capacity: vec![30],
        shift,
        breaks: Vec::new(),
        fixed_cost: 20,
        distance_cost: 2,
        time_cost: 0,
        max_duration: i64::MAX / 4,
        max_distance: i64::MAX / 4,
        max_stops: usize::MAX,
        reload_sites: Vec::new(),
        reload_time: 0,
        reloads: 0,
        locked: Vec::new(),
        is_complex: false,
        pays_time: false,
    }
}
