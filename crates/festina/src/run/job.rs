//! A function over inputs.

use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use festina_types::{Backend, BackendError, CancelToken, Function};

use super::order::{Order, Sorter};
use crate::Error;

/// Outcomes that are ready and not yet taken, at most, before workers wait for whoever takes them.
const READY: usize = 1024;

/// The outcome of a task: its output, or an error that names it.
type Outcome = Result<Vec<u8>, BackendError>;

/// A function that is to be mapped over inputs.
#[derive(Clone)]
pub struct Job<'b> {
    backend: &'b (dyn Backend + Sync),
    function: Function,
    order: Order,
    cancel: CancelToken,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Tasks that gave an output.
    pub finished: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Whether inputs were left out, or outcomes not taken: the job was canceled, or whoever took outcomes broke off.
    pub is_cut_short: bool,
}

impl<'b> Job<'b> {
    /// Returns the job of `function` on `backend`, with outcomes as they come.
    pub fn new(backend: &'b (dyn Backend + Sync), function: Function) -> Self {
        Self { backend, function, order: Order::AsTheyCome, cancel: CancelToken::new() }
    }

    /// Returns the job with its outcomes in this order.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Returns the job with a token by which it can be stopped: after a first request no more inputs are taken, and the
    /// tasks that have begun come to their ends.
    #[must_use]
    pub fn cancel(mut self, cancel: &CancelToken) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Calls the function on each of `inputs`, and returns the outputs in the order of the inputs.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`] for the first task, in the order of the inputs, that failed, and where workers are lost.
    pub fn map(&self, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.backend.map(self.function, inputs)?)
    }

    /// Calls the function on each of `inputs`, and gives each task's number, from 0, and outcome to `take`, on this
    /// thread.
    ///
    /// Inputs are pulled as workers need them: there may be more of them than fit into memory. `take` may break off.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`] where workers are lost, or were ended by an urgent request. A task that fails is an outcome.
    pub fn for_each(
        &self,
        inputs: impl IntoIterator<Item = Vec<u8>>,
        mut take: impl FnMut(usize, Outcome) -> ControlFlow<()>,
    ) -> Result<Ended, Error> {
        let mut inputs =
            Until { inputs: inputs.into_iter(), cancel: &self.cancel, is_at_end: false, is_cut_short: false };
        let (mut ended, mut sorter) = (Ended::default(), Sorter::new(self.order));
        let mut pass_on = |task: usize, outcome: Outcome| {
            sorter.put(task, outcome);
            while let Some((task, outcome)) = sorter.next() {
                let count = if outcome.is_ok() { &mut ended.finished } else { &mut ended.failed };
                *count += 1;
                if take(task, outcome).is_break() {
                    ended.is_cut_short = true;
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        self.backend.stream(self.function, &mut inputs, &mut pass_on)?;
        ended.is_cut_short |= inputs.is_cut_short;
        Ok(ended)
    }

    /// Calls the function on each of `inputs`, and `body` with an iterator over the outcomes, while they come in.
    ///
    /// When `body` returns, the job ends, whether it has taken all outcomes or not. It must not map over the same
    /// backend meanwhile.
    ///
    /// ```
    /// # use festina::Threads;
    /// # use festina::run::{Function, Job};
    /// let square = Function { name: "square", call: |bytes| Ok(vec![bytes[0] * bytes[0]]) };
    /// let threads = Threads::available();
    /// let job = Job::new(&threads, square);
    /// let (found, ended) = job.outcomes((0..10).map(|n| vec![n]), |mut outcomes| {
    ///     outcomes.find(|(_, outcome)| outcome == &Ok(vec![49]))
    /// })?;
    /// assert_eq!(found.unwrap().0, 7);
    /// assert_eq!(ended.failed, 0);
    /// # Ok::<(), festina::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`for_each`](Self::for_each).
    pub fn outcomes<T>(
        &self,
        inputs: impl IntoIterator<Item = Vec<u8>> + Send,
        body: impl FnOnce(Outcomes) -> T,
    ) -> Result<(T, Ended), Error> {
        thread::scope(|scope| {
            let (tell, told) = mpsc::sync_channel(READY);
            let pass_on = move |task, outcome| match tell.send((task, outcome)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            let driver = scope.spawn(|| self.for_each(inputs, pass_on));
            let result = body(Outcomes(told));
            let ended = driver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended.map(|ended| (result, ended))
        })
    }
}

/// The outcomes of a job, each with the number of its task.
pub struct Outcomes(Receiver<(usize, Outcome)>);

impl Iterator for Outcomes {
    type Item = (usize, Outcome);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().ok()
    }
}

/// Inputs until a request to stop.
struct Until<'c, I> {
    inputs: I,
    cancel: &'c CancelToken,
    is_at_end: bool,
    is_cut_short: bool,
}

impl<I: Iterator> Iterator for Until<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.is_at_end {
            return None;
        }
        if self.cancel.is_requested() {
            (self.is_at_end, self.is_cut_short) = (true, true);
            return None;
        }
        let input = self.inputs.next();
        self.is_at_end = input.is_none();
        input
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_at_end { (0, Some(0)) } else { (0, self.inputs.size_hint().1) }
    }
}

#[cfg(test)]
mod tests {
    use festina_run::Threads;
    use festina_types::Workers;

    use super::*;

    const HALVE: Function = Function {
        name: "halve",
        call: |bytes| if bytes[0] % 2 == 0 { Ok(vec![bytes[0] / 2]) } else { Err("odd".to_owned()) },
    };

    fn two() -> Threads {
        Threads::new(Workers::new(2).unwrap())
    }

    fn numbers() -> impl Iterator<Item = Vec<u8>> + Send {
        (0..100).map(|n| vec![n])
    }

    #[test]
    fn outcomes_come_in_the_order_of_the_inputs_where_asked_for() {
        let two = two();
        let mut next = 0;
        let job = Job::new(&two, HALVE).order(Order::OfInputs);
        let ended = job.for_each(numbers(), |task, outcome| {
            assert_eq!((task, outcome.is_ok()), (next, task % 2 == 0));
            next += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(ended.unwrap(), Ended { finished: 50, failed: 50, is_cut_short: false });
        let sum = |outcomes: Outcomes| outcomes.filter_map(|(_, outcome)| outcome.ok()).count();
        assert_eq!(job.outcomes(numbers(), sum).unwrap().0, 50);
        assert_eq!(job.map(vec![vec![4], vec![8]]).unwrap(), [vec![2], vec![4]]);
        let error = job.map(vec![vec![4], vec![3]]).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit().code()), ("task 1 failed: odd", 1));
    }

    #[test]
    fn a_request_ends_the_inputs_and_what_has_begun_is_told() {
        let (two, cancel) = (two(), CancelToken::new());
        let job = Job::new(&two, HALVE).cancel(&cancel);
        let mut n_taken = 0;
        let endless = std::iter::repeat_with(|| vec![2]);
        let ended = job.for_each(endless, |_, _| {
            n_taken += 1;
            if n_taken == 50 {
                cancel.request();
            }
            ControlFlow::Continue(())
        });
        assert_eq!(ended.unwrap(), Ended { finished: n_taken, failed: 0, is_cut_short: true });
        let late = Job::new(&two, HALVE).cancel(&cancel).for_each(numbers(), |_, _| ControlFlow::Break(()));
        assert_eq!(late.unwrap(), Ended { is_cut_short: true, ..Ended::default() });
    }

    #[test]
    fn an_iterator_that_is_dropped_ends_the_job() {
        let two = two();
        let endless = std::iter::repeat_with(|| vec![2]);
        let first = |mut outcomes: Outcomes| outcomes.next().map(|(_, outcome)| outcome);
        let (first, ended) = Job::new(&two, HALVE).outcomes(endless, first).unwrap();
        assert_eq!(first, Some(Ok(vec![1])));
        assert!(ended.is_cut_short);
    }
}
