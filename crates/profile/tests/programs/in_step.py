"""Two functions in turn, in step with the wall clock: each has the half of every period of 10 ms.

A step that comes late gives its time to the other half: the share that the first one really had is written to the file
that is given.
"""

import sys
import time

PERIOD = 0.01


def until(deadline):
    while time.perf_counter() < deadline:
        pass


def first_half(begin):
    until(begin + PERIOD / 2)


def second_half(begin):
    until(begin + PERIOD)


start = time.perf_counter()
first = 0.0
for step in range(300):
    before = time.perf_counter()
    first_half(start + step * PERIOD)
    first += time.perf_counter() - before
    second_half(start + step * PERIOD)
for path in sys.argv[1:]:
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(first / (time.perf_counter() - start)))
