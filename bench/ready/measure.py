#!/usr/bin/env python3
"""How well `festina ready` forecasts training and predicting on many rows, beside fits that people make by hand.

measure.py FESTINA [--models boosting,logistic] [--budget 60] [--rows 1000000,3000000]; prints a section as JSON.
Runs with the Python that is to run the models: scikit-learn has to be there.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "program.py"


def truth(phase, model, rows, model_file):
    """Returns how long a run takes, and its peak of memory in bytes."""
    option = "--out" if phase == "train" else "--model-file"
    command = [sys.executable, str(PROGRAM), phase, model, "--rows", str(rows), option, str(model_file)]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0, command
    return time.monotonic() - start, usage.ru_maxrss * 1024


def truths(model, rows):
    """Returns what training and predicting take on each number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model")
        # In this order: what predicts needs a model.
        return {(phase, count): truth(phase, model, count, file) for phase in ("train", "predict") for count in rows}


def medians(rounds):
    """Returns the medians of three rounds: even a quiet machine is a third slower for a while now and then."""
    return {
        key: tuple(sorted(values)[len(values) // 2] for values in zip(*(of[key] for of in rounds))) for key in rounds[0]
    }


def project(model, rows, budget, targets):
    """Returns the festina.toml whose targets lie in the middle of what is true, so that no answer is sure early."""
    python, program = sys.executable, PROGRAM
    return f"""
[data]
rows_now = 100_000
rows_target = {rows}

[train]
cmd = "{python} {program} train {model} --rows {{rows}} --out {{model}}"
target = "{targets["train"]:.3f} s"
budget = "{budget} s"

[predict]
cmd = "{python} {program} predict {model} --rows {{rows}} --model-file {{model}}"
target = "{targets["predict"]:.3f} s"
budget = "{budget} s"
"""


def power_law(points, rows):
    """Fits ln T = a + b ln n by least squares."""
    logs = [(math.log(n), math.log(t)) for n, t in points]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)
    return math.exp(mean_y + slope * (math.log(rows) - mean_x))


def line(points, rows):
    """Fits T = a + b n by least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return max(mean_y + slope * (rows - mean_x), 1e-3)


def last_two(points, rows):
    """Draws the power law through the last two sizes."""
    (n0, t0), (n1, t1) = points[-2:]
    return t1 * (rows / n1) ** (math.log(t1 / t0) / math.log(n1 / n0))


def by_size(runs):
    """Returns the sizes with their median times, of the runs on the most cores."""
    most = max(run["cores"] for run in runs)
    times = {}
    for run in runs:
        if run["cores"] == most:
            times.setdefault(run["rows"], []).append(run["time_s"])
    return [(rows, sorted(of)[len(of) // 2]) for rows, of in sorted(times.items())]


def forecasts(festina, model, rows, budget, targets):
    """Returns the questions of `festina ready`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "festina.toml").write_text(project(model, rows, budget, targets))
        output = subprocess.run([festina, "ready", "--json"], cwd=folder, capture_output=True, text=True, check=False)
        return json.loads(output.stdout)["questions"]


def factor(forecast, true):
    return max(forecast / true, true / forecast)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("festina")
    parser.add_argument("--models", default="boosting,logistic")
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--rows", default="1000000,3000000")
    arguments = parser.parse_args()
    rows = [int(count) for count in arguments.rows.split(",")]
    fits = {"festina ready": None, "power law": power_law, "line": line, "last two sizes": last_two}
    errors = {name: [] for name in fits}
    covered, memory, memory_covered, details, wrong = 0, [], 0, [], 0
    for model in arguments.models.split(","):
        before = truths(model, rows)
        targets = {
            phase: math.prod(before[phase, count][0] for count in rows) ** (1 / len(rows))
            for phase in ("train", "predict")
        }
        questions = forecasts(arguments.festina, model, rows, arguments.budget, targets)
        true = medians([before, truths(model, rows), truths(model, rows)])
        for question in questions:
            phase, _, count = question["id"].partition("@")
            seconds, peak = true[phase, int(count or rows[0])]
            estimate, points = question["estimate"], by_size(question["growth"]["runs"])
            band, need = estimate["interval"], question["memory"]["peak_bytes"]
            covered += band["lower"] <= seconds <= band["upper"]
            wrong += question["verdict"] == "ready" and seconds > question["target"]
            memory.append(factor(need["value"], peak))
            memory_covered += need["interval"]["lower"] <= peak <= need["interval"]["upper"]
            for name, fit in fits.items():
                forecast = fit(points, int(count or rows[0])) if fit else estimate["value"]
                errors[name].append(factor(forecast, seconds))
            details.append(
                f"{model}, {phase} on {int(count or rows[0]):,} rows: {seconds:.1f} s; "
                f"forecast {estimate['value']:.1f} s, "
                f"90 % band {band['lower']:.1f} – {band['upper']:.1f} s, from runs on up to {points[-1][0]:,.0f} rows"
            )
    n = len(memory)
    mean = {name: math.exp(sum(map(math.log, of)) / len(of)) for name, of in errors.items()}
    notes = [
        f"Bands of `festina ready` cover {covered} of {n} times and {memory_covered} of {n} peaks of memory, "
        "which it forecasts within "
        f"×{math.exp(sum(map(math.log, memory)) / n):.2f} in the mean, ×{max(memory):.2f} at worst. "
        f"READY for what was not: {wrong}.",
        *details,
    ]
    section = {
        "title": "Forecasts of training and predicting from small runs",
        "order": 45,
        "protocol": f"{', '.join(arguments.models.split(','))} of scikit-learn, trained and asked on "
        f"{' and '.join(f'{count:,}' for count in rows)} "
        "rows three times for the truth, once before and twice after (medians); "
        f"`festina ready` may measure for {arguments.budget} s each. "
        "The other fits are made of its runs (medians by size). "
        "Error: forecast over truth, or its inverse.",
        "columns": ["forecast", "mean error", "worst error"],
        "rows": [[name, f"×{mean[name]:.2f}", f"×{max(errors[name]):.2f}"] for name in fits],
        "notes": notes,
    }
    print(json.dumps(section))


if __name__ == "__main__":
    main()
