//! Plans held against brute force, planted truths and an independent checker.

mod common;

use common::{Random, Serial, Threads};
use festina_route::vrp::check::{Claim, ClaimedRoute, verify, verify_plan};
use festina_route::vrp::{
    ANY_TIME, Action, Break, Draft, Metric, Objective, Pace, Place, Plan, PlanRequest, PlanStatus, Problem,
    Reason, Reload, Rounding, Rule, Stop, Travel, Units, Vehicle, Window, Work, solve,
};
use festina_route::{Budget, Limit};
use festina_types::{Backend, CancelToken, Seconds};

fn plan_on(problem: &Problem, objective: Objective, work: u64, backend: &dyn Backend) -> Plan {
    let clock = || Seconds(0.0);
    let budget = Budget::new(&clock, Limit::Work(work), CancelToken::new());
    let request = PlanRequest { objective, ..PlanRequest::default() };
    solve(problem, &request, &budget, backend, &mut |_| {}).expect("the caller does not go away")
}

/// Plans, and has the plan checked.
fn planned(problem: &Problem, work: u64) -> Plan {
    let plan = plan_on(problem, Objective::Cost, work, &Serial);
    let check = verify(problem, &plan);
    assert!(check.problems.is_empty(), "{:?}", check.problems);
    plan
}

fn place(name: &str, x: f64, y: f64) -> Place {
    Place { name: name.to_owned(), point: Some([x, y]) }
}

fn stop(id: &str, at: usize, delivery: i64) -> Stop {
    Stop {
        id: id.to_owned(),
        place: at,
        work: Work::Visit { delivery: vec![delivery], pickup: vec![0] },
        service: 0,
        windows: vec![ANY_TIME],
        release: 0,
        skills: Vec::new(),
        vehicles: None,
        prize: None,
        priority: 1,
        is_backhaul: false,
    }
}

fn vehicle(id: &str, count: usize, capacity: i64) -> Vehicle {
    Vehicle {
        id: id.to_owned(),
        count,
        profile: 0,
        start: Some(0),
        end: Some(0),
        capacity: vec![capacity],
        shift: Window { open: 0, close: 100_000 },
        skills: Vec::new(),
        breaks: Vec::new(),
        fixed_cost: 0,
        distance_cost: 1,
        time_cost: 0,
        max_duration: None,
        max_distance: None,
        max_stops: None,
        reload: None,
        begins_with: Vec::new(),
    }
}

/// A problem with a depot at the origin; the stops stand at `points`.
fn draft(points: &[(f64, f64)], vehicles: Vec<Vehicle>) -> Draft {
    let mut places = vec![place("depot", 0.0, 0.0)];
    let mut stops = Vec::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        places.push(place(&format!("p{index}"), x, y));
        stops.push(stop(&format!("s{index}"), index + 1, 1));
    }
    Draft {
        name: "test".to_owned(),
        places,
        is_geographic: false,
        travel: vec![Travel {
            metric: Metric::Straight { steps: 1.0, rounding: Rounding::Up },
            pace: Pace::Equal,
        }],
        dimensions: vec!["load".to_owned()],
        stops,
        vehicles,
        units: Units { distance: 1.0, time: 1.0, cost: 1.0, is_clock: false },
    }
}

fn order(plan: &Plan, route: usize) -> Vec<usize> {
    plan.routes[route].stops().collect()
}

#[test]
fn one_vehicle_on_a_line_goes_there_and_back() {
    // 10 out, 10 back; two vehicles of capacity 2 for three stops: 2·10 for the far pair, 2·2 for the near one.
    let problem =
        Problem::new(draft(&[(2.0, 0.0), (10.0, 0.0), (9.0, 0.0)], vec![vehicle("v", 3, 2)])).unwrap();
    let plan = planned(&problem, 4000);
    assert_eq!((plan.cost, plan.routes.len(), plan.status), (24, 2, PlanStatus::Feasible));
}

#[test]
fn fewer_vehicles_cost_more_where_that_is_asked_for() {
    // East and west of the depot a way through it costs the same; a stop far off its vehicle's way tells them apart.
    let mut parts = draft(&[(10.0, 0.0), (-10.0, 0.0)], vec![vehicle("v", 2, 9)]);
    parts.travel[0].metric = Metric::Matrix(vec![0, 5, 5, 5, 0, 50, 5, 50, 0]);
    let problem = Problem::new(parts).unwrap();
    let cheap = plan_on(&problem, Objective::Cost, 2000, &Serial);
    let few = plan_on(&problem, Objective::Vehicles, 2000, &Serial);
    assert_eq!((cheap.routes.len(), cheap.cost), (2, 20));
    assert_eq!((few.routes.len(), few.cost), (1, 60));
    assert!(verify(&problem, &few).is_right());
}

#[test]
fn balance_evens_out_what_cost_would_put_on_one() {
    let points: Vec<(f64, f64)> = (1..=8).map(|x| (f64::from(x), 0.0)).collect();
    let mut parts = draft(&points, vec![vehicle("v", 2, 99)]);
    parts.stops.iter_mut().for_each(|stop| stop.service = 100);
    let problem = Problem::new(parts).unwrap();
    let cheap = plan_on(&problem, Objective::Cost, 2000, &Serial);
    let even = plan_on(&problem, Objective::Balance, 4000, &Serial);
    assert_eq!(cheap.routes.len(), 1);
    assert_eq!((order(&even, 0).len(), order(&even, 1).len()), (4, 4));
    assert!(verify(&problem, &even).is_right());
}

#[test]
fn a_break_is_taken_when_it_is_due() {
    // Out at 0, there at 100, 50 of service, back at 250: under way at 160, the latest moment for the break of 30.
    let mut parts = draft(&[(100.0, 0.0)], vec![vehicle("v", 1, 9)]);
    parts.stops[0].service = 50;
    parts.stops[0].windows = vec![Window { open: 100, close: 110 }];
    parts.vehicles[0].breaks = vec![Break { window: Window { open: 120, close: 160 }, duration: 30 }];
    let plan = planned(&Problem::new(parts.clone()).unwrap(), 500);
    let lines: Vec<(Action, i64, i64)> =
        plan.routes[0].lines.iter().map(|line| (line.action, line.begin, line.leave)).collect();
    assert_eq!(
        lines[1..],
        [(Action::Stop(0), 100, 150), (Action::Break(0), 150, 180), (Action::End, 280, 280)]
    );
    // Back before the latest moment, it can rest at home.
    parts.vehicles[0].breaks[0].window.close = 250;
    let plan = planned(&Problem::new(parts).unwrap(), 500);
    assert_eq!(plan.routes[0].lines.len(), 3);
}

#[test]
fn a_vehicle_reloads_where_it_may() {
    let mut parts = draft(&[(10.0, 0.0), (20.0, 0.0), (30.0, 0.0)], vec![vehicle("v", 1, 2)]);
    let one = planned(&Problem::new(parts.clone()).unwrap(), 2000);
    assert_eq!((one.unassigned.len(), one.status), (1, PlanStatus::Infeasible));
    assert!(matches!(&one.unassigned[0].reason, Reason::NotFound { could } if could == &["v"]));
    parts.vehicles[0].reload = Some(Reload { places: vec![0], duration: 5, times: 1 });
    let two = planned(&Problem::new(parts).unwrap(), 2000);
    // 2·30 for the two far stops, 2·10 for the near one.
    assert_eq!((two.unassigned.len(), two.cost), (0, 80));
    assert!(two.routes[0].lines.iter().any(|line| line.action == Action::Reload(0)));
}

#[test]
fn shipments_are_collected_first_and_by_the_same_vehicle() {
    let mut parts = draft(&[(10.0, 0.0), (20.0, 0.0), (15.0, 5.0), (5.0, 5.0)], vec![vehicle("v", 2, 3)]);
    parts.stops[1].work = Work::Collect { load: vec![2], to: 0 };
    parts.stops[0].work = Work::Bring { load: vec![2], from: 1 };
    parts.stops[2].work = Work::Collect { load: vec![2], to: 3 };
    parts.stops[3].work = Work::Bring { load: vec![2], from: 2 };
    let problem = Problem::new(parts).unwrap();
    let plan = planned(&problem, 3000);
    assert!(plan.unassigned.is_empty());
    let visits: Vec<usize> = plan.routes.iter().flat_map(|route| route.stops().collect::<Vec<_>>()).collect();
    let at = |stop: usize| visits.iter().position(|&visit| visit == stop).expect("every stop is served");
    assert!(at(1) < at(0) && at(2) < at(3), "{visits:?}");
}

#[test]
fn decided_beginnings_stay_and_the_rest_is_planned_around_them() {
    let mut parts =
        draft(&[(10.0, 0.0), (20.0, 0.0), (30.0, 0.0)], vec![vehicle("v", 1, 9), vehicle("w", 1, 9)]);
    parts.vehicles[1].begins_with = vec![2, 0];
    let problem = Problem::new(parts.clone()).unwrap();
    let plan = planned(&problem, 2000);
    let late = plan.routes.iter().find(|route| route.vehicle == 1).unwrap();
    assert_eq!(late.stops().take(2).collect::<Vec<_>>(), [2, 0]);
    // A beginning that cannot be driven is an answer: its stops are named with the vehicle.
    parts.stops[2].windows = vec![Window { open: 0, close: 10 }];
    let plan = planned(&Problem::new(parts).unwrap(), 2000);
    assert_eq!(plan.status, PlanStatus::Infeasible);
    assert!(
        plan.unassigned
            .iter()
            .any(|left| left.stop == 0 && left.reason == Reason::Beginning { vehicle: "w".into() })
    );
}

#[test]
fn optional_stops_are_served_only_where_they_pay() {
    let mut parts = draft(&[(10.0, 0.0), (50.0, 0.0)], vec![vehicle("v", 1, 9)]);
    parts.stops[0].prize = Some(30);
    parts.stops[1].prize = Some(30);
    let plan = planned(&Problem::new(parts).unwrap(), 1000);
    // 20 for the near one, and 30 lost with the far one, which would have cost 80.
    assert_eq!((plan.cost, plan.status), (50, PlanStatus::Feasible));
    assert_eq!(plan.unassigned[0].reason, Reason::NotWorth);
}

/// Returns `n` places, each up to half of `side` from the depot in both directions.
fn scattered(random: &mut Random, n: usize, side: u64) -> Vec<(f64, f64)> {
    let mut coordinate = || random.below(side) as f64 - side as f64 / 2.0;
    (0..n).map(|_| (coordinate(), coordinate())).collect()
}

/// A random problem with windows and loads.
fn random_problem(seed: u64, n: usize, vehicles: usize) -> Problem {
    let mut random = Random(seed);
    let points = scattered(&mut random, n, 100);
    let mut parts = draft(&points, vec![vehicle("v", vehicles, 3)]);
    for stop in &mut parts.stops {
        let open = random.below(200) as i64;
        stop.service = random.below(20) as i64;
        stop.windows = vec![
            Window { open, close: open + 60 + random.below(200) as i64 },
            Window { open: open + 400, close: open + 500 },
        ];
    }
    Problem::new(parts).unwrap()
}

/// The lowest cost of two vehicles, by trying every order and every cut, each judged by the checker.
fn brute_force(problem: &Problem) -> Option<i64> {
    let n = problem.stops().len();
    let mut order: Vec<usize> = (0..n).collect();
    let mut best = None;
    permute(&mut order, 0, &mut |order| {
        for cut in 0..=n {
            let routes =
                [&order[..cut], &order[cut..]].into_iter().enumerate().filter(|(_, stops)| !stops.is_empty());
            let route = |(number, stops): (usize, &[usize])| ClaimedRoute {
                vehicle: 0,
                number,
                actions: stops.iter().map(|&stop| Action::Stop(stop)).collect(),
            };
            let check = verify_plan(problem, &Claim { routes: routes.map(route).collect(), cost: None });
            if check.is_right() {
                best = Some(best.map_or(check.cost, |best: i64| best.min(check.cost)));
            }
        }
    });
    best
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return visit(order);
    }
    for at in from..order.len() {
        order.swap(from, at);
        permute(order, from + 1, visit);
        order.swap(from, at);
    }
}

/// Holds plans for the problems of seeds from 0 on, of which at least eight can be solved, against brute force.
fn are_as_good_as_brute_force(problems: impl Iterator<Item = Problem>, work: u64) {
    let mut solvable = 0;
    for (seed, problem) in problems.enumerate() {
        let plan = planned(&problem, work);
        match brute_force(&problem) {
            Some(best) => {
                assert_eq!((plan.cost, plan.status), (best, PlanStatus::Feasible), "seed {seed}");
                solvable += 1;
            }
            None => assert_eq!(plan.status, PlanStatus::Infeasible, "seed {seed}"),
        }
    }
    assert!(solvable >= 8, "{solvable}");
}

/// Returns the plan that one, two and four workers make of the same work, all of them alike and right.
fn on_any_number_of_workers(problem: &Problem, work: u64) -> Plan {
    let [plan, others @ ..] =
        [1, 2, 4].map(|workers| plan_on(problem, Objective::Cost, work, &Threads(workers)));
    for other in &others {
        assert_eq!(other.routes, plan.routes);
    }
    assert!(verify(problem, &plan).problems.is_empty());
    plan
}

#[test]
fn small_plans_are_as_good_as_brute_force() {
    are_as_good_as_brute_force((0..12).map(|seed| random_problem(seed, 5, 2)), 3000);
}

#[test]
fn the_same_work_gives_the_same_plan_on_any_number_of_workers() {
    for problem in [random_problem(7, 150, 80), random_problem(8, 20, 20)] {
        on_any_number_of_workers(&problem, 20_000);
    }
}

/// A random problem whose plans are bred: one depot, vehicles that are all alike, one window a stop or none.
fn classical_problem(seed: u64, n: usize, vehicles: usize, is_timed: bool) -> Problem {
    let mut random = Random(seed);
    let points = scattered(&mut random, n, 100);
    let mut parts = draft(&points, vec![vehicle("v", vehicles, 7)]);
    parts.vehicles[0].fixed_cost = 10;
    for (index, stop) in parts.stops.iter_mut().enumerate() {
        stop.work = Work::Visit { delivery: vec![1 + random.below(3) as i64], pickup: vec![0] };
        if is_timed {
            // Wide enough to be there and back, and to come third.
            let (x, y) = points[index];
            let open = random.below(300) as i64;
            let far = x.hypot(y).ceil() as i64;
            stop.windows = vec![Window { open, close: open.max(far) + 150 }];
            stop.service = 5;
        }
    }
    Problem::new(parts).unwrap()
}

#[test]
fn bred_plans_are_as_good_as_brute_force() {
    let problem = |seed| classical_problem(seed, 6, 2, seed % 2 == 1);
    are_as_good_as_brute_force((0..16).map(problem), 2000);
}

#[test]
fn breeding_makes_the_same_plan_on_any_number_of_workers_and_a_better_one_than_the_beginning() {
    for is_timed in [false, true] {
        let problem = classical_problem(9, 120, 60, is_timed);
        let early = plan_on(&problem, Objective::Cost, 400, &Serial);
        let plan = on_any_number_of_workers(&problem, 40_000);
        assert!(plan.cost < early.cost, "{} {}", plan.cost, early.cost);
    }
}

/// Plants stops that nothing can serve among stops that something can, and says which rule each breaks.
fn planted(seed: u64) -> (Problem, Vec<(usize, Rule)>) {
    let mut random = Random(seed);
    let points = scattered(&mut random, 30, 80);
    let mut small = vehicle("small", 4, 5);
    small.skills = vec!["gas".into()];
    small.max_distance = Some(400);
    small.breaks = vec![Break { window: Window { open: 250, close: 350 }, duration: 30 }];
    let mut large = vehicle("large", 5, 12);
    large.max_duration = Some(700);
    large.time_cost = 1;
    for kind in [&mut small, &mut large] {
        kind.shift = Window { open: 0, close: 800 };
    }
    let mut parts = draft(&points, vec![small, large]);
    let mut truth = Vec::new();
    for (index, stop) in parts.stops.iter_mut().enumerate() {
        stop.service = random.below(30) as i64;
        if random.below(4) == 0 {
            stop.skills = vec!["gas".into()];
        }
        if random.below(3) == 0 {
            let open = random.below(300) as i64;
            stop.windows = vec![Window { open, close: open + 150 }];
        }
        let rule = match random.below(12) {
            0 => {
                stop.skills.push("flying".into());
                Rule::Skill
            }
            1 => {
                stop.skills.clear();
                stop.work = Work::Visit { delivery: vec![13], pickup: vec![0] };
                Rule::Capacity
            }
            2 => {
                stop.skills.clear();
                let (x, y) = points[index];
                let way = (x.hypot(y)).ceil() as i64;
                if way < 2 {
                    continue;
                }
                stop.windows = vec![Window { open: 0, close: way - 2 }];
                Rule::Window
            }
            3 => {
                stop.skills.clear();
                stop.windows = vec![Window { open: 760, close: 790 }];
                stop.service = 60;
                Rule::Shift
            }
            _ => continue,
        };
        truth.push((index, rule));
    }
    (Problem::new(parts).unwrap(), truth)
}

#[test]
fn what_is_impossible_is_said_to_be_and_nothing_else_is() {
    let mut total = 0;
    for seed in 0..12 {
        let (problem, truth) = planted(seed);
        let plan = planned(&problem, 3000);
        for left in &plan.unassigned {
            let planted = truth.iter().find(|(stop, _)| *stop == left.stop);
            match (&left.reason, planted) {
                (Reason::Impossible { because }, Some((_, rule))) => {
                    assert_eq!(because.len(), problem.vehicles().len());
                    assert!(
                        because.iter().any(|obstacle| obstacle.rule == *rule),
                        "seed {seed}: {because:?}, not {rule:?}"
                    );
                    total += 1;
                }
                (reason, planted) => assert!(
                    planted.is_none() && !matches!(reason, Reason::Impossible { .. }),
                    "seed {seed}: {reason:?}, planted {planted:?}"
                ),
            }
        }
        let named: Vec<usize> = plan.unassigned.iter().map(|left| left.stop).collect();
        assert!(
            truth.iter().all(|(stop, _)| named.contains(stop)),
            "seed {seed}: an impossible stop is served"
        );
    }
    assert!(total > 40, "{total}");
}

#[test]
fn the_checker_finds_every_way_to_spoil_a_plan() {
    let problem = random_problem(3, 12, 8);
    let plan = planned(&problem, 5000);
    assert!(verify(&problem, &plan).is_right());
    let spoil = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        let check = verify(&problem, &plan);
        assert!(!check.problems.is_empty(), "{plan:?}");
    };
    spoil(&|plan| plan.cost += 1);
    spoil(&|plan| plan.routes[0].lines[1].begin -= 1);
    spoil(&|plan| plan.routes[0].lines[1].leave += 1);
    spoil(&|plan| plan.routes[0].duration += 1);
    spoil(&|plan| plan.routes[0].number = 99);
    spoil(&|plan| plan.routes[1].number = plan.routes[0].number);
    spoil(&|plan| drop(plan.routes.pop()));
    spoil(&|plan| drop(plan.routes[0].lines.remove(1)));
    spoil(&|plan| {
        let again = plan.routes[0].lines[1].clone();
        plan.routes[1].lines.insert(1, again);
    });
}

#[test]
fn backhauls_come_last_and_never_alone() {
    // Along a line: without the rule one vehicle would serve all on its way out and back, at 2·40.
    let points = [(10.0, 0.0), (20.0, 0.0), (30.0, 0.0), (40.0, 0.0)];
    let mut parts = draft(&points, vec![vehicle("v", 4, 9)]);
    for stop in [0, 3] {
        parts.stops[stop].is_backhaul = true;
        parts.stops[stop].work = Work::Visit { delivery: vec![0], pickup: vec![1] };
    }
    let problem = Problem::new(parts.clone()).unwrap();
    let plan = planned(&problem, 2000);
    assert_eq!((plan.cost, order(&plan, 0)), (80, vec![1, 2, 3, 0]));
    // Where the far one is no backhaul, all others are on the way there or on the way back.
    parts.stops[3].is_backhaul = false;
    parts.stops[1].is_backhaul = true;
    let plan = planned(&Problem::new(parts.clone()).unwrap(), 2000);
    assert_eq!((plan.cost, &order(&plan, 0)[2..]), (80, &[1, 0][..]));
    // Backhauls alone are on no trip, and nobody calls that impossible.
    parts.stops.iter_mut().for_each(|stop| stop.is_backhaul = true);
    let problem = Problem::new(parts).unwrap();
    let plan = planned(&problem, 500);
    assert_eq!((plan.unassigned.len(), plan.status), (4, PlanStatus::Infeasible));
    assert!(plan.unassigned.iter().all(|left| matches!(left.reason, Reason::NotFound { .. })));
    let claim = |stops: [usize; 2]| Claim {
        routes: vec![ClaimedRoute { vehicle: 0, number: 0, actions: stops.map(Action::Stop).to_vec() }],
        cost: None,
    };
    assert!(!verify_plan(&problem, &claim([0, 1])).problems.is_empty());
}

#[test]
fn no_stops_and_one_stop_are_plans_too() {
    let none = Problem::new(draft(&[], vec![vehicle("v", 1, 1)])).unwrap();
    assert_eq!((planned(&none, 100).cost, planned(&none, 100).routes.len()), (0, 0));
    let one = Problem::new(draft(&[(3.0, 4.0)], vec![vehicle("v", 1, 1)])).unwrap();
    assert_eq!(planned(&one, 100).cost, 10);
    // Everyone at the same door.
    let same = Problem::new(draft(&[(3.0, 4.0); 9], vec![vehicle("v", 9, 3)])).unwrap();
    assert_eq!(planned(&same, 3000).cost, 30);
}
