"""A worker process: takes batches of items, applies the function, sends results back."""

from __future__ import annotations

import _pickle as pickle
import os
import sys
import time

from festina import _festina
from festina._pickling import Inbox, describe, dumps, give_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from festina._pickling import Returned

# Frames to a worker.
HELLO, CALL, CONTEXT, BATCH, FORGET, BYE = range(6)
# Frames from a worker.
READY, RESULT, TEXT, UNLOADABLE = range(4)

# Results wait for each other so long, so that many short ones travel together.
PATIENCE_S = 0.002
# Text of a task that runs long is shown after so long.
TELL_S = 0.1
# A worker that nobody wants anything of goes.
IDLE_S = 600.0

# How many workers this process may use itself; `None` outside of workers.
share: int | None = None


class Failure:
    """An exception on its way back, with the traceback as text."""

    __slots__ = ("blob", "is_interrupt", "original", "text", "traceback")

    def __init__(self, error: BaseException) -> None:
        import traceback

        lines = traceback.format_exception(type(error), error, error.__traceback__)
        # The first frame is ours.
        self.traceback = "".join([lines[0], *lines[2:]] if len(lines) > 2 else lines)
        self.text = f"{type(error).__name__}: {error}"
        self.is_interrupt = isinstance(error, KeyboardInterrupt)
        # Within a process, an exception is itself.
        self.original: BaseException | None = error
        try:
            self.blob = dumps(error)
            pickle.loads(self.blob)
        except Exception:  # An exception that does not survive pickling is told by its text.
            self.blob = b""

    def __getstate__(self) -> tuple[bytes, str, str]:
        return self.blob, self.text, self.traceback

    def __setstate__(self, state: tuple[bytes, str, str]) -> None:
        self.is_interrupt = False
        self.original = None
        self.blob, self.text, self.traceback = state

    def error(self) -> BaseException:
        """Return the exception as it was raised, or one that tells of it."""
        if self.original is not None:
            return self.original
        if self.blob:
            try:
                error = pickle.loads(self.blob)
            except Exception:  # Its text is left.
                return RuntimeError(self.text)
            if isinstance(error, BaseException):
                return error
        return RuntimeError(self.text)


class Call:
    """A function with what it is given besides an item."""

    __slots__ = ("function", "passes_rng", "seed", "spread")

    def __init__(self, function: Callable[..., Any], spread: str, seed: int | None, passes_rng: bool) -> None:
        self.function = function
        self.spread = spread
        self.seed = seed
        self.passes_rng = passes_rng

    def bind(self) -> Callable[[Any, int], Any] | None:
        """Return the function of an item and its index; `None` if the function itself, of the item, does."""
        function = self.function
        if self.spread == "arguments":
            inner = function
            function = lambda item: inner(*item)  # noqa: E731
        elif self.spread == "call":
            function = lambda item: item[0](*item[1], **item[2])  # noqa: E731
        if self.seed is None:
            return None if function is self.function else lambda item, index: function(item)
        return _seeded(function, self.seed, self.passes_rng)


def _seeded(function: Callable[..., Any], seed: int, passes_rng: bool) -> Callable[[Any, int], Any]:
    """Return `function` with a random stream for each index, the same wherever and whenever it is computed."""
    import numpy

    def stream(index: int) -> Any:
        return numpy.random.SeedSequence(seed, spawn_key=(index,))

    if passes_rng:
        return lambda item, index: function(item, rng=numpy.random.Generator(numpy.random.PCG64(stream(index))))

    def with_global_streams(item: Any, index: int) -> Any:
        import random

        words = stream(index).generate_state(4)
        random.seed(int.from_bytes(words.tobytes(), "little"))
        numpy.random.seed(words)
        return function(item)

    return with_global_streams


def apply(
    call: Call,
    indices: Sequence[int],
    items: list[Any],
    start: int,
    end: int,
    values: list[Any],
    failures: dict[int, Failure],
) -> None:
    """Apply `call` to the items from `start` to `end`.

    The values are appended, `None` for a failure, whose place in `values` is its key.
    """
    bound = call.bind()
    chosen = items if end - start == len(items) else items[start:end]
    results = map(call.function, chosen) if bound is None else map(bound, chosen, indices[start:end])
    while True:
        try:
            # What comes before an exception stays in the list, and the iterator goes on behind it.
            values.extend(results)
        except BaseException as error:
            failures[len(values)] = Failure(error)
            values.append(None)
        else:
            return


class Console:
    """What a task prints goes to the parent, line by line, never mixed with that of others."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, worker: Worker) -> None:
        self.name = name
        self.worker = worker

    def write(self, text: str) -> int:
        self.worker.told.append((self.name, text))
        if "\n" in text:
            self.worker.tell()
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.worker.tell()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def fileno(self) -> int:
        return 1 if self.name == "stdout" else 2


class Worker:
    """The loop of a worker process.

    Parameters
    ----------
    channel, board
        How the parent is talked to.
    parent : int
        The parent's process id.
    """

    def __init__(self, channel: _festina.Channel, board: _festina.Board, parent: int) -> None:
        self.channel = channel
        self.board = board
        self.inbox = Inbox(parent)
        self.calls: dict[int, Call] = {}
        self.told: list[tuple[str, str]] = []
        self.told_at = 0.0

    def serve(self) -> None:
        """Work until the parent is gone or says so."""
        self.post((READY, os.getpid()))
        while True:
            try:
                frames = self.channel.receive(IDLE_S)
            except EOFError:
                return
            if not frames:
                return
            for content, fds in frames:
                message = pickle.loads(content)
                if not self.handle(message, fds):
                    return

    def handle(self, message: tuple[Any, ...], fds: list[int]) -> bool:
        """Do what a frame says; return whether to go on."""
        kind = message[0]
        if kind == BATCH:
            self.batch(message, fds)
        elif kind == CALL:
            self.load_call(*message[1:])
        elif kind == FORGET:
            self.inbox.forget(message[1])
        elif kind == CONTEXT:
            folder, path, arguments = message[1:]
            if os.path.isdir(folder):
                os.chdir(folder)
            sys.path[:] = path
            sys.argv[:] = arguments
        return bool(kind != BYE)

    def load_call(self, number: int, blob: bytes, spread: str, seed: int | None, passes_rng: bool) -> None:
        try:
            function = pickle.loads(blob)
        except BaseException as error:
            failure = Failure(error)

            def function(*_: Any, **__: Any) -> None:
                raise failure.error()

        self.calls[number] = Call(function, spread, seed, passes_rng)

    def batch(self, message: tuple[Any, ...], fds: list[int]) -> None:
        _, slot, number, indices, unit, data, places = message
        try:
            items: list[Any] = self.inbox.unpack(data, places, fds)
        except BaseException as error:
            denied = isinstance(error, PermissionError) and any(place[0] == "pull" for place in places)
            self.post((UNLOADABLE, slot, None if denied else Failure(error)))
            return
        self.work(slot, self.calls[number], indices, unit, items)

    def work(self, slot: int, call: Call, indices: Sequence[int], unit: int, items: list[Any]) -> None:
        claim, clock, n = self.board.claim, time.perf_counter, len(items)
        values: list[Any] = []
        failures: dict[int, Failure] = {}
        durations: list[float] = []
        at = 0
        plain = unit == 1 and call.bind() is None
        function = call.function
        began = flushed = clock()
        while at < n and claim(slot):
            if plain:
                item = items[at]
                items[at] = None
                try:
                    values.append(function(item))
                except BaseException as error:
                    failures[len(values)] = Failure(error)
                    values.append(None)
                item = None
                at += 1
            else:
                end = min(at + unit, n)
                apply(call, indices, items, at, end, values, failures)
                at = end
            now = clock()
            durations.append(now - began)
            began = now
            if now - flushed > PATIENCE_S and at < n:
                self.reply(slot, values, failures, durations, now, False)
                values, failures, durations = [], {}, []
                began = flushed = clock()
        self.board.rest()
        self.reply(slot, values, failures, durations, began, True)

    def reply(
        self,
        slot: int,
        values: list[Any],
        failures: dict[int, Failure],
        durations: list[float],
        ended: float,
        last: bool,
    ) -> None:
        for failure in failures.values():
            # What is sent is its text and bytes; itself, it would hold on to the item by its traceback.
            failure.original = None
        try:
            returned, fds = give_back(values)
        except Exception:
            returned, fds = self.give_back_one_by_one(values, failures)
        told, self.told = self.told, []
        if len(durations) > 64 and sum(durations) < 1e-3 * len(durations):
            spent: tuple[int, list[float], float] = (len(durations), [sum(durations)], ended)
        else:
            spent = (len(durations), durations, ended)
        self.post((RESULT, slot, returned, failures, spent, told, last), fds)

    def give_back_one_by_one(self, values: list[Any], failures: dict[int, Failure]) -> tuple[Returned, list[int]]:
        """Find the values that cannot be pickled: they become failures, the others go back."""
        for at, value in enumerate(values):
            try:
                dumps(value)
            except Exception as error:
                text = f"the result {describe(value)} cannot be sent back: {error}"
                failures[at] = Failure(TypeError(f"{text}\nhint: return plain data, or use on='threads'"))
                values[at] = None
        return give_back(values)

    def tell(self) -> None:
        """Send what was printed, unless something was sent a moment ago."""
        now = time.monotonic()
        if self.told and now - self.told_at > TELL_S:
            self.told_at = now
            told, self.told = self.told, []
            self.post((TEXT, told))

    def post(self, message: tuple[Any, ...], fds: Sequence[int] = ()) -> None:
        self.channel.post(pickle.dumps(message, protocol=5), list(fds))
        self.channel.flush()


def main(socket: int, board: int, parent: int, workers_here: int, environment: dict[str, str]) -> None:
    """Be a worker until the parent wants no more.

    Parameters
    ----------
    socket, board : int
        File descriptors of the channel and the board.
    parent : int
        The parent's process id.
    workers_here : int
        How many workers this worker may use itself.
    environment : dict
        The parent's environment variables, with the number of threads that fits.
    """
    global share
    share = workers_here
    os.setpgid(0, 0)
    _festina.die_with(parent)
    os.environ.clear()
    os.environ.update(environment)
    _limit_threads(workers_here)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    worker = Worker(_festina.Channel(socket), _festina.Board(board), parent)
    sys.stdout = Console("stdout", worker)
    sys.stderr = Console("stderr", worker)
    try:
        worker.serve()
    except (BrokenPipeError, ConnectionResetError):
        # The parent is gone.
        return


def _limit_threads(count: int) -> None:
    """Hold libraries that were loaded before the fork to `count` threads; others read the environment."""
    if "numpy" in sys.modules:
        import numpy

        # A forked worker has the template's global stream.
        numpy.random.seed()
        try:
            import threadpoolctl
        except ImportError:
            return
        threadpoolctl.threadpool_limits(count)
