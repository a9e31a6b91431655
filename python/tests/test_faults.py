"""Workers that die, hang, or are left behind: nothing is lost, nothing hangs, nothing leaks."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import festina
import pytest


def children() -> list[int]:
    """Return the processes below this one, template and workers."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError):
                waiting += [int(child) for child in task.read_text().split()]
        found.append(pid)
    return found[1:]


def shared_memory(pid: int) -> list[str]:
    """Return the shared blocks that a process has mapped."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
    except FileNotFoundError:
        return []
    return [line for line in maps.splitlines() if "memfd:festina" in line and "board" not in line]


def kill_myself(x: int) -> int:
    if x == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def kill_myself_once(marker: str) -> Any:
    def function(x: int) -> int:
        if x == 5:
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return x
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    return function


@pytest.mark.parametrize("chunksize", [None, 1, 4])
def test_one_killed_task_costs_itself_only(chunksize: int | None) -> None:
    results: list[Any] = festina.map(kill_myself, range(20), workers=2, errors="return", chunksize=chunksize)
    error = results[5]
    assert isinstance(error, festina.WorkerDiedError)
    assert (error.index, error.signal) == (5, signal.SIGKILL) and "hint" in str(error)
    assert [x for x in range(20) if x != 5] == [result for result in results if result is not error]


def test_a_killed_task_costs_no_time() -> None:
    festina.map(kill_myself, range(4), workers=2)
    begin = time.monotonic()
    festina.map(kill_myself, range(20), workers=2, errors="return")
    # Promised is half a second, on a machine that is neither slow nor busy.
    assert time.monotonic() - begin < 8.0


def test_a_worker_that_is_killed_once_costs_a_retry(tmp_path: Path) -> None:
    results = festina.map(kill_myself_once(str(tmp_path / "a")), range(20), workers=2)
    assert results == list(range(20)) and results.report.died == 1
    with pytest.raises(festina.WorkerDiedError, match="item 5"):
        festina.map(kill_myself_once(str(tmp_path / "b")), range(20), workers=2, retries=0, chunksize=1)


def test_a_crash_and_an_exit_are_told_apart_from_results() -> None:
    def crash(x: int) -> int:
        if x == 1:
            import ctypes

            ctypes.string_at(0)
        if x == 2:
            os._exit(3)
        if x == 3:
            sys.exit("leaving")
        return x

    results: list[Any] = festina.map(crash, range(5), workers=2, errors="return")
    assert results[0] == 0 and results[4] == 4
    assert results[1].signal == signal.SIGSEGV and results[2].signal is None
    assert isinstance(results[3], SystemExit)


def test_two_hundred_kills_lose_nothing_and_do_nothing_twice() -> None:
    """Workers are killed at random moments by a process of their own, while 4,000 items are mapped."""
    random.seed(11)
    killer = textwrap.dedent(
        """
        import os, random, signal, sys, time
        random.seed(11)
        parent = int(sys.argv[1])
        def below(pid):
            out = []
            for task in os.listdir(f"/proc/{pid}/task"):
                out += map(int, open(f"/proc/{pid}/task/{task}/children").read().split())
            return out
        def is_running(pid):
            return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "R"
        kills = 0
        while kills < 200:
            time.sleep(random.uniform(0.001, 0.02))
            try:
                workers = [w for t in below(parent) if t != os.getpid() for w in below(t)]
                os.kill(random.choice([w for w in workers if is_running(w)]), signal.SIGKILL)
                kills += 1
            except (OSError, IndexError):
                pass
        """
    )
    expected = [x * 3 for x in range(4000)]
    killed = 0
    with subprocess.Popen([sys.executable, "-c", killer, str(os.getpid())]) as process:
        while process.poll() is None:
            results = festina.map(work_a_little, range(4000), workers=3, retries=1000)
            killed += results.report.died
            assert results == expected
    # Some kills hit a worker that had been killed already, and was not gone yet.
    assert killed > 100
    assert festina.map(work_a_little, range(4000), workers=3) == expected
    assert not shared_memory(os.getpid())


def work_a_little(x: int) -> int:
    deadline = time.perf_counter() + 100e-6
    while time.perf_counter() < deadline:
        pass
    return 3 * x


def test_a_timeout_costs_its_own_worker_only() -> None:
    def wait(s: float) -> float:
        time.sleep(s)
        return s

    festina.map(wait, [0.0] * 4, workers=2)
    begin = time.monotonic()
    results: list[Any] = festina.map(wait, [0.01, 30.0, 0.01, 0.01], workers=2, timeout=1.5, errors="return")
    assert time.monotonic() - begin < 15.0
    assert isinstance(results[1], festina.TaskTimeoutError) and isinstance(results[1], TimeoutError)
    assert results[1].index == 1 and [results[0], *results[2:]] == [0.01] * 3
    with pytest.raises(TimeoutError, match=r"item 0, 9.0, took longer than 0.1 s"):
        festina.map(wait, [9.0], workers=1, timeout="100ms")


def test_what_a_task_started_dies_with_its_worker() -> None:
    def start_and_hang(x: int) -> None:
        subprocess.Popen(["sleep", "987"])
        time.sleep(60)

    with pytest.raises(TimeoutError):
        festina.map(start_and_hang, [1], workers=1, timeout=0.5)
    assert gone_in_time(lambda: [pid for pid in processes_named("sleep") if "987" in command_of(pid)])


def gone_in_time(left: Callable[[], list[int]]) -> bool:
    """Return whether no process is left after at most ten seconds."""
    deadline = time.monotonic() + 10
    while left() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not left()


def processes_named(name: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "comm").read_text().strip() == name:
                    found.append(int(entry.name))
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def run_and(end: signal.Signals, code: str) -> tuple[int, float, list[int]]:
    """Run a program, send it a signal, and return its exit code, how long it took, and what it left behind."""
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], start_new_session=True) as process:
        below: list[int] = []
        deadline = time.monotonic() + 20
        # The template, two workers and their children.
        while time.monotonic() < deadline and len(below) < 5:
            below = [pid for pid in processes_of_session(process.pid) if pid != process.pid]
            time.sleep(0.05)
        assert len(below) >= 5, "the template, two workers and their children are there"
        below = [pid for pid in processes_of_session(process.pid) if pid != process.pid]
        os.kill(process.pid, end)
        begin = time.monotonic()
        code_of = process.wait(20)
        took = time.monotonic() - begin

    def alive() -> list[int]:
        return [pid for pid in below if Path(f"/proc/{pid}").exists() and not is_zombie(pid)]

    gone_in_time(alive)
    return code_of, took, alive()


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def processes_of_session(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


HANGING = """
    import festina, subprocess, time
    def hang(x):
        subprocess.Popen(["sleep", "60"])
        time.sleep(60)
    festina.map(hang, range(4), workers=2)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_program_leaves_no_process(end: signal.Signals) -> None:
    code, took, left = run_and(end, HANGING)
    assert code in (-end, 1, 130) and took < 15.0 and left == []


def test_ctrl_c_ends_a_map_and_the_next_works() -> None:
    for on in ("processes", "threads"):
        with pytest.raises(KeyboardInterrupt):
            interrupted(on)
        assert festina.map(abs, [-1, -2], on=on, workers=2) == [1, 2]


def interrupted(on: str) -> None:
    import threading

    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    festina.map(time.sleep, [1.5] * 4, on=on, workers=2)
    pytest.fail("it was not interrupted")


def test_the_end_of_the_interpreter_waits_for_nothing() -> None:
    code = """
        import festina, itertools, time
        stream = festina.stream(lambda x: time.sleep(0.01) or x, itertools.count(), workers=2)
        print(next(stream))
    """
    begin = time.monotonic()
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, check=True
    )
    assert (output.stdout, output.stderr) == ("0\n", "") and time.monotonic() - begin < 15


def test_a_forked_child_has_workers_of_its_own() -> None:
    assert festina.map(abs, [-1], workers=1) == [1]
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if festina.map(abs, [-2, -3], workers=1) == [2, 3] else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert festina.map(abs, [-4], workers=1) == [4]


def test_maps_in_many_threads_at_once() -> None:
    import threading

    outcomes: list[bool] = []

    def one(seed: int) -> None:
        outcomes.append(festina.map(lambda x: x + seed, range(200), workers=2) == [x + seed for x in range(200)])

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 6


def test_a_template_that_is_gone_is_replaced() -> None:
    from festina._process import template

    festina.map(abs, [1], workers=1)
    first = template()
    os.kill(first.process.pid, signal.SIGKILL)
    assert first.process.wait(5) == -signal.SIGKILL
    time.sleep(0.2)
    assert festina.map(abs, [-1] * 10, workers=1) == [1] * 10
    with pytest.raises(festina.WorkerDiedError):
        festina.map(kill_myself, [5], workers=1)
