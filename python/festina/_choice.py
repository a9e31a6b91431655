"""Which backend a map runs on, and with how many workers."""

from __future__ import annotations

import os

from festina import _festina, _worker
from festina._errors import InputError
from festina._options import environment, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from festina._backend import Backend

BACKENDS = ("processes", "threads", "serial", "auto", "mpi")

# Engines that are handed in, not named: the package that brings each, its module, and how one gets it.
ENGINES = {
    "dask": ("dask[distributed]", "distributed", "client = distributed.Client()", "client"),
    "ipyparallel": (
        "ipyparallel",
        "ipyparallel",
        "client = ipyparallel.Cluster(n=2).start_and_connect_sync()",
        "client",
    ),
    "ray": ("ray", "ray", "ray.init()", "ray"),
}


def available() -> int:
    """Return the number of workers for this process: those that `cores` advises, or a worker's own share."""
    if _worker.share is not None:
        return _worker.share
    # The affinity may change under us; quotas and batch jobs do not while a process lives.
    key = frozenset(os.sched_getaffinity(0))
    if key not in _available:
        _available[key] = _festina.available(environment())
    return _available[key]


_available: dict[frozenset[int], int] = {}


def backend_of(
    on: Any, workers: int | None, start: str, preload: tuple[str, ...], ends_items: bool
) -> tuple[Backend, Callable[[bool], None]]:
    """Return the backend, and what gives it back."""

    def nothing(aborted: bool) -> None:
        pass

    count = None if workers is None else positive("workers", workers)
    if not isinstance(on, str):
        from festina._engines import foreign

        found = foreign(on, count)
        if found is None:
            raise InputError(f"on={on!r} is no backend\nhint: one of {_names()}, or an executor with submit()")
        return found, nothing
    if on == "mpi":
        from festina._engines import mpi

        return mpi(count), nothing
    if on in ENGINES:
        raise _is_handed_in(on)
    if on not in BACKENDS:
        import difflib

        near = difflib.get_close_matches(on, BACKENDS, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"on={on!r} is no backend{meant}\nhint: one of {_names()}, or an executor with submit()")
    # Within a worker there is nothing to be had from more of them, unless somebody says so.
    if on == "serial" or (on == "processes" and count is None and _worker.share == 1 and not ends_items):
        from festina._backends import Serial

        return Serial(), nothing
    count = count or available()
    if on == "threads":
        from festina._backends import Threads

        return Threads(count), nothing
    from festina import _crew

    crew = _crew.borrow(count, start, preload, max(1, available() // count))
    return crew, lambda aborted: _crew.give_back(crew)


def _is_handed_in(name: str) -> InputError:
    """Return the error of an engine that was named: what to install, and what to write."""
    from importlib.util import find_spec

    package, module, start, engine = ENGINES[name]
    install = "" if find_spec(module) else f"pip install '{package}', then "
    hint = f"{install}import {module}; {start}; festina.map(f, items, on={engine})"
    return InputError(f"on={name!r}: an engine is handed in, not named\nhint: {hint}")


def _names() -> str:
    return ", ".join(repr(name) for name in BACKENDS)
