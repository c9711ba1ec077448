"""The catalogue of features, and the questions that catch one which knows more than it should.

The features themselves are defined in `domain/features.py` and `domain/block_features.py`, where training and executor both find them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from domain.features import NAMES
from domain.kinds import KINDS

# A single number that explains a market outcome this well was made from it.
TOO_GOOD = 0.95


def catalogue() -> pl.DataFrame:
    """Every feature with its unit, meaning, source, when it is known and the kinds that use it: read it before adding one."""
    found = {one.name: one for kind in KINDS.values() for one in kind.features}
    uses = {name: ", ".join(kind.name for kind in KINDS.values() if name in kind.names) for name in found}
    return pl.DataFrame(
        [
            {"name": name, "unit": one.unit, "description": one.description, "source": one.source, "known": one.known, "kinds": uses[name]}
            for name, one in found.items()
        ]
    )


def late(rows: pl.DataFrame) -> int:
    """Rows with a fact younger than the moment of the row."""
    return rows.filter(pl.col("known_at") > pl.col("arrived_at")).height


def differing(told: pl.DataFrame, again: pl.DataFrame, names: Sequence[str] = NAMES, key: str = "order_id") -> list[str]:
    """The features that are not the same, to the last bit, in two computations of the same rows; all of them when the rows differ."""
    one, other = told.sort(key), again.sort(key)
    if one[key].to_list() != other[key].to_list():
        return list(names)
    return [name for name in names if one[name].to_list() != other[name].to_list()]


def too_good(rows: pl.DataFrame, outcome: str, names: Sequence[str] = NAMES) -> list[str]:
    """The features that by themselves tell the outcome: a leak, until somebody explains it."""
    answer = rows[outcome].cast(pl.Float64).to_numpy()
    return [name for name in names if abs(_correlation(rows[name].to_numpy(), answer)) >= TOO_GOOD]


def shifted(rows: pl.DataFrame, names: Sequence[str] = NAMES, by: int = 1, moment: str = "arrived_at") -> pl.DataFrame:
    """The rows with the features of the row that comes `by` later: what a pipeline that is off by one would feed. The last rows go."""
    ordered = rows.sort(moment)
    return ordered.with_columns(pl.col(*names).shift(-by)).head(max(ordered.height - by, 0))


def off_by_one(rows: pl.DataFrame, outcome: str, names: Sequence[str] = NAMES) -> list[str]:
    """The features that belong to a neighbouring row: the next row's value tells this row's outcome better than the row's own, by far.

    That is what a feature looks like which was written down one row late; one that was written down early is caught by `late`.
    """
    own, later = rows.sort("arrived_at").head(max(rows.height - 1, 0)), shifted(rows, names)
    answer = own[outcome].cast(pl.Float64).to_numpy()
    # Four standard errors of the correlation of two things that have nothing in common.
    noise = 4 / max(len(answer), 1) ** 0.5
    told = {name: [abs(_correlation(frame[name].to_numpy(), answer)) for frame in (own, later)] for name in names}
    return [name for name, (here, there) in told.items() if there > here + noise]


def _correlation(values: np.ndarray, answer: np.ndarray) -> float:
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(answer) == 0:
        return 0.0
    return float(np.corrcoef(values, answer)[0, 1])
