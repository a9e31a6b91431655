"""What festina raises: each error is also the built-in exception that suits it."""

from __future__ import annotations

__all__ = [
    "Error",
    "InputError",
    "MismatchError",
    "TaskTimeoutError",
    "UnavailableError",
    "WorkerDiedError",
]


class Error(Exception):
    """What keeps festina from answering; the message ends in a hint where one is known."""


class InputError(Error, ValueError):
    """Something that was given is wrong."""


class UnavailableError(Error, OSError):
    """The machine lacks something: a program, a package, a permission, space."""


class MismatchError(Error):
    """A parallel result differs from that of the serial call."""


class WorkerDiedError(Error):
    """The worker process of an item died each time it was tried.

    Attributes
    ----------
    index : int
        The index of the item.
    signal : int or None
        The signal that ended the last worker.
    """

    def __init__(self, message: str, index: int = -1, signal: int | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.signal = signal

    def __reduce__(self) -> tuple[type, tuple[str, int, int | None]]:
        return type(self), (str(self), self.index, self.signal)


class TaskTimeoutError(Error, TimeoutError):
    """An item took longer than it may.

    Attributes
    ----------
    index : int
        The index of the item.
    """

    def __init__(self, message: str, index: int = -1) -> None:
        super().__init__(message)
        self.index = index

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (str(self), self.index)
