//! Reads drawings back, apart from the code that makes them.

use roxmltree::{Document, Node};

/// Returns every number in the geometry of a drawing: attributes and path data.
pub(crate) fn numbers(svg: &Document<'_>) -> Vec<f64> {
    const GEOMETRY: [&str; 16] = [
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "d",
        "width",
        "height",
        "viewBox",
        "data-area",
        "rx",
        "ry",
    ];
    let attributes = svg.descendants().flat_map(|node| node.attributes());
    attributes
        .filter(|attribute| GEOMETRY.contains(&attribute.name()) && attribute.value() != "100%")
        .flat_map(|attribute| {
            let separated: String = attribute
                .value()
                .replace('-', " -")
                .chars()
                .map(|c| if c.is_alphabetic() { ' ' } else { c })
                .collect();
            let letters: Vec<&str> =
                attribute.value().matches("NaN").chain(attribute.value().matches("inf")).collect();
            assert!(letters.is_empty(), "{}", attribute.value());
            separated.split_whitespace().map(|text| text.parse().expect("a number")).collect::<Vec<f64>>()
        })
        .collect()
}

/// Returns the number in attribute `name` of `node`.
pub(crate) fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).expect(name).parse().expect("a number")
}

/// Returns the elements of `class`.
pub(crate) fn of_class<'a, 'i>(svg: &'a Document<'i>, class: &str) -> Vec<Node<'a, 'i>> {
    svg.descendants().filter(|node| node.attribute("class") == Some(class)).collect()
}

/// A text with the rectangle that it covers at least, letters being half an em wide and spaces a quarter.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) text: String,
    left: f64,
    right: f64,
    baseline: f64,
}

impl Label {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && (self.baseline - other.baseline).abs() < 10.0
    }

    pub(crate) fn is_within(&self, width: f64) -> bool {
        self.left >= 0.0 && self.right <= width
    }
}

/// Returns all texts of a drawing.
pub(crate) fn labels(svg: &Document<'_>) -> Vec<Label> {
    svg.descendants()
        .filter(|node| node.has_tag_name("text") || node.tag_name().name() == "text")
        .map(|node| {
            let text = node.text().unwrap_or_default().to_owned();
            let width = text.chars().map(|c| if c == ' ' { 3.0 } else { 6.0 }).sum::<f64>();
            let x = number(node, "x");
            let left = match node.attribute("text-anchor") {
                Some("end") => x - width,
                Some("middle") => x - width / 2.0,
                _ => x,
            };
            Label { text, left, right: left + width, baseline: number(node, "y") }
        })
        .collect()
}
