//! Where outcomes go.

use std::ops::ControlFlow;

use festina_types::BackendError;

/// Takes the outcomes of a map.
pub(crate) trait Sink {
    /// Returns whether the outcome of this task is still of use.
    fn wants(&self, task: usize) -> bool;

    /// Takes an outcome.
    fn take(&mut self, task: usize, outcome: Result<Vec<u8>, BackendError>);
}

/// All outputs, or the first failure in the order of the inputs.
pub(super) struct Collected {
    outputs: Vec<Vec<u8>>,
    failed: Option<(usize, BackendError)>,
}

impl Collected {
    pub(super) fn new(n_tasks: usize) -> Self {
        Self { outputs: vec![Vec::new(); n_tasks], failed: None }
    }

    fn finish(self) -> Result<Vec<Vec<u8>>, BackendError> {
        self.failed.map_or(Ok(self.outputs), |(_, error)| Err(error))
    }
}

impl Sink for Collected {
    fn wants(&self, task: usize) -> bool {
        self.failed.as_ref().is_none_or(|(failed, _)| task < *failed)
    }

    fn take(&mut self, task: usize, outcome: Result<Vec<u8>, BackendError>) {
        match outcome {
            Ok(output) => self.outputs[task] = output,
            Err(error) if self.wants(task) => self.failed = Some((task, error)),
            Err(_) => {}
        }
    }
}

/// Returns what `drive` makes of `inputs`: all outputs, or the first failure.
pub(crate) fn collected(
    inputs: Vec<Vec<u8>>,
    drive: impl FnOnce(&mut dyn Iterator<Item = Vec<u8>>, &mut dyn Sink) -> Result<(), BackendError>,
) -> Result<Vec<Vec<u8>>, BackendError> {
    let mut all = Collected::new(inputs.len());
    drive(&mut inputs.into_iter(), &mut all)?;
    all.finish()
}

/// Passes outcomes on until whoever takes them breaks off.
pub(crate) struct Streamed<'t> {
    take: &'t mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    is_over: bool,
}

impl<'t> Streamed<'t> {
    pub(crate) fn new(
        take: &'t mut dyn FnMut(usize, Result<Vec<u8>, BackendError>) -> ControlFlow<()>,
    ) -> Self {
        Self { take, is_over: false }
    }
}

impl Sink for Streamed<'_> {
    fn wants(&self, _: usize) -> bool {
        !self.is_over
    }

    fn take(&mut self, task: usize, outcome: Result<Vec<u8>, BackendError>) {
        if !self.is_over {
            self.is_over = (self.take)(task, outcome).is_break();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(task: usize) -> BackendError {
        BackendError::Task { task, message: "odd".to_owned() }
    }

    #[test]
    fn the_first_failure_in_the_order_of_the_inputs_counts() {
        let mut all = Collected::new(4);
        all.take(2, Ok(vec![2]));
        assert!(all.wants(3));
        all.take(3, Err(failure(3)));
        assert!(all.wants(2) && !all.wants(3), "only what comes before can still matter");
        all.take(1, Err(failure(1)));
        all.take(2, Err(failure(2)));
        assert_eq!(all.finish(), Err(failure(1)));
    }

    #[test]
    fn nothing_is_passed_on_after_the_end() {
        let mut seen = Vec::new();
        let mut take = |task, _| {
            seen.push(task);
            if task == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut stream = Streamed::new(&mut take);
        for task in [0, 1, 2] {
            assert_eq!(stream.wants(task), task < 2);
            stream.take(task, Ok(vec![]));
        }
        assert_eq!(seen, [0, 1]);
    }
}
