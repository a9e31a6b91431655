"""`festina.solve.tsp`: a short tour through all cities."""

from __future__ import annotations

from typing import Any

from festina import _festina
from festina._errors import InputError
from festina._options import environment, positive, seconds
from festina._result import TourResult
from festina.solve._input import file, is_frame, is_path, shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from festina._options import Duration


def tsp(
    cities: Any,
    *,
    time: Duration = 10.0,
    gap: float | None = None,
    method: str = "auto",
    open: bool = False,  # noqa: A002
    start: int | str | None = None,
    end: int | str | None = None,
    seed: int = 1,
    deterministic: bool = False,
    workers: int | None = None,
    bound: bool = True,
) -> TourResult:
    """Return a short tour through all cities, with a lower bound on the shortest.

    Parameters
    ----------
    cities : array, data frame or path
        Points as an ``(n, 2)`` array; distances as an ``(n, n)`` array of integers (n = 2 is read as points); a pandas
        data frame with the columns ``x, y`` or ``lat, lon`` (and ``name``); or the path of a file that the command line
        reads: TSPLIB, CSV, GeoJSON, ``.npy``.
    time : seconds
        The search ends after this time with the best tour so far.
    gap : float, optional
        The search ends when the tour is surely no longer than this fraction above the optimum.
    method : str
        ``auto``, or one of the methods that ``festina solve tsp --help`` lists.
    open : bool
        Whether the tour need not return to its start.
    start, end : int or str, optional
        The first and the last city of an open tour: its index counted from 0, or its name.
    seed : int
        The seed of the search.
    deterministic : bool
        Whether `time` counts work, not the clock: the same answer on any machine and any number of workers.
    workers : int, optional
        The number of threads; what is available by default.
    bound : bool
        Whether to compute the lower bound.

    Returns
    -------
    TourResult
        ``tour`` (indices counted from 0), ``length``, ``cost`` and ``bound`` in integer steps of ``unit``, ``gap``,
        ``status``.

    Raises
    ------
    InputError
        If the cities or the request are wrong.

    Examples
    --------
    >>> import festina
    >>> square = [[0, 0], [0, 9], [9, 9], [9, 0]]
    >>> festina.solve.tsp(square).length
    36.0
    """
    name, content = _instance(cities)
    options = {
        "time_s": seconds(time),
        "gap": gap,
        "method": method,
        "open": open,
        "start": _city(start),
        "end": _city(end),
        "seed": seed,
        "deterministic": deterministic,
        "workers": None if workers is None else positive("workers", workers),
        "bound": bound,
    }
    return TourResult(_festina.tsp(name, content, options, environment()))


def _city(city: int | str | None) -> str | None:
    """Return a city as the command line names it, which counts from 1."""
    return city if city is None or isinstance(city, str) else str(city.__index__() + 1)


def _instance(cities: Any) -> tuple[str, bytes]:
    if is_path(cities):
        return file(cities)
    if is_frame(cities):
        return "the data frame", cities.to_csv(index=False).encode()
    import io

    import numpy

    array = numpy.asarray(cities)
    if array.ndim != 2 or array.dtype.kind not in "fiu" or array.shape[0] == 0:
        wanted = "cities are an array of numbers, (n, 2) points or (n, n) distances"
        hint = "np.asarray(points, dtype=float).reshape(-1, 2)"
        raise InputError(f"{wanted}, not {shape_of(array)}\nhint: {hint}")
    if array.shape[1] == 2:
        rows = (f"{x!r},{y!r}" for x, y in array.tolist())
        return "the points", "\n".join(["x,y", *rows]).encode()
    saved = io.BytesIO()
    numpy.save(saved, array)
    return "the matrix", saved.getvalue()
