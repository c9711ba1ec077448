"""A table's asset shows its columns, its key and what one row is."""

import dagster as dg

from assets.tables import column_schema, daily, whole
from domain.schemas import AMOUNT, COUNT, DATE, TIME, Column, Table, columns

TRADES = Table(
    "trades",
    "One trade.",
    columns(
        Column("n", COUNT, "Its number."), Column("paid", AMOUNT, "Paid, base units."), Column("at", TIME, "When.", nullable=True), DATE
    ),
    ("n",),
)


def test_the_page_shows_each_column_with_type_and_description():
    shown = {column.name: (column.type, column.description, column.constraints.nullable) for column in column_schema(TRADES).columns}
    assert shown["paid"] == ("decimal(38,0)", "Paid, base units.", False)
    assert shown["at"] == ("timestamp (UTC)", "When.", True)
    assert shown["n"][0] == "int64"


def test_a_daily_table_is_partitioned_and_a_whole_one_is_not():
    @daily(TRADES)
    def trades() -> None:
        """Trades that happened."""

    @whole(TRADES, kinds=("duckdb",))
    def all_trades() -> None:
        """All trades."""

    key = dg.AssetKey("trades")
    assert trades.partitions_def is not None and all_trades.partitions_def is None
    assert trades.descriptions_by_key[key] == "Trades that happened."
    assert trades.metadata_by_key[key]["one_row_is"] == "One trade."
