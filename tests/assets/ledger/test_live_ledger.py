"""What stands of the listener's appends: the sum of its changes, with a ledger that was built anew taking over from its first block."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.ledger import live_ledger, live_trades
from assets.warehouse import Warehouse
from executor.ledger.lake_segments import LakeSegments, segment
from executor.ledger.rows import Change
from executor.ports import SystemClock
from tests.executor.ledger.live_changes import GENESIS_TIME, ScriptedLedger

NOW = datetime.fromtimestamp(GENESIS_TIME, UTC) + timedelta(seconds=2)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(lake=str(tmp_path / "lake"))


def materialise(warehouse: Warehouse):
    made = [live_trades.live_trades, live_ledger.live_ledger]
    promises = [live_trades.every_live_trade_stands_or_was_taken_back, live_ledger.one_block_stands_at_each_height]
    both = dg.AssetSelection.assets("live_ledger") | dg.AssetSelection.all_asset_checks()
    return dg.materialize([*made, *promises], selection=both, resources={"warehouse": warehouse}, raise_on_error=False)


def append(warehouse: Warehouse, ledger: ScriptedLedger, times: int = 1) -> None:
    """Writes the ledger's changes into the lake in so many appends."""

    async def story():
        changes = ledger.told
        step = -(-len(changes) // times)
        for upto in range(step, len(changes) + step, step):
            ledger.told = changes[:upto]
            await writer.flush()

    writer = LakeSegments(warehouse.lake, ledger, SystemClock())
    asyncio.run(story())


def stands(frame: pl.DataFrame) -> list[tuple[str, int]]:
    return sorted(live_ledger.standing(frame).select("block_hash", "log_index").iter_rows())


def test_without_a_listener_both_tables_are_empty_and_green(warehouse):
    result = materialise(warehouse)
    assert result.success
    assert warehouse.read(live_ledger.TABLE).height == 0
    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [True, True]


def test_what_a_reorg_took_back_is_not_in_the_live_ledger(warehouse):
    ledger = ScriptedLedger()
    ledger.grow(5)
    ledger.fall_back(2)
    ledger.grow(2)
    append(warehouse, ledger)
    result = materialise(warehouse)
    rows = warehouse.read(live_ledger.TABLE)
    assert rows.height == 10
    assert sorted(rows.select("block_hash", "log_index").iter_rows()) == ledger.standing()
    metadata = result.asset_materializations_for_node("live_ledger")[0].metadata
    assert (metadata["changes"].value, metadata["retractions"].value) == (18, 4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), min_size=1, max_size=12), st.randoms())
def test_for_any_story_of_reorgs_and_any_order_of_rows_what_stands_is_the_chain(story, chance):
    ledger = ScriptedLedger()
    ledger.grow(3)
    for grows, blocks in story:
        if grows:
            ledger.grow(blocks)
        else:
            ledger.fall_back(min(blocks, len(ledger._chain)))
    rows = segment("first", ledger.told, NOW)
    shuffled = rows[chance.sample(range(rows.height), rows.height)]
    assert stands(shuffled) == ledger.standing()


def test_a_ledger_that_was_built_anew_speaks_for_its_blocks_and_the_old_one_for_those_before():
    old, new = ScriptedLedger("old"), ScriptedLedger("new")
    old.grow(6)
    new.grow(3, trades=0)  # the new one listens from block 3 on, and sees another chain there
    new._forks = 1
    new.grow(2)
    later = NOW + timedelta(hours=1)
    both = pl.concat([segment("old", old.told, NOW), segment("new", [change for change in new.told if change.trades], later)])
    assert stands(both) == sorted(
        [(trade.block_hash, trade.log_index) for change in old.told[:3] for trade in change.trades] + new.standing()
    )


def test_the_lag_is_from_the_block_to_the_lake():
    ledger = ScriptedLedger()
    ledger.grow()
    assert live_ledger.standing(segment("first", ledger.told, NOW))["lag_seconds"].to_list() == [2.0, 2.0]


def test_many_small_files_become_few_without_changing_a_row_or_the_writers_place(warehouse):
    ledger = ScriptedLedger()
    ledger.grow(live_ledger.MANY_FILES + 6)
    append(warehouse, ledger, times=live_ledger.MANY_FILES + 6)
    before = warehouse.digest(live_trades.TABLE)
    result = materialise(warehouse)
    assert result.asset_materializations_for_node("live_ledger")[0].metadata["small_files_merged"].value == live_ledger.MANY_FILES + 6
    assert warehouse.digest(live_trades.TABLE) == before
    assert live_ledger.merge_small_files(warehouse) == 0
    ledger.grow()
    append(warehouse, ledger)
    assert warehouse.read(live_trades.TABLE).height == 2 * (live_ledger.MANY_FILES + 7)


def test_a_trade_that_came_in_twice_turns_the_check_red(warehouse):
    ledger = ScriptedLedger()
    ledger.grow()
    came_in = ledger.told[0]
    twice = [came_in, Change(2, 1, came_in.block, came_in.block_time, came_in.trades)]
    warehouse.replace(live_trades.TABLE, segment("first", twice, NOW))
    passed = {evaluation.check_name: evaluation.passed for evaluation in materialise(warehouse).get_asset_check_evaluations()}
    assert passed["every_live_trade_stands_or_was_taken_back"] is False
