"""`festina.Executor` keeps the contract of `concurrent.futures`."""

from __future__ import annotations

import concurrent.futures as cf
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import festina
import pytest


def nap(s: float) -> float:
    time.sleep(s)
    return s


@pytest.mark.parametrize("on", ["processes", "threads"])
def test_futures_have_results_and_exceptions(on: Any) -> None:
    with festina.Executor(2, on=on) as executor:
        assert isinstance(executor, cf.Executor)
        good, bad = executor.submit(pow, 2, 10), executor.submit(int, "no", base=10)
        assert good.result(20) == 1024 and isinstance(bad.exception(20), ValueError)
        assert list(executor.map(pow, [1, 2, 3], [2, 2, 2])) == [1, 4, 9]
        assert executor.submit(lambda: os.getpid()).result(20) > 0


def test_wait_as_completed_and_callbacks_work() -> None:
    called = threading.Event()
    with festina.Executor(2) as executor:
        futures = [executor.submit(nap, s) for s in (0.3, 0.0, 0.1)]
        futures[1].add_done_callback(lambda _: called.set())
        assert {future.result() for future in cf.as_completed(futures, timeout=20)} == {0.3, 0.0, 0.1}
        assert called.wait(5)
        done, left = cf.wait([executor.submit(nap, 0.01)], timeout=20)
        assert len(done) == 1 and not left


def test_a_waiting_call_can_be_canceled_and_a_running_one_not() -> None:
    with festina.Executor(1) as executor:
        futures = [executor.submit(nap, 1.0) for _ in range(10)]
        while not futures[0].running():
            time.sleep(0.01)
        assert futures[-1].cancel() and futures[-1].cancelled()
        executor.shutdown(wait=True, cancel_futures=True)
        assert futures[0].result(20) == 1.0
        assert sum(future.cancelled() for future in futures) >= 7
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(nap, 0)


def test_a_killed_call_fails_alone() -> None:
    with festina.Executor(2) as executor:
        futures = [executor.submit(os.kill, 0, 0) if i != 3 else executor.submit(die) for i in range(8)]
        for i, future in enumerate(futures):
            if i == 3:
                assert isinstance(future.exception(20), festina.WorkerDiedError)
            else:
                assert future.result(20) is None


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_timeout_ends_its_call() -> None:
    with festina.Executor(2, timeout=2) as executor:
        slow, quick = executor.submit(nap, 30), executor.submit(nap, 0.01)
        assert isinstance(slow.exception(20), festina.TaskTimeoutError) and quick.result(20) == 0.01


def test_killing_the_workers_ends_everything_at_once() -> None:
    executor = festina.Executor(2)
    futures = [executor.submit(nap, 60) for _ in range(5)]
    time.sleep(0.5)
    begin = time.monotonic()
    executor.kill_workers()
    assert time.monotonic() - begin < 5
    assert all(future.cancelled() or isinstance(future.exception(5), RuntimeError) for future in futures)


def test_calls_from_many_threads_meet_in_one_executor() -> None:
    sums: list[int] = []
    with festina.Executor(2) as executor:

        def submit(k: int) -> None:
            sums.append(sum(future.result(30) for future in [executor.submit(abs, -k) for _ in range(50)]))

        threads = [threading.Thread(target=submit, args=(k,)) for k in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(sums) == [0, 50, 100, 150, 200]


def test_what_cannot_be_meant_is_refused() -> None:
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: festina.Executor(0), "max_workers cannot be 0"),
        (lambda: festina.Executor(on="mpi"), "one of 'processes', 'threads'"),  # type: ignore[arg-type]
        (lambda: festina.Executor(1, on="threads", timeout=1), "cannot end a call"),
    ]
    for make, message in refused:
        with pytest.raises(festina.InputError, match=message):
            make()
    lock = threading.Lock()
    with festina.Executor(1) as executor:
        with pytest.raises(festina.InputError, match="cannot be sent"):
            executor.submit(lambda: lock)
        assert isinstance(executor.submit(print, lock).exception(20), TypeError)
        assert executor.submit(abs, -1).result(20) == 1


@pytest.mark.parametrize("last", ["executor.shutdown()", "pass", "del executor"])
def test_the_end_of_the_interpreter_waits_for_calls_in_flight(last: str) -> None:
    code = f"""
        import festina, time
        executor = festina.Executor(2)
        def nap(s):
            time.sleep(s)
            return s
        futures = [executor.submit(nap, 0.2) for _ in range(4)]
        for future in futures:
            future.add_done_callback(lambda future: print(future.result(), flush=True))
        {last}
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=40, check=True
    )
    assert (run.stdout, run.stderr) == ("0.2\n" * 4, "")
