"""Memory and time of analysing ten minutes of a hundred threads. Usage: long.py FESTINA [ROUNDS]

The recording is made here, the same each time, with a thousand looks a second: thirty threads that fight for the GIL
on deep stacks, of which one computes at a time, and seventy that wait, and work for a moment ten times a second. The
second one has as many looks and changes as are held at the most.
"""

import json
import os
import random
import sys
import tempfile
import time

SECONDS = 600
RATE = 1000
LOOKS = SECONDS * RATE
BUSY, WAITING = 30, 70
DEPTH = 20
FRAMES = 1000
CPU, GIL, LOCK = 0, 2, 3
GOAL_S, GOAL_BYTES = 10.0, 200e6
# What a recorder holds at the most, looks and changes together.
MOST_HELD = 3_000_000


def write_code(file):
    """Writes functions, frames of ten lines each, stacks that end in each of them, and threads."""
    print("festina-profile 1", file=file)
    print('H {"command":["python3","program.py"],"started_at_s":1700000000.0}', file=file)
    print('P 4000 - 0 3.12 "python3"', file=file)
    for function in range(FRAMES // 10):
        print(f'F p {10 * function + 1} "function_{function}" "/src/program.py"', file=file)
    for frame in range(FRAMES):
        print(f"f {frame // 10} {frame + 1}", file=file)
    print("s 0 0", file=file)
    for depth in range(1, DEPTH):
        print(f"s {depth - 1} {10 * depth}", file=file)
    for leaf in range(FRAMES - 10 * DEPTH):
        print(f"s {DEPTH - 1 - leaf % 10} {10 * DEPTH + leaf}", file=file)
    for thread in range(BUSY + WAITING):
        print(f"T 0 {4000 + thread} 0", file=file)


class Crowd:
    """What a hundred threads do."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.running = 0
        self.stacks = [DEPTH + thread for thread in range(BUSY)]

    def leaf(self):
        return DEPTH + self.random.randrange(FRAMES - 10 * DEPTH)

    def changes(self, look):
        """Returns what is new: each fifth look another has the GIL, on a new line in each; some that wait work."""
        new = {}
        if look == 0:
            new = {thread: (GIL, self.stacks[thread]) for thread in range(BUSY)}
            new |= {thread: (LOCK, 1 + thread % (DEPTH - 1)) for thread in range(BUSY, BUSY + WAITING)}
        if look % 5 == 0:
            new[self.running] = (GIL, self.stacks[self.running])
            self.running = self.random.randrange(BUSY)
        self.stacks[self.running] = self.leaf()
        new[self.running] = (CPU, self.stacks[self.running])
        # Each of those that wait has one look of work in a hundred.
        works, worked = look % 100, (look - 1) % 100
        if works >= BUSY:
            new[works] = (CPU, self.leaf())
        if worked >= BUSY and look > 0:
            new[worked] = (LOCK, 1 + worked % (DEPTH - 1))
        return new


def write(path, count):
    """Writes a recording of `count` looks, spread over the seconds; returns its number of changes."""
    crowd, period, n_changes = Crowd(1), SECONDS * 1_000_000_000 // count, 0
    with open(path, "w", encoding="utf-8") as file:
        write_code(file)
        for look in range(count):
            print("R", crowd.random.randrange(period // 2, period + period // 2), file=file)
            new = crowd.changes(look)
            for thread, (state, stack) in new.items():
                print(f"C {thread} {look} {state} {stack} 0", file=file)
            n_changes += len(new)
        for thread in range(BUSY + WAITING):
            print(f"X {thread} {count} 0 0", file=file)
        sampling = {"rate_hz": RATE, "seed": 0, "backends": [], "cpu_s": 0.0, "stacks_read": 0, "stacks_torn": 0}
        tail = {"end_ns": SECONDS * 1_000_000_000, "status": None, "sampling": sampling, "findings": []}
        print("E", json.dumps(tail), file=file)
    return n_changes


def analyse(festina, path, folder):
    """Returns seconds and bytes that analysing the recording took."""
    begin = time.monotonic()
    command = [festina, "profile", "--from", path, f"--json={folder}/profile.json"]
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    pid = os.posix_spawn(festina, command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command} failed")
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def row(name, count, festina, repeats, folder):
    """Returns a row of the table, its seconds, its bytes, and the number of changes."""
    path = os.path.join(folder, "recording")
    n_changes = write(path, count)
    found = [analyse(festina, path, folder) for _ in range(repeats)]
    seconds = sorted(seconds for seconds, _ in found)[repeats // 2]
    peak = max(peak for _, peak in found)
    size = os.path.getsize(path)
    cells = [name, str(count), str(n_changes), f"{size / 1e6:.0f}", f"{peak / 1e6:.0f}", f"{seconds:.2f}"]
    return cells, seconds, peak, n_changes


def main():
    festina, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        first = row("30 fight for the GIL, 70 wait", LOOKS, festina, repeats, folder)
        most = LOOKS * MOST_HELD // (LOOKS + first[3])
        rows = [first, row("the same, with as much as is held at the most", most, festina, repeats, folder)]
    notes = []
    if any(peak > GOAL_BYTES for _, _, peak, _ in rows):
        notes.append("Missed: it takes more than 200 MB.")
    if any(seconds > GOAL_S for _, seconds, _, _ in rows):
        notes.append("Missed: it takes more than 10 s.")
    notes.append(
        "Goals: under 200 MB, analysed in under 10 s. No recording holds more than the second: beyond, every second "
        "look is left out."
    )
    section = {
        "title": "`festina profile`: ten minutes of a hundred threads",
        "order": 62,
        "protocol": "Recordings made by `bench/profile/long.py`; `festina profile --from`, to a table and JSON, "
        f"{repeats} times: median of the seconds, largest resident memory.",
        "columns": ["recording", "looks", "changes", "file, MB", "memory, MB", "analysed in, s"],
        "rows": [cells for cells, _, _, _ in rows],
        "notes": notes,
    }
    print(json.dumps(section))


main()
