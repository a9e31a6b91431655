"""Progress on a terminal and in a notebook: shown when something takes longer than a moment, gone at its end."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE_S = 0.5
PERIOD_S = 0.1
WIDTH = 30


class Bar:
    """A bar that costs nothing unless it is shown.

    Parameters
    ----------
    title : str
        What goes on.
    shown : bool, optional
        Whether it is shown; by default on a terminal and in a notebook.
    """

    def __init__(self, title: str, shown: bool | None = None) -> None:
        self.title = title
        self.started = time.monotonic()
        self._handle: Any = None
        self._drawn = False
        self._notebook = shown is not False and _in_notebook()
        self.is_shown = (_is_terminal() or self._notebook) if shown is None else shown
        self._next = self.started + PATIENCE_S

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_due(self) -> bool:
        """Return whether it is time to draw."""
        return self.is_shown and time.monotonic() >= self._next

    def update(self, done: int, total: int | None, more: str = "") -> None:
        """Draw, unless it was drawn a moment ago."""
        if not self.is_due():
            return
        self._next = time.monotonic() + PERIOD_S
        elapsed = time.monotonic() - self.started
        parts = [f"{done}" if total is None else f"{done}/{total}", f"{elapsed:.0f} s"]
        if total and done:
            parts.append(f"{elapsed * (total - done) / done:.0f} s left")
        if more:
            parts.append(more)
        self._draw(done / total if total else None, ", ".join(parts))

    def measured(self, elapsed: float, runs: int, finished: int, points: int) -> None:
        """Draw the progress of a measurement."""
        self.update(finished, points, f"{runs} runs")

    def ran(self, finished: int, failed: int, total: int | None) -> None:
        """Draw the progress of a run of commands."""
        self.update(finished + failed, total, f"{failed} failed" if failed else "")

    def loaded(self, elapsed: float, sent: int, errors: int, p99: float | None) -> None:
        """Draw how a service does under its load."""
        late = "" if p99 is None else f", p99 {1e3 * p99:.3g} ms"
        self.update(sent, None, f"{errors} failed{late}")

    def close(self) -> None:
        """Take the bar away."""
        if self._handle is not None:
            self._handle.update(_html("", None, ""))
        elif self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._drawn = False

    def _draw(self, part: float | None, text: str) -> None:
        if self._notebook:
            picture = _html(self.title, part, text)
            if self._handle is None:
                from IPython.display import display

                self._handle = display(picture, display_id=True)
            else:
                self._handle.update(picture)
        else:
            full = 0 if part is None else int(part * WIDTH)
            bar = "" if part is None else f" [{'█' * full}{' ' * (WIDTH - full)}]"
            sys.stderr.write(f"\r\x1b[K{self.title}{bar} {text}")
            sys.stderr.flush()
        self._drawn = True


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # It is closed.
        return False


def _in_notebook() -> bool:
    """Return whether a kernel of Jupyter's shows what we display; never imports IPython itself."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _html(title: str, part: float | None, text: str) -> Any:
    from IPython.display import HTML

    if not title:
        return HTML("")
    value = "" if part is None else f' value="{part:.4f}"'
    return HTML(f"<div>{title} <progress{value}></progress> {text}</div>")
