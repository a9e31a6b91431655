"""Forecasts of Extra-P, for `cargo xtask bench forecast --peers`.

Reads a JSON list of cases {"x": [...], "time": [...], "at": [...], "is_strong": bool} from standard input and writes
{"version": ..., "methods": {name: [{"forecasts": [...], "cpu_s": ...}, ...]}} to standard output. Methods:

- default: the basic modeler as it comes;
- negative: with allow_negative_exponents, the setting meant for strong scaling;
- p·T: the conversion that its GUI offers for strong scaling, model p·T and divide by p (strong cases only).
"""

import json
import logging
import sys
import time
import warnings

import extrap
from extrap.entities.callpath import Callpath
from extrap.entities.coordinate import Coordinate
from extrap.entities.measurement import Measurement
from extrap.entities.metric import Metric
from extrap.modelers.single_parameter.basic import SingleParameterModeler

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def forecast(x, values, at, allow_negative):
    modeler = SingleParameterModeler()
    if allow_negative:
        modeler.allow_negative_exponents = True
    callpath, metric = Callpath("main"), Metric("time")
    measurements = [Measurement(Coordinate(p), callpath, metric, [v]) for p, v in zip(x, values)]
    function = modeler.create_model(measurements).hypothesis.function
    return [float(function.evaluate(a)) for a in at]


def method(case, allow_negative=False, is_converted=False):
    x, values, at = case["x"], case["time"], case["at"]
    factors = x if is_converted else [1.0] * len(x)
    start = time.process_time()
    try:
        forecasts = forecast(x, [v * f for v, f in zip(values, factors)], at, allow_negative)
    except Exception:
        forecasts = [None] * len(at)
    if is_converted:
        forecasts = [None if f is None else f / a for f, a in zip(forecasts, at)]
    return {"forecasts": forecasts, "cpu_s": time.process_time() - start}


def main():
    cases = json.load(sys.stdin)
    methods = {
        "Extra-P default": [method(case) for case in cases],
        "Extra-P negative": [method(case, allow_negative=True) for case in cases],
        "Extra-P p·T": [method(case, is_converted=True) if case["is_strong"] else None for case in cases],
    }
    json.dump({"version": extrap.__version__, "methods": methods}, sys.stdout)


if __name__ == "__main__":
    main()
