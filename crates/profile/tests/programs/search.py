"""Looks whether rows were seen before: in a list, or, as it should be, in a set. Usage: search.py slow|fast SCALE"""

import sys


def count_seen(rows, seen):
    count = 0
    for row in rows:
        if row in seen:
            count += 1
    return count


scale = float(sys.argv[2])
known = range(0, 4_000, 2)
if sys.argv[1] == "slow":
    count_seen(range(int(40_000 * scale)), list(known))
else:
    count_seen(range(int(12_000_000 * scale)), set(known))
