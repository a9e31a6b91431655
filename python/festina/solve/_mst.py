"""`festina.solve.mst`: the lightest edges that join everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from festina import _festina
from festina._errors import InputError
from festina._options import environment, positive
from festina._pickling import describe
from festina._result import ForestResult
from festina.solve._input import file, is_frame, is_path, shape_of

if TYPE_CHECKING:
    import numpy

    # Nodes, the ends of each edge by the place of their nodes, and the weights.
    Edges = tuple[Sequence[Any], numpy.ndarray, numpy.ndarray, numpy.ndarray]

_HINT = "hint: (n, 2) points, (m, 3) edges from, to, weight, an (n, n) matrix, a sparse matrix, a data frame, or a file"


def mst(graph: Any, *, format: str | None = None, workers: int | None = None) -> ForestResult:  # noqa: A002
    """Return the minimum spanning tree of a graph or of points; of a graph in several parts, a tree for each.

    Every edge of the answer has been checked by code that shares nothing with the solver.

    Parameters
    ----------
    graph : array, sparse matrix, data frame, graph, edges or path
        Points as an ``(n, 2)`` array, every pair of which is an edge; edges as an ``(m, 3)`` array of from, to and
        weight, with nodes counted from 0; symmetric distances as an ``(n, n)`` array (n of 2 and 3 are read as above);
        a sparse matrix of SciPy's, each of whose entries is an edge; a data frame with the columns ``x, y`` or
        ``lat, lon`` (and ``name``), or ``from, to`` (and ``weight``, else 1); a graph of networkx; edges as tuples of
        from, to and weight, with nodes of any kind; or the path of a file that the command line reads.
    format : str, optional
        How a file is written, where its name and content do not tell: ``edges``, ``matrix-market``, ``dimacs``,
        ``metis``, ``csv``, ``tsplib``, ``geojson``, ``matrix-csv``, ``npy``.
    workers : int, optional
        The number of threads; what is available by default. The answer does not depend on it.

    Returns
    -------
    ForestResult
        ``tree`` (from, to and weight of each edge, the lightest first; nodes as they were given), ``ends`` (the nodes
        of each edge, counted from 0), ``weight``, ``components``.

    Raises
    ------
    InputError
        If the graph is wrong.

    Examples
    --------
    >>> import festina
    >>> result = festina.solve.mst([("a", "b", 1.0), ("b", "c", 2.0), ("a", "c", 4.0)])
    >>> result.weight, result.tree
    (3.0, [('a', 'b', 1.0), ('b', 'c', 2.0)])
    """
    count = None if workers is None else positive("workers", workers)
    if is_path(graph):
        name, content = file(graph)
        answer, ends = _festina.mst(name, content, format, count, environment())
        return ForestResult(answer, ends, None)
    if format is not None:
        raise InputError(f"format={format!r} is for files\nhint: leave it away")
    points = _points(graph)
    if points is not None:
        nodes, content = points
        answer, ends = _festina.mst("the points", content, "csv", count, environment())
        return ForestResult(answer, ends, nodes)
    nodes, from_, to, weights = _edges(graph)
    labels = None if isinstance(nodes, range) else [str(node) for node in nodes]
    answer, ends = _festina.mst_of_edges((from_, to, weights), len(nodes), labels, count, environment())
    return ForestResult(answer, ends, nodes)


def _points(graph: Any) -> tuple[Sequence[Any], bytes] | None:
    """Return points as a table, and what they are called; `None` if `graph` is something else."""
    if is_frame(graph):
        columns = {str(name).lower() for name in graph.columns}
        if {"from", "to"} <= columns:
            return None
        nodes: Sequence[Any] = list(graph["name"]) if "name" in graph.columns else range(len(graph))
        return nodes, graph.assign(name=list(nodes)).to_csv(index=False).encode()
    array = _numbers(graph)
    if array is None or array.ndim != 2 or array.shape[1] != 2 or not len(array):
        return None
    rows = (f"{x!r},{y!r},{at}" for at, (x, y) in enumerate(array.tolist()))
    return range(len(array)), "\n".join(["x,y,name", *rows]).encode()


def _numbers(graph: Any) -> numpy.ndarray | None:
    """Return an array, or rows of numbers, as an array; `None` if `graph` is something else."""
    import numpy

    if not isinstance(graph, (list, tuple)) and not hasattr(graph, "__array__"):
        return None
    try:
        array = numpy.asarray(graph)
    except ValueError:  # Rows of several lengths.
        return None
    return array if array.dtype.kind in "fiu" else None


def _edges(graph: Any) -> Edges:
    import numpy

    if is_frame(graph):
        named = {str(name).lower(): name for name in graph.columns}
        weights = graph[named["weight"]] if "weight" in named else [1.0] * len(graph)
        return _by_name(zip(graph[named["from"]], graph[named["to"]], weights, strict=True))
    if hasattr(graph, "tocoo"):
        if graph.shape[0] != graph.shape[1]:
            raise InputError(f"a matrix of {graph.shape[0]} x {graph.shape[1]} is no graph\n{_HINT}")
        entries = graph.tocoo()
        return _checked(range(graph.shape[0]), entries.row, entries.col, entries.data)
    if hasattr(graph, "edges") and hasattr(graph, "nodes"):
        return _by_name(graph.edges(data="weight", default=1.0), list(graph.nodes))
    array = _numbers(graph)
    if array is None and isinstance(graph, Iterable) and not hasattr(graph, "__array__"):
        return _by_name(graph)
    if array is None or array.ndim != 2 or not array.size:
        raise InputError(f"{describe(graph)} is no graph\n{_HINT}")
    if array.shape[1] == 3:
        nodes = array[:, :2]
        if (nodes < 0).any() or (nodes != numpy.floor(nodes)).any():
            raise InputError("nodes are counted from 0, by whole numbers\nhint: (m, 3) edges are from, to, weight")
        return _checked(range(int(nodes.max()) + 1), nodes[:, 0], nodes[:, 1], array[:, 2])
    if array.shape[0] != array.shape[1]:
        raise InputError(f"an array of {shape_of(array)} is no graph\n{_HINT}")
    if not (array == array.T).all():
        raise InputError("the matrix is not symmetric: a spanning tree has no directions\nhint: (a + a.T) / 2, perhaps")
    above = numpy.triu_indices(len(array), 1)
    return _checked(range(len(array)), above[0], above[1], array[above])


def _by_name(edges: Iterable[Any], nodes: Sequence[Any] = ()) -> Edges:
    """Return edges between nodes of any kind, which are numbered as they come."""
    import numpy

    places = {node: place for place, node in enumerate(nodes)}
    from_: list[int] = []
    to: list[int] = []
    weights: list[float] = []
    for edge in edges:
        try:
            a, b, *rest = edge
            weights.append(float(rest[0]) if rest else 1.0)
        except (TypeError, ValueError) as error:
            raise InputError(f"{edge!r} is no edge: {error}\nhint: a tuple of from, to and weight") from error
        from_.append(places.setdefault(a, len(places)))
        to.append(places.setdefault(b, len(places)))
    return _checked(list(places), numpy.array(from_), numpy.array(to), numpy.array(weights))


def _checked(nodes: Sequence[Any], from_: Any, to: Any, weights: Any) -> Edges:
    """Return edges as the solver takes them."""
    import numpy

    if len(nodes) > 0xFFFF_FFFF:
        raise InputError(f"{len(nodes)} nodes are too many\nhint: number them from 0 on, without gaps")
    ends = [numpy.ascontiguousarray(part, dtype=numpy.uint32) for part in (from_, to)]
    return nodes, ends[0], ends[1], numpy.ascontiguousarray(weights, dtype=numpy.float64)
