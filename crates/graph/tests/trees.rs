//! Spanning trees of points against Prim's method over all pairs, and the checker against what is wrong.

mod common;

use common::{Numbers, prim, workers};
use festina_graph::{Edge, Forest, Metric, Points, check, euclidean_spanning_tree};
use proptest::prelude::*;

const EARTH: Metric = Metric::Sphere { radius: 6_371_008.8 };

fn solved(points: &Points) -> Forest {
    let tree = euclidean_spanning_tree(points, &workers(1));
    for n in [2, 4] {
        assert_eq!(euclidean_spanning_tree(points, &workers(n)), tree);
        assert_eq!(check::verify_tree(points, &tree, &workers(n)).problems, Vec::<String>::new());
    }
    tree
}

/// Returns the distance on the sphere by the haversine formula, or in a straight line.
fn distance(points: &Points, a: usize, b: usize) -> f64 {
    let (p, q) = (points.at()[a], points.at()[b]);
    match points.metric() {
        Metric::Euclidean => (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt(),
        Metric::Sphere { radius } => {
            let [dy, dx] = [0, 1].map(|i| ((p[i] - q[i]).to_radians() / 2.0).sin().powi(2));
            let haversine = dy + p[0].to_radians().cos() * q[0].to_radians().cos() * dx;
            2.0 * radius * haversine.sqrt().min(1.0).asin()
        }
    }
}

fn agrees_with_prim(points: &Points) {
    let tree = solved(points);
    let expected = prim(points.n(), |a, b| distance(points, a, b));
    assert_eq!(tree.edges.len(), expected.len());
    for (edge, expected) in tree.edges.iter().zip(&expected) {
        assert!((edge.weight - expected).abs() <= 1e-9 * expected + 1e-7, "{edge:?} {expected}");
    }
}

proptest! {
    #[test]
    fn degenerate_and_random_points_agree_with_prim(n in 1_usize..60, side in 1_u64..30, dimensions in 1_usize..4, seed: u64) {
        let mut numbers = Numbers(seed);
        let mut axis = |i: usize| if i < dimensions { numbers.below(side) as f64 } else { 0.0 };
        let at = (0..n).map(|_| [axis(0), axis(1), axis(2)]).collect();
        agrees_with_prim(&Points::new(Metric::Euclidean, at).unwrap());
    }

    #[test]
    fn points_on_the_earth_agree_with_prim(n in 1_usize..60, seed: u64) {
        let mut numbers = Numbers(seed);
        let mut place = || [180.0 * numbers.unit() - 90.0, 720.0 * numbers.unit() - 360.0, 0.0];
        agrees_with_prim(&Points::new(EARTH, (0..n).map(|_| place()).collect()).unwrap());
    }
}

/// Where the next point lies, given its number.
type Shape = dyn Fn(&mut Numbers, usize) -> [f64; 3];

#[test]
fn clusters_lines_grids_and_heaps_agree_with_prim() {
    let mut numbers = Numbers(1);
    let shapes: [(&str, Box<Shape>); 6] = [
        ("uniform", Box::new(|numbers, _| [numbers.unit(), numbers.unit(), 0.0])),
        (
            "clusters",
            Box::new(|numbers, i| [(i % 7) as f64 * 1e6 + numbers.unit(), numbers.unit() * 1e-3, 0.0]),
        ),
        ("a line", Box::new(|numbers, _| [numbers.unit(), 5.0, 0.0])),
        ("a grid", Box::new(|_, i| [(i % 40) as f64, (i / 40) as f64, 0.0])),
        ("one place", Box::new(|_, _| [3.0, 4.0, 0.0])),
        ("powers", Box::new(|numbers, i| [2.0_f64.powi((i % 300) as i32), numbers.unit(), 0.0])),
    ];
    for (_, shape) in shapes {
        let at = (0..1500).map(|i| shape(&mut numbers, i)).collect();
        agrees_with_prim(&Points::new(Metric::Euclidean, at).unwrap());
    }
}

#[test]
fn many_points_are_solved_and_checked() {
    let mut numbers = Numbers(2);
    let at = (0..60_000).map(|_| [numbers.unit(), numbers.unit(), 0.0]).collect();
    let tree = solved(&Points::new(Metric::Euclidean, at).unwrap());
    // The constant of uniform points in the plane is near 0.6331 (Cortina-Borja and Robinson 2000): √(n·A) times it.
    let constant = tree.weight / 60_000_f64.sqrt();
    assert!((0.62..0.65).contains(&constant), "{constant}");
}

#[test]
fn every_planted_fault_is_found() {
    let mut numbers = Numbers(4);
    for metric in [Metric::Euclidean, EARTH] {
        let at: Vec<[f64; 3]> =
            (0..200).map(|_| [90.0 * numbers.unit(), 90.0 * numbers.unit(), 0.0]).collect();
        let points = Points::new(metric, at).unwrap();
        let tree = euclidean_spanning_tree(&points, &workers(2));
        let problems =
            |edges: Vec<Edge>| check::verify_tree(&points, &Forest::new(200, edges), &workers(2)).problems;
        for i in 0..tree.edges.len() {
            let mut edges = tree.edges.clone();
            edges[i].weight *= 1.0 + 1e-6;
            assert!(problems(edges.clone())[0].contains("long"));
            edges.remove(i);
            assert!(problems(edges.clone())[0].contains("2 trees do not join all points"));
            // Another edge across the same cut: from the end of the one that was taken out to any point beyond it.
            let [a, b] = tree.edges[i].ends;
            let other = (0..200).find(|&c| c != a && c != b && is_beyond(&edges, b, c)).unwrap_or(b);
            let ends = [a.min(other), a.max(other)];
            if other != b {
                edges.push(Edge { ends, weight: distance(&points, a as usize, other as usize) });
                assert!(problems(edges)[0].contains("nearer to each other"), "{i}");
            }
        }
        let mut edges = tree.edges.clone();
        edges[7] = edges[8];
        assert!(problems(edges)[0].contains("closes a cycle"));
    }
}

/// Returns whether `edges` join `from` and `to`.
fn is_beyond(edges: &[Edge], from: u32, to: u32) -> bool {
    let mut reached = vec![from];
    let mut at = 0;
    while at < reached.len() {
        let node = reached[at];
        for edge in edges.iter().filter(|edge| edge.ends.contains(&node)) {
            let other = edge.ends[0] + edge.ends[1] - node;
            if !reached.contains(&other) {
                reached.push(other);
            }
        }
        at += 1;
    }
    reached.contains(&to)
}

#[test]
fn points_that_cannot_be_measured_are_refused() {
    for (metric, at, message) in [
        (Metric::Euclidean, [f64::NAN, 0.0, 0.0], "point 2 has the coordinates [NaN, 0.0, 0.0]"),
        (Metric::Euclidean, [0.0, f64::INFINITY, 0.0], "point 2 has the coordinates [0.0, inf, 0.0]"),
        (Metric::Euclidean, [0.0, 1e200, 0.0], "point 2 has the coordinates [0.0, 1e200, 0.0]"),
        (EARTH, [91.0, 0.0, 0.0], "point 2 is at latitude 91"),
    ] {
        let error = Points::new(metric, vec![[0.0; 3], at]).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
}
