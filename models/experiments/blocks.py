"""Blocks: stretches of the trial long enough that one says little about the next; how long, the data say."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from models.experiments.policy import PromotionPolicy

TRIALS = {"arrived_at": pl.Datetime("us", "UTC"), "champion_cost_bps": pl.Float64(), "challenger_cost_bps": pl.Float64()}


def block_hours(correlation_hours: float, policy: PromotionPolicy) -> int:
    """The block length: the policy's, or the next multiple of it that holds enough correlation lengths."""
    asked = max(policy.block_hours, policy.autocorrelation_factor * correlation_hours)
    return math.ceil(asked / policy.block_hours) * policy.block_hours


def correlation_length(series: np.ndarray) -> float:
    """How many steps a block must have so that a block bootstrap sees the dependence (Politis and White 2004, circular blocks).

    Taken as the correlation length of the series; 0 for a series too short or too flat to tell.
    """
    n = len(series)
    if n < 16 or np.ptp(series) == 0:
        return 0.0
    centred = series - series.mean()
    # The run of insignificant lags that ends the search, how far it goes, and what is significant: the authors' choices.
    run = max(5, int(math.log10(n)))
    furthest = min(math.ceil(math.sqrt(n)) + run, n - 2)
    bar = 2 * math.sqrt(math.log10(n) / n)
    products = np.array([centred[lag:] @ centred[: n - lag] for lag in range(furthest + 1)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    lag = np.arange(furthest + 1)
    norms = np.sqrt(np.maximum(squares[n] - squares[lag + 1], 0) * squares[n - lag - 1])
    quiet = np.abs(products) / np.maximum(norms, 1e-300) < bar
    first_quiet = next((lag for lag in range(furthest - run + 1) if quiet[lag : lag + run].all()), None)
    window = furthest if first_quiet is None else min(2 * max(first_quiet, 1), furthest)
    lags = np.arange(1, window + 1)
    weighted = 2 * np.minimum(1, 2 * (1 - lags / window)) * products[1 : window + 1] / n
    spectrum = products[0] / n + float(weighted.sum())
    curvature = float(weighted @ lags)
    length = (2 * curvature**2 / (4 / 3 * spectrum**2) * n) ** (1 / 3) if spectrum else math.inf
    return float(min(length, math.ceil(min(3 * math.sqrt(n), n / 3))))
