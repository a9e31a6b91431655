//! A flame graph as an indented list of its largest parts.

use super::{Ink, Style, paragraph};
use crate::Flame;

/// Smaller parts are not shown.
const LEAST: f64 = 0.02;
/// Deeper ones are not either.
const DEEPEST: usize = 24;

/// Writes `flame`.
pub(super) fn write(out: &mut String, flame: &Flame, style: &Style) {
    if !flame.title.is_empty() {
        paragraph(out, &flame.title, style, Ink::Heading);
    }
    let total = flame.total();
    let children = flame.children();
    let mut open: Vec<(usize, usize)> =
        children[flame.nodes.len()].iter().rev().map(|node| (*node, 0)).collect();
    while let Some((index, depth)) = open.pop() {
        let node = &flame.nodes[index];
        let share = node.value / total;
        if share < LEAST || depth > DEEPEST {
            continue;
        }
        let line = format!("{:>4.0} %  {}{}", 100.0 * share, "  ".repeat(depth), style.clean(&node.name));
        let shown: String = line.chars().take(style.width).collect();
        out.push_str(&style.paint(&shown, Ink::Plain));
        out.push('\n');
        open.extend(children[index].iter().rev().map(|node| (*node, depth + 1)));
    }
}
