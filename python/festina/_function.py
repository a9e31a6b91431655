"""T(n, p) of a function: called in a fresh interpreter for each run, by the same procedure as commands."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from festina import _festina
from festina._errors import InputError
from festina._options import environment
from festina._pickling import describe, function_bytes
from festina._progress import Bar
from festina._result import ScaleResult


def scale(function: Callable[..., Any], options: dict[str, Any], state: str, progress: bool | None) -> ScaleResult:
    """Measure a function; `options` are those of `festina.scale`."""
    arguments = _arguments(function, options)
    readable, path = _stored(function, state)
    inherited = list({**os.environ, "PYTHONPATH": search_path()}.items())
    command = [sys.executable, "-m", "festina._call", path, *arguments]
    with Bar(readable, progress) as bar:
        answer = _festina.scale({**options, "command": command}, environment(), inherited, state, bar.measured, True)
    return ScaleResult(answer)


def command(function: Callable[..., Any], state: str) -> list[str]:
    """Return the command that calls a function without arguments."""
    _, needed = _parameters(function)
    if needed:
        what = f"{describe(function)} needs {', '.join(needed)}, and is called without arguments"
        raise InputError(f"{what}\nhint: give them: lambda: f(n=1000), or so")
    _, path = _stored(function, state)
    return [sys.executable, "-c", "import sys; from festina._call import run; run(sys.argv[1])", path]


def search_path() -> str:
    """Return a PYTHONPATH by which another interpreter finds what this one does."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.pathsep.join(dict.fromkeys([package, *(place or os.getcwd() for place in sys.path)]))


def _stored(function: Callable[..., Any], state: str) -> tuple[str, str]:
    """Write a function into the state folder; return a name for people, and the path."""
    blob = function_bytes(function)
    folder = os.path.join(state, "functions")
    os.makedirs(folder, exist_ok=True)
    name = getattr(function, "__name__", type(function).__name__)
    readable = "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
    path = os.path.join(folder, f"{readable}-{hashlib.blake2b(blob, digest_size=4).hexdigest()}")
    with open(path, "wb") as file:
        file.write(blob)
    return readable, path


def _parameters(function: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], list[str]]:
    """Return the parameters of a function, and the names of those without a default."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise InputError(f"the parameters of {describe(function)} are not known\nhint: wrap it: lambda n: …") from error
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    return parameters, needed


def _arguments(function: Callable[..., Any], options: dict[str, Any]) -> list[str]:
    """Return what the function is called with: its parameters `n` and `p`, as far as it has them."""
    parameters, needed = _parameters(function)
    strange = [name for name in needed if name not in ("n", "p")]
    if strange:
        raise InputError(
            f"{describe(function)} needs {', '.join(strange)}, and is called with n and p only\n"
            "hint: give the others: functools.partial, or lambda n, p: …"
        )
    if options["n"] is not None and "n" not in parameters:
        raise InputError(
            f"{describe(function)} has no parameter n: every size would be the same\nhint: add it, or leave n= away"
        )
    if "n" in needed and options["n"] is None:
        raise InputError(f"{describe(function)} needs n\nhint: give sizes, as in n='1e4..1e6'")
    used = [name for name in ("n", "p") if name in parameters and (name == "p" or options["n"] is not None)]
    return [f"{name}={{{name}}}" for name in used]
