"""`festina.map` and `festina.stream`: order, errors, seeds, checks, whatever the backend."""

from __future__ import annotations

import functools
import itertools
import operator
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import festina
import numpy as np
import pytest
from festina._timeline import Timeline
from hypothesis import given, settings
from hypothesis import strategies as st

BACKENDS = ["processes", "threads", "serial", "auto"]


def square(x: int) -> int:
    return x * x


def picky(x: int) -> int:
    if x % 7 == 3:
        raise ValueError(f"{x} will not do")
    return x


def warm() -> None:
    """Wait until both workers are there and have loaded this module."""
    while len(set(festina.map(pid_after_a_moment, range(4), workers=2, chunksize=1))) < 2:
        pass


def nap(s: float) -> float:
    time.sleep(s)
    return s


def pid_after_a_moment(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


class Unfriendly(Exception):
    """An exception that cannot be made from its arguments alone."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


@pytest.mark.parametrize("on", BACKENDS)
@pytest.mark.parametrize("chunksize", [None, 1, 7])
def test_results_are_those_of_the_builtin_map_in_its_order(on: str, chunksize: int | None) -> None:
    assert festina.map(square, range(1000), on=on, workers=2, chunksize=chunksize) == [x * x for x in range(1000)]


@settings(max_examples=25, deadline=None)
@given(
    items=st.lists(st.one_of(st.integers(), st.text(), st.binary(), st.none(), st.floats(allow_nan=False))),
    workers=st.integers(1, 4),
    chunksize=st.one_of(st.none(), st.integers(1, 50)),
)
def test_any_items_come_back_as_they_were(items: list[Any], workers: int, chunksize: int | None) -> None:
    assert festina.map(lambda item: item, items, workers=workers, chunksize=chunksize) == items


@pytest.mark.parametrize("on", BACKENDS)
def test_several_iterables_end_with_the_shortest(on: str) -> None:
    assert festina.map(operator.add, [1, 2, 3], itertools.count(10), on=on, workers=2) == [11, 13, 15]


@pytest.mark.parametrize("on", BACKENDS)
def test_nothing_gives_nothing(on: str) -> None:
    assert festina.map(square, [], on=on, workers=2) == []
    assert list(festina.stream(square, iter(()), on=on, workers=2)) == []


def test_lambdas_closures_partials_methods_and_callables_travel() -> None:
    offset = 5
    nested = lambda x: (lambda y: y + offset)(x)  # noqa: E731

    class Adder:
        def __init__(self, n: int) -> None:
            self.n = n

        def __call__(self, x: int) -> int:
            return x + self.n

        def method(self, x: int) -> int:
            return x - self.n

    cases: list[tuple[Callable[[int], Any], list[Any]]] = [
        (nested, [5, 6]),
        (functools.partial(operator.add, 3), [3, 4]),
        (Adder(2), [2, 3]),
        (Adder(2).method, [-2, -1]),
        (str, ["0", "1"]),
    ]
    for function, expected in cases:
        assert festina.map(function, [0, 1], workers=2) == expected


def test_a_generator_is_read_as_it_is_needed() -> None:
    read = []

    def items() -> Iterator[int]:
        for i in itertools.count():
            read.append(i)
            yield i

    stream = festina.stream(square, items(), workers=2)
    assert [next(stream) for _ in range(10)] == [x * x for x in range(10)]
    assert len(read) < 3000
    stream.close()


@pytest.mark.parametrize("on", BACKENDS)
def test_results_as_they_come_are_all_there(on: str) -> None:
    assert sorted(festina.map(square, range(500), on=on, workers=2, ordered=False)) == [x * x for x in range(500)]
    assert sorted(festina.stream(square, iter(range(500)), on=on, workers=2, ordered=False)) == [
        x * x for x in range(500)
    ]


def test_the_quick_does_not_wait_for_the_slow_unless_order_is_wanted() -> None:
    warm()
    stream = festina.stream(nap, [0.5, 0.0, 0.0, 0.0], workers=2, ordered=False)
    assert next(stream) == 0.0
    assert sorted(stream) == [0.0, 0.0, 0.5]


@pytest.mark.parametrize("on", BACKENDS)
def test_an_exception_arrives_as_itself_with_its_item_and_traceback(on: str) -> None:
    with pytest.raises(ValueError, match="3 will not do") as info:
        festina.map(picky, range(10), on=on, workers=2)
    assert any("item 3, 3" in note for note in info.value.__notes__)
    assert "in picky" in str(info.value.__cause__)


@pytest.mark.parametrize("on", BACKENDS)
@pytest.mark.parametrize("chunksize", [None, 1, 5])
def test_exceptions_can_be_returned_in_the_place_of_results(on: str, chunksize: int | None) -> None:
    results: list[Any] = festina.map(picky, range(30), on=on, workers=2, errors="return", chunksize=chunksize)
    for x, result in enumerate(results):
        assert isinstance(result, ValueError) if x % 7 == 3 else result == x
    streamed = list(festina.stream(picky, range(30), on=on, workers=2, errors="return"))
    assert [type(result) for result in streamed] == [type(result) for result in results]


def test_an_exception_that_cannot_be_pickled_is_told_by_its_text() -> None:
    def fail(x: int) -> None:
        raise Unfriendly(x, 2)

    with pytest.raises(Exception, match="1 and 2"):
        festina.map(fail, [1], workers=1)


def test_a_generator_that_raises_midway_raises_after_the_results_before() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the disk is gone")

    seen = []
    with pytest.raises(OSError, match="disk is gone"):
        for value in festina.stream(square, items(), workers=2):
            seen.append(value)
    assert seen == [0, 1, 4, 9, 16]
    with pytest.raises(OSError, match="disk is gone"):
        festina.map(square, items(), workers=2)


def test_what_cannot_be_sent_is_named() -> None:
    lock = threading.Lock()
    with pytest.raises(festina.InputError, match="(?s)cannot be sent to another process.*hint"):
        festina.map(lambda x: lock and x, [1], workers=1)
    with pytest.raises(TypeError, match="lock.*cannot be sent"):
        festina.map(lambda x: None, [1, lock, 3], workers=2)
    results: list[Any] = festina.map(lambda x: None, [1, lock, 3], workers=2, errors="return")
    assert [type(result) for result in results] == [type(None), TypeError, type(None)]
    with pytest.raises(TypeError, match="result .*lock.*cannot be sent back"):
        festina.map(lambda x: threading.Lock(), [1], workers=1)


class Unloadable:
    """Can be pickled, and not made again."""

    def __init__(self, bad: bool) -> None:
        self.bad = bad

    def __setstate__(self, state: dict[str, bool]) -> None:
        if state["bad"]:
            raise RuntimeError("no way back")
        self.__dict__ = state


def test_an_item_that_cannot_be_made_in_the_worker_fails_alone() -> None:
    items = [Unloadable(bad) for bad in (False, True, False, False)]
    results: list[Any] = festina.map(lambda item: 1, items, workers=2, errors="return")
    assert [result if result == 1 else str(result) for result in results] == [1, "no way back", 1, 1]
    results = festina.map(Unloadable, [False, True, False], workers=2, errors="return")
    assert isinstance(results[1], RuntimeError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on": "proceses"}, "did you mean 'processes'"),
        ({"on": 5}, "no backend"),
        ({"workers": 0}, "workers cannot be 0"),
        ({"workers": -3}, "workers cannot be -3"),
        ({"chunksize": 0}, "chunksize cannot be 0"),
        ({"timeout": 0}, "duration cannot be 0"),
        ({"timeout": "soon"}, "not a duration"),
        ({"timeout": 1, "on": "threads"}, "cannot end a task"),
        ({"retries": -1}, "retries cannot be -1"),
        ({"errors": "ignore"}, "one of 'raise', 'return'"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"check": -1}, "check cannot be -1"),
        ({"start": "fork"}, "one of 'template', 'spawn'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(festina.InputError, match=message):
        festina.map(square, [1, 2], **arguments)


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match="not callable"):
        festina.map(5, [1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="iterated over"):
        festina.map(square, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="whole number"):
        festina.map(square, [1], workers=1.5)  # type: ignore[arg-type]


def draw(item: int, rng: np.random.Generator) -> tuple[int, float]:
    return item, float(rng.random())


def draw_globally(item: int) -> tuple[float, float]:
    return random.random(), float(np.random.random())


@pytest.mark.parametrize("function", [draw, draw_globally])
def test_random_streams_belong_to_items_not_to_workers(function: Any) -> None:
    expected = festina.map(function, range(40), on="serial", seed=7)
    for on, workers in [("processes", 1), ("processes", 2), ("processes", 4), ("auto", 2)]:
        assert festina.map(function, range(40), on=on, workers=workers, seed=7) == expected
    assert len(set(expected)) == 40
    assert festina.map(function, range(40), on="serial", seed=8) != expected


def test_the_stream_of_an_item_is_that_of_numpys_seed_sequence() -> None:
    sequence = np.random.SeedSequence(7, spawn_key=(3,))
    expected = float(np.random.Generator(np.random.PCG64(sequence)).random())
    assert festina.map(draw, range(5), workers=2, seed=7)[3] == (3, expected)


def test_workers_do_not_repeat_each_others_random_numbers() -> None:
    drawn = festina.map(lambda _: (random.random(), np.random.random()), range(64), workers=4, chunksize=1)
    assert len({a for a, _ in drawn}) == 64 and len({b for _, b in drawn}) == 64


def test_a_check_finds_what_differs_from_the_serial_call() -> None:
    parent = os.getpid()
    with pytest.raises(festina.MismatchError, match="in parallel"):
        festina.map(lambda x: x if os.getpid() == parent else -1, range(1, 50), workers=2, check=3)
    assert festina.map(square, range(50), workers=2, check=True)[7] == 49
    off = lambda x: np.array([x * (1.0 if os.getpid() == parent else 1 + 1e-12), np.nan])  # noqa: E731
    with pytest.raises(festina.MismatchError):
        festina.map(off, range(1, 9), workers=2, check=2)
    festina.map(off, range(1, 9), workers=2, check=2, rtol=1e-9)


def test_nested_maps_use_no_more_workers_than_there_are() -> None:
    def outer(x: int) -> tuple[int, int]:
        inner = festina.map(lambda _: os.getpid(), range(10))
        return len(set(inner)), int(os.environ["OMP_NUM_THREADS"])

    workers = int(festina.cores())
    for pids, threads in festina.map(outer, range(4), workers=workers):
        assert (pids, threads) == (1, 1)
    assert festina.map(lambda x: sum(festina.map(square, range(x), workers=2)), [4, 5], workers=2) == [14, 30]


def test_a_map_inside_a_loop_over_a_stream_has_workers_of_its_own() -> None:
    total = 0
    for x in festina.stream(square, range(10), workers=2):
        total += sum(festina.map(square, range(3), workers=2)) + x
    assert total == 10 * 5 + 285


def test_what_workers_print_comes_out_here(capsys: pytest.CaptureFixture[str]) -> None:
    def talk(x: int) -> int:
        print(f"item {x}")
        print("beware", file=sys.stderr)
        return x

    assert festina.map(talk, range(3), workers=2) == [0, 1, 2]
    captured = capsys.readouterr()
    assert sorted(captured.out.splitlines()) == ["item 0", "item 1", "item 2"]
    assert captured.err == "beware\n" * 3


def test_a_worker_that_reads_standard_input_finds_none() -> None:
    with pytest.raises(EOFError):
        festina.map(lambda x: input(), [1], workers=1)


def test_the_report_accounts_for_all_of_the_time() -> None:
    results = festina.map(lambda s: time.sleep(s), [0.05] * 8, workers=2, chunksize=1)
    report = results.report
    time_of = report.summary["time"]
    assert report.finished == 8 and report.failed == 0
    # Sleep is never shorter; on a busy machine it is longer.
    assert 0.4 <= time_of["work_s"] <= 2 * report.summary["wall_s"]
    assert sum(time_of.values()) == pytest.approx(2 * report.summary["wall_s"], rel=0.02)
    assert report.speedup == pytest.approx(time_of["work_s"] / report.summary["wall_s"]) and report.speedup <= 2.0
    assert [row["workers"] for row in report.rows()] == [2, 4, 8, 32, 128]
    assert report.rows()[0]["makespan_s"] >= report.rows()[2]["makespan_s"]
    assert "Speed-up" in str(report) and "<table>" in report._repr_html_()


def test_the_report_shows_who_worked_when() -> None:
    results = festina.map(nap, [0.1, 0.05, 0.05, 0.1], workers=2, chunksize=1)
    timeline = results.report.timeline
    assert {span["worker"] for span in timeline} == {0, 1}
    assert sum(span["items"] for span in timeline) == 4
    assert sum(span["to_s"] - span["from_s"] for span in timeline) == pytest.approx(0.3, rel=0.3)
    for worker in range(2):
        mine = [span for span in timeline if span["worker"] == worker]
        assert all(before["to_s"] <= after["from_s"] + 1e-3 for before, after in itertools.pairwise(mine))
        assert all(0 <= span["from_s"] < span["to_s"] <= results.report.summary["wall_s"] for span in mine)
    assert "data:image/svg+xml" in results.report._repr_html_() and len(results.report.to_svg()) == 1


@given(st.lists(st.tuples(st.floats(1e-6, 1.0), st.integers(0, 3), st.integers(1, 200)), min_size=1, max_size=300))
def test_a_timeline_keeps_all_items_and_all_time(told: list[tuple[float, int, int]]) -> None:
    timeline, clock, first = Timeline(100.0), [100.0] * 4, 0
    spent = 0.0
    for duration, worker, items in told:
        clock[worker] += duration
        timeline.add(worker, clock[worker], [duration], first, items)
        first += items
        spent += duration
    spans = [span for lane in timeline.lanes() for span in lane]
    assert sum(span[3] for span in spans) == first
    # A worker without a break: its spans have no gaps but those of rounding.
    assert sum(end - begin for begin, end, *_ in spans) == pytest.approx(spent, rel=1e-6)


def test_a_timeline_of_a_long_map_stays_small() -> None:
    timeline = Timeline(0.0)
    for at in range(200_000):
        timeline.add(0, 0.002 * (at + 1), [0.0005] * 4, 4 * at, 4)
    (lane,) = timeline.lanes()
    assert len(lane) < 5000 and sum(span[3] for span in lane) == 800_000


def test_one_long_item_of_a_hundred_holds_up_nobody() -> None:
    durations = [0.5 if i == 60 else 0.005 for i in range(100)]
    random.Random(1).shuffle(durations)
    warm()

    def over_bound() -> float:
        results = festina.map(nap_and_time, durations, workers=2)
        free = [0.0, 0.0]
        for duration in results:
            # To the worker that is free first, as R. L. Graham's list scheduling does. What is slow sleeps longer.
            free[free.index(min(free))] += duration
        return float(results.report.summary["wall_s"]) / (max(free) + 0.03)

    assert min(over_bound() for _ in range(5)) <= 1.1


def nap_and_time(s: float) -> float:
    """Sleep, and return how long that took."""
    began = time.monotonic()
    time.sleep(s)
    return time.monotonic() - began


def nap_and_tell(s: float) -> float:
    """Sleep, and return when that began."""
    began = time.monotonic()
    time.sleep(s)
    return began


def test_what_waits_behind_a_long_item_is_started_by_whoever_is_free() -> None:
    # The long items come to one worker in one batch; they do not wait until the other has done all that follows.
    durations = [0.6 if i in (100, 101, 102) else 0.0003 for i in range(800)]
    festina.map(nap_and_tell, [0.0003] * 200, workers=2)
    began = festina.map(nap_and_tell, durations, workers=2)
    assert began[101] < began[799]


def test_scipy_takes_the_map_as_its_workers() -> None:
    from scipy.optimize import differential_evolution, rosen

    result = differential_evolution(
        rosen, [(0, 2), (0, 2)], workers=festina.map, updating="deferred", seed=1, maxiter=30, tol=0
    )
    serial = differential_evolution(rosen, [(0, 2), (0, 2)], updating="deferred", seed=1, maxiter=30, tol=0)
    assert result.x == pytest.approx(serial.x, abs=0) and result.nfev == serial.nfev


def test_auto_stays_serial_for_what_is_not_worth_it_and_takes_threads_where_they_help() -> None:
    assert festina.map(square, range(100), on="auto", workers=2).report.backend == "serial"
    assert festina.map(time.sleep, [0.1] * 6, on="auto", workers=2).report.backend == "threads"

    def burn(x: int) -> int:
        return sum(i * i for i in range(60_000)) + x

    results = festina.map(burn, range(8), on="auto", workers=2)
    assert results == [burn(x) for x in range(8)] and results.report.backend in ("processes", "threads")


def test_threads_tell_when_the_lock_is_in_the_way() -> None:
    def burn(x: int) -> int:
        return sum(i * i for i in range(200_000)) + x

    results = festina.map(burn, range(16), on="threads", workers=4)
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert [finding["code"] for finding in results.report.findings] == (["lock"] if has_lock else [])


def test_a_program_can_define_everything_in_main(tmp_path: Path) -> None:
    import subprocess

    program = tmp_path / "program.py"
    program.write_text(
        "import festina\n"
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "    def __eq__(self, other): return type(self) is type(other) and self.x == other.x\n"
        "def double(point): return Point(helper(point.x))\n"
        "def helper(x): return 2 * x\n"
        "print(festina.map(double, [Point(1), Point(2)], workers=2) == [Point(2), Point(4)])\n"
        "print(list(festina.stream(double, [Point(3)], workers=1)) == [Point(6)])\n"
    )
    assert subprocess.check_output([sys.executable, program], text=True) == "True\nTrue\n"
