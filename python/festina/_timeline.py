"""When which worker worked on what, in a number of spans that a page can hold however long the map is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    # From when to when, the index of the first item, the number of items, and how many failed.
    Span = list[float]

# What began within this part of the elapsed time is one span: it could not be seen apart.
GRAIN = 1 / 500


class Timeline:
    """Spans of work by worker.

    A span that is short beside the time since `started` grows by what follows it. Spans of a long map are thus long
    themselves, except for the first, and their number grows with the logarithm of the elapsed time.

    Parameters
    ----------
    started : float
        When the map began, by `time.perf_counter`.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self._lanes: dict[int, list[Span]] = {}

    def add(
        self, worker: int, ended: float, durations: Sequence[float], first: int, items: int, failed: int = 0
    ) -> None:
        """Add what a worker did until `ended`: units of items that took `durations`, one after the other."""
        lane = self._lanes.setdefault(worker, [])
        ended -= self.started
        spent = sum(durations)
        grain = GRAIN * ended
        if len(durations) != items or failed or spent <= grain:
            # Which of several failed is told by their exceptions.
            self._extend(lane, [max(0.0, ended - spent), ended, first, items, failed], grain)
            return
        began = max(0.0, ended - spent)
        for at, duration in enumerate(durations):
            self._extend(lane, [began, began + duration, first + at, 1, 0], grain)
            began += duration

    def _extend(self, lane: list[Span], span: Span, grain: float) -> None:
        if lane and span[1] - lane[-1][0] <= grain:
            last = lane[-1]
            last[1] = span[1]
            last[3] += span[3]
            last[4] += span[4]
        else:
            lane.append(span)

    def lanes(self) -> list[list[tuple[float, float, int, int, int]]]:
        """Return the spans of each worker: from, to, first item, items, failed."""
        return [
            [(begin, end, int(first), int(items), int(failed)) for begin, end, first, items, failed in lane]
            for _, lane in sorted(self._lanes.items())
        ]
