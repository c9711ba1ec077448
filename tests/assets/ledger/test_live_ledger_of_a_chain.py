"""From a chain with reorgs, lies and restarts, through the listener's ledger, into the lake: there stands the ledger, row for row."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import astuple
from pathlib import Path

import pytest

from assets.ledger import live_ledger, live_trades
from assets.warehouse import Warehouse
from executor.ledger import LedgerStore, Trade
from executor.ledger.lake_segments import LakeSegments
from executor.ports import SystemClock
from executor.virtual.loop import run_virtually
from tests.executor.listener.test_reorg_schedules import schedule

FIELDS = ["chain_id", "block_number", "block_hash", "tx_hash", "transaction_index", "log_index", "venue", "protocol", "pool", "sender"]
FIELDS += ["recipient", "token_in", "token_out", "amount_in", "amount_out", "fee_pips", "order_id"]


@pytest.mark.parametrize("seed", range(1, 13))
def test_for_any_schedule_the_lake_holds_what_the_ledger_holds(seed, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.ERROR, "executor")
    stores: list[LedgerStore] = []

    async def story(clock) -> None:
        stores.append((await schedule(clock, seed))[0])

    run_virtually(story)
    store = stores[0]
    warehouse = Warehouse(lake=str(tmp_path / "lake"))

    async def flushed() -> None:
        segments = LakeSegments(warehouse.lake, store, SystemClock())
        while await segments.flush():
            segments = LakeSegments(warehouse.lake, store, SystemClock())  # as after a restart

    asyncio.run(flushed())
    rows = live_ledger.standing(warehouse.read(live_trades.TABLE)).sort("block_number", "log_index").select(FIELDS)
    held = [_facts(trade) for trade in store.trades("instant")]
    assert [tuple(int(value) if not isinstance(value, str | None) else value for value in row) for row in rows.iter_rows()] == held
    store.close()


def _facts(trade: Trade) -> tuple:
    return tuple(value for name, value in zip(Trade.__dataclass_fields__, astuple(trade), strict=True) if name != "block_time")
