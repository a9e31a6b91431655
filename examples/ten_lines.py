"""The same job in ten lines each: multiprocessing, joblib, ipyparallel, festina.

Forty simulations, each with random numbers of its own; the third is killed, as by a kernel that is out of memory. Run
one with `python3 examples/ten_lines.py festina`, and see what is left of the other thirty-nine.
"""

import sys


def simulate(i, rng=None):
    # Within the function, since engines of ipyparallel don't see the imports of a program.
    import os
    import signal

    import numpy as np

    if i == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return float((rng or np.random.default_rng(i)).normal(size=10_000).mean())


def with_multiprocessing():
    from multiprocessing import Pool

    with Pool(2) as pool:
        # It waits for the lost result for ever: a time limit for all is the only help.
        return pool.map_async(simulate, range(40)).get(timeout=20)


def with_joblib():
    from joblib import Parallel, delayed

    # The call raises, and the results of the others are gone with it.
    return Parallel(n_jobs=2)(delayed(simulate)(i) for i in range(40))


def with_ipyparallel():
    import ipyparallel

    with ipyparallel.Cluster(n=2, log_level=40) as client:
        view = client.load_balanced_view()
        tasks = [view.apply_async(simulate, i) for i in range(40)]
        view.wait(tasks)
        # An engine is lost, and not replaced.
        return [task.get() if task.successful() else task.exception() for task in tasks]


def with_festina():
    import festina

    # One error in its place, and the same random numbers on any number of workers.
    return festina.map(simulate, range(40), workers=2, seed=1, errors="return")


if __name__ == "__main__":
    ways = {name[5:]: way for name, way in globals().items() if name.startswith("with_")}
    if len(sys.argv) != 2 or sys.argv[1] not in ways:
        sys.exit(f"usage: ten_lines.py {'|'.join(ways)}")
    results = ways[sys.argv[1]]()
    kept = [result for result in results if isinstance(result, float)]
    print(f"{len(kept)} of 40 results; the fourth is {results[3]!r}")
