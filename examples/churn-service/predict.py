#!/usr/bin/env python3
"""Tells of many customers at once which ones are about to leave.

python predict.py --rows 100000 --model-file model.joblib
"""

import argparse

import joblib
from churn import customers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="customers to ask about")
    parser.add_argument("--model-file", default="model.joblib", help="what train.py wrote")
    arguments = parser.parse_args()
    x, _ = customers(arguments.rows, seed=2)
    likely = joblib.load(arguments.model_file).predict_proba(x)[:, 1]
    print(f"{int((likely > 0.5).sum())} of {arguments.rows} customers are about to leave")


if __name__ == "__main__":
    main()
