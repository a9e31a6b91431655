"""A pool whose workers do next to nothing with much data. Usage: packing.py SCALE"""

import multiprocessing
import sys


def touch(rows):
    return rows


if __name__ == "__main__":
    piece = [{"name": str(number), "value": number} for number in range(20_000)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for _ in pool.imap(touch, [piece] * int(30 * float(sys.argv[1]))):
            pass
