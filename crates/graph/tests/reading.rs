//! Every format, and what is wrong in files of each.

mod common;

use common::{Numbers, workers};
use festina_graph::{Format, Graph, GraphError, Labels};
use proptest::prelude::*;

fn read(format: Format, text: &str) -> Result<Graph, GraphError> {
    Graph::read(text.as_bytes(), format, &workers(2))
}

/// A triangle with weights 1, 2.5, −3 and a node by itself, in every format.
#[test]
fn every_format_gives_the_same_graph() {
    for (format, text) in [
        (
            Format::MatrixMarket,
            "%%MatrixMarket matrix coordinate real symmetric\n% a comment\n\n4 4 3\n2 1 1\n3 2 2.5e0\n3 1 -3\n",
        ),
        (Format::Dimacs, "c a comment\np sp 4 3\na 2 1 1\na 3 2 2.5\nc another\na 3 1 -3\n"),
        (Format::Metis, "% a comment\n4 3 001\n2 1 3 -3\n1 1 3 2.5\n2 2.5 1 -3\n\n"),
    ] {
        let graph = read(format, text).unwrap();
        assert_eq!((graph.n_nodes(), graph.labels()), (4, &Labels::From(1)), "{format:?}");
        let mut edges: Vec<(u32, u32, f64)> =
            graph.ends().iter().zip(graph.weights()).map(|(&[a, b], &w)| (a.min(b), a.max(b), w)).collect();
        edges.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(edges, [(0, 1, 1.0), (0, 2, -3.0), (1, 2, 2.5)], "{format:?}");
    }
}

#[test]
fn edge_lists_have_many_looks() {
    for text in [
        "1 2 1\n2 3 2.5\n3 1 -3\n",
        "# comment\n1\t2\t1\n\n2\t3\t2.5\n3\t1\t-3",
        "from,to,weight\r\n1,2,1\r\n2,3,2.5\r\n3,1,-3\r\n",
        "cost;note;Target;SOURCE\n1;x;2;1\n2.5;\"a;b\";3;2\n-3;;1;3\n",
        "\u{feff}u,v,w\n1, 2 ,1\n2,3,2.5\n3,1,-3\n",
    ] {
        let graph = read(Format::EdgeList, text).unwrap();
        assert_eq!(graph.weights(), [1.0, 2.5, -3.0], "{text}");
        assert_eq!(graph.labels(), &Labels::Numbers(vec![1, 2, 3]));
        let ends: Vec<[u32; 2]> = graph.ends().iter().map(|&[a, b]| [a.min(b), a.max(b)]).collect();
        assert_eq!(ends, [[0, 1], [1, 2], [0, 2]], "{text}");
    }
}

#[test]
fn nodes_keep_their_names() {
    let graph = read(Format::EdgeList, "\"Ulm, Donau\",Bonn,1\nBonn,07,2\n7,07,3\n").unwrap();
    let names: Vec<String> = (0..4).map(|node| graph.labels().name(node)).collect();
    assert_eq!(names, ["Ulm, Donau", "Bonn", "07", "7"]);
    let graph = read(Format::EdgeList, "999999999999999999 5\n5 123456789012\n").unwrap();
    assert_eq!(graph.labels(), &Labels::Numbers(vec![5, 123_456_789_012, 999_999_999_999_999_999]));
    assert_eq!((graph.ends(), graph.weights()), (&[[2, 0], [0, 1]][..], &[1.0, 1.0][..]));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    use Format::{Dimacs, EdgeList, MatrixMarket, Metis};
    let banner = "%%MatrixMarket matrix coordinate";
    for (format, text, message) in [
        (EdgeList, "", "line 1, column 1: there are no edges"),
        (EdgeList, "from,to\n# nothing\n", "line 1, column 1: there are no edges"),
        (EdgeList, "a,b,1\na\n", "line 2, column 2: the line has 1 fields"),
        (EdgeList, "from,to,cost\na,b\n", "line 2, column 4: the line has 2 fields"),
        (EdgeList, "a,b,1\nä,b,nan\n", "line 2, column 5: 'nan' is not a finite number"),
        (EdgeList, "a,b,1\n,b,2\n", "line 2, column 1: a node without a name"),
        (EdgeList, "1 2 1e999\n", "line 1, column 5: '1e999' is not a finite number"),
        (EdgeList, "1 2 ten\n", "line 1, column 5: 'ten' is not a number"),
        (MatrixMarket, "1 1 0\n", "line 1, column 1: '1' is not the banner that a graph has"),
        (
            MatrixMarket,
            &format!("{banner} complex general\n"),
            "line 1, column 34: 'complex' is not a field that a graph has",
        ),
        (
            MatrixMarket,
            &format!("{banner} real hermitian\n"),
            "line 1, column 39: 'hermitian' is not a symmetry that a graph has",
        ),
        (
            MatrixMarket,
            &format!("{banner} real general\n3 4 1\n1 1 1\n"),
            "line 2, column 3: 3 rows and 4 columns are no graph",
        ),
        (
            MatrixMarket,
            &format!("{banner} real general\n3 3 2\n1 2 1\n"),
            "line 4, column 1: 1 entries are written, and the header says 2",
        ),
        (
            MatrixMarket,
            &format!("{banner} real general\n3 3 1\n1 4 1\n"),
            "line 3, column 3: there is no node 4: the header says 3",
        ),
        (
            MatrixMarket,
            &format!("{banner} real general\n3 3 1\n0 1 1\n"),
            "line 3, column 1: there is no node 0",
        ),
        (
            MatrixMarket,
            &format!("{banner} pattern general\n3 3 1\n1 2 1\n"),
            "line 3, column 5: '1' is one field too many",
        ),
        (
            MatrixMarket,
            &format!("{banner} real general\n"),
            "line 2, column 1: the line ends where the number of rows should be",
        ),
        (Dimacs, "c x\n", "line 2, column 1: the line ends where the problem line 'p' should be"),
        (Dimacs, "a 1 2 3\n", "line 1, column 1: 'a' stands where the problem line should be"),
        (Dimacs, "p sp 3 1\na 1 2\n", "line 2, column 6: the line ends where a weight should be"),
        (Dimacs, "p sp 3 1\nx 1 2\n", "line 2, column 1: 'x' begins no line of edges"),
        (Dimacs, "p sp 3 2\na 1 2 9\n", "line 3, column 1: 1 edges are written, and the header says 2"),
        (Dimacs, "p sp -3 2\n", "line 1, column 6: '-3' is not a whole number"),
        (Metis, "2 1\n2\n", "line 3, column 1: the text ends after 1 of 2 nodes"),
        (Metis, "2 1\n2\n1\n1\n", "line 4, column 1: a line for node 3 of 2"),
        (Metis, "2 1\n2\n\n", "line 4, column 1: 1 neighbours are written, and 1 edges have two ends each"),
        (
            Metis,
            "3 1\n2\n3\n\n",
            "line 5, column 1: some edge is written at one of its ends only, or with two weights",
        ),
        (
            Metis,
            "2 1 1\n2 5\n1 6\n",
            "line 4, column 1: some edge is written at one of its ends only, or with two weights",
        ),
        (Metis, "2 1\n1\n2\n", "line 2, column 1: the node is its own neighbour"),
        (Metis, "2 1 7\n", "line 1, column 5: '7' is not a format of METIS"),
        (
            Metis,
            "2 1 11 2\n5 6 2 1\n7\n",
            "line 3, column 2: the line ends where a weight or size of the node should be",
        ),
    ] {
        assert_eq!(read(format, text).unwrap_err().to_string(), message, "{text:?}");
    }
}

#[test]
fn the_bad_field_of_a_million_lines_is_named() {
    let mut text = "1 2 3\n".repeat(1_000_000);
    text.push_str("5 6 x7\n");
    text.push_str(&"1 2 3\n".repeat(1000));
    for n in [1, 2, 3] {
        let error = Graph::read(text.as_bytes(), Format::EdgeList, &workers(n)).unwrap_err();
        assert_eq!(error.to_string(), "line 1000001, column 5: 'x7' is not a number");
    }
}

#[test]
fn parts_of_a_text_are_put_together_in_order() {
    let mut numbers = Numbers(8);
    let edges: Vec<(u64, u64, u64)> =
        (0..50_000).map(|_| (numbers.below(9_000), numbers.below(9_000), numbers.next() >> 12)).collect();
    let text: String = edges.iter().map(|(a, b, w)| format!("{a} {b} {w}\n")).collect();
    let one = Graph::read(text.as_bytes(), Format::EdgeList, &workers(1)).unwrap();
    assert_eq!(one.n_edges(), 50_000);
    let Labels::Numbers(labels) = one.labels() else { panic!("nodes are numbers") };
    for (i, (a, b, w)) in edges.iter().enumerate() {
        let [x, y] = one.ends()[i].map(|end| labels[end as usize]);
        assert_eq!((x, y, one.weights()[i]), (*a, *b, *w as f64));
    }
    assert_eq!(Graph::read(text.as_bytes(), Format::EdgeList, &workers(4)).unwrap(), one);
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        bytes in proptest::collection::vec(proptest::sample::select(&b"0129 -.,;\t\n\r\"#%cpaex\xff\xc3"[..]), 0..80),
        format in proptest::sample::select(&Format::ALL[..]), head in proptest::sample::select(&["", "%%MatrixMarket matrix coordinate real general\n", "p sp 3 2\n", "3 2 001\n", "from,to,weight\n"][..])
    ) {
        let text = [head.as_bytes(), &bytes].concat();
        if let Ok(graph) = Graph::read(&text, format, &workers(2)) {
            prop_assert!(graph.ends().iter().flatten().all(|&node| (node as usize) < graph.n_nodes()));
        }
    }
}
