//! Wrong outputs are caught, harmless ones are not accused: a hundred and more of each, in five formats.
//!
//! What is wrong and what is harmless is known from how the output was changed, and confirmed by an oracle that knows
//! each format by construction and shares nothing with the check: it splits at fixed separators, and sorts.

use std::collections::BTreeSet;

use festina_measure::{Check, Tolerance, compare};
use festina_types::CheckOutcome;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

const RELATIVE: f64 = 1e-9;

/// An output whose parts the tests know.
#[derive(Clone)]
struct Output {
    kind: Kind,
    rows: Vec<(u32, String, Vec<f64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Csv,
    JsonLines,
    Json,
    Npy,
}

const KINDS: [Kind; 5] = [Kind::Text, Kind::Csv, Kind::JsonLines, Kind::Json, Kind::Npy];

struct Random(Pcg64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// Returns a number with all its digits, of any magnitude from 1e-3 to 1e3 and either sign.
    fn number(&mut self) -> f64 {
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let sign = if self.below(2) == 0 { 1.0 } else { -1.0 };
        sign * (1.0 + unit) * 10_f64.powi(self.below(6) as i32 - 3)
    }

    fn output(&mut self, kind: Kind) -> Output {
        let count = 5 + self.below(30);
        let row = |random: &mut Self, i: usize| {
            let values = (0..3).map(|_| random.number()).collect();
            (1000 + 7 * i as u32, format!("site-{}", random.below(4)), values)
        };
        Output { kind, rows: (0..count).map(|i| row(self, i)).collect() }
    }

    fn shuffle(&mut self, output: &mut Output) {
        let before = output.rows.iter().map(|row| row.0).collect::<Vec<_>>();
        while output.rows.iter().map(|row| row.0).eq(before.iter().copied()) {
            for last in (1..output.rows.len()).rev() {
                let other = self.below(last + 1);
                output.rows.swap(last, other);
            }
        }
    }
}

impl Output {
    fn write(&self) -> Vec<u8> {
        let mut text = String::new();
        match self.kind {
            Kind::Text => {
                for (id, name, v) in &self.rows {
                    text += &format!("{id} {name}: energy = {:?} eV, force ({:?} {:?})\n", v[0], v[1], v[2]);
                }
            }
            Kind::Csv => {
                text += "id,site,x,y,z\n";
                for (id, name, v) in &self.rows {
                    text += &format!("{id},\"{name}, north\",{:?},{:?},{:?}\n", v[0], v[1], v[2]);
                }
            }
            Kind::JsonLines => {
                for (id, name, v) in &self.rows {
                    text += &format!("{{\"id\": {id}, \"site\": \"{name}\", \"v\": {v:?}}}\n");
                }
            }
            Kind::Json => {
                let row = |(id, name, v): &(u32, String, Vec<f64>)| {
                    format!("{{\"id\": {id}, \"site\": \"{name}\", \"v\": {v:?}}}")
                };
                let rows: Vec<String> = self.rows.iter().map(row).collect();
                text = format!("{{\"version\": 1, \"rows\": [\n{}\n]}}\n", rows.join(",\n"));
            }
            Kind::Npy => return self.write_npy(),
        }
        text.into_bytes()
    }

    fn write_npy(&self) -> Vec<u8> {
        let header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 3), }}", self.rows.len());
        let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").bytes());
        bytes.extend(self.rows.iter().flat_map(|row| &row.2).flat_map(|value| value.to_le_bytes()));
        bytes
    }
}

/// Whether the numbers and words of two outputs are the same, by another road: split at what separates them, compare
/// what parses as a number by value and the rest by letter; records sorted by their id first where order is free.
fn oracle(kind: Kind, reference: &[u8], candidate: &[u8], unordered: bool) -> bool {
    if kind == Kind::Npy {
        let values = |bytes: &[u8]| -> Vec<f64> {
            bytes[128.min(bytes.len())..]
                .chunks(8)
                .map(|c| c.try_into().map_or(0.0, f64::from_le_bytes))
                .collect()
        };
        let (r, c) = (values(reference), values(candidate));
        let head = |bytes: &[u8]| bytes[..128.min(bytes.len())].to_vec();
        return head(reference) == head(candidate)
            && r.len() == c.len()
            && reference.len() == candidate.len()
            && r.iter().zip(&c).all(|(r, c)| (r - c).abs() <= RELATIVE * r.abs());
    }
    let words = |bytes: &[u8]| -> Vec<Vec<String>> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines: Vec<Vec<String>> = text
            .split('\n')
            .map(|line| {
                line.split([' ', ',', '(', ')', '[', ']', '{', '}', ':', '"']).map(str::to_owned).collect()
            })
            .collect();
        if unordered {
            lines.sort();
        }
        lines
    };
    let same_word = |r: &String, c: &String| match (r.parse::<f64>(), c.parse::<f64>()) {
        (Ok(rv), Ok(cv)) if r.contains('.') && c.contains('.') => (rv - cv).abs() <= RELATIVE * rv.abs(),
        _ => r == c,
    };
    let (r, c) = (words(reference), words(candidate));
    r.len() == c.len()
        && r.iter().zip(&c).all(|(r, c)| r.len() == c.len() && r.iter().zip(c).all(|(r, c)| same_word(r, c)))
}

/// Makes one output wrong; returns what was done, or `None` if it cannot be done to this one.
fn spoil(random: &mut Random, output: &Output, how: usize) -> Option<(&'static str, Vec<u8>)> {
    let mut rows = output.clone();
    let i = random.below(rows.rows.len());
    let k = random.below(3);
    let is_text = output.kind != Kind::Npy;
    let mut bytes = output.write();
    let name = match how {
        0 => {
            let value = rows.rows[i].2[k];
            let text = format!("{value:?}");
            let digits: Vec<usize> =
                (0..text.len().min(7)).filter(|d| text.as_bytes()[*d].is_ascii_digit()).collect();
            let pair = digits.windows(2).find(|p| text.as_bytes()[p[0]] != text.as_bytes()[p[1]])?;
            let mut swapped = text.into_bytes();
            swapped.swap(pair[0], pair[1]);
            rows.rows[i].2[k] = String::from_utf8(swapped).ok()?.parse().ok()?;
            bytes = rows.write();
            "two digits of a number swapped"
        }
        1 if is_text => {
            rows.rows[i].0 = rows.rows[i].0 / 1000 + rows.rows[i].0 % 1000 * 10;
            bytes = rows.write();
            "the digits of a count in another order"
        }
        2 => {
            rows.rows.remove(i);
            bytes = rows.write();
            "a record lost"
        }
        3 => {
            let row = rows.rows[i].clone();
            rows.rows.insert(i, row);
            bytes = rows.write();
            "a record twice"
        }
        4 => {
            bytes.truncate(bytes.len() - 1 - random.below(bytes.len() / 2));
            "cut off"
        }
        5 => {
            rows.rows[i].2[k] = f64::NAN;
            bytes = rows.write();
            "a number that became NaN"
        }
        6 => {
            rows.rows[i].2[k] *= -1.0;
            bytes = rows.write();
            "a sign flipped"
        }
        7 => {
            rows.rows[i].2[k] *= 1.0 + 1e-8;
            bytes = rows.write();
            "a number ten tolerances off"
        }
        8 => {
            let other = random.below(rows.rows.len());
            let (a, b) = (rows.rows[i].2[k], rows.rows[other].2[k]);
            (rows.rows[i].2[k], rows.rows[other].2[k]) = (b, a);
            if (a - b).abs() < 1e-6 {
                return None;
            }
            bytes = rows.write();
            "the numbers of two records exchanged"
        }
        9 if is_text => {
            let at = bytes.iter().position(|b| *b == b's')?;
            bytes[at] = b't';
            "a letter changed"
        }
        9 => {
            // A bit of the header, or one of sign, exponent and the upper fraction of a number.
            let at = if random.below(4) == 0 {
                random.below(128)
            } else {
                128 + 8 * random.below(3 * rows.rows.len()) + 6 + random.below(2)
            };
            bytes[at] ^= 1 << random.below(8);
            "a bit flipped"
        }
        10 => {
            bytes.pop();
            "the last byte lost"
        }
        11 => {
            bytes.extend_from_slice(if is_text { b"0\n" } else { &[0; 8] });
            "something more at the end"
        }
        12 => {
            rows.rows[i].2[k] = rows.rows[i].2[k].trunc() / 3.0;
            bytes = rows.write();
            "an integer division"
        }
        _ if !is_text => return None,
        _ => {
            rows.rows[i].1.push('x');
            bytes = rows.write();
            "a longer word"
        }
    };
    Some((name, bytes))
}

fn outcome(reference: &[u8], candidate: &[u8], tolerance: f64, unordered: bool) -> CheckOutcome {
    let tolerance = Tolerance { relative: tolerance, absolute: 0.0 };
    let rules = Check { tolerance, unordered, ..Check::default() }.rules().unwrap();
    compare(reference, candidate, &rules, &BTreeSet::new()).outcome
}

#[test]
fn wrong_outputs_are_all_caught() {
    let mut random = Random(Pcg64::new(2026, 1));
    let mut caught = 0;
    let mut kinds_of_wrong = BTreeSet::new();
    for round in 0..8 {
        for kind in KINDS {
            for how in 0..14 {
                let output = random.output(kind);
                let Some((name, wrong)) = spoil(&mut random, &output, how) else { continue };
                let reference = output.write();
                let may_reorder = round % 4 == 3 && matches!(kind, Kind::Text | Kind::Csv | Kind::JsonLines);
                let tolerance = if round % 2 == 0 { 0.0 } else { RELATIVE };
                assert!(!oracle(kind, &reference, &wrong, may_reorder), "{kind:?}: {name} is not wrong");
                let found = outcome(&reference, &wrong, tolerance, may_reorder);
                let CheckOutcome::Different { first_difference } = found else {
                    panic!("{kind:?}: {name} was not caught, with a tolerance of {tolerance}");
                };
                assert!(!first_difference.is_empty());
                caught += 1;
                kinds_of_wrong.insert(name);
            }
        }
    }
    assert!(caught >= 500 && kinds_of_wrong.len() == 15, "{caught} {kinds_of_wrong:?}");
}

#[test]
fn order_is_wrong_where_it_matters() {
    let mut random = Random(Pcg64::new(2026, 2));
    for kind in KINDS.iter().cycle().take(50) {
        let output = random.output(*kind);
        let mut other = output.clone();
        random.shuffle(&mut other);
        for tolerance in [0.0, RELATIVE] {
            let found = outcome(&output.write(), &other.write(), tolerance, false);
            assert!(!found.is_same(), "{kind:?}");
        }
    }
}

#[test]
fn harmless_outputs_are_never_accused() {
    let mut random = Random(Pcg64::new(2026, 3));
    let one_ulp = |value: f64, random: &mut Random| match random.below(3) {
        0 => value.next_up(),
        1 => value.next_down(),
        _ => value,
    };
    for (round, kind) in KINDS.iter().cycle().take(150).enumerate() {
        let output = random.output(*kind);
        let reference = output.write();
        let records = matches!(kind, Kind::Text | Kind::Csv | Kind::JsonLines);

        let mut rounded = output.clone();
        for row in &mut rounded.rows {
            row.2 = row.2.iter().map(|value| one_ulp(*value, &mut random)).collect();
        }
        let near = rounded.write();
        let found = outcome(&reference, &near, 1e-12, false);
        assert!(oracle(*kind, &reference, &near, false));
        assert!(found.is_same(), "{kind:?}, round {round}: {found:?}");
        if let CheckOutcome::WithinTolerance { max_ulps, .. } = found {
            assert_eq!(max_ulps, 1);
        }

        if records {
            let mut moved = output.clone();
            random.shuffle(&mut moved);
            assert!(oracle(*kind, &reference, &moved.write(), true));
            assert_eq!(outcome(&reference, &moved.write(), 0.0, true), CheckOutcome::Reordered, "{kind:?}");
            random.shuffle(&mut rounded);
            let found = outcome(&reference, &rounded.write(), 1e-12, true);
            assert!(found.is_same(), "{kind:?}, round {round}: {found:?}");
        }
    }
}

#[test]
fn sums_in_another_order_are_the_same_within_a_stated_tolerance() {
    let mut random = Random(Pcg64::new(2026, 4));
    for _ in 0..100 {
        let values: Vec<f64> = (0..200).map(|_| random.number().abs()).collect();
        let forwards: f64 = values.iter().sum();
        let halves: f64 = values[..100].iter().sum::<f64>() + values[100..].iter().sum::<f64>();
        let text = |sum: f64| format!("checksum {sum:?} of 200\n").into_bytes();
        assert!(outcome(&text(forwards), &text(halves), 1e-12, false).is_same());
        assert_eq!(outcome(&text(forwards), &text(halves), 0.0, false).is_same(), forwards == halves);
    }
}

/// Arrays that `NumPy` wrote: see `arrays/make.py`.
#[test]
fn arrays_of_numpy_are_read() {
    let read = |name: &str| {
        let path = format!("{}/tests/arrays/{name}.npy", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    };
    let all = [
        "c-order",
        "fortran-order",
        "single",
        "half",
        "big-endian",
        "integers",
        "bytes",
        "booleans",
        "complex",
        "scalar",
        "empty",
        "strings",
        "version-2",
        "version-3",
    ];
    for name in all {
        let array = read(name);
        assert_eq!(outcome(&array, &array, 0.0, false), CheckOutcome::Identical);
        // Any other byte in the data is seen, and told by the array's own index where the type is known.
        if name != "empty" {
            let mut wrong = array.clone();
            *wrong.last_mut().unwrap() ^= 1;
            let CheckOutcome::Different { first_difference } = outcome(&array, &wrong, 0.0, false) else {
                panic!("{name}")
            };
            let has_index = first_difference.starts_with('[') || name == "strings" || name == "scalar";
            assert!(has_index, "{name}: {first_difference}");
        }
    }
    assert_eq!(outcome(&read("c-order"), &read("fortran-order"), 0.0, false), CheckOutcome::Reordered);
    for version in ["version-2", "version-3"] {
        assert!(outcome(&read("c-order"), &read(version), 0.0, false).is_same(), "{version}");
    }
    for (a, b) in [("c-order", "single"), ("c-order", "scalar"), ("integers", "complex")] {
        assert!(!outcome(&read(a), &read(b), 1.0, false).is_same(), "{a} {b}");
    }
}
