"""What a map needs of whatever computes: room for batches, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from festina._worker import Call, Failure


@dataclass(slots=True, eq=False)
class Batch:
    """Items that are sent together; they are started one `unit` after the other."""

    indices: Sequence[int]
    items: list[Any]
    unit: int = 1
    # How often an item was tried by a worker that died; only batches of one item count.
    attempts: int = 0

    def part(self, start: int, end: int) -> Batch:
        """Return the items from `start` to `end` as a batch."""
        return Batch(self.indices[start:end], self.items[start:end], self.unit, self.attempts)


@dataclass(slots=True, eq=False)
class Done:
    """Results of a batch from item `start` on."""

    batch: Batch
    start: int
    values: list[Any]
    failures: dict[int, Failure]
    # The time of each unit, or of all of them together.
    durations: list[float]
    units: int
    worker: int
    last: bool


@dataclass(slots=True, eq=False)
class Lost:
    """A worker died: the items of `batch` from `start` on have no result; it worked on those from `at` to `until`."""

    batch: Batch
    start: int
    at: int
    until: int
    cause: str
    signal: int | None
    spent_s: float = 0.0
    # Whether it is the first batch that this worker lost.
    is_first: bool = True


@dataclass(slots=True, eq=False)
class Unloadable:
    """The worker cannot make the items of a batch from their bytes."""

    batch: Batch
    failure: Failure


@dataclass(slots=True, eq=False)
class Told:
    """What tasks printed."""

    texts: list[tuple[str, str]] = field(default_factory=list)


Event = Done | Lost | Unloadable | Told


@dataclass(slots=True)
class CallSpec:
    """A function to be applied, and how."""

    function: Callable[..., Any]
    spread: str = "item"
    seed: int | None = None
    passes_rng: bool = False

    def call(self) -> Call:
        """Return what applies it in this process."""
        return Call(self.function, self.spread, self.seed, self.passes_rng)


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

    def send(self, batch: Batch) -> None:
        """Send a batch.

        Raises whatever keeps its items from being sent.
        """

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        """Return what happened; wait for it up to `timeout` seconds."""

    def steal(self) -> Batch | None:
        """Take back items that were sent and have not started."""

    def overdue(self, limit: float) -> None:
        """End the workers that have been at one item for longer than `limit` seconds."""

    def end(self, aborted: bool) -> None:
        """Let go; where `aborted`, nothing goes on that was sent."""
