"""The tables that reports are made of, materialised over the small chain in one run with every promise beside them."""

from __future__ import annotations

import dataclasses
import shutil

import dagster as dg
import polars as pl

from assets.compliance import (
    derivative_contracts,
    privacy,
    reportable_orders,
    reportable_trades,
    tax_movements,
    token_identifiers,
    value_transfers,
)
from assets.ledger import orders, trade_ledger
from assets.warehouse import Warehouse
from tests.assets.chain.small_chain import DAYS
from tests.assets.compliance.parties_of_tests import PARTIES

MODULES = (token_identifiers, reportable_trades, reportable_orders, tax_movements, value_transfers, derivative_contracts, privacy)


def test_one_run_over_all_days_makes_every_table_and_keeps_every_promise(lake: Warehouse, tmp_path, monkeypatch):
    monkeypatch.delenv("GREKKO_DERIVATIVES", raising=False)
    shutil.copytree(lake.lake, tmp_path / "lake")
    copy = Warehouse(lake=str(tmp_path / "lake"))
    booked = copy.read(trade_ledger.TABLE)
    traders = booked["wallet"].unique().sort().to_list()
    client = dataclasses.replace(PARTIES.clients[0], wallets=tuple(traders[:1]))
    parties = dataclasses.replace(PARTIES, clients=(client,))
    for module in MODULES:
        monkeypatch.setattr(module, "load_parties", lambda: parties, raising=False)
    done = dg.materialize(
        [*dg.load_assets_from_modules(MODULES), *dg.load_asset_checks_from_modules(MODULES)],
        resources={"warehouse": copy},
        tags={"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert done.success
    assert {check.check_name: check.passed for check in done.get_asset_check_evaluations() if not check.passed} == {}
    told = copy.read(reportable_trades.TABLE)
    assert told.height == booked.height
    ours = told.filter(pl.col("client_id") == "C1")
    assert ours["wallet"].unique().to_list() == traders[:1]
    assert 0 < ours.height < told.height
    assert copy.read(tax_movements.TABLE).height == 2 * ours.height
    assert copy.read(value_transfers.TABLE)["originator_client_id"].unique().to_list() == ["C1"]
    begun = copy.read(reportable_orders.TABLE).filter(pl.col("event") == "NEWO")
    assert set(begun["ledger_order_id"]) == set(copy.read(orders.TABLE)["order_id"])
