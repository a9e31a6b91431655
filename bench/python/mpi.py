"""mpi4py.futures by itself: `mpiexec -n 3 python -m mpi4py.futures mpi.py ROUNDS`."""

import json
import statistics
import sys
import time

import numpy as np
from jobs import total, trivial
from mpi4py.futures import MPIPoolExecutor

ITEMS = 10_000


def timed(call):
    """Return how long a call took."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main():
    rounds = int(sys.argv[1])
    arrays = [np.full(50_000_000 // 8, float(i)) for i in range(20)]
    with MPIPoolExecutor(2) as pool:
        pool.bootup()
        one, default, summed = [], [], []
        for _ in range(rounds + 1):
            one.append(1e6 * timed(lambda: list(pool.map(trivial, range(ITEMS)))) / ITEMS)
            default.append(1e6 * timed(lambda: list(pool.map(trivial, range(ITEMS), chunksize=ITEMS // 8))) / ITEMS)
            summed.append(timed(lambda: list(pool.map(total, arrays))))
    middle = [statistics.median(figures[1:]) for figures in (one, default, summed)]
    print(json.dumps(dict(zip(("us_one", "us_default", "arrays_s"), middle))))


if __name__ == "__main__":
    main()
