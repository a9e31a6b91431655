"""So many processes that compute on one CPU for so long. Usage: crowd.py COUNT SECONDS"""

import multiprocessing
import os
import sys
import time


def spin():
    end = time.perf_counter() + float(sys.argv[2])
    while time.perf_counter() < end:
        pass


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=spin) for _ in range(int(sys.argv[1]))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
