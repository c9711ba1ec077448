"""Blocks: stretches of the trial long enough that one says little about the next, so that their means can be weighed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.experiments.policy import PromotionPolicy

TRIALS = {"arrived_at": pl.Datetime("us", "UTC"), "champion_cost_bps": pl.Float64(), "challenger_cost_bps": pl.Float64()}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The trial in blocks of equal length, oldest first.

    `saving_bps` is what the challenger saved per order in each block, `champion_cost_bps` what the champion paid.
    `correlation_hours` is the length over which hourly savings still resemble each other.
    """

    hours: int
    saving_bps: np.ndarray
    champion_cost_bps: np.ndarray
    orders: np.ndarray
    starts: list
    clipped: int
    correlation_hours: float

    @property
    def count(self) -> int:
        return len(self.saving_bps)


def in_blocks(trials: pl.DataFrame, policy: PromotionPolicy) -> Blocks:
    """Paired trials gathered into blocks; an incomplete block at the end is left for later.

    Each order counts once. One order's saving is clipped at the policy's limit, so no single accident decides.
    """
    savings = (
        trials.select(*TRIALS)
        .sort("arrived_at", "champion_cost_bps", "challenger_cost_bps")
        .with_columns(raw=pl.col("champion_cost_bps") - pl.col("challenger_cost_bps"))
        .with_columns(saving=pl.col("raw").clip(-policy.clip_bps, policy.clip_bps))
    )
    correlation = correlation_length(_hourly(savings))
    hours = block_hours(correlation, policy)
    clipped = savings.filter(pl.col("raw").abs() > policy.clip_bps).height
    if savings.is_empty():
        nothing = np.zeros(0)
        return Blocks(hours, nothing, nothing, nothing, [], 0, correlation)
    # Blocks start at midnight of the first day: a block never depends on when the first order happened to come.
    start = savings["arrived_at"].dt.truncate("1d").item(0)
    numbered = savings.with_columns(block=((pl.col("arrived_at") - start).dt.total_seconds() // (hours * 3600)))
    gathered = (
        numbered.group_by("block", maintain_order=True)
        .agg(
            pl.col("saving").mean(), pl.col("champion_cost_bps").mean().alias("cost"), pl.len().alias("orders"), pl.col("arrived_at").min()
        )
        .sort("block")
    )
    last = savings["arrived_at"].item(-1)
    covered = (last - start).total_seconds() / 3600
    # Orders stop a little before midnight; a block counts as complete when its last order came in its last hour.
    whole = gathered.filter((pl.col("block") + 1) * hours <= covered + 1)
    return Blocks(
        hours,
        whole["saving"].to_numpy(),
        whole["cost"].to_numpy(),
        whole["orders"].to_numpy(),
        whole["arrived_at"].to_list(),
        clipped,
        correlation,
    )


def block_hours(correlation_hours: float, policy: PromotionPolicy) -> int:
    """The block length: the policy's, or the next multiple of it that holds enough correlation lengths."""
    asked = max(policy.block_hours, policy.autocorrelation_factor * correlation_hours)
    return math.ceil(asked / policy.block_hours) * policy.block_hours


def _hourly(savings: pl.DataFrame) -> np.ndarray:
    hourly = savings.group_by(pl.col("arrived_at").dt.truncate("1h").alias("hour"), maintain_order=True).agg(pl.col("saving").mean())
    return hourly.sort("hour")["saving"].to_numpy()


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
    norms = [
        math.sqrt((centred[lag + 1 :] @ centred[lag + 1 :]) * (centred[: -(lag + 1)] @ centred[: -(lag + 1)]))
        for lag in range(furthest + 1)
    ]
    quiet = np.abs(products) / np.maximum(norms, 1e-300) < bar
    first_quiet = next((lag for lag in range(furthest - run + 1) if quiet[lag : lag + run].all()), None)
    window = furthest if first_quiet is None else min(2 * max(first_quiet, 1), furthest)
    lags = np.arange(1, window + 1)
    weighted = 2 * np.minimum(1, 2 * (1 - lags / window)) * products[1 : window + 1] / n
    spectrum = products[0] / n + float(weighted.sum())
    curvature = float(weighted @ lags)
    length = (2 * curvature**2 / (4 / 3 * spectrum**2) * n) ** (1 / 3) if spectrum else math.inf
    return float(min(length, math.ceil(min(3 * math.sqrt(n), n / 3))))
