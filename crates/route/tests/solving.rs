//! Every method on every kind of instance, judged by the checker and by each other.

mod common;

use common::{Random, Serial, Threads, asymmetric, solved, uniform};
use festina_route::{
    Budget, Instance, Limit, Method, Request, RouteError, Rule, Shape, Solution, Status, check, solve,
};
use festina_types::{CancelToken, Seconds};
use proptest::prelude::*;

fn request(method: Method, shape: Shape) -> Request {
    Request { method, shape, ..Request::default() }
}

fn assert_right(instance: &Instance, shape: Shape, solution: &Solution) {
    let verdict = check::verify(instance, shape, solution);
    assert!(verdict.is_right(), "{} {shape:?}: {:?}", solution.method, verdict.problems);
}

/// The least length over all orders, by a recursion that shares nothing with the solvers.
fn least(instance: &Instance, shape: Shape) -> i64 {
    fn extend(instance: &Instance, shape: Shape, path: &mut Vec<usize>, best: &mut i64) {
        let n = instance.n();
        if path.len() == n {
            let check = check::verify_tour(instance, shape, path, None);
            if check.is_right() {
                *best = (*best).min(check.length.unwrap());
            }
        }
        for city in 0..n {
            if !path.contains(&city) {
                path.push(city);
                extend(instance, shape, path, best);
                path.pop();
            }
        }
    }
    let mut best = i64::MAX;
    extend(instance, shape, &mut Vec::new(), &mut best);
    best
}

const EXACT: [Method; 4] = [Method::BruteForce, Method::HeldKarp, Method::BranchAndBound, Method::Auto];

const SHAPES: [Shape; 5] = [
    Shape::Closed,
    Shape::Open { start: None, end: None },
    Shape::Open { start: Some(1), end: None },
    Shape::Open { start: None, end: Some(2) },
    Shape::Open { start: Some(3), end: Some(0) },
];

#[test]
fn exact_methods_find_the_least_of_all_orders_in_every_shape() {
    for seed in 0..4 {
        for instance in [uniform(6, 100, seed), asymmetric(6, 50, seed), uniform(7, 4, seed)] {
            for shape in SHAPES {
                let least = least(&instance, shape);
                for method in EXACT {
                    let solution = solved(&instance, &request(method, shape), Limit::None);
                    assert_right(&instance, shape, &solution);
                    assert_eq!(solution.status, Status::Optimal, "{method} {shape:?}");
                    assert_eq!(solution.cost, least, "{method} {shape:?} {instance:?}");
                }
            }
        }
    }
}

#[test]
fn branch_and_bound_agrees_with_dynamic_programming() {
    for seed in 0..12 {
        for instance in [uniform(15, 1000, seed), uniform(14, 8, seed), asymmetric(12, 1000, seed)] {
            for shape in [Shape::Closed, Shape::Open { start: Some(0), end: None }] {
                let by_subsets = solved(&instance, &request(Method::HeldKarp, shape), Limit::None);
                let by_bounds = solved(&instance, &request(Method::BranchAndBound, shape), Limit::None);
                assert_eq!(by_bounds.cost, by_subsets.cost);
                assert_eq!(by_bounds.status, Status::Optimal);
                assert!(by_bounds.certificate.unwrap().bound <= by_subsets.cost);
            }
        }
    }
}

#[test]
fn every_method_gives_a_right_tour_with_a_bound() {
    let instances = [uniform(60, 1000, 1), asymmetric(30, 500, 2)];
    for instance in &instances {
        for method in Method::ALL {
            for shape in SHAPES {
                let budget = Limit::Work(3000);
                let clock = || Seconds(0.0);
                let budget = Budget::new(&clock, budget, CancelToken::new());
                match solve(instance, &request(method, shape), &budget, &Serial, &mut |_| {}) {
                    Ok(solution) => {
                        assert_right(instance, shape, &solution);
                        assert!(solution.bound.is_some() && solution.gap.is_some(), "{method}");
                    }
                    Err(RouteError::Request { hint, .. }) => assert!(hint.is_some(), "{method}"),
                    Err(error) => panic!("{method}: {error}"),
                }
            }
        }
    }
}

#[test]
fn guarantees_of_the_constructions_hold() {
    for seed in 0..5 {
        let instance = uniform(20, 10_000, seed);
        let cost = |method| solved(&instance, &request(method, Shape::Closed), Limit::Work(2000)).cost;
        let optimum = cost(Method::HeldKarp);
        assert!(cost(Method::Mst) <= 2 * optimum + 20);
        assert!(2 * cost(Method::Christofides) <= 3 * optimum + 40);
        for method in [Method::NearestNeighbour, Method::Greedy, Method::SpaceFillingCurve] {
            assert!((optimum..3 * optimum).contains(&cost(method)), "{method}");
        }
        assert!(cost(Method::OrOpt) <= cost(Method::Greedy));
        assert_eq!(cost(Method::Auto), optimum);
    }
}

#[test]
fn the_same_work_gives_the_same_bytes_on_any_number_of_workers() {
    for instance in [uniform(300, 10_000, 7), uniform(5000, 100_000, 8)] {
        let run = |workers| {
            let clock = || Seconds(0.0);
            let budget = Budget::new(&clock, Limit::Work(12_000), CancelToken::new());
            let request = Request::default();
            let mut solution = solve(&instance, &request, &budget, &Threads(workers), &mut |_| {}).unwrap();
            solution.workers = festina_types::Workers::MIN;
            serde_json::to_string(&solution).unwrap()
        };
        let alone = run(1);
        assert!(alone == run(2) && alone == run(4));
    }
}

#[test]
fn a_bound_and_a_gap_come_with_every_tour_of_a_thousand_cities() {
    let instance = uniform(1000, 1_000_000, 3);
    let solution = solved(&instance, &Request::default(), Limit::Work(60_000));
    assert_right(&instance, Shape::Closed, &solution);
    // The Held–Karp bound lies 0.7–0.8 % below the optimum of random uniform cities.
    assert!(solution.gap.unwrap() < 0.0115, "{:?}", solution.gap);
    assert_eq!(solution.status, Status::Feasible);
}

#[test]
fn the_bound_of_thousands_of_cities_is_proven_to_the_last_step() {
    // Many distances that are equal, and few: lightest trees need not be one.
    for (side, shapes) in [(40, &SHAPES[..2]), (1_000_000, &SHAPES[3..])] {
        let instance = uniform(1600, side, 9);
        for &shape in shapes {
            let solution = solved(&instance, &request(Method::Greedy, shape), Limit::Work(500));
            let mut certificate = solution.certificate.expect("a bound was asked for");
            let proven = check::verify_bound(&instance, shape, &certificate);
            assert_eq!(proven, check::BoundCheck::Proven(certificate.bound), "{shape:?}");
            certificate.left_out = instance.n() + 1;
            let stranger = check::verify_bound(&instance, shape, &certificate);
            assert!(matches!(stranger, check::BoundCheck::Invalid(_)), "{shape:?}");
        }
    }
}

#[test]
fn whenever_time_is_over_the_bound_is_proven_to_the_last_step() {
    for seed in 0..8_u64 {
        let mut random = Random(seed);
        let n = 1000 + 300 * seed;
        // Cities in towns, on a coarse grid where the seed is even.
        let town: Vec<[u64; 2]> = (0..20).map(|_| [0; 2].map(|_| random.below(100_000))).collect();
        let side = if seed % 2 == 0 { 30 } else { 9000 };
        let mut city = || town[random.below(20) as usize].map(|at| (at + random.below(side)) as f64);
        let points = (0..n).map(|_| city()).map(|[x, y]| [x, y, 0.0]).collect();
        let instance = Instance::from_points("towns", Rule::Euclidean2, points).unwrap();
        let ticks = std::cell::Cell::new(0.0);
        let clock = || {
            ticks.set(ticks.get() + 0.01);
            Seconds(ticks.get())
        };
        let limit = Limit::Time(Seconds(0.04 + 0.07 * seed as f64));
        let budget = Budget::new(&clock, limit, CancelToken::new());
        let solution = solve(&instance, &Request::default(), &budget, &Serial, &mut |_| {}).unwrap();
        assert_right(&instance, Shape::Closed, &solution);
        let certificate = solution.certificate.expect("a bound was asked for");
        let proven = check::verify_bound(&instance, Shape::Closed, &certificate);
        assert_eq!(proven, check::BoundCheck::Proven(certificate.bound), "{n} cities");
    }
}

#[test]
fn degenerate_geometry_is_solved() {
    let rule = Rule::Euclidean2;
    let line: Vec<[f64; 3]> = (0..40).map(|i| [f64::from(i * 7 % 40), 0.0, 0.0]).collect();
    let grid: Vec<[f64; 3]> = (0..36).map(|i| [f64::from(i % 6), f64::from(i / 6), 0.0]).collect();
    let cases = [(vec![[5.0; 3]; 30], 0), (line, 78), (grid, 36)];
    for (points, optimum) in cases {
        let instance = Instance::from_points("degenerate", rule, points).unwrap();
        let solution = solved(&instance, &Request::default(), Limit::Work(20_000));
        assert_right(&instance, Shape::Closed, &solution);
        assert_eq!(solution.cost, optimum);
        assert!(solution.bound.unwrap() <= optimum);
    }
}

#[test]
fn bounds_of_open_directed_tours_are_proven_again() {
    let instance = asymmetric(14, 1000, 6);
    for (start, end) in [(Some(3), Some(11)), (Some(3), None), (None, Some(11)), (None, None)] {
        let shape = Shape::Open { start, end };
        let optimum = solved(&instance, &request(Method::HeldKarp, shape), Limit::None).cost;
        let solution = solved(&instance, &request(Method::LinKernighan, shape), Limit::Work(5000));
        let mut certificate = solution.certificate.expect("a bound was asked for");
        let check::BoundCheck::Proven(bound) = check::verify_bound(&instance, shape, &certificate) else {
            panic!("{shape:?}: the certificate is not valid");
        };
        assert!(certificate.bound <= bound && bound <= optimum, "{shape:?}");
        assert!(2 * bound > optimum, "{shape:?}: {bound} of {optimum}");
        certificate.bound = optimum + 1;
        let claim = check::verify_bound(&instance, shape, &certificate);
        assert!(matches!(claim, check::BoundCheck::Invalid(_)), "{shape:?}");
    }
}

#[test]
fn few_cities_are_no_special_case() {
    for n in 1..=5 {
        for instance in [uniform(n, 100, 5), asymmetric(n, 100, 5)] {
            for method in Method::ALL {
                let only_symmetric = [Method::Mst, Method::Christofides, Method::SpaceFillingCurve];
                if instance.is_symmetric() || !only_symmetric.contains(&method) {
                    let solution = solved(&instance, &request(method, Shape::Closed), Limit::Work(500));
                    assert_right(&instance, Shape::Closed, &solution);
                }
            }
        }
    }
}

#[test]
fn the_goal_ends_the_search() {
    let instance = uniform(200, 10_000, 2);
    let goal = Request { gap: Some(0.05), ..Request::default() };
    let solution = solved(&instance, &goal, Limit::Work(1_000_000));
    assert!(matches!(solution.status, Status::WithinGap | Status::Optimal));
    assert!(solution.work < 500_000, "{}", solution.work);
}

#[test]
fn a_canceled_search_returns_what_it_has() {
    let instance = uniform(2000, 100_000, 4);
    let cancel = CancelToken::new();
    cancel.request();
    let clock = || Seconds(0.0);
    let budget = Budget::new(&clock, Limit::Time(Seconds(60.0)), cancel);
    let solution = solve(&instance, &Request::default(), &budget, &Serial, &mut |_| {}).unwrap();
    assert_right(&instance, Shape::Closed, &solution);
    assert_eq!(solution.status, Status::Canceled);
}

#[test]
fn a_time_limit_ends_the_search_when_the_clock_says_so() {
    let instance = uniform(400, 10_000, 4);
    let ticks = std::cell::Cell::new(0.0);
    let clock = || {
        ticks.set(ticks.get() + 0.01);
        Seconds(ticks.get())
    };
    let budget = Budget::new(&clock, Limit::Time(Seconds(2.0)), CancelToken::new());
    let mut costs = Vec::new();
    let mut report = |progress: &festina_route::Progress| costs.push(progress.cost);
    let solution = solve(&instance, &Request::default(), &budget, &Serial, &mut report).unwrap();
    assert_right(&instance, Shape::Closed, &solution);
    assert!(costs.is_sorted_by(|a, b| a >= b), "a tour that is reported is never longer");
    assert_eq!(costs.last(), Some(&solution.cost));
}

#[test]
fn what_does_not_fit_is_refused_with_a_hint() {
    let clock = || Seconds(0.0);
    let budget = Budget::new(&clock, Limit::None, CancelToken::new());
    let refuse = |instance: &Instance, method, shape| {
        let error = solve(instance, &request(method, shape), &budget, &Serial, &mut |_| {}).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string()
    };
    let many = uniform(30, 100, 1);
    assert_eq!(refuse(&many, Method::BruteForce, Shape::Closed), "brute-force takes at most 12 cities");
    assert_eq!(refuse(&many, Method::HeldKarp, Shape::Closed), "held-karp takes at most 24 cities");
    let beyond = Shape::Open { start: Some(30), end: None };
    assert_eq!(refuse(&many, Method::Auto, beyond), "the tour is to end at city 31");
    let directed = asymmetric(9, 10, 1);
    assert!(refuse(&directed, Method::Christofides, Shape::Closed).contains("symmetric"));
}

#[test]
fn a_forged_certificate_is_found_out() {
    let instance = uniform(50, 1000, 6);
    let mut solution = solved(&instance, &Request::default(), Limit::Work(2000));
    let certificate = solution.certificate.as_mut().unwrap();
    certificate.bound += 1000;
    let verdict = check::verify(&instance, Shape::Closed, &solution);
    assert!(verdict.problems.iter().any(|problem| problem.contains("claims a bound")), "{verdict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_rule_any_shape_any_points_give_a_right_tour(
        n in 4_usize..90, seed in 0_u64..1000, rule in 0_usize..10, kind in 0_usize..5, coarse in proptest::bool::ANY
    ) {
        let rules = [
            Rule::Euclidean2, Rule::Euclidean3, Rule::Ceiling2, Rule::Manhattan2, Rule::Manhattan3,
            Rule::Maximum2, Rule::Maximum3, Rule::Geo, Rule::Att, Rule::GreatCircle,
        ];
        let mut random = Random(seed);
        let side = if coarse { 5 } else { 90 };
        let points = (0..n).map(|_| [0; 3].map(|_| random.below(side) as f64 + random.below(4) as f64 / 10.0));
        let instance = Instance::from_points("any", rules[rule], points.collect()).unwrap();
        let shape = SHAPES[kind];
        let solution = solved(&instance, &request(Method::Auto, shape), Limit::Work(2000));
        let verdict = check::verify(&instance, shape, &solution);
        prop_assert!(verdict.is_right(), "{:?}", verdict.problems);
    }
}

#[test]
fn many_cities_at_one_place_or_on_a_line_take_no_longer_than_others() {
    // Every quadrant around a city but one or two is empty: a search through all cities for each would take minutes.
    let n = 40_000;
    let shapes: [fn(usize) -> [f64; 3]; 3] =
        [|_| [7.0; 3], |i| [i as f64, 0.0, 0.0], |i| [0.0, (i % 2 * 9) as f64, 0.0]];
    for (shape, shortest) in shapes.into_iter().zip([0, 2 * (n as i64 - 1), 18]) {
        let instance = Instance::from_points("flat", Rule::Euclidean2, (0..n).map(shape).collect()).unwrap();
        let request = Request { method: Method::Greedy, bound: false, ..Request::default() };
        let solution = solved(&instance, &request, Limit::None);
        assert_eq!(solution.cost, shortest);
    }
}
