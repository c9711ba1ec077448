"""The constant-product swaps of two whole blocks of Ethereum: each keeps its pair's product, fee counted."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import polars as pl
import pytest

from domain.amm.constant_product import ConstantProductPool
from domain.amm.replay import rederive_pair
from domain.events import PairSwap, Sync
from executor.venue import CONSTANT_PRODUCT_TOPICS

TOPIC = {name: topic for topic, name in CONSTANT_PRODUCT_TOPICS.items()}
FEE_PIPS = 3000


@pytest.fixture(scope="module")
def pairs(real_data):
    """Each Sync with the Swap right behind it, in the chain's order; the pair tells its new reserves before the swap."""
    frame = pl.read_parquet(real_data / "eth_two_full_blocks_17173049_17173050_logs.parquet").sort("block_number", "log_index")
    rows = frame.select("address", pl.col("topics").list.first().alias("topic"), "data").rows()
    found = []
    for (address, topic, data), (next_address, next_topic, next_data) in pairwise(rows):
        if (topic, next_topic) == (TOPIC["sync"], TOPIC["swap"]) and address == next_address:
            found.append((Sync(address, *numbers(data)), PairSwap(address, *numbers(next_data))))
    return found


def numbers(data: str) -> list[int]:
    return [int(data[at : at + 64], 16) for at in range(2, len(data), 64)]


def reserves_before(sync: Sync, swap: PairSwap) -> ConstantProductPool:
    return ConstantProductPool(
        FEE_PIPS, sync.reserve0 - swap.amount0_in + swap.amount0_out, sync.reserve1 - swap.amount1_in + swap.amount1_out
    )


def test_every_swap_keeps_its_pairs_invariant(pairs):
    assert len(pairs) == 69
    for sync, swap in pairs:
        found = rederive_pair(reserves_before(sync, swap), swap, sync)
        assert found.exact, (swap, found.reason)
        assert (found.pool_after.reserve0, found.pool_after.reserve1) == (sync.reserve0, sync.reserve1)


def test_most_of_them_took_exactly_what_the_router_computes(pairs):
    how = Counter(rederive_pair(reserves_before(sync, swap), swap, sync).how for sync, swap in pairs)
    assert how["exact_in"] + how["exact_out"] > 0.9 * len(pairs)


def test_a_pairs_next_swap_starts_from_the_reserves_it_last_told(pairs):
    last: dict[str, Sync] = {}
    chained = 0
    for sync, swap in pairs:
        if swap.pool in last:
            before = reserves_before(sync, swap)
            known = last[swap.pool]
            # Liquidity added in between would show here; in these two blocks no pair that traded twice had any.
            assert (before.reserve0, before.reserve1) == (known.reserve0, known.reserve1)
            chained += 1
        last[swap.pool] = sync
    assert chained > 5


def test_one_unit_more_would_break_it(pairs):
    broken = 0
    for sync, swap in pairs:
        pool = reserves_before(sync, swap)
        if rederive_pair(pool, swap, sync).how == "exact_in":
            greedy = PairSwap(
                swap.pool,
                swap.amount0_in,
                swap.amount1_in,
                swap.amount0_out + (swap.amount0_out > 0),
                swap.amount1_out + (swap.amount1_out > 0),
            )
            assert not pool.keeps_invariant(greedy)
            broken += 1
    assert broken > 30
