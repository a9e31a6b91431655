"""What options have in common: whole numbers, durations, the environment."""

from __future__ import annotations

import os

from festina._errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Command = str | Sequence[str | os.PathLike[str]]
    Duration = float | int | str

_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def positive(name: str, value: int) -> int:
    """Return `value` if it is a number of things, 1 at least."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    number = value.__index__()
    if not 1 <= number < 2**31:
        raise InputError(f"{name} cannot be {number}\nhint: give 1 or more, or leave it away")
    return number


def seconds(value: Duration | None) -> float | None:
    """Return a duration in seconds: a number is one already, text has a unit."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            value = float(digits) * _UNITS[text[len(digits) :]]
        except (ValueError, KeyError):
            raise InputError(f"{text!r} is not a duration\nhint: give seconds, or text such as '90s', '5m'") from None
    if not 0 < value < float("inf"):
        raise InputError(f"a duration cannot be {value} s\nhint: give a positive number of seconds")
    return float(value)


def words(command: Command) -> list[str]:
    """Return the words of a command; text is split as a shell would."""
    if isinstance(command, str):
        import shlex

        try:
            return shlex.split(command)
        except ValueError as error:
            message = f"the command cannot be split into words: {error}\nhint: give a list of words"
            raise InputError(message) from error
    return [os.fspath(word) for word in command]


def environment() -> dict[str, str]:
    """Return the environment variables that are text."""
    return {name: value for name, value in os.environ.items() if _is_text(name) and _is_text(value)}


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in word)
