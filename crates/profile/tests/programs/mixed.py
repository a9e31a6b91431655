"""Machine code called from Python, and Python alone, for so many seconds each. Usage: mixed.py SECONDS"""

import sys
import time
import zlib

import numpy

SECONDS = float(sys.argv[1])
ITEMS = numpy.random.default_rng(0).random(200_000)


def sorts(end):
    while time.perf_counter() < end:
        ITEMS.copy().sort()


def packs(end):
    text = bytes(range(256)) * 4_000
    while time.perf_counter() < end:
        zlib.compress(text, 9)


def spins(end):
    total = 0
    while time.perf_counter() < end:
        for number in range(1_000):
            total += number * number
    return total


for part in [sorts, packs, spins]:
    part(time.perf_counter() + SECONDS)
