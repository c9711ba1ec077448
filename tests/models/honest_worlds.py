"""Worlds in which it is known beforehand what an honest trainer must find: everything, or nothing."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import polars as pl

from models.bundle import Bundle, Origin, write_bundle
from models.execution import COSTS, WAIT_RESIDUAL, chosen, paid
from models.training import matrix, train
from tests.models.order_book import orders


def leaked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its outcome in the place of a feature."""
    return frame.with_columns(hour=frame[WAIT_RESIDUAL].cast(pl.Float32).cast(pl.Float64))


def later(frame: pl.DataFrame, days: int = 10) -> pl.DataFrame:
    """The same orders so many days on."""
    return frame.with_columns(pl.col("arrived_at") + timedelta(days=days))


def noise(days: int, per_day: int, seed: int) -> pl.DataFrame:
    """Orders whose split never pays and whose wait brings noise alone: there is nothing to find."""
    frame = orders(days=days, per_day=per_day, truth=0.0, noise_bps=15.0, seed=seed)
    frame = frame.with_columns(split_saving_bps=pl.col("split_saving_bps").clip(upper_bound=-0.5))
    split = pl.col(COSTS[0]) - pl.col("split_saving_bps")
    return frame.with_columns(split.alias(COSTS[1]), (pl.col(COSTS[0]) - pl.col(WAIT_RESIDUAL)).alias(COSTS[2]))


def null_trial(seed: int, days: int = 14, per_day: int = 60) -> pl.DataFrame:
    """A challenger trained on noise by the real trainer, and its trial on more of it: paired costs, as `decide` takes them."""
    trained = train(noise(5, per_day, seed), timedelta(seconds=60), seed)
    assert trained is not None
    judged = later(noise(days, per_day, 10_000 + seed))
    actions = chosen(trained.model.savings(matrix(judged)))
    costs = pl.Series(paid(judged, actions), dtype=pl.Float64)
    return judged.select("arrived_at", champion_cost_bps=pl.col(COSTS[0])).with_columns(challenger_cost_bps=costs)


def small_bundle(under: Path) -> Bundle:
    """A bundle of a few lessons and a fixed seed."""
    lessons = orders(days=3)
    trained = train(lessons, timedelta(seconds=60), 5)
    assert trained is not None
    rows = matrix(lessons)
    origin = Origin("quote_offset", 5, "2026-01-05", "2026-01-07", lessons.height, "d" * 64, "p" * 64)
    return write_bundle(under, trained.model.export(), rows, trained.model.savings(rows), 60, origin)


if __name__ == "__main__":
    print(small_bundle(Path(sys.argv[1])).sha256)
