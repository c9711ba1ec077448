"""The catalogue of features, and the questions that catch one which knows more than it should.

The features themselves are defined in `domain/features.py`, where training and executor both find them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from domain.features import FEATURES, NAMES

# A single number that explains a market outcome this well was made from it.
TOO_GOOD = 0.95


def catalogue() -> pl.DataFrame:
    """Every feature with its unit, meaning, source and when it is known: what a person reads before adding one."""
    return pl.DataFrame(
        [{"name": one.name, "unit": one.unit, "description": one.description, "source": one.source, "known": one.known} for one in FEATURES]
    )


def late(orders: pl.DataFrame) -> int:
    """Orders with a fact younger than the order itself."""
    return orders.filter(pl.col("known_at") > pl.col("arrived_at")).height


def differing(told: pl.DataFrame, again: pl.DataFrame) -> list[str]:
    """The features that are not the same, to the last bit, in two computations of the same orders; all of them when the orders differ."""
    one, other = told.sort("order_id"), again.sort("order_id")
    if one["order_id"].to_list() != other["order_id"].to_list():
        return list(NAMES)
    return [name for name in NAMES if one[name].to_list() != other[name].to_list()]


def too_good(orders: pl.DataFrame, outcome: str) -> list[str]:
    """The features that by themselves tell the outcome: a leak, until somebody explains it."""
    answer = orders[outcome].to_numpy()
    found = []
    for name in NAMES:
        values = orders[name].to_numpy()
        if len(values) > 2 and np.ptp(values) > 0 and np.ptp(answer) > 0 and abs(np.corrcoef(values, answer)[0, 1]) >= TOO_GOOD:
            found.append(name)
    return found
