"""Adds up squares: of the elements of an array one by one, or of whole rows. Usage: elements.py slow|fast SCALE"""

import sys

import numpy


def by_element(values):
    total = 0.0
    for index in range(len(values)):
        total += values[index] * values[index]
    return total


def by_row(rows):
    total = 0.0
    for index in range(len(rows)):
        total += rows[index] @ rows[index]
    return total


scale = float(sys.argv[2])
if sys.argv[1] == "slow":
    by_element(numpy.ones(int(6_000_000 * scale)))
else:
    rows = numpy.ones((500, 2_000))
    for _ in range(int(1_000 * scale)):
        by_row(rows)
