"""A pool's hour: how much was traded, how far the price moved, how deep the pool was at the end and how far from the market.

Sums are taken over integers (micro-dollars, wei, 1e-15 of a squared return), so the order of the rows never shows in a digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from assets.enrichment.depth import DEPTHS
from assets.enrichment.price_lookup import with_prices
from domain.schemas import COUNT, TIME

HOUR = timedelta(hours=1)
_SQUARE_UNIT = 1e15
_MICRO = 1e6
_GWEI = 1e9


def conditions(
    days: Sequence[date],
    states: pl.DataFrame,
    depths: pl.DataFrame,
    pools: pl.DataFrame,
    swaps: pl.DataFrame,
    proofs: pl.DataFrame,
    gas_prices: pl.DataFrame,
    prices: pl.DataFrame,
) -> pl.DataFrame:
    """One row for each pool and hour of the days, from the first hour whose closing state is known.

    `states` are rows of pool_states that begin a day earlier than the days, `depths` their depths in base units (DEPTHS). An hour
    in which nothing happened has the state of the hour before.
    """
    return (
        _closes(days, states)
        .join(depths, on=["pool", "state_hour"], how="left")
        .join(pools.select("pool", "token0", "token1", "decimals0"), on="pool", how="left")
        .pipe(with_prices, prices, {"price0_usd": ("token0", HOUR), "price1_usd": ("token1", HOUR)}, "hour")
        .with_columns(
            reference_price=_known(pl.col("price0_usd") / pl.col("price1_usd")),
            first_token_usd=pl.coalesce("price0_usd", pl.col("close_price") * pl.col("price1_usd")),
        )
        .with_columns(
            spread_to_reference_bps=_known(10_000 * (pl.col("close_price") / pl.col("reference_price") - 1)),
            **{f"{name}_usd": _dollars(name) for name in DEPTHS.names()[2:]},
        )
        .join(_trading(swaps, pools, prices), on=["pool", "hour"], how="left")
        .join(_volatility(proofs), on=["pool", "hour"], how="left")
        .join(_base_fees(gas_prices), on="hour", how="left")
        .with_columns(pl.col("swaps").fill_null(0))
        .sort("pool", "hour")
    )


def _closes(days: Sequence[date], states: pl.DataFrame) -> pl.DataFrame:
    """Every pool at the end of every hour, as the last state at or before it says."""
    midnights = pl.DataFrame({"day": list(days)}).with_columns(midnight=pl.col("day").cast(TIME))
    hours = midnights.join(pl.DataFrame({"after": [n * HOUR for n in range(24)]}), how="cross").select(
        "day", hour=(pl.col("midnight") + pl.col("after")).cast(TIME)
    )
    grid = states.select("chain_id", "pool", "venue", "protocol").unique("pool").join(hours, how="cross").sort("hour", "pool")
    known = states.select("pool", pl.col("hour").alias("state_hour"), close_price="price").sort("state_hour")
    return grid.join_asof(known, left_on="hour", right_on="state_hour", by="pool", coalesce=False, check_sortedness=False).filter(
        pl.col("state_hour").is_not_null()
    )


def _trading(swaps: pl.DataFrame, pools: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Swaps and dollars by pool and hour; a swap is worth its first token, or its second where the first has no price."""
    at_once = timedelta()
    priced = with_prices(
        swaps.select("pool", "block_time", "amount0", "amount1").join(
            pools.select("pool", "token0", "decimals0", "token1", "decimals1"), on="pool", how="left"
        ),
        prices,
        {"price0_usd": ("token0", at_once), "price1_usd": ("token1", at_once)},
    )
    worth = pl.coalesce(*(_whole(f"amount{n}", f"decimals{n}").abs() * pl.col(f"price{n}_usd") for n in (0, 1)))
    return (
        priced.with_columns(hour=pl.col("block_time").dt.truncate("1h"), micro_usd=(worth * _MICRO).round().cast(COUNT, strict=False))
        .group_by("pool", "hour")
        .agg(swaps=pl.len().cast(COUNT), volume_usd=_sum_or_null("micro_usd") / _MICRO)
    )


def _volatility(proofs: pl.DataFrame) -> pl.DataFrame:
    """Square root of the sum of squared log returns, each swap's from the price before it to the price after it."""
    steps = (pl.col("price_after") / pl.col("price_before")).log()
    squares = (steps * steps * _SQUARE_UNIT).round().cast(COUNT, strict=False)
    return (
        proofs.filter(pl.col("kind") == "swap")
        .with_columns(hour=pl.col("block_time").dt.truncate("1h"), squares=squares)
        .group_by("pool", "hour")
        .agg(realised_volatility=(_sum_or_null("squares") / _SQUARE_UNIT).sqrt())
    )


def _base_fees(gas_prices: pl.DataFrame) -> pl.DataFrame:
    fee = pl.col("base_fee_per_gas")
    return (
        gas_prices.filter(fee.is_not_null())
        .group_by(hour=pl.col("block_time").dt.truncate("1h"))
        .agg(base_fee_gwei=fee.sum().cast(pl.Float64) / pl.len() / _GWEI)
    )


def _dollars(amount: str) -> pl.Expr:
    return _known(_whole(amount, "decimals0") * pl.col("first_token_usd"))


def _whole(amount: str, decimals: str) -> pl.Expr:
    return pl.col(amount).cast(pl.Float64) / pl.lit(10.0).pow(pl.col(decimals))


def _sum_or_null(column: str) -> pl.Expr:
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum())


def _known(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)
