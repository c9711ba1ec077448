"""A real day and two real blocks: every event decoded, proved to the wei, and added up to the bars that others published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from assets.chain import liquidity_events, pools, raw_logs, swaps, tokens
from assets.chain.blocks import sift_blocks
from assets.chain.decode import DecodedLogs, decode_logs, rows_of
from assets.chain.market_replay import pools_at, snapshots
from assets.chain.minute_bars import minute_bars
from assets.chain.pool_facts import facts_of
from assets.chain.proving import Replayed, replay
from assets.chain.replayed import snapshot_times
from assets.partitions import Span
from domain.amm.concentrated import ConcentratedPool
from executor.chain.importer import import_logs
from executor.chain.recording import Recording

ROOT = Path(__file__).resolve().parents[2]
POOLS = {"88e6": (6045, 6045), "8ad5": (266, 266), "82c4": (39, 40)}  # how many swaps follow, of how many after the snapshot


@dataclass(frozen=True)
class Day:
    """A recording, decoded and proved."""

    recording: Recording
    pools: pl.DataFrame
    decoded: DecodedLogs
    swaps: pl.DataFrame
    replayed: Replayed


def day_of(recording: Recording) -> Day:
    span = Span(recording.days[0], recording.days[-1])
    known = tokens.tokens_of(recording.tokens(), recording.chain_id).select(tokens.TABLE.names)
    table = pools.pools_of(recording.pools(), known, recording.chain_id).select(pools.TABLE.names)
    headers = sift_blocks(recording.blocks(), recording.chain_id, span.first, span.last).rows
    decoded = decode_logs(raw_logs.raw_logs_of(recording.logs(), recording.chain_id, span), table, headers, recording.chain_id)
    events = rows_of(swaps.TABLE, decoded.swaps), rows_of(liquidity_events.TABLE, decoded.liquidity_events)
    told = snapshots(recording.pools(), recording.ticks())
    found = replay(*events, facts_of(table), {}, told, snapshot_times(told, recording.blocks()), (span.first, span.last))
    return Day(recording, table, decoded, events[0], found)


@pytest.fixture(scope="module")
def imported(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The real day as a recording, with the exchange's candles for prices."""
    keys = [(real_data / f"eth_{name}_2024-01-05.key.json", real_data / f"eth_{name}_2024-01-05.start_ticks.parquet") for name in POOLS]
    prices = {"WETH": real_data / "cex_binance_ethusdt_5m_2024-01-01_2024-02-29.parquet"}
    folder = tmp_path_factory.mktemp("recordings") / "real_day"
    return import_logs([real_data / "eth_univ3_raw_logs_2024-01-05.parquet"], folder, keys=keys, prices=prices)


@pytest.fixture(scope="module")
def day(imported: Recording) -> Day:
    return day_of(imported)


def test_every_log_of_the_day_is_decoded(day: Day):
    assert (day.swaps.height, day.decoded.liquidity_events.height) == (6354, 228)
    assert (day.decoded.others, day.decoded.set_aside.height) == (0, 0)


@pytest.mark.parametrize("name", POOLS)
def test_every_swap_but_the_known_one_follows_to_the_wei(day: Day, real_data: Path, name: str):
    key = json.loads((real_data / f"eth_{name}_2024-01-05.key.json").read_text())
    proofs = day.replayed.proofs.filter(
        (pl.col("pool") == key["pool"]) & (pl.col("kind") == "swap") & (pl.col("verdict") != "before_snapshot")
    )
    exact, all_swaps = POOLS[name]
    assert (proofs.filter(pl.col("verdict") == "exact").height, proofs.height) == (exact, all_swaps)
    wrong = proofs.filter(pl.col("verdict") == "inexact").select("tx_hash", "log_index").rows()
    assert wrong == [(one["tx"], one["log_index"]) for one in key["swaps_not_reproduced"]]


def test_every_mint_and_burn_follows_to_the_wei(day: Day):
    liquidity = day.replayed.proofs.filter(pl.col("kind") != "swap")
    assert liquidity["verdict"].unique().to_list() == ["exact"]
    assert liquidity.height == 146


@pytest.mark.parametrize("name", POOLS)
def test_the_day_closes_where_the_chain_did(day: Day, real_data: Path, name: str):
    key = json.loads((real_data / f"eth_{name}_2024-01-05.key.json").read_text())
    close = pools_at(day.replayed.states.filter("is_day_close"))[key["pool"]]
    assert isinstance(close, ConcentratedPool)
    end = key["end_state"]
    assert (str(close.sqrt_price_x96), close.tick, str(close.liquidity)) == (end["sqrt_price_x96"], end["tick"], end["liquidity"])


def test_the_bars_are_the_published_ones_in_every_minute_with_swaps(day: Day, real_data: Path):
    published = pl.read_parquet(real_data / "eth_88e6_2024-01-05_minute_bars_as_published.parquet")
    names = {
        "net_amount0": "netAmount0",
        "net_amount1": "netAmount1",
        "in_amount0": "inAmount0",
        "in_amount1": "inAmount1",
        "open_tick": "openTick",
        "close_tick": "closeTick",
        "lowest_tick": "lowestTick",
        "highest_tick": "highestTick",
        "current_liquidity": "currentLiquidity",
    }
    theirs = published.select(pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC").alias("minute"), **names)
    bars = (
        minute_bars(day.swaps)
        .filter(pl.col("pool").str.starts_with("0x88e6"))
        .select("minute", *(pl.col(name).cast(pl.String) for name in names))
    )
    assert bars.height == 1408
    assert bars.equals(
        theirs.join(bars.select("minute"), on="minute", how="semi", maintain_order="right").select(bars.columns).sort("minute")
    )


def test_the_chain_and_the_ledger_of_the_day_are_materialised(imported: Recording, tmp_path: Path):
    script = (
        "import sys, pathlib, polars as pl\n"
        "from assets.warehouse import Warehouse\n"
        "from tests.assets.chain.materialising import materialise\n"
        "found = materialise(Warehouse(lake=sys.argv[2]), pathlib.Path(sys.argv[1]), '2024-01-05', '2024-01-05')\n"
        "print([check.check_name for check in found.get_asset_check_evaluations() if not check.passed], found.success)\n"
    )
    environment = {**os.environ, "GREKKO_RECORDING": str(imported.path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(imported.path), str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    # The one known swap crosses ticks that nobody could infer: it is named, and stops nothing.
    assert done.stdout.splitlines()[-1] == "['every_swap_is_rederived_to_the_wei'] True", done.stderr[-2000:]
    ledger = pl.read_delta(str(tmp_path / "trade_ledger"))
    assert ledger.height == 6354 and ledger["notional_usd"].sum() > 200_000_000


@pytest.fixture(scope="module")
def two_blocks(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Every log of two whole blocks, of any contract; pools are known by their topics alone."""
    stem = "eth_two_full_blocks_17173049_17173050"
    folder = tmp_path_factory.mktemp("recordings") / "two_blocks"
    return day_of(
        import_logs([real_data / f"{stem}_logs.parquet"], folder, transactions=[real_data / f"{stem}_transactions.parquet"], chain_id=1)
    )


def test_what_pools_of_two_whole_blocks_say_is_decoded_and_the_rest_is_named(two_blocks: Day):
    raw = two_blocks.recording.logs().height
    found = two_blocks.decoded
    assert raw == found.swaps.height + found.liquidity_events.height + found.others + found.set_aside.height
    pairs = two_blocks.swaps.filter(pl.col("protocol") == "constant_product")
    # Without a key file nobody knows the fee of a concentrated pool, so those ten swaps are not guessed at.
    assert pairs.height == two_blocks.swaps.height == 69
    assert set(found.set_aside["reason"]) == {"unknown_pool"}


def test_a_pair_that_traded_twice_in_two_blocks_is_proved_the_second_time(two_blocks: Day):
    verdicts = dict(two_blocks.replayed.proofs.filter(pl.col("kind") == "swap")["verdict"].value_counts().iter_rows())
    assert verdicts.pop("no_state") + verdicts.pop("exact") == 69 and verdicts == {}


def test_pairs_of_two_whole_blocks_keep_their_product(two_blocks: Day):
    syncs = {
        (row["block_number"], row["log_index"]): row
        for row in two_blocks.decoded.liquidity_events.filter(pl.col("kind") == "sync").to_dicts()
    }
    checked = 0
    for row in two_blocks.swaps.filter(pl.col("protocol") == "constant_product").to_dicts():
        after = syncs[row["block_number"], row["log_index"] - 1]
        assert after["pool"] == row["pool"]
        reserves = int(after["amount0"]), int(after["amount1"])
        before = reserves[0] - int(row["amount0"]), reserves[1] - int(row["amount1"])
        assert before[0] * before[1] <= reserves[0] * reserves[1]
        checked += 1
    assert checked == 69
