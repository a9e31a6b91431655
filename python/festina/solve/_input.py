"""What problems are given as: files, data frames, arrays."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def file(path: str | os.PathLike[str]) -> tuple[str, bytes]:
    """Return the name of a file and what is in it."""
    name = os.fspath(path)
    with open(name, "rb") as opened:
        return name, opened.read()


def is_path(value: Any) -> bool:
    """Return whether a value names a file."""
    return isinstance(value, (str, os.PathLike))


def is_frame(value: Any) -> bool:
    """Return whether a value is a data frame, as far as we use one."""
    return hasattr(value, "to_csv") and hasattr(value, "columns")


def shape_of(array: Any) -> str:
    """Return type and shape of an array for messages."""
    return f"{array.dtype} of shape {' x '.join(map(str, array.shape)) or 'a scalar'}"
