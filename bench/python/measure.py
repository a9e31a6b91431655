"""Measures festina.map and its peers, interleaved in one environment, and prints the figures as JSON.

Goals M1 to M4 and M8: what an item costs, large arrays, starting, a killed task, one long item. Peers are started once
and stay; a round goes through all of them before the next begins. Each figure is the median of the rounds.
"""

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update(
    PYTHONPATH=HERE + os.pathsep + os.environ.get("PYTHONPATH", ""),
    RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
)

import festina  # noqa: E402
import numpy as np  # noqa: E402
from jobs import kill_fourth, nap, timed_nap, total, trivial  # noqa: E402

WORKERS = 2
ITEMS = 10_000
ARRAYS, BYTES = 20, 50_000_000


def elapsed(call):
    """Return how long a call took, and what it returned."""
    began = time.perf_counter()
    value = call()
    return time.perf_counter() - began, value


class Peer:
    """An engine: maps with one item at a time, maps as it does by default, and is closed."""

    def __init__(self, name, one, default, close, items=ITEMS):
        self.name, self.one, self.default, self.close, self.items = name, one, default, close, items


def multiprocessing_pool():
    from multiprocessing import Pool

    pool = Pool(WORKERS)
    return Peer("multiprocessing.Pool", lambda f, xs: pool.map(f, xs, chunksize=1), pool.map, pool.terminate)


def process_pool_executor():
    from concurrent.futures import ProcessPoolExecutor

    pool = ProcessPoolExecutor(WORKERS)

    def default(f, xs):
        return list(pool.map(f, xs, chunksize=max(1, len(xs) // 8)))

    return Peer("ProcessPoolExecutor", lambda f, xs: list(pool.map(f, xs)), default, pool.shutdown)


def joblib_loky():
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    def run(batch):
        return lambda f, xs: Parallel(n_jobs=WORKERS, batch_size=batch)(delayed(f)(x) for x in xs)

    return Peer("joblib", run(1), run("auto"), lambda: get_reusable_executor().shutdown(kill_workers=True))


def ipyparallel_view():
    import ipyparallel

    cluster = ipyparallel.Cluster(n=WORKERS, log_level=40)
    client = cluster.start_and_connect_sync()
    client[:].apply_sync(lambda path: __import__("sys").path.insert(0, path), HERE)
    view = client.load_balanced_view()

    def one(f, xs):
        return list(view.map_sync(f, xs, chunksize=1))

    def close():
        client.close()
        cluster.stop_cluster_sync()

    return Peer("ipyparallel", one, lambda f, xs: list(client[:].map_sync(f, xs)), close, 1000)


def dask_client():
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    client = Client(cluster)

    def one(f, xs):
        return client.gather(client.map(f, xs, pure=False))

    def close():
        client.close()
        cluster.close()

    return Peer("dask", one, one, close, 1000)


def ray_pool():
    import ray
    from ray.util.multiprocessing import Pool

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    pool = Pool(WORKERS)

    def default(f, xs):
        return pool.map(f, xs)

    def close():
        pool.terminate()
        ray.shutdown()

    return Peer("ray", lambda f, xs: pool.map(f, xs, chunksize=1), default, close, 2000)


PEERS = [
    multiprocessing_pool,
    process_pool_executor,
    joblib_loky,
    ipyparallel_view,
    dask_client,
    ray_pool,
]


def festina_peer():
    def one(f, xs):
        return festina.map(f, xs, workers=WORKERS, chunksize=1)

    return Peer("festina", one, lambda f, xs: festina.map(f, xs, workers=WORKERS), lambda: None)


def item_costs(peers, rounds):
    """M1: microseconds an item, one at a time and by default."""
    one = {peer.name: [] for peer in peers}
    default = {peer.name: [] for peer in peers}
    for _ in range(rounds + 1):
        for peer in peers:
            items = range(peer.items)
            for figures, way in ((one, peer.one), (default, peer.default)):
                took, values = elapsed(lambda way=way, items=items: way(trivial, items))
                assert list(values) == [x * x for x in items], peer.name
                figures[peer.name].append(1e6 * took / peer.items)
    middle = {name: statistics.median(figures[1:]) for name, figures in one.items()}
    return middle, {name: statistics.median(figures[1:]) for name, figures in default.items()}


def arrays(peers, rounds):
    """M2: seconds for twenty arrays of 50 MB, summed."""
    ordinary = [np.full(BYTES // 8, float(i)) for i in range(ARRAYS)]
    shared = [festina.array(array) for array in ordinary]
    expected = [array.sum() for array in ordinary]
    ways = {
        "serial": lambda: [total(array) for array in ordinary],
        "festina": lambda: festina.map(total, ordinary, workers=WORKERS),
        "festina, festina.array": lambda: festina.map(total, shared, workers=WORKERS),
        "festina, on='threads'": lambda: festina.map(total, ordinary, workers=WORKERS, on="threads"),
        "festina, on='auto'": lambda: festina.map(total, ordinary, workers=WORKERS, on="auto"),
    }
    for peer in peers:
        if peer.name != "festina":
            ways[peer.name] = lambda peer=peer: list(peer.one(total, ordinary))
    figures = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            took, values = elapsed(way)
            assert list(values) == expected, name
            figures[name].append(took)
    return {name: statistics.median(times[1:]) for name, times in figures.items()}


def starts(rounds):
    """M3: milliseconds from nothing to the first result of two workers, and to import."""
    codes = {
        "festina": "import festina; t = time.perf_counter(); festina.map(abs, [1, 2], workers=2)",
        "festina, spawned": "import festina; t = time.perf_counter();"
        "festina.map(abs, [1, 2], workers=2, start='spawn')",
        "multiprocessing.Pool, fork": "from multiprocessing import Pool; t = time.perf_counter();"
        "Pool(2).map(abs, [1, 2])",
        "joblib": "from joblib import Parallel, delayed; t = time.perf_counter();"
        "Parallel(n_jobs=2)(delayed(abs)(x) for x in [1, 2])",
        "import festina": "t = time.perf_counter(); import festina",
        "import joblib": "t = time.perf_counter(); import joblib",
    }
    figures = {name: [] for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            program = f"import time; {code}; print(time.perf_counter() - t)"
            figures[name].append(1e3 * float(subprocess.check_output([sys.executable, "-c", program])))
    return {name: statistics.median(times) for name, times in figures.items()}


def faults(rounds):
    """M4: seconds for twenty items of which one is killed, and what a time limit costs beyond the limit."""
    killed, late = [], []
    for _ in range(rounds):
        took, values = elapsed(lambda: festina.map(kill_fourth, range(20), workers=WORKERS, errors="return"))
        assert [value for value in values if isinstance(value, int)] == [x for x in range(20) if x != 3]
        killed.append(took)
        took, values = elapsed(
            lambda: festina.map(nap, [5.0, *[0.01] * 20], workers=WORKERS, timeout=0.5, errors="return")
        )
        assert isinstance(values[0], TimeoutError) and values[1:] == [0.01] * 20
        late.append(took - 0.5)
    return statistics.median(killed), statistics.median(late)


def skew(rounds):
    """M8: the elapsed time over that of list scheduling, one item of a hundred a hundred times longer.

    The items of the bound take as long as they really took: a sleep of 2 ms is a little longer everywhere.
    """
    durations = [0.002] * 396 + [0.2] * 4
    random.Random(4).shuffle(durations)

    def over_list_scheduling(way):
        took, slept = elapsed(way)
        free = [0.0] * WORKERS
        for duration in slept:
            free[free.index(min(free))] += duration
        return took / max(free)

    from multiprocessing import Pool

    ratios = {"festina": [], "multiprocessing.Pool": []}
    with Pool(WORKERS) as pool:
        for _ in range(rounds):
            for name, way in (
                ("festina", lambda: festina.map(timed_nap, durations, workers=WORKERS)),
                ("multiprocessing.Pool", lambda: pool.map(timed_nap, durations)),
            ):
                ratios[name].append(over_list_scheduling(way))
    return {name: statistics.median(values) for name, values in ratios.items()}


def mpi(rounds, one, default, summed):
    """Add mpi4py.futures, which has to be started by its own launcher."""
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    options = ["--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", str(WORKERS + 1)]
    command = [mpiexec, *options, sys.executable, "-m", "mpi4py.futures", os.path.join(HERE, "mpi.py"), str(rounds)]
    figures = json.loads(subprocess.check_output(command, timeout=300))
    name = "mpi4py.futures"
    one[name], default[name], summed[name] = figures["us_one"], figures["us_default"], figures["arrays_s"]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    peers, missing = [festina_peer()], {}
    for start in PEERS:
        # What a peer prints as it starts belongs to nobody.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                peers.append(start())
            except Exception as error:
                missing[start.__name__] = f"{type(error).__name__}: {error}".splitlines()[0]
    festina.map(trivial, range(100), workers=WORKERS)
    with contextlib.redirect_stdout(sys.stderr):
        one, default = item_costs(peers, rounds)
        summed = arrays(peers, max(2, rounds // 2))
        for peer in peers:
            with contextlib.suppress(Exception):
                peer.close()
        try:
            mpi(max(2, rounds // 2), one, default, summed)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            missing["mpi4py.futures"] = f"{type(error).__name__}: {error}".splitlines()[0]
        killed, late = faults(rounds)
        figures = {
            "workers": WORKERS,
            "rounds": rounds,
            "items": {peer.name: peer.items for peer in peers},
            "us_one": one,
            "us_default": default,
            "arrays_s": summed,
            "start_ms": starts(rounds),
            "killed_s": killed,
            "timeout_s": late,
            "skew": skew(max(2, rounds // 2)),
            "missing": missing,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
