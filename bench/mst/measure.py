#!/usr/bin/env python3
"""Interleaves `festina solve mst`, SciPy and NetworKit on one graph, and prints JSON.

measure.py FESTINA GRAPH.mtx [--rounds 5]

Every tool has read the graph before its clock starts: festina tells its own time without reading, SciPy holds a
sparse matrix, NetworKit a graph. In each round the order rotates; the first round is left out; what counts are the
medians of the rounds. The weights of all answers must agree.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import networkit
import numpy
import scipy.io
import scipy.sparse.csgraph


def festina(program, graph, workers):
    """Returns the time that festina tells, the time of its check, and the weight of its forest."""
    with tempfile.TemporaryDirectory() as folder:
        answer = os.path.join(folder, "answer.json")
        command = [program, "solve", "mst", graph, "-j", str(workers), f"--json={answer}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(answer, encoding="utf-8") as file:
            answer = json.load(file)
    return answer["elapsed_s"], answer["check_s"], answer["weight"]


def scipy_forest(matrix):
    """Returns how long SciPy's forest took, and what it weighs."""
    start = time.monotonic()
    forest = scipy.sparse.csgraph.minimum_spanning_tree(matrix)
    return time.monotonic() - start, None, float(forest.sum())


def networkit_forest(graph, threads):
    """Returns how long NetworKit's forest took, and what it weighs: the heaviest of negated weights."""
    networkit.setNumberOfThreads(threads)
    start = time.monotonic()
    forest = networkit.graph.RandomMaximumSpanningForest(graph)
    forest.run()
    elapsed = time.monotonic() - start
    return elapsed, None, -forest.getMSF(move=True).totalEdgeWeight()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("festina")
    parser.add_argument("graph")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    entries = scipy.io.mmread(arguments.graph).tocoo()
    n, lower = entries.shape[0], entries.row > entries.col
    row, column, weight = entries.row[lower], entries.col[lower], entries.data[lower].astype(numpy.float64)
    matrix = scipy.sparse.csr_matrix((weight, (row, column)), shape=(n, n))
    graph = networkit.GraphFromCoo((-weight, (row, column)), n=n, weighted=True)
    tools = {
        "festina_1": lambda: festina(arguments.festina, arguments.graph, 1),
        "festina_2": lambda: festina(arguments.festina, arguments.graph, 2),
        "scipy": lambda: scipy_forest(matrix),
        "networkit_1": lambda: networkit_forest(graph, 1),
        "networkit_2": lambda: networkit_forest(graph, 2),
    }
    names = list(tools)
    seconds = {name: [] for name in names}
    checks, weights = [], set()
    for turn in range(arguments.rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            elapsed, check, weight = tools[name]()
            weights.add(weight)
            if turn > 0:
                seconds[name].append(elapsed)
                checks.extend([check] if name == "festina_2" else [])
    if len(weights) != 1:
        sys.exit(f"the forests differ in weight: {weights}")
    ours = seconds["festina_2"]
    ratios = {
        name: statistics.median(their / our for their, our in zip(times, ours, strict=True))
        for name, times in seconds.items()
    }
    figures = {
        "nodes": n,
        "edges": len(row),
        "rounds": arguments.rounds,
        "seconds": {name: statistics.median(times) for name, times in seconds.items()},
        "over_festina_2": ratios,
        "check_s": statistics.median(checks),
        "weight": weights.pop(),
        "versions": {"scipy": scipy.__version__, "networkit": networkit.__version__},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
