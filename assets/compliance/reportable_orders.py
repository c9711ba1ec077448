"""Reportable orders: the events in the life of every order of the ledger, as an order book's records tell them."""

import hashlib
import re

import dagster as dg
import polars as pl

from assets import pictures
from assets.compliance import reportable_trades, token_identifiers
from assets.compliance.owners import OWNER, with_owner
from assets.compliance.pairs import with_pair
from assets.compliance.reportable_trades import DTIS, MODEL, with_executor
from assets.ledger import orders
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns
from executor.compliance.parties import Parties, load_parties

TABLE = Table(
    "reportable_orders",
    row="One event of an order: NEWO when it is new, FILL when it is filled, REMO when the chain rejected it.",
    columns=columns(
        CHAIN,
        Column("order_id", TEXT, "Code of the order, 50 characters at most; a 32-byte hash is written to base 36 and reads back from it."),
        Column("event_seq", COUNT, "Position of the event in the order's life, from 1."),
        Column("event", TEXT, "NEWO, FILL or REMO, the codes of order-book records."),
        Column("event_time", TIME, "Time of the block, UTC; when an observed order was thought of is not on the chain."),
        Column("ledger_order_id", TEXT, "Order of the ledger."),
        Column("leg", COUNT, "Leg of a round trip, which is told leg by leg; null for an order told as a whole.", nullable=True),
        Column("block_number", COUNT, "Height of the block it was settled in."),
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("origin", TEXT, "observed, simulated, paper or live."),
        Column("wallet", TEXT, "Wallet that ordered."),
        Column("center", TEXT, "Profit centre."),
        Column("pool", TEXT, "Address of the first pool it went through.", nullable=True),
        Column("token_in", TEXT, "Address of the token sold; null when nothing was filled.", nullable=True),
        Column("token_out", TEXT, "Address of the token bought; null when nothing was filled.", nullable=True),
        Column("amount_in", AMOUNT, "Sold, base units."),
        Column("amount_out", AMOUNT, "Bought, base units."),
        Column("side", TEXT, "BUY or SELL of the base; null when nothing was filled.", nullable=True),
        Column("base_token", TEXT, "Address of the token that was traded.", nullable=True),
        Column("quote_token", TEXT, "Address of the token that the price is told in.", nullable=True),
        Column("base_symbol", TEXT, "Symbol of the base.", nullable=True),
        Column("quote_symbol", TEXT, "Symbol of the quote.", nullable=True),
        Column("base_decimals", COUNT, "Decimals of the base.", nullable=True),
        Column("quote_decimals", COUNT, "Decimals of the quote.", nullable=True),
        DTIS,
        Column(
            "initial_quantity", AMOUNT, "Quantity of the base that was asked for, base units; null when it is not known.", nullable=True
        ),
        Column("remaining_quantity", AMOUNT, "What is left of it after the event, base units.", nullable=True),
        Column("traded_quantity", AMOUNT, "What the event traded of it, base units; null when it traded nothing.", nullable=True),
        Column("limit_price", TEXT, "Least acceptable price; null because an observed order does not show it.", nullable=True),
        Column("price", TEXT, "Whole quote for one whole base over the fill, 18 places, half-even.", nullable=True),
        Column("status", TEXT, "ACTI while the order can trade, INAC afterwards."),
        OWNER,
        MODEL,
        Column("is_round_trip", FLAG, "True for a leg of an order that ends in the token it began with."),
        DATE,
    ),
    key=("chain_id", "ledger_order_id", "event_seq"),
)

LONGEST_CODE = 50
_HASH = re.compile(r"0x[0-9a-f]{64}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def order_events(orders_: pl.DataFrame, trades: pl.DataFrame, identifiers: pl.DataFrame, parties: Parties) -> pl.DataFrame:
    """Two events for each order, and for each leg of a round trip: that it is new, and how it ended.

    A round trip trades several pairs and none on balance, so each of its legs is told as an order for what that leg traded. `trades` are
    rows of `reportable_trades`.
    """
    pools = trades.sort("leg").group_by("order_id", maintain_order=True).agg(pl.col("pool").first())
    whole = orders_.filter(~pl.col("is_round_trip")).join(pools, on="order_id", how="left").with_columns(leg=pl.lit(None, pl.Int64))
    about = orders_.filter("is_round_trip").select("order_id", "status", "is_round_trip")
    legs = trades.join(about, on="order_id").select("chain_id", *_ASKED)
    asks = (
        pl.concat([whole.select("chain_id", *_ASKED), legs])
        .with_columns(order_code=pl.col("order_id").map_elements(code_of, pl.String))
        .pipe(with_pair, identifiers)
        .pipe(with_owner, parties)
        .pipe(with_executor)
        .with_columns(limit_price=pl.lit(None, pl.String()), event_time="block_time", filled=pl.col("status") == "filled")
        .sort("order_id", "leg")
        .with_columns(place=pl.int_range(pl.len()).over("order_id"))
    )
    nothing = pl.lit(None, AMOUNT)
    new = asks.with_columns(
        event=pl.lit("NEWO"),
        event_seq=2 * pl.col("place") + 1,
        initial_quantity="base_amount",
        remaining_quantity="base_amount",
        traded_quantity=nothing,
        price=pl.lit(None, pl.String()),
        status=pl.lit("ACTI"),
    )
    ended = asks.with_columns(
        event=pl.when("filled").then(pl.lit("FILL")).otherwise(pl.lit("REMO")),
        event_seq=2 * pl.col("place") + 2,
        initial_quantity="base_amount",
        remaining_quantity=pl.when("filled").then(pl.lit(0).cast(AMOUNT)),
        traded_quantity=pl.when("filled").then("base_amount"),
        status=pl.lit("INAC"),
    )
    told = pl.concat([new, ended]).rename({"order_id": "ledger_order_id", "order_code": "order_id"})
    return told.select(TABLE.names)


_ASKED = (
    "order_id", "leg", "block_number", "block_time", "tx_hash", "origin", "wallet", "center", "pool", "token_in", "token_out", "amount_in",
    "amount_out", "status", "is_round_trip", "day",
)  # fmt: skip


def code_of(order_id: str) -> str:
    """The id itself where it has 50 characters at most, a 32-byte hash to base 36, and of anything longer its SHA-256 so."""
    if len(order_id) <= LONGEST_CODE:
        return order_id
    number = int(order_id if _HASH.fullmatch(order_id) else hashlib.sha256(order_id.encode()).hexdigest(), 16)
    code = ""
    while number:
        number, place = divmod(number, len(_DIGITS))
        code = _DIGITS[place] + code
    return code


@daily(TABLE, deps=[orders.orders, reportable_trades.reportable_trades, token_identifiers.token_identifiers])
def reportable_orders(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """The events of every order: that it was new, and that it was filled or rejected.

    What a rejected transaction wanted to trade left no log, so its tokens and quantities are empty.
    """
    span = Span.of(context)
    rows = order_events(
        warehouse.read(orders.TABLE, span),
        warehouse.read(reportable_trades.TABLE, span),
        warehouse.read(token_identifiers.TABLE),
        load_parties(),
    )
    per_event = {event: float(count) for event, count in rows["event"].value_counts().sort("event").iter_rows()}
    return warehouse.write(
        TABLE, rows, context, for_clients=int(rows["executed_by_firm"].sum()), events=pictures.bars(per_event, "events of orders")
    )


@dg.asset_check(asset=reportable_orders, blocking=True)
def every_order_is_told_from_new_to_its_end(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each order of the ledger is told with its amounts to the unit, round trips leg by leg, and each beginning has one end."""
    span = Span.of(context)
    same = ["ledger_order_id", "token_in", "token_out", "amount_in", "amount_out"]
    booked = warehouse.scan(orders.TABLE, span).rename({"order_id": "ledger_order_id"})
    legs = warehouse.scan(reportable_trades.TABLE, span).rename({"order_id": "ledger_order_id"})
    legs = legs.join(booked.filter("is_round_trip"), on="ledger_order_id", how="semi")
    wanted = pl.concat([booked.filter(~pl.col("is_round_trip")).select(same), legs.select(same)]).collect().sort(same)
    told = warehouse.scan(TABLE, span)
    begun, ended = (
        told.filter(holds).select(same).collect().sort(same) for holds in (pl.col("event") == "NEWO", pl.col("event") != "NEWO")
    )
    return dg.AssetCheckResult(
        passed=wanted.equals(begun) and wanted.equals(ended),
        metadata={"orders": wanted.height, "begun": begun.height, "ended": ended.height},
    )
