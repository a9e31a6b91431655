"""Arrays and tables cross processes without copies, and their memory is gone with its last user."""

from __future__ import annotations

import gc
import os
import signal
import time
from pathlib import Path
from typing import Any

import festina
import numpy as np
import pytest
from festina import _festina
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

BIG = 1 << 18


def mapped(pid: int, name: str) -> int:
    return sum(name in line for line in Path(f"/proc/{pid}/maps").read_text().splitlines())


def describe(array: np.ndarray) -> tuple[float, bool, tuple[int, ...], str]:
    return float(array.sum()), array.flags.writeable, array.shape, array.dtype.str


@pytest.mark.parametrize("make", [np.array, festina.array])
def test_arrays_arrive_as_they_are_and_read_only(make: Any) -> None:
    arrays = [make(np.arange(BIG, dtype="f8") + i) for i in range(6)]
    expected = [(float(a.sum()), False, (BIG,), "<f8") for a in arrays]
    assert festina.map(describe, arrays, workers=2) == expected


def test_a_worker_cannot_write_to_what_it_was_given() -> None:
    def write(array: np.ndarray) -> None:
        array[0] = 1

    for make in (np.array, festina.array):
        with pytest.raises(ValueError, match="read-only"):
            festina.map(write, [make(np.zeros(BIG))], workers=1)


def test_results_are_writable_and_lie_in_the_memory_that_the_worker_wrote() -> None:
    (result,) = festina.map(lambda n: np.full(n, 7.0), [BIG], workers=1)
    assert mapped(os.getpid(), "memfd:festina-result") >= 1
    result += 1
    assert result.sum() == 8.0 * BIG
    del result
    gc.collect()
    assert mapped(os.getpid(), "memfd:festina-result") == 0


@settings(max_examples=40, deadline=None)
@given(
    array=hnp.arrays(
        dtype=st.sampled_from([np.dtype(kind) for kind in ("i1", "u2", "f4", "f8", "c16", "?", "S5", "U3", "M8[s]")]),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
    ),
    repeat=st.sampled_from([1, 500]),
    layout=st.sampled_from(["C", "F", "strided", "read-only"]),
)
def test_every_kind_of_array_comes_back_bit_by_bit(array: np.ndarray, repeat: int, layout: str) -> None:
    array = np.stack([array] * repeat)
    if layout == "F":
        array = np.asfortranarray(array)
    elif layout == "strided":
        array = array[::2]
    elif layout == "read-only":
        array.flags.writeable = False
    for sent in (array, festina.array(array)):
        (back,) = festina.map(lambda a: a, [sent], workers=1)
        assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()


def test_arrays_of_objects_and_of_nothing() -> None:
    objects = np.array([1, "two", None, [3]], dtype=object)
    (back,) = festina.map(lambda a: a, [objects], workers=1)
    assert back.tolist() == objects.tolist()
    assert festina.map(lambda a: a.shape, [np.empty((0, 5)), festina.empty((3, 0))], workers=1) == [(0, 5), (3, 0)]
    with pytest.raises(festina.InputError, match="objects?.*cannot be shared"):
        festina.array(objects)
    with pytest.raises(festina.InputError, match="cannot have the shape"):
        festina.empty(-1)


def test_views_of_a_shared_array_are_shared_too() -> None:
    whole = festina.empty((8, BIG // 8))
    whole[:] = np.arange(8)[:, None]

    def where(row: np.ndarray) -> tuple[float, int]:
        return float(row[0]), mapped(os.getpid(), "memfd:festina-array")

    assert festina.map(where, list(whole), workers=1) == [(float(i), 1) for i in range(8)]
    assert festina.map(lambda row: float(row.mean()), whole[::2], workers=2) == [0.0, 2.0, 4.0, 6.0]


def test_a_worker_sees_what_is_written_into_a_shared_array() -> None:
    shared = festina.zeros(BIG)
    for value in (1.0, 2.0):
        shared[:] = value
        assert festina.map(np.sum, [shared], workers=1) == [value * BIG]


def test_shared_memory_is_gone_with_its_last_user_here_and_in_workers() -> None:
    def look(array: np.ndarray | None) -> int:
        return mapped(os.getpid(), "memfd:festina-array")

    # Other tests' exceptions may still hold their arrays, here and therefore there.
    gc.collect()
    festina.map(look, [None], workers=1)
    (there,) = festina.map(look, [None], workers=1)
    here = mapped(os.getpid(), "memfd:festina-array")
    shared = festina.array(np.zeros(BIG))
    assert festina.map(look, [shared], workers=1) == [there + 1]
    assert mapped(os.getpid(), "memfd:festina-array") == here + 1
    del shared
    gc.collect()
    assert mapped(os.getpid(), "memfd:festina-array") == here
    # The next frame to the worker tells it; what it then does is without the block.
    festina.map(look, [None], workers=1)
    assert festina.map(look, [None], workers=1) == [there]


def test_a_killed_worker_leaves_no_shared_memory() -> None:
    before = shared_by_all()

    def make_and_die(n: int) -> Any:
        keep = festina.array(np.ones(n))
        os.kill(os.getpid(), signal.SIGKILL)
        return keep

    results: list[Any] = festina.map(make_and_die, [1 << 22] * 4, workers=2, errors="return", retries=0)
    assert all(isinstance(result, festina.WorkerDiedError) for result in results)
    deadline = time.monotonic() + 10
    while (more := shared_by_all() - before) >= 16 << 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert more < 16 << 20


def shared_by_all() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) << 10
    raise AssertionError("the kernel tells of shared memory")


def test_what_a_function_keeps_of_its_argument_stays_as_it_was() -> None:
    def keep(array: np.ndarray) -> list[float]:
        kept = globals().setdefault("_kept_arrays", [])
        kept.append(array)
        return [float(other[0]) for other in kept]

    arrays = [np.full(BIG, float(i)) for i in range(5)]
    assert festina.map(keep, arrays, workers=1)[-1] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_arrow_tables_and_frames_travel_without_being_pickled() -> None:
    import pandas
    import pyarrow

    table = pyarrow.table({"x": np.arange(BIG), "y": np.ones(BIG)})
    (total, back) = festina.map(lambda t: (t["x"].to_numpy().sum(), t), [table], workers=1)[0]
    assert total == BIG * (BIG - 1) // 2 and back.equals(table)
    frame = pandas.DataFrame({"a": np.arange(BIG, dtype="f8")})
    assert festina.map(lambda f: float(f["a"].sum()), [frame], workers=1) == [float(frame["a"].sum())]


def test_where_memory_may_not_be_read_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    from festina import _crew

    monkeypatch.setattr(_crew, "_pulling", False)
    arrays = [np.full(BIG, float(i)) for i in range(4)]
    with festina.Executor(1) as executor:
        assert list(executor.map(np.sum, arrays)) == [i * float(BIG) for i in range(4)]


def test_a_worker_that_may_not_read_says_so_and_is_sent_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    from festina import _crew

    monkeypatch.setitem(vars(_crew), "_pulling", True)

    def forbid(_: Any) -> str:
        from festina import _pickling

        def refuse(*_: Any) -> Any:
            raise PermissionError(1, "Operation not permitted")

        class Refusing:
            def __getattr__(self, name: str) -> Any:
                return refuse if name == "pull" else getattr(_festina, name)

        vars(_pickling)["_festina"] = Refusing()
        return "forbidden"

    with festina.Executor(1) as executor:
        assert executor.submit(forbid, None).result() == "forbidden"
        total: float = executor.submit(np.sum, np.ones(BIG)).result()
        assert total == BIG
    assert vars(_crew)["_pulling"] is False


def test_a_block_is_a_buffer_as_long_as_it_is_used() -> None:
    block = _festina.Block(100)
    view = memoryview(block)
    view[:3] = b"abc"
    del block
    assert bytes(view[:4]) == b"abc\0" and len(view) == 100


@given(
    ends=st.lists(st.integers(0, 20), min_size=1, max_size=5),
    takes=st.lists(st.tuples(st.booleans(), st.integers(1, 5))),
)
def test_each_task_on_a_board_is_either_claimed_or_revoked(ends: list[int], takes: list[tuple[bool, int]]) -> None:
    board = _festina.Board()
    for slot, count in enumerate(ends):
        board.offer(slot, count)
        claimed = revoked = 0
        for is_claim, number in takes:
            if is_claim:
                claimed += board.claim(slot)
            else:
                revoked += board.revoke(slot, number)
            assert claimed + revoked <= count and board.state(slot) == (claimed, count - revoked)
        while board.claim(slot):
            claimed += 1
        assert claimed + revoked == count and board.working() is None


def test_claims_of_two_processes_on_one_board_are_exclusive() -> None:
    board = _festina.Board()
    n = 200_000
    board.offer(0, n)
    pid = os.fork()
    if pid == 0:
        count = 0
        while board.claim(0):
            count += 1
        os._exit(0 if count > 0 and count == board.state(0)[0] else 1)
    revoked = 0
    while True:
        taken = board.revoke(0, 3)
        started, end = board.state(0)
        revoked += taken
        if taken == 0 and started == end:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert board.state(0) == (n - revoked, n - revoked)
