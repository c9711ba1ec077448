"""Thousands of quotes against each venue's production bytecode on a running chain, over random pools: not one base unit off.

Half sell an exact amount, half buy one, in both directions, from dust to more than the pool holds. GREKKO_QUOTES sets the number per
venue (3,000 by default).
"""

from __future__ import annotations

import asyncio
import os
import random
from math import log10

import pytest

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Refused, Unavailable
from executor.chain.local.world import Pool
from executor.chain.node import HttpNode
from executor.conformance import LocalStage
from executor.conformance.stage import Question, Told, booked
from executor.venue import PoolValue, every_venue
from tests.untraced import untraced

QUOTES = int(os.environ.get("GREKKO_QUOTES", "3000"))
SEED = 20261125
POOLS, QUOTES_A_STATE = 10, 250
LOWEST, HIGHEST = 3, 27  # magnitudes of liquidity


def random_pool(stage: LocalStage, chance: random.Random, number: int) -> Pool:
    """A pool with a price, positions and a fee of its own, or a pair with reserves of any proportion."""
    tokens = [stage.world.add_token(f"{name}{number}", name, 18) for name in "AB"]
    for token in tokens:
        for holder in (stage.owner, stage.trader):
            stage.world.run("MintableERC20", "mint", holder, 1 << 200, at=token.address)
        for spender, owner in ((stage.vault, stage.owner), (stage.world.addresses["AtomicRouter"], stage.trader)):
            stage.world.run("MintableERC20", "approve", spender, (1 << 256) - 1, sender=owner, at=token.address)
    fee = stage.fees[number % len(stage.fees)]
    pool = stage.create_pool(*tokens, fee)
    if pool.tick_spacing is None:
        assert stage.add(pool, int(10 ** chance.uniform(5, 32)), int(10 ** chance.uniform(5, 32))).worked
        return pool
    tick = chance.choice((0, 1, -1, chance.randint(-200_000, 200_000), chance.randint(-600_000, 600_000)))
    assert stage.initialize(pool, sqrt_price_at_tick(tick) + chance.randrange(1_000)).worked
    spacing = pool.tick_spacing
    for _ in range(chance.randint(2, 14)):
        lower = (tick // spacing + chance.randint(-80, 60)) * spacing
        stage.mint(pool, lower, lower + spacing * chance.randint(1, 60), int(10 ** chance.uniform(LOWEST, HIGHEST)))
    if chance.random() < 0.5:
        stage.set_protocol_fee(pool, True)
    return pool


def some_question(chance: random.Random, value: PoolValue) -> Question:
    """Mostly an amount that the pool can trade, of any magnitude; some are more than there is."""
    zero_for_one, exact_out = chance.random() < 0.5, chance.random() < 0.5
    if isinstance(value, ConcentratedPool):
        most = value.quote(zero_for_one, 1 << 200)[1 if exact_out else 0]
    else:
        most = (value.reserve1 if zero_for_one == exact_out else value.reserve0) * (1 if exact_out else 10)
    if chance.random() < 0.03:  # the chain walks to the end of its prices for these, which takes it long
        return Question(zero_for_one, most * 2 + 1, exact_out)
    return Question(zero_for_one, max(1, int(10 ** chance.uniform(0, log10(max(most, 2))))), exact_out)


def ours(stage: LocalStage, pool: Pool, value: PoolValue, question: Question) -> Told | None:
    sold = pool.token0 if question.zero_for_one else pool.token1
    try:
        quote = stage.venue.quote(booked(stage, pool, value), sold.address, question.amount, question.exact_out)
    except Refused:
        return None
    return Told(quote.amount_in, quote.amount_out, quote.sqrt_price_x96_after, quote.tick_after)


def is_past_the_pair(told: Told | None, value: PoolValue) -> bool:
    """Whether a router library's answer is one that the pair's 112 bits would not hold; the library does not look."""
    reserves = (getattr(value, "reserve0", None), getattr(value, "reserve1", None))
    return told is not None and None not in reserves and told.amount_in + min(reserves) >= 1 << 112  # type: ignore[type-var]


@pytest.mark.parametrize("name", ["uniswap_v3", "sushiswap", "pancakeswap_v3"])
def test_every_quote_is_the_chains_own(node_modules, name):
    chance = random.Random(SEED)
    compared = {(way, out): 0 for way in (True, False) for out in (True, False)}

    async def compare(stage: LocalStage) -> None:
        async with HttpNode(stage.world.node.url, timeout_seconds=60) as stage.node:
            pools = [random_pool(stage, chance, number) for number in range(POOLS)]
            while sum(compared.values()) < QUOTES:
                pool = chance.choice(pools)
                value = await stage.state(pool)
                questions = [some_question(chance, value) for _ in range(QUOTES_A_STATE)]
                for question, told in zip(questions, await stage.ask(pool, questions), strict=True):
                    mine = ours(stage, pool, value, question)
                    if mine is None and is_past_the_pair(told, value):
                        continue
                    assert mine == told, (pool, value, question)
                    compared[question.zero_for_one, question.exact_out] += mine is not None
                stage.sell(pool, chance.random() < 0.5, int(10 ** chance.uniform(3, 24)))

    try:
        with LocalStage.open(every_venue()[name]) as stage, untraced():
            asyncio.run(compare(stage))
    except Unavailable as absent:
        pytest.skip(absent.message)
    assert sum(compared.values()) >= QUOTES
    assert min(compared.values()) >= QUOTES // 8
