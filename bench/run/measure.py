#!/usr/bin/env python3
"""Interleaves `festina run`, the C reference, xargs and GNU parallel on many short commands, and prints JSON.

measure.py FESTINA_RUN REFERENCE [--tasks 2000] [--rounds 5] [--slots 2]

FESTINA_RUN is the program, with `run` after it where that is a subcommand; REFERENCE is made of reference.c. In each
round the order rotates; the first round is left out; what counts are the medians of the rounds' ratios. Peers that are
not installed are null.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def seconds(command, folder):
    """Returns the elapsed time of a command, which must succeed."""
    start = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("festina")
    parser.add_argument("reference")
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slots", type=int, default=2)
    arguments = parser.parse_args()
    slots, program = str(arguments.slots), shutil.which("true")
    with tempfile.TemporaryDirectory() as folder:
        inputs = os.path.join(folder, "inputs")
        with open(inputs, "w") as file:
            file.writelines(f"{n}\n" for n in range(1, arguments.tasks + 1))
        ours = [*shlex.split(arguments.festina), "-j", slots, "--", program, "::::", inputs]
        commands = {
            "reference": [arguments.reference, slots, str(arguments.tasks), program],
            "festina": ours,
            "xargs": ["xargs", "-a", inputs, "-P", slots, "-n1", program],
            "parallel": ["parallel", "-j", slots, program, "::::", inputs],
        }
        commands = {name: command for name, command in commands.items() if shutil.which(command[0])}
        times = {name: [] for name in commands}
        for round_ in range(arguments.rounds + 1):
            names = list(commands)
            names = names[round_ % len(names) :] + names[: round_ % len(names)]
            for name in names:
                taken = seconds(commands[name], folder)
                if round_ > 0:
                    times[name].append(taken)
    median_us = {name: 1e6 * statistics.median(of) / arguments.tasks for name, of in times.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(times[name], times["festina"])) if name in times else None
        for name in ("reference", "xargs", "parallel")
    }
    result = {
        "tasks": arguments.tasks,
        "slots": arguments.slots,
        "rounds": arguments.rounds,
        "us_per_task": median_us,
        "festina_over_reference": 1 / ratios["reference"],
        "xargs_over_festina": ratios["xargs"],
        "parallel_over_festina": ratios["parallel"],
        "seconds": times,
    }
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
