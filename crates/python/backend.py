"""How `pip install .` builds festina: the native command first, then maturin, which puts both into one wheel.

maturin builds an extension or a command, not both; but what lies in its data folder goes into the wheel, and what lies
in `scripts` there becomes a command. FESTINA_PROFILE=dev builds a wheel for tests in a fraction of the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "target" / "festina.data"

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
get_requires_for_build_editable = maturin.get_requires_for_build_editable
build_sdist = maturin.build_sdist


def prepare_metadata_for_build_wheel(folder: str, settings: dict[str, Any] | None = None) -> str:
    """Write the metadata of the wheel."""
    (DATA / "scripts").mkdir(parents=True, exist_ok=True)
    name: str = maturin.prepare_metadata_for_build_wheel(folder, _settings(settings))
    return name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(folder: str, settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Build the command and the wheel that holds it."""
    _build_command()
    name: str = maturin.build_wheel(folder, _settings(settings), metadata)
    return name


def build_editable(folder: str, settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Build the command and a wheel that refers to this folder."""
    _build_command()
    name: str = maturin.build_editable(folder, _settings(settings), metadata)
    return name


def _profile() -> str:
    return os.environ.get("FESTINA_PROFILE", "release")


def _settings(settings: dict[str, Any] | None) -> dict[str, Any]:
    given = dict(settings or {})
    given.setdefault("build-args", f"--profile {_profile()}")
    return given


def _build_command() -> None:
    command = ["cargo", "build", "--profile", _profile(), "--package", "festina-cli", "--message-format", "json"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    messages = (json.loads(line) for line in output.splitlines() if line.startswith(b"{"))
    programs = [message["executable"] for message in messages if message.get("executable")]
    scripts = DATA / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    shutil.copy2(programs[-1], scripts / "festina")
