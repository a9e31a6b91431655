"""Two functions in turn, in step with the wall clock: each has the half of every period of 10 ms."""

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
for step in range(300):
    first_half(start + step * PERIOD)
    second_half(start + step * PERIOD)
