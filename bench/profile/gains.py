"""Programs in two versions: before and after a hot spot was mended. Usage: gains.py search|recursion|pool before|after

`search` and `recursion` lose nearly all of the time of `hot`; `pool` spreads it over two processes.
"""

import functools
import multiprocessing
import sys


def loop(count):
    total = 0
    for number in range(count):
        total += number * number
    return total


def rest():
    """What stays as it is."""
    return loop(25_000_000)


def search(mended):
    known = range(0, 4_000, 2)
    known = set(known) if mended else list(known)

    def hot():
        return sum(1 for row in range(100_000) if row in known)

    return hot()


def recursion(mended):
    def hot(number):
        return number if number < 2 else hot(number - 1) + hot(number - 2)

    if mended:
        hot = functools.cache(hot)
    return hot(31)


def hot(part):
    return loop(25_000_000) + part


def pool(mended):
    if not mended:
        return [hot(part) for part in range(2)]
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(hot, range(2))


if __name__ == "__main__":
    rest()
    {"search": search, "recursion": recursion, "pool": pool}[sys.argv[1]](sys.argv[2] == "after")
