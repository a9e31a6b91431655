"""Simulates the tasks of a CSV file on a number of workers with SimPy, and prints the makespan."""

import csv
import sys
from pathlib import Path

import simpy


def main(path, workers):
    environment = simpy.Environment()
    pool = simpy.Resource(environment, capacity=workers)

    def task(duration):
        with pool.request() as turn:
            yield turn
            yield environment.timeout(duration)

    with Path(path).open() as file:
        for row in csv.DictReader(file):
            environment.process(task(float(row["duration_s"])))
    environment.run()
    print(f"{environment.now:.6f}")


main(sys.argv[1], int(sys.argv[2]))
