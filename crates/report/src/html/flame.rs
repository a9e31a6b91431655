//! A flame graph in a page: drawn by a script of its own, with search and zoom; without script, an indented list.

use std::fmt::Write;

use serde::Serialize;

use crate::escape::{self, html_with_code, xml};
use crate::flame::COLORS;
use crate::text::TextOptions;
use crate::{Block, Flame, Report};

pub(super) const STYLE: &str = include_str!("flame.css");
pub(super) const SCRIPT: &str = include_str!("flame.js");
/// SHA-256 of both as they stand in the page; a test computes them anew.
pub(super) const STYLE_DIGEST: &str = "sha256-/vHqD973t39hKRDyN38KVPkq200xiddD2aosh1pDa6o=";
pub(super) const SCRIPT_DIGEST: &str = "sha256-Qx9+m/xmmbGEfRSrHQpqHkXRGs1cdaLVXBAI08ybzdU=";

/// Smaller parts are left out of a page.
const LEAST: f64 = 5e-4;

/// Returns whether `blocks` hold a flame graph.
pub(super) fn is_in(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Flame(_) => true,
        Block::Details { blocks, .. } => is_in(blocks),
        _ => false,
    })
}

/// A part as the script reads it: name, detail, amount as text, share, left end as a share, depth, colour, parent.
#[derive(Serialize)]
struct Part<'a>(&'a str, &'a str, String, f64, f64, usize, u8, i64);

/// Writes `flame`.
pub(super) fn write(out: &mut String, flame: &Flame) {
    out.push_str("<section class=\"flame\">\n");
    if !flame.title.is_empty() {
        let _ = writeln!(out, "<h3>{}</h3>", html_with_code(&flame.title));
    }
    out.push_str(
        "<div class=\"flame-tools\" hidden=\"\"><input type=\"search\" placeholder=\"Search\" aria-label=\"Search\"/>\
         <button type=\"button\">Show all</button><output></output></div>\n<div class=\"flame-view\" hidden=\"\"></div>\n",
    );
    let list = Report::new("").with(Flame { title: String::new(), ..flame.clone() });
    let list = crate::text::render(&list, &TextOptions { width: 100, ..TextOptions::default() });
    let _ = writeln!(out, "<pre class=\"flame-list\">{}</pre>", xml(&list));
    let text = serde_json::to_string(&parts(flame)).unwrap_or_else(|_| "[]".to_owned());
    let _ = writeln!(
        out,
        "<script type=\"application/json\">{}</script>\n</section>",
        escape::json_in_html(&text)
    );
}

fn parts(flame: &Flame) -> Vec<Part<'_>> {
    let total = flame.total();
    let children = flame.children();
    let mut parts: Vec<Part<'_>> = Vec::new();
    // A node with its left end, depth, and the place of its parent in the list.
    let mut open = Vec::new();
    let push = |open: &mut Vec<_>, list: &[usize], mut left: f64, depth: usize, parent: i64| {
        let first = open.len();
        for node in list {
            open.push((*node, left, depth, parent));
            left += flame.nodes[*node].value / total;
        }
        open[first..].reverse();
    };
    push(&mut open, &children[flame.nodes.len()], 0.0, 0, -1);
    while let Some((index, left, depth, parent)) = open.pop() {
        let node = &flame.nodes[index];
        let share = node.value / total;
        if share < LEAST {
            continue;
        }
        let own = parts.len() as i64;
        let amount = flame.unit.format(node.value);
        parts.push(Part(&node.name, &node.detail, amount, share, left, depth, node.color % COLORS, parent));
        push(&mut open, &children[index], left, depth + 1, own);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlameNode, Unit, html};

    fn node(name: &str, parent: Option<u32>, value: f64) -> FlameNode {
        FlameNode { name: name.to_owned(), detail: "f.py:3".to_owned(), parent, value, color: 9 }
    }

    #[test]
    fn parts_lie_side_by_side_within_their_parents_the_largest_first() {
        let nodes = [
            node("all", None, 4.0),
            node("small", Some(0), 1.0),
            node("large", Some(0), 2.0),
            node("dust", Some(0), 1e-9),
        ];
        let flame = Flame::new("", Unit::Seconds, nodes);
        let parts = parts(&flame);
        let places: Vec<_> = parts.iter().map(|part| (part.0, part.3, part.4, part.5, part.7)).collect();
        assert_eq!(places, [("all", 1.0, 0.0, 0, -1), ("large", 0.5, 0.0, 1, 0), ("small", 0.25, 0.5, 1, 0)]);
    }

    #[test]
    fn names_cannot_leave_their_place_and_odd_values_are_left_out() {
        let nodes = [
            node("</script><b>", None, 1.0),
            node("nothing", Some(0), f64::NAN),
            node("its own parent", Some(2), 0.5),
        ];
        let report = Report::new("").with(Flame::new("<i>", Unit::Seconds, nodes));
        let page = html::page(&report, &html::HtmlOptions::default());
        assert!(!page.contains("<b>") && !page.contains("<i>"));
        assert!(page.contains(STYLE_DIGEST) && page.contains(SCRIPT_DIGEST));
        assert!(!html::page(&Report::new(""), &html::HtmlOptions::default()).contains(SCRIPT_DIGEST));
    }
}
