"""At the boundary of the lake a value that makes no sense is refused, with its column, its row and what to do."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import boundaries
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.schemas import AMOUNT, COUNT, DATE, RATIO, TEXT, TIME, WORD, Column, Table, columns

MONDAY = date(2026, 1, 5)
POOL, TX = "0x" + "a1" * 20, "0x" + "b2" * 32
TRADES = Table(
    "trades",
    "One trade.",
    columns(
        Column("n", COUNT, "Number."),
        Column("log_index", COUNT, "Position in the block."),
        Column("pool", TEXT, "Address of the pool."),
        Column("tx_hash", TEXT, "Hash."),
        Column("block_time", TIME, "Time."),
        Column("amount_in", AMOUNT, "Sold, base units."),
        Column("amount0", AMOUNT, "Change, base units."),
        Column("sqrt_price_x96", WORD, "Price.", nullable=True),
        Column("price", RATIO, "Price.", nullable=True),
        Column("volume_usd", RATIO, "Dollars.", nullable=True),
        Column("fill_rate", RATIO, "Share.", nullable=True),
        DATE,
    ),
    key=("n",),
)
GOOD: dict[str, Any] = {
    "n": 1, "log_index": 0, "pool": POOL, "tx_hash": TX, "block_time": datetime(2026, 1, 5, 9, tzinfo=UTC), "amount_in": 5, "amount0": -5,
    "sqrt_price_x96": bytes(32), "price": 2.0, "volume_usd": 0.0, "fill_rate": 1.0, "day": MONDAY,
}  # fmt: skip


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    rows = [{**GOOD, "n": n, **change} for n, change in enumerate(changes)]
    return TRADES.conform(pl.DataFrame(rows, schema=TRADES.schema, orient="row"))


def test_rows_that_make_sense_pass_unchanged():
    rows = frame({}, {"pool": ""}, {"log_index": -1})
    assert boundaries.check(TRADES, rows).equals(rows)


def test_an_absent_value_keeps_every_rule():
    rows = frame({"sqrt_price_x96": None, "price": None, "volume_usd": None, "fill_rate": None})
    assert boundaries.check(TRADES, rows).equals(rows)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("pool", POOL.upper().replace("0X", "0x"), "addresses"),
        ("pool", POOL[:-1], "addresses"),
        ("tx_hash", "b2" * 33, "hashes"),
        ("n", -1, "counts"),
        ("log_index", -2, "places"),
        ("amount_in", -1, "not_negative"),
        ("volume_usd", -0.01, "not_negative"),
        ("volume_usd", float("nan"), "finite"),
        ("price", float("inf"), "finite"),
        ("price", 0.0, "positive"),
        ("fill_rate", 1.5, "shares"),
        ("sqrt_price_x96", bytes(31), "words"),
        ("block_time", datetime(2026, 1, 6, tzinfo=UTC), "days"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_column_and_row(column: str, value: Any, rule: str):
    with pytest.raises(BadInput, match=f"column {column}: 1 rows break the rule '{rule}'") as refused:
        boundaries.check(TRADES, frame({}, {"n": 7, column: value}))
    assert refused.value.facts == {"table": "trades", "field": column, "rule": rule, "rows": 1}


def test_the_refusal_shows_the_value_and_the_row_it_is_in():
    with pytest.raises(BadInput, match=r"found -0\.5 in row \{'n': 3\}; mend it where it is made, or quarantine the row"):
        boundaries.check(TRADES, frame({}, {"n": 3, "volume_usd": -0.5}))


def test_a_table_that_breaks_a_rule_is_not_written(tmp_path):
    warehouse = Warehouse(lake=str(tmp_path))
    warehouse.replace(TRADES, frame({}))
    with pytest.raises(BadInput, match="amount_in"):
        warehouse.replace(TRADES, frame({"amount_in": -1}))
    assert warehouse.read(TRADES)["amount_in"].to_list() == [5]


def test_a_table_without_a_day_has_no_rule_about_days():
    whole = Table("whole", "One row.", columns(Column("block_time", TIME, "Time.")), key=("block_time",))
    assert boundaries.rules(whole) == []
    assert boundaries.check(whole, whole.empty()).is_empty()


@given(st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1))
def test_for_any_amount_what_is_sold_may_not_be_negative_and_a_change_may(amount: int):
    assert boundaries.check(TRADES, frame({"amount0": amount})).height == 1
    if amount >= 0:
        assert boundaries.check(TRADES, frame({"amount_in": amount})).height == 1
    else:
        with pytest.raises(BadInput, match="amount_in"):
            boundaries.check(TRADES, frame({"amount_in": amount}))
