//! Recorded tasks, as a struct of arrays.

use std::collections::HashMap;

use super::graph::{Graph, find_cycle};
use crate::LawError;

/// Recorded tasks: durations, and optionally dependencies, amounts of data and ids.
///
/// Tasks are referred to by their position. The order of positions is the order of submission. A million tasks take
/// about 16 MB, and 12 bytes more a dependency.
#[derive(Clone, Debug, PartialEq)]
pub struct Tasks {
    durations: Vec<f64>,
    bytes: Option<Vec<u64>>,
    names: Option<Names>,
    pub(super) graph: Option<Graph>,
}

/// The ids of all tasks in one piece of text.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}

impl Tasks {
    /// Returns tasks that don't depend on each other, with their durations in seconds.
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] without tasks, [`LawError::Task`] at the first duration that is negative or not finite.
    pub fn independent(durations: Vec<f64>) -> Result<Self, LawError> {
        let tasks = Self { durations, bytes: None, names: None, graph: None };
        tasks.check()?;
        Ok(tasks)
    }

    /// Returns the tasks with the number of bytes that each transfers.
    ///
    /// # Errors
    ///
    /// [`LawError::Lengths`] if there are not as many amounts as tasks.
    pub fn with_bytes(self, bytes: Vec<u64>) -> Result<Self, LawError> {
        if bytes.len() != self.durations.len() {
            return Err(self.lengths("amounts of data", bytes.len()));
        }
        Ok(Self { bytes: Some(bytes), ..self })
    }

    /// Returns the tasks with dependencies by position: task `i` waits for `dependencies[ends[i - 1]..ends[i]]`, the
    /// first from 0.
    ///
    /// ```
    /// use festina_laws::simulate::Tasks;
    /// // 2 waits for 0 and 1.
    /// let tasks = Tasks::independent(vec![1.0, 2.0, 3.0])?.with_dependencies(&[0, 0, 2], &[0, 1])?;
    /// assert_eq!(tasks.dependency_count(), 2);
    /// # Ok::<(), festina_laws::LawError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::Lengths`] if the ends don't fit the tasks or the dependencies, [`LawError::UnknownDependency`]
    /// for a position beyond the last task, [`LawError::Cycle`] if tasks wait for each other.
    pub fn with_dependencies(self, ends: &[usize], dependencies: &[u32]) -> Result<Self, LawError> {
        if ends.len() != self.durations.len() {
            return Err(self.lengths("ends of dependencies", ends.len()));
        }
        if !ends.is_sorted() || ends.last() != Some(&dependencies.len()) {
            return Err(LawError::Lengths {
                left: "dependencies",
                right: "their ascending ends say",
                left_len: dependencies.len(),
                right_len: ends.iter().copied().max().unwrap_or(0),
            });
        }
        if let Some(position) = dependencies.iter().position(|&index| index as usize >= self.len()) {
            let index = ends.partition_point(|&end| end <= position);
            let dependency = dependencies[position].to_string();
            return Err(LawError::UnknownDependency { task: self.name(index), index, dependency });
        }
        let graph = Graph::new(ends, dependencies).ok_or_else(|| self.cycle(ends, dependencies))?;
        Ok(Self { graph: Some(graph), ..self })
    }

    /// Returns the number of tasks, at least one.
    pub fn len(&self) -> usize {
        self.durations.len()
    }

    /// Returns false: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.durations.is_empty()
    }

    /// Returns the id of the task at `index`: its own, or its position in digits.
    ///
    /// # Panics
    ///
    /// Panics if there is no such task.
    pub fn name(&self, index: usize) -> String {
        match &self.names {
            Some(names) => names.get(index).to_owned(),
            None => index.to_string(),
        }
    }

    /// Returns the recorded durations in seconds.
    pub fn durations(&self) -> &[f64] {
        &self.durations
    }

    /// Returns the number of bytes that each task transfers, if that was recorded.
    pub fn bytes(&self) -> Option<&[u64]> {
        self.bytes.as_deref()
    }

    /// Returns the number of dependencies.
    pub fn dependency_count(&self) -> usize {
        self.graph.as_ref().map_or(0, Graph::edge_count)
    }

    fn check(&self) -> Result<(), LawError> {
        if self.durations.is_empty() {
            return Err(LawError::TooFew { what: "a simulation", needed: 1, unit: "tasks", given: 0 });
        }
        let is_bad = |duration: &f64| !duration.is_finite() || *duration < 0.0;
        match self.durations.iter().position(is_bad) {
            Some(index) => {
                let value = self.durations[index];
                Err(LawError::Task { task: self.name(index), index, name: "the duration", value })
            }
            None => Ok(()),
        }
    }

    fn lengths(&self, right: &'static str, right_len: usize) -> LawError {
        LawError::Lengths { left: "tasks", right, left_len: self.durations.len(), right_len }
    }

    /// Names a cycle that is known to exist.
    fn cycle(&self, ends: &[usize], dependencies: &[u32]) -> LawError {
        const NAMED: usize = 8;
        let cycle = find_cycle(ends, dependencies);
        let mut tasks: Vec<String> =
            cycle.iter().take(NAMED).map(|&index| self.name(index as usize)).collect();
        if cycle.len() > NAMED {
            tasks.push("…".to_owned());
        }
        tasks.push(tasks[0].clone());
        LawError::Cycle { tasks, index: cycle[0] as usize }
    }
}

/// Collects tasks whose dependencies are given by id, in any order.
#[derive(Clone, Debug, Default)]
pub struct TasksBuilder<'a> {
    ids: Vec<&'a str>,
    durations: Vec<f64>,
    bytes: Vec<u64>,
    dependencies: Vec<&'a str>,
    ends: Vec<usize>,
}

impl<'a> TasksBuilder<'a> {
    /// Returns a builder without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task that waits for the tasks called `dependencies`, which may be added later.
    pub fn push(
        &mut self,
        id: &'a str,
        duration_s: f64,
        dependencies: impl IntoIterator<Item = &'a str>,
        bytes: u64,
    ) {
        self.ids.push(id);
        self.durations.push(duration_s);
        self.bytes.push(bytes);
        self.dependencies.extend(dependencies);
        self.ends.push(self.dependencies.len());
    }

    /// Returns the tasks.
    ///
    /// ```
    /// use festina_laws::{LawError, simulate::TasksBuilder};
    /// let mut builder = TasksBuilder::new();
    /// builder.push("link", 2.0, ["main", "lib"], 0);
    /// builder.push("main", 3.0, [], 0);
    /// assert_eq!(
    ///     builder.build().unwrap_err().to_string(),
    ///     "task 'link' depends on 'lib', which doesn't exist"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`LawError::TooFew`] without tasks, [`LawError::Task`] for a duration that is negative or not finite,
    /// [`LawError::DuplicateTask`], [`LawError::UnknownDependency`], [`LawError::Cycle`]; each names the task.
    pub fn build(self) -> Result<Tasks, LawError> {
        let mut names = Names::default();
        let mut positions = HashMap::with_capacity(self.ids.len());
        for (index, id) in self.ids.iter().enumerate() {
            names.push(id);
            if positions.insert(*id, index as u32).is_some() {
                return Err(LawError::DuplicateTask { task: (*id).to_owned(), index });
            }
        }
        let bytes = self.bytes.iter().any(|&amount| amount > 0).then_some(self.bytes);
        let tasks = Tasks { durations: self.durations, bytes, names: Some(names), graph: None };
        tasks.check()?;
        if self.dependencies.is_empty() {
            return Ok(tasks);
        }
        let resolve = |(position, id): (usize, &&str)| {
            positions.get(id).copied().ok_or_else(|| {
                let index = self.ends.partition_point(|&end| end <= position);
                LawError::UnknownDependency { task: tasks.name(index), index, dependency: (*id).to_owned() }
            })
        };
        let dependencies =
            self.dependencies.iter().enumerate().map(resolve).collect::<Result<Vec<u32>, _>>()?;
        tasks.with_dependencies(&self.ends, &dependencies)
    }
}
