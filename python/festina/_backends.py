"""The backends within this process: threads, and this thread itself."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time

from festina._backend import Batch, CallSpec, Done, Whole
from festina._worker import Call, Failure, apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from festina._backend import Event


class Serial(Whole):
    """The backend `serial`: this thread, nothing else."""

    name = "serial"
    workers = 1

    def __init__(self) -> None:
        self.batch: Batch | None = None
        self.call: Call | None = None

    def begin(self, spec: CallSpec) -> None:
        self.call = spec.call()

    def has_room(self) -> bool:
        return self.batch is None

    def send(self, batch: Batch) -> int:
        self.batch = batch
        return 0

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        batch, self.batch = self.batch, None
        if batch is None or self.call is None:
            return []
        return [compute(self.call, batch, 0)]

    def end(self, aborted: bool) -> None:
        self.batch = None


def compute(call: Call, batch: Batch, worker: int) -> Done:
    """Return the results of a whole batch, computed in this thread."""
    values: list[Any] = []
    failures: dict[int, Failure] = {}
    began = time.perf_counter()
    try:
        apply(call, batch.indices, batch.items, 0, len(batch.items), values, failures)
    finally:
        ended = time.perf_counter()
    for failure in failures.values():
        if failure.is_interrupt:
            raise failure.error()
    return Done(batch, 0, values, failures, [ended - began], 1, worker, True, ended)


class Arrivals:
    """What other threads bring to the one that waits for it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waker: int | None = None

    def put(self, what: Any) -> None:
        """Bring something."""
        self._queue.put(what)
        waker = self._waker
        if waker is not None:
            os.eventfd_write(waker, 1)

    def wait(self, timeout: float | None, waker: int | None) -> list[Any]:
        """Return what has been brought; wait for it up to `timeout` seconds, or until `waker` is written to."""
        arrived: list[Any] = []
        if waker is not None:
            import select

            self._waker = waker
            if self._queue.empty():
                select.select([waker], [], [], timeout)
        else:
            # A lock that is waited for without a limit could not be interrupted by Ctrl-C everywhere.
            with contextlib.suppress(queue.Empty):
                arrived.append(self._queue.get(timeout=timeout if timeout is not None else 3600.0))
        while not self._queue.empty():
            arrived.append(self._queue.get())
        return arrived


class Threads(Whole):
    """The backend `threads`: nothing is copied, and all see the same objects.

    Python's interpreter lock lets one thread run Python code at a time; threads win where the function frees it, as
    NumPy does for large arrays, or where this Python has none.
    """

    name = "threads"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.wanted: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.done = Arrivals()
        self.threads: list[threading.Thread] = []
        self.call: Call | None = None
        self.in_flight = 0
        self.stopped = False
        self.cpu_s = 0.0
        self._limits: Any = None

    def begin(self, spec: CallSpec) -> None:
        self.call = spec.call()
        with contextlib.suppress(ImportError):
            import threadpoolctl

            self._limits = threadpoolctl.threadpool_limits(max(1, (os.cpu_count() or 1) // self.workers))
        for number in range(self.workers):
            thread = threading.Thread(target=self._work, args=(number,), name=f"festina-{number}", daemon=True)
            thread.start()
            self.threads.append(thread)

    def _work(self, number: int) -> None:
        call = self.call
        assert call is not None
        while (batch := self.wanted.get()) is not None and not self.stopped:
            cpu = time.thread_time()
            try:
                self.done.put(compute(call, batch, number))
            except BaseException as error:
                self.done.put(error)
            self.cpu_s += time.thread_time() - cpu

    def has_room(self) -> bool:
        return self.in_flight < 2 * self.workers

    def send(self, batch: Batch) -> int:
        self.in_flight += 1
        self.wanted.put(batch)
        return 0

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        arrived = self.done.wait(timeout, waker)
        self.in_flight -= len(arrived)
        for done in arrived:
            if isinstance(done, BaseException):
                raise done
        return arrived

    def end(self, aborted: bool) -> None:
        self.stopped = aborted
        for _ in self.threads:
            self.wanted.put(None)
        if not aborted:
            for thread in self.threads:
                thread.join()
        if self._limits is not None:
            self._limits.restore_original_limits()

    def finding(self, work_s: float) -> tuple[str, str, str] | None:
        """Tell when the interpreter's lock let hardly more than one thread run."""
        locked = getattr(sys, "_is_gil_enabled", lambda: True)()
        if not locked or self.workers < 2 or work_s < 0.1 or self.cpu_s < 0.1:
            return None
        # Threads that wait for the lock, or for anything else, use no CPU meanwhile.
        share = self.cpu_s / work_s
        if share > 0.75:
            return None
        return (
            "lock",
            f"threads ran {share:.0%} of the time and waited for the rest, for the interpreter's lock or for input",
            "on='processes' runs Python code in parallel",
        )
