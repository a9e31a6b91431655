"""The bar: drawn on terminals only, after a moment, and gone at the end."""

from __future__ import annotations

import io
import sys

import festina
import pytest
from festina import _progress
from festina._progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_appears_after_a_moment_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, now = Terminal(), [100.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("festina._progress.time.monotonic", lambda: now[0])
    with Bar("work") as bar:
        bar.update(1, 4)
        assert terminal.getvalue() == ""
        now[0] = 102.0
        bar.update(1, 4, "1 failed")
        # A quarter of thirty is seven; three more take three times as long.
        assert terminal.getvalue() == "\r\x1b[Kwork [" + "█" * 7 + " " * 23 + "] 1/4, 2 s, 6 s left, 1 failed"
        bar.update(2, 4)
        assert terminal.getvalue().count("work") == 1, "it was drawn a moment ago"
        now[0] = 103.0
        bar.update(2, None)
        assert terminal.getvalue().endswith("\r\x1b[Kwork 2, 3 s")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_there_is_no_bar_without_a_terminal_or_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Bar("work").is_shown
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert Bar("work").is_shown and not Bar("work", False).is_shown
    monkeypatch.setattr(sys, "stderr", None)
    assert not Bar("work").is_shown


def test_a_map_draws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(_progress, "PATIENCE_S", 0.0)
    festina.map(time.sleep, [0.1] * 6, workers=2)
    assert "sleep [" in terminal.getvalue() and "/6, 0 s" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
