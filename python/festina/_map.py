"""`festina.map` and `festina.stream`: a function over many items, on everything there is, and nothing lost.

The template process is started before all else is imported: it gets ready meanwhile.
"""

from __future__ import annotations

from festina import _process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Literal, TypeVar

    from festina._options import Duration
    from festina._results import Results, Stream
    from festina._run import Run

    T = TypeVar("T")


def map(  # noqa: A001
    function: Callable[..., T],
    items: Iterable[Any],
    *more: Iterable[Any],
    on: Any = "processes",
    workers: int | None = None,
    ordered: bool = True,
    chunksize: int | None = None,
    timeout: Duration | None = None,
    retries: int = 1,
    errors: Literal["raise", "return"] = "raise",
    seed: int | None = None,
    check: int | bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    journal: str | os.PathLike[str] | None = None,
    start: Literal["template", "spawn"] = "template",
    preload: Sequence[str] = (),
    progress: bool | None = None,
) -> Results[T]:
    """Apply a function to every item, on all cores, and return the results in the order of the items.

    Parameters
    ----------
    function : callable
        What is applied: anything callable, lambdas, closures and functions of notebook cells too.
    items : iterable
        Its arguments; with `more` iterables, one argument from each, up to the end of the shortest.
    on : str or executor
        ``"processes"`` (the default); ``"threads"``, for functions that free the interpreter's lock, or where Python
        has none; ``"serial"``; ``"auto"``, which tries the first items and chooses, never what is slower than serial;
        ``"mpi"``; or an engine: a `concurrent.futures.Executor`, ``mpi4py.futures.MPIPoolExecutor``, an ipyparallel
        client or view, a Dask client, the module ``ray``.
    workers : int, optional
        How many; as many as `cores` advises by default, one within a worker.
    ordered : bool
        Whether the results are in the order of the items, or in that in which they came.
    chunksize : int, optional
        How many items are started together; found from their measured time by default.
    timeout : seconds, optional
        The longest that an item may take: then its worker is ended and replaced. Only on processes.
    retries : int
        How often an item is tried again whose worker died (out of memory, a crash).
    errors : {"raise", "return"}
        Whether the first failure ends the map and is raised, or exceptions stand in the places of results.
    seed : int, optional
        Gives each item a random stream of its own, the same for any number of workers, any backend, any retry: as
        the argument ``rng`` (a `numpy.random.Generator`) if `function` has one, else set into the global generators
        of `random` and `numpy.random`.
    check : int or bool
        How many items, chosen at random, are computed serially as well (``True``: five). A result that differs by
        more than `rtol` and `atol` is a `MismatchError`: right before fast.
    rtol, atol : float
        Tolerances of the check.
    journal : path, optional
        A file in which every result is kept as it comes; called again with the same function, only the items run
        that have no result there. What counts is the function's code and what it closes over, and the items.
    start : {"template", "spawn"}
        Whether workers are forked by a small template process (milliseconds) or started anew (a tenth of a second).
    preload : sequence of str
        Modules that the template imports once for all workers.
    progress : bool, optional
        Whether to show progress; by default on a terminal and in a notebook.

    Returns
    -------
    Results
        A list, with `Results.report`.

    Raises
    ------
    WorkerDiedError
        If the worker of an item died each time it was tried.
    TaskTimeoutError
        If an item took too long.
    MismatchError
        If the check found a difference.
    InputError
        For what cannot be meant.
    Exception
        Whatever `function` raised, with the traceback from the worker, and the item in its notes.

    Notes
    -----
    Large arrays and tables (anything with pickle-5 buffers) are not pickled: a worker reads them from this process's
    memory, and those made by `festina.array` are not even copied. In the worker they are read-only; results are
    writable.

    Examples
    --------
    >>> import festina
    >>> festina.map(lambda x: x * x, range(5), workers=2)
    [0, 1, 4, 9, 16]
    >>> festina.map(pow, [2, 3], [10, 2], workers=2)
    [1024, 9]
    """
    if on == "processes" and start == "template":
        _process.prepare()
    from festina import _check, _results

    samples = _check.samples(check)
    if samples and not hasattr(items, "__len__"):
        items = list(items)
    run = _start(
        function,
        items,
        more,
        errors,
        on=on,
        workers=workers,
        chunksize=chunksize,
        timeout=timeout,
        retries=retries,
        seed=seed,
        journal=journal,
        start=start,
        preload=preload,
        progress=progress,
    )
    results: Results[T] = _results.Results(_results.collect(run, ordered, errors))
    if samples:
        given = list(zip(items, *more, strict=False)) if more else items
        _check.compare(run.spec, given, results, samples, rtol, atol)
    results._run = run
    return results


def stream(
    function: Callable[..., T],
    items: Iterable[Any],
    *more: Iterable[Any],
    on: Any = "processes",
    workers: int | None = None,
    ordered: bool = True,
    chunksize: int | None = None,
    timeout: Duration | None = None,
    retries: int = 1,
    errors: Literal["raise", "return"] = "raise",
    seed: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    start: Literal["template", "spawn"] = "template",
    preload: Sequence[str] = (),
    progress: bool | None = None,
) -> Stream[T]:
    """Apply a function to every item and return an iterator over the results, as they come or in order.

    Items are read as they are needed, about a thousand ahead, so that they may be endless. All else is as in `map`.

    Returns
    -------
    Stream
        An iterator.

    Examples
    --------
    >>> import festina, itertools
    >>> squares = festina.stream(lambda x: x * x, itertools.count(), workers=2)
    >>> [next(squares) for _ in range(4)]
    [0, 1, 4, 9]
    >>> squares.close()
    """
    if on == "processes" and start == "template":
        _process.prepare()
    from festina._results import Stream

    run = _start(
        function,
        items,
        more,
        errors,
        on=on,
        workers=workers,
        chunksize=chunksize,
        timeout=timeout,
        retries=retries,
        seed=seed,
        journal=journal,
        start=start,
        preload=preload,
        progress=progress,
    )
    return Stream(run, ordered, errors)


def _start(
    function: Callable[..., Any], items: Iterable[Any], more: tuple[Iterable[Any], ...], errors: str, **options: Any
) -> Run:
    """Return a map that is ready to go; `options` are those of `Run`."""
    from festina._errors import InputError
    from festina._run import Run

    if errors not in ("raise", "return"):
        raise InputError(f"errors={errors!r} is not known\nhint: one of 'raise', 'return'")
    given = zip(items, *more, strict=False) if more else items
    return Run(function, given, spread="arguments" if more else "item", **options)
