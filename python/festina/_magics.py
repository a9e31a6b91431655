"""Magics for notebooks: `%festina VERB …`, `%%festina scale …` and `%%festina profile`.

``%load_ext festina`` adds them. ``%festina`` takes what the command line takes, and shows the answer in the notebook;
``%%festina scale`` measures the cell: it is the body of a function of ``n`` and ``p``, and its last expression is the
answer. ``%%festina profile`` profiles it.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable
from typing import Any

import festina
from festina import _verbs
from festina._errors import InputError
from festina._result import Result

_USAGE = "hint: %festina cores · %festina solve tsp cities.csv time=5s · %%festina scale n=1e4..1e6 p=1,2"


def _options(words: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return what was typed: ``name=value``, the value a Python literal or text."""
    places: list[Any] = []
    named: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            named[name] = _value(value)
        else:
            places.append(_value(word))
    return places, named


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def line(text: str) -> Result:
    """Answer ``%festina VERB …``."""
    verb, *words = shlex.split(text) or [""]
    verbs: dict[str, Callable[..., Result]] = {
        "cores": _verbs.cores,
        "laws": _verbs.laws,
        "load": festina.load,
        "profile": festina.profile,
        "ready": festina.ready,
        "run": _verbs.run,
        "scale": _verbs.scale,
        "solve": _solve,
    }
    if verb not in verbs:
        raise InputError(f"%festina {verb}: one of {', '.join(verbs)}\n{_USAGE}")
    places, named = _options(words)
    return verbs[verb](*places, **named)


def _solve(problem: str = "", *places: Any, **named: Any) -> Result:
    if problem not in festina.solve.__all__:
        raise InputError(f"%festina solve {problem}: one of {', '.join(festina.solve.__all__)}\n{_USAGE}")
    answer: Result = getattr(festina.solve, problem)(*places, **named)
    return answer


def cell(text: str, body: str, names: dict[str, Any]) -> Result:
    """Answer ``%%festina scale …`` of a cell."""
    verb, *words = shlex.split(text) or [""]
    places, named = _options(words)
    if verb not in ("scale", "profile") or places:
        raise InputError(f"%%festina {text}: a cell can be measured or profiled\n{_USAGE}")
    if verb == "profile":
        return festina.profile(_function(body, names, ()), **named)
    return _verbs.scale(_function(body, names, ("n", "p")), **named)


def _function(body: str, names: dict[str, Any], known: tuple[str, ...]) -> Any:
    """Return the cell as a function of the parameters `known`, as far as it mentions them."""
    module = ast.parse(body)
    if not module.body:
        raise InputError(f"the cell is empty\n{_USAGE}")
    last = module.body[-1]
    if isinstance(last, ast.Expr):
        module.body[-1] = ast.Return(last.value)
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    parameters = [ast.arg(name) for name in known if name in used]
    empty = ast.arguments(posonlyargs=[], args=parameters, kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.FunctionDef("cell", empty, module.body, decorator_list=[])
    if "type_params" in ast.FunctionDef._fields:
        setattr(function, "type_params", [])  # noqa: B010
    code = ast.fix_missing_locations(ast.Module([function], type_ignores=[]))
    made: dict[str, Any] = {}
    # Its globals are the notebook's, so that it sees what other cells defined.
    exec(compile(code, "<cell>", "exec"), names, made)
    return made["cell"]


def load(shell: Any) -> None:
    """Add the magics to a shell of IPython's."""

    def magic(text: str, body: str | None = None) -> Result:
        return line(text) if body is None else cell(text, body, shell.user_ns)

    shell.register_magic_function(magic, "line_cell", "festina")
