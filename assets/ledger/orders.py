"""Orders: what somebody set out to trade; observed ones are read off their transaction."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import swaps, transactions
from assets.ledger import fills
from assets.ledger.profit_centers import ProfitCenters, load_profit_centers
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "orders",
    row="One order.",
    columns=columns(
        CHAIN,
        Column("order_id", TEXT, "Identity of the order; the transaction's hash for an observed one."),
        Column("origin", TEXT, "observed, simulated, paper or live."),
        Column("wallet", TEXT, "Wallet that ordered: the transaction's sender, or the swap's recipient when the sender is unknown."),
        Column("center", TEXT, "Profit centre the wallet belongs to."),
        Column("block_number", COUNT, "Height of the block it was settled in."),
        Column("block_time", TIME, "Time of that block, UTC."),
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("token_in", TEXT, "Address of the token sold.", nullable=True),
        Column("token_out", TEXT, "Address of the token bought.", nullable=True),
        Column("amount_in", AMOUNT, "Sold over all legs, base units; zero when nothing was filled."),
        Column("amount_out", AMOUNT, "Bought over all legs, base units; zero when nothing was filled."),
        Column("legs", COUNT, "Pools it went through."),
        Column("status", TEXT, "filled or reverted."),
        Column("is_round_trip", FLAG, "True when it ends in the token it began with, as an arbitrage does."),
        DATE,
    ),
    key=("order_id",),
)


def observed_orders(fills_: pl.DataFrame, swaps_: pl.DataFrame, transactions_: pl.DataFrame, centers: ProfitCenters) -> pl.DataFrame:
    """One order per transaction with fills, and one per transaction that reverted."""
    senders = transactions_.select("tx_hash", "from_address")
    recipients = swaps_.sort("log_index").group_by("tx_hash").agg(recipient=pl.col("recipient").last())
    filled = (
        intents(fills_)
        .join(fills_.group_by("order_id").agg(pl.col("chain_id", "tx_hash", "block_number", "block_time", "day").first()), on="order_id")
        .join(senders, on="tx_hash", how="left")
        .join(recipients, on="tx_hash", how="left")
        .with_columns(wallet=pl.coalesce("from_address", "recipient"), status=pl.lit("filled"))
    )
    reverted = (
        transactions_.filter(~pl.col("succeeded"))
        .join(fills_, on="tx_hash", how="anti")
        .with_columns(
            order_id="tx_hash", wallet="from_address", legs=pl.lit(0, pl.UInt32), status=pl.lit("reverted"), is_round_trip=pl.lit(False)
        )
    )
    orders_ = pl.concat([filled, reverted], how="diagonal_relaxed").with_columns(
        pl.col("amount_in", "amount_out").fill_null(0), origin=pl.lit("observed"), center=centers.of_wallets(pl.col("wallet"))
    )
    return orders_.select(pl.col(name).cast(dtype) for name, dtype in TABLE.schema.items())


def intents(fills_: pl.DataFrame) -> pl.DataFrame:
    """What each order sold and bought over all its legs: tokens that come in and go out again cancel.

    An order that ends in the token it began with is a round trip: there the amounts are all it paid and all it got of it.
    """
    legs = fills_.sort("order_id", "leg")
    ends = legs.group_by("order_id", maintain_order=True).agg(
        legs=pl.len(), first_in=pl.col("token_in").first(), last_out=pl.col("token_out").last()
    )
    moves = pl.concat(
        [
            legs.select("order_id", "leg", token="token_in", paid="amount_in", got=pl.lit(0, AMOUNT)),
            legs.select("order_id", "leg", token="token_out", paid=pl.lit(0, AMOUNT), got="amount_out"),
        ]
    )
    tokens = (
        moves.group_by("order_id", "token")
        .agg(pl.col("paid", "got").sum(), first_leg=pl.col("leg").min(), last_leg=pl.col("leg").max())
        .with_columns(net=pl.col("paid") - pl.col("got"))
        .sort("order_id", "first_leg", "token")
    )
    token, net = pl.col("token"), pl.col("net")
    nets = tokens.group_by("order_id", maintain_order=True).agg(
        moved=(net != 0).sum(),
        only=token.filter(net != 0).first(),
        sold=token.filter(net > 0).first(),
        bought=token.filter(net < 0).sort_by(pl.col("last_leg").filter(net < 0)).last(),
    )
    alone = pl.col("legs") == 1
    comes_back = (pl.col("first_in") == pl.col("last_out")) | pl.col("sold").is_null() | pl.col("bought").is_null()
    home = pl.when(pl.col("moved") == 1).then("only").otherwise("first_in")
    named = ends.join(nets, on="order_id").with_columns(is_round_trip=~alone & comes_back)
    named = named.with_columns(
        token_in=pl.when(alone).then("first_in").when("is_round_trip").then(home).otherwise("sold"),
        token_out=pl.when(alone).then("last_out").when("is_round_trip").then(home).otherwise("bought"),
    )
    paid = tokens.select("order_id", token_in="token", paid="paid", spent="net")
    got = tokens.select("order_id", token_out="token", got="got", gained=-net)
    return (
        named.join(paid, on=["order_id", "token_in"])
        .join(got, on=["order_id", "token_out"])
        .select(
            "order_id",
            "legs",
            "is_round_trip",
            "token_in",
            "token_out",
            amount_in=pl.when("is_round_trip").then("paid").otherwise("spent"),
            amount_out=pl.when("is_round_trip").then("got").otherwise("gained"),
        )
    )


@daily(TABLE, deps=[fills.fills, swaps.swaps, transactions.transactions])
def orders(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What somebody set out to trade, read off the transaction."""
    span = Span.of(context)
    rows = observed_orders(
        warehouse.read(fills.TABLE, span),
        warehouse.read(swaps.TABLE, span),
        warehouse.read(transactions.TABLE, span),
        load_profit_centers(),
    )
    per_center = {center: float(count) for center, count in rows["center"].value_counts().sort("center").iter_rows()}
    return warehouse.write(
        TABLE,
        rows,
        context,
        orders_per_center=pictures.bars(per_center, "orders per profit centre"),
        round_trips=int(rows["is_round_trip"].sum()),
        reverted=rows.filter(pl.col("status") == "reverted").height,
        several_legs=rows.filter(pl.col("legs") > 1).height,
    )


@dg.asset_check(asset=orders, blocking=True)
def every_fill_belongs_to_one_order(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each order has exactly as many fills as it says, and no fill is without an order."""
    span = Span.of(context)
    found = warehouse.scan(fills.TABLE, span).group_by("order_id").agg(found=pl.len())
    told = warehouse.scan(TABLE, span).filter(pl.col("legs") > 0).select("order_id", "legs")
    wrong = told.join(found, on="order_id", how="full", coalesce=True).filter(
        pl.col("legs").cast(pl.Int64).ne_missing(pl.col("found").cast(pl.Int64))
    )
    count = int(wrong.select(pl.len()).collect().item())
    return dg.AssetCheckResult(passed=count == 0, metadata={"orders_that_differ": count})
