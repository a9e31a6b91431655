#!/usr/bin/env python3
"""Interleaves `festina solve tsp`, fast-tsp and LKH (elkai) on uniform cities, and prints a section as JSON.

measure.py FESTINA [--seeds 5] [--long]

The instances are those of the DIMACS challenge, made here by its generator: E1k.0, E10k.0, E100k.0. Every tour is
measured again here. With --long, 60 seconds are given too. fast-tsp takes a matrix of 16-bit distances, so that its
are rounded to 65,535 steps and it has no row for 100,000 cities; LKH has no time limit here: its own time is shown.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import elkai
import fast_tsp
import numpy

# Best known lengths: DIMACS challenge, and D. S. Johnson and L. A. McGeoch's tables.
INSTANCES = {"E1k.0": (1000, 23_360_648), "E10k.0": (10_000, 71_865_826), "E100k.0": (100_000, 225_784_127)}
MODULUS = 1_000_000_000


def lagged_differences(seed):
    """Yields the numbers of the challenge's generator: subtractive, with lags of 55 and 24 (Knuth, volume 2, 3.2.2)."""
    state, last, following = [0] * 55, seed, 1
    state[0] = seed
    for i in range(1, 55):
        place = 21 * i % 55
        state[place] = following
        last, following = following, (last - following) % MODULUS
    a, b, skipped = 0, 24, 165
    while True:
        a, b = (a - 1) % 55, (b - 1) % 55
        state[a] = (state[a] - state[b]) % MODULUS
        if skipped > 0:
            skipped -= 1
        else:
            yield state[a]


def cities(n):
    """Returns n uniform cities; the seed of the first instance of a size is its size."""
    numbers = lagged_differences(n)
    return numpy.array([[next(numbers) // 1000, next(numbers) // 1000] for _ in range(n)], dtype=numpy.int64)


def length(points, tour):
    """Returns the length of a tour, after TSPLIB: each distance rounded to the nearest integer."""
    if sorted(tour) != list(range(len(points))):
        raise ValueError("a tour visits every city once")
    steps = points[tour] - points[numpy.roll(tour, -1)]
    return int(numpy.floor(numpy.sqrt((steps**2).sum(axis=1)) + 0.5).sum())


def matrix(points):
    """Returns all distances."""
    steps = points[:, None, :].astype(numpy.float32) - points[None, :, :].astype(numpy.float32)
    return numpy.floor(numpy.sqrt((steps**2).sum(axis=2)) + 0.5)


def festina(program, file, workers, limit, seed):
    """Returns the tour, the time that it took, and the certified gap."""
    with tempfile.TemporaryDirectory() as folder:
        answer = os.path.join(folder, "answer.json")
        words = [program, "solve", "tsp", file, "-j", workers, "--time", f"{limit}s", "--seed", seed]
        start = time.monotonic()
        subprocess.run([*map(str, words), f"--json={answer}"], check=True, stdout=subprocess.DEVNULL)
        elapsed = time.monotonic() - start
        with open(answer, encoding="utf-8") as text:
            answer = json.load(text)
    return answer["tour"], elapsed, answer["gap"]


def by_fast_tsp(distances, limit):
    """Returns fast-tsp's tour and its time."""
    start = time.monotonic()
    tour = fast_tsp.find_tour(distances, duration_seconds=limit)
    return tour, time.monotonic() - start, None


def by_lkh(distances):
    """Returns LKH's tour after one run, and its time."""
    start = time.monotonic()
    tour = elkai.DistanceMatrix(distances).solve_tsp(runs=1)
    return tour[:-1], time.monotonic() - start, None


def tools(arguments, points, file, limit):
    """Returns the tools that can take an instance in the time given."""
    tools = {
        "festina, one thread": lambda seed: festina(arguments.festina, file, 1, limit, seed),
        "festina, two threads": lambda seed: festina(arguments.festina, file, 2, limit, seed),
    }
    if len(points) <= 10_000:
        distances = matrix(points)
        coarse = (distances * (65_535 / distances.max())).astype(numpy.uint16)
        tools["fast-tsp"] = lambda _: by_fast_tsp(coarse, limit)
        if len(points) <= 1000:
            exact = distances.astype(int).tolist()
            tools["LKH 3 (elkai), one run"] = lambda _: by_lkh(exact)
    return tools


def rows(arguments, name, limit, folder):
    """Returns a row a tool: its median gap over the best known, the time it took, the gap it certifies."""
    n, best = INSTANCES[name]
    points = cities(n)
    file = os.path.join(folder, f"{name}.tsp")
    with open(file, "w", encoding="utf-8") as text:
        text.write(f"NAME: {name}\nTYPE: TSP\nDIMENSION: {n}\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n")
        text.writelines(f"{i} {x} {y}\n" for i, (x, y) in enumerate(points.tolist(), 1))
        text.write("EOF\n")
    by_tool = tools(arguments, points, file, limit)
    results = {tool: [] for tool in by_tool}
    for seed in range(1, arguments.seeds + 1):
        for tool, solve in by_tool.items():
            tour, elapsed, certified = solve(seed)
            results[tool].append((100 * (length(points, tour) / best - 1), elapsed, certified))
    for tool, runs in results.items():
        gaps, times, certified = zip(*runs, strict=True)
        proof = "none" if certified[0] is None else f"{100 * statistics.median(certified):.2f}"
        yield [name, f"{limit} s", tool, f"{statistics.median(gaps):.3f}", f"{max(times):.2f}", proof]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("festina")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    cases = [("E1k.0", 1), ("E10k.0", 10), ("E100k.0", 10)]
    if arguments.long:
        cases += [("E10k.0", 60), ("E100k.0", 60)]
    with tempfile.TemporaryDirectory() as folder:
        table = [row for name, limit in cases for row in rows(arguments, name, limit, folder)]
    section = {
        "title": "The travelling salesman: `festina solve tsp`",
        "order": 72,
        "protocol": f"Uniform cities of the DIMACS challenge; whole processes of festina, reading included; medians of "
        f"{arguments.seeds} seeds, tools in turn; every tour measured again by the script. Peers use one thread.",
        "columns": ["instance", "limit", "what", "% over the best known", "longest, s", "% certified"],
        "rows": table,
        "notes": [
            "Goals, on two threads: E1k 0.05 % at 1 s; E10k 0.20 and 0.025 % at 10 and 60 s; E100k 0.60 and 0.28 %.",
            "The certified gap is over the bound that festina proves, not over the best known; peers prove nothing.",
        ],
    }
    print(json.dumps(section))


if __name__ == "__main__":
    main()
