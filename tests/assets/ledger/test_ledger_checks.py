"""The promises of the ledger's tables: green on the small chain, red as soon as a row is lost or a wei is off."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.ledger import fills, orders, trade_ledger
from assets.warehouse import Warehouse
from domain.schemas import Table

CASES: list[tuple[dg.AssetChecksDefinition, Table, Callable[[pl.DataFrame], pl.DataFrame]]] = [
    (fills.every_swap_became_a_fill_or_is_set_aside, fills.TABLE, lambda rows: rows.tail(-1)),
    (orders.every_fill_belongs_to_one_order, orders.TABLE, lambda rows: rows.filter(pl.col("legs") < 2)),
    (orders.every_fill_belongs_to_one_order, fills.TABLE, lambda rows: rows.filter(pl.col("leg") == 0)),
    (trade_ledger.every_fill_is_a_trade, trade_ledger.TABLE, lambda rows: rows.with_columns(amount_out=pl.col("amount_out") + 1)),
    (trade_ledger.every_fill_is_a_trade, fills.TABLE, lambda rows: rows.tail(-1)),
    (trade_ledger.every_trade_has_a_tx_hash, trade_ledger.TABLE, lambda rows: rows.with_columns(tx_hash=pl.lit(""))),
    (
        trade_ledger.the_shares_of_the_gas_add_up,
        trade_ledger.TABLE,
        lambda rows: rows.with_columns(gas_cost_wei=pl.col("gas_cost_wei") + 1),
    ),
]


def passes(check: dg.AssetChecksDefinition, warehouse: Warehouse) -> bool:
    found = check(dg.build_asset_check_context(), warehouse=warehouse)
    assert isinstance(found, dg.AssetCheckResult)
    return found.passed


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{check.check_key.name}-{table.name}" for check, table, _ in CASES])
def test_a_promise_is_kept_until_its_table_is_spoiled(lake: Warehouse, tmp_path: Path, case: int):
    check, table, spoil = CASES[case]
    shutil.copytree(lake.lake, tmp_path / "lake")
    copy = Warehouse(lake=str(tmp_path / "lake"))
    assert passes(check, copy)
    copy.replace(table, spoil(copy.read(table)))
    assert not passes(check, copy)


def test_the_small_chain_is_booked_whole(lake: Warehouse):
    booked = lake.read(trade_ledger.TABLE)
    assert booked.height == lake.count(fills.TABLE, "true") == 16
    assert booked["notional_usd"].null_count() == booked["gas_cost_usd"].null_count() == 0
    assert lake.count(orders.TABLE, "is_round_trip") == 3
    assert lake.count(orders.TABLE, "status = 'reverted'") == 3
