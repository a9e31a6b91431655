"""Whether a parallel result is that of the serial call: right before fast."""

from __future__ import annotations

from festina._errors import InputError, MismatchError
from festina._pickling import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from festina._backend import CallSpec


def samples(check: int | bool) -> int:
    """Return how many items are computed serially as well."""
    if check is True:
        return 5
    if isinstance(check, bool):
        return 0
    if not isinstance(check, int) or check < 0:
        raise InputError(f"check cannot be {check!r}\nhint: the number of items to compute serially as well")
    return check


def compare(spec: CallSpec, items: Any, results: list[Any], count: int, rtol: float, atol: float) -> None:
    """Compute some items serially, and compare."""
    # Most maps are not checked, and need not wait for it.
    import random

    total = len(results)
    # The choice is fixed, so that a difference that was found is found again.
    chosen = sorted(random.Random(total).sample(range(total), min(count, total)))
    bound = spec.call().bind() or (lambda item, index: spec.function(item))
    for index in chosen:
        if isinstance(results[index], BaseException):
            continue
        serial = bound(items[index], index)
        if not same(serial, results[index], rtol, atol):
            raise MismatchError(
                f"item {index} gives {describe(results[index])} in parallel and {describe(serial)} serially\n"
                "hint: the function may depend on global state, on random numbers (seed=), or on the order of calls"
            )


def same(a: Any, b: Any, rtol: float = 0.0, atol: float = 0.0) -> bool:
    """Return whether two results are equal: numbers within the tolerances, NaN as NaN, and what holds them."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, rtol, atol) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key], rtol, atol) for key in a)
    if isinstance(a, (int, float, complex)) and isinstance(b, (int, float, complex)):
        return a == b or (a != a and b != b) or abs(a - b) <= atol + rtol * abs(a)
    if hasattr(a, "dtype") and hasattr(a, "shape"):
        import numpy

        x, y = numpy.asarray(a), numpy.asarray(b)
        if x.shape != y.shape:
            return False
        if x.dtype.kind in "fc":
            return bool(numpy.allclose(x, y, rtol=rtol, atol=atol, equal_nan=True))
        return bool((x == y).all())
    if hasattr(a, "equals"):
        return bool(a.equals(b))
    equal = a == b
    if equal is False and type(a) is type(b) and "__eq__" not in _own_names(type(a)):
        # Objects that know no equality but their own identity cannot be compared.
        return True
    return bool(equal)


def _own_names(kind: type) -> set[str]:
    """Return the names that a class and its bases define, those of `object` aside."""
    return {name for base in kind.__mro__[:-1] for name in vars(base)}
