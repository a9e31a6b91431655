//! Minimum spanning forests of graphs against Prim's method over a full matrix, and the checker against what is wrong.

mod common;

use common::{Numbers, matrix, prim, random_graph, workers};
use festina_graph::{Edge, Forest, Graph, check, minimum_spanning_forest};
use proptest::prelude::*;

/// Solves on 1, 2 and 4 workers, requires one answer, has it checked, and returns it.
fn solved(graph: &Graph) -> Forest {
    let forest = minimum_spanning_forest(graph, &workers(1));
    for n in [2, 4] {
        assert_eq!(minimum_spanning_forest(graph, &workers(n)), forest);
        assert_eq!(check::verify_forest(graph, &forest, &workers(n)).problems, Vec::<String>::new());
    }
    forest
}

fn weights_of(forest: &Forest) -> Vec<f64> {
    forest.edges.iter().map(|edge| edge.weight).collect()
}

proptest! {
    #[test]
    fn small_graphs_with_ties_agree_with_prim(
        n in 1_u32..12, m in 0_usize..40, kinds in 1_u64..6, seed: u64
    ) {
        let graph = random_graph(n, m, seed, |numbers| numbers.below(kinds) as f64 - 2.0);
        let forest = solved(&graph);
        let matrix = matrix(&graph);
        let expected = prim(n as usize, |a, b| matrix[a * n as usize + b]);
        prop_assert_eq!(weights_of(&forest), expected.clone());
        prop_assert_eq!(forest.components, n as usize - expected.len());
        prop_assert_eq!(forest.weight, expected.iter().sum::<f64>());
    }
}

type Draw = fn(&mut Numbers) -> f64;

#[test]
fn graphs_of_several_batches_agree_with_prim() {
    let draws: [(&str, Draw); 4] = [
        ("fractions", |numbers| numbers.unit()),
        ("both signs", |numbers| (numbers.unit() - 0.5) * 1e300),
        ("few weights", |numbers| numbers.below(3) as f64),
        ("one weight", |_| 7.5),
    ];
    for (name, draw) in draws {
        let graph = random_graph(700, 150_000, 5, draw);
        let matrix = matrix(&graph);
        assert_eq!(weights_of(&solved(&graph)), prim(700, |a, b| matrix[a * 700 + b]), "{name}");
    }
}

#[test]
fn light_edges_that_join_little_leave_many_rounds() {
    // A thousand light edges between the same two nodes for each heavier one that is needed.
    let n = 400_u32;
    let ends = (0..400_000_u32).map(|i| if i % 1000 == 0 { [i / 1000, (i / 1000 + 1) % n] } else { [0, 1] });
    let weights =
        (0..400_000_u32).map(|i| if i % 1000 == 0 { 1e6 + f64::from(i) } else { f64::from(i % 997) });
    let graph = Graph::new(n as usize, ends.collect(), weights.collect()).unwrap();
    let forest = solved(&graph);
    assert_eq!(forest.components, 1);
    assert_eq!(forest.edges[0].weight, 0.0);
}

#[test]
fn sparse_graphs_fall_into_trees() {
    let graph = random_graph(50_000, 30_000, 9, |numbers| numbers.below(100) as f64);
    let forest = solved(&graph);
    assert_eq!(forest.edges.len() + forest.components, 50_000);
    assert!(forest.components > 20_000);
    let empty = Graph::new(0, vec![], vec![]).unwrap();
    assert_eq!(solved(&empty), Forest { edges: vec![], weight: 0.0, components: 0 });
}

#[test]
fn every_planted_fault_is_found() {
    let graph = random_graph(300, 2000, 3, |numbers| numbers.below(1_000_000) as f64);
    let forest = minimum_spanning_forest(&graph, &workers(2));
    let n = graph.n_nodes();
    let problems =
        |edges: Vec<Edge>| check::verify_forest(&graph, &Forest::new(n, edges), &workers(2)).problems;
    let is_in_forest = |ends: [u32; 2]| forest.edges.iter().any(|edge| edge.ends == ends);
    let other: Vec<Edge> = graph
        .ends()
        .iter()
        .zip(graph.weights())
        .map(|(&[a, b], &weight)| Edge { ends: [a.min(b), a.max(b)], weight })
        .collect();
    let other: Vec<Edge> =
        other.into_iter().filter(|edge| edge.ends[0] != edge.ends[1] && !is_in_forest(edge.ends)).collect();
    for i in 0..forest.edges.len() {
        let mut edges = forest.edges.clone();
        edges.remove(i);
        assert!(problems(edges.clone())[0].contains("would join two trees"), "an edge too few");
        edges.push(other[i]);
        assert!(!problems(edges).is_empty(), "another edge instead");
        let mut edges = forest.edges.clone();
        edges[i].weight -= 0.5;
        assert!(
            problems(edges).iter().any(|problem| problem.starts_with("the graph has no edge")),
            "another weight"
        );
    }
    let with = |edge| [&forest.edges[..], &[edge]].concat();
    assert!(
        problems(with(other[0]))[0].ends_with("do not make 0 trees")
            || problems(with(other[0]))[0].contains("cycle")
    );
    assert!(problems(with(Edge { ends: [0, 300], weight: 1.0 }))[0].ends_with("is no edge"));
    let wrong_sum = Forest { weight: forest.weight + 1.0, ..forest.clone() };
    assert!(check::verify_forest(&graph, &wrong_sum, &workers(1)).problems[0].contains("the edges weigh"));
    let wrong_count = Forest { components: 7, ..forest };
    assert!(check::verify_forest(&graph, &wrong_count, &workers(1)).problems[0].contains("7 trees"));
}
