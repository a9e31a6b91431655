#!/usr/bin/env python3
"""What `festina run` promises of long runs: soon started, cheap, small, forecast right, stopped whole, soon resumed.

endurance.py FESTINA [--tasks 100000] [--rounds 20]; prints a section as JSON.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """Returns the fields of /proc/PID/stat behind the name; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def children(pid):
    """Returns the processes whose parent is PID."""
    of = ((int(name), stat(name)) for name in os.listdir("/proc") if name.isdigit())
    return [child for child, fields in of if fields and int(fields[1]) == pid]


def watched(command, folder):
    """Runs a command; returns its elapsed time, the CPU time of festina and its guardians, and its peak of memory."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    cpu, peak, guardians = {}, 0, []
    while process.poll() is None:
        guardians = guardians or children(process.pid)
        for pid in [process.pid, *guardians]:
            fields = stat(pid)
            if fields and fields[0] != "Z":
                cpu[pid] = (int(fields[11]) + int(fields[12])) / TICK
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))])
        except OSError:
            pass
        time.sleep(0.05)
    assert process.returncode == 0, command
    return time.monotonic() - start, sum(cpu.values()), peak


def first_task(festina, folder, rounds):
    """Returns the median time from the start to the first task, of festina and of its peers."""
    form = "+%s.%N"
    ways = {
        "nothing: the program itself": ["date", form],
        "festina run": [festina, "run", "-q", "--", "date", "{}", ":::", form],
        "xargs": ["xargs", "date"],
        "GNU parallel": ["parallel", "date", "{}", ":::", form],
    }
    ways = {name: way for name, way in ways.items() if shutil.which(way[0])}
    times = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, way in ways.items():
            start = time.time()
            text = subprocess.run(way, cwd=folder, input=form.encode(), check=True, stdout=subprocess.PIPE).stdout
            if round_ > 0:
                times[name].append(float(text) - start)
    return {name: statistics.median(of) for name, of in times.items()}


def result(festina, folder, arguments):
    """Runs festina and returns its JSON."""
    path = Path(folder) / "result.json"
    command = [festina, "run", "-q", f"--json={path}", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return json.loads(path.read_text())


def forecasts(festina, folder):
    """Returns rows on how well the time of twice and four times the workers is forecast, and how well terms sum up."""
    times = [f"{0.08 + n * 7 % 31 / 100:.2f}" for n in range(48)]
    of = {slots: result(festina, folder, ["-j", str(slots), "--", "sleep", "{}", ":::", *times]) for slots in (2, 4, 8)}
    summary = of[2]["summary"]
    total = sum(seconds for name, seconds in summary["time"].items())
    rows = [("terms of the time, off workers × elapsed", 100 * abs(total / (2 * summary["wall_s"]) - 1), "%", 2)]
    for slots in (4, 8):
        forecast = next(one["makespan_s"] for one in of[2]["forecasts"] if one["workers"] == slots)
        error = 100 * abs(forecast / of[slots]["summary"]["wall_s"] - 1)
        rows.append((f"elapsed time on {slots} workers, forecast from 2", error, "%", 15))
    return rows


def alive(mark):
    """Returns how many processes have MARK as their last argument."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            count += Path(f"/proc/{name}/cmdline").read_bytes().rstrip(b"\0").endswith(mark.encode())
    return count


def stops(festina, folder):
    """Returns rows on how long after a signal the last descendant is gone: children, sessions, daemons."""
    ways = [("Ctrl-C twice", [signal.SIGINT] * 2), ("SIGTERM", [signal.SIGTERM]), ("SIGHUP", [signal.SIGHUP])]
    ways.append(("kill -9", [signal.SIGKILL]))
    rows = []
    for index, (name, signals) in enumerate(ways):
        mark = str(10**9 + os.getpid() * 10 + index)
        script = f"sleep {mark} & setsid sleep {mark} & (setsid sleep {mark} &); trap '' TERM INT; sleep {mark}; : {{}}"
        command = [festina, "run", "-q", "-j2", "--", "sh", "-c", script, ":::", "a", "b"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while alive(f"\0{mark}") < 8:
            time.sleep(0.02)
        for which in signals:
            process.send_signal(which)
            asked = time.monotonic()
            time.sleep(0.05)
        while alive(f"\0{mark}") > 0 and time.monotonic() < asked + 10:
            time.sleep(0.01)
        process.wait()
        rows.append((f"last of 8 descendants gone after {name}", time.monotonic() - asked, "s", 1))
    return rows


def long_run(festina, folder, n_tasks):
    """Returns rows on a run of very many tasks, and on its resumption."""
    inputs = Path(folder) / "inputs"
    inputs.write_text("".join(f"{n}\n" for n in range(n_tasks)))
    command = [festina, "run", "-q", "--name", "many", "-j2", "--", shutil.which("true"), "{}", "::::", "inputs"]
    wall, cpu, peak = watched(command, folder)
    journal = (Path(folder) / ".festina/many/tasks.journal").stat().st_size
    resume = [*command[:2], "--resume=many", *command[2:3], *command[5:]]
    again, _, peak_again = watched(resume, folder)
    name = f"{n_tasks:,} × true"
    return [
        (f"{name}: elapsed a task", 1e6 * wall / n_tasks, "µs", None),
        (f"{name}: CPU of festina and its guardians a task", 1e6 * cpu / n_tasks, "µs", None),
        (f"{name}: peak of memory", peak / 1e6, "MB", 150),
        (f"{name}: journal a task", journal / n_tasks, "bytes", 200),
        (f"{name}, all recorded: --resume", again, "s", None),
        (f"{name}, all recorded: peak of memory", peak_again / 1e6, "MB", 150),
    ]


def short_tasks(festina, folder):
    """Returns rows on tasks of 10 ms."""
    wall, cpu, _ = watched(
        [festina, "run", "-q", "-j2", "--range", "1..2000", "--", "sleep", "0.01", "0.0000{}"], folder
    )
    share = 100 * cpu / (2 * wall)
    return [
        ("2,000 × 10 ms: CPU of festina and its guardians of workers × elapsed", share, "%", 1),
        ("the same tasks, of a loop in Python of posix_spawn and wait4 alone", bare_loop(500), "%", None),
    ]


def bare_loop(n_tasks):
    """Returns which part of the time a process computes that only starts one task after the other, and waits."""
    sleep, start, used = shutil.which("sleep"), time.monotonic(), time.process_time()
    for _ in range(n_tasks):
        os.wait4(os.posix_spawn(sleep, ["sleep", "0.01"], {}), 0)
    return 100 * (time.process_time() - used) / (time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("festina")
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    festina = os.path.abspath(arguments.festina)
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            (f"first task starts: {name}", 1e3 * time_, "ms", 10 if name == "festina run" else None)
            for name, time_ in first_task(festina, folder, arguments.rounds).items()
        ]
        figures += forecasts(festina, folder) + stops(festina, folder) + short_tasks(festina, folder)
        figures += long_run(festina, folder, arguments.tasks)
    missed = [f"Missed: {what} is {value:.3g} {unit}." for what, value, unit, goal in figures if goal and value > goal]
    section = {
        "title": "Very many tasks: what `festina run` promises",
        "order": 64,
        "protocol": f"Two workers; the first task's start is the median of {arguments.rounds} starts in turn. CPU time "
        "is that of festina and of the guardians that start its tasks, without the tasks; forecasts are of 48 tasks "
        "that sleep, held to runs.",
        "columns": ["what", "measured", "at most"],
        "rows": [
            [what, f"{value:.3g} {unit}", "" if goal is None else f"{goal} {unit}"]
            for what, value, unit, goal in figures
        ],
        "notes": [
            *missed,
            "Kills at random moments are a test: `FESTINA_KILLS=100 cargo test -p festina-run --test interrupts`.",
        ],
    }
    json.dump(section, sys.stdout)


if __name__ == "__main__":
    main()
