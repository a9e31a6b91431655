"""What a map needs of whatever computes: room for batches, and what came of them."""

from __future__ import annotations

from festina._worker import Call, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol
else:
    Protocol = object


class Batch:
    """Items that are sent together; they are started one `unit` after the other."""

    __slots__ = ("attempts", "indices", "items", "unit")

    def __init__(self, indices: Sequence[int], items: list[Any], unit: int = 1, attempts: int = 0) -> None:
        self.indices = indices
        self.items = items
        self.unit = unit
        # How often an item was tried by a worker that died; only batches of one item count.
        self.attempts = attempts

    def part(self, start: int, end: int) -> Batch:
        """Return the items from `start` to `end` as a batch."""
        return Batch(self.indices[start:end], self.items[start:end], self.unit, self.attempts)


class Done:
    """Results of a batch from item `start` on; the time of each unit, or of all of them together.

    `ended` is when the last of them was computed, by `time.perf_counter`; `None` where another clock tells it.
    """

    __slots__ = ("batch", "durations", "ended", "failures", "last", "start", "units", "values", "worker")

    def __init__(
        self,
        batch: Batch,
        start: int,
        values: list[Any],
        failures: dict[int, Failure],
        durations: list[float],
        units: int,
        worker: int,
        last: bool,
        ended: float | None = None,
    ) -> None:
        self.batch = batch
        self.start = start
        self.values = values
        self.failures = failures
        self.durations = durations
        self.units = units
        self.worker = worker
        self.last = last
        self.ended = ended


class Lost:
    """A worker died: the items of `batch` from `start` on have no result; it worked on those from `at` to `until`.

    `is_first` says whether it is the first batch that this worker lost; `worker` is its number, where it is known.
    """

    __slots__ = ("at", "batch", "cause", "is_first", "signal", "spent_s", "start", "until", "worker")

    def __init__(
        self,
        batch: Batch,
        start: int,
        at: int,
        until: int,
        cause: str,
        signal: int | None,
        spent_s: float = 0.0,
        is_first: bool = True,
        worker: int | None = None,
    ) -> None:
        self.batch = batch
        self.start = start
        self.at = at
        self.until = until
        self.cause = cause
        self.signal = signal
        self.spent_s = spent_s
        self.is_first = is_first
        self.worker = worker


class Unloadable:
    """The worker cannot make the items of a batch from their bytes."""

    __slots__ = ("batch", "failure")

    def __init__(self, batch: Batch, failure: Failure) -> None:
        self.batch = batch
        self.failure = failure


class Told:
    """What tasks printed: names of streams, and texts."""

    __slots__ = ("texts",)

    def __init__(self, texts: list[tuple[str, str]]) -> None:
        self.texts = texts


class CallSpec:
    """A function to be applied, and how."""

    __slots__ = ("function", "passes_rng", "seed", "spread")

    def __init__(
        self, function: Callable[..., Any], spread: str = "item", seed: int | None = None, passes_rng: bool = False
    ) -> None:
        self.function = function
        self.spread = spread
        self.seed = seed
        self.passes_rng = passes_rng

    def name(self) -> object:
        """Return what stays the same from map to map: the code of a lambda that is made anew each time."""
        return getattr(self.function, "__code__", None) or getattr(self.function, "__qualname__", type(self.function))

    def call(self) -> Call:
        """Return what applies it in this process."""
        return Call(self.function, self.spread, self.seed, self.passes_rng)


if TYPE_CHECKING:
    Event = Done | Lost | Unloadable | Told


class Backend(Protocol):
    """Computes batches on a number of workers."""

    name: str
    workers: int

    def begin(self, spec: CallSpec) -> None:
        """Make ready for batches of `spec`."""

    def has_room(self) -> bool:
        """Return whether a batch can be sent."""

    def is_hungry(self) -> bool:
        """Return whether a worker has nothing to do."""

    def send(self, batch: Batch) -> int:
        """Send a batch; return how many bytes of large buffers go with it.

        Raises whatever keeps its items from being sent.
        """

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        """Return what happened; wait for it up to `timeout` seconds."""

    def steal(self) -> Batch | None:
        """Take back items that were sent and have not started."""

    def take_back(self, limit: float) -> list[Batch]:
        """Take back all that waits at workers that have been at one item for longer than `limit` seconds."""

    def overdue(self, limit: float) -> None:
        """End the workers that have been at one item for longer than `limit` seconds."""

    def end(self, aborted: bool) -> None:
        """Let go; where `aborted`, nothing goes on that was sent."""

    def finding(self, work_s: float) -> tuple[str, str, str] | None:
        """Return what is to be said of a map with so much work: its code, the text, a hint."""


class Whole:
    """What backends have in common that cannot look into a batch: what is sent is computed, and cannot be ended."""

    def is_hungry(self) -> bool:
        return False

    def steal(self) -> Batch | None:
        return None

    def take_back(self, limit: float) -> list[Batch]:
        return []

    def overdue(self, limit: float) -> None:
        """Nothing ends here: `map` refuses a time limit."""

    def finding(self, work_s: float) -> tuple[str, str, str] | None:
        return None
