"""A claim of 90 % holds nine times in ten, and a claim that the history cannot bear is not made."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import Unavailable
from executor.gas.forecast import LEVEL_PERCENTILE, RECENT, FeeHistory, forecast, read_history
from tests.executor.gas.markets import WEATHER, as_fee_history, market

HISTORY, BLOCKS = 120, 1_500


@pytest.mark.parametrize("within", [1, 3])
@pytest.mark.parametrize("weather", WEATHER)
def test_a_claim_of_ninety_percent_covers_88_to_92_in_any_weather(weather, within):
    """Against the very thing claimed: the tip is at least what a tenth of a block's gas paid, in one of the next blocks.

    And against the market itself, where whoever pays as much as the least that got in gets in: never less often than claimed.
    """
    found = market(weather, seed=20, blocks=BLOCKS)
    levels = [block.level for block in found]
    held, got_in, claimed = [], [], []
    for now in range(HISTORY, BLOCKS - within):
        tip = forecast(levels[now - HISTORY : now], within, 0.9)
        assert tip is not None
        following = found[now : now + within]
        held.append(any(block.level is not None and tip.wei >= block.level for block in following))
        got_in.append(any(tip.wei >= block.least_that_got_in for block in following))
        claimed.append(tip.probability)
    assert 0.9 <= sum(claimed) / len(claimed) <= 0.92
    assert 0.88 <= sum(held) / len(held) <= 0.92
    assert sum(got_in) / len(got_in) >= sum(claimed) / len(claimed) - 0.01


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**12)), max_size=60), st.integers(1, 5), st.floats(0.01, 0.99))
def test_for_any_history_no_more_is_claimed_than_its_blocks_can_bear(levels, within, probability):
    tip = forecast(levels, within, probability)
    known = [level for level in levels if level is not None]
    samples = max(len(known) - within + 1 - RECENT, 0)
    assert (tip is None) == (samples == 0)
    if tip is not None:
        assert tip.wei >= 0
        assert min(probability, samples / (samples + 1)) - 1e-6 <= tip.probability <= samples / (samples + 1)


@given(st.lists(st.integers(1, 10**12), min_size=12, max_size=60), st.integers(1, 3))
def test_for_any_history_more_certainty_never_costs_less(levels, within):
    tips = [forecast(levels, within, probability) for probability in (0.3, 0.6, 0.9)]
    assert all(tip is not None for tip in tips)
    assert sorted(tips, key=lambda tip: (tip.wei, tip.probability)) == tips


def test_where_everybody_pays_the_same_the_claim_says_how_sure_that_is():
    assert forecast([5] * 24, 1, 0.5) == (5, 19 / 20)


@pytest.mark.parametrize(
    "told",
    [None, [], {}, {"baseFeePerGas": ["0x1"], "gasUsedRatio": [], "reward": []}, {"baseFeePerGas": ["0x1"], "gasUsedRatio": [0.5]}],
)
def test_a_fee_history_that_is_not_whole_is_refused(told):
    with pytest.raises(Unavailable):
        read_history(told)


def test_an_empty_block_tells_nothing_about_tips():
    told = {"oldestBlock": "0xa", "baseFeePerGas": ["0x1", "0x2", "0x3"], "gasUsedRatio": [0.5, 0], "reward": [["0x7"], ["0x0"]]}
    assert read_history(told) == FeeHistory(11, [7, None], 3)


def test_a_markets_history_is_read_as_a_nodes():
    found = market("busy", seed=3, blocks=30)
    history = read_history(as_fee_history(found, oldest=100))
    assert history.newest == 129
    assert history.levels == [block.level for block in found]


def test_in_real_blocks_the_level_is_paid_by_nine_tenths_of_the_gas_and_not_by_the_builders_own(real_data: Path):
    """What the real data can show: sixteen single blocks, years apart, so levels and not forecasts."""
    file = real_data / "eth_26_blocks_gas_receipts_2020_2022.parquet"
    price, base_fee = (pl.col(name).cast(pl.Int64) for name in ("effective_gas_price", "base_fee_per_gas"))
    receipts = pl.read_parquet(file).filter(base_fee > 0).with_columns(tip=price - base_fee)
    levels, least = [], []
    for _, rows in receipts.sort("tip").group_by("block_number"):
        share = rows["gas_used"].cum_sum() / rows["gas_used"].sum()
        levels.append(rows["tip"][int((share < LEVEL_PERCENTILE / 100).sum())])
        least.append(rows["tip"][0])
    assert len(levels) == 16
    assert sum(tip == 0 for tip in least) == 12, "in most blocks the least tip is none at all: the builder's own"
    assert sum(level >= 500_000_000 for level in levels) == 14
    assert sorted(levels)[len(levels) // 2] == 1_500_000_000
