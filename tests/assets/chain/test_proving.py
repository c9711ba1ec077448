"""Proofs: every event follows from the state before it, and what does not is found, once, where it happened."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from assets.chain import event_proofs, pool_states
from assets.chain.market_replay import Snapshot, pools_at
from assets.partitions import Span
from tests.assets.chain.frames import FIRST, LAST, WHOLE, proven, raw_of
from tests.assets.chain.small_chain import CAKE, FIRST_DAY, PAIR, V3, SmallChain, word


def verdicts(proofs: pl.DataFrame) -> dict[str, int]:
    return dict(proofs["verdict"].value_counts().iter_rows())


def without(chain: SmallChain, *rows: int) -> pl.DataFrame:
    """The raw logs without some: a source that lost them."""
    return raw_of(chain).filter(~pl.col("source_row").is_in(rows))


def place(chain: SmallChain, event: str, nth: int = 0, pool: str = V3) -> int:
    """The source row of the nth such event of a pool."""
    from executor.venue import every_venue

    venue = {V3: "uniswap_v3", CAKE: "pancakeswap_v3", PAIR: "sushiswap"}[pool]
    raw = raw_of(chain).filter((pl.col("topic0") == every_venue()[venue].topic_of(event)) & (pl.col("address") == pool))
    return raw.sort("source_row")["source_row"][nth]


def test_every_event_of_the_chain_is_exact(chain: SmallChain):
    found = proven(chain)
    assert verdicts(found.proofs) == {"exact": 21}
    assert set(found.proofs["how"].drop_nulls()) == {"exact_in"}
    assert event_proofs.TABLE.conform(found.proofs).height == 21


def test_a_proof_tells_the_state_before_and_the_price_on_both_sides(chain: SmallChain):
    first = proven(chain).proofs.filter(pl.col("pool") == V3).row(0, named=True)
    assert int.from_bytes(first["sqrt_price_before_x96"], "big") == chain.at_start.sqrt_price_x96
    assert first["liquidity_before"] == chain.at_start.liquidity and first["tick_before"] == chain.at_start.tick
    assert first["price_after"] < first["price_before"] == pytest.approx(1867, rel=1e-2)
    pair = proven(chain).proofs.filter(pl.col("pool") == PAIR).row(0, named=True)
    assert pair["reserve0_before"] == 1000 * 10**18 and pair["price_before"] == pytest.approx(1870)


def test_a_lost_swap_is_one_finding_not_many(chain: SmallChain):
    found = proven(chain, without(chain, place(chain, "swap", 0)))
    wrong = found.proofs.filter(pl.col("verdict") == "inexact")
    assert wrong.height == 1
    assert "no exact input, exact output or price limit" in wrong["detail"][0]
    assert found.proofs.filter(pl.col("verdict") == "exact").height == 19


def test_a_lost_mint_shows_where_liquidity_is_missed(chain: SmallChain):
    found = proven(chain, without(chain, place(chain, "mint")))
    wrong = found.proofs.filter(pl.col("verdict") == "inexact")
    assert wrong["kind"].to_list() == ["swap", "swap", "burn"] or "burn" in wrong["kind"].to_list()
    assert any("nothing to burn" in detail or "burn no more" in detail for detail in wrong["detail"])


def test_a_forged_mint_amount_is_inexact(chain: SmallChain):
    row = place(chain, "mint")
    raw = raw_of(chain)
    forged = raw.with_columns(
        data=pl.when(pl.col("source_row") == row).then(pl.lit(word(7) + word(10**17) + word(1) + word(1))).otherwise("data")
    )
    wrong = proven(chain, forged).proofs.filter(pl.col("verdict") == "inexact")
    assert wrong["kind"].to_list() == ["mint"] and "the log says 1 and 1" in wrong["detail"][0]


def test_a_lost_sync_is_found_at_its_swap(chain: SmallChain):
    found = proven(chain, without(chain, place(chain, "sync", 1, PAIR)))
    wrong = found.proofs.filter((pl.col("verdict") == "inexact") & (pl.col("pool") == PAIR))
    assert wrong["detail"][0] == "no Sync came before it: a log is missing"


def test_reserves_that_do_not_add_up_are_inexact(chain: SmallChain):
    raw = raw_of(chain)
    for event, says in (("swap", "the reserves after it"), ("mint", "reserves would be")):
        row = place(chain, event, 0, PAIR)
        less = word(1) * 4 if event == "swap" else word(1) * 2
        forged = raw.with_columns(data=pl.when(pl.col("source_row") == row).then(pl.lit(less)).otherwise("data"))
        wrong = proven(chain, forged).proofs.filter(pl.col("verdict") == "inexact")
        assert wrong.height == 1 and says in wrong["detail"][0]


def test_a_sync_of_its_own_moves_the_reserves(chain: SmallChain):
    row = place(chain, "swap", 2, PAIR)
    found = proven(chain, without(chain, row))
    assert verdicts(found.proofs) == {"exact": 20}  # its Sync stayed, so the next trade starts from there


def test_events_before_the_snapshot_are_not_judged(chain: SmallChain):
    last = proven(chain).states.filter((pl.col("pool") == V3) & pl.col("is_day_close")).sort("day")["block_number"][1]
    pools = chain.tables()["pools"].with_columns(
        block_number=pl.when(pl.col("pool") == V3).then(pl.lit(last)).otherwise("block_number"), log_index=pl.lit(99, pl.Int64)
    )
    proofs = proven(chain, pools=pools, times={V3: FIRST_DAY + timedelta(hours=47)}).proofs.filter(pl.col("pool") == V3)
    assert proofs.filter(pl.col("block_number") <= last)["verdict"].unique().to_list() == ["before_snapshot"]
    assert proofs["sqrt_price_before_x96"].null_count() == proofs.filter(pl.col("verdict") == "before_snapshot").height


def test_a_snapshot_counts_from_its_own_hour_on(chain: SmallChain):
    states = proven(chain, times={V3: FIRST_DAY + timedelta(hours=30)}).states.filter(pl.col("pool") == V3)
    untold = proven(chain).states.filter(pl.col("pool") == V3)
    # The first event after the snapshot's position shows it too, whatever its time says.
    assert untold["hour"].min() == FIRST_DAY and states["hour"].min() == FIRST_DAY + timedelta(hours=1)


def test_a_pool_without_a_state_is_named_so_until_it_tells_one(chain: SmallChain):
    pools = chain.tables()["pools"].with_columns(has_state=pl.lit(False))
    found = proven(chain, pools=pools)
    by_pool = {pool: verdicts(rows) for (pool,), rows in found.proofs.group_by("pool")}
    assert by_pool[V3] == {"no_state": 11}  # no first price in these logs
    assert by_pool[CAKE] == {"exact": 2}
    assert by_pool[PAIR] == {"no_state": 1, "exact": 7}  # its first Sync tells the reserves
    assert set(found.states["pool"]) == {CAKE, PAIR}


def test_a_day_alone_gives_what_all_days_give(chain: SmallChain):
    whole = proven(chain)
    start: dict[str, Snapshot] = {}
    for day in WHOLE.dates():
        alone = proven(chain, span=Span(day, day), start=start)
        assert alone.proofs.equals(whole.proofs.filter(pl.col("day") == day))
        key = ["pool", "hour"]
        assert alone.states.drop("state").sort(key).equals(whole.states.filter(pl.col("day") == day).drop("state").sort(key))
        closes = pool_states.TABLE.conform(alone.states.select(pool_states.TABLE.names)).filter("is_day_close")
        places = {row["pool"]: (row["block_number"], row["log_index"]) for row in closes.iter_rows(named=True)}
        start = {pool: Snapshot(value, places[pool]) for pool, value in pools_at(closes).items()}


def test_a_pool_of_unknown_decimals_has_no_price(chain: SmallChain):
    from assets.chain.market_replay import snapshots
    from assets.chain.pool_facts import Facts
    from assets.chain.proving import replay
    from tests.assets.chain.frames import events

    facts = {V3: Facts(1, "uniswap_v3", "concentrated", 3000, 60, None)}
    swapped, others = (frame.filter(pl.col("pool") == V3) for frame in events(chain))
    told = snapshots(chain.tables()["pools"], chain.tables()["ticks"])
    found = replay(swapped, others, facts, {}, told, {}, (FIRST, LAST))
    assert found.proofs["price_before"].null_count() == found.proofs.height == 11
    assert set(found.states["price"]) == {None}
