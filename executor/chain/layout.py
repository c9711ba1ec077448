"""The tables of a recording: their columns and types, what may be empty, and the order of the rows.

The types are the ones that survive Polars, Parquet and DuckDB unharmed: anything that can pass 128 bits travels as decimal text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from domain.problems import BadInput

FORMAT = "grekko-recording/1"
MANIFEST = "manifest.json"
PARTS = ".parts"  # what an interrupted `record` keeps, so that it can go on

UTC_TIME = pl.Datetime("us", "UTC")
AMOUNT = pl.Decimal(38, 0)


@dataclass(frozen=True, slots=True)
class Table:
    """One file of a recording: its columns, those that always have a value, and the order of its rows."""

    columns: Mapping[str, pl.DataType | type[pl.DataType]]
    always: frozenset[str]
    order: tuple[str, ...]

    @property
    def schema(self) -> pl.Schema:
        """The columns as Polars knows them."""
        return pl.Schema(self.columns)

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.schema)


TABLES: Mapping[str, Table] = {
    "blocks": Table(
        {
            "number": pl.Int64,
            "hash": pl.String,
            "parent_hash": pl.String,
            "timestamp": UTC_TIME,
            "base_fee_per_gas": AMOUNT,
            "gas_used": pl.Int64,
            "gas_limit": pl.Int64,
            "is_canonical": pl.Boolean,
        },
        always=frozenset({"number", "timestamp", "is_canonical"}),
        order=("number", "hash"),
    ),
    "logs": Table(
        {
            "block_number": pl.Int64,
            "block_hash": pl.String,
            "block_timestamp": UTC_TIME,
            "transaction_hash": pl.String,
            "transaction_index": pl.Int64,
            "log_index": pl.Int64,
            "address": pl.String,
            "topic0": pl.String,
            "topic1": pl.String,
            "topic2": pl.String,
            "topic3": pl.String,
            "data": pl.Binary,
        },
        always=frozenset({"block_number", "block_timestamp", "transaction_hash", "transaction_index", "log_index", "address", "data"}),
        order=("block_number", "block_hash", "log_index"),
    ),
    "transactions": Table(
        {
            "hash": pl.String,
            "block_number": pl.Int64,
            "block_hash": pl.String,
            "transaction_index": pl.Int64,
            "from_address": pl.String,
            "to_address": pl.String,
            "nonce": pl.Int64,
            "value": AMOUNT,
            "gas_limit": pl.Int64,
            "gas_used": pl.Int64,
            "effective_gas_price": AMOUNT,
            "status": pl.Int64,
        },
        always=frozenset({"hash", "block_number", "transaction_index", "from_address", "value"}),
        order=("block_number", "block_hash", "transaction_index"),
    ),
    "tokens": Table(
        {"address": pl.String, "symbol": pl.String, "name": pl.String, "decimals": pl.Int64, "reference_symbol": pl.String},
        always=frozenset({"address", "symbol", "name", "decimals"}),
        order=("address",),
    ),
    "pools": Table(
        {
            "pool": pl.String,
            "venue": pl.String,
            "protocol": pl.String,
            "token0": pl.String,
            "token1": pl.String,
            "fee_pips": pl.Int64,
            "tick_spacing": pl.Int64,
            "block_number": pl.Int64,
            "log_index": pl.Int64,
            "sqrt_price_x96": pl.String,
            "tick": pl.Int64,
            "liquidity": pl.String,
            "reserve0": pl.String,
            "reserve1": pl.String,
            "fee_growth_global0_x128": pl.String,
            "fee_growth_global1_x128": pl.String,
            "fee_protocol": pl.Int64,
            "has_state": pl.Boolean,
        },
        always=frozenset({"pool", "venue", "protocol", "fee_pips", "block_number", "log_index", "has_state"}),
        order=("pool",),
    ),
    "ticks": Table(
        {"pool": pl.String, "tick": pl.Int64, "liquidity_gross": pl.String, "liquidity_net": pl.String, "is_inferred": pl.Boolean},
        always=frozenset({"pool", "tick", "liquidity_net", "is_inferred"}),
        order=("pool", "tick"),
    ),
    "prices": Table(
        {"token": pl.String, "timestamp": UTC_TIME, "price_usd": pl.Float64, "source": pl.String},
        always=frozenset({"token", "timestamp", "price_usd", "source"}),
        order=("token", "timestamp"),
    ),
}

# What the source offered and no column above can hold: the row as JSON and why it was left out.
REJECTED = Table(
    {"table": pl.String, "reason": pl.String, "source": pl.String, "row": pl.String},
    always=frozenset({"table", "reason", "row"}),
    order=(),
)


def table_named(name: str) -> Table:
    """The table of that name; raises BadInput naming the ones there are."""
    if name == "rejected":
        return REJECTED
    if name not in TABLES:
        raise BadInput(f"A recording has no table {name!r}; its tables are {', '.join(TABLES)}.", field=name)
    return TABLES[name]


def conform(name: str, frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """`frame` with exactly the columns and types of table `name`, in its order of rows.

    Raises BadInput when a column is missing, unknown, of a type that cannot be made the right one, or empty where it may not be.
    """
    table = table_named(name)
    missing = [column for column in table.columns if column not in frame.columns]
    unknown = [column for column in frame.columns if column not in table.columns]
    if missing or unknown:
        trouble = " and ".join(
            part
            for part in (f"lacks {', '.join(missing)}" if missing else "", f"has unknown {', '.join(unknown)}" if unknown else "")
            if part
        )
        raise BadInput(
            f"{where}: the table {name} {trouble}; its columns are {', '.join(table.columns)}.", field=(missing or unknown)[0], table=name
        )
    columns = []
    for column, dtype in table.schema.items():
        try:
            columns.append(frame[column].cast(dtype))
        except pl.exceptions.PolarsError as error:
            raise BadInput(
                f"{where}: {name}.{column} is {frame.schema[column]} and cannot become {dtype}: {error}", field=f"{name}.{column}"
            ) from error
    typed = pl.DataFrame(columns)
    for column in sorted(table.always):
        if empty := typed[column].null_count():
            raise BadInput(f"{where}: {name}.{column} is empty in {empty} rows; every row needs a value there.", field=f"{name}.{column}")
    return typed.sort(table.order, maintain_order=True, nulls_last=True) if table.order else typed
