"""Live trades: the listener's own appends to the lake, seconds after the block; a reorg takes rows back by appending them with −1.

The executor writes this table and tells Dagster each time; Dagster only watches. `live_ledger` beside it is what stands.
"""

import dagster as dg
import polars as pl

from assets.tables import column_schema
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, LOG_KEY, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "live_trades",
    row="One trade of a block that came in (+1) or was taken back (−1).",
    columns=columns(
        Column("ledger", TEXT, "Which ledger of the executor told it; one that is built anew has another name."),
        Column("seq", COUNT, "Position of the change in that ledger."),
        Column("change", COUNT, "+1: the trade came in; −1: its block was taken back. What stands adds up to 1."),
        LOG_KEY,
        Column("venue", TEXT, "Kind of market: DEX."),
        Column("protocol", TEXT, "Exchange the pool belongs to."),
        Column("pool", TEXT, "Address of the pool."),
        Column("sender", TEXT, "Who called the pool."),
        Column("recipient", TEXT, "Who received what was bought."),
        Column("token_in", TEXT, "Address of the token the pool received."),
        Column("token_out", TEXT, "Address of the token the pool gave."),
        Column("amount_in", AMOUNT, "Received by the pool, base units."),
        Column("amount_out", AMOUNT, "Given by the pool, base units."),
        Column("fee_pips", COUNT, "Fee of the pool, hundredths of a basis point.", nullable=True),
        Column("order_id", TEXT, "Our order that the transaction belongs to.", nullable=True),
        Column("written_at", TIME, "When it was written to the lake, UTC."),
        DATE,
    ),
    key=("ledger", "seq", "log_index"),
)

live_trades = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            TABLE.name,
            description="Trades as the listener sees them, in the lake within a second; a reorg takes them back with −1.\n\n"
            "Written and reported by the executor, so it cannot be materialised from here.",
            kinds={"deltalake"},
            metadata={"dagster/column_schema": column_schema(TABLE), "dagster/table_name": TABLE.name, "one_row_is": TABLE.row},
        )
    ]
)


@dg.asset_check(asset=live_trades)
def every_live_trade_stands_or_was_taken_back(warehouse: Warehouse) -> dg.AssetCheckResult:
    """In each ledger a trade's changes add up to one or to nought: it came in before it was taken back, and never twice."""
    sums = warehouse.scan(TABLE).group_by("ledger", "block_hash", "log_index").agg(pl.col("change").sum())
    wrong = int(sums.filter(~pl.col("change").is_in([0, 1])).select(pl.len()).collect().item())
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"trades": warehouse.count(TABLE, "change = 1"), "that_do_not_add_up": wrong})
