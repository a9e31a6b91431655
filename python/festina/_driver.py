"""The loop of a map: takes items from a source, sizes batches by measured time, sends, collects, mends."""

from __future__ import annotations

import sys
import time
from collections import deque

from festina._backend import Backend, Batch, CallSpec, Done, Lost, Told, Unloadable
from festina._errors import TaskTimeoutError, WorkerDiedError
from festina._pickling import describe
from festina._timeline import Timeline
from festina._worker import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol
else:
    Protocol = object

# A batch is sized to take so long: long enough to make a round trip cheap, short enough to be fair.
BATCH_S = 0.004
# Where a worker's whole share takes no longer than this, it is one batch: what an idle worker could do is taken back.
SHARE_S = 1e-3
# Items are claimed together that take so long together.
UNIT_S = 20e-6
# The first batches tell how long an item takes; later ones grow at most so fast.
GROWTH = 64
# The most items of a batch.
MOST = 1 << 16
# The most bytes of large buffers that should be on their way in one batch.
MOST_BYTES = 16 << 20
# A worker that has been at one item for so long, and so many times what is usual, gives back what it has not started.
STUCK_S = 0.016
STUCK_TIMES = 4.0


# The time of an item by the function: a map in a loop need not find it each time.
_means: dict[object, float] = {}


class Source(Protocol):
    """Where items come from."""

    # How many there will be, if that is known.
    total: int | None
    # Whether there are no more.
    finished: bool

    def take(self, count: int) -> tuple[Sequence[int], list[Any]]:
        """Return up to `count` items with their indices; none where none can be had now."""


class Result:
    """Results of a part of the items: values, and the exceptions of those that failed by their place."""

    __slots__ = ("errors", "indices", "values")

    def __init__(self, indices: Sequence[int], values: list[Any], errors: dict[int, BaseException]) -> None:
        self.indices = indices
        self.values = values
        self.errors = errors


class Tally:
    """What a map did, for its report."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.started = time.perf_counter()
        self.ready: float | None = None
        self.ended: float | None = None
        self.items = 0
        self.failed = 0
        self.died = 0
        self.work_s = 0.0
        self.retries_s = 0.0
        # Units and their times, for the forecast.
        self.durations: list[tuple[int, float]] = []
        self.longest: tuple[int, float] = (-1, 0.0)
        self.last_seen: dict[int, float] = {}
        self.timeline = Timeline(self.started)

    def count(self, done: Done) -> None:
        now = time.perf_counter()
        self.ready = self.ready or now
        self.last_seen[done.worker] = now
        self.items += len(done.values)
        self.failed += len(done.failures)
        spent = sum(done.durations)
        self.work_s += spent
        if not done.values:
            return
        first = done.batch.indices[done.start]
        self.timeline.add(done.worker, done.ended or now, done.durations, first, len(done.values), len(done.failures))
        if len(done.durations) == len(done.values) and len(self.durations) < 100_000:
            self.durations.extend((1, duration) for duration in done.durations)
            at = max(range(len(done.durations)), key=done.durations.__getitem__)
            if done.durations[at] > self.longest[1]:
                self.longest = (done.batch.indices[done.start + at], done.durations[at])
        else:
            self.durations.append((len(done.values), spent))

    def count_lost(self, lost: Lost) -> None:
        """Count a worker that died, and what it had spent on the item it died in."""
        self.died += lost.is_first
        self.retries_s += lost.spent_s
        if lost.spent_s and lost.worker is not None:
            now = time.perf_counter()
            items = lost.until - lost.at
            self.timeline.add(lost.worker, now, [lost.spent_s], lost.batch.indices[lost.at], items, items)


class Driver:
    """Applies a function to the items of a source on a backend.

    Parameters
    ----------
    backend : Backend
        Where.
    spec : CallSpec
        What.
    source : Source
        To which items.
    unit : int, optional
        How many items are started together; sized by their time if it is not given.
    retries : int
        How often an item is tried again whose worker died.
    timeout : float, optional
        The longest that an item may take.
    """

    def __init__(
        self,
        backend: Backend,
        spec: CallSpec,
        source: Source,
        *,
        unit: int | None = None,
        retries: int = 1,
        timeout: float | None = None,
    ) -> None:
        self.backend = backend
        self.spec = spec
        self.source = source
        self.unit = 1 if timeout is not None else unit
        self.retries = retries
        self.timeout = timeout
        self.pending: deque[Batch] = deque()
        self.in_flight = 0
        # What an item took the last time, if this function was mapped before.
        self.mean: float | None = _means.get(spec.name())
        # The same as a geometric mean: of a few long items it knows little.
        self.usual = self.mean
        self._looked = 0.0
        self.largest = 1 if self.mean is None else MOST
        self.bytes_each = 0
        self.tally = Tally(backend.workers)
        self.failed_here: list[Result] = []

    def is_done(self) -> bool:
        """Return whether every item has its result."""
        return self.source.finished and not self.pending and self.in_flight == 0

    def dispatch(self) -> None:
        """Send what there is room for."""
        self._take_back()
        while self.backend.has_room():
            batch = self.pending.popleft() if self.pending else self._next()
            if batch is None:
                if self.in_flight and self.backend.is_hungry():
                    stolen = self.backend.steal()
                    if stolen is not None:
                        self.in_flight -= len(stolen.items)
                        self._send(stolen)
                        continue
                return
            self._send(batch)

    def _take_back(self) -> None:
        """Take back what waits behind an item that takes unusually long: whoever is free sooner starts it."""
        now = time.perf_counter()
        if self.usual is None or now - self._looked < BATCH_S:
            return
        self._looked = now
        for batch in self.backend.take_back(max(STUCK_S, STUCK_TIMES * self.usual)):
            self.in_flight -= len(batch.items)
            self.pending.append(batch)

    def _next(self) -> Batch | None:
        unit, count = self._sizes()
        indices, items = self.source.take(count)
        return Batch(indices, items, unit) if items else None

    def _send(self, batch: Batch) -> None:
        try:
            moved = self.backend.send(batch)
        except Exception as error:
            if len(batch.items) > 1:
                self.pending.extendleft(reversed(_singles(batch)))
                return
            text = f"item {batch.indices[0]}, {describe(batch.items[0])}, cannot be sent to another process: {error}"
            failure = TypeError(f"{text}\nhint: pass plain data, or use on='threads'")
            failure.__cause__ = error
            self.failed_here.append(Result(batch.indices, [None], {0: failure}))
            self.tally.items += 1
            self.tally.failed += 1
            return
        self.bytes_each = moved // len(batch.items)
        self.in_flight += len(batch.items)

    def _sizes(self) -> tuple[int, int]:
        """Return how many items to start together, and how many to send."""
        if self.mean is None:
            unit = self.unit or 1
            return unit, unit
        each = max(self.mean, 1e-9)
        unit = self.unit or min(max(int(UNIT_S / each), 1), 4096)
        count = min(int(BATCH_S / each) + 1, self.largest * GROWTH, MOST)
        if self.source.total is not None:
            left = self.source.total - self.tally.items
            share = -(-left // self.backend.workers)
            if share * each > SHARE_S:
                share = (left - self.in_flight) // (2 * self.backend.workers)
            count = min(count, max(share, 1))
        if self.bytes_each:
            count = min(count, max(MOST_BYTES // self.bytes_each, 1))
        count = max(count, unit)
        self.largest = max(self.largest, count)
        return unit, count

    def step(self, timeout: float | None = None, waker: int | None = None) -> Iterator[Result]:
        """Send what there is room for, wait, and yield what came back."""
        self.dispatch()
        if self.failed_here:
            failed, self.failed_here = self.failed_here, []
            yield from failed
            if self.is_done():
                return
            timeout = 0.0
        if self.timeout is not None and self.in_flight:
            timeout = min(timeout if timeout is not None else 1.0, max(self.timeout / 8, 0.005), 0.1)
        # What is pending after that waits for room, even if all that was sent has been taken back.
        if self.in_flight == 0 and not self.pending and waker is None:
            return
        for event in self.backend.wait(timeout, waker):
            if isinstance(event, Done):
                yield self._done(event)
            elif isinstance(event, Lost):
                yield from self._lost(event)
            elif isinstance(event, Unloadable):
                yield from self._unloadable(event)
            else:
                show(event)
        if self.timeout is not None:
            self.backend.overdue(self.timeout)

    def absorb(self, done: Done) -> Result:
        """Take results that were computed before the first batch was sent."""
        self.in_flight += len(done.values)
        return self._done(done)

    def _done(self, done: Done) -> Result:
        count = len(done.values)
        self.in_flight -= count
        self.tally.count(done)
        if count:
            each = sum(done.durations) / count
            weight = min(1.0, count / 8)
            self.mean = each if self.mean is None else self.mean + (each - self.mean) * weight
            self.usual = each if not self.usual else self.usual * (max(each, 1e-9) / self.usual) ** weight
        errors: dict[int, BaseException] = {}
        for at, failure in done.failures.items():
            errors[at] = self._error(failure, done.batch.indices[done.start + at], done.batch.items[done.start + at])
        indices = done.batch.indices[done.start : done.start + count]
        return Result(indices, done.values, errors)

    def _error(self, failure: Failure, index: int, item: Any) -> BaseException:
        """Return the exception of an item, with its remote traceback and the item in its notes."""
        error = failure.error()
        error.__cause__ = RemoteTraceback(failure.traceback)
        error.add_note(f"festina: this is item {index}, {describe(item)}")
        return error

    def _lost(self, lost: Lost) -> Iterator[Result]:
        batch = lost.batch
        self.in_flight -= len(batch.items) - lost.start
        if lost.cause == "denied":
            self.pending.appendleft(batch)
            return
        self.tally.count_lost(lost)
        again: list[Batch] = []
        if lost.start < lost.at:
            again.append(batch.part(lost.start, lost.at))
        if lost.until - lost.at == 1:
            single = batch.part(lost.at, lost.until)
            single.attempts += 1
            if lost.cause == "timeout" or single.attempts > self.retries:
                yield self._given_up(single, lost)
            else:
                again.append(single)
        else:
            # Which of them it died in is not known: each is tried alone.
            again.extend(_singles(batch.part(lost.at, lost.until)))
        if lost.until < len(batch.items):
            again.append(batch.part(lost.until, len(batch.items)))
        self.pending.extendleft(reversed(again))

    def _given_up(self, batch: Batch, lost: Lost) -> Result:
        index, item = batch.indices[0], batch.items[0]
        self.tally.items += 1
        self.tally.failed += 1
        error: BaseException
        if lost.cause == "timeout":
            message = f"item {index}, {describe(item)}, took longer than {self.timeout} s"
            error = TaskTimeoutError(
                f"{message}\nhint: a longer timeout=, or errors='return' to keep the others", index
            )
        else:
            by = f" by signal {lost.signal}" if lost.signal else ""
            hint = "out of memory, most often: dmesg tells" if lost.signal == 9 else "the function may call native code"
            times = "" if batch.attempts == 1 else f", {batch.attempts} times"
            message = f"the worker of item {index}, {describe(item)}, was ended{by}{times}\nhint: {hint}"
            error = WorkerDiedError(message, index, lost.signal)
        return Result(batch.indices, [None], {0: error})

    def _unloadable(self, event: Unloadable) -> Iterator[Result]:
        batch = event.batch
        self.in_flight -= len(batch.items)
        # Of several, which one it was is not known: each goes alone. There are none if all were taken back meanwhile.
        if len(batch.items) != 1:
            self.pending.extendleft(reversed(_singles(batch)))
            return
        self.tally.items += 1
        self.tally.failed += 1
        yield Result(batch.indices, [None], {0: self._error(event.failure, batch.indices[0], batch.items[0])})

    def finish(self) -> None:
        """Note the end, and how long an item took."""
        self.tally.ended = time.perf_counter()
        if self.mean is not None:
            if len(_means) > 256:
                _means.clear()
            _means[self.spec.name()] = self.mean


class RemoteTraceback(Exception):
    """The traceback of an exception where it was raised, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text}"


def _singles(batch: Batch) -> list[Batch]:
    return [
        Batch(batch.indices[at : at + 1], batch.items[at : at + 1], 1, batch.attempts) for at in range(len(batch.items))
    ]


def show(told: Told) -> None:
    """Print what tasks printed."""
    for name, text in told.texts:
        stream = getattr(sys, name)
        if stream is not None:
            stream.write(text)
    for name in {name for name, _ in told.texts}:
        stream = getattr(sys, name)
        if stream is not None:
            stream.flush()
