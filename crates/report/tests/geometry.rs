//! What is drawn stands where the axes say.

#[allow(dead_code, reason = "each test uses its part")]
mod drawing;
#[allow(dead_code, reason = "each test uses its part")]
mod sample;

use drawing::{labels, number, of_class};
use festina_report::text::{self, TextOptions};
use festina_report::{Axis, Chart, Mark, PlotPoint, Role, Scale, Series, Unit, svg};
use proptest::prelude::*;
use roxmltree::{Document, Node};

fn draw(chart: &Chart) -> String {
    svg::chart(chart, &svg::SvgOptions::default())
}

/// Returns the pixel of `value` by its two outermost ticks: their labels and where they stand.
fn by_ticks(ticks: &[(f64, f64)], scale: Scale, value: f64) -> f64 {
    let at = |v: f64| if scale == Scale::Linear { v } else { v.ln() };
    let ((v0, p0), (v1, p1)) = (ticks[0], ticks[ticks.len() - 1]);
    p0 + (at(value) - at(v0)) / (at(v1) - at(v0)) * (p1 - p0)
}

/// Returns value and pixel of the ticks whose labels are plain numbers.
fn ticks(svg: &Document<'_>, anchor: &str, attribute: &str, shift: f64) -> Vec<(f64, f64)> {
    let of_axis = |node: &Node<'_, '_>| node.attribute("text-anchor") == Some(anchor);
    of_class(svg, "tick")
        .into_iter()
        .filter(of_axis)
        .filter_map(|node| Some((node.text()?.parse().ok()?, number(node, attribute) + shift)))
        .collect()
}

fn check(chart: &Chart, points: &[(f64, f64)]) -> Result<(), TestCaseError> {
    let text = draw(chart);
    let svg = Document::parse(&text).expect("well-formed");
    let (x, y) = (ticks(&svg, "middle", "x", 0.0), ticks(&svg, "end", "y", -4.0));
    prop_assert!(x.len() >= 2 && y.len() >= 2, "{x:?} {y:?}");
    // Those of the legend have no title.
    let circles: Vec<_> = of_class(&svg, "dot").into_iter().filter(Node::has_children).collect();
    prop_assert_eq!(circles.len(), points.len());
    for (circle, point) in circles.into_iter().zip(points) {
        let expected = (by_ticks(&x, chart.x.scale, point.0), by_ticks(&y, chart.y.scale, point.1));
        let found = (number(circle, "cx"), number(circle, "cy"));
        // Pixels are written to a hundredth; ticks far from the point magnify that.
        let near = |a: f64, b: f64| (a - b).abs() < 0.2;
        prop_assert!(
            near(found.0, expected.0) && near(found.1, expected.1),
            "{point:?}: {found:?} {expected:?}"
        );
    }
    Ok(())
}

#[test]
fn points_stand_where_hand_worked_pixels_are() {
    // 720 wide: edge 14; labels of one digit take 12 and 8 px of gap, so the area goes from 34 to 692 px, 658 wide.
    // p from 1 to 16 with 3 % of four octaves on both sides: 1 stands at 34 + 658 · 0.03 / 1.06 = 52.62 px.
    let axis = |label: &str| Axis::new(label, Unit::Number).with_scale(Scale::Log2);
    let points = [1.0, 4.0, 16.0].map(|p| PlotPoint::new(p, p));
    let chart = Chart::new("", axis("p"), axis("S")).with(Series::points("", Role::Measured, points));
    let text = draw(&chart);
    let svg = Document::parse(&text).unwrap();
    let found: Vec<f64> = of_class(&svg, "dot").into_iter().map(|dot| number(dot, "cx")).collect();
    let width = 720.0 - 14.0 - 14.0 - (14.0 + 2.0 * 0.63 * 12.0 + 8.0);
    let left = 14.0 + 2.0 * 0.63 * 12.0 + 8.0;
    for (found, share) in found.into_iter().zip([0.03 / 1.06, 0.5, 1.03 / 1.06]) {
        assert!((found - (left + share * width)).abs() < 0.011, "{found} {share}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn points_stand_where_the_ticks_say_on_linear_axes(
        points in prop::collection::vec((-500.0..500.0_f64, 0.0..9000.0_f64), 2..20),
    ) {
        let chart = Chart::new("", Axis::new("x", Unit::Number), Axis::new("y", Unit::Number))
            .with(Series::points("", Role::Measured, points.iter().map(|(x, y)| PlotPoint::new(*x, *y))));
        check(&chart, &points)?;
    }

    #[test]
    fn points_stand_where_the_ticks_say_on_logarithmic_axes(
        mut points in prop::collection::vec((1.0..1000.0_f64, 0.01..1000.0_f64), 0..20),
    ) {
        points.extend([(1.0, 0.01), (1000.0, 1000.0)]);
        let axis = |label: &str, scale| Axis::new(label, Unit::Number).with_scale(scale);
        let chart = Chart::new("", axis("x", Scale::Log2), axis("y", Scale::Log10))
            .with(Series::points("", Role::Measured, points.iter().map(|(x, y)| PlotPoint::new(*x, *y))));
        check(&chart, &points)?;
    }

    #[test]
    fn labels_never_lie_above_one_another(
        ends in (0.1..100.0_f64, 1.1..1e6_f64),
        marks in prop::collection::vec((0.0..1.0_f64, "[a-z ]{0,24}"), 0..5),
        names in prop::collection::vec("[a-z ]{0,30}", 0..5),
        scale in prop::sample::select(vec![Scale::Linear, Scale::Log2, Scale::Log10]),
        unit in prop::sample::select(vec![Unit::Number, Unit::Seconds, Unit::Bytes, Unit::Fraction]),
        width in 240.0..1000.0_f64,
    ) {
        let (low, high) = (ends.0, ends.0 * ends.1);
        let mut chart = Chart::new(
            "title",
            Axis::new("across", unit.clone()).with_scale(scale),
            Axis::new("up", unit).with_scale(scale),
        );
        for (index, name) in names.iter().enumerate() {
            let role = Role::Other(index as u8);
            chart = chart.with(Series::line(name.as_str(), role, [(low, low), (high, high)]));
        }
        for (index, (at, label)) in marks.iter().enumerate() {
            let at = low + at * (high - low);
            let label = label.as_str();
            chart = chart.with_mark(if index % 2 == 0 { Mark::vertical(at, label) } else { Mark::horizontal(at, label) });
        }
        let text = svg::chart(&chart, &svg::SvgOptions { width, ..svg::SvgOptions::default() });
        let svg = Document::parse(&text).expect("well-formed");
        let labels = labels(&svg);
        for (index, a) in labels.iter().enumerate() {
            prop_assert!(a.is_within(width), "{a:?} in {width}");
            for b in &labels[index + 1..] {
                prop_assert!(!a.overlaps(b), "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn the_labels_of_the_sample_are_all_there_and_apart() {
    for chart in sample::report().charts() {
        let text = draw(chart);
        let svg = Document::parse(&text).unwrap();
        let labels = labels(&svg);
        for mark in &chart.marks {
            let (Mark::Vertical { label, .. } | Mark::Horizontal { label, .. } | Mark::Region { label, .. }) =
                mark;
            assert!(labels.iter().any(|found| found.text == *label), "{label}");
        }
        for (index, a) in labels.iter().enumerate() {
            assert!(labels[index + 1..].iter().all(|b| !a.overlaps(b)), "{a:?}");
        }
    }
}

#[test]
fn spreads_reach_from_the_lower_to_the_upper_value() {
    let axis = |label: &str| Axis::new(label, Unit::Number);
    let points = [PlotPoint::new(0.0, 50.0).with_spread(25.0, 75.0), PlotPoint::new(10.0, 100.0)];
    let text = draw(&Chart::new("", axis("x"), axis("y")).with(Series::points("", Role::Measured, points)));
    let svg = Document::parse(&text).unwrap();
    let y = ticks(&svg, "end", "y", -4.0);
    let path = of_class(&svg, "spread")[0].attribute("d").unwrap();
    let numbers: Vec<f64> = path.split(|c: char| "MVH ".contains(c)).filter_map(|n| n.parse().ok()).collect();
    let (top, bottom) = (numbers[1], numbers[2]);
    assert!((top - by_ticks(&y, Scale::Linear, 75.0)).abs() < 0.02, "{path}");
    assert!((bottom - by_ticks(&y, Scale::Linear, 25.0)).abs() < 0.02, "{path}");
}

#[test]
fn markers_in_a_terminal_stand_on_their_ticks() {
    let axis = |label: &str| Axis::new(label, Unit::Number).with_scale(Scale::Log2);
    let points = [1.0, 2.0, 4.0, 8.0, 16.0].map(|p| PlotPoint::new(p, p));
    let chart = Chart::new("", axis("p"), axis("S")).with(Series::points("", Role::Measured, points));
    for unicode in [true, false] {
        let shown = text::plot(&chart, &TextOptions { unicode, ..TextOptions::default() });
        let grid: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
        let (marker, tick, side) = if unicode { ('●', '┬', '┤') } else { ('o', '+', '+') };
        let bottom =
            grid.iter().position(|row| row.contains(&tick) && row.iter().filter(|c| **c == tick).count() > 2);
        let rule = &grid[bottom.expect("a rule below")];
        // The first `+` of the ASCII rule is its corner.
        let columns = |row: &[char], what| (0..row.len()).filter(|i| row[*i] == what).collect::<Vec<_>>();
        let across: Vec<usize> = columns(rule, tick).split_off(usize::from(!unicode));
        let mut found: Vec<usize> =
            grid[..bottom.unwrap()].iter().flat_map(|row| columns(row, marker)).collect();
        found.sort_unstable();
        assert_eq!(found, across, "{shown}");
        for row in grid[..bottom.unwrap()].iter().filter(|row| row.contains(&side)) {
            assert!(row.contains(&marker), "{shown}");
        }
    }
}
