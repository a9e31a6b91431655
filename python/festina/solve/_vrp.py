"""`festina.solve.vrp`: who goes where, in which order, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from festina import _festina
from festina._errors import InputError
from festina._options import environment, positive, seconds
from festina._result import PlanResult
from festina.solve._input import file, is_frame, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from festina._options import Duration


def vrp(
    problem: Any,
    vehicles: Any = None,
    *,
    time: Duration | None = None,
    objective: Literal["cost", "vehicles", "balance"] = "cost",
    distances: Literal["nearest", "tenths", "thousandths"] | None = None,
    seed: int = 1,
    deterministic: bool = False,
    workers: int | None = None,
) -> PlanResult:
    """Return routes that send crews to jobs, or packages to doors, at a low cost and within every rule.

    The plan has been checked by code that shares nothing with the solver; each stop that is left out says why.

    Parameters
    ----------
    problem : mapping, table or path
        A day plan as a dictionary (``places``, ``vehicles``, ``stops``, ``shipments``, ``matrices``, with the keys that
        ``docs/guide/vrp.md`` lists); a table of stops, with `vehicles`; or the path of a file that the command line
        reads: a day plan (JSON, TOML), CSV, CVRPLIB, VRPLIB, Solomon, Gehring-Homberger, Li-Lim.
    vehicles : table or path, optional
        The vehicles, where `problem` is a table of stops. A table is a data frame, a list of dictionaries, or the path
        of a CSV file.
    time : seconds, optional
        The search ends after this time with the best plan so far; by default after 10 s, sooner for less than a hundred
        stops.
    objective : {"cost", "vehicles", "balance"}
        What is to be small: the cost; the number of vehicles, then the cost; the differences of working times, then
        the cost.
    distances : str, optional
        How the coordinates of a benchmark become integers; its family's way by default.
    seed : int
        The seed of the search.
    deterministic : bool
        Whether `time` counts work, not the clock: the same plan on any machine and any number of workers.
    workers : int, optional
        The number of threads; what is available by default.

    Returns
    -------
    PlanResult
        ``status``, ``cost``, ``distance``, ``routes`` with their timetables, ``unassigned`` with the reasons. Its table
        has a row for each line of a timetable.

    Raises
    ------
    InputError
        If the problem is wrong. That a stop cannot be served is an answer.

    Examples
    --------
    >>> import festina
    >>> stops = [{"id": "mill", "x": 3000, "y": 4000}, {"id": "inn", "x": 3000, "y": 0}]
    >>> van = [{"id": "van", "start_x": 0, "start_y": 0, "speed_kmh": 36}]
    >>> plan = festina.solve.vrp(stops, van, time=1)
    >>> plan.status, plan.distance, len(plan.routes)
    ('feasible', 12.0, 1)
    """
    if isinstance(problem, Mapping):
        name, content = "the day plan", _day_plan(problem)
    else:
        name, content = _table("problem", problem)
    if vehicles is None and not is_path(problem) and not isinstance(problem, Mapping):
        raise InputError("a table of stops needs a table of vehicles\nhint: festina.solve.vrp(stops, vehicles)")
    if vehicles is not None and distances is not None:
        raise InputError("distances= is for benchmarks\nhint: leave it away")
    options = {
        "time_s": seconds(time),
        "objective": objective,
        "distances": distances,
        "seed": seed,
        "deterministic": deterministic,
        "workers": None if workers is None else positive("workers", workers),
    }
    fleet = None if vehicles is None else _table("vehicles", vehicles)[1]
    return PlanResult(_festina.vrp(name, content, fleet, options, environment()))


def _day_plan(problem: Mapping[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):  # Numbers and arrays of NumPy's.
            return value.tolist()
        raise TypeError(f"{value!r} of type {type(value).__name__}")

    try:
        return json.dumps({"schema": "festina.day-plan/1", **problem}, default=plain).encode()
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the day plan holds what JSON cannot: {error}\nhint: text, numbers, lists, dictionaries"
        ) from error


def _table(what: str, table: Any) -> tuple[str, bytes]:
    if is_path(table):
        return file(table)
    if is_frame(table):
        return f"the {what}", table.to_csv(index=False).encode()
    rows = list(table) if isinstance(table, Iterable) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        hint = "a data frame, a list of dictionaries, or the path of a file"
        raise InputError(f"{what} cannot be {type(table).__name__}\nhint: {hint}")
    import csv
    import io

    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return f"the {what}", text.getvalue().encode()


def _cell(value: Any) -> str:
    """Return a value as a cell of a table; several things are separated by bars."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "|".join(map(str, value))
    return str(value)
