"""Threads that sleep. Usage: sleepers.py SECONDS"""

import sys
import threading
import time

threads = [threading.Thread(target=time.sleep, args=(float(sys.argv[1]),)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
