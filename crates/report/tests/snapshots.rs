//! The sample report as people see it.

#[allow(dead_code, reason = "each test uses its part")]
mod sample;

use festina_report::html::{self, HtmlOptions};
use festina_report::text::{self, TextOptions};
use festina_report::{csv, svg};

#[test]
fn text_in_unicode() {
    insta::assert_snapshot!(text::render(&sample::report(), &TextOptions::default()));
}

#[test]
fn text_in_ascii() {
    insta::assert_snapshot!(text::render(
        &sample::report(),
        &TextOptions { unicode: false, ..TextOptions::default() }
    ));
}

#[test]
fn text_in_a_narrow_terminal() {
    insta::assert_snapshot!(text::render(
        &sample::report(),
        &TextOptions { width: 44, ..TextOptions::default() }
    ));
}

#[test]
fn drawing() {
    // One element a line shows what changes.
    insta::assert_snapshot!(
        svg::chart(&sample::speed_up_chart(), &svg::SvgOptions::default()).replace("><", ">\n<")
    );
}

#[test]
fn page() {
    let options = HtmlOptions {
        provenance: vec![("command".to_owned(), "festina scale -- `sleep 1`".to_owned())],
        generator: "festina 0.1.0".to_owned(),
    };
    let page = html::page(&sample::report(), &options);
    let (head, rest) = page.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    let (body, _) = rest.rsplit_once("<script>").expect("a script");
    insta::assert_snapshot!(format!("{head}{body}").replace("><", ">\n<"));
}

#[test]
fn rows() {
    insta::assert_snapshot!(csv::table(&sample::points_table()).replace('\r', ""));
}

#[test]
fn timeline_and_tour_in_text() {
    let plain = TextOptions { unicode: false, ..TextOptions::default() };
    let shown: Vec<String> = [sample::timeline_chart(6, 60), sample::tour_chart(40)]
        .iter()
        .flat_map(|chart| [text::plot(chart, &TextOptions::default()), text::plot(chart, &plain)])
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn timeline_and_tour_as_drawings() {
    let drawn: Vec<String> = [sample::timeline_chart(2, 12), sample::tour_chart(20)]
        .iter()
        .map(|chart| svg::chart(chart, &svg::SvgOptions::default()).replace("><", ">\n<"))
        .collect();
    insta::assert_snapshot!(drawn.join("\n"));
}
