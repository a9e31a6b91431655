"""The verbs: what was given becomes plain options, the native half answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from festina import _festina
from festina._errors import InputError
from festina._options import environment, positive, seconds, words
from festina._result import CoresResult, LawsResult, RunResult, ScaleResult

if TYPE_CHECKING:
    from festina._options import Command, Duration

Amount = int | str


def cores(*, measure: bool = False) -> CoresResult:
    """Return how many cores there really are for this process, and what limits them.

    Affinity, cgroup quotas, containers and batch jobs count, as they do not for `os.cpu_count`.

    Parameters
    ----------
    measure : bool, default False
        Whether to measure how much the cores do together: they work for some seconds.

    Returns
    -------
    CoresResult
        Usable as an integer: the number of workers worth having.

    Examples
    --------
    >>> import festina
    >>> festina.cores().count >= 1
    True
    >>> len(range(int(festina.cores()))) == festina.cores().count
    True
    """
    return CoresResult(_festina.cores(environment(), measure))


def laws(
    serial: float | None = None,
    *,
    cores: int = 64,
    contention: float | None = None,
    coherency: float | None = None,
    times: Mapping[int, float] | str | None = None,
    work: float | None = None,
    span: float | None = None,
    from_run: str | None = None,
    state: str | os.PathLike[str] = ".festina",
) -> LawsResult:
    """Return what Amdahl's and Gustafson's laws and the USL say of a program.

    Parameters
    ----------
    serial : float, optional
        The serial fraction of the work, in [0, 1].
    cores : int
        The largest number of workers asked about.
    contention, coherency : float, optional
        The parameters of the universal scalability law.
    times : mapping of int to float, optional
        Measured seconds by number of workers: the laws are fitted.
    work, span : float, optional
        The work T1 and the span of a program, in seconds.
    from_run : str, optional
        A stored run of `scale`, by its name or ``"latest"``: its times are fitted.
    state : path
        The folder of stored runs.

    Returns
    -------
    LawsResult

    Raises
    ------
    InputError
        For parameters out of range, or times that carry no fit.

    Examples
    --------
    Amdahl's speed-up with a serial fraction of 0.05 on 32 cores, 1 / (0.05 + 0.95 / 32):

    >>> import festina
    >>> result = festina.laws(0.05, cores=32)
    >>> round(result.speedups[-1]["amdahl"], 3)
    12.549
    """
    if isinstance(times, Mapping):
        times = ",".join(f"{int(workers)}:{seconds!r}" for workers, seconds in times.items())
    if (work is None) != (span is None):
        raise InputError("work and span belong together\nhint: give both, as in laws(work=100.0, span=5.0)")
    options = {
        "cores": positive("cores", cores),
        "times": times,
        "run": from_run,
        "state": os.fspath(state),
        "work": work,
        "span": span,
        "serial": serial,
        "contention": contention,
        "coherency": coherency,
    }
    return LawsResult(_festina.laws(options))


def scale(
    what: Command | Callable[..., Any] | None = None,
    *,
    n: float | str | Iterable[float] | None = None,
    p: int | str | Iterable[int] | None = None,
    weak: bool = False,
    check: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    unordered: bool = False,
    ignore: str | Iterable[str] = (),
    budget: Duration | None = None,
    precision: float | str | None = None,
    timeout: Duration | None = None,
    memory_limit: Amount | None = None,
    seed: int | None = None,
    accept_noise: bool = False,
    at: str | Mapping[str, float] | Iterable[str | Mapping[str, float]] = (),
    price: float | None = None,
    memory: Amount | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | os.PathLike[str] | None = None,
    setup: str | None = None,
    prepare: str | None = None,
    state: str | os.PathLike[str] = ".festina",
    from_run: str | None = None,
    progress: bool | None = None,
) -> ScaleResult:
    """Measure T(n, p): how the time of a command or a function grows with its size and falls with its workers.

    Every answer is compared with that of one worker; no speed-up is shown for a run whose answer differs.

    Parameters
    ----------
    what : command or callable
        A list of words with ``{n}`` and ``{p}`` in them, or one string, which is split as a shell would; or a function
        with the parameters ``n`` and ``p``, or one of them, or none. A function is called once in a fresh interpreter
        for each run, and the time of the call is measured, without the interpreter's start. What it returns is the
        answer that is compared. Without ``p``, it is held to p CPUs.
    n : sizes
        A number, several, a range ``"1e4..1e6"``, or ``"adaptive"``.
    p : workers
        A number, several, or a range ``"1..8"``; by default up to what is available.
    weak : bool
        Whether the size grows with the workers.
    check : str
        What must equal the reference: ``stdout``, ``file:PATH``, ``exit``, ``cmd:COMMAND``, ``none``.
    rtol, atol : float
        Tolerances of numbers in answers.
    unordered : bool
        Whether the records of an answer may come in any order.
    ignore : regular expressions
        What is left out of the comparison.
    budget : seconds, or text such as "5m"
        The time for all runs together; two minutes by default.
    precision : float, or text such as "2%"
        A point is finished when its median is known so well.
    timeout, memory_limit
        Limits of each run.
    seed : int
        The seed of the order of runs and of the bootstrap.
    accept_noise : bool
        Whether runs that other load disturbed count.
    at : points
        Where to forecast: ``{"n": 1e8, "p": 32}`` or ``"n=1e8,p=32"``.
    price : float
        The price of a core-hour.
    memory : bytes
        The memory limit of the machine asked about.
    env, stdin, setup, prepare
        Variables and standard input of the command; shell commands to run once before everything, and before each run.
    state : path
        Where runs are stored.
    from_run : str
        Analyse this stored run again instead of measuring: its name, or ``"latest"``.
    progress : bool, optional
        Whether to show progress; by default on a terminal and in a notebook.

    Returns
    -------
    ScaleResult

    Raises
    ------
    InputError
        For what cannot be meant.
    UnavailableError
        If nothing can be started or stored here.
    KeyboardInterrupt
        After Ctrl-C; what was measured is stored: ``scale(from_run="latest")``.

    Examples
    --------
    >>> import festina, tempfile
    >>> with tempfile.TemporaryDirectory() as state:
    ...     result = festina.scale("sleep 0.01", p=1, budget=2, state=state, progress=False)
    >>> result.points[0]["time_s"]["value"] >= 0.01
    True
    """
    from festina import _progress

    options = {
        "command": [],
        "env": dict(env or {}),
        "stdin": None if stdin is None else os.fspath(stdin),
        "n": _numbers(n),
        "p": _numbers(p),
        "weak": weak,
        "setup": setup,
        "prepare": prepare,
        "check": check,
        "rtol": rtol,
        "atol": atol,
        "unordered": unordered,
        "check_ignore": [ignore] if isinstance(ignore, str) else list(ignore),
        "budget": _duration(budget),
        "precision": None if precision is None else str(precision),
        "timeout": _duration(timeout),
        "memory_limit": None if memory_limit is None else str(memory_limit),
        "seed": seed,
        "accept_noise": accept_noise,
        "at": _points(at),
        "price": price,
        "memory": None if memory is None else str(memory),
    }
    state = os.fspath(state)
    if from_run is not None:
        return ScaleResult(_festina.scale_from(options, state, from_run))
    if what is None:
        hint = 'give a command or a function, as in scale("sort {n}.txt", n=[1000, 10000])'
        raise InputError(f"there is nothing to measure\nhint: {hint}")
    if callable(what):
        from festina import _function

        return _function.scale(what, options, state, progress)
    options["command"] = words(what)
    with _progress.Bar("scale", progress) as bar:
        answer = _festina.scale(options, environment(), list(os.environ.items()), state, bar.measured, False)
    return ScaleResult(answer)


def run(
    command: Command,
    values: Iterable[Any] | None = None,
    *,
    lines: str | os.PathLike[str] | None = None,
    csv: str | os.PathLike[str] | None = None,
    glob: str | None = None,
    range: str | None = None,  # noqa: A002
    shell: bool = False,
    workers: int | None = None,
    cores_per_task: int | None = None,
    pin: bool = True,
    timeout: Duration | None = None,
    memory_per_task: Amount | None = None,
    retries: int = 0,
    retry_delay: Duration = 1.0,
    halt: str = "never",
    seed: int = 0,
    keep_order: bool = False,
    outputs: str | os.PathLike[str] | None = None,
    collect: Literal["last-line", "json", "none"] = "last-line",
    table: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    state: str | os.PathLike[str] = ".festina",
    name: str | None = None,
    resume: bool | str = False,
    retry_failed: bool = False,
    quiet: bool = False,
    progress: bool | None = None,
) -> RunResult:
    """Run a command for every input, on all cores, and lose nothing.

    Parameters
    ----------
    command : command
        A list of words, or one string, with placeholders: ``{}`` is the input, ``{.}`` without its extension, ``{/}``
        its base name, ``{#}`` the number of the task, ``{seed}`` a seed of its own, ``{1} {2}`` the inputs of several
        sources, ``{name}`` a column. Without ``{}`` the input is added at the end.
    values : iterable
        The inputs. Several sources give all combinations.
    lines, csv : path
        A file with an input a line; a table with a task a row.
    glob, range : str
        A task for each file that matches, such as ``"data/*.csv"``; for each number of ``"1..100"``.
    shell : bool
        Whether a shell reads the command.
    workers : int
        The number of tasks at the same time; as many as are worth it by default.
    cores_per_task, pin, timeout, memory_per_task
        What a task is given, and whether it is bound to its cores.
    retries, retry_delay, halt
        How often a task that fails is started again, and when to stop: ``"now,fail=10%"``.
    seed : int
        The seed from which ``{seed}`` is derived.
    keep_order : bool
        Whether outputs come in the order of the inputs.
    outputs, table : path
        A folder with the outputs of each task; a table of results, ``.csv`` or ``.jsonl``.
    collect : {"last-line", "json", "none"}
        What is kept of a task's output, as ``result.tasks[i]["value"]``.
    env : mapping
        Variables that are set for the tasks.
    state, name
        Where the run is stored, and its name.
    resume : bool or str
        Whether tasks with a recorded outcome are left out: those of the latest run of this command, or of this run.
    retry_failed : bool
        With `resume`, run failed tasks again too.
    quiet : bool
        Whether outputs of tasks are dropped instead of printed.
    progress : bool, optional
        Whether to show progress; by default on a terminal and in a notebook.

    Returns
    -------
    RunResult
        How each task ended, the speed-up, what was lost, and what more workers would have brought.

    Raises
    ------
    InputError
        If the inputs or the command cannot be used.
    KeyboardInterrupt
        After Ctrl-C; what ended is recorded: ``run(…, resume=True)``.

    Examples
    --------
    >>> import festina, tempfile
    >>> with tempfile.TemporaryDirectory() as state:
    ...     result = festina.run("echo {}", ["slowly", "hasten"], state=state, quiet=True, progress=False)
    >>> [task["value"] for task in result.tasks]
    ['slowly', 'hasten']
    """
    from festina import _progress

    tasks: list[dict[str, Any]] = []
    given = {
        "values": None if values is None else [str(value) for value in values],
        "lines": None if lines is None else os.fspath(lines),
        "csv": None if csv is None else os.fspath(csv),
        "glob": glob,
        "range": range,
    }
    blank = dict.fromkeys(given)
    if collect not in ("last-line", "json", "none"):
        raise InputError(f"collect={collect!r} is not known\nhint: one of 'last-line', 'json', 'none'")
    options = {
        "command": [command] if shell and isinstance(command, str) else words(command),
        "shell": shell,
        "inputs": [{**blank, name: source} for name, source in given.items() if source is not None],
        "env": dict(env or {}),
        "workers": None if workers is None else positive("workers", workers),
        "cores_per_task": None if cores_per_task is None else positive("cores_per_task", cores_per_task),
        "pin": pin,
        "timeout_s": seconds(timeout),
        "memory_per_task": None if memory_per_task is None else str(memory_per_task),
        "retries": retries,
        "retry_delay_s": seconds(retry_delay),
        "halt": halt,
        "seed": seed,
        "keep_order": keep_order,
        "outputs": None if outputs is None else os.fspath(outputs),
        "collect": collect,
        "table": None if table is None else os.fspath(table),
        "state": os.fspath(state),
        "name": name,
        "resume": "latest" if resume is True else (resume or None),
        "retry_failed": retry_failed,
    }
    with _progress.Bar("run", progress) as bar:
        callbacks: dict[str, Callable[..., object] | None] = {
            "output": _drop if quiet else _writer("stdout"),
            "errors": _drop if quiet else _writer("stderr"),
            "ended": lambda told, used: tasks.append(_task(told, used)),
            "progress": bar.ran,
        }
        answer = _festina.run(options, callbacks, list(os.environ.items()))
    return RunResult(answer, tasks)


def _task(told: tuple[Any, ...], used: tuple[Any, ...]) -> dict[str, Any]:
    number, inputs, end, exit_code, signal, wall = told
    cpu, peak, attempts, slot, value = used
    return {
        "number": number,
        "inputs": inputs,
        "end": end,
        "exit_code": exit_code,
        "signal": signal,
        "value": value,
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_rss_bytes": peak,
        "attempts": attempts,
        "worker": slot,
    }


def _drop(_: bytes) -> None:
    """Let an output go."""


def _writer(name: str) -> Callable[[bytes], object]:
    """Return what writes bytes to the stream that `sys` has now: in a notebook, that of the cell."""
    stream = getattr(sys, name)
    binary = getattr(stream, "buffer", None)
    if binary is None:
        return lambda data: stream.write(data.decode(errors="replace"))

    def write(data: bytes) -> None:
        stream.flush()
        binary.write(data)
        binary.flush()

    return write


def _numbers(given: float | str | Iterable[float] | None) -> str | None:
    if given is None or isinstance(given, str):
        return given
    values = [given] if isinstance(given, (int, float)) else list(given)
    return ",".join(f"{value:.17g}" if isinstance(value, float) else str(int(value)) for value in values)


def _points(at: str | Mapping[str, float] | Iterable[str | Mapping[str, float]]) -> list[str]:
    points = [at] if isinstance(at, (str, Mapping)) else list(at)
    return [
        point if isinstance(point, str) else ",".join(f"{name}={value}" for name, value in point.items())
        for point in points
    ]


def _duration(value: Duration | None) -> str | None:
    return value if value is None or isinstance(value, str) else f"{float(value)!r}s"
