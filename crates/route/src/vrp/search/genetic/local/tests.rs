//! Every change is held against a computation of the whole plan.

use super::*;
use crate::vrp::search::genetic::sample;
use crate::vrp::search::genetic::split::split;

const PRICES: Prices = Prices { load: 20.0, warp: 2.0 };

/// Returns what the routes cost, computed anew.
fn cost(local: &Local<'_>) -> i64 {
    let of_route = |route| {
        let plan = Plan::new(local.ground, vec![local.stops(route)]);
        plan.cost + (plan.excess as f64 * PRICES.load) as i64 + (plan.warp as f64 * PRICES.warp) as i64
    };
    (0..local.routes.len() as u32).map(of_route).sum()
}

fn random_tour(n: usize, random: &mut Random) -> Vec<u32> {
    let mut tour: Vec<u32> = (0..n as u32).collect();
    random.shuffle(&mut tour);
    tour
}

#[test]
fn every_move_that_is_made_lowers_the_cost() {
    for is_timed in [false, true] {
        let model = sample::model(40, 5, is_timed);
        let ground = Ground::new(&model, 9);
        let mut random = Random::new(1, 2);
        let mut local = Local::new(&ground);
        let mut made = 0;
        for _ in 0..12 {
            local.begin(&split(&ground, &random_tour(40, &mut random), PRICES), PRICES);
            let mut before = cost(&local);
            for _ in 0..3000 {
                let (u, v) = (random.below(40) as u32, random.below(40) as u32);
                let is_made = match random.below(4) {
                    0 => local.try_at_head(u, local.head(random.below(ground.vehicles) as u32)),
                    1 if !is_timed => {
                        let changes = local.changes;
                        local.swap_routes();
                        changes < local.changes
                    }
                    _ => u != v && local.try_beside(u, v),
                };
                let after = cost(&local);
                assert_eq!(is_made, after < before, "{before} {after}");
                before = after;
                made += usize::from(is_made);
            }
            let mut served: Vec<u32> =
                (0..ground.vehicles as u32).flat_map(|route| local.stops(route)).collect();
            served.sort_unstable();
            assert_eq!(served, (0..40).collect::<Vec<u32>>());
        }
        assert!(made > 150, "{made}");
    }
}

#[test]
fn at_the_end_no_stop_is_better_off_elsewhere() {
    for is_timed in [false, true] {
        let model = sample::model(60, 6, is_timed);
        let ground = Ground::new(&model, 12);
        let mut random = Random::new(2, 2);
        let mut local = Local::new(&ground);
        let plan = local.run(&split(&ground, &random_tour(60, &mut random), PRICES), PRICES, &mut random);
        let whole = |routes: &[Vec<u32>]| -> i64 {
            let of = |route: &Vec<u32>| {
                let plan = Plan::new(&ground, vec![route.clone()]);
                plan.cost
                    + (plan.excess as f64 * PRICES.load) as i64
                    + (plan.warp as f64 * PRICES.warp) as i64
            };
            routes.iter().map(of).sum()
        };
        let best = whole(&plan.routes);
        for u in 0..60_u32 {
            let mut without = plan.routes.clone();
            without.iter_mut().for_each(|route| route.retain(|&stop| stop != u));
            for &v in &ground.near[u as usize] {
                let mut routes = without.clone();
                for route in &mut routes {
                    if let Some(at) = route.iter().position(|&stop| stop == v) {
                        route.insert(at + 1, u);
                    }
                }
                assert!(whole(&routes) >= best, "{u} behind {v}");
            }
        }
    }
}
