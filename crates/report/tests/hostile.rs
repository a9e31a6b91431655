//! Whatever a report holds, every rendering is well-formed, finite and harmless.

#[allow(dead_code, reason = "each test uses its part")]
mod drawing;
#[allow(dead_code, reason = "each test uses its part")]
mod sample;

use festina_report::html::{self, HtmlOptions};
use festina_report::text::{self, TextOptions};
use festina_report::{
    Axis, Block, Cell, Chart, Column, Mark, PlotPoint, Report, Role, Scale, Series, Span, Table, Unit, csv,
    svg,
};
use festina_types::{Finding, Severity};
use proptest::prelude::*;
use roxmltree::{Document, ParsingOptions};

const ATTACKS: [&str; 6] = [
    "</script><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "]]></style><script>alert(1)</script>",
    "<!-- & &amp; ' ` \u{0}\u{1b}[31m\u{202e}\u{ffff}",
    "' onmouseover='alert(1)",
    "`</code><b>",
];

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..100.0_f64,
        2 => prop::num::f64::ANY,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e-300]),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(ATTACKS.to_vec()).prop_map(str::to_owned), ".{0,20}", "[a-zé日 ]{0,60}"]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        Just(Role::Measured),
        Just(Role::Fit),
        Just(Role::Forecast),
        Just(Role::Ideal),
        Just(Role::Limit),
        any::<u8>().prop_map(Role::Other),
    ]
}

fn series() -> impl Strategy<Value = Series> {
    let values = || prop::collection::vec((value(), value(), value(), value()), 0..12);
    (name(), role(), values(), 0..5).prop_map(|(name, role, values, kind)| match kind {
        0 => Series::points(
            name.clone(),
            role,
            values.into_iter().map(|(x, y, low, high)| {
                PlotPoint::new(x, y).with_spread(low, high).with_tooltip(name.clone())
            }),
        ),
        1 => Series::line(name, role, values.into_iter().map(|v| (v.0, v.1))),
        2 => Series::band(name, role, values.into_iter().map(|v| (v.0, v.1, v.2))),
        3 => Series::spans(
            name.clone(),
            role,
            values.into_iter().map(|v| Span::new(v.2.abs() as u32, v.0, v.1).with_tooltip(name.clone())),
        ),
        _ => Series::bars(name, role, values.into_iter().map(|v| (v.0, v.1))),
    })
}

fn axis() -> impl Strategy<Value = Axis> {
    let scale = prop::sample::select(vec![Scale::Linear, Scale::Log2, Scale::Log10]);
    let unit = prop_oneof![
        prop::sample::select(vec![Unit::Number, Unit::Seconds, Unit::Bytes, Unit::Fraction]),
        name().prop_map(Unit::Other),
    ];
    let names = prop::collection::vec(name(), 0..3);
    (name(), unit, scale, prop::option::weighted(0.2, (value(), value())), names).prop_map(
        |(label, unit, scale, range, names)| {
            let axis = Axis { names, ..Axis::new(label, unit).with_scale(scale) };
            match range {
                Some((low, high)) => axis.with_range(low, high),
                None => axis,
            }
        },
    )
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        (value(), name()).prop_map(|(at, label)| Mark::Vertical { at, label }),
        (value(), name()).prop_map(|(at, label)| Mark::Horizontal { at, label }),
        (prop::option::of(value()), prop::option::of(value()), name())
            .prop_map(|(from, to, label)| Mark::Region { from, to, label }),
    ]
}

fn chart() -> impl Strategy<Value = Chart> {
    let series = prop::collection::vec(series(), 0..4);
    let marks = prop::collection::vec(mark(), 0..4);
    let equal_scales = prop::bool::weighted(0.3);
    (name(), axis(), axis(), series, marks, name(), equal_scales).prop_map(
        |(title, x, y, series, marks, caption, equal_scales)| Chart {
            equal_scales,
            title,
            x,
            y,
            series,
            marks,
            caption,
        },
    )
}

fn table() -> impl Strategy<Value = Table> {
    let rows = prop::collection::vec(prop::collection::vec((name(), prop::option::of(value())), 0..5), 0..5);
    (name(), prop::collection::vec(name(), 0..4), rows).prop_map(|(caption, columns, rows)| {
        let columns = columns.into_iter().enumerate().map(|(index, title)| match index % 2 {
            0 => Column::text(title),
            _ => Column::number(title.clone(), Unit::Other(title)).emphasized(),
        });
        let mut table = Table::new(columns).with_caption(caption);
        for row in rows {
            table.row(row.into_iter().map(|(text, value)| Cell {
                value,
                tooltip: Some(text.clone()),
                ..Cell::text(text)
            }));
        }
        table.footnote(ATTACKS[0]);
        table
    })
}

fn report() -> impl Strategy<Value = Report> {
    (name(), name(), chart(), table(), name()).prop_map(|(title, subtitle, chart, table, text)| {
        Report::new(title)
            .with_subtitle(subtitle)
            .with(Block::heading(text.clone()))
            .with(Block::paragraph(text.clone()))
            .with(Block::key_values([(text.clone(), text.clone())]))
            .with(vec![Finding::new(Severity::Warning, &text, text.clone()).with_hint(text.clone())])
            .with(chart.clone())
            .with(Block::details(text, [Block::from(table), Block::from(chart)]))
    })
}

/// Reads a page as XML, without the contents of its style and its last script, which are ours and constant.
fn page_elements(page: &str) -> Vec<(String, Vec<String>)> {
    let (before, rest) = page.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    let (body, rest) = rest.rsplit_once("<script>").expect("a script");
    let (_, after) = rest.split_once("</script>").expect("its end");
    let xml = format!("{before}{body}{after}");
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&xml, options).expect("a well-formed page");
    document
        .descendants()
        .filter(roxmltree::Node::is_element)
        .map(|node| {
            let attributes = node.attributes().map(|attribute| attribute.name().to_owned()).collect();
            (node.tag_name().name().to_owned(), attributes)
        })
        .collect()
}

fn check_page(page: &str) -> Result<(), TestCaseError> {
    const ELEMENTS: [&str; 47] = [
        "html",
        "head",
        "meta",
        "title",
        "body",
        "header",
        "div",
        "h1",
        "h2",
        "h3",
        "p",
        "button",
        "main",
        "footer",
        "figure",
        "figcaption",
        "svg",
        "g",
        "text",
        "line",
        "path",
        "rect",
        "circle",
        "script",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "strong",
        "span",
        "code",
        "dl",
        "dt",
        "dd",
        "details",
        "summary",
        "style",
        "desc",
        "a",
        "b",
        "i",
        "small",
    ];
    for (element, attributes) in page_elements(page) {
        prop_assert!(ELEMENTS.contains(&element.as_str()), "{element}");
        for attribute in attributes {
            prop_assert!(
                !attribute.starts_with("on") && !["href", "src", "style"].contains(&attribute.as_str())
            );
        }
    }
    // Only two kinds of scripts: ours, last, and data that no browser runs.
    prop_assert_eq!(page.matches("<script>").count(), 1);
    prop_assert_eq!(
        page.matches("</script>").count(),
        page.matches("<script type=\"application/json\">").count() + 1
    );
    Ok(())
}

fn check_text(shown: &str, width: usize, unicode: bool) -> Result<(), TestCaseError> {
    prop_assert!(shown.ends_with('\n'));
    prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    prop_assert!(unicode || shown.is_ascii(), "{shown}");
    for line in shown.lines() {
        prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{line:?} in {width} of {shown}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_chart_is_a_well_formed_drawing_of_finite_numbers(
        chart in chart(), width in value(), height in value(),
    ) {
        let text = svg::chart(&chart, &svg::SvgOptions { width, height, ..svg::SvgOptions::default() });
        let svg = Document::parse(&text).expect("well-formed");
        for number in drawing::numbers(&svg) {
            prop_assert!(number.is_finite() && number.abs() < 1e9, "{number}");
        }
        prop_assert!(!text.contains("<img") && !text.contains("<script"));
    }

    #[test]
    fn any_report_is_a_harmless_page(report in report()) {
        let options = HtmlOptions {
            provenance: vec![(ATTACKS[1].to_owned(), ATTACKS[2].to_owned())],
            generator: ATTACKS[0].to_owned(),
        };
        check_page(&html::page(&report, &options))?;
    }

    #[test]
    fn any_report_is_plain_text_that_fits(report in report(), width in 24_usize..120, unicode: bool) {
        let options = TextOptions { width, unicode, color: false };
        check_text(&text::render(&report, &options), width, unicode)?;
    }

    #[test]
    fn colours_change_nothing_but_colours(report in report()) {
        let plain = TextOptions::default();
        let mut shown = text::render(&report, &TextOptions { color: true, ..plain });
        while let Some(start) = shown.find('\u{1b}') {
            let end = shown[start..].find('m').expect("the end of a sequence") + start;
            shown.replace_range(start..=end, "");
        }
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(trimmed(&shown), trimmed(&text::render(&report, &plain)));
    }

    #[test]
    fn any_table_has_as_many_fields_in_each_line(table in table()) {
        // Fields with quotes, commas and line breaks are the unit tests' matter.
        let plain = |text: &str| text.replace(['"', ',', '\r', '\n'], "");
        let mut table = table;
        for column in &mut table.columns {
            column.title = plain(&column.title);
            if let Unit::Other(unit) = &column.unit {
                column.unit = Unit::Other(plain(unit));
            }
        }
        for cell in table.rows.iter_mut().flatten() {
            cell.text = plain(&cell.text);
        }
        for line in csv::table(&table).split_terminator("\r\n") {
            prop_assert_eq!(line.split(',').count(), table.columns.len().max(1));
        }
    }

    #[test]
    fn any_report_survives_json(report in report()) {
        let write = |report: &Report| serde_json::to_string(report).expect("serialises");
        let read: Report = serde_json::from_str(&write(&report)).expect("reads what it wrote");
        // What JSON cannot hold comes back as NaN or as nothing, and stays so; all else is drawn as before.
        let again: Report = serde_json::from_str(&write(&read)).expect("reads what it wrote");
        prop_assert_eq!(write(&again), write(&read));
        prop_assert_eq!(read.charts().len(), report.charts().len());
        prop_assert_eq!(&read.title, &report.title);
    }
}

#[test]
fn the_sample_is_a_harmless_page() {
    check_page(&html::page(&sample::report(), &HtmlOptions::default())).unwrap();
}

#[test]
fn a_hundred_thousand_points_make_a_small_drawing() {
    let wave = |i: u32| {
        (f64::from(i), 50.0 + 40.0 * (f64::from(i) / 700.0).sin() + f64::from(i * 7919 % 101) / 20.0)
    };
    let chart = Chart::new("many", Axis::new("i", Unit::Number), Axis::new("y", Unit::Number))
        .with(Series::line("line", Role::Fit, (0..100_000).map(wave)))
        .with(Series::band("band", Role::Fit, (0..100_000).map(wave).map(|(x, y)| (x, y - 3.0, y + 3.0))))
        .with(Series::points(
            "points",
            Role::Measured,
            (0..100_000).map(wave).map(|(x, y)| PlotPoint::new(x, y).with_spread(y - 1.0, y + 1.0)),
        ));
    let text = svg::chart(&chart, &svg::SvgOptions::default());
    assert!(text.len() < 600_000, "{} bytes", text.len());
    Document::parse(&text).expect("well-formed");
    let page = html::page(&Report::new("many").with(chart), &HtmlOptions::default());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn empty_things_are_shown_as_such() {
    let empty = Report::default();
    assert_eq!(text::render(&empty, &TextOptions::default()), "\n");
    check_page(&html::page(&empty, &HtmlOptions::default())).unwrap();
    let chart = Chart::default();
    Document::parse(&svg::chart(&chart, &svg::SvgOptions::default())).expect("well-formed");
    assert!(text::plot(&chart, &TextOptions::default()).contains('└'));
    assert_eq!(csv::table(&Table::default()), "\r\n");
}
