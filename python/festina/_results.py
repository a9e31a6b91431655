"""What maps and streams give: results in the order of the items, or as they come."""

from __future__ import annotations

from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from festina._driver import Result
    from festina._report import MapReport
    from festina._run import Run

    T = TypeVar("T")

# A stream reads ahead of its consumer by so many items.
AHEAD = 1024


class Results(list["T"]):
    """The results in the order of the items: a list, with a report."""

    _run: Run | None = None
    _report: MapReport | None = None

    @property
    def report(self) -> MapReport:
        """The speed-up that was achieved, what was lost, and what more workers would have brought."""
        if self._report is None:
            if self._run is None:
                raise AttributeError("these results do not come from a map")
            self._report = self._run.report()
        return self._report


def collect(run: Run, ordered: bool, errors: str) -> list[Any]:
    """Return the results of a whole map."""
    total = run.items.total
    values: list[Any] = [None] * total if ordered and total is not None else []
    failed: dict[int, BaseException] = {}
    results = run.results()
    for result in results:
        if ordered:
            _place(values, result)
        for at, error in result.errors.items():
            failed[result.indices[at]] = error
            result.values[at] = error
            if ordered:
                values[result.indices[at]] = error
        if not ordered:
            values.extend(result.values)
        if failed and errors == "raise":
            # Others may have come with it: the one that serial code would have met first is raised.
            results.close()
            break
    run.close(True)
    if failed and errors == "raise":
        raise failed[min(failed)]
    if ordered:
        del values[run.items.next :]
    return values


def _place(values: list[Any], result: Result) -> None:
    indices = result.indices
    if isinstance(indices, range) and indices.step == 1:
        if len(values) < indices.stop:
            values.extend([None] * (indices.stop - len(values)))
        values[indices.start : indices.stop] = result.values
        return
    for index, value in zip(indices, result.values, strict=True):
        if len(values) <= index:
            values.extend([None] * (index + 1 - len(values)))
        values[index] = value


class Stream(Iterator["T"]):
    """Results one after the other, while the items are still read.

    Attributes
    ----------
    report : MapReport
        Once the stream is at its end.
    """

    def __init__(self, run: Run, ordered: bool, errors: str) -> None:
        self._run = run
        self._values = self._ordered(errors) if ordered else self._unordered(errors)

    def __iter__(self) -> Stream[T]:
        return self

    def __next__(self) -> T:
        value: T = next(self._values)
        return value

    def close(self) -> None:
        """End the stream, and what is under way."""
        self._values.close()
        self._run.close(True)

    def __del__(self) -> None:
        self._run.close(True)

    @property
    def report(self) -> MapReport:
        return self._run.report()

    def _unordered(self, errors: str) -> Any:
        items, taken = self._run.items, 0
        items.limit = AHEAD
        for result in self._run.results():
            for at, value in enumerate(result.values):
                taken += 1
                items.limit = taken + AHEAD
                yield _value_or_raise(value, result.errors.get(at), errors)

    def _ordered(self, errors: str) -> Any:
        items = self._run.items
        items.limit = AHEAD
        waiting: dict[int, tuple[Any, BaseException | None]] = {}
        turn = 0
        for result in self._run.results():
            for at, (index, value) in enumerate(zip(result.indices, result.values, strict=True)):
                waiting[index] = (value, result.errors.get(at))
            while turn in waiting:
                value, error = waiting.pop(turn)
                turn += 1
                items.limit = turn + AHEAD
                yield _value_or_raise(value, error, errors)


def _value_or_raise(value: Any, error: BaseException | None, errors: str) -> Any:
    if error is None:
        return value
    if errors == "raise":
        raise error
    return error
