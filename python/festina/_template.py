"""The template process: a small, warm interpreter that forks workers, so that the user's process never forks.

It is started once, by `subprocess`, and has one thread. Frames to it: fork a worker; tell how one ended.
"""

from __future__ import annotations

import _pickle as pickle
import importlib
import os
import sys

from festina import _festina, _worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORK, ENDING = range(2)

# The first workers do not wait for what only some functions need.
IDLE_S = 0.5


def serve(socket: int, parent: int) -> None:
    """Fork workers until the parent is gone."""
    channel = _festina.Channel(socket)
    is_warm = False
    while True:
        try:
            frames = channel.receive(None if is_warm else IDLE_S)
        except EOFError:
            return
        if not frames and not is_warm:
            # Nothing is wanted now; later workers may want this, for functions of `__main__`.
            importlib.import_module("cloudpickle")
            is_warm = True
        for content, fds in frames:
            kind, *rest = pickle.loads(content)
            answer = fork(channel, fds, parent, *rest) if kind == FORK else ending(*rest)
            channel.post(pickle.dumps(answer))
            channel.flush()


def fork(
    channel: _festina.Channel, fds: list[int], parent: int, share: int, environment: dict[str, str], preload: list[str]
) -> int:
    """Fork a worker on the descriptors `fds`, and return its process id."""
    for name in preload:
        try:
            importlib.import_module(name)
        except Exception:  # Who uses it is told why it does not load.
            continue
    pid = os.fork()
    if pid != 0:
        for fd in fds:
            os.close(fd)
        return pid
    code = 70
    try:
        os.close(channel.fileno())
        socket, board = fds
        _worker.main(socket, board, parent, share, environment)
        code = 0
    except BaseException:
        sys.__excepthook__(*sys.exc_info())
    finally:
        os._exit(code)


def ending(pid: int) -> int | None:
    """Return how the worker `pid` ended: an exit code, or the negative of a signal."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def main(arguments: list[str]) -> Any:
    """Be the template, or with ``spawn`` one worker."""
    kind, socket, parent, *rest = arguments
    if kind == "template":
        # Ctrl-C is for the user's process, which ends its workers itself.
        os.setpgid(0, 0)
        _festina.die_with(int(parent))
        return serve(int(socket), int(parent))
    board, share = rest
    return _worker.main(int(socket), int(board), int(parent), int(share), dict(os.environ))


if __name__ == "__main__":
    main(sys.argv[1:])
