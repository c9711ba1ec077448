"""The promises of the chain's tables: green on what the chain said, red as soon as a table says otherwise."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.chain import (
    blocks,
    event_proofs,
    gas_prices,
    liquidity_events,
    pool_states,
    pools,
    quarantine,
    raw_logs,
    reference_prices,
    replayed,
    swaps,
    tokens,
    transactions,
)
from assets.chain.recorded_chain import RecordedChain
from assets.warehouse import Warehouse
from domain.schemas import Table
from executor.chain.recording import Recording
from tests.assets.chain.small_chain import V3, WETH

Change = Callable[[pl.DataFrame], pl.DataFrame]


def result(check: dg.AssetChecksDefinition, warehouse: Warehouse, recording: Recording) -> dg.AssetCheckResult:
    """What the check says over all days."""
    function = check.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    needed = {
        "context": dg.build_asset_check_context(),
        "warehouse": warehouse,
        "recorded_chain": RecordedChain(path=str(recording.path)),
    }
    found = function(**{name: needed[name] for name in inspect.signature(function).parameters})
    assert isinstance(found, dg.AssetCheckResult)
    return found


def first_row(**values: object) -> Change:
    """The table with some values of its first row replaced."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        place = pl.int_range(pl.len()) == 0
        return frame.with_columns(
            pl.when(place).then(pl.lit(value, frame.schema[name])).otherwise(name).alias(name) for name, value in values.items()
        )

    return change


@pytest.fixture
def copy(lake: Warehouse, tmp_path: Path) -> Warehouse:
    """The finished lake, to be spoiled."""
    shutil.copytree(lake.lake, tmp_path / "lake")
    return Warehouse(lake=str(tmp_path / "lake"))


def setting(**values: pl.Expr) -> Change:
    """The table with some columns replaced."""
    return lambda frame: frame.with_columns(**values)


def keeping(rows: pl.Expr) -> Change:
    """The table with only those rows."""
    return lambda frame: frame.filter(rows)


def without_the_first(frame: pl.DataFrame) -> pl.DataFrame:
    """The table without its first row."""
    return frame.tail(-1)


def _with_one_more(rows: pl.DataFrame) -> pl.DataFrame:
    day = pl.Series("day", ["2026-01-05"]).str.to_date()
    one = pl.DataFrame(
        {"source": ["blocks"], "reason": ["impossible_gas"], "detail": ["x"], "row_key": ["1"], "row_json": ["{}"], "day": day}
    )
    return pl.concat([rows, one])


def _shrinking(rows: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.col("block_number")
    return rows.with_columns(
        reserve0_before=pl.when(pl.col("reserve0_before").is_not_null()).then((2000 - numbers).cast(pl.Decimal(38, 0)))
    )


CASES: list[tuple[dg.AssetChecksDefinition, Table, Change]] = [
    (raw_logs.every_recorded_log_is_here, raw_logs.TABLE, without_the_first),
    (blocks.parent_hashes_form_one_chain, blocks.TABLE, setting(parent_hash=pl.lit("0x" + "de" * 32))),
    (blocks.no_header_is_missing, blocks.TABLE, keeping(pl.col("block_number") != 105)),
    (transactions.no_block_is_overfull, transactions.TABLE, first_row(gas_used=29_000_000)),
    (tokens.no_two_tokens_share_a_symbol, tokens.TABLE, setting(symbol=pl.lit("WETH"))),
    (pools.every_pool_has_a_snapshot_or_its_first_price, pools.TABLE, setting(has_snapshot=pl.lit(False))),
    (swaps.every_swap_takes_one_token_and_gives_the_other, swaps.TABLE, first_row(amount1=1)),
    (liquidity_events.every_position_lies_on_its_pool_s_ticks, liquidity_events.TABLE, setting(tick_lower=pl.col("tick_lower") + 1)),
    (reference_prices.no_token_goes_ten_minutes_without_a_price, reference_prices.TABLE, keeping(pl.col("price_time").dt.hour() != 5)),
    (gas_prices.nobody_paid_less_than_the_base_fee, gas_prices.TABLE, setting(base_fee_per_gas=pl.col("base_fee_per_gas") * 2)),
    (quarantine.every_log_is_accounted_for, swaps.TABLE, without_the_first),
    (quarantine.little_is_set_aside, quarantine.TABLE, _with_one_more),
    (replayed.every_swap_is_rederived_to_the_wei, event_proofs.TABLE, setting(verdict=pl.lit("inexact"))),
    (replayed.every_mint_and_burn_is_rederived_to_the_wei, event_proofs.TABLE, setting(verdict=pl.lit("inexact"))),
    (replayed.the_product_of_the_reserves_never_falls_in_a_swap, event_proofs.TABLE, _shrinking),
    (replayed.the_ticks_add_up_to_the_liquidity, pool_states.TABLE, setting(liquidity=pl.col("liquidity") + 1)),
    (replayed.every_pool_closes_every_day, pool_states.TABLE, keeping(~pl.col("is_day_close") | (pl.col("day") != pl.col("day").max()))),
]


@pytest.mark.parametrize("case", range(len(CASES)), ids=[case[0].check_key.name for case in CASES])
def test_a_promise_is_kept_until_its_table_is_spoiled(copy: Warehouse, recording: Recording, case: int):
    check, table, spoil = CASES[case]
    kept = result(check, copy, recording)
    assert kept.passed, kept.metadata
    copy.replace(table, spoil(copy.read(table)))
    assert not result(check, copy, recording).passed


def test_a_mismatch_in_a_pool_of_inferred_ticks_warns_and_elsewhere_stops(copy: Warehouse, recording: Recording):
    spoiled = copy.read(event_proofs.TABLE).with_columns(verdict=pl.when(pl.col("pool") == V3).then(pl.lit("inexact")).otherwise("verdict"))
    copy.replace(event_proofs.TABLE, spoiled)
    grave = result(replayed.every_swap_is_rederived_to_the_wei, copy, recording)
    assert grave.severity == dg.AssetCheckSeverity.ERROR
    assert "uniswap_v3 WETH/USDC 0.3% block 100 log 0" in (grave.description or "")
    mild = event_proofs.judged(copy, pl.DataFrame({"pool": [V3]}), None, ["swap"])
    assert (mild.passed, mild.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert mild.metadata["inexact_in_pools_with_inferred_ticks"].value == 9


def test_pools_without_a_state_are_named_and_do_not_fail(copy: Warehouse, recording: Recording):
    copy.replace(event_proofs.TABLE, copy.read(event_proofs.TABLE).with_columns(verdict=pl.lit("no_state")))
    found = result(replayed.every_swap_is_rederived_to_the_wei, copy, recording)
    assert found.passed and "sushiswap WETH/USDC 0.3%" in found.metadata["pools_without_state"].value  # type: ignore[operator]


def test_a_source_of_logs_alone_may_skip_blocks(copy: Warehouse, recording: Recording):
    bare = copy.read(blocks.TABLE).with_columns(block_hash=pl.lit(""), parent_hash=pl.lit("")).filter(pl.col("block_number") != 105)
    copy.replace(blocks.TABLE, bare)
    for check in (blocks.no_header_is_missing, blocks.parent_hashes_form_one_chain):
        assert result(check, copy, recording).passed


def test_empty_tables_keep_their_promises(recording: Recording, tmp_path: Path):
    nothing = Warehouse(lake=str(tmp_path / "empty"))
    for check, _, _ in CASES:
        if check is not raw_logs.every_recorded_log_is_here:
            assert result(check, nothing, recording).passed, check


def test_every_table_of_the_chain_has_rows_and_the_quarantine_is_written_though_empty(lake: Warehouse):
    assert lake.exists(quarantine.TABLE) and lake.count(quarantine.TABLE, "true") == 0
    for table in (
        blocks,
        event_proofs,
        gas_prices,
        liquidity_events,
        pool_states,
        pools,
        raw_logs,
        reference_prices,
        swaps,
        tokens,
        transactions,
    ):
        assert lake.count(table.TABLE, "true") > 0, table.TABLE.name


def test_gas_has_the_price_of_the_native_token(lake: Warehouse):
    rows = lake.read(gas_prices.TABLE)
    assert rows["native_price_usd"].null_count() == 0
    assert rows["base_fee_gwei"].unique().to_list() == [20.0]
    assert gas_prices.native_token(lake.read(tokens.TABLE)) == WETH
    assert gas_prices.native_token(lake.read(tokens.TABLE).filter(pl.col("symbol") == "DAI")) is None


def test_rows_out_of_order_are_counted(lake: Warehouse):
    rows = lake.read(raw_logs.TABLE)
    assert raw_logs.rows_out_of_order(rows) == 0
    backwards = rows.with_columns(source_row=-pl.col("source_row"))
    assert raw_logs.rows_out_of_order(backwards) == rows.height - 1
