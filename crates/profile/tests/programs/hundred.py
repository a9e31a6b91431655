"""A hundred threads that compute a little and wait a little, for so many seconds. Usage: hundred.py SECONDS"""

import sys
import threading
import time

END = time.perf_counter() + float(sys.argv[1])


def little(depth, count):
    return little(depth - 1, count) if depth else sum(number * number for number in range(count))


def works(index):
    while time.perf_counter() < END:
        little(index % 20, 200 + index)
        time.sleep(0.001 * (index % 7))


threads = [threading.Thread(target=works, args=(index,)) for index in range(100)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
