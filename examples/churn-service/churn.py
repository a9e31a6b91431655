"""Made-up customers of a made-up telephone company, some of whom are about to leave it.

Ten numbers tell of a customer; whether they leave follows from a few of them, and from chance. The same seed
and the same number always make the same customers.
"""

import numpy as np

FEATURES = (
    "age",
    "months",
    "calls_per_day",
    "minutes_per_call",
    "megabytes_per_day",
    "complaints",
    "late_payments",
    "monthly_fee",
    "discount",
    "distance_to_shop",
)
CHUNK = 100_000


def customers(count, seed=1):
    """Returns `count` customers, a row each, and whether they left."""
    pieces = [_chunk(min(CHUNK, count - first), seed, first) for first in range(0, count, CHUNK)]
    return np.concatenate([x for x, _ in pieces]), np.concatenate([y for _, y in pieces])


def _chunk(count, seed, first):
    draw = np.random.default_rng([seed, first])
    x = np.column_stack(
        [
            draw.integers(18, 90, count),
            draw.gamma(2.0, 18.0, count),
            draw.gamma(1.5, 3.0, count),
            draw.gamma(2.0, 2.0, count),
            draw.lognormal(4.0, 1.5, count),
            draw.poisson(0.4, count),
            draw.poisson(0.2, count),
            draw.normal(35.0, 9.0, count),
            draw.integers(0, 4, count) * 5,
            draw.exponential(6.0, count),
        ]
    ).astype(np.float64)
    # Some of what is asked is never answered.
    x[draw.random(x.shape) < 0.02] = np.nan
    known = np.nan_to_num(x, nan=0.0)
    wish = (
        -1.5
        + 0.9 * known[:, 5]
        + 0.6 * known[:, 6]
        + 0.04 * (known[:, 7] - 35.0)
        - 0.02 * known[:, 1]
        - 0.05 * known[:, 8]
        + 0.5 * np.sin(known[:, 0] / 9.0)
    )
    left = draw.random(count) < 1.0 / (1.0 + np.exp(-wish))
    return x, left.astype(np.int8)
