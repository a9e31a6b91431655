"""festina: make it work, ensure it is right, make it fast.

Everything is one function: the time T(n, p) that a workload takes at problem size n on p workers.

======================  ==================================================================
`cores`                 how many cores there really are
`map`, `Executor`       a function over many items, on all of them, and nothing lost
`scale`                 whether more cores help, and what ten times the data costs
`profile`               where the time goes, and what it would gain to fix it
`run`                   a command for every input
`load`                  how much load a service bears
`ready`                 whether a project trains, predicts and serves as it should
`solve`                 fast, right implementations of known problems
`laws`                  what Amdahl, Gustafson and the USL say
======================  ==================================================================

Importing it starts nothing. Every error is a `festina.Error` and the built-in exception that suits it.
"""

from __future__ import annotations

from festina._errors import (
    Error,
    InputError,
    MismatchError,
    TaskTimeoutError,
    UnavailableError,
    WorkerDiedError,
)
from festina._festina import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from festina import solve
    from festina._array import array, empty, zeros
    from festina._executor import Executor
    from festina._load import load
    from festina._map import map, stream  # noqa: A004
    from festina._profile import profile
    from festina._ready import ready
    from festina._report import MapReport
    from festina._result import (
        ComparisonResult,
        CoresResult,
        ForestResult,
        KneeResult,
        LawsResult,
        LoadResult,
        PlanResult,
        ProfileResult,
        ReadyResult,
        RunResult,
        ScaleResult,
        TourResult,
    )
    from festina._results import Results, Stream
    from festina._verbs import cores, laws, run, scale

__all__ = [
    "ComparisonResult",
    "CoresResult",
    "Error",
    "Executor",
    "ForestResult",
    "InputError",
    "KneeResult",
    "LawsResult",
    "LoadResult",
    "MapReport",
    "MismatchError",
    "PlanResult",
    "ProfileResult",
    "ReadyResult",
    "Results",
    "RunResult",
    "ScaleResult",
    "Stream",
    "TaskTimeoutError",
    "TourResult",
    "UnavailableError",
    "WorkerDiedError",
    "__version__",
    "array",
    "cores",
    "empty",
    "laws",
    "load",
    "map",
    "profile",
    "ready",
    "run",
    "scale",
    "solve",
    "stream",
    "zeros",
]

_LAZY = {
    "ComparisonResult": "festina._result",
    "CoresResult": "festina._result",
    "Executor": "festina._executor",
    "ForestResult": "festina._result",
    "KneeResult": "festina._result",
    "LawsResult": "festina._result",
    "LoadResult": "festina._result",
    "MapReport": "festina._report",
    "PlanResult": "festina._result",
    "ProfileResult": "festina._result",
    "ReadyResult": "festina._result",
    "Results": "festina._results",
    "RunResult": "festina._result",
    "ScaleResult": "festina._result",
    "Stream": "festina._results",
    "TourResult": "festina._result",
    "array": "festina._array",
    "cores": "festina._verbs",
    "empty": "festina._array",
    "laws": "festina._verbs",
    "load": "festina._load",
    "map": "festina._map",
    "profile": "festina._profile",
    "ready": "festina._ready",
    "run": "festina._verbs",
    "scale": "festina._verbs",
    "solve": "festina.solve",
    "stream": "festina._map",
    "zeros": "festina._array",
}


def __getattr__(name: str) -> Any:
    """Import what is wanted when it is: a worker needs none of it, and starts sooner."""
    if name not in _LAZY:
        raise AttributeError(f"module 'festina' has no attribute {name!r}")
    import importlib

    module = importlib.import_module(_LAZY[name])
    value = globals()[name] = module if name == "solve" else getattr(module, name)
    return value


def load_ipython_extension(shell: Any) -> None:
    """Add ``%festina`` and ``%%festina``; called by ``%load_ext festina``."""
    from festina import _magics

    _magics.load(shell)


def __dir__() -> list[str]:
    return sorted(__all__)
