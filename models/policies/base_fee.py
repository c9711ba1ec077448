"""Forecasts the first base fee that cannot be computed: of the block after the next, which a transaction that misses the next one pays.

The next block's base fee follows from its parent by EIP-1559 (`domain/base_fee.py`) and is a feature here, not a forecast. The formula
knows the one after only as far as it knows how full the next block will be: its answer is "no change" for a block at its target, and at
most an eighth more. "No change" stands beside the forecast as its baseline (`models/forecasting.py`).
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from domain.kinds import BASE_FEE
from models.forests import Forests, grow
from models.policy import Policy, matrix_of

NAME = "base_fee"
DESCRIPTION = "How the base fee moves from the next block to the one after, in the middle and at its dearest tenth."
LABEL = "base_fee_change_bps"
QUANTILES = (0.5, 0.9)


def fit(frame: pl.DataFrame, seed: int) -> Forests:
    """A forest for each quantile."""
    label = frame[LABEL].to_numpy()
    losses = [{"loss": "quantile", "quantile": quantile} for quantile in QUANTILES]
    return grow(BASE_FEE, matrix_of(frame, BASE_FEE), [label] * len(losses), losses, seed)


POLICY = Policy(NAME, DESCRIPTION, BASE_FEE, (LABEL,), timedelta(seconds=24), fit)
