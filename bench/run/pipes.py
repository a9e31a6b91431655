#!/usr/bin/env python3
"""Times the splitting of one long text and the passing on of long outputs, in turn with peers; prints a section.

pipes.py FESTINA [--megabytes 512] [--rounds 5]

In each round the order rotates; the first round is left out. Answers are compared before times are: the counts of all
blocks must sum to the whole text's. Peers that are not installed are left out.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINE = b"the quick brown fox jumps over the lazy dog, and then sleeps\n"
COUNT = "wc -l"
LENGTHS = "awk '{n += length($0)} END {print n}'"


def jobs(festina):
    """Returns the jobs: a name, the whole way that all others are compared with, and each way's command."""
    run = f"{festina} run -q"
    outputs = "sh -c 'head -c 10000000 text' {} ::: 1 2 3 4 5 6 7 8 9 10"
    of_file = {
        f"{program} of a file": {
            "serial": f"{program} < text",
            "festina": f"{run} --pipe-file text -- {program}",
            "festina, standard input": f"{run} --pipe -- {program} < text",
            "GNU parallel --pipepart": f"parallel -q --pipepart -a text --block 8M {program}",
        }
        for program in (COUNT, LENGTHS)
    }
    of_pipe = {
        f"{program} of a pipe": {
            "serial": f"cat text | {program}",
            "festina": f"cat text | {run} --pipe -- {program}",
            "GNU parallel --pipe": f"cat text | parallel -q --pipe --block 8M {program}",
        }
        for program in (COUNT, LENGTHS)
    }
    passing_on = {
        "10 × 10 MB in order": {
            "serial": "for n in 1 2 3 4 5 6 7 8 9 10; do head -c 10000000 text; done | cat",
            "festina": f"{run} -k -- {outputs} | cat",
            "GNU parallel": f"parallel -q -k {outputs} | cat",
            "xargs, not grouped": "seq 10 | xargs -P2 -I_ sh -c 'head -c 10000000 text' | cat",
        }
    }
    return {**of_file, **of_pipe, **passing_on}


def run(command, folder, output=subprocess.DEVNULL):
    """Runs a command of a shell, which must succeed; returns the elapsed time and what was asked for."""
    start = time.monotonic()
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=folder, check=True, stdout=output)
    return time.monotonic() - start, done.stdout


def check(job, ways, folder):
    """Holds the answer of each way to the first one's."""

    def answer(command):
        output = run(command, folder, subprocess.PIPE)[1]
        return len(output) if job.startswith("10 ×") else sum(int(line) for line in output.split())

    answers = {name: answer(command) for name, command in ways.items()}
    assert len(set(answers.values())) == 1, (job, answers)


def measure(ways, folder, rounds):
    """Returns the times of each way, one a round."""
    times = {name: [] for name in ways}
    names = list(ways)
    for round_ in range(rounds + 1):
        turn = round_ % len(names)
        for name in names[turn:] + names[:turn]:
            taken = run(ways[name], folder)[0]
            if round_ > 0:
                times[name].append(taken)
    return times


def goals(medians):
    """Returns the goals that were missed, in words."""
    count, lengths, outputs = f"{COUNT} of a file", f"{LENGTHS} of a file", "10 × 10 MB in order"
    kept = [
        (medians[count]["festina"] <= medians[count]["serial"], "counting lines of a file is slower than serial"),
        (medians[lengths]["festina"] < medians[lengths]["serial"], "awk does not beat serial"),
        (medians[f"{COUNT} of a pipe"]["festina"] <= 0.3, "counting lines of a pipe takes more than 0.3 s"),
        (medians[outputs]["festina"] <= 0.10, "grouped and ordered output takes more than 0.10 s"),
    ]
    return [f"Missed: {words}." for is_kept, words in kept if not is_kept]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("festina")
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows, medians = [], {}
    with tempfile.TemporaryDirectory() as folder:
        lines = (arguments.megabytes << 20) // len(LINE)
        with open(Path(folder) / "text", "wb") as text:
            for _ in range(0, lines, 10_000):
                text.write(LINE * 10_000)
        for job, every in jobs(arguments.festina).items():
            peers = {"GNU parallel --pipepart", "GNU parallel --pipe", "GNU parallel"}
            ways = {name: way for name, way in every.items() if name not in peers or shutil.which("parallel")}
            check(job, ways, folder)
            times = measure(ways, folder, arguments.rounds)
            medians[job] = {name: statistics.median(of) for name, of in times.items()}
            for name, of in times.items():
                ratio = statistics.median(a / b for a, b in zip(of, times["serial"]))
                rows.append([job, name, f"{medians[job][name]:.3f}", f"{ratio:.2f}"])
    section = {
        "title": "One long text in blocks, and long outputs: `festina run --pipe`",
        "order": 62,
        "protocol": f"{arguments.megabytes} MiB of lines of {len(LINE)} bytes, in the page cache; two workers; "
        f"{arguments.rounds} rounds in turn, medians. Counts of blocks are held to the whole text's.",
        "columns": ["job", "what", "seconds", "time / serial"],
        "rows": rows,
        "notes": [
            *goals(medians),
            "Goals: from a file never slower than serial, awk faster; counting lines of a pipe in 0.3 s; 100 MB of "
            "outputs, grouped and in order, in 0.10 s.",
        ],
    }
    json.dump(section, sys.stdout)


if __name__ == "__main__":
    main()
