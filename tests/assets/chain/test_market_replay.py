"""The market as values: what is stored gives back the same pools, and the events move them to where the chain did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from assets.chain import pool_states
from assets.chain.market_replay import PairLiquidity, event_of, events_in_order, pools_at, rows_in_order, snapshots
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.events import Burn, Collect, CollectProtocol, Flash, Initialize, Mint, PairSwap, SetFeeProtocol, Swap, Sync
from tests.assets.chain.frames import events, proven
from tests.assets.chain.small_chain import CAKE, PAIR, V3, SmallChain


def closes(chain: SmallChain) -> pl.DataFrame:
    states = pool_states.TABLE.conform(proven(chain).states.select(pool_states.TABLE.names))
    return states.filter(pl.col("is_day_close") & (pl.col("day") == states["day"].max()))


def test_stored_states_are_the_pools_of_the_chain(chain: SmallChain):
    pools = pools_at(closes(chain))
    assert pools[PAIR] == chain.pair
    for address, truth in ((V3, chain.v3), (CAKE, chain.cake)):
        stored = pools[address]
        assert isinstance(stored, ConcentratedPool) and truth is not None
        for zero_for_one in (True, False):
            assert stored.quote(zero_for_one, 10**15) == truth.quote(zero_for_one, 10**15)
        assert (stored.fee_growth_global0_x128, stored.fee_protocol0, stored.protocol_fee_denominator) == (
            truth.fee_growth_global0_x128,
            4 if address == V3 else 3200,
            None if address == V3 else 10_000,
        )


def test_stored_states_give_themselves_back(chain: SmallChain):
    states = closes(chain)
    again = {
        pool: replace(value, ticks=dict(value.ticks)) if isinstance(value, ConcentratedPool) else value
        for pool, value in pools_at(states).items()
    }
    assert again == pools_at(states)


def test_events_come_in_the_chains_order_and_move_every_pool_to_its_end(chain: SmallChain):
    told = chain.tables()
    pools: dict[str, Any] = {pool: snapshot.pool for pool, snapshot in snapshots(told["pools"], told["ticks"]).items()}
    places = []
    for number, index, pool, event, _ in events_in_order(*events(chain)):
        places.append((number, index))
        if pool in pools:
            pools[pool] = pools[pool].apply(event)
    assert places == sorted(places)
    v3, pair = pools[V3], pools[PAIR]
    assert isinstance(v3, ConcentratedPool) and isinstance(pair, ConstantProductPool)
    assert (v3.sqrt_price_x96, v3.liquidity, v3.tick) == (chain.v3.sqrt_price_x96, chain.v3.liquidity, chain.v3.tick)
    assert pair == chain.pair


def test_each_kind_of_row_is_its_own_kind_of_event(chain: SmallChain):
    kinds = {type(event_of(row)) for row in rows_in_order(*events(chain))}
    assert kinds == {Swap, Mint, Burn, Collect, Initialize, Flash, SetFeeProtocol, CollectProtocol, PairSwap, Sync, PairLiquidity}
    moving = {type(event) for *_, event, _ in events_in_order(*events(chain))}
    assert moving == kinds - {Collect, CollectProtocol, PairLiquidity}
    cake = next(event for _, _, pool, event, _ in events_in_order(*events(chain)) if pool == CAKE and isinstance(event, Swap))
    assert cake.protocol_fees0 and cake.protocol_fees0 > 0


def test_a_snapshot_without_gross_liquidity_is_inferred(chain: SmallChain):
    told = chain.tables()
    ticks = told["ticks"].with_columns(is_inferred=pl.lit(True))
    pool = snapshots(told["pools"], ticks)[V3].pool
    assert isinstance(pool, ConcentratedPool)
    assert pool.ticks_are_inferred and all(tick.liquidity_gross is None for tick in pool.ticks.values())


def test_the_packed_fee_setting_is_read_as_its_venue_packs_it(chain: SmallChain):
    told = chain.tables()
    pools = told["pools"].with_columns(fee_protocol=pl.when(pl.col("pool") == V3).then(4 + (6 << 4)))
    pool = snapshots(pools, told["ticks"])[V3].pool
    assert isinstance(pool, ConcentratedPool)
    assert (pool.fee_protocol0, pool.fee_protocol1) == (4, 6)


def test_an_inferred_pool_stays_inferred_when_all_its_ticks_are_gone(chain: SmallChain):
    states = closes(chain).filter(pl.col("pool") == V3)
    bare = states.with_columns(
        ticks=pl.lit([], dtype=states.schema["ticks"]),
        accruals=pl.col("accruals").str.replace('"ticks_are_inferred": "0"', '"ticks_are_inferred": "1"'),
    )
    pool = pools_at(bare)[V3]
    assert isinstance(pool, ConcentratedPool) and pool.ticks_are_inferred and not pool.ticks
