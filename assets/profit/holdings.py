"""Holdings counted a second way, without lots: what went in and out of a centre's wallets, for the checks to compare with."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from assets.partitions import Span
from domain.schemas import AMOUNT

_KEY = ["day", "center", "token"]


def wallet_flows(trades: pl.DataFrame, liquidity: pl.DataFrame) -> pl.DataFrame:
    """Base units that each centre's wallets received (positive) or gave, by day and token.

    `trades` and `liquidity` are valued entries (postings.py); those without a value were not booked and do not count. A withdrawal
    from a concentrated pool pays nothing yet: its collect does.
    """
    booked = trades.filter(pl.col("value_micro_usd").is_not_null())
    moved = liquidity.filter(pl.col("value0").is_not_null() & pl.col("value1").is_not_null())
    paid_out = (pl.col("kind") == "collect") | ((pl.col("kind") == "burn") & (pl.col("protocol") == "constant_product"))
    parts = [
        booked.select(*_KEY[:2], token="token_in", amount=-pl.col("amount_in")),
        booked.select(*_KEY[:2], token="token_out", amount="amount_out"),
    ]
    for n in (0, 1):
        parts.append(moved.filter(pl.col("kind") == "mint").select(*_KEY[:2], token=f"token{n}", amount=-pl.col(f"amount{n}")))
        parts.append(moved.filter(paid_out).select(*_KEY[:2], token=f"token{n}", amount=f"amount{n}"))
    return pl.concat([part.cast({"amount": AMOUNT}) for part in parts]).group_by(_KEY).agg(flow=pl.col("amount").sum())


def unexplained_holdings(lots: pl.DataFrame, flows: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Days, centres and tokens whose lots changed by something else than what the wallets received and gave.

    `lots` are rows of open_lots that begin a day before the span. What a withdrawal still owes counts as held already.
    """
    held = _held(lots)
    before = held.select(day=pl.col("day") + timedelta(days=1), center="center", token="token", amount_before="amount")
    keys = pl.concat([frame.select(_KEY) for frame in (held, before, flows)]).unique()
    rows = keys.join(held, on=_KEY, how="left").join(before, on=_KEY, how="left").join(flows, on=_KEY, how="left")
    rows = rows.with_columns(pl.col("amount", "amount_before", "flow").fill_null(0))
    off = pl.col("amount") - pl.col("amount_before") != pl.col("flow")
    return rows.filter(pl.col("day").is_between(span.first, span.last) & off).sort(_KEY)


def _held(lots: pl.DataFrame) -> pl.DataFrame:
    owed = pl.col("token").str.starts_with("owed:")
    tokens = lots.filter(~pl.col("token").str.starts_with("position:")).with_columns(
        token=pl.when(owed).then(pl.col("token").str.split(":").list.last()).otherwise("token"),
        amount=pl.when(owed).then(-pl.col("amount")).otherwise("amount"),
    )
    return tokens.group_by(_KEY).agg(pl.col("amount").sum())
