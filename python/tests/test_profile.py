"""Profiles from Python: of commands, functions and cells."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import festina
import pytest


def busy(seconds: float) -> int:
    """Compute for some time."""
    end, total = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        total += sum(range(500))
    return total


def test_a_function_is_found_where_it_spends_its_time(tmp_path: Path) -> None:
    result = festina.profile(lambda: busy(0.8), state=tmp_path, rate=400)
    assert isinstance(result, festina.ProfileResult)
    (spot,) = [row for row in result.rows() if "busy" in row["name"]]
    # The rest is the start of the interpreter and the import of this module.
    assert spot["total_s"] == pytest.approx(0.8, rel=0.4)
    assert len(result.to_pandas()) == len(result.functions) and "data:image" not in str(result)
    assert b"busy" in result.stacks("collapsed")
    assert "frames" in json.loads(result.stacks("speedscope"))["shared"]
    assert result.stacks("pprof") and json.loads(result.stacks("firefox"))
    again = festina.profile(from_run=Path(result.folder).name, state=tmp_path)
    assert again.functions == result.functions
    other = festina.profile(lambda: busy(0.4), state=tmp_path, rate=400)
    change = other.compare(result)
    assert change.before_s > change.after_s and change.rows()
    assert other.compare(result.folder).to_dict() == change.to_dict()


def test_a_running_process_is_profiled(tmp_path: Path) -> None:
    import subprocess

    with subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"]) as process:
        result = festina.profile(pid=process.pid, duration=0.4, state=tmp_path)
        process.kill()
    assert result.elapsed_s == pytest.approx(0.4, abs=0.3) and result.functions


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({}, "either a program or a process"),
        ({"what": "sleep 1", "pid": 1}, "either a program or a process"),
        ({"what": lambda x: x}, "needs x"),
        ({"what": lambda n: n}, "needs n"),
        ({"what": "sleep 'open"}, "cannot be split"),
        ({"what": "sleep 1", "cores": 0}, "cores cannot be 0"),
        ({"what": "no-such-program"}, "no-such-program"),
        ({"from_run": "profile-99"}, "profile-99"),
    ],
)
def test_a_profile_refuses_what_cannot_be_meant(arguments: dict[str, Any], part: str, tmp_path: Path) -> None:
    with pytest.raises(festina.Error, match=part):
        festina.profile(**{"state": tmp_path, **arguments})


def test_ctrl_c_ends_the_program_and_keeps_what_was_seen(tmp_path: Path) -> None:
    threading.Timer(0.7, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        festina.profile("sleep 60", state=tmp_path)
    assert time.monotonic() - started < 10
    assert festina.profile(from_run="profile-1", state=tmp_path).elapsed_s > 0.3


def test_a_cell_is_profiled(tmp_path: Path) -> None:
    from festina import _magics

    result = _magics.cell(f"profile state={tmp_path}", "sum(range(k))\n", {"k": 100_000})
    assert isinstance(result, festina.ProfileResult)
    with pytest.raises(festina.InputError, match="measured or profiled"):
        _magics.cell("laws", "1", {})
