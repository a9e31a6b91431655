"""Arrays in shared memory: workers are given them without a copy, and the memory is gone with its last user."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from festina import _festina
from festina._errors import InputError

if TYPE_CHECKING:
    import numpy


def empty(shape: int | tuple[int, ...], dtype: Any = float) -> numpy.ndarray:
    """Return a new array in shared memory; all of it is zero.

    Views of it are shared as well. Workers see it as it is when they look, and cannot write to it.

    Parameters
    ----------
    shape : int or tuple of int
        Its shape.
    dtype : data type
        Its type; anything but objects.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    InputError
        For a negative shape, or objects, which are references into one process.

    Examples
    --------
    >>> import festina
    >>> a = festina.empty((2, 3))
    >>> a[:] = 1
    >>> festina.map(lambda row: float(row.sum()), a, workers=2)
    [3.0, 3.0]
    """
    import numpy

    kind = numpy.dtype(dtype)
    if kind.hasobject:
        raise InputError(
            f"arrays of {kind} hold references into one process, and cannot be shared\nhint: give a number type"
        )
    dimensions = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in dimensions):
        raise InputError(f"an array cannot have the shape {shape}")
    block = _festina.Block(max(1, math.prod(dimensions) * kind.itemsize))
    return numpy.ndarray(dimensions, kind, buffer=memoryview(block))


zeros = empty


def array(values: Any, dtype: Any = None) -> numpy.ndarray:
    """Return a copy of an array (or of what makes one) in shared memory.

    Parameters
    ----------
    values : array-like
        What is copied.
    dtype : data type, optional
        The type of the copy.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    InputError
        For objects, which are references into one process.

    Examples
    --------
    >>> import festina
    >>> festina.array([1.0, 2.0]) * 2
    array([2., 4.])
    """
    import numpy

    source = numpy.asarray(values, dtype=dtype)
    copy = empty(source.shape, source.dtype)
    copy[...] = source
    return copy
