"""`python -m festina._call FUNCTION n=… p=…`: calls a function once, prints its answer, and tells how long it took."""

from __future__ import annotations

import gc
import pickle
import resource
import sys
import time
from typing import Any


def number(text: str) -> int | float:
    """Return a size or a number of workers."""
    value = float(text)
    return int(value) if value.is_integer() else value


def shown(value: Any) -> str:
    """Return an answer as text that can be compared within tolerances: numbers in full, arrays element by element."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return "\n".join(f"{key}: {shown(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(shown(part) for part in value)
    return repr(value)


def load(path: str) -> Any:
    """Return the function of the file `path`."""
    with open(path, "rb") as file:
        return pickle.load(file)


def run(path: str) -> None:
    """Call the function of the file `path`, and say nothing."""
    load(path)()


def main(path: str, *arguments: str) -> None:
    """Call the function of the file `path`, print its answer, and tell how long it took."""
    function = load(path)
    named = {name: number(value) for name, _, value in (argument.partition("=") for argument in arguments)}
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    answer = function(**named)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    user = sum(end.ru_utime - start.ru_utime for start, end in zip(before, after, strict=True))
    system = sum(end.ru_stime - start.ru_stime for start, end in zip(before, after, strict=True))
    print(shown(answer), flush=True)
    print(f"festina-took {took:.9f} {user:.6f} {system:.6f}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
