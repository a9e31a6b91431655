"""`festina.scale` of a function, and the magics that measure a cell."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import festina
import numpy as np
import pytest
from festina import _magics
from festina._call import shown


def serial_and_parallel(p: int) -> float:
    """Takes 0.05 s of serial and 0.2 s of parallel work, asleep."""
    time.sleep(0.05 + 0.2 / p)
    return 42.0


def test_a_function_is_measured_without_the_start_of_its_interpreter(tmp_path: Path) -> None:
    result = festina.scale(
        serial_and_parallel, p=[1, 2, 4], budget=12, state=tmp_path, progress=False, accept_noise=True
    )
    times = {point["p"]: point["time_s"]["value"] for point in result.points}
    for p, expected in {1: 0.25, 2: 0.15, 4: 0.10}.items():
        assert times[p] == pytest.approx(expected, rel=0.15)
    assert result.verdict["kind"] == "same"
    assert (
        "serial_and_parallel" in result.provenance["command"] or "serial-and-parallel" in result.provenance["command"]
    )
    (serial,) = [
        parameter["estimate"]["value"]
        for parameter in result.scaling[0]["parameters"]
        if parameter["law"] == "Amdahl" and parameter["name"] == "serial fraction"
    ]
    assert serial == pytest.approx(0.2, abs=0.08)
    assert "<img" in result._repr_html_() and result.to_svg()[0].startswith("<svg")


def test_answers_that_differ_are_found(tmp_path: Path) -> None:
    result = festina.scale(lambda p: p, p=[1, 2], budget=3, state=tmp_path, progress=False, accept_noise=True)
    assert result.verdict["kind"] == "different"
    assert all(point["speedup"] is None for point in result.points if point["p"] == 2)


def test_sizes_and_closures(tmp_path: Path) -> None:
    scale = 2e-6
    result = festina.scale(
        lambda n: time.sleep(n * scale), n=[10_000, 40_000], p=1, budget=4, state=tmp_path, progress=False
    )
    times = {point["n"]: point["time_s"]["value"] for point in result.points}
    assert times[10_000.0] == pytest.approx(0.02, rel=0.3) and times[40_000.0] == pytest.approx(0.08, rel=0.2)


def test_a_function_that_raises_is_told_by_its_last_line(tmp_path: Path) -> None:
    def fail(p: int) -> None:
        raise RuntimeError("nothing works")

    result = festina.scale(fail, p=1, budget=2, state=tmp_path, progress=False)
    assert result.points[0]["time_s"] is None
    assert "nothing works" in str(result)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (lambda m: m, {}, "needs m, and is called with n and p only"),
        (lambda p: p, {"n": [1, 2]}, "no parameter n"),
        (lambda n: n, {}, "needs n"),
        (functools.partial(max, 1), {}, "not known|needs"),
    ],
)
def test_functions_that_cannot_be_called_so_are_refused(
    function: Any, arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(festina.InputError, match=message):
        festina.scale(function, state=tmp_path, **arguments)


def test_answers_are_shown_so_that_numbers_can_be_compared() -> None:
    assert shown(np.array([[1.5, 2.0], [0.1, 3.0]])) == "1.5\n2.0\n0.1\n3.0"
    assert shown({"a": 1, "b": (2, "x")}) == "a: 1\nb: 2\n'x'"
    assert shown(np.float64(0.1)) == "0.1"


def test_the_magics_take_what_the_verbs_take(tmp_path: Path) -> None:
    assert _magics.line("cores").count >= 1
    assert _magics.line("laws 0.05 cores=4").rows()[-1]["workers"] == 4
    names: dict[str, Any] = {"time": time, "share": 0.02}
    result = _magics.cell(
        f"scale p=[1,2] budget=2 state={tmp_path} progress=False", "x = share / p\ntime.sleep(x)\n'done'", names
    )
    assert result.points[0]["time_s"]["value"] >= 0.02
    assert "x" not in names
    for text, body in [("scal p=1", "1"), ("scale", ""), ("cores", "1")]:
        with pytest.raises(festina.InputError, match="hint"):
            _magics.cell(text, body, {})
    with pytest.raises(festina.InputError, match="one of cores"):
        _magics.line("corse")
