"""Solvers from Python: whatever the problem lies in, the answer is that of an independent computation."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from pathlib import Path
from typing import Any

import festina
import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_tour_from_points_from_distances_and_from_a_frame() -> None:
    angles = np.random.default_rng(0).permutation(12) * (2 * np.pi / 12)
    points = np.column_stack([100 * np.cos(angles), 100 * np.sin(angles)])
    result = festina.solve.tsp(points, time=1)
    # The cities lie on a circle: the shortest tour is the polygon.
    assert result.length == pytest.approx(12 * 200 * np.sin(np.pi / 12), rel=1e-3)
    assert result.status == "optimal" and sorted(result.tour) == list(range(12))
    distances = np.array([[0, 1, 9, 2], [1, 0, 3, 9], [9, 3, 0, 4], [2, 9, 4, 0]])
    assert festina.solve.tsp(distances, time=1).cost == 1 + 3 + 4 + 2
    import pandas

    frame = pandas.DataFrame({"x": [0, 0, 9, 9], "y": [0, 9, 9, 0], "name": list("abcd")})
    tour = festina.solve.tsp(frame, time=1, open=True, start="b")
    assert tour.length == 27 and tour.cities[0] == "b"
    assert festina.solve.tsp(frame, time=1, open=True, start=2).cities[0] == "c"


@pytest.mark.parametrize("cities", [np.zeros((0, 2)), np.zeros(3), np.array([["a", "b"]]), 5, [[0, float("nan")]]])
def test_a_tour_refuses_what_are_no_cities(cities: Any) -> None:
    with pytest.raises(festina.InputError):
        festina.solve.tsp(cities)


def test_a_tour_of_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        festina.solve.tsp("no-such-file.tsp")


def test_a_tree_weighs_what_scipy_finds_whatever_the_graph_lies_in() -> None:
    random = np.random.default_rng(3)
    points = random.random((60, 2))
    distances = cdist(points, points)
    expected = minimum_spanning_tree(distances).sum()
    a, b = np.triu_indices(60, 1)
    edges = np.column_stack([a, b, distances[a, b]])
    weights = [
        festina.solve.mst(points).weight,
        festina.solve.mst(distances).weight,
        festina.solve.mst(edges).weight,
        festina.solve.mst(sparse.csr_array(distances)).weight,
        festina.solve.mst(
            [(f"n{a}", f"n{b}", distances[a, b]) for a, b in itertools.combinations(range(60), 2)]
        ).weight,
    ]
    assert weights == pytest.approx([expected] * 5)


def test_the_edges_of_a_tree_name_the_nodes_as_they_were_given() -> None:
    # By hand: the heaviest edge of each circle stays out.
    result = festina.solve.mst([("a", "b", 1), ("b", "c", 2), ("c", "a", 3), ("x", (1, 2), 5)])
    assert result.tree == [("a", "b", 1.0), ("b", "c", 2.0), ("x", (1, 2), 5.0)]
    assert (result.weight, result.components, result.nodes) == (8.0, 2, 5)
    assert result.ends == [(0, 1), (1, 2), (3, 4)]
    assert list(result.to_pandas().columns) == ["from", "to", "weight"]
    assert "not connected" in str(result)


def test_a_tree_of_a_sparse_matrix_counts_nodes_without_edges() -> None:
    matrix = sparse.coo_array(([2.5], ([0], [1])), shape=(4, 4))
    result = festina.solve.mst(matrix)
    assert result.tree == [(0, 1, 2.5)] and result.components == 3
    assert festina.solve.mst(sparse.coo_array((3, 3))).components == 3


def test_a_tree_of_frames_and_files(tmp_path: Path) -> None:
    import pandas

    points = pandas.DataFrame({"x": [0, 3, 10], "y": [0, 4, 4], "name": ["yard", "mill", "inn"]})
    result = festina.solve.mst(points)
    assert result.tree == [("yard", "mill", 5.0), ("mill", "inn", 7.0)]
    assert len(result.to_svg()) == 1 and "data:image/svg+xml" in result._repr_html_()
    unnamed = festina.solve.mst(points.drop(columns="name"))
    assert unnamed.tree == [(0, 1, 5.0), (1, 2, 7.0)]
    assert festina.solve.mst(np.array([[0, 0], [3, 4], [10, 4]])).tree == unnamed.tree
    edges = pandas.DataFrame({"from": ["p", "q"], "to": ["q", "r"], "weight": [1.5, 2.5]})
    assert festina.solve.mst(edges).weight == 4.0
    path = tmp_path / "edges.csv"
    edges.to_csv(path, index=False)
    assert festina.solve.mst(path).tree == [("p", "q", 1.5), ("q", "r", 2.5)]
    assert festina.solve.mst(path, format="edges", workers=1).weight == 4.0


@pytest.mark.parametrize(
    ("graph", "part"),
    [
        (5, "is no graph"),
        (np.zeros((2, 5)), "no graph"),
        (np.zeros(3), "no graph"),
        (np.array([[0, 1.5, 2.0]]), "counted from 0"),
        (np.array([[0, -1, 2.0]]), "counted from 0"),
        (np.array([[0, 1, 2, 3], [9, 0, 1, 1], [2, 1, 0, 1], [3, 1, 1, 0]]), "not symmetric"),
        ([("a", "b", "heavy")], "is no edge"),
        ([("a",)], "is no edge"),
        ([("a", "b", float("nan"))], "weighs"),
        ([], "no graph"),
        (np.array([["a", "b"]], dtype=object), "no graph"),
    ],
)
def test_a_tree_refuses_what_is_no_graph(graph: Any, part: str) -> None:
    with pytest.raises(festina.InputError, match=part):
        festina.solve.mst(graph)
    with pytest.raises(festina.InputError, match="for files"):
        festina.solve.mst(np.zeros((2, 2)), format="csv")


def interrupted(call: Any) -> float:
    """Press Ctrl-C in the middle of a call, and return how long it then took."""
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        call()
    return time.monotonic() - started


def test_ctrl_c_ends_a_tree_and_a_tour() -> None:
    random = np.random.default_rng(1)
    size = 3_000_000
    edges = np.column_stack([random.integers(0, size // 4, (size, 2)), random.random(size)])
    assert interrupted(lambda: [None for _ in range(100) if festina.solve.mst(edges) is None]) < 20
    cities = random.random((500, 2)) * 1e6
    assert interrupted(lambda: festina.solve.tsp(cities, time=60)) < 10


def test_a_plan_from_a_file_a_dictionary_and_tables() -> None:
    from_file = festina.solve.vrp(EXAMPLES / "day-plan.toml", time=0.05, deterministic=True, workers=1)
    import tomllib

    day = tomllib.loads((EXAMPLES / "day-plan.toml").read_text())
    del day["schema"]
    again = festina.solve.vrp(day, time=0.05, deterministic=True, workers=1)
    assert again.cost == from_file.cost and again.is_verified
    frame = again.to_pandas()
    assert {"vehicle", "action", "stop", "arrive"} <= set(frame.columns) and len(frame) == len(again.rows())
    assert "data:image/svg+xml" in again._repr_html_()
    import pandas

    stops, vehicles = EXAMPLES / "stops.csv", EXAMPLES / "vehicles.csv"
    tables = festina.solve.vrp(stops, vehicles, time=0.05, deterministic=True, workers=1)
    frames = festina.solve.vrp(
        pandas.read_csv(stops), pandas.read_csv(vehicles), time=0.05, deterministic=True, workers=1
    )
    assert frames.cost == tables.cost


def test_a_plan_finds_the_best_of_all_orders_of_four_stops() -> None:
    places = {"a": (1000, 7000), "b": (9000, 2000), "c": (4000, 4000), "d": (8000, 8000)}
    stops = [{"id": name, "x": x, "y": y, "windows": ["08:00-12:00", "14:00-18:00"]} for name, (x, y) in places.items()]
    van = [{"id": "van", "start_x": 0, "start_y": 0, "speed_kmh": 60}]

    def length(order: tuple[str, ...]) -> float:
        way = np.array([(0, 0), *(places[name] for name in order), (0, 0)], dtype=float)
        return float(np.hypot(*np.diff(way, axis=0).T).sum()) / 1000

    plan = festina.solve.vrp(stops, van, time=1)
    best = min(length(order) for order in itertools.permutations(places))
    assert plan.distance == pytest.approx(best, abs=0.01)
    assert plan.status == "feasible" and plan.unassigned == []


def test_a_plan_says_why_a_stop_is_left_out() -> None:
    stops = [{"id": "boiler", "x": 10, "y": 10, "skills": ["gas"]}]
    plan = festina.solve.vrp(stops, [{"id": "van", "start_x": 0, "start_y": 0, "speed_kmh": 30}], time=1)
    assert plan.status == "infeasible"
    (left,) = plan.unassigned
    assert left["stop"] == "boiler" and left["class"] == "impossible" and "gas" in left["why"]


def test_a_plan_refuses_what_is_no_problem(tmp_path: Path) -> None:
    with pytest.raises(festina.InputError, match="needs a table of vehicles"):
        festina.solve.vrp([{"id": "a", "x": 0, "y": 0}])
    with pytest.raises(festina.InputError, match="cannot be int"):
        festina.solve.vrp(5, [{"id": "van"}])
    with pytest.raises(festina.InputError, match="what JSON cannot"):
        festina.solve.vrp({"stops": [object()]})
    with pytest.raises(festina.InputError, match="stations"):
        festina.solve.vrp({"stations": []})
    with pytest.raises(festina.InputError, match="objective"):
        festina.solve.vrp(EXAMPLES / "day-plan.toml", objective="beauty")  # type: ignore[arg-type]
    with pytest.raises(festina.InputError, match="rounding"):
        festina.solve.vrp(EXAMPLES / "day-plan.toml", distances="roughly")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        festina.solve.vrp(tmp_path / "none.toml")
