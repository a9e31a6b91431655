//! `festina solve tsp` as it is typed: a tour written and checked, odd instances, what is typed wrong.

mod festina;

use festina::Festina;

const SQUARE: &str = "name,x,y\nA,0,0\nB,0,3\nC,4,3\nD,4,0\n";

/// A text of TSPLIB with `cities` under `head`.
fn tsplib(head: &str, cities: &str) -> String {
    format!("TYPE: TSP\n{head}\nNODE_COORD_SECTION\n{cities}EOF\n")
}

#[test]
fn a_tour_is_told_written_and_checked() {
    let festina = Festina::new();
    festina.write("square.csv", SQUARE);
    for name in ["tour.csv", "best.tour", "map.geojson"] {
        let result = festina.run(&["solve", "tsp", "square.csv", "--json", "-o", name]).json(0);
        assert_eq!((&result["status"], &result["is_verified"]), (&"optimal".into(), &true.into()));
        assert!(festina.path().join(name).exists());
    }
    let call = festina.run(&["solve", "tsp", "square.csv", "--verify", "best.tour"]);
    call.code(0);
    assert!(call.output().starts_with("right: every city once, length"), "{}", call.output());
    festina.write("wrong.csv", "name\nA\nB\nB\nD\n");
    let call = festina.run(&["solve", "tsp", "square.csv", "--verify", "wrong.csv"]);
    call.code(1);
    assert!(call.output().contains("city B is visited 2 times; city C is not visited"), "{}", call.output());
}

#[test]
fn odd_instances_are_instances() {
    let festina = Festina::new();
    for (table, length) in [
        ("x,y\n5,5\n", 0.0),
        ("x,y\n0,0\n3,4\n", 10.0),
        ("x,y\n0,0\n0,3\n4,3\n", 12.0),
        ("x,y\n-7,-7\n-7,-7\n-7,-7\n-7,-7\n-7,-7\n", 0.0),
        ("0,1,2\n9,0,3\n2,8,0\n", 6.0),
    ] {
        festina.write("odd.csv", table);
        let result = festina.run(&["solve", "tsp", "odd.csv", "--json"]).json(0);
        let unit = result["unit"].as_f64().unwrap();
        let found = result["cost"].as_f64().unwrap() * unit;
        assert!((found - length).abs() < 1e-9, "{table}: {found}");
        assert_eq!(result["status"], "optimal");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_hint_before_any_time_is_spent() {
    let festina = Festina::new();
    let four = "DIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D";
    let cities = "1 0 0\n2 0 3\n3 4 3\n4 4 0\n";
    for (name, text) in [
        ("square.csv", SQUARE.to_owned()),
        ("nan.tsp", tsplib(four, &cities.replace("2 0", "2 nan"))),
        ("far.tsp", tsplib(four, &cities.replace("2 0", "2 1e300"))),
        ("twice.tsp", tsplib(four, &cities.replace("2 0", "1 0"))),
        ("few.tsp", tsplib(four, "1 0 0\n2 0 3\n")),
        ("none.tsp", tsplib("DIMENSION: 0\nEDGE_WEIGHT_TYPE: EUC_2D", "")),
        ("strange.tsp", tsplib("DIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_9D", cities)),
        ("first.tsp", tsplib("EDGE_WEIGHT_TYPE: EUC_2D", cities)),
        ("short.csv", "name,x,y\nA,0,0\nB,3\n".to_owned()),
        ("ragged.csv", "0,1,2\n1,0\n2,3,0\n".to_owned()),
        ("empty.csv", String::new()),
        ("open.geojson", "{\"type\":\"FeatureCollection\",\"features\":[".to_owned()),
        ("bare.geojson", "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\"}]}".to_owned()),
    ] {
        festina.write(name, &text);
    }
    std::fs::write(festina.path().join("bytes.csv"), [0x93, 0xff, 0x00]).unwrap();
    std::fs::write(festina.path().join("cut.npy"), b"\x93NUMPY\x01\x00v\x00{").unwrap();
    for (arguments, part) in [
        (&["nowhere.tsp"][..], "nowhere.tsp"),
        (&["nan.tsp"], "line 6, column 3: 'nan' is not a finite number"),
        (&["far.tsp"], "so far apart"),
        (&["twice.tsp"], "line 6, column 1: node 1 comes twice"),
        (&["few.tsp"], "ends after 2 of 4 nodes"),
        (&["none.tsp"], "line 2, column 1: '0' is not a DIMENSION"),
        (&["strange.tsp"], "line 3, column 1: EDGE_WEIGHT_TYPE 'EUC_9D' is unknown"),
        (&["first.tsp"], "NODE_COORD_SECTION comes before DIMENSION"),
        (&["short.csv"], "line 3, column 4: the line has 2 of 3 fields"),
        (&["ragged.csv"], "line 2, column 3: the line has 2 distances"),
        (&["empty.csv"], "no cities"),
        (&["open.geojson"], "line 1, column 40: the text is not JSON"),
        (&["bare.geojson"], "has no type"),
        (&["bytes.csv"], "line 1, column 1: the text is not UTF-8"),
        (&["cut.npy"], "the .npy file is truncated"),
        (&["square.csv", "-o", "tour.doc"], "'.doc' is not a format for tours"),
        (&["square.csv", "-o", "tour"], "told by its file's ending"),
        (&["square.csv", "-o", "nowhere/best.tour"], "its folder does not exist"),
        (&["square.csv", "--html", "nowhere/page.html"], "its folder does not exist"),
        (&["square.csv", "--open", "--start", "Z"], "there is no city 'Z'"),
        (&["square.csv", "--method", "magic"], "'magic' is not a method"),
        (&["square.csv", "--gap", "much"], "'much' is not a gap"),
    ] {
        festina.run(&[&["solve", "tsp"], arguments].concat()).refuses(2, &[part]);
    }
}
