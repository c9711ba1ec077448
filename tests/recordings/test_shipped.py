"""The shipped recording is what the README says it is, and every swap in it follows from the one before, to the wei."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.logs import decode_concentrated
from domain.amm.replay import rederive, rederive_liquidity
from domain.events import Burn, Initialize, Mint, Swap
from executor.chain.recording import Recording
from executor.venue import every_venue
from recordings import plan
from tests.conftest import ROOT

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def recording(shipped_recording: Path) -> Recording:
    return Recording.open(shipped_recording)


@pytest.fixture(scope="module")
def logs(recording: Recording) -> pl.DataFrame:
    """The canonical chain's logs of pools, each with its venue and the name of its event."""
    canonical = recording.blocks().filter("is_canonical").select(block_hash="hash")
    names = pl.DataFrame(
        [(venue.name, topic, event) for venue in every_venue().values() for topic, event in venue.topics.items()],
        schema=["venue", "topic0", "event"],
        orient="row",
    )
    pools = recording.pools().select("venue", "protocol", address="pool")
    return (
        recording.logs()
        .join(canonical, on="block_hash", how="semi")
        .join(pools, on="address")
        .join(names, on=["venue", "topic0"], how="left")
        .sort("block_number", "log_index")
    )


def test_it_verifies(recording):
    assert recording.verify().failures == []


def test_it_is_small(shipped_recording):
    assert sum(file.stat().st_size for file in shipped_recording.iterdir()) <= 8 * MEGABYTE


def test_it_says_that_its_traders_are_simulated_and_its_contracts_real(recording):
    assert recording.manifest["simulated_traders"] is True
    assert "The traders are simulated" in recording.manifest["description"]
    assert "production bytecode" in recording.manifest["description"]


def test_it_has_two_weeks_of_blocks_on_a_grid_of_twelve_seconds(recording):
    manifest, times = recording.manifest, recording.blocks()["timestamp"]
    assert (manifest["first_day"], manifest["last_day"]) == (plan.FIRST_DAY.isoformat(), plan.day_of(plan.DAYS - 1).isoformat())
    assert (times.dt.epoch("s") % plan.SLOT_SECONDS == 0).all()


def test_it_has_the_three_venues_and_at_least_eight_pools(recording):
    pools = recording.pools()
    assert set(pools["venue"]) == {"uniswap_v3", "sushiswap", "pancakeswap_v3"}
    assert pools.height >= 8
    assert pools.filter(~pl.col("has_state")).height == 1


def test_every_log_is_an_event_we_know(logs):
    assert logs["event"].null_count() == 0


def test_it_has_ten_thousand_swaps_and_hundreds_of_mints_and_burns(logs):
    events = Counter(logs["event"].to_list())
    assert events["swap"] >= 10_000
    assert min(events["mint"], events["burn"]) >= 200
    assert events["initialize"] == events["set_fee_protocol"] == 1


def test_it_has_one_reorg_whose_headers_and_logs_were_kept(recording):
    orphaned = recording.blocks().filter(~pl.col("is_canonical"))
    assert orphaned.height == plan.REORG_DEPTH
    assert recording.logs().filter(pl.col("block_hash").is_in(orphaned["hash"].to_list())).height > 0


def test_some_transactions_failed_and_are_there(recording):
    status = recording.transactions()["status"]
    assert 0.01 < (status == 0).mean() < 0.15


def test_gas_was_dear_for_two_hours_on_one_day(recording):
    spike = pl.col("timestamp").dt.date() == plan.day_of(plan.GAS_SPIKE_DAY), pl.col("timestamp").dt.hour().is_in([14, 15])
    fees = recording.blocks().with_columns(gwei=pl.col("base_fee_per_gas").cast(pl.Float64) / 1e9)
    assert fees.filter(*spike)["gwei"].median() > 5 * fees["gwei"].median()


def test_the_wallets_of_every_profit_center_trade(recording):
    centers = yaml.safe_load((ROOT / "profit_centers.yaml").read_text())["profit_centers"]
    assert set(centers) == set(plan.PROFIT_CENTERS)
    counts = Counter(recording.transactions()["from_address"].to_list())
    for center, numbers in plan.PROFIT_CENTERS.items():
        assert len(centers[center]["wallets"]) == len(numbers) >= 2
        assert all(counts[wallet] >= 20 for wallet in centers[center]["wallets"]), center


def test_every_token_has_a_price_in_every_minute(recording):
    prices = recording.prices()
    minutes = prices.group_by("token").agg(pl.len())
    assert set(prices["token"]) == set(recording.tokens()["address"])
    assert set(minutes["len"]) == {plan.DAYS * 1440 + 120}


def test_every_swap_mint_and_burn_follows_from_the_state_before_it_to_the_wei(recording, logs):
    pools = {row["pool"]: row for row in recording.pools().filter(pl.col("tick_spacing").is_not_null()).iter_rows(named=True)}
    states = {}
    for address, row in pools.items():
        ticks = recording.ticks().filter(pl.col("pool") == address).iter_rows(named=True)
        if row["has_state"]:
            found = {tick["tick"]: Tick(int(tick["liquidity_gross"]), int(tick["liquidity_net"])) for tick in ticks}
            place = int(row["sqrt_price_x96"]), row["tick"], int(row["liquidity"])
            states[address] = ConcentratedPool(row["fee_pips"], row["tick_spacing"], *place, found)
    inexact, hows = [], Counter[str]()
    for log in logs.filter(pl.col("address").is_in(list(pools))).iter_rows(named=True):
        topics = [bytes.fromhex(log[f"topic{n}"][2:]) for n in range(4) if log[f"topic{n}"]]
        event = decode_concentrated(log["event"], topics, log["data"], log["address"])
        if isinstance(event, Initialize):
            row = pools[event.pool]
            states[event.pool] = ConcentratedPool(row["fee_pips"], row["tick_spacing"], event.sqrt_price_x96, event.tick, 0)
        elif isinstance(event, Swap):
            derived = rederive(states[event.pool], event)
            states[event.pool] = derived.pool_after
            hows[str(derived.how)] += 1
            if not derived.exact:
                inexact.append(event)
        elif isinstance(event, Mint | Burn):
            moved = rederive_liquidity(states[event.pool], event)
            states[event.pool] = moved.pool_after
            if not moved.exact:
                inexact.append(event)
    assert inexact == []
    assert set(hows) == {"exact_in", "exact_out", "price_limit"}
