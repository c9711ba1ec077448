"""Swaps through every venue's own router, and across venues through ours, pay to the base unit what was quoted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from domain.events import PairSwap, Swap
from executor.calls import ALL_X64, call_for, replay
from executor.chain.node import HttpNode
from executor.orders import PlannedLeg
from executor.routing.pool_book import PoolBook
from executor.venue import every_venue
from tests.executor.local_market import LATE, POOLS, Market, events_of, open_market, worked


@pytest.fixture(scope="module")
def market(node_modules) -> Iterator[Market]:
    with open_market(node_modules) as opened:
        yield opened


@pytest.fixture
def untouched(market: Market) -> Iterator[Market]:
    """The market, put back afterwards as it was."""
    with market.undone():
        yield market


def book_of(market: Market) -> PoolBook:
    async def read() -> PoolBook:
        async with HttpNode(market.world.node.url) as node:
            return await market.book(node)

    return asyncio.run(read())


def symbol_of(market: Market, address: str) -> str:
    return next(token.symbol for token in market.world.tokens.values() if token.address == address)


def execute(market: Market, legs: list[PlannedLeg], amount: int, out: int, to: str | None = None):
    """Runs the plan; what the trader paid and received, the receipt, and which router was used."""
    sold, bought = symbol_of(market, legs[0].sell), symbol_of(market, legs[-1].buy)
    before = market.balance(sold), market.balance(bought)
    execution = call_for(legs, market.routers, recipient=to or market.trader, amount_in=amount, min_amount_out=out, deadline=LATE)
    receipt = market.execute(execution)
    return before[0] - market.balance(sold), market.balance(bought) - before[1], receipt, execution.to


@pytest.mark.parametrize("pool_id", [1, 3, 4, 5, 6, 7], ids=lambda at: "-".join(map(str, POOLS[at - 1])))
def test_a_swap_through_the_venues_own_router_pays_what_was_quoted(untouched, pool_id):
    venue, sell, _, _ = POOLS[pool_id - 1]
    amount = untouched.amount(sell, 10_000)
    book = book_of(untouched)
    quote = every_venue()[venue].quote(book.pool(pool_id), untouched.token(sell), amount)
    paid, got, receipt, router = execute(untouched, [untouched.leg(pool_id, sell)], amount, quote.amount_out)
    assert worked(receipt)
    assert router == untouched.world.deployments[venue].router
    assert (paid, got) == (quote.amount_in, quote.amount_out)


def test_two_hops_across_venues_pay_what_was_quoted(untouched):
    """WETH to USDC on SushiSwap, then USDC to DAI on Uniswap, in one transaction of ours."""
    amount = untouched.amount("WETH", 25_000)
    legs = [untouched.leg(4, "WETH"), untouched.leg(5, "USDC")]
    book = book_of(untouched)
    out = replay(book, legs, amount)[-1].amount_out
    paid, got, receipt, router = execute(untouched, legs, amount, out)
    assert worked(receipt)
    assert router == untouched.world.addresses["SplitRouter"]
    assert (paid, got) == (amount, out)
    swaps = [event for event in events_of(receipt, list(untouched.pools.values())) if isinstance(event, Swap | PairSwap)]
    assert [type(event) for event in swaps] == [PairSwap, Swap]


def test_two_hops_within_one_venue_use_its_own_router(untouched):
    amount = untouched.amount("WETH", 25_000)
    for legs in ([untouched.leg(1, "WETH"), untouched.leg(5, "USDC")], [untouched.leg(4, "WETH"), untouched.leg(6, "USDC")]):
        with untouched.undone():
            out = replay(book_of(untouched), legs, amount)[-1].amount_out
            paid, got, receipt, router = execute(untouched, legs, amount, out)
            assert worked(receipt)
            assert router == untouched.world.deployments[legs[0].venue].router
            assert (paid, got) == (amount, out)


def random_plan(market: Market, chance: random.Random) -> tuple[list[PlannedLeg], str]:
    """A split over one to four pools of WETH/USDC, of which the dollars may go on to DAI through one or two pools."""
    first = chance.sample((1, 2, 3, 4), chance.randint(1, 4))
    shares = [chance.randrange(1 << 61, 1 << 63) for _ in first[1:]]
    legs = [market.leg(pool_id, "WETH", share) for pool_id, share in zip(first, [*shares, ALL_X64], strict=True)]
    if chance.random() < 0.5:
        return legs, "USDC"
    second = chance.sample((5, 6), chance.randint(1, 2))
    shares = [chance.randrange(1 << 61, 1 << 63) for _ in second[1:]]
    return [*legs, *(market.leg(at, "USDC", share) for at, share in zip(second, [*shares, ALL_X64], strict=True))], "DAI"


@pytest.mark.parametrize("seed", range(120))
def test_any_plan_pays_what_its_replay_says(untouched, seed):
    chance = random.Random(seed)
    legs, bought = random_plan(untouched, chance)
    amount = untouched.amount("WETH", 10 ** chance.uniform(0, 5.5))
    filled = replay(book_of(untouched), legs, amount)
    out = sum(one.amount_out for leg, one in zip(legs, filled, strict=True) if leg.buy == untouched.token(bought))
    paid, got, receipt, _ = execute(untouched, legs, amount, out)
    assert worked(receipt)
    assert (paid, got) == (amount, out)
    router = untouched.world.addresses["SplitRouter"]
    assert {symbol: untouched.balance(symbol, router) for symbol in ("WETH", "USDC", "DAI")} == {"WETH": 0, "USDC": 0, "DAI": 0}


def test_one_base_unit_more_than_the_plan_gives_is_refused_on_chain(untouched):
    legs = [untouched.leg(1, "WETH", 1 << 63), untouched.leg(3, "WETH"), untouched.leg(6, "USDC")]
    amount = untouched.amount("WETH", 50_000)
    out = replay(book_of(untouched), legs, amount)[-1].amount_out
    paid, got, receipt, _ = execute(untouched, legs, amount, out + 1)
    assert not worked(receipt)
    assert (paid, got) == (0, 0)
