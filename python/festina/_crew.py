"""The backend `processes`: workers, each with a channel and a board, forked by a template process or spawned."""

from __future__ import annotations

import _pickle as pickle
import atexit
import contextlib
import itertools
import os
import sys
import threading

from festina import _festina, _template, _worker
from festina._backend import Batch, CallSpec, Done, Lost, Told, Unloadable
from festina._errors import InputError, UnavailableError
from festina._pickling import Outbox, function_bytes, take_back
from festina._process import SIGKILL, Process, environment, template
from festina._worker import BATCH, BYE, CALL, CONTEXT, FORGET, READY, RESULT, TEXT, UNLOADABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from festina._backend import Event

# Batches at a worker: the one it works on and the next, so that it never waits for us.
DEPTH = 2

# More units than any batch has.
MOST = (1 << 32) - 1

# Libraries start as many threads as these variables say.
THREAD_VARIABLES = _festina.THREAD_VARIABLES

_numbers = itertools.count(1)


class Flight:
    """A batch at a worker."""

    __slots__ = ("batch", "done", "end", "keep", "slot")

    def __init__(self, batch: Batch, slot: int, keep: list[Any]) -> None:
        self.batch = batch
        self.slot = slot
        self.keep = keep
        self.done = 0
        self.end = len(batch.items)


class Member:
    """A worker, seen from here."""

    def __init__(self, number: int, start: str, share: int, preload: list[str]) -> None:
        self.number = number
        self.board = _festina.Board()
        ours, theirs = _festina.socket_pair()
        self.channel = _festina.Channel(ours)
        self.process: Process | None = None
        fds = [theirs, self.board.fd()]
        variables = dict.fromkeys(THREAD_VARIABLES, str(share))
        if start == "template":
            self.pid = self._forked(fds, share, {**variables, **os.environ}, preload)
        else:
            self.pid = self._spawned(fds, share, {**variables, **environment()})
        self.is_ready = False
        self.flights: dict[int, Flight] = {}
        self.free = list(range(8))
        self.calls: set[int] = set()
        self.outbox = Outbox(can_pull=_can_pull())
        self.context: tuple[str, list[str], list[str]] | None = None
        self.cause = "died"

    def _forked(self, fds: list[int], share: int, variables: dict[str, str], preload: list[str]) -> int:
        try:
            pid: int = template().ask((_template.FORK, share, variables, preload), fds)
        except (EOFError, OSError) as error:
            hint = "see what it wrote to standard error; start='spawn' does without it"
            message = f"the process that starts workers is gone\nhint: {hint}"
            raise UnavailableError(message) from error
        return pid

    def _spawned(self, fds: list[int], share: int, variables: dict[str, str]) -> int:
        arguments = ["spawn", str(fds[0]), str(os.getpid()), str(fds[1]), str(share)]
        try:
            self.process = Process(arguments, fds, variables)
        finally:
            for fd in fds:
                os.close(fd)
        return self.process.pid

    def post(self, message: tuple[Any, ...], fds: list[int] | None = None, hold: bool = False) -> None:
        """Send a message, or with `hold` together with the next: to wake a worker costs more than the bytes."""
        # A worker that has just died shows when its channel is read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.channel.post(pickle.dumps(message, protocol=5), fds or [], hold)

    def kill(self, cause: str | None = None) -> None:
        """End the worker, and what it started, at once."""
        self.cause = cause or self.cause
        for number in (-self.pid, self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, SIGKILL)
                return

    def ending(self) -> int | None:
        """Return the signal that ended it, once it is gone."""
        try:
            code = self.process.wait(5) if self.process else template().ask((_template.ENDING, self.pid), [])
        except Exception:  # The template died with it; how it ended is then not known.
            return None
        return -code if code is not None and code < 0 else None


_pulling: bool | None = None


def _can_pull() -> bool:
    """Return whether workers may read this process's memory, as far as it can be told here."""
    global _pulling
    if _pulling is None:
        _festina.allow_pulling()
        _pulling = True
    return _pulling


class Crew:
    """Worker processes of this process; they stay for the next map.

    Parameters
    ----------
    workers : int
        How many.
    start : {"template", "spawn"}
        How they are started.
    preload : sequence of str
        Modules that the template imports before it forks.
    share : int
        How many workers (or threads) each of them may use itself.
    """

    name = "processes"

    def __init__(self, workers: int, start: str = "template", preload: tuple[str, ...] = (), share: int = 1) -> None:
        if start not in ("template", "spawn"):
            raise InputError(f"start={start!r} is not known\nhint: one of 'template', 'spawn'")
        self.workers = workers
        self.start = start
        self.preload = list(preload)
        self.share = share
        self.members: list[Member] = []
        self.pid = os.getpid()
        self.kind = (workers, start, self.preload, share)
        self.lock = threading.Lock()
        self.number = 0
        self.spec: tuple[Any, ...] = ()
        self.needed: list[str] = []
        self._stillborn = 0

    def begin(self, spec: CallSpec) -> None:
        self.number = next(_numbers)
        if self.start == "template":
            # It starts while we pickle.
            template()
        blob = function_bytes(spec.function)
        # Imported once, and not by each worker.
        self.needed = ["cloudpickle"] if b"cloudpickle" in blob else []
        self.spec = (CALL, self.number, blob, spec.spread, spec.seed, spec.passes_rng)
        self._look()
        while len(self.members) < self.workers:
            self._hire()

    def _hire(self) -> Member:
        member = Member(len(self.members), self.start, self.share, [*self.preload, *self.needed])
        self.members.append(member)
        return member

    def _look(self) -> None:
        """Let go of members that went while nobody looked."""
        for member in list(self.members):
            try:
                self._read(member, [])
            except EOFError:
                self.members.remove(member)
                member.kill()
                member.ending()

    def has_room(self) -> bool:
        return any(len(member.flights) < DEPTH for member in self.members)

    def is_hungry(self) -> bool:
        return any(not member.flights for member in self.members)

    def send(self, batch: Batch) -> int:
        member = min(self.members, key=lambda member: len(member.flights))
        sent = member.outbox.pack(batch.items)
        context = (os.getcwd(), list(sys.path), list(sys.argv))
        if context != member.context:
            member.context = context
            member.post((CONTEXT, *context), hold=True)
        if self.number not in member.calls:
            # A worker that served many maps forgets none: functions are small.
            member.calls.add(self.number)
            member.post(self.spec, hold=True)
        gone = member.outbox.gone()
        if gone:
            member.post((FORGET, gone), hold=True)
        slot = member.free.pop()
        flight = Flight(batch, slot, sent.keep)
        member.flights[slot] = flight
        member.board.offer(slot, -(-len(batch.items) // batch.unit))
        member.post((BATCH, slot, self.number, batch.indices, batch.unit, sent.data, sent.places), sent.fds)
        return sum(place[4] for place in sent.places)

    def wait(self, timeout: float | None, waker: int | None = None) -> list[Event]:
        events: list[Event] = []
        channels = [member.channel for member in self.members]
        members = list(self.members)
        for index in _festina.wait(channels, timeout, waker):
            if index == len(members):
                continue
            try:
                self._read(members[index], events)
            except EOFError:
                self._bury(members[index], events)
        return events

    def _read(self, member: Member, events: list[Event]) -> None:
        for content, fds in member.channel.take():
            message = pickle.loads(content)
            kind = message[0]
            if kind == RESULT:
                events.extend(self._result(member, message, fds))
            elif kind == READY:
                member.is_ready = True
            elif kind == TEXT:
                events.append(Told(message[1]))
            elif kind == UNLOADABLE:
                flight = self._land(member, message[1])
                batch = flight.batch.part(0, flight.end)
                if message[2] is None:
                    self._stop_pulling()
                    events.append(Lost(batch, 0, 0, 0, "denied", None))
                else:
                    events.append(Unloadable(batch, message[2]))

    def _stop_pulling(self) -> None:
        """Workers may not read our memory here: from now on we copy."""
        global _pulling
        _pulling = False
        for member in self.members:
            member.outbox.can_pull = False

    def _land(self, member: Member, slot: int) -> Flight:
        flight = member.flights.pop(slot)
        member.free.append(slot)
        return flight

    def _result(self, member: Member, message: tuple[Any, ...], fds: list[int]) -> list[Event]:
        _, slot, returned, failures, (units, durations, ended), told, last = message
        flight = member.flights[slot]
        start = flight.done
        try:
            values = take_back(returned, fds)
        except Exception as error:
            # A result that cannot be made here from its bytes is the failure of its task.
            failure = _worker.Failure(error)
            count = min(units * flight.batch.unit, flight.end - start)
            values, failures = [None] * count, dict.fromkeys(range(count), failure)
        flight.done += len(values)
        if last:
            self._land(member, slot)
        events: list[Event] = [Told(told)] if told else []
        done = Done(flight.batch, start, values, failures, durations, units, member.number, last, ended)
        events.append(done)
        return events

    def _bury(self, member: Member, events: list[Event]) -> None:
        """Tell what a dead member had, and hire another."""
        member.kill()
        ended_by = member.ending()
        working = member.board.working()
        for number, flight in enumerate(member.flights.values()):
            started, _ = member.board.state(flight.slot)
            unit, done = flight.batch.unit, flight.done
            at = until = done
            spent = 0.0
            if working is not None and working[0] == flight.slot and started * unit > done:
                at, until = max(done, (started - 1) * unit), min(started * unit, flight.end)
                spent = working[1]
            batch = flight.batch.part(0, flight.end)
            is_first = number == 0
            events.append(Lost(batch, done, at, until, member.cause, ended_by, spent, is_first, member.number))
        # One that was killed from outside says nothing of the next.
        self._stillborn = 0 if member.is_ready or ended_by else self._stillborn + 1
        if self._stillborn > 3:
            hint = "see what they wrote to standard error"
            raise UnavailableError(f"workers end as soon as they start\nhint: {hint}")
        place = self.members.index(member)
        self.members[place] = Member(member.number, self.start, self.share, [*self.preload, *self.needed])

    def steal(self) -> Batch | None:
        best: tuple[int, Member, Flight] | None = None
        for member in self.members:
            for flight in member.flights.values():
                started, end = member.board.state(flight.slot)
                if end - started > (best[0] if best else 0):
                    best = (end - started, member, flight)
        if best is None:
            return None
        left, member, flight = best
        return self._revoke(member, flight, (left + 1) // 2)

    def take_back(self, limit: float) -> list[Batch]:
        taken: list[Batch] = []
        for member in self.members:
            working = member.board.working()
            if working is not None and working[1] > limit:
                batches = (self._revoke(member, flight, MOST) for flight in member.flights.values())
                taken.extend(batch for batch in batches if batch is not None)
        return taken

    def _revoke(self, member: Member, flight: Flight, count: int) -> Batch | None:
        """Return up to `count` units of a flight that have not started, the last first."""
        if member.board.revoke(flight.slot, count) == 0:
            return None
        _, end = member.board.state(flight.slot)
        start = end * flight.batch.unit
        batch = flight.batch.part(start, flight.end)
        flight.end = start
        return batch

    def overdue(self, limit: float) -> None:
        for member in self.members:
            working = member.board.working()
            if member.flights and working is not None and working[1] > limit:
                member.kill("timeout")

    def end(self, aborted: bool) -> None:
        if aborted:
            for member in self.members:
                if member.flights or not member.is_ready:
                    member.kill()
            busy = [member for member in self.members if member.flights or not member.is_ready]
            for member in busy:
                self.members.remove(member)
                member.ending()

    def finding(self, work_s: float) -> tuple[str, str, str] | None:
        return None

    def close(self) -> None:
        """End all workers."""
        if self.pid != os.getpid():
            return
        for member in self.members:
            if member.flights:
                member.kill()
            else:
                member.post((BYE,))
        self.members.clear()


# Crews stay for the next map; at most so many of a kind, as for a map inside a loop over another.
MOST_KEPT = 2

_kept: list[Crew] = []
_kept_lock = threading.Lock()


def borrow(workers: int, start: str, preload: tuple[str, ...], share: int) -> Crew:
    """Return a crew that is not in use; a new one if there is none of this kind."""
    kind = (workers, start, list(preload), share)
    with _kept_lock:
        for crew in _kept:
            if crew.kind == kind and crew.lock.acquire(blocking=False):
                return crew
    crew = Crew(workers, start, preload, share)
    crew.lock.acquire()
    with _kept_lock:
        if sum(other.kind == kind for other in _kept) < MOST_KEPT:
            _kept.append(crew)
    return crew


def give_back(crew: Crew) -> None:
    """Return a crew that was borrowed."""
    with _kept_lock:
        kept = crew in _kept
        crew.lock.release()
    if not kept:
        crew.close()


@atexit.register
def _close_all() -> None:
    for crew in list(_kept):
        crew.close()


def _forget_all() -> None:
    """A forked child has no workers: they are its parent's."""
    global _kept_lock
    _kept.clear()
    _kept_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_all)
