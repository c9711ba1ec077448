"""Tax movements: what came to and went from each client by trading, with its value, for the yearly report of crypto-assets (CARF)."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import reference_prices
from assets.chain.as_of import price_at, with_the_day_before
from assets.compliance import reportable_trades
from assets.compliance.decimals import float_texts
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, TEXT, TIME, Column, Table, columns
from executor.compliance.parties import FIRM

TABLE = Table(
    "tax_movements",
    row="One token that a client's trade moved, out of or into the client's hands.",
    columns=columns(
        Column("movement_id", TEXT, "The trade's id with out or in."),
        Column("trade_id", TEXT, "The trade that moved it."),
        CHAIN,
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("client_id", TEXT, "Whose it was, by pseudonym."),
        Column("client_kind", TEXT, "legal or natural."),
        Column("client_tax_residence", TEXT, "Country of tax residence (ISO 3166-1)."),
        Column("token", TEXT, "Address of the token."),
        Column("symbol", TEXT, "Symbol of the token."),
        Column("dti", TEXT, "DTI of the token.", nullable=True),
        Column("decimals", COUNT, "Decimals of the token."),
        Column("amount", AMOUNT, "How much moved, base units."),
        Column("direction", TEXT, "out when it was sold, in when it was bought."),
        Column(
            "value_usd", TEXT, "Its value in dollars and cents, half-even; null when no price was known for either token.", nullable=True
        ),
        DATE,
    ),
    key=("movement_id",),
)


def movements(trades: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Two movements for each settled trade of a client: the token sold goes out, the token bought comes in.

    Each is worth what the external market paid for it at that moment; where that is unknown, what the other token was worth. The firm's
    own trades are left out: it is not its own user. `trades` are rows of `reportable_trades`.
    """
    ours = trades.filter(pl.col("client_id").is_not_null() & (pl.col("client_id") != FIRM) & pl.col("settled"))
    priced = ours
    for end in ("in", "out"):
        priced = price_at(priced, prices, token=f"token_{end}", at="block_time", name=f"price_{end}")
        whole = pl.col(f"amount_{end}").cast(pl.Float64) / 10.0 ** pl.col(f"decimals_{end}").cast(pl.Float64)
        priced = priced.with_columns((whole * pl.col(f"price_{end}")).alias(f"value_{end}"))
    both = pl.concat([_movement(priced, "in", "out"), _movement(priced, "out", "in")])
    return both.with_columns(pl.Series("value_usd", list(float_texts(both["value"], 2)), pl.String())).select(TABLE.names)


def _movement(priced: pl.DataFrame, end: str, direction: str) -> pl.DataFrame:
    """What went `in` to the pool is `out` of the client's hands, and the other way round."""
    kept = ["trade_id", "chain_id", "block_time", "tx_hash", "client_id", "client_kind", "client_tax_residence", "day"]
    told = {name: pl.col(f"{name}_{end}") for name in ("token", "symbol", "dti", "decimals", "amount")}
    other = "out" if end == "in" else "in"
    return priced.select(
        *kept,
        **told,
        movement_id=pl.format("{}:{}", "trade_id", pl.lit(direction)),
        direction=pl.lit(direction),
        value=pl.coalesce(f"value_{end}", f"value_{other}"),
    )


@daily(TABLE, deps=[reportable_trades.reportable_trades, with_the_day_before("reference_prices")])
def tax_movements(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What each client's trades moved, out and in, with its value at that moment; a year of these makes the report to the tax authority."""
    span = Span.of(context)
    prices = warehouse.read(reference_prices.TABLE, span and span.widened(before=1))
    rows = movements(warehouse.read(reportable_trades.TABLE, span), prices)
    per_client = {client: float(count) for client, count in rows["client_id"].value_counts().sort("client_id").iter_rows()}
    return warehouse.write(
        TABLE, rows, context, without_a_value=rows["value_usd"].null_count(), per_client=pictures.bars(per_client, "movements per client")
    )


@dg.asset_check(asset=tax_movements, blocking=True)
def the_movements_of_a_trade_are_its_two_tokens(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each settled trade of a client has moved what it sold out and what it bought in, to the unit, and nothing else has moved."""
    span = Span.of(context)
    ours = pl.col("client_id").is_not_null() & (pl.col("client_id") != FIRM) & pl.col("settled")
    trades = warehouse.scan(reportable_trades.TABLE, span).filter(ours)
    same = ["trade_id", "client_id", "direction", "token", "amount"]
    ends = [
        trades.select("trade_id", "client_id", direction=pl.lit(direction), token=f"token_{end}", amount=f"amount_{end}")
        for end, direction in (("in", "out"), ("out", "in"))
    ]
    wanted = pl.concat(ends).collect().sort(same)
    moved = warehouse.scan(TABLE, span).select(same).collect().sort(same)
    return dg.AssetCheckResult(passed=wanted.equals(moved), metadata={"wanted": wanted.height, "moved": moved.height})
