"""The boundary of the lake: what the values of a column must look like, derived from its name, type and unit.

A table's definition says which columns there are and of which type; this says which values make sense in them: an
address is an address, a share lies between nought and one, what is sold is not negative. Columns with the same name mean
the same in every table, so a new table is guarded the day it is first written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from domain.problems import BadInput
from domain.schemas import AMOUNT, COUNT, RATIO, TIME, WORD, Table

# Empty text stands for "the source did not tell".
ADDRESS = "^(0x[0-9a-f]{40})?$"
ADDRESSES = frozenset(
    ("pool", "token0", "token1", "token_in", "token_out", "wallet", "sender", "recipient", "owner", "address", "from_address", "to_address")
)
HASH = "^(0x[0-9a-f]{64})?$"
HASHES = frozenset(("tx_hash", "block_hash", "parent_hash"))
SHARES = frozenset(("fill_rate", "hit_rate"))
POSITIVE = frozenset(("price", "price_usd", "close_price", "reference_price", "native_price_usd", "price_before", "price_after"))
# Quantities that cannot be below zero; gains, changes and the lots of a short position can, and are named otherwise.
NOT_NEGATIVE = (
    "amount_in", "amount_out", "reserve0", "reserve1", "liquidity", "base_fee", "effective_gas_price", "median_effective_gas_price",
    "gas_", "pool_fees_", "turnover_", "notional_", "volume_", "depth_", "realised_volatility", "max_drawdown_",
)  # fmt: skip
CLOCKS = frozenset(("block_time", "hour"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that holds for some columns of a table: its name, what it asks for, and the test of a value."""

    name: str
    asks: str
    columns: tuple[str, ...]
    holds: Callable[[str], pl.Expr]

    def every_row(self) -> pl.Expr:
        """True where all the rule's columns keep it; an absent value keeps every rule."""
        return pl.all_horizontal(self.holds(column).fill_null(True) for column in self.columns)


def check(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame; raises BadInput naming rule, column, value and row when a value makes no sense."""
    import pandera.errors

    try:
        return schema(table).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise next(_refusals(table, frame)) from error


@cache
def schema(table: Table) -> Any:
    """The table's boundary as a pandera schema: one check that every row keeps every rule.

    Names, types, nulls and keys are not repeated here, `Table.conform` has seen to them; and it is one check, because
    each costs a pass over the frame (10,000 swaps on a busy machine: 11 ms as one, 30 ms with one for each rule and column).
    """
    import pandera.polars as pa

    kept = pl.all_horizontal(*(rule.every_row() for rule in rules(table)), pl.lit(True)).all()
    # A single yes or no: pandera would write the failing rows out as JSON, which has no bytes.
    return pa.DataFrameSchema(
        checks=[pa.Check(lambda data: bool(data.lazyframe.select(kept).collect().item()), name="every_rule")], name=table.name
    )


def rules(table: Table) -> list[Rule]:
    """The rules that apply to a table, each with the columns it covers."""
    return [rule for rule in _every_rule(table) if rule.columns]


def _every_rule(table: Table) -> Iterator[Rule]:
    def named(holds: Callable[[str], bool], *types: pl.DataType) -> tuple[str, ...]:
        return tuple(column.name for column in table.columns if (not types or column.dtype in types) and holds(column.name))

    yield Rule(
        "addresses", "0x and 40 lowercase hex digits", named(ADDRESSES.__contains__), lambda name: pl.col(name).str.contains(ADDRESS)
    )
    yield Rule("hashes", "0x and 64 lowercase hex digits", named(HASHES.__contains__), lambda name: pl.col(name).str.contains(HASH))
    # A log's position is -1 where the state before the block's first log is meant.
    yield Rule("counts", "a count that is not negative", named(lambda name: name != "log_index", COUNT), lambda name: pl.col(name) >= 0)
    yield Rule(
        "places",
        "a position from 0, or -1 for before the first",
        named(lambda name: name == "log_index", COUNT),
        lambda name: pl.col(name) >= -1,
    )
    yield Rule("finite", "a finite number", named(lambda name: True, RATIO), lambda name: pl.col(name).is_finite())
    yield Rule(
        "not_negative", "a quantity that is not negative", named(lambda name: name.startswith(NOT_NEGATIVE), AMOUNT, RATIO),
        lambda name: pl.col(name) >= 0,
    )  # fmt: skip
    yield Rule("positive", "a price above zero", named(POSITIVE.__contains__, RATIO), lambda name: pl.col(name) > 0)
    yield Rule("shares", "a share from 0 to 1", named(lambda name: name in SHARES, RATIO), lambda name: pl.col(name).is_between(0, 1))
    yield Rule("words", "32 bytes", named(lambda name: name.startswith("sqrt_price"), WORD), lambda name: pl.col(name).bin.size() == 32)
    if table.is_daily:
        yield Rule(
            "days", "a time on the row's day", named(CLOCKS.__contains__, TIME), lambda name: pl.col(name).dt.date() == pl.col("day")
        )


def _refusals(table: Table, frame: pl.DataFrame) -> Iterator[BadInput]:
    """What to say about each column that breaks a rule."""
    for rule in rules(table):
        for column in rule.columns:
            broken = frame.filter(~rule.holds(column).fill_null(True))
            if broken.height:
                first = broken.row(0, named=True)
                key = {name: first[name] for name in table.key}
                yield BadInput(
                    f"Table {table.name}, column {column}: {broken.height} rows break the rule {rule.name!r}. It asks for {rule.asks} "
                    f"and found {first[column]!r} in row {key}; mend it where it is made, or quarantine the row.",
                    table=table.name,
                    field=column,
                    rule=rule.name,
                    rows=broken.height,
                )
