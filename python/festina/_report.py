"""What a map achieved: speed-up, losses, and what more workers would have brought."""

from __future__ import annotations

import time
from typing import Any

from festina import _festina
from festina._driver import Tally
from festina._result import Result


class MapReport(Result):
    """The speed-up of a map, what was lost, and the forecast for more workers."""

    _rows_of = "forecasts"


def report(
    tally: Tally, function: str, backend: str, recorded: int, findings: list[tuple[str, str, str | None]]
) -> MapReport:
    """Return the report of `tally`; the terms sum to the workers times the elapsed time."""
    ended = tally.ended or time.perf_counter()
    wall = ended - tally.started
    ready = tally.ready or ended
    workers = tally.workers
    # Up to its first result a worker had nothing but its start and its first item.
    first = min(ready - tally.started, wall)
    tails = [max(0.0, ended - seen) for seen in tally.last_seen.values()]
    tail = sum(tails) + (workers - len(tails)) * max(0.0, wall - first) if workers >= len(tails) else 0.0
    whole = workers * wall
    start_up = max(0.0, min(workers * first, whole) - (tally.durations[0][1] if tally.durations else 0.0) * workers)
    rest = whole - tally.work_s - tally.retries_s - start_up - tail
    if rest < 0.0:
        # What overlaps: the work counts, then what was lost to it.
        start_up = max(0.0, start_up + rest)
        rest = max(0.0, whole - tally.work_s - tally.retries_s - start_up - tail)
    notes: list[tuple[str, str, str | None]] = list(findings)
    if backend != "serial" and tally.items > 100 and 0 < tally.work_s < 0.5 * wall:
        each = 1e6 * tally.work_s / tally.items
        notes.append(
            (
                "slower-than-serial",
                f"one thread would have needed {tally.work_s:.3g} s: to send an item costs more than its {each:.2g} µs",
                "on='auto' stays serial where that is faster",
            )
        )
    data: dict[str, Any] = {
        "function": function,
        "backend": backend,
        "workers": workers,
        "wall_s": wall,
        "finished": tally.items - tally.failed,
        "failed": tally.failed,
        "recorded": recorded,
        "died": tally.died,
        "start_up_s": start_up,
        "work_s": tally.work_s,
        "retries_s": tally.retries_s,
        "dispatch_s": rest,
        "idle_tail_s": tail,
        "durations": tally.durations,
        "lanes": tally.timeline.lanes(),
        "longest": tally.longest if tally.longest[0] >= 0 else None,
        "findings": notes,
    }
    return MapReport(_festina.map_report(data))
