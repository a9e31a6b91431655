//! The map of a tree over points.

use festina_graph::Forest;
use festina_report::{Axis, Chart, PlotPoint, Role, Series, Unit};
use festina_route::Instance;

/// Returns the map of `tree`, where its points can be drawn.
pub(super) fn map(instance: &Instance, tree: &Forest) -> Option<Chart> {
    let points = instance.drawing()?;
    let at = |node: u32| (points[node as usize][0], points[node as usize][1]);
    // A value that cannot be drawn lifts the pen between two strokes.
    const LIFT: (f64, f64) = (f64::NAN, f64::NAN);
    let line =
        strokes(points.len(), tree).into_iter().flat_map(|stroke| stroke.into_iter().map(at).chain([LIFT]));
    let (x, y) = if instance.is_geographic() { ("longitude", "latitude") } else { ("x", "y") };
    let axis = |label: &str| Axis::new(label, Unit::Number);
    let nodes = points.iter().map(|point| PlotPoint::new(point[0], point[1]));
    Some(
        Chart::new("Minimum spanning tree", axis(x), axis(y))
            .with_equal_scales()
            .with(Series::line("tree", Role::Fit, line))
            .with(Series::points("points", Role::Measured, nodes)),
    )
}

/// Returns paths that draw every edge once: each goes down from a fork as far as it can.
fn strokes(n: usize, tree: &Forest) -> Vec<Vec<u32>> {
    let mut links = vec![Vec::new(); n];
    for edge in &tree.edges {
        let [a, b] = edge.ends;
        links[a as usize].push(b);
        links[b as usize].push(a);
    }
    let mut strokes = Vec::new();
    let mut is_drawn = vec![false; n];
    let mut forks: Vec<(Option<u32>, u32)> = (0..n as u32).rev().map(|node| (None, node)).collect();
    while let Some((fork, start)) = forks.pop() {
        if is_drawn[start as usize] {
            continue;
        }
        let mut stroke: Vec<u32> = fork.into_iter().collect();
        let mut next = Some(start);
        while let Some(node) = next {
            is_drawn[node as usize] = true;
            stroke.push(node);
            let mut open = links[node as usize].iter().copied().filter(|&other| !is_drawn[other as usize]);
            next = open.next();
            forks.extend(open.map(|other| (Some(node), other)));
        }
        if stroke.len() > 1 {
            strokes.push(stroke);
        }
    }
    strokes
}

#[cfg(test)]
mod tests {
    use festina_graph::Edge;

    use super::*;

    #[test]
    fn strokes_draw_every_edge_once() {
        // A star of three arms, one of them two edges long, and a node by itself.
        let ends = [[0, 1], [0, 2], [0, 3], [3, 4]];
        let edges = ends.map(|ends| Edge { ends, weight: 1.0 }).to_vec();
        let drawn = strokes(6, &Forest::new(6, edges));
        let mut pairs: Vec<[u32; 2]> = drawn
            .iter()
            .flat_map(|stroke| stroke.windows(2).map(|pair| [pair[0].min(pair[1]), pair[0].max(pair[1])]))
            .collect();
        pairs.sort_unstable();
        assert_eq!(pairs, ends);
    }
}
