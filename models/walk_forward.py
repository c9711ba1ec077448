"""Splits that cannot look ahead: what was learned from is over, labels and all, before what it is judged on begins.

Purging and embargo as in López de Prado, "Advances in Financial Machine Learning" (2018), chapter 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from domain.problems import BadInput


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the rows that teach and of the rows they are judged on, and when those begin."""

    learns: np.ndarray
    judges: np.ndarray
    begins: datetime


def walk_forward(
    arrived: pl.Series, horizon: timedelta, embargo: timedelta = timedelta(0), every: timedelta = timedelta(days=1)
) -> Iterator[Split]:
    """Each later stretch with all the rows before it whose outcome was known `embargo` before it began, oldest first.

    `arrived` are the moments of the rows, `horizon` how long after its row an outcome is known. Stretches start at midnight, UTC; one
    without rows is left out. Raises BadInput for a horizon or an embargo below 0.
    """
    _refuse_negative(horizon, embargo)
    number = _stretches(arrived, every)
    for stretch in sorted(set(number.to_list()))[1:]:
        judges = np.flatnonzero((number == stretch).to_numpy())
        begins = arrived.min().replace(hour=0, minute=0, second=0, microsecond=0) + stretch * every  # type: ignore[union-attr]
        yield Split(np.flatnonzero((arrived + horizon + embargo < begins).to_numpy()), judges, begins)


def purged_folds(arrived: pl.Series, horizon: timedelta, embargo: timedelta = timedelta(0), folds: int = 3) -> Iterator[Split]:
    """So many stretches of equal numbers of rows, each judged by all rows outside of it whose outcomes do not overlap its own.

    Rows after a stretch teach only `embargo` after its last outcome. For estimates that may use the future, such as a cost model; never
    for a forecast of what a policy would have earned.
    """
    _refuse_negative(horizon, embargo)
    order = np.argsort(arrived.to_numpy(), kind="stable")
    for judges in np.array_split(order, folds):
        if not len(judges):
            continue
        first, last = arrived[int(judges[0])], arrived[int(judges[-1])]
        outside = (arrived + horizon < first) | (arrived > last + horizon + embargo)
        yield Split(np.flatnonzero(outside.to_numpy()), np.sort(judges), first)


def _stretches(arrived: pl.Series, every: timedelta) -> pl.Series:
    if arrived.is_empty():
        return pl.Series([], dtype=pl.Int64)
    midnight = arrived.min().replace(hour=0, minute=0, second=0, microsecond=0)  # type: ignore[union-attr]
    return (arrived - midnight).dt.total_microseconds() // (every // timedelta(microseconds=1))


def _refuse_negative(horizon: timedelta, embargo: timedelta) -> None:
    for name, span in (("horizon", horizon), ("embargo", embargo)):
        if span < timedelta(0):
            raise BadInput(f"The {name} is {span}; it cannot be negative.", field=name)
