#!/usr/bin/env python3
"""Trains a forest of decision stumps on made-up data: the slow program of festina's README.

    python3 examples/train.py --rows 20000 --jobs 2

Reading (here: making) the data and the final scoring are serial; the trees are trained in parallel, one process a job.
Each tree draws its bootstrap sample from a seed of its own, so that the forest is the same for any number of jobs.
"""

import argparse
import math
import random
from multiprocessing import Pool

FEATURES = 4
TREES = 16
THRESHOLDS = 8

rows = []


def make_rows(count, seed):
    """Returns `count` rows of features and a label, noisy and reproducible."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        features = [draw.random() for _ in range(FEATURES)]
        signal = features[0] + 0.5 * math.sin(6.0 * features[1]) + 0.2 * draw.gauss(0.0, 1.0)
        made.append((features, signal > 0.6))
    return made


def train_stump(seed):
    """Returns the (feature, threshold) that splits a bootstrap sample of the rows best."""
    draw = random.Random(seed)
    sample = draw.choices(rows, k=len(rows) // 4)
    candidates = [(f, t / THRESHOLDS) for f in range(FEATURES) for t in range(1, THRESHOLDS)]
    return max(candidates, key=lambda split: sum((x[split[0]] > split[1]) == label for x, label in sample))


def accuracy(forest):
    """Returns the share of rows that the forest's vote labels rightly."""
    right = 0
    for features, label in rows:
        votes = sum(features[feature] > threshold for feature, threshold in forest)
        right += (2 * votes > len(forest)) == label
    return right / len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, required=True, help="size of the data set")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    arguments = parser.parse_args()
    rows.extend(make_rows(arguments.rows, seed=1))
    if arguments.jobs == 1:
        forest = [train_stump(seed) for seed in range(TREES)]
    else:
        with Pool(arguments.jobs) as pool:  # started after the rows are made: the workers inherit them
            forest = pool.map(train_stump, range(TREES), chunksize=1)
    print(f"trees {len(forest)}  first split x{forest[0][0]} > {forest[0][1]:.3f}  accuracy {accuracy(forest):.6f}")


if __name__ == "__main__":
    main()
