"""The verbs from Python: the answers of the command line, as data, text, HTML and tables."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import festina
import pytest


def test_importing_is_quick_and_starts_nothing() -> None:
    code = (
        "import sys, threading, os; before = set(sys.modules); import festina;"
        "new = set(sys.modules) - before;"
        "heavy = {'numpy', 'pandas', 'cloudpickle', 'multiprocessing', 'subprocess', 'concurrent.futures'};"
        "assert not new & heavy, new & heavy;"
        "assert threading.active_count() == 1; assert len(os.listdir('/proc/self/task')) == 1;"
        "assert not open('/proc/self/task/%d/children' % os.getpid()).read()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cores_is_a_number_and_a_report() -> None:
    cores = festina.cores()
    assert int(cores) == cores.count == cores.workers["workers"] >= 1
    assert str(cores).startswith(f"Use {cores.count} worker")
    assert "<dl>" in cores._repr_html_()
    assert len(cores.rows()) == len(cores.topology["cores"])
    assert "workers" in dir(cores)
    with pytest.raises(AttributeError, match="has no 'wrokers'"):
        _ = cores.wrokers


def test_cores_are_measured_on_request() -> None:
    assert festina.cores().effective == {}
    effective = festina.cores(measure=True).effective
    assert set(effective) == {"interpreter", "memory"}
    for cores in effective.values():
        assert cores[1] == 1.0
        assert all(0.3 < worth < 2 * workers for workers, worth in cores.items())


def test_cores_hears_the_affinity_of_the_process() -> None:
    bind = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    code = f"{bind}; import festina; print(int(festina.cores()))"
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"1"


def test_laws_fit_what_amdahl_would_have_measured() -> None:
    # T(p) = 100 · (0.05 + 0.95 / p), by hand.
    result = festina.laws(times={1: 100.0, 2: 52.5, 4: 28.75}, cores=32)
    (serial,) = [p for p in result.parameters if p["law"] == "Amdahl" and p["name"] == "serial fraction"]
    assert serial["estimate"]["value"] == pytest.approx(0.05, abs=1e-6)
    frame = result.to_pandas()
    assert list(frame["workers"]) == [1, 2, 4, 8, 16, 32]
    assert result.to_arrow().num_rows == 6
    assert result.to_svg()[0].startswith("<svg") and "<img" in result._repr_html_()
    assert result.to_html().startswith("<!DOCTYPE html>")
    assert json.loads(result.to_json())["schema"] == "festina.laws/1"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"serial": 2.0}, "2"),
        ({"serial": 0.1, "cores": 0}, "cores cannot be 0"),
        ({"work": 1.0}, "belong together"),
        ({"times": {2: 1.0}}, "2|one"),
        ({"from_run": "latest", "state": "/nonexistent"}, "run"),
    ],
)
def test_laws_refuse_what_cannot_be_meant(arguments: dict[str, Any], part: str) -> None:
    with pytest.raises(festina.InputError, match=part) as info:
        festina.laws(**arguments)
    assert isinstance(info.value, ValueError) and isinstance(info.value, festina.Error)


def test_run_prints_outputs_and_tells_how_tasks_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = festina.run(
        ["sh", "-c", "echo out {}; echo error {} >&2; exit {}"], [0, 3], workers=1, keep_order=True, state=tmp_path
    )
    captured = capfd.readouterr()
    assert captured.out == "out 0\nout 3\n" and captured.err == "error 0\nerror 3\n"
    assert [(task["end"], task["exit_code"]) for task in result.tasks] == [("finished", 0), ("failed", 3)]
    assert (result.finished, result.failed) == (1, 1)
    assert list(result.to_pandas()["inputs"]) == ["0", "3"]
    again = festina.run(
        ["sh", "-c", "echo out {}; echo error {} >&2; exit {}"],
        [0, 3],
        workers=1,
        state=tmp_path,
        resume=True,
        quiet=True,
    )
    assert (again.finished, again.recorded) == (0, 2)


def test_run_starts_its_workers_beside_the_threads_of_numpy(tmp_path: Path) -> None:
    program = """
import festina, numpy
for _ in range(20):
    square = numpy.ones((300, 300)) @ numpy.ones((300, 300))
    assert festina.run(["true", "{}"], range(8), workers=8, state=STATE, quiet=True, progress=False).finished == 8
"""
    text = program.replace("STATE", repr(str(tmp_path)))
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_run_writes_to_a_stream_that_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    festina.run("echo {}", range="1..3", keep_order=True, state=tmp_path)
    assert stream.getvalue() == "1\n2\n3\n"


def test_run_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(festina.InputError, match="hint"):
        festina.run("echo {nothing}", [1], state=tmp_path)
    with pytest.raises(festina.InputError, match="workers cannot be 0"):
        festina.run("echo", [1], workers=0, state=tmp_path)
    with pytest.raises(TypeError, match="whole number"):
        festina.run("echo", [1], workers=1.5, state=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(festina.InputError, match="cannot be split"):
        festina.run("echo 'open", [1], state=tmp_path)
    with pytest.raises(festina.InputError, match="duration"):
        festina.run("echo", [1], timeout="soon", state=tmp_path)
    with pytest.raises(festina.Error, match="no-such-program"):
        festina.run("no-such-program", [1], state=tmp_path)


def test_scale_measures_a_command_and_answers_again_from_its_run(tmp_path: Path) -> None:
    result = festina.scale(
        "sh -c 'sleep 0.0{n}'", n=[1, 4], p=1, budget=4, check="none", state=tmp_path, progress=False
    )
    times = {point["n"]: point["time_s"]["value"] for point in result.points}
    assert times[1.0] >= 0.01 and times[4.0] >= 0.04
    again = festina.scale(from_run="latest", state=tmp_path, at={"n": 8, "p": 1})
    assert again.points == result.points
    frame = again.to_pandas()
    assert list(frame["n"]) == [1.0, 4.0] and (frame["time_s"] > 0).all()


def test_scale_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(festina.InputError, match="nothing to measure"):
        festina.scale(state=tmp_path)
    with pytest.raises(festina.InputError, match="rows"):
        festina.scale("sort {rows}", n=[1, 2], state=tmp_path)
    with pytest.raises(festina.Error, match="no-such-program"):
        festina.scale("no-such-program", p=1, state=tmp_path)


def test_ctrl_c_ends_a_run_and_what_ended_is_recorded(tmp_path: Path) -> None:
    threading.Timer(0.6, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        festina.run("sleep 0.{}", ["1", "2", "9", "9", "9", "9", "9", "9"], workers=1, state=tmp_path, progress=False)
    assert time.monotonic() - started < 5
    again = festina.run("sleep 0.{}", ["1", "2"], workers=1, state=tmp_path, resume=True, progress=False)
    assert again.recorded >= 1


def test_the_native_command_came_with_the_package() -> None:
    version = subprocess.check_output([sys.executable, "-m", "festina", "--version"], text=True)
    assert version.split() == ["festina", festina.__version__]
