"""Two threads that fight for the interpreter's lock."""

import threading
import time


def fights():
    end = time.perf_counter() + 1.0
    while time.perf_counter() < end:
        pass


threads = [threading.Thread(target=fights) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
