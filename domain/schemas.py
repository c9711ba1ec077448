"""Tables as values: what a row is, what each column means and in which unit, and which types survive every engine.

On-chain amounts are Decimal(38,0), words past 128 bits are 32 raw bytes, times are UTC: no other choice comes back
unharmed from Polars, Parquet and DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from domain.problems import BadInput

AMOUNT = pl.Decimal(38, 0)
WORD = pl.Binary()
TIME = pl.Datetime("us", "UTC")
DAY = pl.Date()
TEXT = pl.String()
COUNT = pl.Int64()
TICK = pl.Int32()
RATIO = pl.Float64()
FLAG = pl.Boolean()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name carries the unit, its description says it in words."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake: its name, what one row is, its columns and the columns that identify a row.

    A table with a `day` column is stored and rewritten day by day; one without is rewritten whole.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        missing = [name for name in self.key if name not in self.names]
        if missing:
            raise BadInput(f"Table {self.name}: the key names {missing}, which are not columns.", table=self.name, fields=missing)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def is_daily(self) -> bool:
        return "day" in self.names

    @property
    def schema(self) -> pl.Schema:
        """Column name to Polars type, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """The table with no rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with exactly this table's columns, in order and typed, sorted by key.

        Raises BadInput naming the column when one is missing, extra, of another type, or null where it must not be,
        and when two rows share a key: a table is whole or it is not written.
        """
        self._refuse_wrong_names(frame)
        typed = frame.select(self._typed(frame, column) for column in self.columns)
        self._refuse_nulls(typed)
        ordered = typed.sort(self.key)
        self._refuse_twins(ordered)
        return ordered

    def _refuse_wrong_names(self, frame: pl.DataFrame) -> None:
        missing = [name for name in self.names if name not in frame.columns]
        extra = [name for name in frame.columns if name not in self.names]
        if missing or extra:
            raise BadInput(
                f"Table {self.name}: missing columns {missing}, unknown columns {extra}; make the frame match the table's definition.",
                table=self.name,
                missing=missing,
                unknown=extra,
            )

    def _typed(self, frame: pl.DataFrame, column: Column) -> pl.Expr:
        found = frame.schema[column.name]
        if found == column.dtype:
            return pl.col(column.name)
        lossless = found == pl.Null or (found.is_integer() and (column.dtype.is_integer() or column.dtype == AMOUNT))
        lossless = lossless or (found.is_decimal() and column.dtype == AMOUNT) or (found.is_numeric() and column.dtype == RATIO)
        lossless = lossless or (isinstance(found, pl.Datetime) and column.dtype == TIME and found.time_zone == "UTC")
        lossless = lossless or (isinstance(found, pl.List) and isinstance(column.dtype, pl.List))
        if not lossless:
            raise BadInput(
                f"Table {self.name}, column {column.name}: expected {column.dtype}, got {found}; cast it where it is made.",
                table=self.name,
                field=column.name,
                expected=str(column.dtype),
                found=str(found),
            )
        return pl.col(column.name).cast(column.dtype, strict=True)

    def _refuse_nulls(self, frame: pl.DataFrame) -> None:
        required = [column.name for column in self.columns if not column.nullable]
        counts = frame.select(pl.col(required).null_count()).row(0, named=True) if required else {}
        holes = {name: count for name, count in counts.items() if count}
        if holes:
            raise BadInput(f"Table {self.name}: nulls in {holes}; fill them or quarantine the rows.", table=self.name, fields=holes)

    def _refuse_twins(self, ordered: pl.DataFrame) -> None:
        twins = ordered.height - ordered.select(self.key).n_unique() if ordered.height else 0
        if twins:
            raise BadInput(
                f"Table {self.name}: {twins} rows repeat the key {list(self.key)}; keep one of each and quarantine the rest.",
                table=self.name,
                key=list(self.key),
                twins=twins,
            )


def columns(*parts: Column | Iterable[Column]) -> tuple[Column, ...]:
    """Columns and groups of columns, flattened in order."""
    flat: list[Column] = []
    for part in parts:
        flat.extend([part] if isinstance(part, Column) else part)
    return tuple(flat)


# Groups of columns that mean the same in every table that has them.
CHAIN = Column("chain_id", COUNT, "Chain the row was seen on (EIP-155 id).")
DATE = Column("day", DAY, "UTC day of the block; the partition.")
LOG_KEY = (
    CHAIN,
    Column("block_number", COUNT, "Height of the block."),
    Column("block_hash", TEXT, "Hash of the block, empty when the source did not tell it."),
    Column("block_time", TIME, "Time of the block, UTC."),
    Column("tx_hash", TEXT, "Hash of the transaction that proves the row."),
    Column("transaction_index", COUNT, "Position of the transaction in its block."),
    Column("log_index", COUNT, "Position of the log in its block."),
)
POOL = (
    Column("pool", TEXT, "Address of the pool."),
    Column("venue", TEXT, "Exchange the pool belongs to."),
    Column("protocol", TEXT, "Shape of the pool's mathematics: concentrated or constant_product."),
)
