"""The notebook in `examples/` runs, with a real kernel, and shows what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "work-right-fast.ipynb"


def outputs(notebook: Any, kind: str) -> str:
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found.append(str(output.get("data", {}).get(kind, "")))
            if kind == "text/plain":
                found.append(output.get("text", ""))
    return "\n".join(found)


@pytest.mark.timeout(400)
def test_the_example_runs_and_shows_charts(tmp_path: Path) -> None:
    notebook: Any = nbformat.read(EXAMPLE, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are stripped before a commit"
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, startup_timeout=200, resources=resources).execute()
    assert "data:image/svg+xml" in outputs(notebook, "text/html")
    assert "Speed-up" in outputs(notebook, "text/plain")


@pytest.mark.timeout(300)
def test_prints_and_progress_of_workers_reach_the_cell() -> None:
    code = (
        "import festina, time\n"
        "def work(x):\n"
        "    print('item', x)\n"
        "    time.sleep(0.2)\n"
        "    return x\n"
        "festina.map(work, range(6), workers=2)"
    )
    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, startup_timeout=200).execute()
    assert outputs(notebook, "text/plain").count("item") == 6
    assert "[0, 1, 2, 3, 4, 5]" in outputs(notebook, "text/plain")
