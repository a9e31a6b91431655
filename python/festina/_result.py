"""Results: plain data that print well, show themselves in notebooks, and become tables."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from festina import _festina
from festina._errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas
    import pyarrow

    from festina._festina import Answer


class Result:
    """What a verb answers.

    ``print(result)`` shows the report of the command line; a notebook shows it with its charts. The data are
    attributes, and the keys of `to_dict`; their names end in their units.
    """

    _rows_of: ClassVar[str] = ""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._data: dict[str, Any] = json.loads(answer.json)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._data:
            return self._data[name]
        raise AttributeError(f"a {type(self).__name__} has no {name!r}; it has {', '.join(self._data)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._data]

    def __repr__(self) -> str:
        return f"<festina.{type(self).__name__}: {self._answer.text(100, False).splitlines()[0]}>"

    def __str__(self) -> str:
        return self._answer.text(100, False)

    def _repr_html_(self) -> str:
        return self._answer.fragment()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the data, as the command line's ``--json`` has them."""
        data: dict[str, Any] = json.loads(self._answer.json)
        return data

    def to_json(self) -> str:
        """Return the data as JSON text, of the schema that ``--json`` of the command line has."""
        return self._answer.json

    def to_html(self) -> str:
        """Return the report as a self-contained page."""
        return self._answer.page()

    def to_svg(self) -> list[str]:
        """Return the charts of the report as SVG documents."""
        return self._answer.drawings()

    def rows(self) -> list[dict[str, Any]]:
        """Return the result's main table as a list of flat rows."""
        rows: list[dict[str, Any]] = self._data.get(self._rows_of, [])
        return [_flat(row) for row in rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return the result's main table as a pandas data frame.

        Raises
        ------
        UnavailableError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UnavailableError("pandas is not installed\nhint: pip install pandas") from error
        return pandas.DataFrame(self.rows())

    def to_arrow(self) -> pyarrow.Table:
        """Return the result's main table as an Arrow table.

        Raises
        ------
        UnavailableError
            If pyarrow is not installed.
        """
        try:
            import pyarrow
        except ImportError as error:
            raise UnavailableError("pyarrow is not installed\nhint: pip install pyarrow") from error
        return pyarrow.Table.from_pylist(self.rows())


def _flat(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return `row` without nesting: an estimate becomes its value and the ends of its interval."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        name = before + key
        if not isinstance(value, dict):
            if not isinstance(value, list):
                flat[name] = value
        elif "value" in value and "interval" in value:
            interval = value["interval"] or {}
            flat[name] = value["value"]
            flat[name + "_lower"] = interval.get("lower")
            flat[name + "_upper"] = interval.get("upper")
        else:
            flat.update(_flat(value, name + "_"))
    return flat


class CoresResult(Result):
    """What the machine has, and what limits leave of it."""

    @property
    def count(self) -> int:
        """The number of workers worth having here."""
        count: int = self._data["workers"]["workers"]
        return count

    def __int__(self) -> int:
        return self.count

    __index__ = __int__

    @property
    def effective(self) -> dict[str, dict[int, float]]:
        """What numbers of workers do, as a multiple of what one does alone, for each kind of work that was measured."""
        kernels = self._data.get("effective", [])
        return {
            kernel["kernel"]: {row["workers"]: row["cores"]["value"] for row in kernel["workers"]} for kernel in kernels
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the physical cores, a row each."""
        return [_flat(row) | {"core": at} for at, row in enumerate(self._data["topology"]["cores"])]


class LawsResult(Result):
    """What the laws of scaling say; its table has a row for each number of workers."""

    _rows_of = "speedups"


class ScaleResult(Result):
    """What a scaling measurement found; its table has a row for each measured point."""

    _rows_of = "points"


class TourResult(Result):
    """A tour with its certificate; its table has a row for each city."""

    @property
    def length(self) -> float:
        """The length in the unit of the input."""
        length: float = self._data["cost"] * self._data["unit"]
        return length

    def rows(self) -> list[dict[str, Any]]:
        """Return the cities in the order of the tour: index, counted from 0, and name."""
        tour, names = self._data["tour"], self._data["cities"]
        return [{"city": city, "name": name} for city, name in zip(tour, names)]


class ForestResult(Result):
    """A minimum spanning forest; its table has a row for each edge, the lightest first."""

    def __init__(self, answer: Answer, ends: list[tuple[int, int]], nodes: Sequence[Any] | None) -> None:
        super().__init__(answer)
        self.ends = ends
        names = self._data["tree"]
        self._data["tree"] = (
            [tuple(edge) for edge in names]
            if nodes is None
            else [(nodes[a], nodes[b], edge[2]) for (a, b), edge in zip(ends, names, strict=True)]
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return the edges: from, to and weight."""
        return [{"from": a, "to": b, "weight": weight} for a, b, weight in self._data["tree"]]


class PlanResult(Result):
    """Routes with their timetables; its table has a row for each line of a timetable."""

    def rows(self) -> list[dict[str, Any]]:
        """Return the lines of all timetables: vehicle, action, stop, times, distance, and what is on board."""
        return [
            {"vehicle": route["vehicle"], "stop": None, "place": None, **_flat(line)}
            for route in self._data["routes"]
            for line in route["lines"]
        ]


class LoadResult(Result):
    """What users of a service would have seen; its table has a row for each moment of the load."""

    _rows_of = "timeline"

    @property
    def is_valid(self) -> bool:
        """Whether the generator kept up: if it did not, nothing is known of the service."""
        is_valid: bool = self._data["client"]["is_valid"]
        return is_valid

    @property
    def holds(self) -> bool | None:
        """Whether all objectives hold; `None` if that cannot be told."""
        found = [objective["holds"] for objective in self._data["objectives"]]
        if not self.is_valid or (None in found and False not in found):
            return None
        return False not in found


class KneeResult(Result):
    """The highest rate that a service bears; its table has a row for each number of users that was tried."""

    _rows_of = "ladder"


class ProfileResult(Result):
    """Where the time of a program goes; its table has a row for each function, the largest gain first."""

    _rows_of = "functions"

    def __init__(self, answer: Answer, folder: str) -> None:
        super().__init__(answer)
        self.folder = folder

    def compare(self, before: ProfileResult | str | os.PathLike[str]) -> ComparisonResult:
        """Return what got slower or faster since another profile."""
        folder = before.folder if isinstance(before, ProfileResult) else os.fspath(before)
        return ComparisonResult(_festina.compare_profiles(folder, self.folder))

    def stacks(self, format: Literal["collapsed", "firefox", "pprof", "speedscope"] = "collapsed") -> bytes:  # noqa: A002
        """Return the stacks as another tool reads them."""
        return _festina.profile_stacks(self.folder, format)


class ComparisonResult(Result):
    """What got slower or faster from one profile to another; its table has a row for each function."""

    _rows_of = "changes"


class ReadyResult(Result):
    """Whether a project is ready; its table has a row for each question.

    Attributes
    ----------
    junit : str
        The answers as a JUnit file.
    """

    _rows_of = "questions"

    def __init__(self, answer: Answer, junit: str) -> None:
        super().__init__(answer)
        self.junit = junit

    @property
    def is_ready(self) -> bool | None:
        """Whether every answer is yes; `None` if that cannot be told."""
        known: dict[str, bool] = {"ready": True, "not-ready": False}
        return known.get(self._data["verdict"])


class RunResult(Result):
    """How a command ended for every input; its table has a row for each task of this session."""

    def __init__(self, answer: Answer, tasks: list[dict[str, Any]]) -> None:
        super().__init__(answer)
        self.tasks = sorted(tasks, key=lambda task: task["number"])

    def rows(self) -> list[dict[str, Any]]:
        """Return the tasks in the order of the inputs."""
        return [{**task, "inputs": " ".join(task["inputs"])} for task in self.tasks]
