"""Parts of known length, one behind the other: each prints its name and the time that it took. Usage: parts.py SCALE"""

import multiprocessing
import sys
import time

SCALE = float(sys.argv[1])


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def long_part():
    spin(0.6 * SCALE)


def short_part():
    spin(0.3 * SCALE)


def sleeping_part():
    time.sleep(0.3 * SCALE)


def child_part():
    spin(0.4 * SCALE)


def waiting_part():
    child = multiprocessing.get_context("fork").Process(target=child_part)
    child.start()
    child.join()


for part in [long_part, short_part, sleeping_part, waiting_part]:
    begin = time.perf_counter()
    part()
    print(part.__name__, time.perf_counter() - begin)
    sys.stdout.flush()
