"""Objects as bytes: the fast pickler where it is right, cloudpickle where it is not.

The buffers of large arrays and tables (pickle protocol 5) stay out of the bytes. Going to a worker, they are pulled by
it from this process's memory, or, if they lie in a `festina.array`, shared; coming back, they are shared.
"""

from __future__ import annotations

import _pickle as pickle
import os
import sys

from festina import _festina
from festina._errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    # Where a buffer lies: in the sender's memory, in one of its shared blocks, or in a file that comes along; its
    # address or the number of its block, the size of the block or file, its offset there and its length.
    Place = tuple[str, int, int, int, int]
    # A result on its way back: its bytes, the size of the file with its large buffers, and where they lie in it.
    Returned = tuple[bytes, int, list[tuple[int, int]]]

# Smaller buffers are cheaper in the bytes than beside them.
PULLED_FROM = 64 << 10
SHARED_FROM = 1 << 20

_MAIN = b"__main__"


class Sent:
    """Bytes, the places of the buffers, and what must live until the other side has loaded them."""

    __slots__ = ("data", "fds", "keep", "places")

    def __init__(self, data: bytes, places: list[Place], fds: list[int], keep: list[Any]) -> None:
        self.data = data
        self.places = places
        self.fds = fds
        self.keep = keep


def dumps(value: Any, keep_out: Callable[[pickle.PickleBuffer], bool] | None = None) -> bytes:
    """Return `value` as bytes; classes and functions of ``__main__`` go by value, since no worker has that module.

    Raises whatever the object raises that cannot be pickled.
    """
    taken: list[pickle.PickleBuffer] = []

    def callback(buffer: pickle.PickleBuffer) -> bool:
        assert keep_out is not None
        inside = keep_out(buffer)
        if not inside:
            taken.append(buffer)
        return inside

    try:
        data = pickle.dumps(value, protocol=5, buffer_callback=callback if keep_out else None)
    except Exception:
        if keep_out is not None and taken:
            _forget(keep_out, len(taken))
        return _dumps_by_value(value, keep_out)
    if _MAIN in data:
        if keep_out is not None and taken:
            _forget(keep_out, len(taken))
        return _dumps_by_value(value, keep_out)
    return data


def _forget(keep_out: Any, count: int) -> None:
    """Take back the buffers of an attempt that is made again in another way."""
    forget = getattr(keep_out, "forget", None)
    if forget is not None:
        forget(count)


def _dumps_by_value(value: Any, keep_out: Callable[[pickle.PickleBuffer], bool] | None) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(value, protocol=5, buffer_callback=keep_out)
    return data


class _Keeper:
    """Decides which buffers stay out of the bytes."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.raw: list[memoryview] = []

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < self.least:
            return True
        self.raw.append(raw)
        return False

    def forget(self, count: int) -> None:
        del self.raw[len(self.raw) - count :]


class Outbox:
    """What one worker was sent: it is given each shared block once.

    Parameters
    ----------
    can_pull : bool
        Whether the worker may read this process's memory.
    """

    def __init__(self, can_pull: bool) -> None:
        self.can_pull = can_pull
        self.shared: set[int] = set()

    def pack(self, value: Any) -> Sent:
        """Return `value` as it is sent to a worker."""
        keeper = _Keeper(PULLED_FROM)
        data = dumps(value, keeper)
        places: list[Place] = []
        fds: list[int] = []
        copied: list[tuple[int, memoryview]] = []
        for raw in keeper.raw:
            address, length = _festina.address(raw)
            found = _festina.locate(address, length)
            if found is not None:
                number, size, offset = found
                if number not in self.shared:
                    self.shared.add(number)
                    fds.append(_festina.shared_fd(number))
                    places.append(("new", number, size, offset, length))
                else:
                    places.append(("shared", number, size, offset, length))
            elif self.can_pull:
                places.append(("pull", address, 0, 0, length))
            else:
                copied.append((len(places), raw))
                places.append(("file", 0, 0, 0, length))
        if copied:
            fd, size, offsets = _festina.write_shared([raw for _, raw in copied])
            fds.append(fd)
            for (at, raw), offset in zip(copied, offsets, strict=True):
                places[at] = ("file", 0, size, offset, raw.nbytes)
        return Sent(data, places, fds, list(keeper.raw))

    def gone(self) -> list[int]:
        """Return the shared blocks that the worker has and nobody here any more."""
        if not self.shared:
            return []
        gone = _festina.gone(list(self.shared))
        self.shared.difference_update(gone)
        return gone


class Inbox:
    """The receiving side in a worker: shared blocks by their number, mapped once and read-only."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.blocks: dict[int, _festina.Block] = {}

    def unpack(self, data: bytes, places: Sequence[Place], fds: Sequence[int]) -> Any:
        """Return the object."""
        if not places:
            return pickle.loads(data)
        unused = list(fds)
        pulled = [(number, length) for kind, number, _, _, length in places if kind == "pull"]
        blocks = iter(_festina.pull(self.parent, pulled) if pulled else [])
        file: _festina.Block | None = None
        buffers: list[memoryview] = []
        for place in places:
            kind, number, size, offset, length = place
            if kind == "pull":
                buffers.append(memoryview(next(blocks)))
                continue
            if kind == "new":
                self.blocks[number] = _festina.map_shared(unused.pop(0), size, False)
            elif kind == "file" and file is None:
                file = _festina.map_shared(unused.pop(0), size, False)
            block = self.blocks[number] if kind != "file" else file
            assert block is not None
            buffers.append(memoryview(block)[offset : offset + length])
        return pickle.loads(data, buffers=buffers)

    def forget(self, numbers: Sequence[int]) -> None:
        """Let go of shared blocks; the memory is gone when no array here lies in it any more."""
        for number in numbers:
            self.blocks.pop(number, None)


def give_back(value: Any) -> tuple[Returned, list[int]]:
    """Return `value` as a worker sends it, and the file of its large buffers."""
    keeper = _Keeper(SHARED_FROM)
    data = dumps(value, keeper)
    if not keeper.raw:
        return (data, 0, []), []
    fd, size, offsets = _festina.write_shared(keeper.raw)
    return (data, size, [(at, raw.nbytes) for at, raw in zip(offsets, keeper.raw, strict=True)]), [fd]


def take_back(returned: Returned, fds: Sequence[int]) -> Any:
    """Return the result that came back; its arrays lie in the memory that the worker wrote, which is ours alone now."""
    data, size, spans = returned
    if not spans:
        return pickle.loads(data)
    whole = memoryview(_festina.map_shared(fds[0], size, True))
    return pickle.loads(data, buffers=[whole[at : at + length] for at, length in spans])


def close(fds: Sequence[int]) -> None:
    """Close descriptors that nobody wants."""
    for fd in fds:
        os.close(fd)


def function_bytes(function: Any) -> bytes:
    """Return a function as bytes, by value where a worker could not import it.

    Raises
    ------
    InputError
        If it cannot be pickled: it or what it closes over holds something of this process alone.
    """
    name = getattr(_inner(function), "__module__", None)
    hidden = sys.modules.get(name) if name and not _is_importable(name) else None
    try:
        return dumps(function) if hidden is None else _dumps_hidden(function, hidden)
    except Exception as error:
        raise InputError(
            f"{describe(function)} cannot be sent to another process: {error}\n"
            "hint: open files, locks and connections inside the function, or use on='threads'"
        ) from error


def _dumps_hidden(function: Any, module: Any) -> bytes:
    """Return a function by value, with all that it uses of its module."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(module)
    try:
        return _dumps_by_value(function, None)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _inner(function: Any) -> Any:
    """Return the function of a partial or a bound method."""
    while True:
        inner = getattr(function, "func", None) or getattr(function, "__func__", None)
        if inner is None:
            return function
        function = inner


def _is_importable(name: str) -> bool:
    """Return whether a worker can import a module: one that was loaded from a path of its own cannot be found."""
    top = name.partition(".")[0]
    if top == "__main__" or top in sys.stdlib_module_names:
        return True
    from importlib.machinery import PathFinder

    try:
        return PathFinder.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def describe(value: Any) -> str:
    """Return a short name of an object for messages."""
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return f"the function {name}" if callable(value) and not isinstance(value, type) else name
    try:
        text = repr(value)
    except Exception:  # Whatever a repr does, a message must come.
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
