//! The same records in another order.
//!
//! Equal records are paired off first. What is left can only pair up within a tolerance; records are then vertices
//! of a bipartite graph with an edge where two are close, and all of them must be matched: pairing them in sorted
//! order would accuse outputs in which two nearly equal rows have changed places.
//!
//! Source: H. W. Kuhn, *The Hungarian method for the assignment problem*, 1955 (its augmenting paths).

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::collect::{Collector, Place, excerpt};
use super::number::{Closeness, Number, Token, Tolerance, close, tokens};

/// A record of an output.
#[derive(Debug)]
pub(super) struct Record {
    /// Counted from 0.
    pub(super) number: usize,
    pub(super) text: String,
    /// The text with a mark for each number: NUL and `#`; a NUL of the text is two, so that none looks like a mark.
    shape: String,
    /// Where the numbers are in the text, and what they are.
    numbers: Vec<(std::ops::Range<usize>, f64)>,
}

impl Record {
    /// Returns the record that is a line of text.
    pub(super) fn of_text(number: usize, text: &str) -> Self {
        let (mut shape, mut numbers, mut at) = (String::new(), Vec::new(), 0);
        for token in tokens(text) {
            match token {
                Token::Number(value) => {
                    shape.push_str("\0#");
                    numbers.push((at..at + value.text.len(), value.value));
                }
                Token::Text(text) => shape.push_str(&text.replace('\0', "\0\0")),
            }
            at += token.text().len();
        }
        Self { number, text: text.to_owned(), shape, numbers }
    }

    fn closeness(&self, candidate: &Self, tolerance: Tolerance) -> Option<Closeness> {
        let mut worst = Closeness::default();
        for ((r, _), (c, _)) in self.numbers.iter().zip(&candidate.numbers) {
            let read = |text| Number::read(text).expect("a number's range holds a number");
            let (r, c) = (read(&self.text[r.clone()]), read(&candidate.text[c.clone()]));
            worst.widen(close(r, c, tolerance)?);
        }
        Some(worst)
    }
}

/// Pairs the records of two outputs, each of which is called a `noun` in messages.
pub(super) fn match_records(
    reference: &[Record],
    candidate: &[Record],
    tolerance: Tolerance,
    noun: &str,
    collector: &mut Collector,
) {
    let in_order = reference.iter().map(|r| &r.text).eq(candidate.iter().map(|c| &c.text));
    if in_order {
        return;
    }
    collector.reordered = true;
    let (left, right) = unequal(reference, candidate);
    let unmatched = if tolerance.is_exact() {
        first_of(&left, &right)
    } else {
        match pair_by_shape(&left, &right, tolerance) {
            Ok(closeness) => {
                collector.allow(closeness);
                None
            }
            // Pairing off equal records first may have taken the partner of one that is only close.
            Err(_) => {
                let (all_left, all_right): (Vec<_>, Vec<_>) =
                    (reference.iter().collect(), candidate.iter().collect());
                match pair_by_shape(&all_left, &all_right, tolerance) {
                    Ok(closeness) => {
                        collector.allow(closeness);
                        None
                    }
                    Err(unmatched) => Some(unmatched),
                }
            }
        }
    };
    if let Some((missing, surplus)) = unmatched {
        collector
            .differ(Place::Whole, || describe(missing, surplus, noun, (reference.len(), candidate.len())));
    }
}

/// A record of the reference without a partner, and one of the candidate.
type Unmatched<'a> = (Option<&'a Record>, Option<&'a Record>);

fn first_of<'a>(left: &[&'a Record], right: &[&'a Record]) -> Option<Unmatched<'a>> {
    let unmatched = (left.first().copied(), right.first().copied());
    (unmatched.0.is_some() || unmatched.1.is_some()).then_some(unmatched)
}

fn describe(
    missing: Option<&Record>,
    surplus: Option<&Record>,
    noun: &str,
    counts: (usize, usize),
) -> String {
    let shown = |record: &Record| format!("{noun} {}, {}", record.number + 1, excerpt(&record.text));
    let text = match (missing, surplus) {
        (Some(missing), Some(surplus)) => {
            format!("{} of the reference is nowhere, and {} is not in it", shown(missing), shown(surplus))
        }
        (Some(missing), None) => format!("{} of the reference is missing", shown(missing)),
        (None, Some(surplus)) => format!("{} is not in the reference, or not so often", shown(surplus)),
        (None, None) => "the records differ".to_owned(),
    };
    if counts.0 == counts.1 { text } else { format!("{text}: {} {noun}s instead of {}", counts.1, counts.0) }
}

/// Returns the records that have no equal partner on the other side, in their order.
fn unequal<'a>(reference: &'a [Record], candidate: &'a [Record]) -> (Vec<&'a Record>, Vec<&'a Record>) {
    let mut surplus: HashMap<&str, i64> = HashMap::new();
    for record in candidate {
        *surplus.entry(&record.text).or_default() += 1;
    }
    for record in reference {
        *surplus.entry(&record.text).or_default() -= 1;
    }
    // Of several equal records, the last ones are those without a partner.
    let mut missing = surplus.clone();
    let mut left: Vec<_> = reference
        .iter()
        .rev()
        .filter(|record| take(missing.get_mut(record.text.as_str()).expect("counted above"), -1))
        .collect();
    let mut right: Vec<_> = candidate
        .iter()
        .rev()
        .filter(|record| take(surplus.get_mut(record.text.as_str()).expect("counted above"), 1))
        .collect();
    left.reverse();
    right.reverse();
    (left, right)
}

/// Takes one off `count` if it has the `sign`.
fn take(count: &mut i64, sign: i64) -> bool {
    let has = count.signum() == sign;
    if has {
        *count -= sign;
    }
    has
}

fn pair_by_shape<'a>(
    left: &[&'a Record],
    right: &[&'a Record],
    tolerance: Tolerance,
) -> Result<Closeness, Unmatched<'a>> {
    let mut shapes: BTreeMap<&str, (Vec<&Record>, Vec<&Record>)> = BTreeMap::new();
    for record in left {
        shapes.entry(&record.shape).or_default().0.push(record);
    }
    for record in right {
        shapes.entry(&record.shape).or_default().1.push(record);
    }
    let mut worst = Closeness::default();
    let mut unmatched: Unmatched<'a> = (None, None);
    for (left, right) in shapes.values() {
        match pair(left, right, tolerance) {
            Ok(closeness) => worst.widen(closeness),
            Err((missing, surplus)) => {
                unmatched.0 = earlier(unmatched.0, missing);
                unmatched.1 = earlier(unmatched.1, surplus);
            }
        }
    }
    if unmatched.0.is_none() && unmatched.1.is_none() { Ok(worst) } else { Err(unmatched) }
}

fn earlier<'a>(a: Option<&'a Record>, b: Option<&'a Record>) -> Option<&'a Record> {
    [a, b].into_iter().flatten().min_by_key(|record| record.number)
}

/// Pairs records of one shape: a maximum matching by augmenting paths.
fn pair<'a>(
    left: &[&'a Record],
    right: &[&'a Record],
    tolerance: Tolerance,
) -> Result<Closeness, Unmatched<'a>> {
    let neighbours = neighbours(left, right, tolerance);
    let mut matching = Matching { of_left: vec![None; left.len()], of_right: vec![None; right.len()] };
    for l in 0..left.len() {
        matching.augment(l, &neighbours);
    }
    let free_left = matching.of_left.iter().position(Option::is_none).map(|l| left[l]);
    let free_right = matching.of_right.iter().position(Option::is_none).map(|r| right[r]);
    if free_left.is_some() || free_right.is_some() {
        return Err((free_left, free_right));
    }
    let mut worst = Closeness::default();
    for (r, l) in matching.of_right.iter().enumerate() {
        let l = l.expect("all are matched");
        worst.widen(left[l].closeness(right[r], tolerance).expect("partners are close"));
    }
    Ok(worst)
}

/// Who is paired with whom, from both sides.
struct Matching {
    of_left: Vec<Option<usize>>,
    of_right: Vec<Option<usize>>,
}

impl Matching {
    /// Finds a partner for `start`, moving others to their next one where that makes room: breadth first.
    fn augment(&mut self, start: usize, neighbours: &[Vec<usize>]) {
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(l) = queue.pop_front() {
            for &r in &neighbours[l] {
                if came_from.contains_key(&r) {
                    continue;
                }
                came_from.insert(r, l);
                match self.of_right[r] {
                    Some(next) => queue.push_back(next),
                    None => return self.reassign(r, &came_from),
                }
            }
        }
    }

    /// Walks back from the free record `end`, giving each left record on the way its new partner.
    fn reassign(&mut self, end: usize, came_from: &HashMap<usize, usize>) {
        let mut right = Some(end);
        while let Some(r) = right {
            let l = came_from[&r];
            right = self.of_left[l].replace(r);
            self.of_right[r] = Some(l);
        }
    }
}

/// Returns for each left record the right ones that it is close to, looked for around its value in the number
/// that takes the most values.
fn neighbours(left: &[&Record], right: &[&Record], tolerance: Tolerance) -> Vec<Vec<usize>> {
    let column = most_telling(left);
    let value = |record: &Record| column.map_or(0.0, |k| record.numbers[k].1.abs());
    let mut sorted: Vec<(f64, usize)> = right.iter().enumerate().map(|(i, r)| (value(r), i)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    left.iter()
        .map(|record| {
            let around = value(record);
            // Twice the tolerance: a window only has to be wide enough.
            let allowed = 2.0 * (tolerance.absolute + tolerance.relative * around);
            let width = if around.is_finite() { allowed } else { 0.0 };
            let from = sorted.partition_point(|(v, _)| v.total_cmp(&(around - width)).is_lt());
            let near = sorted[from..].iter().take_while(|(v, _)| v.total_cmp(&(around + width)).is_le());
            near.map(|(_, i)| *i).filter(|i| record.closeness(right[*i], tolerance).is_some()).collect()
        })
        .collect()
}

fn most_telling(records: &[&Record]) -> Option<usize> {
    let columns = records.first()?.numbers.len();
    (0..columns).max_by_key(|k| {
        let mut values: Vec<u64> = records.iter().map(|record| record.numbers[*k].1.to_bits()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<Record> {
        lines.iter().enumerate().map(|(i, line)| Record::of_text(i, line)).collect()
    }

    fn difference(reference: &[&str], candidate: &[&str], relative: f64) -> Option<String> {
        let mut collector = Collector::default();
        let tolerance = Tolerance { relative, absolute: 0.0 };
        match_records(&records(reference), &records(candidate), tolerance, "line", &mut collector);
        collector.first
    }

    #[test]
    fn a_nul_is_no_number() {
        // Found by fuzzing: each pair had one shape, in which the NUL stood for the number.
        assert!(difference(&["\0", "a"], &["a", "5"], 1.0).is_some());
        assert!(difference(&["\0 1", "a"], &["a", "1 \0"], 1.0).is_some());
        assert!(difference(&["\0#", "a"], &["a", "5"], 1.0).is_some());
        assert_eq!(difference(&["\0 1.0", "a"], &["a", "\0 1.1"], 0.2), None);
    }

    #[test]
    fn order_is_free_and_number_is_not() {
        assert_eq!(difference(&["a", "b", "b"], &["b", "a", "b"], 0.0), None);
        let lost = difference(&["a", "b", "b"], &["b", "a"], 0.0).unwrap();
        assert_eq!(lost, "line 3, 'b' of the reference is missing: 2 lines instead of 3");
        let twice = difference(&["a", "b"], &["b", "a", "a"], 0.0).unwrap();
        assert!(twice.starts_with("line 3, 'a' is not in the reference, or not so often"), "{twice}");
        let other = difference(&["a 1", "b 2"], &["b 2", "a 3"], 0.0).unwrap();
        assert!(other.contains("line 1, 'a 1' of the reference is nowhere, and line 2, 'a 3'"), "{other}");
    }

    #[test]
    fn close_rows_that_changed_places_find_their_partners() {
        // Sorted by the first number, the second ones would not fit.
        let reference = ["1.000 5.0", "1.001 7.0"];
        let candidate = ["1.001 5.0", "1.000 7.0"];
        assert_eq!(difference(&reference, &candidate, 0.01), None);
        assert!(difference(&reference, &["1.001 5.0", "1.000 5.0"], 0.01).is_some());
        // Pairing 1.5 with its equal leaves 1.0 and 2.2, which are not close.
        assert_eq!(difference(&["1.0", "1.5"], &["1.5", "2.2"], 0.5), None);
        assert_eq!(difference(&["nan 1.0", "inf 2.0"], &["inf 2.0", "nan 1.0000001"], 1e-6), None);
    }

    proptest::proptest! {
        #[test]
        fn shuffled_and_slightly_changed_rows_match_and_one_wrong_row_does_not(
            values in proptest::collection::vec((0_u32..5, -100.0_f64..100.0), 1..40), rotate in 0_usize..40,
            wrong in 0_usize..40,
        ) {
            let line = |key: u32, value: f64| format!("{key} {value:?}");
            let reference: Vec<String> = values.iter().map(|(k, v)| line(*k, *v)).collect();
            let mut changed: Vec<(u32, f64)> =
                values.iter().map(|(k, v)| (*k, v * (1.0 + f64::EPSILON))).collect();
            let count = changed.len();
            changed.rotate_left(rotate % count);
            let text = |rows: &[(u32, f64)]| rows.iter().map(|(k, v)| line(*k, *v)).collect::<Vec<_>>();
            let good = text(&changed);
            changed[wrong % count].1 += 1000.0;
            let bad = text(&changed);
            let as_str = |rows: &'_ [String]| rows.to_vec();
            let check = |rows: Vec<String>| {
                let r: Vec<&str> = reference.iter().map(String::as_str).collect();
                let c: Vec<&str> = rows.iter().map(String::as_str).collect();
                difference(&r, &c, 1e-12)
            };
            proptest::prop_assert_eq!(check(as_str(&good)), None);
            proptest::prop_assert!(check(as_str(&bad)).is_some());
        }
    }
}
