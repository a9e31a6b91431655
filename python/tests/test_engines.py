"""Engines of others, the real ones: our order, mending, journal and report on top of theirs."""

from __future__ import annotations

import concurrent.futures as cf
import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import festina
import numpy as np
import pytest


@contextlib.contextmanager
def threads_of_the_standard_library() -> Iterator[Any]:
    with cf.ThreadPoolExecutor(2) as executor:
        yield executor


@contextlib.contextmanager
def processes_of_the_standard_library() -> Iterator[Any]:
    import multiprocessing

    with cf.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@contextlib.contextmanager
def dask() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def dask_executor() -> Iterator[Any]:
    with dask() as client:
        yield client.get_executor()


@contextlib.contextmanager
def ipyparallel() -> Iterator[Any]:
    import ipyparallel

    with ipyparallel.Cluster(n=2, log_level=40) as client:
        client.wait_for_engines(2, timeout=60)
        yield client


@contextlib.contextmanager
def ray() -> Iterator[Any]:
    import ray

    package = str(Path(festina.__file__).parents[1])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": package}},
    )
    try:
        yield ray
    finally:
        ray.shutdown()


ENGINES = [
    threads_of_the_standard_library,
    processes_of_the_standard_library,
    dask,
    dask_executor,
    ipyparallel,
    ray,
]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_an_engine_computes_and_the_order_the_errors_and_the_journal_are_ours(engine: Any, tmp_path: Path) -> None:
    factor = 3

    def triple(x: int) -> int:
        if x == 13:
            raise ValueError("unlucky")
        return factor * x

    def sample(x: int, rng: np.random.Generator) -> float:
        return x + float(rng.random())

    expected = festina.map(sample, range(20), on="serial", seed=5)
    with engine() as on:
        assert festina.map(triple, range(10), on=on) == [3 * x for x in range(10)]
        results: list[Any] = festina.map(triple, range(20), on=on, errors="return")
        assert isinstance(results[13], ValueError) and [r for r in results if r is not results[13]] == [
            3 * x for x in range(20) if x != 13
        ]
        with pytest.raises(ValueError, match="unlucky"):
            festina.map(triple, range(20), on=on)
        assert festina.map(sample, range(20), on=on, seed=5) == expected
        assert sorted(festina.stream(triple, iter(range(9)), on=on, ordered=False)) == [3 * x for x in range(9)]
        big = festina.map(lambda a: a * 2, [np.full(1 << 17, float(i)) for i in range(3)], on=on)
        assert [float(a[0]) for a in big] == [0.0, 2.0, 4.0]
        for recorded in (0, 8):
            again = festina.map(triple, range(8), on=on, journal=tmp_path / "journal")
            assert again == [3 * x for x in range(8)] and again.report.recorded == recorded
        report = festina.map(triple, range(8), on=on).report
        assert report.finished == 8 and report.speedup > 0
        with pytest.raises(festina.InputError, match="cannot end a task"):
            festina.map(triple, [1], on=on, timeout=1)


def test_a_process_that_dies_in_an_engine_is_told() -> None:
    with processes_of_the_standard_library() as on:
        results: list[Any] = festina.map(os._exit, [3], on=on, errors="return")
        assert type(results[0]).__name__ == "BrokenProcessPool"


MPI = """
    import festina, os
    def work(x, rng):
        return x * x, round(float(rng.random()), 12), os.environ.get("OMPI_COMM_WORLD_RANK")
    if __name__ == "__main__":
        results = festina.map(work, range(50), on="mpi", seed=3)
        print([r[0] for r in results] == [x * x for x in range(50)])
        print([r[1] for r in results] == [r[1] for r in festina.map(work, range(50), on="serial", seed=3)])
        print(sorted({r[2] for r in results}), results.report.backend)
        try:
            festina.map(lambda x: 1 / x, [1, 0], on="mpi")
        except ZeroDivisionError as error:
            print("item 1, 0" in error.__notes__[0])
"""


@pytest.mark.timeout(150)
def test_the_ranks_of_an_mpi_job_compute(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(MPI))
    mpiexec = Path(sys.executable).parent / "mpiexec"
    options = ["--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "3"]
    package = str(Path(festina.__file__).parents[1])
    output = subprocess.run(
        [mpiexec, *options, sys.executable, "-m", "mpi4py.futures", program],
        env={**os.environ, "PYTHONPATH": package, "OMPI_MCA_rmaps_base_oversubscribe": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert output.stdout == "True\nTrue\n['1', '2'] mpi\nTrue\n", output.stderr


def test_an_engine_that_is_named_says_how_to_hand_it_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(festina.InputError, match=r"(?s)handed in.*hint: import ray; ray.init\(\)"):
        festina.map(abs, [1], on="ray")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(festina.InputError, match=r"pip install 'dask\[distributed\]', then import distributed"):
        festina.map(abs, [1], on="dask")


def test_an_engine_whose_package_is_not_there_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setitem(sys.modules, "mpi4py.futures", None)
    with pytest.raises(festina.UnavailableError, match="(?s)needs mpi4py.*pip install mpi4py"):
        festina.map(abs, [1], on="mpi")
