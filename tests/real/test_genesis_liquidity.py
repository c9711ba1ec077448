"""Every Mint and Burn of Uniswap V3's USDC/WETH 0.3 % pool, from its creation on: liquidity per tick is never owed."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
import pytest

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick, tick_at_sqrt_price


@pytest.fixture(scope="module")
def history(real_data):
    frame = pl.read_parquet(real_data / "eth_8ad5_mint_burn_from_genesis_2021-05-05_2021-07-07.parquet")
    return frame.sort("block_number", "log_index")


def test_gross_liquidity_never_falls_below_zero_and_the_net_sums_to_zero(history):
    # The pool refuses any burn of more than touches a tick, so living through all of them is the proof.
    pool = ConcentratedPool(3000, 60, sqrt_price_at_tick(MIN_TICK), MIN_TICK, 0)  # below every usable tick: no position is active
    gross: dict[int, int] = defaultdict(int)
    net: dict[int, int] = defaultdict(int)
    for kind, text, lower, upper in history.select("type", "liquidity", "tick_lower", "tick_upper").iter_rows():
        liquidity = int(text)
        if kind == "MINT":
            pool, _, _ = pool.mint(lower, upper, liquidity)
        else:
            pool, _, _ = pool.burn(lower, upper, liquidity)
        change = liquidity if kind == "MINT" else -liquidity
        for tick, sign in ((lower, 1), (upper, -1)):
            gross[tick] += change
            net[tick] += sign * change
            assert gross[tick] >= 0
            entry = pool.ticks.get(tick)
            assert (entry.liquidity_gross, entry.liquidity_net) == (gross[tick], net[tick]) if entry else gross[tick] == 0
    assert history.height == 35_963
    assert sum(net.values()) == 0
    pool.check_ticks()
    pool.standing_at(sqrt_price_at_tick(MAX_TICK - 1), MAX_TICK - 1, 0).check_ticks()  # above every usable tick neither


def test_the_amounts_of_each_mint_tell_the_price_and_that_price_gives_the_amounts_back(history):
    """Positions on one side of the price cost one token only, and exactly what the formula says."""
    one_sided = history.filter((pl.col("type") == "MINT") & ((pl.col("amount0") == "0") != (pl.col("amount1") == "0")))
    compared = 0
    for text, amount0, amount1, lower, upper in one_sided.select("liquidity", "amount0", "amount1", "tick_lower", "tick_upper").iter_rows():
        tick = upper if amount0 == "0" else lower - 1
        price = sqrt_price_at_tick(tick)
        pool = ConcentratedPool(3000, 60, price, tick_at_sqrt_price(price), 0)
        assert pool.mint(lower, upper, int(text))[1:] == (int(amount0), int(amount1))
        compared += 1
    assert compared > 1000
