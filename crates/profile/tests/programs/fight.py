"""Two threads that fight for the interpreter's lock. Usage: fight.py SECONDS"""

import sys
import threading
import time


def fights():
    end = time.perf_counter() + float(sys.argv[1])
    while time.perf_counter() < end:
        pass


threads = [threading.Thread(target=fights) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
