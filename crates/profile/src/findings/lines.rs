//! Findings about lines of Python: what stands there, what its variables were found to be, and what the line costs.
//!
//! A line is taken only where each of these is known; what cannot be told is no finding.

use std::collections::HashMap;

use festina_types::{Finding, Severity};

use super::percent;
use super::tokens::{Token, tokens};
use crate::analysis::{Profile, Spot};
use crate::recording::{Local, Recording};

/// Lines with a smaller share of the elapsed time are not worth a word.
const LEAST_SHARE: f64 = 0.1;
/// A variable is what it was found to be at least so often, and so many times as often as anything else: objects are looked
/// at while the program runs, so that one may be another by then.
const LEAST_LOOKS: u32 = 2;
const SURE: u32 = 8;

/// A line with what is known of it.
struct Line<'a> {
    spot: &'a Spot,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    locals: HashMap<&'a str, &'a Local>,
    is_in_loop: bool,
}

type Detector = fn(&Line<'_>, &Profile) -> Option<Finding>;

/// Returns what the lines of `profile` show; of each kind the costliest line.
pub(super) fn find(recording: &Recording, profile: &Profile) -> Vec<Finding> {
    let lines: Vec<Line<'_>> = profile
        .lines
        .iter()
        .filter(|spot| spot.share.value >= LEAST_SHARE)
        .filter_map(|spot| Line::new(recording, spot))
        .collect();
    let detectors: [Detector; 4] = [membership, copying, array_elements, growing_frame];
    detectors.iter().filter_map(|detector| lines.iter().find_map(|line| detector(line, profile))).collect()
}

impl<'a> Line<'a> {
    fn new(recording: &'a Recording, spot: &'a Spot) -> Option<Self> {
        let text = recording.source_at(&spot.file, spot.line)?;
        Some(Self {
            spot,
            text: text.trim(),
            tokens: tokens(text)?,
            locals: locals(recording, spot),
            is_in_loop: is_in_loop(recording, spot, text),
        })
    }

    fn symbol(&self, index: usize) -> &'a str {
        match self.tokens.get(index) {
            Some(Token::Symbol(symbol)) => symbol,
            _ => "",
        }
    }

    fn name(&self, index: usize) -> &'a str {
        match self.tokens.get(index) {
            Some(Token::Name(name)) => name,
            _ => "",
        }
    }

    /// Returns the variable that stands at `index`, not an attribute or an argument of that name.
    fn local(&self, index: usize) -> Option<&'a Local> {
        let is_attribute = index > 0 && self.symbol(index - 1) == ".";
        let is_argument = self.symbol(index + 1) == "=" && index > 1;
        if is_attribute || is_argument { None } else { self.locals.get(self.name(index)).copied() }
    }

    /// Returns whether nothing is called but `cheap`: what a call costs is not told from the rest of the line.
    fn calls_only(&self, cheap: &[&str]) -> bool {
        const KEYWORDS: [&str; 14] = [
            "and", "assert", "elif", "else", "for", "if", "in", "is", "lambda", "not", "or", "return",
            "while", "yield",
        ];
        (0..self.tokens.len()).filter(|index| self.symbol(index + 1) == "(").all(|index| {
            match self.tokens[index] {
                Token::Name(name) => KEYWORDS.contains(&name) || cheap.contains(&name),
                Token::Symbol(symbol) => symbol != ")" && symbol != "]",
                _ => true,
            }
        })
    }

    /// Returns `file:line` and the line itself.
    fn place(&self) -> String {
        let file = self.spot.file.rsplit('/').next().unwrap_or_default();
        format!("`{}` ({file}:{})", self.text.replace('`', "'"), self.spot.line)
    }
}

/// Returns the variables that were found at the line, those that are of one type.
fn locals<'a>(recording: &'a Recording, spot: &Spot) -> HashMap<&'a str, &'a Local> {
    let is_here = |local: &&Local| {
        let frame = recording.frames[local.frame as usize];
        let function = &recording.functions[frame.function as usize];
        frame.line == spot.line && function.name == spot.name && function.file == spot.file
    };
    let mut by_name: HashMap<&str, Vec<&Local>> = HashMap::new();
    for local in recording.locals.iter().filter(is_here) {
        by_name.entry(&local.name).or_default().push(local);
    }
    let sure = |(name, kinds): (&'a str, Vec<&'a Local>)| {
        let most = kinds.iter().copied().max_by_key(|local| local.looks)?;
        // The memory of a number can hold another one by the time it is looked at.
        let is_like = |kind: &str| kind == most.kind || is_number(kind) && is_number(&most.kind);
        let (mut alike, mut others) = (0, 0);
        for local in kinds {
            *(if is_like(&local.kind) { &mut alike } else { &mut others }) += local.looks;
        }
        (alike >= LEAST_LOOKS && alike >= SURE * others).then_some((name, most))
    };
    by_name.into_iter().filter_map(sure).collect()
}

/// Returns whether the line is within a `for` or `while` of its function, or has one.
fn is_in_loop(recording: &Recording, spot: &Spot, text: &str) -> bool {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let begins = |text: &str, word: &str| {
        text.trim_start().strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '(']))
    };
    let mut within = indent(text);
    for line in (1..spot.line).rev() {
        let Some(before) = recording.source_at(&spot.file, line) else { break };
        if before.trim().is_empty() || indent(before) >= within {
            continue;
        }
        within = indent(before);
        if begins(before, "for") || begins(before, "while") {
            return true;
        }
        if begins(before, "def") || begins(before, "async def") || begins(before, "class") {
            break;
        }
    }
    begins(text, "while") || text.contains(" for ")
}

/// `x in items`, where `items` is a list or a tuple of some length.
fn membership(line: &Line<'_>, _: &Profile) -> Option<Finding> {
    const FEWEST: u64 = 50;
    let share = line.spot.self_share.value;
    if share < LEAST_SHARE || !line.calls_only(&["append", "add", "len"]) {
        return None;
    }
    let is_iteration = |at: usize| {
        let before = (0..at).rev().map(|index| line.name(index));
        before.take_while(|name| *name != "in").any(|name| name == "for")
    };
    let searched = (0..line.tokens.len()).find_map(|index| {
        let is_search = line.name(index) == "in" && !is_iteration(index);
        let is_whole = !matches!(line.symbol(index + 2), "." | "[" | "(");
        let local = if is_search && is_whole { line.local(index + 1) } else { None };
        local.filter(|local| ["list", "tuple"].contains(&local.kind.as_str()) && local.size >= FEWEST)
    })?;
    let Local { name, kind, size, .. } = searched;
    let message = format!(
        "{} of the time is on {}: it compares with up to {size} items of the {kind} `{name}`, one after another",
        percent(share),
        line.place(),
    );
    Some(Finding::new(Severity::Warning, "search-in-list", message).with_hint(format!(
        "keep the items in a set, set({name}): a search then takes the same short time however many there are"
    )))
}

/// `items = items + …`, and its like, which copies all of it each time.
fn copying(line: &Line<'_>, _: &Profile) -> Option<Finding> {
    const SHORTEST: u64 = 1_000;
    let share = line.spot.self_share.value;
    let cheap = ["bytes", "chr", "list", "repr", "str", "tuple"];
    if share < LEAST_SHARE || !line.is_in_loop || !line.calls_only(&cheap) {
        return None;
    }
    let local = line.local(0)?;
    let (name, last) = (local.name.as_str(), line.tokens.len() - 1);
    let is_prepended = line.symbol(1) == "=" && line.name(last) == name && line.symbol(last - 1) == "+";
    let is_appended = line.symbol(1) == "=" && line.name(2) == name && line.symbol(3) == "+";
    let is_copied = match local.kind.as_str() {
        // CPython appends to a string in place where nobody else has it.
        "str" => is_prepended,
        "list" => is_prepended || is_appended,
        "bytes" | "tuple" => is_prepended || is_appended || line.symbol(1) == "+=",
        _ => false,
    };
    let hint = match local.kind.as_str() {
        "str" => {
            format!("collect the parts in a list and join them once, in the end: ''.join(reversed({name}))")
        }
        "bytes" => format!("use a bytearray, or collect the parts in a list: b''.join({name})"),
        _ => format!("use a list and {name}.append(…), or {name}.extend(…)"),
    };
    (is_copied && local.size >= SHORTEST).then(|| {
        let message = format!(
            "{} of the time is on {}: each time it copies the whole {} `{name}`, of up to {} items",
            percent(share),
            line.place(),
            local.kind,
            local.size
        );
        Finding::new(Severity::Warning, "growing-copy", message).with_hint(hint)
    })
}

/// Elements of a `NumPy` array, one by one.
fn array_elements(line: &Line<'_>, _: &Profile) -> Option<Finding> {
    let share = line.spot.self_share.value;
    let cheap = ["abs", "append", "float", "int", "len", "max", "min", "range", "sqrt"];
    if share < LEAST_SHARE || !line.is_in_loop || !line.calls_only(&cheap) {
        return None;
    }
    let mut array = None;
    for index in 0..line.tokens.len() {
        let Some(local) = line.local(index) else { continue };
        match local.kind.as_str() {
            "numpy.ndarray" if is_length(line, index) => {}
            "numpy.ndarray" if is_element(line, index, local.size) => array = array.or(Some(local)),
            kind if is_number(kind) => {}
            // What is done to a whole object may be what costs.
            _ => return None,
        }
    }
    let name = &array?.name;
    let message = format!(
        "{} of the time is on {}: it takes elements of the NumPy array `{name}` one by one",
        percent(share),
        line.place(),
    );
    Some(Finding::new(Severity::Warning, "loop-over-array", message).with_hint(format!(
        "compute with whole arrays, such as {name}.sum() or {name} * {name}; where it must be a loop: {name}.tolist(), or a \
         compiled kernel (Numba, Cython)"
    )))
}

/// Returns whether the variable at `index` is only asked for its length.
fn is_length(line: &Line<'_>, index: usize) -> bool {
    index >= 2
        && line.name(index - 2) == "len"
        && line.symbol(index - 1) == "("
        && line.symbol(index + 1) == ")"
}

/// Returns whether one element of the array at `index`, which has so many dimensions, is taken.
fn is_element(line: &Line<'_>, index: usize, dimensions: u64) -> bool {
    if line.symbol(index + 1) != "[" {
        return false;
    }
    let (mut indexes, mut has_variable) = (1, false);
    for at in index + 2..line.tokens.len() {
        match line.tokens[at] {
            Token::Symbol("]") => return has_variable && indexes == dimensions,
            Token::Symbol(",") => indexes += 1,
            Token::Symbol("+" | "-" | "*" | "//" | "%") | Token::Number => {}
            // No array takes a float as an index: what looks like one was an integer, whose memory was used anew while
            // it was looked at.
            Token::Name(_) if line.local(at).is_some_and(|local| is_number(&local.kind)) => {
                has_variable = true;
            }
            _ => return false,
        }
    }
    false
}

fn is_integer(kind: &str) -> bool {
    let bits = |kind: &str| kind.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    kind == "int" || ["numpy.int", "numpy.uint"].contains(&bits(kind).as_str())
}

fn is_number(kind: &str) -> bool {
    is_integer(kind) || ["bool", "float", "complex"].contains(&kind) || kind.starts_with("numpy.float")
}

/// `frame = concat([frame, …])`, which copies all of the table each time.
fn growing_frame(line: &Line<'_>, profile: &Profile) -> Option<Finding> {
    let in_pandas = profile.functions.iter().filter(|spot| {
        spot.file.contains("/pandas/") && ["concat", "__setitem__", "append"].contains(&spot.name.as_str())
    });
    let pandas = in_pandas.map(|spot| spot.share.value).fold(0.0, f64::max);
    let share = line.spot.share.value;
    if !line.is_in_loop || pandas < LEAST_SHARE {
        return None;
    }
    let name = line.name(0);
    let words = |words: &[&str], at: usize| {
        words.iter().enumerate().all(|(offset, word)| {
            [line.name(at + offset), line.symbol(at + offset)].contains(word) && !word.is_empty()
        })
    };
    let is_concatenated = (0..line.tokens.len()).any(|at| words(&["concat", "(", "[", name, ","], at));
    let is_concatenated = line.symbol(1) == "=" && is_concatenated;
    let is_set = words(&[name, ".", "loc", "[", "len", "(", name, ")", "]", "="], 0);
    (!name.is_empty() && (is_concatenated || is_set)).then(|| {
        let message = format!(
            "{} of the time is on {}: each time it copies the whole table `{name}`",
            percent(share),
            line.place()
        );
        Finding::new(Severity::Warning, "growing-table", message)
            .with_hint("collect the rows in a list, and make one DataFrame of it in the end")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::recording::SourceLine;
    use crate::recording::tests::two_threads;

    /// The codes of what is found where `inner`, with two fifths of the time, is on the last of these lines.
    fn found(source: &[&str], locals: &[(&str, &str, u64)]) -> Vec<String> {
        let mut recording = two_threads();
        let last = source.len() as u32;
        recording.frames[1].line = last;
        recording.source = source
            .iter()
            .zip(1..)
            .map(|(text, line)| SourceLine {
                file: "/a/program.py".to_owned(),
                line,
                text: (*text).to_owned(),
            })
            .collect();
        let local = |(name, kind, size): &(&str, &str, u64)| Local {
            frame: 1,
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            size: *size,
            looks: 4,
        };
        recording.locals = locals.iter().map(local).collect();
        let profile = analyse(&recording, 4);
        find(&recording, &profile).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_search_in_a_long_list_is_found_and_one_in_a_set_or_over_a_list_is_not() {
        let lines = ["def inner(rows, seen):", "    for row in rows:", "        if row not in seen:"];
        assert_eq!(found(&lines, &[("seen", "list", 9_000)]), ["search-in-list"]);
        assert!(found(&lines, &[("seen", "set", 9_000)]).is_empty());
        assert!(found(&lines, &[("seen", "list", 3)]).is_empty());
        assert!(found(&lines, &[]).is_empty());
        assert!(found(&lines, &[("seen", "list", 9_000), ("seen", "set", 9_000)]).is_empty());
        let over = ["def inner(seen):", "    for row in seen:"];
        assert!(found(&over, &[("seen", "list", 9_000)]).is_empty());
        let called = ["    if hash_of(row) in seen:"];
        assert!(found(&called, &[("seen", "list", 9_000)]).is_empty());
    }

    #[test]
    fn copies_of_what_grows_are_found_and_what_grows_in_place_is_not() {
        let in_loop = |line: &str, kind: &str| {
            let text = format!("        {line}");
            found(&["def inner():", "    for x in range(9):", &text], &[("all", kind, 5_000)])
        };
        assert_eq!(in_loop("all = all + [x]", "list"), ["growing-copy"]);
        assert_eq!(in_loop("all = str(x) + all", "str"), ["growing-copy"]);
        assert_eq!(in_loop("all += b'x'", "bytes"), ["growing-copy"]);
        assert!(in_loop("all += 'x'", "str").is_empty());
        assert!(in_loop("all += [x]", "list").is_empty());
        assert!(in_loop("all = all + x", "int").is_empty());
        assert!(found(&["def inner():", "    all = all + [x]"], &[("all", "list", 5_000)]).is_empty());
    }

    #[test]
    fn elements_of_arrays_are_found_and_whole_rows_are_not() {
        let in_loop = |line: &str, dimensions: u64| {
            let text = format!("        {line}");
            let locals = [("a", "numpy.ndarray", dimensions), ("i", "int", 0), ("total", "float", 0)];
            found(&["def inner(a):", "    for i in range(len(a)):", &text], &locals)
        };
        assert_eq!(in_loop("total += a[i] * a[i - 1]", 1), ["loop-over-array"]);
        assert_eq!(in_loop("total += a[i, 0]", 2), ["loop-over-array"]);
        for whole in ["total += a[i].sum()", "a[i] = a[i] * 2", "total += a[i:].sum()", "total += a @ a"] {
            assert!(in_loop(whole, 2).is_empty(), "{whole}");
        }
        let over_list = found(
            &["def inner(a):", "    for i in range(len(a)):", "        total += a[i]"],
            &[("a", "list", 100), ("i", "int", 0)],
        );
        assert!(over_list.is_empty());
    }

    #[test]
    fn a_table_that_grows_row_by_row_is_found_where_pandas_takes_the_time() {
        let lines =
            ["def inner(rows):", "    for row in rows:", "        table = pd.concat([table, frame(row)])"];
        assert!(found(&lines, &[]).is_empty());
        let mut recording = two_threads();
        recording.frames[0].line = 3;
        recording.functions[1] = crate::Function {
            name: "concat".to_owned(),
            file: "/usr/lib/python3/pandas/core/reshape/concat.py".to_owned(),
            ..recording.functions[1].clone()
        };
        let source = |(text, line): (&&str, u32)| SourceLine {
            file: "/a/program.py".to_owned(),
            line,
            text: (*text).to_owned(),
        };
        recording.source = lines.iter().zip(1..).map(source).collect();
        let profile = analyse(&recording, 4);
        let codes: Vec<String> = find(&recording, &profile).into_iter().map(|found| found.code).collect();
        assert_eq!(codes, ["growing-table"]);
    }
}
