"""Writes many short lines: each by itself, or through a buffer. Usage: writes.py slow|fast SCALE"""

import os
import sys
import tempfile


def one_by_one(file, count):
    for _ in range(count):
        os.write(file, b"a line\n")


def buffered(file, count):
    for _ in range(count):
        file.write(b"a line\n")


scale = float(sys.argv[2])
with tempfile.TemporaryFile() as file:
    if sys.argv[1] == "slow":
        one_by_one(file.fileno(), int(1_000_000 * scale))
    else:
        buffered(file, int(10_000_000 * scale))
