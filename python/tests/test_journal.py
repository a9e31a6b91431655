"""A map with a journal runs only what has no result there, whatever ended it before."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import festina
import pytest
from festina._fingerprint import fingerprint


def count_calls(folder: Path) -> Any:
    def function(x: int) -> int:
        path = folder / f"{x}-{os.getpid()}-{os.urandom(4).hex()}"
        path.touch()
        return x * 10

    return function


def calls(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_what_is_recorded_does_not_run_again(tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    journal = tmp_path / "journal"
    function = count_calls(folder)
    for _ in range(3):
        results = festina.map(function, range(20), workers=2, journal=journal)
        assert results == [x * 10 for x in range(20)] and calls(folder) == 20
    assert results.report.recorded == 20 and results.report.finished == 0
    # By content, not by position: what is inserted, moved or doubled.
    assert festina.map(function, [99, *range(19, -1, -1), 3], workers=2, journal=journal)[-1] == 30
    assert calls(folder) == 22
    assert list(festina.stream(function, [5, 99, 100], workers=2, journal=journal)) == [50, 990, 1000]
    assert calls(folder) == 23


def test_many_recorded_items_in_a_row_are_passed_over(tmp_path: Path) -> None:
    # In a session that knows nothing of the function, items are looked up one by one.
    program = "import festina, sys; festina.map(abs, range(int(sys.argv[2])), workers=1, journal=sys.argv[1])"
    for count in ("3000", "3001"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / "journal"), count], check=True)


def test_another_function_or_another_seed_has_results_of_its_own(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    for factor in (2, 3):
        assert festina.map(times(factor), [1, 2], workers=1, journal=journal) == [factor, 2 * factor]
    seeds = [festina.map(draw, [1, 1], workers=1, journal=journal, seed=seed) for seed in (1, 2, 1)]
    assert seeds[0] == seeds[2] != seeds[1] and seeds[0][0] != seeds[0][1]


def times(factor: int) -> Any:
    return lambda x: x * factor


def draw(x: int, rng: Any) -> float:
    return float(rng.random())


def test_failures_are_tried_again(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    def fail_once(x: int) -> int:
        if x == 2 and not marker.exists():
            marker.touch()
            raise OSError("not yet")
        return x

    results: list[Any] = festina.map(fail_once, range(4), workers=1, journal=tmp_path / "j", errors="return")
    assert isinstance(results[2], OSError)
    assert festina.map(fail_once, range(4), workers=1, journal=tmp_path / "j") == [0, 1, 2, 3]


PROGRAM = """
    import festina, os, sys, time
    def work(x):
        with open(sys.argv[2], "a") as file:
            file.write(f"{x}\\n")
        time.sleep(0.02)
        return x + 1
    print(festina.map(lambda x: work(x), range(60), workers=2, journal=sys.argv[1], chunksize=1) == list(range(1, 61)))
"""


def test_kill_9_of_the_program_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    journal, log = tmp_path / "journal", tmp_path / "log"
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, str(program), str(journal), str(log)]
    for wanted in (10, 30):
        with subprocess.Popen(command) as process:
            while not log.exists() or len(log.read_text().splitlines()) < wanted:
                assert process.poll() is None
            process.send_signal(signal.SIGKILL)
    # As if the power had gone in the middle of a record.
    with journal.open("ab") as file:
        file.write(b"\x40\x00\x00\x00torn")
    assert subprocess.check_output(command, timeout=40) == b"True\n"
    ran = [int(line) for line in log.read_text().splitlines()]
    # Each kill costs at most what was under way: a batch or two for each worker.
    assert set(ran) == set(range(60)) and len(ran) - 60 <= 2 * 4
    assert subprocess.check_output(command, timeout=40) == b"True\n"
    assert len(log.read_text().splitlines()) == len(ran)


def test_a_fingerprint_is_the_same_in_another_session_and_sees_changes() -> None:
    code = (
        "from festina._fingerprint import fingerprint\n"
        "import math\n"
        "k = {'a': [1, 2]}\n"
        "def helper(x): return math.sqrt(x) + len(k)\n"
        "def make(n):\n"
        "    return lambda x: helper(x) + n + (x in {'p', 'q', 'r'})\n"
        "print(fingerprint(make(3)).hex())\n"
    )

    def fingerprint_of(text: str) -> str:
        return subprocess.check_output([sys.executable, "-c", text], text=True)

    first = fingerprint_of(code)
    assert first == fingerprint_of(code) == fingerprint_of("\n\nimport math\n" + code)
    for old, new in [("make(3)", "make(4)"), ("sqrt", "exp"), ("[1, 2]", "[1, 3]"), ("+ n", "- n"), ("'q'", "'Q'")]:
        assert fingerprint_of(code.replace(old, new)) != first


def test_a_fingerprint_of_a_function_that_calls_itself_ends() -> None:
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert len(fingerprint(factorial)) == 32


def test_bad_journals_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("something else, and precious")
    with pytest.raises(festina.InputError, match="not a journal"):
        festina.map(abs, [1], workers=1, journal=text)
    assert text.read_text() == "something else, and precious"
    with pytest.raises(festina.UnavailableError, match="cannot be opened"):
        festina.map(abs, [1], workers=1, journal=tmp_path / "no" / "folder")
    stream = festina.stream(abs, [1, 2], workers=1, journal=tmp_path / "j")
    with pytest.raises(festina.UnavailableError, match="another map"):
        festina.map(abs, [1], workers=1, journal=tmp_path / "j")
    stream.close()
    assert festina.map(abs, [-1], workers=1, journal=tmp_path / "j") == [1]


def test_a_journal_that_cannot_grow_is_an_error_with_a_hint_and_keeps_what_it_has(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    assert festina.map(abs, range(3), workers=1, journal=journal) == [0, 1, 2]
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, most))
    try:
        with pytest.raises(festina.UnavailableError, match="(?s)File too large.*hint: free some space"):
            festina.map(abs, range(50), workers=1, journal=journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert festina.map(abs, range(50), workers=1, journal=journal).report.recorded >= 3
