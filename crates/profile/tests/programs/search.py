"""Looks whether rows were seen before: in a list, or, as it should be, in a set. Usage: search.py slow|fast"""

import sys


def count_seen(rows, seen):
    count = 0
    for row in rows:
        if row in seen:
            count += 1
    return count


known = range(0, 4_000, 2)
if sys.argv[1] == "slow":
    count_seen(range(40_000), list(known))
else:
    count_seen(range(12_000_000), set(known))
