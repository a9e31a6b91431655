#!/usr/bin/env python3
"""A training and a predicting program of several models, on the customers of examples/churn-service.

program.py train MODEL --rows N --out FILE
program.py predict MODEL --rows N --model-file FILE
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "churn-service"))

import joblib
from churn import customers
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def made(name):
    """Returns a model that was not trained."""
    if name == "boosting":
        return HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=1)
    if name == "logistic":
        return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=200))
    forest = RandomForestClassifier(n_estimators=12, max_depth=14, n_jobs=-1, random_state=1)
    return make_pipeline(SimpleImputer(), forest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("phase", choices=["train", "predict"])
    parser.add_argument("model", choices=["boosting", "logistic", "forest"])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out")
    parser.add_argument("--model-file")
    arguments = parser.parse_args()
    x, left = customers(arguments.rows)
    if arguments.phase == "train":
        joblib.dump(made(arguments.model).fit(x, left), arguments.out)
    else:
        print(joblib.load(arguments.model_file).predict_proba(x)[:, 1].mean())


if __name__ == "__main__":
    main()
