"""Postings of trades and liquidity: what each did to a profit centre's holdings, and at what value.

A value is rounded to a millionth of a dollar once, here; from then on it is an integer.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.enrichment.price_lookup import with_prices
from assets.profit.book import COLLECT, DEPOSIT, POSTINGS, REDEMPTION, TRADE, WITHDRAWAL
from assets.profit.positions import owed_name, position_name, units_of_pair
from domain.schemas import AMOUNT, COUNT, TEXT

MICRO = 1e6
AT_ONCE = timedelta()
KINDS = ("mint", "burn", "collect")


def micro_usd(dollars: pl.Expr) -> pl.Expr:
    """Dollars as whole millionths; null where there is no number."""
    return pl.when(dollars.is_finite()).then((dollars * MICRO).round()).cast(AMOUNT, strict=False)


def valued_trades(trades: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """The ledger's trades with `value_micro_usd`: what was sold at the market, or what was bought where only that has a price.

    `edge_micro_usd` is what was bought at the market minus that value; zero where only one side has a price.
    """
    priced = with_prices(trades, prices, {"price_out_usd": ("token_out", AT_ONCE)})
    bought = micro_usd(_whole("amount_out", "decimals_out") * pl.col("price_out_usd"))
    valued = priced.with_columns(bought=bought, value_micro_usd=pl.coalesce(micro_usd(pl.col("notional_usd")), bought))
    edge = (pl.col("bought") - pl.col("value_micro_usd")).fill_null(0)
    return valued.with_columns(edge_micro_usd=edge.cast(AMOUNT)).drop("price_out_usd", "bought")


def trade_postings(valued: pl.DataFrame) -> pl.DataFrame:
    """Two postings for each trade that has a value: the token sold, then the token bought."""
    known = valued.filter(pl.col("value_micro_usd").is_not_null())
    sold, bought = (
        _postings(known, step, TRADE, f"token_{side}", f"symbol_{side}", sign * pl.col(f"amount_{side}"), sign * pl.col("value_micro_usd"))
        for step, (side, sign) in enumerate((("in", -1), ("out", 1)))
    )
    return _in_order(sold, bought)


def valued_liquidity(events: pl.DataFrame, pools: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Mints, burns and collects (rows of liquidity_events with `center`) with the value of each token and the position's name and units.

    `value0` and `value1` are millionths of a dollar; they are null where a token that moved has no price.
    """
    known = pools.select("pool", "label", *(f"{name}{n}" for name in ("token", "symbol", "decimals") for n in (0, 1)))
    moved = events.filter(pl.col("kind").is_in(KINDS)).join(known, on="pool", how="left")
    priced = with_prices(moved, prices, {f"price{n}_usd": (f"token{n}", AT_ONCE) for n in (0, 1)})
    values = {
        f"value{n}": pl.when(pl.col(f"amount{n}") == 0)
        .then(pl.lit(0, AMOUNT))
        .otherwise(micro_usd(_whole(f"amount{n}", f"decimals{n}") * pl.col(f"price{n}_usd")))
        for n in (0, 1)
    }
    # Liquidity events of our own wallets are few: naming them a row at a time costs nothing.
    names = pl.DataFrame([_named(row) for row in priced.iter_rows(named=True)], schema=_NAMES, orient="row")
    proof = pl.format("{}:{}:{}", "chain_id", "block_number", "log_index")
    return pl.concat([priced, names], how="horizontal").with_columns(
        **values, trade_id=proof, position_symbol=pl.format("liquidity in {}", "label")
    )


def liquidity_postings(valued: pl.DataFrame) -> pl.DataFrame:
    """Postings of liquidity whose tokens all have a value.

    A deposit gives tokens for units of the position. A withdrawal gives units for tokens; what it owes is noted, so that the
    collect which pays it out books only what is new: the fees.
    """
    known = valued.filter(pl.col("value0").is_not_null() & pl.col("value1").is_not_null())
    concentrated = pl.col("protocol") == "concentrated"
    mints, burns = known.filter(pl.col("kind") == "mint"), known.filter(pl.col("kind") == "burn")
    owing, collects = burns.filter(concentrated), known.filter(pl.col("kind") == "collect")
    both = pl.col("value0") + pl.col("value1")
    parts = [
        *(_tokens(mints, n, DEPOSIT, -1) for n in (0, 1)),
        _postings(mints, 2, DEPOSIT, "position", "position_symbol", pl.col("units"), both),
        *(
            _postings(burns.filter(shape), 0, kind, "position", "position_symbol", -pl.col("units"), -both)
            for shape, kind in ((concentrated, WITHDRAWAL), (~concentrated, REDEMPTION))
        ),
        *(_tokens(burns, n, WITHDRAWAL, 1) for n in (0, 1)),
        *(_postings(owing, 3 + n, WITHDRAWAL, f"owed{n}", f"symbol{n}", pl.col(f"amount{n}"), pl.lit(0, AMOUNT)) for n in (0, 1)),
        *(_tokens(collects, n, COLLECT, 1, owed_from=f"owed{n}") for n in (0, 1)),
    ]
    return _in_order(*parts).filter((pl.col("amount") != 0) | (pl.col("value_micro_usd") != 0))


def _tokens(events: pl.DataFrame, n: int, kind: str, sign: int, owed_from: str | None = None) -> pl.DataFrame:
    amount, value = sign * pl.col(f"amount{n}"), sign * pl.col(f"value{n}")
    return _postings(events, 1 + n if kind == WITHDRAWAL else n, kind, f"token{n}", f"symbol{n}", amount, value, owed_from)


def _postings(
    rows: pl.DataFrame, step: int, kind: str, token: str, symbol: str, amount: pl.Expr, value: pl.Expr, owed_from: str | None = None
) -> pl.DataFrame:
    return rows.select(
        "day",
        "center",
        at="block_time",
        proof="trade_id",
        block_number="block_number",
        log_index="log_index",
        step=pl.lit(step, COUNT),
        kind=pl.lit(kind),
        token=token,
        symbol=symbol,
        amount=amount.cast(AMOUNT),
        value_micro_usd=value.cast(AMOUNT),
        owed_from=pl.col(owed_from) if owed_from else pl.lit(None, TEXT),
    )


def _in_order(*parts: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(parts).select(POSTINGS.names()).cast(POSTINGS).sort("block_number", "log_index", "step", "proof")


def _named(row: dict[str, Any]) -> tuple[str, Decimal, str | None, str | None]:
    pool, lower, upper = row["pool"], row["tick_lower"], row["tick_upper"]
    if row["protocol"] != "concentrated":
        return position_name(pool, None, None), Decimal(units_of_pair(int(row["amount0"]), int(row["amount1"]))), None, None
    owed = (owed_name(pool, lower, upper, row["token0"]), owed_name(pool, lower, upper, row["token1"]))
    return position_name(pool, lower, upper), row["liquidity"] or Decimal(0), *owed


def _whole(amount: str, decimals: str) -> pl.Expr:
    return pl.col(amount).cast(pl.Float64) / pl.lit(10.0).pow(pl.col(decimals))


_NAMES = pl.Schema({"position": TEXT, "units": AMOUNT, "owed0": TEXT, "owed1": TEXT})
