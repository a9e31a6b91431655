"""Calls as fast as they can be made: only some stacks are possible. Usage: calls.py SECONDS"""

import sys
import time


def innermost():
    return 1


def middle():
    return innermost() + innermost()


def left():
    return middle()


def alone():
    return sum(value for value in generated())


def generated():
    yield from range(5)


def right():
    return alone()


end = time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < end:
    left()
    right()
