"""One map under way: its items, backend, driver, journal, progress and report."""

from __future__ import annotations

import itertools

from festina import _worker
from festina._backend import CallSpec
from festina._choice import available, backend_of
from festina._driver import Driver
from festina._errors import InputError
from festina._options import positive, seconds
from festina._progress import PERIOD_S, Bar

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Sequence
    from typing import Any

    from festina._backend import Done
    from festina._driver import Result
    from festina._options import Duration
    from festina._report import MapReport


class Items:
    """The items of an iterable, read ahead by so many.

    An exception that the iterable raises ends it; it is raised again when all results before it are there.
    """

    def __init__(self, items: Iterable[Any], skip: Callable[[int, Any], bool] | None = None) -> None:
        self.total: int | None = None
        if isinstance(items, (list, tuple, range)) or hasattr(items, "__len__"):
            self.total = len(items)  # type: ignore[arg-type]
        self.iterator = iter(items)
        self.next = 0
        self.limit: int | None = None
        self.finished = False
        self.error: BaseException | None = None
        self.skip = skip

    def take(self, count: int) -> tuple[Sequence[int], list[Any]]:
        """Return up to `count` items with their indices, those aside that are to be skipped."""
        while True:
            indices, taken = self._read(count)
            if self.skip is None or not taken:
                return indices, taken
            kept = [(index, item) for index, item in zip(indices, taken, strict=True) if not self.skip(index, item)]
            if kept or self.finished:
                return [index for index, _ in kept], [item for _, item in kept]

    def _read(self, count: int) -> tuple[range, list[Any]]:
        if self.limit is not None:
            count = min(count, self.limit - self.next)
        first = self.next
        taken: list[Any] = []
        if count <= 0 or self.finished:
            return range(first, first), taken
        try:
            # An iterable that raises must not lose the items before.
            taken.extend(itertools.islice(self.iterator, count))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
            self.finished = True
        if len(taken) < count:
            self.finished = True
        self.next = first + len(taken)
        return range(first, self.next), taken


class Run:
    """One map under way: its driver, journal, progress and report."""

    def __init__(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        on: Any,
        workers: int | None,
        chunksize: int | None,
        timeout: Duration | None,
        retries: int,
        seed: int | None,
        journal: str | os.PathLike[str] | None,
        start: str,
        preload: Sequence[str],
        spread: str,
        progress: bool | None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"{function!r} is not callable")
        if not hasattr(items, "__iter__") and not hasattr(items, "__getitem__"):
            raise TypeError(f"items are what can be iterated over, not {items!r}")
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InputError(f"retries cannot be {retries!r}\nhint: a whole number, 0 or more")
        unit = None if chunksize is None else positive("chunksize", chunksize)
        limit = seconds(timeout)
        self.spec = _spec(function, spread, seed)
        self.name = getattr(function, "__qualname__", None) or type(function).__name__
        self.journal = None
        skip = None
        if journal is not None:
            from festina._journal import Journal

            self.journal = Journal(journal, self.spec)
            skip = self.journal.recall
        self.items = Items(items, skip)
        probed: list[Done] = []
        if on == "auto" and limit is not None:
            # Only a process can be ended.
            on = "processes"
        if on == "auto":
            from festina._probe import choose

            on, probed = choose(
                self.spec, self.items, 1 if workers is None and _worker.share == 1 else workers or available()
            )
        self.backend, self.given_back = backend_of(on, workers, start, tuple(preload), limit is not None)
        if limit is not None and self.backend.name != "processes":
            self.given_back(False)
            raise InputError(f"on={self.backend.name!r} cannot end a task\nhint: timeout= needs on='processes'")
        self.driver = Driver(self.backend, self.spec, self.items, unit=unit, retries=retries, timeout=limit)
        self.first = [self.driver.absorb(done) for done in probed]
        self.bar = Bar(getattr(function, "__name__", "map"), progress)
        self.findings: list[tuple[str, str, str | None]] = []
        self.is_over = False

    def results(self) -> Generator[Result, None, None]:
        """Yield results as they come, those of the journal too."""
        driver, bar, journal = self.driver, self.bar, self.journal
        try:
            for result in self.first:
                if journal is not None:
                    journal.record(result)
                yield result
            self.backend.begin(self.spec)
            while not driver.is_done():
                for result in driver.step(PERIOD_S if bar.is_shown else None):
                    if journal is not None:
                        journal.record(result)
                    yield result
                if journal is not None:
                    yield from journal.recalled()
                if bar.is_shown:
                    self._tell()
            if journal is not None:
                yield from journal.recalled()
        except BaseException:
            self.close(True)
            raise
        self.close(False)
        if self.items.error is not None:
            raise self.items.error

    def _tell(self) -> None:
        tally = self.driver.tally
        recorded = self.journal.count if self.journal else 0
        self.bar.update(tally.items + recorded, self.items.total, f"{tally.failed} failed" if tally.failed else "")

    def close(self, aborted: bool) -> None:
        """Let go of the workers; where `aborted`, what is under way ends."""
        if self.is_over:
            return
        self.is_over = True
        self.driver.finish()
        try:
            self.backend.end(aborted)
        finally:
            self.given_back(aborted)
            if self.journal is not None:
                self.journal.close()
            self.bar.close()
        finding = self.backend.finding(self.driver.tally.work_s)
        if finding is not None:
            self.findings.append(finding)

    def report(self) -> MapReport:
        """Return what was achieved."""
        from festina._report import report

        recorded = self.journal.count if self.journal else 0
        return report(self.driver.tally, self.name, self.backend.name, recorded, self.findings)


def _spec(function: Callable[..., Any], spread: str, seed: int | None) -> CallSpec:
    passes_rng = False
    if seed is not None:
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
            raise InputError(f"seed cannot be {seed!r}\nhint: a whole number, 0 or more")
        try:
            import inspect

            passes_rng = "rng" in inspect.signature(function).parameters
        except (TypeError, ValueError):
            passes_rng = False
        if spread == "arguments" and passes_rng:
            raise InputError("rng= and several iterables do not go together\nhint: zip them, and take one argument")
    return CallSpec(function, spread, None if seed is None else int(seed), passes_rng)
