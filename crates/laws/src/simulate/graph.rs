//! Who waits for whom.

/// The dependencies of tasks, turned round: who may start when a task ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    /// Where the successors of each task end in `successors`.
    ends: Vec<usize>,
    successors: Vec<u32>,
    /// For how many tasks each task waits.
    pub(super) waits_for: Vec<u32>,
    /// The tasks in an order in which each comes after those that it waits for.
    pub(super) order: Vec<u32>,
}

impl Graph {
    /// Returns the graph, or nothing if it has a cycle. `ends` and `dependencies` must fit each other.
    pub(super) fn new(ends: &[usize], dependencies: &[u32]) -> Option<Self> {
        let n = ends.len();
        // Counting sort of the edges by the task that is waited for.
        let mut starts = vec![0_usize; n + 1];
        for &dependency in dependencies {
            starts[dependency as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut successors = vec![0; dependencies.len()];
        let mut waits_for = vec![0; n];
        for (task, waited_for) in neighbours(ends, dependencies) {
            waits_for[task as usize] = waited_for.len() as u32;
            for &dependency in waited_for {
                let slot = &mut next[dependency as usize];
                successors[*slot] = task;
                *slot += 1;
            }
        }
        starts.remove(0);
        let mut graph = Self { ends: starts, successors, waits_for, order: Vec::new() };
        graph.order = graph.topological_order()?;
        Some(graph)
    }

    /// Returns the tasks that wait for `task`.
    pub(super) fn successors(&self, task: u32) -> &[u32] {
        let start = if task == 0 { 0 } else { self.ends[task as usize - 1] };
        &self.successors[start..self.ends[task as usize]]
    }

    pub(super) fn edge_count(&self) -> usize {
        self.successors.len()
    }

    /// Orders the tasks (Kahn's algorithm); `None` if some wait for each other.
    fn topological_order(&self) -> Option<Vec<u32>> {
        let n = self.waits_for.len();
        let mut waits_for = self.waits_for.clone();
        let mut order: Vec<u32> = (0..n as u32).filter(|&task| waits_for[task as usize] == 0).collect();
        let mut done = 0;
        while done < order.len() {
            for &task in self.successors(order[done]) {
                let remaining = &mut waits_for[task as usize];
                *remaining -= 1;
                if *remaining == 0 {
                    order.push(task);
                }
            }
            done += 1;
        }
        (order.len() == n).then_some(order)
    }

    /// Returns for each task the longest time from its start to the end of all that waits for it.
    pub(super) fn bottom_levels(&self, durations: &[f64]) -> Vec<f64> {
        let mut levels = durations.to_vec();
        for &task in self.order.iter().rev() {
            let longest = self.successors(task).iter().map(|&next| levels[next as usize]).fold(0.0, f64::max);
            levels[task as usize] += longest;
        }
        levels
    }
}

/// Returns each task with what it waits for.
fn neighbours<'a>(ends: &'a [usize], dependencies: &'a [u32]) -> impl Iterator<Item = (u32, &'a [u32])> {
    let mut start = 0;
    ends.iter().enumerate().map(move |(task, &end)| {
        let slice = &dependencies[start..end];
        start = end;
        (task as u32, slice)
    })
}

/// Returns a cycle of a graph that has one, each task followed by one that it waits for.
pub(super) fn find_cycle(ends: &[usize], dependencies: &[u32]) -> Vec<u32> {
    let waited_for: Vec<&[u32]> = neighbours(ends, dependencies).map(|(_, slice)| slice).collect();
    // A depth-first search with its own stack: a chain may be a million tasks long.
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        OnPath,
        Done,
    }
    let mut states = vec![State::New; ends.len()];
    let mut path: Vec<(u32, usize)> = Vec::new();
    for root in 0..ends.len() as u32 {
        if states[root as usize] == State::New {
            path.push((root, 0));
            states[root as usize] = State::OnPath;
        }
        while let Some((task, visited)) = path.last_mut() {
            let Some(&next) = waited_for[*task as usize].get(*visited) else {
                states[*task as usize] = State::Done;
                path.pop();
                continue;
            };
            *visited += 1;
            match states[next as usize] {
                State::New => {
                    states[next as usize] = State::OnPath;
                    path.push((next, 0));
                }
                State::OnPath => {
                    let start = path.iter().position(|&(task, _)| task == next);
                    let start = start.expect("a task that is on the path is in the path");
                    return path[start..].iter().map(|&(task, _)| task).collect();
                }
                State::Done => {}
            }
        }
    }
    unreachable!("only graphs that have no topological order are searched, and these have a cycle")
}
