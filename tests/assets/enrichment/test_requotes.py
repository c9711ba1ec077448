"""Requotes: the pool as it stood when the previous block closed, asked again for the trade's own amount."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from assets.chain import pools as pools_module
from assets.chain.market_replay import Snapshot
from assets.enrichment.requotes import pool_requotes, without_a_quote
from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.events import Burn, CollectProtocol, Initialize, Mint, PairSwap, Swap, Sync
from tests.assets.enrichment.market import MIDNIGHT, POOL, USDC, WETH, frame_of, pool, proof, proofs, trade, trades

LIQUIDITY = 10**24
START = ConcentratedPool(500, 10, 1 << 96, 0, LIQUIDITY, {-887270: Tick(LIQUIDITY, LIQUIDITY), 887270: Tick(LIQUIDITY, -LIQUIDITY)})
POOLS = frame_of(pools_module.TABLE, pool())
Placed = tuple[int, int, str, object, datetime]


def swapped(state: ConcentratedPool, zero_for_one: bool, amount: int, exact_out: bool = False) -> tuple[ConcentratedPool, Swap]:
    after, quote = state.swap(zero_for_one, amount, exact_out=exact_out)
    change = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
    return after, Swap(POOL, *change, after.sqrt_price_x96, after.liquidity, after.tick)


def ledger_row(block: int, log: int, swap: Swap) -> dict:
    sold, bought = (WETH, USDC) if swap.amount0 > 0 else (USDC, WETH)
    spent, got = max(swap.amount0, swap.amount1), -min(swap.amount0, swap.amount1)
    return {**trade(block, sold, 0, bought, 0, log=log), "amount_in": spent, "amount_out": got}


def placed(*events: tuple[int, int, object]) -> list[Placed]:
    return [(block, log, POOL, event, MIDNIGHT) for block, log, event in events]


def requoted(
    rows: list[dict], how: str, events: list[Placed], opening: dict | None = None, pools: pl.DataFrame = POOLS
) -> dict[tuple[int, int], float | None]:
    told = proofs(*(proof(row["block_number"], 1.0, 1.0, log=row["log_index"], how=how) for row in rows))
    found = pool_requotes(trades(*rows), told, pools, {POOL: Snapshot(START, (0, -1))} if opening is None else opening, events)
    return {(block, log): slippage for block, log, slippage in found.iter_rows()}


def test_a_trade_behind_another_of_its_kind_does_worse_than_its_quote():
    middle, first = swapped(START, True, 10**22)
    _, second = swapped(middle, True, 10**22)

    found = requoted([ledger_row(5, 1, second)], "exact_in", placed((5, 0, first), (5, 1, second)))

    quoted = START.quote(True, 10**22).amount_out
    assert found == {(5, 1): pytest.approx(10_000 * (quoted + second.amount1) / quoted)}
    assert found[5, 1] > 0


def test_an_exact_purchase_is_compared_by_what_it_paid():
    middle, first = swapped(START, False, 10**22)
    _, second = swapped(middle, False, 10**21, exact_out=True)

    found = requoted([ledger_row(5, 1, second)], "exact_out", placed((5, 0, first), (5, 1, second)))

    quoted = START.quote(False, 10**21, exact_out=True).amount_in
    assert found == {(5, 1): pytest.approx(10_000 * (second.amount1 - quoted) / quoted)}


def test_the_state_is_that_of_the_previous_block_not_of_the_blocks_before_it():
    middle, first = swapped(START, True, 10**22)
    end, second = swapped(middle, False, 10**22)
    _, third = swapped(end, False, 10**22)

    found = requoted([ledger_row(6, 1, third)], "exact_in", placed((5, 0, first), (6, 0, second), (6, 1, third)))

    quoted = middle.quote(False, 10**22).amount_out
    assert found[6, 1] == pytest.approx(10_000 * (quoted + third.amount0) / quoted)


def test_what_lies_before_the_snapshot_is_already_in_it():
    _, early = swapped(START, True, 10**23)
    middle, first = swapped(START, True, 10**22)
    _, second = swapped(middle, True, 10**22)
    events = placed((4, 0, early), (5, 0, first), (5, 1, second))

    found = requoted([ledger_row(5, 1, second)], "exact_in", events, {POOL: Snapshot(START, (4, 3))})

    assert found == requoted([ledger_row(5, 1, second)], "exact_in", events[1:])


def test_a_pair_is_asked_on_the_reserves_before_its_block():
    before = ConstantProductPool(3000, 10**24, 10**24)
    events = placed(
        (5, 0, Sync(POOL, 10**24 + 10**21, 10**24 - 10**21)),
        (5, 1, PairSwap(POOL, 10**21, 0, 0, 10**21 - 10**19)),
    )
    row = {**trade(5, WETH, 0, USDC, 0, log=1), "amount_in": 10**21, "amount_out": 10**21 - 10**19}

    found = requoted([row], "within_invariant", events, {POOL: Snapshot(before, (0, -1))})

    quoted = before.quote(True, 10**21).amount_out
    assert found[5, 1] == pytest.approx(10_000 * (quoted - 10**21 + 10**19) / quoted)


def test_a_pool_that_did_not_exist_a_block_earlier_has_no_quote_then_and_one_later():
    born = [Initialize(POOL, 1 << 96, 0), Mint(POOL, -1000, 1000, LIQUIDITY, 0, 0)]
    filled = ConcentratedPool(500, 10, 1 << 96, 0, 0).mint(-1000, 1000, LIQUIDITY)[0]
    middle, first = swapped(filled, True, 10**20)
    end, second = swapped(middle, True, 10**20)
    _, third = swapped(end, True, 10**20)
    events = placed((5, 0, born[0]), (5, 1, born[1]), (5, 2, first), (6, 0, second), (6, 1, third))

    found = requoted([ledger_row(5, 2, first), ledger_row(6, 1, third)], "exact_in", events, {})

    assert found[5, 2] is None
    assert found[6, 1] is not None and found[6, 1] > 0


def test_an_amount_the_pool_could_not_have_filled_has_no_quote():
    narrow = ConcentratedPool(500, 10, 1 << 96, 0, 10**18, {-10: Tick(10**18, 10**18), 10: Tick(10**18, -(10**18))})
    enormous = Swap(POOL, 10**30, -(10**30), 1 << 96, 10**18, 0)
    nothing = Swap(POOL, 0, 0, 1 << 96, 10**18, 0)

    found = requoted(
        [ledger_row(5, 1, enormous), ledger_row(5, 2, nothing)],
        "exact_in",
        placed((5, 1, enormous), (5, 2, nothing)),
        {POOL: Snapshot(narrow, (0, -1))},
    )

    assert found == {(5, 1): None, (5, 2): None}


def test_the_protocol_taking_its_fees_changes_no_quote():
    middle, first = swapped(START, True, 10**22)
    _, second = swapped(middle, True, 10**22)
    row = ledger_row(6, 1, second)

    with_fees = requoted([row], "exact_in", placed((5, 0, first), (6, 0, CollectProtocol(POOL, 10**9, 10**9)), (6, 1, second)))

    assert with_fees == requoted([row], "exact_in", placed((5, 0, first), (6, 1, second)))


def test_a_pool_whose_state_was_lost_has_no_quote_from_there_on():
    _, second = swapped(START, True, 10**20)
    impossible = Burn(POOL, -500, 500, 10**30, 0, 0)

    found = requoted([ledger_row(6, 1, second)], "exact_in", placed((5, 0, impossible), (6, 0, second), (6, 1, second)))

    assert found == {(6, 1): None}


def test_trades_need_a_quote_when_something_came_before_or_they_took_less_than_offered():
    told = proofs(
        proof(5, 1.0, 1.0, log=0, kind="mint", how=None),
        proof(5, 1.0, 1.0, log=1),
        proof(6, 1.0, 1.0, log=4),
        proof(7, 1.0, 1.0, how="within_invariant"),
    )
    ledger = trades(trade(5, WETH, 1, USDC, 1, log=1), trade(6, WETH, 1, USDC, 1, log=4), trade(7, WETH, 1, USDC, 1))

    assert without_a_quote(ledger, told)["trade_id"].to_list() == ["1:5:1", "1:7:0"]
