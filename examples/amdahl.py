#!/usr/bin/env python3
"""A program whose answer is known: a stated part of its time is serial, the rest is shared by its workers.

    festina scale --p 1,2,4,8 -- python3 examples/amdahl.py --serial 0.1 --seconds 2 --workers {p}

It sleeps instead of computing, so that eight workers can be tried on two cores; festina must find the serial fraction.
"""

import argparse
import threading
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serial", type=float, default=0.1, help="serial fraction, from 0 to 1")
    parser.add_argument("--seconds", type=float, default=1.0, help="time on one worker")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    share = arguments.seconds * (1.0 - arguments.serial) / arguments.workers
    workers = [threading.Thread(target=time.sleep, args=(share,)) for _ in range(arguments.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    time.sleep(arguments.seconds * arguments.serial)
    print("done")


if __name__ == "__main__":
    main()
