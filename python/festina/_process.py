"""Starting interpreters: the template process, and workers that are not forked by it.

This module is all that a first map needs before it starts the template, which gets ready while the rest is imported; so
it imports next to nothing itself.
"""

from __future__ import annotations

import _pickle as pickle  # What is around it costs each start milliseconds.
import os
import sys
import threading
import time

from festina import _festina

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SIGKILL = 9
_START = "from festina._template import main; import sys; main(sys.argv[1:])"


class Process:
    """A child of this process."""

    def __init__(self, arguments: Sequence[str], fds: Sequence[int], environment: Mapping[str, str]) -> None:
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        # A descriptor that is duplicated onto itself stays open in the child, and in no other.
        keep = [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in fds]
        command = [sys.executable, "-c", _START, *arguments]
        self.pid = os.posix_spawn(sys.executable, command, environment, file_actions=[null, *keep])
        self.code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or `None`: an exit code, or the negative of a signal."""
        if self.code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Somebody else waited for it.
                self.code = 255
            else:
                if pid:
                    self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, timeout: float) -> int | None:
        """Return how it ended; wait for that up to `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return self.code


class Template:
    """The process that forks our workers."""

    def __init__(self) -> None:
        ours, theirs = _festina.socket_pair()
        try:
            self.process = Process(["template", str(theirs), str(os.getpid())], [theirs], environment())
        finally:
            os.close(theirs)
        self.channel = _festina.Channel(ours)
        self.owner = os.getpid()
        self.lock = threading.Lock()

    def ask(self, message: tuple[Any, ...], fds: list[int]) -> Any:
        """Return the template's answer."""
        with self.lock:
            self.channel.post(pickle.dumps(message), fds)
            self.channel.flush()
            for content, _ in self.channel.receive():
                return pickle.loads(content)
        raise EOFError

    def is_alive(self) -> bool:
        """Return whether it is there, and ours: a forked child has that of its parent."""
        return self.owner == os.getpid() and self.process.poll() is None


_template: Template | None = None
_lock = threading.Lock()


def template() -> Template:
    """Return the template process; the first call starts it."""
    global _template
    with _lock:
        if _template is None or not _template.is_alive():
            _template = Template()
        return _template


def prepare() -> None:
    """Start the template process if there is none, unless this process is a worker itself."""
    worker = sys.modules.get("festina._worker")
    if worker is None or worker.share is None:
        template()


def environment() -> dict[str, str]:
    """Return the environment with the path on which this very package is found."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": package + (os.pathsep + path if path else "")}


def _forget() -> None:
    """A forked child has no template: it is its parent's."""
    global _template, _lock
    _template = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)
