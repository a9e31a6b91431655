#!/usr/bin/env python3
"""Trains the model that tells which customers are about to leave.

python train.py --rows 100000 --out model.joblib
"""

import argparse

import joblib
from churn import customers
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="customers to learn from")
    parser.add_argument("--out", default="model.joblib", help="where the model goes")
    arguments = parser.parse_args()
    x, left = customers(arguments.rows)
    model = make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=200, early_stopping=False, random_state=1)
    )
    model.fit(x, left)
    joblib.dump(model, arguments.out)
    print(f"learned from {arguments.rows} customers")


if __name__ == "__main__":
    main()
