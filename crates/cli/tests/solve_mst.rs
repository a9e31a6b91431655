//! `festina solve mst` as it is typed.

mod festina;

use festina::Festina;

/// A square with a diagonal, and an edge by itself.
const ROADS: &str = "from,to,weight\nA,B,4\nB,C,1\nC,D,3\nD,A,2\nA,C,5\nX,Y,7\n";

#[test]
fn a_forest_is_told_written_and_checked() {
    let festina = Festina::new();
    festina.write("roads.csv", ROADS);
    let result = festina.run(&["solve", "mst", "roads.csv", "--json", "-o", "tree.csv"]).json(0);
    assert_eq!(result["schema"], "festina.mst/1");
    assert_eq!((&result["weight"], &result["components"]), (&13.0.into(), &2.into()));
    assert_eq!(result["tree"][0], serde_json::json!(["B", "C", 1.0]));
    assert_eq!(result["is_verified"], true);
    let tree = std::fs::read_to_string(festina.path().join("tree.csv")).unwrap();
    assert_eq!(tree, "from,to,weight\nB,C,1\nA,D,2\nC,D,3\nX,Y,7\n");
    let call = festina.run(&["solve", "mst", "roads.csv", "-j", "2"]);
    call.code(0);
    assert!(call.output().contains("a forest of 2 trees of weight 13"), "{}", call.output());
    assert!(call.output().contains("falls into 2 parts"), "{}", call.output());
    let call = festina.run(&["solve", "mst", "roads.csv", "--verify", "tree.csv"]);
    call.code(0);
    festina.write("worse.csv", "from,to,weight\nB,C,1\nA,B,4\nC,D,3\nX,Y,7\n");
    let call = festina.run(&["solve", "mst", "roads.csv", "--verify", "worse.csv"]);
    call.code(1);
    assert!(call.output().contains("D–A of weight 2 would be lighter"), "{}", call.output());
}

#[test]
fn points_are_joined_and_drawn() {
    let festina = Festina::new();
    festina.write("points.csv", "name,x,y\nA,0,0\nB,3,0\nC,3,4\nD,1.5,2\n");
    let result = festina
        .run(&["solve", "mst", "points.csv", "--json", "--svg", "map.svg", "--html", "map.html"])
        .json(0);
    assert_eq!((&result["weight"], &result["edges"]), (&7.5.into(), &6.into()));
    for page in ["map.svg", "map.html"] {
        assert!(std::fs::read_to_string(festina.path().join(page)).unwrap().contains("tree"));
    }
    festina.write("cities.csv", "name,lat,lon\nBerlin,52.52,13.405\nParis,48.8566,2.3522\n");
    let result = festina.run(&["solve", "mst", "cities.csv", "--json"]).json(0);
    assert_eq!((result["weight"].as_f64().unwrap() / 1000.0).round(), 877.0);
    festina.write("one.csv", "x,y\n5,5\n");
    assert_eq!(festina.run(&["solve", "mst", "one.csv", "--json"]).json(0)["weight"], 0.0);
}

#[test]
fn a_matrix_is_a_complete_graph() {
    let festina = Festina::new();
    festina.write("matrix.csv", "0,1,5\n1,0,2\n5,2,0\n");
    let all = ["solve", "mst", "matrix.csv", "--format", "matrix-csv", "--json"];
    assert_eq!(festina.run(&all).json(0)["weight"], 3.0);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let festina = Festina::new();
    festina.write("bad.csv", "from,to,weight\nA,B,1\nB,C,far\n");
    festina.write("roads.csv", ROADS);
    festina.write("empty.csv", "");
    festina.write("ways.csv", "0,1\n2,0\n");
    festina.write("strange.csv", "A,Z,1\n");
    festina.write(
        "blocks.tsp",
        "NAME: b\nTYPE: TSP\nDIMENSION: 2\nEDGE_WEIGHT_TYPE: MAN_2D\nNODE_COORD_SECTION\n1 0 0\n2 1 1\nEOF\n",
    );
    for (arguments, part) in [
        (&["nowhere.csv"][..], "nowhere.csv"),
        (&["empty.csv"], "line 1, column 1: there are no edges"),
        (&["roads.csv", "--format", "xml"], "'xml' is not a format"),
        (&["roads.csv", "--verify", "strange.csv"], "roads.csv has no node 'Z'"),
        (&["roads.csv", "-o", "nowhere/tree.csv"], "its folder does not exist"),
        (&["roads.csv", "--svg", "map.svg"], "no chart"),
        (&["ways.csv", "--format", "matrix-csv"], "not symmetric"),
        (&["blocks.tsp"], "neither in straight lines nor on great circles"),
    ] {
        festina.run(&[&["solve", "mst"], arguments].concat()).refuses(2, &[part]);
    }
    let call = festina.run(&["solve", "mst", "bad.csv"]);
    call.code(2);
    assert!(call.errors().contains("line 3, column 5: 'far' is not a number"), "{}", call.errors());
}
