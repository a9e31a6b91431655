//! The cut property of every part that a tree over points builds.

use festina_types::SharedMemory;

use super::{ForestCheck, Growth, name_some, sorted_edges};
use crate::forest::{Edge, Forest};
use crate::parallel::map_parts;
use crate::points::{Metric, Points};

/// How much shorter than an edge another one must be to count, as a share: some roundings.
const SLACK: f64 = 1e-12;

/// Checks that `tree` is a minimum spanning tree of all pairs of `points`: that its edges are as long as it says, close no
/// cycle and join all points, and that no point outside a part is nearer to it than the edge by which it was joined.
///
/// Lengths may differ by some roundings. O(n log² n) in practice.
///
/// ```
/// use festina_graph::{Edge, Forest, Metric, Points, check};
/// # use festina_types::{SharedMemory, Workers};
/// # struct Serial;
/// # impl SharedMemory for Serial {
/// #     fn workers(&self) -> Workers { Workers::MIN }
/// #     fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) { (0..n_tasks).for_each(task) }
/// # }
///
/// let points = Points::new(Metric::Euclidean, vec![[0.0; 3], [3.0, 0.0, 0.0], [3.0, 4.0, 0.0]])?;
/// let edge = |a, b, weight| Edge { ends: [a, b], weight };
/// let longer = Forest::new(3, vec![edge(0, 1, 3.0), edge(0, 2, 5.0)]);
/// let check = check::verify_tree(&points, &longer, &Serial);
/// assert_eq!(check.problems, ["points 2 and 3 are nearer to each other than the edge of length 5 that joins their parts"]);
/// # Ok::<(), festina_graph::GraphError>(())
/// ```
pub fn verify_tree(points: &Points, tree: &Forest, memory: &dyn SharedMemory) -> ForestCheck {
    let mut problems = Vec::new();
    let Some(sorted) = sorted_edges(points.n(), tree, &mut problems) else {
        return ForestCheck { problems };
    };
    if points.n() > 0 && tree.components != 1 {
        problems.push(format!("{} trees do not join all points", tree.components));
        return ForestCheck { problems };
    }
    if let Err(closing) = Growth::new(points.n(), &sorted) {
        name_some(&mut problems, &closing, |edge| {
            format!("the edge of points {} and {} closes a cycle", edge.ends[0] + 1, edge.ends[1] + 1)
        });
        return ForestCheck { problems };
    }
    let space = Space::new(points);
    let misstated: Vec<Edge> = sorted.iter().copied().filter(|edge| !space.is_length(edge)).collect();
    name_some(&mut problems, &misstated, |edge| {
        format!(
            "the edge of points {} and {} is not {} long",
            edge.ends[0] + 1,
            edge.ends[1] + 1,
            edge.weight
        )
    });
    let (order, parts) = parts(points.n(), &sorted);
    let boxes = Boxes::new(&space, &order);
    let nearer = map_parts(memory, parts.len(), |range| {
        parts[range].iter().filter_map(|part| boxes.nearer(part)).collect::<Vec<(u32, u32, f64)>>()
    });
    name_some(&mut problems, &nearer.concat(), |(a, b, length)| {
        let (a, b) = (a.min(b) + 1, a.max(b) + 1);
        format!(
            "points {a} and {b} are nearer to each other than the edge of length {length} that joins their parts"
        )
    });
    ForestCheck { problems }
}

/// Points in space, and how straight lines belong to lengths.
struct Space {
    at: Vec<[f64; 3]>,
    radius: Option<f64>,
}

impl Space {
    fn new(points: &Points) -> Self {
        let radius = match points.metric() {
            Metric::Euclidean => None,
            Metric::Sphere { radius } => Some(radius),
        };
        let place = |point: &[f64; 3]| {
            let Some(radius) = radius else { return *point };
            let [polar, azimuth] = [(90.0 - point[0]).to_radians(), point[1].to_radians()];
            let across = radius * polar.sin();
            [across * azimuth.cos(), across * azimuth.sin(), radius * polar.cos()]
        };
        Self { at: points.at().iter().map(place).collect(), radius }
    }

    /// Returns how far apart two points are in a straight line.
    fn line(&self, a: u32, b: u32) -> f64 {
        let (p, q) = (self.at[a as usize], self.at[b as usize]);
        let [dx, dy, dz] = [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        (dx * dx + dy * dy + dz * dz).sqrt()
    }

    /// Returns the straight line that belongs to a length.
    fn straight(&self, length: f64) -> f64 {
        self.radius.map_or(length, |radius| 2.0 * radius * (length / (2.0 * radius)).sin())
    }

    /// Returns by how much straight lines may be off: rounded places of points on a sphere, squares below what a float holds.
    fn slack(&self) -> f64 {
        self.radius.map_or(1e-150, |radius| 1e-15 * radius)
    }

    fn is_length(&self, edge: &Edge) -> bool {
        let (line, said) = (self.line(edge.ends[0], edge.ends[1]), self.straight(edge.weight));
        (line - said).abs() <= SLACK * line + 2.0 * self.slack()
    }
}

/// A part of the points, in the order in which parts stand together, and the length of the edge that joins it to another
/// part that is no smaller.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
    joined_at: f64,
}

/// Returns an order of the points in which every part stands together, and the parts.
fn parts(n: usize, sorted: &[Edge]) -> (Vec<u32>, Vec<Part>) {
    // A part is a chain of points; two are joined end to end. Its first point knows its last one and its size.
    let mut next: Vec<Option<u32>> = vec![None; n];
    let mut last: Vec<u32> = (0..n as u32).collect();
    let mut size = vec![1_u32; n];
    let mut first: Vec<u32> = (0..n as u32).collect();
    let mut joined: Vec<(u32, u32, f64)> = Vec::with_capacity(sorted.len());
    for edge in sorted {
        let [mut large, mut small] = edge.ends.map(|node| first_of(&mut first, node));
        if size[large as usize] < size[small as usize] {
            (large, small) = (small, large);
        }
        joined.push((small, size[small as usize], edge.weight));
        next[last[large as usize] as usize] = Some(small);
        last[large as usize] = last[small as usize];
        size[large as usize] += size[small as usize];
        first[small as usize] = large;
    }
    let mut order = Vec::with_capacity(n);
    let mut place = vec![0; n];
    let mut at = (0..n as u32).find(|&node| first[node as usize] == node);
    while let Some(node) = at {
        place[node as usize] = order.len() as u32;
        order.push(node);
        at = next[node as usize];
    }
    let part = |(small, size, joined_at): (u32, u32, f64)| {
        let start = place[small as usize];
        Part { start, end: start + size, joined_at }
    };
    (order, joined.into_iter().map(part).collect())
}

/// Returns the first point of the part of `node`, and shortens the way to it.
fn first_of(first: &mut [u32], node: u32) -> u32 {
    let mut top = node;
    while first[top as usize] != top {
        top = first[top as usize];
    }
    let mut at = node;
    while at != top {
        at = std::mem::replace(&mut first[at as usize], top);
    }
    top
}

/// Points in a box that is not divided.
const FEW: usize = 12;

/// Boxes within boxes around the points, each halved across its longest side.
struct Boxes<'a> {
    space: &'a Space,
    order: &'a [u32],
    /// The place of each point in the order of parts, box by box.
    places: Vec<u32>,
    boxes: Vec<Enclosure>,
}

struct Enclosure {
    low: [f64; 3],
    high: [f64; 3],
    /// The smallest and the largest place of its points in the order of parts.
    places: (u32, u32),
    content: Content,
}

enum Content {
    Halves(usize, usize),
    Points(usize, usize),
}

impl<'a> Boxes<'a> {
    fn new(space: &'a Space, order: &'a [u32]) -> Self {
        let mut boxes = Self { space, order, places: Vec::new(), boxes: Vec::new() };
        let mut places: Vec<u32> = (0..order.len() as u32).collect();
        if !places.is_empty() {
            boxes.enclose(&mut places);
        }
        boxes
    }

    fn at(&self, place: u32) -> [f64; 3] {
        self.space.at[self.order[place as usize] as usize]
    }

    /// Adds a box around the points at `places`, and returns its number.
    fn enclose(&mut self, places: &mut [u32]) -> usize {
        let (mut low, mut high) = (self.at(places[0]), self.at(places[0]));
        for &place in places.iter() {
            for (axis, value) in self.at(place).into_iter().enumerate() {
                low[axis] = low[axis].min(value);
                high[axis] = high[axis].max(value);
            }
        }
        let ends = places.iter().fold((u32::MAX, 0), |(low, high), &p| (low.min(p), high.max(p)));
        let content = if places.len() <= FEW {
            let start = self.places.len();
            self.places.extend_from_slice(places);
            Content::Points(start, self.places.len())
        } else {
            let side = |axis: &usize| high[*axis] - low[*axis];
            let axis = (0..3).max_by(|a, b| side(a).total_cmp(&side(b))).expect("there are three axes");
            let half = places.len() / 2;
            places.select_nth_unstable_by(half, |&a, &b| self.at(a)[axis].total_cmp(&self.at(b)[axis]));
            let (left, right) = places.split_at_mut(half);
            Content::Halves(self.enclose(left), self.enclose(right))
        };
        self.boxes.push(Enclosure { low, high, places: ends, content });
        self.boxes.len() - 1
    }

    /// Returns a point of `part` and one outside that are nearer to each other than the edge that joins it.
    fn nearer(&self, part: &Part) -> Option<(u32, u32, f64)> {
        let reach = self.space.straight(part.joined_at) * (1.0 - SLACK) - 2.0 * self.space.slack();
        let mut stack = Vec::new();
        (part.start..part.end).find_map(|place| {
            let other = self.stranger(place, part, reach, &mut stack)?;
            Some((self.order[place as usize], self.order[other as usize], part.joined_at))
        })
    }

    /// Returns the place of a point outside `part` that is nearer than `reach` to the one at `place`.
    fn stranger(&self, place: u32, part: &Part, reach: f64, stack: &mut Vec<usize>) -> Option<u32> {
        let at = self.at(place);
        stack.clear();
        stack.push(self.boxes.len() - 1);
        while let Some(index) = stack.pop() {
            let enclosure = &self.boxes[index];
            let (lowest, highest) = enclosure.places;
            if (part.start <= lowest && highest < part.end) || enclosure.distance(at) >= reach {
                continue;
            }
            match enclosure.content {
                Content::Halves(left, right) => stack.extend([left, right]),
                Content::Points(start, end) => {
                    let is_near = |other: &&u32| {
                        !(part.start..part.end).contains(*other)
                            && self.space.line(self.order[place as usize], self.order[**other as usize])
                                < reach
                    };
                    if let Some(&other) = self.places[start..end].iter().find(is_near) {
                        return Some(other);
                    }
                }
            }
        }
        None
    }
}

impl Enclosure {
    /// Returns how far the box is from a point, rounded down a little.
    fn distance(&self, at: [f64; 3]) -> f64 {
        let beyond = |axis: usize| (self.low[axis] - at[axis]).max(at[axis] - self.high[axis]).max(0.0);
        (beyond(0) * beyond(0) + beyond(1) * beyond(1) + beyond(2) * beyond(2)).sqrt() * (1.0 - SLACK)
    }
}
