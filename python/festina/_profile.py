"""`festina.profile`: where the time goes, and what it would gain to fix it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from festina import _festina
from festina._errors import InputError
from festina._options import positive, seconds, words
from festina._result import ProfileResult

if TYPE_CHECKING:
    from festina._options import Command, Duration


def profile(
    what: Command | Callable[[], Any] | None = None,
    *,
    pid: int | None = None,
    rate: float = 200.0,
    duration: Duration | None = None,
    seed: int = 0,
    cores: int | None = None,
    env: Mapping[str, str] | None = None,
    state: str | os.PathLike[str] = ".festina",
    from_run: str | os.PathLike[str] | None = None,
) -> ProfileResult:
    """Look at a program while it runs: which functions and lines take the time, and what it would gain to fix them.

    Nothing is changed in the program, and nothing is stopped. It keeps its streams.

    Parameters
    ----------
    what : command or callable
        A list of words, or one string, which is split as a shell would; or a function without parameters, which is
        called once in a fresh interpreter.
    pid : int, optional
        A process that runs, instead.
    rate : float
        How often the program is looked at, a second.
    duration : seconds, optional
        The recording ends after this time.
    seed : int
        The seed of the irregular intervals between looks.
    cores : int, optional
        The number of cores for which gains are told; what is available by default.
    env : mapping, optional
        Variables of the command.
    state : path
        Where profiles are stored.
    from_run : path, optional
        Show this stored profile again: its name in `state`, or its folder.

    Returns
    -------
    ProfileResult
        ``functions`` and ``lines``, the largest gain first, ``whole``, ``threads``, ``folder``. Its table has a row for
        each function.

    Raises
    ------
    InputError
        For what cannot be meant.
    UnavailableError
        If the program cannot be started or looked into.
    KeyboardInterrupt
        After Ctrl-C, which ends the program; what was recorded is stored.

    Examples
    --------
    >>> import festina, tempfile
    >>> with tempfile.TemporaryDirectory() as state:
    ...     result = festina.profile("sleep 0.2", state=state)
    >>> result.elapsed_s > 0.1
    True
    """
    if from_run is not None:
        folder = os.fspath(from_run)
        if not os.path.exists(folder):
            folder = os.path.join(os.fspath(state), folder)
        answer, folder = _festina.stored_profile(folder, None if cores is None else positive("cores", cores))
        return ProfileResult(answer, folder)
    if (what is None) == (pid is None):
        raise InputError('give either a program or a process\nhint: profile("python3 train.py"), or profile(pid=4242)')
    environment = {**os.environ, **(env or {})}
    command: list[str] = []
    if callable(what):
        from festina import _function

        command = _function.command(what, os.fspath(state))
        environment["PYTHONPATH"] = _function.search_path()
    elif what is not None:
        command = words(what)
    options = {
        "command": command,
        "environment": list(environment.items()),
        "pid": pid,
        "rate_hz": float(rate),
        "seed": seed,
        "duration_s": seconds(duration),
        "cores": None if cores is None else positive("cores", cores),
        "state": os.fspath(state),
    }
    for stream in (sys.stdout, sys.stderr):
        # What the program prints comes after what we did.
        if stream is not None:
            stream.flush()
    answer, folder = _festina.profile(options)
    return ProfileResult(answer, folder)
