"""Solves an instance with PyVRP or HGS-CVRP and prints the cost: peer.py pyvrp|hgs FILE SECONDS SEED."""

import sys
from pathlib import Path


def by_pyvrp(path, seconds, seed):
    """Returns the cost that PyVRP reaches, in the unit of the coordinates."""
    import pyvrp
    import pyvrp.stop

    rounding, unit = ("round", 1) if "VRPTW" not in path.read_text() else ("dimacs", 10)
    if path.suffix == ".txt":
        # Solomon's tables, in hundred-thousandths as festina reads them.
        data, unit = solomon(path), 100_000
    else:
        data = pyvrp.read(path, round_func=rounding)
    result = pyvrp.solve(data, stop=pyvrp.stop.MaxRuntime(seconds), seed=seed, display=False)
    return result.cost() / unit


def solomon(path):
    """Returns the problem of a table of Solomon."""
    import math

    import pyvrp

    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    fleet = next(i for i, row in enumerate(rows) if row[0] == "NUMBER") + 1
    number, capacity = map(int, rows[fleet])
    stops = [list(map(float, row)) for row in rows[fleet + 3 :]]
    steps = 100_000
    model = pyvrp.Model()
    places = [model.add_location(x, y) for _, x, y, *_ in stops]
    model.add_depot(places[0])
    model.add_vehicle_type(number, capacity=capacity, tw_late=int(stops[0][5] * steps))
    for place, (_, _, _, demand, ready, due, service) in zip(places[1:], stops[1:], strict=True):
        model.add_client(
            place,
            delivery=int(demand),
            service_duration=int(service * steps),
            tw_early=int(ready * steps),
            tw_late=int(due * steps),
        )
    for a, p in zip(places, stops, strict=True):
        for b, q in zip(places, stops, strict=True):
            if a is not b:
                length = math.ceil(math.hypot(p[1] - q[1], p[2] - q[2]) * steps)
                model.add_edge(a, b, distance=length, duration=length)
    return model.data()


def by_hgs(path, seconds, seed):
    """Returns the cost that HGS-CVRP reaches on a CVRPLIB file."""
    import hygese

    section, nodes, demands, capacity = "", {}, {}, 0
    for line in path.read_text().splitlines():
        words = line.replace(":", " ").split()
        if not words:
            continue
        if words[0] == "CAPACITY":
            capacity = int(words[1])
        elif words[0].endswith("SECTION"):
            section = words[0]
        elif section == "NODE_COORD_SECTION" and words[0].isdigit():
            nodes[int(words[0])] = (float(words[1]), float(words[2]))
        elif section == "DEMAND_SECTION" and words[0].isdigit():
            demands[int(words[0])] = int(words[1])
    order = sorted(nodes)
    parameters = hygese.AlgorithmParameters(timeLimit=seconds, seed=seed)
    data = {
        "x_coordinates": [nodes[node][0] for node in order],
        "y_coordinates": [nodes[node][1] for node in order],
        "demands": [demands[node] for node in order],
        "vehicle_capacity": capacity,
        "service_times": [0] * len(order),
        "depot": 0,
    }
    return hygese.Solver(parameters=parameters, verbose=False).solve_cvrp(data, rounding=True).cost


if __name__ == "__main__":
    tool, file, time, number = sys.argv[1:]
    solve = {"pyvrp": by_pyvrp, "hgs": by_hgs}[tool]
    print(solve(Path(file), float(time), int(number)))
