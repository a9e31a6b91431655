"""A program of fixed work whose parts are known: it times them itself and prints them as JSON.

Parts run one behind the other in the main thread: Python loops, NumPy, sleep; then threads that fight for the
interpreter's lock, and child processes. Usage: mixed.py TRUTH_FILE [SCALE]
"""

import json
import multiprocessing
import sys
import threading
import time

import numpy

SCALE = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0


def inner(count):
    total = 0
    for number in range(count):
        total += number * number
    return total


def python_loop():
    for _ in range(int(2500 * SCALE)):
        inner(10_000)


def python_calls():
    for _ in range(int(3_000_000 * SCALE)):
        inner(5)


def numpy_products():
    matrix = numpy.full((300, 300), 1.0001)
    for _ in range(int(60 * SCALE)):
        matrix = matrix @ matrix
        matrix /= matrix.max()


def sleeping():
    time.sleep(SCALE)


def fighting():
    inner(int(8_000_000 * SCALE))


def fighting_threads():
    threads = [threading.Thread(target=fighting) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def child():
    inner(int(12_000_000 * SCALE))


def children():
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=child) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def main():
    truth = {}
    begin = time.perf_counter()
    for part in [python_loop, python_calls, numpy_products, sleeping, fighting_threads, children]:
        start = time.perf_counter()
        part()
        truth[part.__name__] = time.perf_counter() - start
    truth["total"] = time.perf_counter() - begin
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(truth, file)


if __name__ == "__main__":
    main()
