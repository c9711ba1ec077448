"""Forecasts an order's markout: whether what it buys gains or loses on what it sells, one and five minutes later.

An order that keeps being followed by a loss trades against somebody who knows more; the forecast is the median, which a spike leaves alone.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from domain.kinds import MARKOUT
from models.forests import Forests, grow
from models.policy import Policy, matrix_of

NAME = "markout"
DESCRIPTION = "How the market moves after an order, one and five minutes on."
LABELS = tuple(output.name for output in MARKOUT.outputs)


def fit(frame: pl.DataFrame, seed: int) -> Forests:
    """A forest for each horizon, by least absolute error."""
    labels = [frame[label].to_numpy() for label in LABELS]
    return grow(MARKOUT, matrix_of(frame, MARKOUT), labels, [{"loss": "absolute_error"}] * len(labels), seed)


POLICY = Policy(NAME, DESCRIPTION, MARKOUT, LABELS, timedelta(minutes=5), fit)
