"""`festina.ready`: whether a project trains, predicts and serves as its targets say."""

from __future__ import annotations

import os
import sys

from festina import _festina, _progress
from festina._errors import InputError
from festina._options import environment
from festina._result import ReadyResult

FILE = "festina.toml"


def ready(
    project: str | os.PathLike[str] = ".",
    *,
    state: str | os.PathLike[str] = ".festina",
    progress: bool | None = None,
) -> ReadyResult:
    """Tell whether a project is ready: to train on more data, to predict on more data, to take more requests.

    Commands are measured on few rows and forecast on many; the service is started on a free port of this machine,
    loaded until its knee is known, and stopped.

    Parameters
    ----------
    project : path
        A folder with a ``festina.toml``, or that file; ``festina ready --init`` writes one.
    state : path
        Where runs are stored.
    progress : bool, optional
        Whether to tell how it goes, line by line; by default on a terminal and in a notebook.

    Returns
    -------
    ReadyResult
        ``verdict`` (``"ready"``, ``"not-ready"``, ``"unsure"``) and ``questions``, each with its probability, a number
        with its interval, and what would help. Its table has a row for each question.

    Raises
    ------
    InputError
        If there is no ``festina.toml``, or something in it is wrong.
    UnavailableError
        If nothing can be measured here.
    KeyboardInterrupt
        After Ctrl-C.

    Examples
    --------
    >>> import festina, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     festina.ready(folder)
    Traceback (most recent call last):
    ...
    festina._errors.InputError: there is no ...festina.toml
    hint: festina ready --init writes one from what it finds in the folder
    """
    path = os.fspath(project)
    if os.path.isdir(path):
        path = os.path.join(path, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError as error:
        hint = "festina ready --init writes one from what it finds in the folder"
        raise InputError(f"there is no {path}\nhint: {hint}") from error
    shown = _progress.Bar("ready", progress).is_shown
    folder = os.path.dirname(os.path.abspath(path))
    inherited = list(os.environ.items())
    answer, junit = _festina.ready(
        (path, text), folder, environment(), inherited, os.fspath(state), _tell if shown else None
    )
    return ReadyResult(answer, junit)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
