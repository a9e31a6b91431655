"""Readiness from Python: the verdicts of the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import festina
import pytest

PROJECT = """
[data]
rows_now = 20000
rows_target = 40000

[train]
cmd = "{python} train.py {rows}"
target = "{target}"
budget = "6 s"
"""


def project(folder: Path, target: str) -> Path:
    (folder / "train.py").write_text("import sys, time; time.sleep(2e-6 * int(sys.argv[1]))")
    text = PROJECT.replace("{python}", sys.executable).replace("{target}", target)
    (folder / "festina.toml").write_text(text)
    return folder


def test_a_project_that_meets_its_target_is_ready(tmp_path: Path) -> None:
    result = festina.ready(project(tmp_path, "1 h"), state=tmp_path / "state", progress=False)
    assert isinstance(result, festina.ReadyResult)
    assert result.is_ready is True and result.verdict == "ready"
    (row,) = result.rows()
    assert row["id"] == "train" and row["p_ready"] > 0.9
    assert len(result.to_pandas()) == 1 and "<testsuite" in result.junit
    assert "train" in str(result) and result.to_json().startswith("{")


def test_a_project_that_is_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(festina.InputError, match="there is no .*festina.toml"):
        festina.ready(tmp_path)
    (tmp_path / "festina.toml").write_text("[trian]\ncommand = 'x'\n")
    with pytest.raises(festina.InputError, match="train"):
        festina.ready(tmp_path / "festina.toml", state=tmp_path)
