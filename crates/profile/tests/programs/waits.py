"""A thread for each thing that can be waited for. Usage: waits.py SCALE"""

import os
import subprocess
import sys
import threading
import time

SECONDS = 0.8 * float(sys.argv[1])
lock = threading.Lock()
lock.acquire()
condition = threading.Condition()
read_end, write_end = os.pipe()


def waits_asleep():
    time.sleep(SECONDS)


def waits_for_lock():
    with lock:
        pass


def waits_for_condition():
    with condition:
        condition.wait()


def waits_for_pipe():
    os.read(read_end, 1)


def waits_for_child():
    subprocess.run(["sleep", str(SECONDS)], check=True)


threads = [
    threading.Thread(target=target)
    for target in [waits_asleep, waits_for_lock, waits_for_condition, waits_for_pipe, waits_for_child]
]
for thread in threads:
    thread.start()
threads[0].join()
threads[4].join()
lock.release()
with condition:
    condition.notify_all()
os.write(write_end, b"x")
for thread in threads:
    thread.join()
