"""Fast, right implementations of known problems; each answer comes with its certificate.

=====  ===============================================================================
`tsp`  the travelling salesman: a short tour through all cities, with a lower bound
`mst`  the minimum spanning tree of a graph, or of points
`vrp`  vehicle routing: crews to jobs, packages to doors, under time windows and more
=====  ===============================================================================
"""

from __future__ import annotations

from festina.solve._mst import mst
from festina.solve._tsp import tsp
from festina.solve._vrp import vrp

__all__ = ["mst", "tsp", "vrp"]
