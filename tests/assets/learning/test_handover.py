"""The hand-over: the executor's files from the tables, whole or not at all, and stable when nothing changed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.chain import pool_states, pools
from assets.chain.market_replay import accruals_of
from assets.learning.handover import ids_in, pool_files
from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Unavailable
from executor.handover import load_handover
from executor.routing.pool_files import load_pool_book
from tests.executor.trading_floor import champion, hand_over

HOUR = pl.datetime(2026, 1, 5, 23, time_zone="UTC")


def states() -> pl.DataFrame:
    """A concentrated pool with two ticks, and a pair, at a close."""
    ticks = [
        {"tick": -60, "liquidity_gross": Decimal(10**20), "liquidity_net": Decimal(10**20), "is_inferred": False},
        {"tick": 60, "liquidity_gross": Decimal(10**20), "liquidity_net": Decimal(-(10**20)), "is_inferred": False},
    ]
    concentrated = {
        "pool": "0xb",
        "venue": "uniswap_v3",
        "protocol": "concentrated",
        "fee_pips": 3000,
        "tick_spacing": 60,
        "sqrt_price_x96": sqrt_price_at_tick(0).to_bytes(32, "big"),
        "tick": 0,
        "liquidity": Decimal(10**20),
        "ticks": ticks,
        "accruals": accruals_of(ConcentratedPool(3000, 60, sqrt_price_at_tick(0), 0, 10**20)),
    }
    pair = {
        "pool": "0xa",
        "venue": "sushiswap",
        "protocol": "constant_product",
        "fee_pips": 3000,
        "reserve0": Decimal(10**21),
        "reserve1": Decimal(10**21),
    }
    rows = [{name: row.get(name) for name in pool_states.TABLE.names} for row in (concentrated, pair)]
    return pl.DataFrame(rows, schema=pool_states.TABLE.schema, orient="row")


def known(*addresses: str) -> pl.DataFrame:
    rows = [
        {"pool": one, "token0": "0x1", "symbol0": "ONE", "decimals0": 18, "token1": "0x2", "symbol1": "TWO", "decimals1": 18}
        for one in addresses
    ]
    return pl.DataFrame([{name: row.get(name) for name in pools.TABLE.names} for row in rows], schema=pools.TABLE.schema, orient="row")


def test_the_files_are_pools_that_quote_like_the_states_they_came_from(tmp_path: Path) -> None:
    pools_file, ticks_file = pool_files(states(), known("0xa", "0xb"), {})
    pools_file.write_parquet(tmp_path / "p.parquet")
    ticks_file.write_parquet(tmp_path / "t.parquet")
    book = load_pool_book(tmp_path / "p.parquet", tmp_path / "t.parquet")
    assert [(booked.pool_id, booked.address, booked.venue) for booked in book] == [(0, "0xa", "sushiswap"), (1, "0xb", "uniswap_v3")]
    assert book.quote(1, "0x1", 10**15).amount_out == 996_990_060_009_101  # 0.3 % and the price's own move


def test_a_pool_keeps_the_id_it_was_given() -> None:
    pools_file, _ = pool_files(states(), known("0xa", "0xb"), {"0xb": 0})
    assert dict(pools_file.select("pool", "pool_id").iter_rows()) == {"0xb": 0, "0xa": 1}


def test_a_pool_of_unknown_tokens_is_left_out() -> None:
    unknown = known("0xa", "0xb").with_columns(decimals0=pl.when(pl.col("pool") == "0xb").then(None).otherwise(pl.col("decimals0")))
    pools_file, ticks_file = pool_files(states(), unknown, {})
    assert pools_file["pool"].to_list() == ["0xa"]
    assert ticks_file.is_empty()


def test_no_states_are_no_files() -> None:
    pools_file, ticks_file = pool_files(states().clear(), known("0xa"), {})
    assert pools_file.is_empty() and ticks_file.is_empty()


def test_the_same_content_again_is_the_same_generation(tmp_path: Path) -> None:
    bundle = champion(tmp_path / "bundles")
    assert hand_over(tmp_path / "executor", bundle) == 1
    assert hand_over(tmp_path / "executor", bundle) == 1
    assert hand_over(tmp_path / "executor", bundle, version="v2") == 2
    assert ids_in(tmp_path / "executor") == {f"0x{number:040x}": number for number in range(5)}
    assert ids_in(tmp_path / "nowhere") == {}


def test_a_handover_that_lost_a_file_is_made_whole_again(tmp_path: Path) -> None:
    bundle = champion(tmp_path / "bundles")
    hand_over(tmp_path / "executor", bundle)
    (tmp_path / "executor" / "market.json").unlink()
    with pytest.raises(Unavailable, match=r"market\.json"):
        load_handover(tmp_path / "executor")
    assert hand_over(tmp_path / "executor", bundle) == 2
    assert load_handover(tmp_path / "executor").generation == 2


def test_a_broken_active_file_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "executor"
    hand_over(folder, champion(tmp_path / "bundles"))
    for broken in ("not json", "[]"):
        (folder / "active.json").write_text(broken)
        assert hand_over(folder, champion(tmp_path / "bundles")) == 1
        assert json.loads((folder / "active.json").read_text())["version"] == "v1"


def test_a_pool_whose_ticks_are_not_all_known_is_left_out() -> None:
    one_tick = pl.col("ticks").list.head(1)
    missing = states().with_columns(ticks=pl.when(pl.col("pool") == "0xb").then(one_tick).otherwise(pl.col("ticks")))
    pools_file, ticks_file = pool_files(missing, known("0xa", "0xb"), {})
    assert pools_file["pool"].to_list() == ["0xa"]
    assert ticks_file.is_empty()
