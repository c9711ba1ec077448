"""What never changes about a pool, its mid price in whole tokens, and whole numbers on their way into a table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from assets.chain.market_replay import Pool
from domain.amm.concentrated import ConcentratedPool


@dataclass(frozen=True, slots=True)
class Facts:
    """A pool as its row in `pools` tells it; `unit` turns base units into whole tokens: 10^(decimals0 - decimals1)."""

    chain_id: int
    venue: str
    protocol: str
    fee_pips: int
    tick_spacing: int | None
    unit: float | None


def facts_of(pools: pl.DataFrame) -> dict[str, Facts]:
    """The pools of the table `pools`, by address."""
    found = {}
    for row in pools.sort("pool").iter_rows(named=True):
        decimals0, decimals1 = row["decimals0"], row["decimals1"]
        unit = None if decimals0 is None or decimals1 is None else 10.0 ** (decimals0 - decimals1)
        found[row["pool"]] = Facts(row["chain_id"], row["venue"], row["protocol"], row["fee_pips"], row["tick_spacing"], unit)
    return found


def mid_price(state: Pool, unit: float | None) -> float | None:
    """Whole second tokens per whole first token; None when a token's decimals are unknown or a reserve is empty."""
    if unit is None:
        return None
    if isinstance(state, ConcentratedPool):
        return (state.sqrt_price_x96 / 2**96) ** 2 * unit
    return state.reserve1 / state.reserve0 * unit if state.reserve0 and state.reserve1 else None


def as_amount(number: int | None) -> Decimal | None:
    """A whole number as an amount column takes it: Polars refuses Python integers past 64 bits there."""
    return None if number is None else Decimal(number)
