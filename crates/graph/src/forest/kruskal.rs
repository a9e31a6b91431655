//! Filter-Kruskal; see [`super::minimum_spanning_forest`].

use festina_types::SharedMemory;

use super::DisjointSets;
use super::order::Key;
use crate::graph::Graph;
use crate::parallel::{map, map_parts};

/// Light edges for each node in the first batch: enough for most of the forest, few enough to sort quickly.
const LIGHT_PER_NODE: usize = 3;

/// Fewer edges than this are sorted as they are.
const SMALL: usize = 1 << 13;

/// Edges whose weights are looked at to find thresholds.
const SAMPLE: usize = 1 << 12;

/// Parts of a batch that are sorted by themselves.
const BUCKETS: usize = 16;

/// Returns the edges of the minimum spanning forest, the lightest first.
pub(super) fn forest(graph: &Graph, memory: &dyn SharedMemory) -> Vec<u32> {
    let mut state = State {
        graph,
        memory,
        sets: DisjointSets::new(graph.n_nodes()),
        chosen: Vec::with_capacity(graph.n_nodes().saturating_sub(1)),
    };
    let mut rest = Rest::All(graph.n_edges());
    let mut batch = (LIGHT_PER_NODE * graph.n_nodes()).max(SMALL);
    while rest.len() > 0 && !state.is_tree() {
        let thresholds = thresholds(graph, &rest, batch);
        state.join_lighter(&rest, &thresholds);
        rest = match thresholds.last() {
            Some(&last) if last != Key::LAST => Rest::Some(state.heavier(&rest, last)),
            _ => break,
        };
        // Where filtering drops little, batches that double keep the number of rounds logarithmic.
        batch *= 2;
    }
    state.chosen
}

/// Edges that are still to be looked at.
enum Rest {
    All(usize),
    Some(Vec<u32>),
}

impl Rest {
    fn len(&self) -> usize {
        match self {
            Self::All(n) => *n,
            Self::Some(edges) => edges.len(),
        }
    }

    #[inline]
    fn edge(&self, i: usize) -> u32 {
        match self {
            Self::All(_) => i as u32,
            Self::Some(edges) => edges[i],
        }
    }
}

fn key(graph: &Graph, edge: u32) -> Key {
    Key::new(graph.weights()[edge as usize], edge)
}

/// Returns ascending thresholds that cut about the lightest `batch` of the edges into buckets of about one size.
fn thresholds(graph: &Graph, rest: &Rest, batch: usize) -> Vec<Key> {
    let n = rest.len();
    if n <= SMALL {
        return vec![Key::LAST];
    }
    // Steps by the golden ratio visit every region alike, whatever order the edges are in.
    let step = (n as f64 * 0.618_033_988_749_894_9) as usize;
    let mut sample: Vec<Key> = (0..SAMPLE).map(|i| key(graph, rest.edge(i * step % n))).collect();
    sample.sort_unstable();
    let light = SAMPLE as f64 * (batch as f64 / n as f64).min(1.0);
    let at = |bucket: usize| (light * (bucket + 1) as f64 / BUCKETS as f64) as usize;
    let mut thresholds: Vec<Key> =
        (0..BUCKETS).map(|bucket| sample.get(at(bucket)).copied().unwrap_or(Key::LAST)).collect();
    if batch >= n {
        *thresholds.last_mut().expect("there are buckets") = Key::LAST;
    }
    thresholds.dedup();
    thresholds
}

/// Sorts keys that are in the order of their edges: a stable sort by the weights, which gains where many edges weigh the
/// same.
fn sort(keys: &mut [Key]) {
    debug_assert!(keys.is_sorted_by_key(|key| key.edge), "edges are looked at in their order");
    keys.sort_by_key(|key| key.weight);
}

struct State<'a> {
    graph: &'a Graph,
    memory: &'a dyn SharedMemory,
    sets: DisjointSets,
    chosen: Vec<u32>,
}

impl State<'_> {
    fn is_tree(&self) -> bool {
        self.chosen.len() + 1 >= self.graph.n_nodes()
    }

    /// Sorts the edges up to the last threshold, bucket by bucket, and joins their ends.
    fn join_lighter(&mut self, rest: &Rest, thresholds: &[Key]) {
        let graph = self.graph;
        let last = thresholds[thresholds.len() - 1];
        let parts = map_parts(self.memory, rest.len(), |part| {
            let mut buckets = vec![Vec::new(); thresholds.len()];
            for i in part {
                let key = key(graph, rest.edge(i));
                if key <= last {
                    buckets[thresholds.partition_point(|threshold| *threshold < key)].push(key);
                }
            }
            buckets
        });
        let mut buckets: Vec<Vec<Vec<Key>>> = thresholds.iter().map(|_| Vec::new()).collect();
        for part in parts {
            buckets.iter_mut().zip(part).for_each(|(bucket, keys)| bucket.push(keys));
        }
        // The ends lie all over the memory: they are fetched here, where all workers do it, and no fetch waits for another.
        let sorted = map(self.memory, buckets, |parts| {
            let mut keys = parts.concat();
            sort(&mut keys);
            keys.iter().map(|key| (key.edge, graph.ends()[key.edge as usize])).collect::<Vec<_>>()
        });
        for (edge, [a, b]) in sorted.into_iter().flatten() {
            if self.sets.join(a, b) {
                self.chosen.push(edge);
                if self.is_tree() {
                    break;
                }
            }
        }
    }

    /// Returns the edges beyond `threshold` whose ends have not met.
    fn heavier(&mut self, rest: &Rest, threshold: Key) -> Vec<u32> {
        let graph = self.graph;
        let labels = self.sets.labels();
        let parts = map_parts(self.memory, rest.len(), |part| {
            let is_open = |edge: &u32| {
                let [a, b] = graph.ends()[*edge as usize];
                labels[a as usize] != labels[b as usize] && key(graph, *edge) > threshold
            };
            part.map(|i| rest.edge(i)).filter(is_open).collect::<Vec<u32>>()
        });
        parts.concat()
    }
}
