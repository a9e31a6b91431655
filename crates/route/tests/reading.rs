//! Parsers read anything without a panic, and what they accept can be solved.

mod common;

use common::solved;
use festina_route::{Format, Instance, Limit, Request, check};
use proptest::prelude::*;

const FORMATS: [Format; 5] = [Format::Tsplib, Format::Csv, Format::MatrixCsv, Format::Npy, Format::GeoJson];

#[test]
fn ulysses_of_tsplib_has_its_published_optimum() {
    // Sixteen places of the Odyssey, from TSPLIB: EDGE_WEIGHT_TYPE GEO, optimum 6859.
    let text = b"NAME: ulysses16\nTYPE: TSP\nDIMENSION: 16\nEDGE_WEIGHT_TYPE: GEO\n\
        NODE_COORD_SECTION\n1 38.24 20.42\n2 39.57 26.15\n3 40.56 25.32\n4 36.26 23.12\n5 33.48 10.54\n\
        6 37.56 12.19\n7 38.42 13.11\n8 37.52 20.44\n9 41.23 9.10\n10 41.17 13.05\n11 36.08 -5.21\n\
        12 38.47 15.13\n13 38.15 15.35\n14 37.51 15.17\n15 35.49 14.32\n16 39.36 19.56\nEOF\n";
    let instance = Instance::read("", text, Format::detect(text)).unwrap();
    let request = Request { method: festina_route::Method::HeldKarp, ..Request::default() };
    assert_eq!(solved(&instance, &request, Limit::None).cost, 6859);
}

#[test]
fn a_million_lines_with_one_bad_field_name_it() {
    let mut text = "x,y\n".to_owned();
    for i in 0..1_000_000 {
        text.push_str(if i == 777_777 { "1,1e\n" } else { "1,2\n" });
    }
    let error = Instance::read("", text.as_bytes(), Format::Csv).unwrap_err();
    assert_eq!(error.to_string(), "line 777779, column 3: '1e' is not a number");
}

/// Pieces of TSPLIB files in any order: nearer to the real thing than random characters.
fn tsplib_like() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("TYPE : TSP".to_owned()),
        (0_usize..6).prop_map(|n| format!("DIMENSION : {n}")),
        "EDGE_WEIGHT_TYPE : (EUC_2D|GEO|ATT|CEIL_2D|EXPLICIT|XRAY1)",
        "EDGE_WEIGHT_FORMAT : (FULL_MATRIX|UPPER_ROW|LOWER_DIAG_ROW|FUNCTION)",
        "(NODE_COORD|EDGE_WEIGHT|DISPLAY_DATA|TOUR)_SECTION",
        "[1-5] -?[0-9]{1,4}(\\.[0-9]{1,2})? [0-9]{1,3}(e[0-9])?",
        "[0-9 ]{1,12}",
        Just("EOF".to_owned()),
        "\\PC{0,8}",
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

fn accept_or_refuse(bytes: &[u8], format: Format) {
    if let Ok(instance) = Instance::read("fuzz", bytes, format)
        && instance.n() <= 8
    {
        let solution = solved(&instance, &Request::default(), Limit::Work(100));
        let verdict = check::verify(&instance, festina_route::Shape::Closed, &solution);
        assert!(verdict.is_right(), "{:?}", verdict.problems);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        accept_or_refuse(&bytes, Format::detect(&bytes));
        for format in FORMATS {
            accept_or_refuse(&bytes, format);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}(\n\\PC{0,20}){0,4}") {
        for format in FORMATS {
            accept_or_refuse(text.as_bytes(), format);
        }
        let instance = Instance::read("", b"0,1\n1,0\n", Format::MatrixCsv).unwrap();
        let _ = check::read_tour(&instance, text.as_bytes());
    }

    #[test]
    fn any_tsplib_is_read_or_refused_with_its_place(text in tsplib_like()) {
        accept_or_refuse(text.as_bytes(), Format::Tsplib);
    }

    #[test]
    fn any_array_header_is_read_or_refused(header in "\\{'descr': '[<|][fiu][1248]', 'fortran_order': (True|False), 'shape': \\([0-9]{1,3}, [0-9]{1,3}\\), \\}", data in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        accept_or_refuse(&bytes, Format::Npy);
    }

    #[test]
    fn any_table_of_numbers_is_read_or_refused(rows in proptest::collection::vec("-?[0-9]{1,3}(\\.[0-9])?(,-?[0-9]{1,3}){0,3}", 0..5)) {
        let text = rows.join("\n");
        accept_or_refuse(text.as_bytes(), Format::MatrixCsv);
        accept_or_refuse(format!("x,y\n{text}").as_bytes(), Format::Csv);
        accept_or_refuse(format!("lat,lon,name\n{text}").as_bytes(), Format::Csv);
    }
}
