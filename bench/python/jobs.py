"""What the peers compute: functions that every engine can import."""

import os
import signal
import time


def trivial(x):
    """Return the square of a number: all that is measured is what the engine costs."""
    return x * x


def total(array):
    """Return the sum of an array."""
    return array.sum()


def kill_fourth(x):
    """Die at one item, as by a kernel that is out of memory."""
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def nap(seconds):
    """Sleep."""
    time.sleep(seconds)
    return seconds


def timed_nap(seconds):
    """Sleep, and return how long it really was."""
    began = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - began
