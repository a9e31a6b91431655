"""`on="auto"`: computes the first items, and chooses what cannot be slower than the serial loop."""

from __future__ import annotations

import threading
import time
from typing import Any

from festina._backend import Batch, CallSpec, Done
from festina._backends import compute
from festina._driver import Source

# Below this time of an item, handing it to another process is not worth it.
WORTH_S = 50e-6
# Two threads that wait for one lock need twice the time of one; beyond this they ran at the same time.
OVERLAP = 1.4
# Moving a byte to another process costs so much, the copy and the page faults.
BYTE_S = 0.3e-9


def choose(spec: CallSpec, items: Source, workers: int) -> tuple[str, list[Done]]:
    """Return ``"serial"``, ``"threads"`` or ``"processes"``, and the results of the items that told so.

    The first item is computed in this thread, the next two at the same time in two threads: a function that is not safe
    in threads wants a backend by name.
    """
    call = spec.call()
    first = _batch(items)
    if first is None:
        return "serial", []
    done = [compute(call, first, 0)]
    each = done[0].durations[0]
    if each < WORTH_S:
        # The first call may be dear for reasons of its own; it was not.
        return "serial", done
    pair = [batch for batch in (_batch(items), _batch(items)) if batch is not None]
    if workers == 1 or len(pair) < 2:
        return "serial", done + [compute(call, batch, 0) for batch in pair]
    together: list[Done] = []
    threads = [
        threading.Thread(target=lambda batch=batch, at=at: together.append(compute(call, batch, at)))
        for at, batch in enumerate(pair)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    done += together
    alone = min(each, *(sum(other.durations) for other in together))
    if alone < WORTH_S:
        return "serial", done
    if 2 * alone / wall > OVERLAP:
        return "threads", done
    moved = _size(first.items[0]) * BYTE_S
    return ("processes" if alone > 2 * (WORTH_S + moved) else "serial"), done


def _batch(items: Source) -> Batch | None:
    indices, taken = items.take(1)
    return Batch(indices, taken) if taken else None


def _size(item: Any) -> int:
    size = getattr(item, "nbytes", 0)
    return size if isinstance(size, int) else 0
