#!/usr/bin/env python3
"""A program that is fast and wrong in parallel: festina gives it no speed-up.

    festina scale --p 1,2 -- python3 examples/lost_update.py --jobs {p}

The workers add to one shared counter without its lock: updates are lost, now and then, and the total comes out low.
"""

import argparse
from multiprocessing import Process, RawValue

STEPS = 400_000


def count(total, steps):
    for _ in range(steps):
        total.value += 1  # read, add, write: another worker may have written in between


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    jobs = parser.parse_args().jobs
    total = RawValue("q", 0)
    workers = [Process(target=count, args=(total, STEPS // jobs)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("counted", total.value)


if __name__ == "__main__":
    main()
