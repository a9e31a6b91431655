"""`festina.Executor`: a `concurrent.futures.Executor` on the workers of festina."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor as Base
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from festina import _crew
from festina._backend import Backend, CallSpec
from festina._backends import Threads
from festina._choice import available
from festina._driver import Driver, Result
from festina._errors import InputError
from festina._options import positive, seconds
from festina._pickling import function_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from festina._options import Duration

T = TypeVar("T")

_open: weakref.WeakSet[Executor] = weakref.WeakSet()


class _ByValue:
    """A function that travels as bytes, and is made once in each worker."""

    __slots__ = ("blob", "function", "number")
    made: dict[tuple[int, int], Callable[..., Any]] = {}  # noqa: RUF012
    numbers = itertools.count()

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.blob = function_bytes(function)
        self.number = (os.getpid(), next(self.numbers))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.number, self.blob)


def _make(number: tuple[int, int], blob: bytes) -> Callable[..., Any]:
    import pickle

    function = _ByValue.made.get(number)
    if function is None:
        function = _ByValue.made[number] = pickle.loads(blob)
    return function


class _Submitted:
    """Calls that wait; the source of the executor's driver."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.finished = False
        self.next = 0
        self.waiting: deque[tuple[Future[Any], tuple[Any, ...]]] = deque()
        self.running: dict[int, Future[Any]] = {}

    def take(self, count: int) -> tuple[Sequence[int], list[Any]]:
        first = self.next
        taken: list[Any] = []
        while self.waiting and len(taken) < count:
            future, call = self.waiting.popleft()
            if future.set_running_or_notify_cancel():
                self.running[self.next] = future
                self.next += 1
                taken.append(call)
        return range(first, self.next), taken


class Executor(Base):
    """Runs calls on processes or threads, as every `concurrent.futures.Executor` does.

    A call whose worker dies is tried once more; then its future has a `WorkerDiedError`, and all others go on.

    Parameters
    ----------
    max_workers : int, optional
        How many; as many as `cores` advises by default.
    on : {"processes", "threads"}
        Where calls run.
    timeout : seconds, optional
        The longest that a call may take: then its worker is ended and replaced. Only on processes.
    retries : int
        How often a call is tried again whose worker died.
    start : {"template", "spawn"}
        How workers are started.
    preload : sequence of str
        Modules that the template imports once for all workers.

    Examples
    --------
    >>> import festina
    >>> with festina.Executor(2) as executor:
    ...     future = executor.submit(pow, 2, 10)
    ...     list(executor.map(lambda x: x + 1, [1, 2])), future.result()
    ([2, 3], 1024)
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        on: Literal["processes", "threads"] = "processes",
        timeout: Duration | None = None,
        retries: int = 1,
        start: Literal["template", "spawn"] = "template",
        preload: Sequence[str] = (),
    ) -> None:
        count = available() if max_workers is None else positive("max_workers", max_workers)
        if on not in ("processes", "threads"):
            raise InputError(f"on={on!r} is no backend of an executor\nhint: one of 'processes', 'threads'")
        if on == "threads" and timeout is not None:
            raise InputError("on='threads' cannot end a call\nhint: timeout= needs on='processes'")
        share = max(1, available() // count)
        self._backend: Backend = Threads(count) if on == "threads" else _crew.Crew(count, start, tuple(preload), share)
        self._max_workers = count
        self._source = _Submitted()
        self._limit = seconds(timeout)
        self._retries = retries
        self._lock = threading.Lock()
        self._waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_aborted = False
        self._functions: dict[int, tuple[Callable[..., Any], _ByValue]] = {}
        _open.add(self)

    def submit(self, function: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        """Return the future of ``function(*arguments, **named)``."""
        future: Future[T] = Future()
        sent: Callable[..., Any] = function if isinstance(self._backend, Threads) else self._by_value(function)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("cannot submit after shutdown")
            self._source.waiting.append((future, (sent, arguments, named)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="festina-executor", daemon=True)
                self._thread.start()
        os.eventfd_write(self._waker, 1)
        return future

    def _by_value(self, function: Callable[..., Any]) -> _ByValue:
        found = self._functions.get(id(function))
        if found is None or found[0] is not function:
            found = (function, _ByValue(function))
            if len(self._functions) > 256:
                self._functions.clear()
            self._functions[id(function)] = found
        return found[1]

    def map(
        self, function: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[T]:
        """Return an iterator over ``function`` of one argument from each iterable; as in `concurrent.futures`."""
        return super().map(function, *iterables, timeout=timeout, chunksize=chunksize)

    def _serve(self) -> None:
        """Drive the calls until all is done and no more can come."""
        driver = Driver(
            self._backend,
            CallSpec(_nothing, "call"),
            self._source,
            unit=1,
            retries=self._retries,
            timeout=self._limit,
        )
        aborted = True
        try:
            self._backend.begin(driver.spec)
            while not (self._is_closed and not self._source.waiting and driver.in_flight == 0 and not driver.pending):
                if self._is_aborted:
                    break
                for result in driver.step(None, self._waker):
                    self._settle(result)
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._waker)
            aborted = self._is_aborted
        except BaseException as error:
            self._fail_all(error)
        finally:
            if aborted:
                self._fail_all(RuntimeError("the executor was shut down"))
            self._backend.end(aborted)
            if isinstance(self._backend, _crew.Crew):
                self._backend.close()

    def _settle(self, result: Result) -> None:
        for at, (index, value) in enumerate(zip(result.indices, result.values, strict=True)):
            future = self._source.running.pop(index)
            error = result.errors.get(at)
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    def _fail_all(self, error: BaseException) -> None:
        with self._lock:
            self._is_closed = True
            waiting, self._source.waiting = self._source.waiting, deque()
        for future in self._source.running.values():
            future.set_exception(error)
        self._source.running.clear()
        for future, _ in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait for those that were submitted, or cancel those that have not started."""
        with self._lock:
            self._is_closed = True
            if cancel_futures:
                for future, _ in self._source.waiting:
                    future.cancel()
                    future.set_running_or_notify_cancel()
                self._source.waiting.clear()
            thread = self._thread
        _open.discard(self)
        if thread is not None:
            os.eventfd_write(self._waker, 1)
            if wait:
                thread.join()

    def kill_workers(self) -> None:
        """End what runs, at once; futures without a result get a `RuntimeError`."""
        self._is_aborted = True
        self.shutdown(wait=True, cancel_futures=True)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            if self._thread is None:
                os.close(self._waker)


def _nothing() -> None:
    """The executor's calls bring their functions with them."""


@atexit.register
def _shut_down_all() -> None:
    for executor in list(_open):
        executor.shutdown(wait=True)
