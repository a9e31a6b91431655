"""Makes a long list: by copying it for each item, or by appending. Usage: copies.py slow|fast SCALE"""

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


scale = float(sys.argv[2])
if sys.argv[1] == "slow":
    copied(int(25_000 * scale**0.5))
else:
    appended(int(4_000_000 * scale))
