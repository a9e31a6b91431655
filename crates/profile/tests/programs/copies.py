"""Makes a long list: by copying it for each item, or by appending. Usage: copies.py slow|fast"""

import sys


def copied(count):
    items = []
    for number in range(count):
        items = items + [number]
    return items


def appended(count):
    items = []
    for number in range(count):
        items.append(number)
    return items


if sys.argv[1] == "slow":
    copied(25_000)
else:
    appended(4_000_000)
