"""Digests of functions and values that are the same in the next session.

A function is what it does: its code, defaults, what it closes over and the globals that it names, not where it was
defined or what it is called. A module counts by its name alone, and a function of one by its own code, not by that of
what it calls there: a journal does not notice a new version of a library.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pickle
import sys
import types
from typing import Any

from festina._pickling import dumps


def fingerprint(function: Any) -> bytes:
    """Return the digest of a callable."""
    digest = hashlib.blake2b(digest_size=32)
    _add(digest, function, set())
    return digest.digest()


def digest_of(value: Any) -> bytes:
    """Return the digest of a value, such as an item."""
    digest = hashlib.blake2b(digest_size=32)
    _add_value(digest, value)
    return digest.digest()


def _add_value(digest: Any, value: Any) -> None:
    """Add the pickle of a value; without a memo, so that equal values that are shared or not are the same."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=4)
    pickler.fast = True
    try:
        pickler.dump(value)
        data = buffer.getvalue()
    except RecursionError:
        data = dumps(value)
    except Exception:
        data = dumps(value)
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def _add(digest: Any, value: Any, seen: set[int]) -> None:
    if id(value) in seen:
        digest.update(b"again")
        return
    if isinstance(value, types.FunctionType):
        seen.add(id(value))
        _add_function(digest, value, seen)
    elif isinstance(value, types.MethodType):
        _add(digest, value.__func__, seen)
        _add(digest, value.__self__, seen)
    elif isinstance(value, functools.partial):
        digest.update(b"partial")
        for part in (value.func, *value.args, *value.keywords.items()):
            _add(digest, part, seen)
    elif isinstance(value, types.ModuleType):
        digest.update(b"module" + value.__name__.encode())
    elif isinstance(value, type):
        _add_class(digest, value, seen)
    elif isinstance(value, tuple):
        digest.update(b"tuple%d" % len(value))
        for part in value:
            _add(digest, part, seen)
    elif hasattr(type(value), "__call__") and hasattr(value, "__dict__"):  # noqa: B004
        seen.add(id(value))
        _add(digest, type(value), seen)
        for name, part in sorted(vars(value).items()):
            digest.update(name.encode())
            _add(digest, part, seen)
    else:
        _add_value(digest, value)


def _add_class(digest: Any, value: type, seen: set[int]) -> None:
    digest.update(b"class" + value.__module__.encode() + value.__qualname__.encode())
    if value.__module__ == "__main__":
        seen.add(id(value))
        for name, part in sorted(vars(value).items()):
            if isinstance(part, types.FunctionType):
                digest.update(name.encode())
                _add(digest, part, seen)


def _add_function(digest: Any, function: types.FunctionType, seen: set[int]) -> None:
    digest.update(b"function")
    _add_code(digest, function.__code__)
    for default in function.__defaults__ or ():
        _add(digest, default, seen)
    for name, default in sorted((function.__kwdefaults__ or {}).items()):
        digest.update(name.encode())
        _add(digest, default, seen)
    for cell in function.__closure__ or ():
        try:
            _add(digest, cell.cell_contents, seen)
        except ValueError:  # It is empty.
            digest.update(b"empty")
    own = function.__module__ == "__main__" or function.__module__ not in sys.modules
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            part = function.__globals__[name]
            digest.update(name.encode())
            if own or not isinstance(part, (types.FunctionType, type)):
                _add(digest, part, seen)


def _names(code: types.CodeType) -> set[str]:
    """Return the names of globals (and attributes) of a code object and those within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _add_code(digest: Any, code: types.CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_flags)).encode())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant)
        elif isinstance(constant, frozenset):
            digest.update(repr(sorted(map(repr, constant))).encode())
        else:
            digest.update(repr(constant).encode())
