"""What came after each order: how the market moved, and whether its plan would have missed its minimum one block later."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import features
from assets.learning.order_stream import EVERY
from assets.learning.replay import Tape
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.market import BPS, Market
from domain.schemas import COUNT, DATE, RATIO, TEXT, TIME, Column, Table, columns
from executor.planning import Intent, along, best_path
from executor.routing.pool_book import PoolBook

ONE_MINUTE, FIVE_MINUTES = timedelta(minutes=1), timedelta(minutes=5)
# What an order without a wish of its own lets the price slip before it would rather revert.
SLIPPAGE_BPS = 50
TABLE = Table(
    "aftermath",
    row="One order of the trial, and what came after it.",
    columns=columns(
        Column("order_id", TEXT, "The order."),
        Column("arrived_at", TIME, "When it arrived, UTC."),
        Column("known_at", TIME, "When the youngest fact below became known, UTC."),
        Column("markout_1m_bps", RATIO, "What was bought gained on what was sold in one minute, by the reference, bps."),
        Column("markout_5m_bps", RATIO, "The same in five minutes, bps."),
        Column("next_block_at", TIME, "Time of the next block with a trade, at whose end the plan is tried again, UTC.", nullable=True),
        Column(
            "missed", COUNT, f"1 when the plan then gives less than {SLIPPAGE_BPS} bps below what it gave at arrival, so it would revert."
        ),
        DATE,
    ),
    key=("order_id",),
)


def aftermath_rows(tape: Tape, orders: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One row per order of `features`; the plan is the best single path at its arrival, tried again on the pools after the next block."""
    history = tape.history()
    blocks = tape.swaps["block_time"].unique().sort().to_list()
    rows = orders.sort("arrived_at", "order_id").to_dicts()
    later = [_next(blocks, row["arrived_at"]) for row in rows]
    books = dict(tape.books_at({row["arrived_at"] for row in rows} | {moment for moment in later if moment}))
    for row, then in zip(rows, later, strict=True):
        at, sold, bought = row["arrived_at"], row["token_in"], row["token_out"]
        markouts = [-history.at(at + span).move_bps(sold, bought, span) for span in (ONE_MINUTE, FIVE_MINUTES)]
        yield {
            "order_id": row["order_id"],
            "arrived_at": at,
            "known_at": max(at + FIVE_MINUTES, then or at),
            "markout_1m_bps": markouts[0],
            "markout_5m_bps": markouts[1],
            "next_block_at": then,
            # Nothing traded any more: the pools stand as they stood.
            "missed": int(_misses(books[at], books[then], row, history.at(at))) if then else 0,
            "day": row["day"],
        }


def _next(blocks: Sequence[datetime], moment: datetime) -> datetime | None:
    later = bisect_right(blocks, moment)
    return blocks[later] if later < len(blocks) and blocks[later] - moment <= EVERY else None


def _misses(now: PoolBook, then: PoolBook, row: dict[str, Any], market: Market) -> bool:
    tokens = {token.address: token for token in now.tokens}
    intent = Intent(tokens[row["token_in"]], tokens[row["token_out"]], int(row["amount_in"]))
    plan = best_path(now, intent, market)
    again = [along(then, route, route.amount_in) for route in plan.routes]
    given = sum(route.amount_out for route in again if route)
    return given * BPS < plan.amount_out * (BPS - SLIPPAGE_BPS)


@daily(TABLE, deps=[features.features])
def aftermath(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What the forecasts learn: the market after each order, and whether its plan would have reverted.

    Exact plans on the recorded pools, at the order's arrival and after the next block that traded. Nothing of it is known when an order
    arrives; `known_at` says when it was.
    """
    span = Span.of(context)
    assert span is not None  # a daily table always has days
    rows = features.frame_of(TABLE, list(aftermath_rows(Tape.read(warehouse, span), warehouse.read(features.TABLE, span))))
    hourly = rows.group_by(pl.col("arrived_at").dt.hour().alias("hour")).agg(pl.col("markout_5m_bps").median()).sort("hour")
    return warehouse.write(
        TABLE,
        rows,
        context,
        markout_by_hour=pictures.bars(
            {f"{hour:02d}": move for hour, move in hourly.iter_rows()}, "median five-minute markout by hour, bps"
        ),
        missed_orders=int(rows["missed"].sum()),
    )


@dg.asset_check(asset=aftermath, blocking=True)
def every_outcome_is_younger_than_its_order(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Nothing here was known when the order arrived, and each order of the features has its row."""
    span = Span.of(context)
    early = warehouse.scan(TABLE, span).filter(pl.col("known_at") <= pl.col("arrived_at")).select(pl.len()).collect().item()
    told = warehouse.scan(TABLE, span).select(pl.len()).collect().item()
    asked = warehouse.scan(features.TABLE, span).select(pl.len()).collect().item()
    return dg.AssetCheckResult(passed=early == 0 and told == asked, metadata={"early": early, "orders": asked, "rows": told})
