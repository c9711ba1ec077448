"""The mirror goes with the chain, forward and back, and tells on itself when it does not agree with it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.problems import BadInput, Unavailable, UnknownToken
from executor.chain.blocks import Final, Forward
from executor.chain.node import HttpNode
from executor.mirror import Mirror, MirrorLost, Notice, WatchedPool, watched_pools
from executor.routing.pool_book import Token
from executor.venue import FoundPool, every_venue
from tests.executor.following import Followed, block_at, without
from tests.executor.local_market import LATE, Market, open_market

SWAP, MINT = (every_venue()["uniswap_v3"].topic_of(event) for event in ("swap", "mint"))
SYNC = every_venue()["sushiswap"].topic_of("sync")


@pytest.fixture(scope="module")
def opened(node_modules) -> Iterator[Market]:
    with open_market(node_modules) as market:
        yield market


@pytest.fixture
def market(opened: Market) -> Iterator[Market]:
    with opened.undone():
        yield opened


class Watching:
    """A mirror of the market, the notices it gave, and the chain as steps."""

    def __init__(self, market: Market, **settings) -> None:
        self.market, self.notices = market, list[Notice]()
        self.mirror = Mirror(on_notice=self.notices.append, **settings)
        self.start()

    def start(self, pools: list[WatchedPool] | None = None) -> None:
        self.ask(lambda node: self.mirror.start(node, pools or self.market.watched()))
        self.followed = Followed(self.market.world.node, self.mirror.head.number)

    def ask(self, question):
        async def asked():
            async with HttpNode(self.market.world.node.url) as node:
                return await question(node)

        return asyncio.run(asked())

    def follow(self, change=lambda block: block) -> set[int]:
        return set().union(*(self.mirror.apply(step) for step in self.followed.steps(change)))

    def reconcile(self, at_most: int | None = None) -> dict[str, str]:
        return self.ask(lambda node: self.mirror.reconcile(node, at_most))

    def states(self) -> dict[int, object]:
        return {booked.pool_id: booked.pool for booked in self.mirror.whole_book}

    def chain(self) -> dict[int, object]:
        return {booked.pool_id: booked.pool for booked in self.ask(self.market.book)}


@pytest.fixture
def watching(market: Market) -> Watching:
    return Watching(market)


def sell(market: Market, pool_id: int, dollars: float, zero_for_one: bool = True) -> None:
    pool = market.pools[pool_id]
    sold, bought = (pool.token0, pool.token1) if zero_for_one else (pool.token1, pool.token0)
    leg = (pool.is_concentrated, pool.address, sold.address, bought.address, pool.fee_pips)
    amount = market.amount(sold.symbol, dollars)
    market.world.run("AtomicRouter", "swapExactIn", [leg], amount, 0, market.trader, LATE, sender=market.trader)


def move_liquidity(market: Market, pool_id: int, liquidity: int) -> None:
    """Adds so much around the price, or takes it away again when below zero."""
    pool, owner = market.pools[pool_id], market.world.node.accounts[1]
    spacing, tick = pool.tick_spacing or 1, market.world.pool_states([pool])[0][1]
    lower = (tick // spacing // 40 - 1) * 40 * spacing
    function = "mint" if liquidity > 0 else "burn"
    arguments = (pool.address, lower, lower + 120 * spacing, abs(liquidity))
    market.world.run("LiquidityVault", function, *arguments, sender=owner, at=market.world.vaults[owner])


def trade_at_random(market: Market, chance: random.Random, times: int) -> None:
    for _ in range(times):
        pool_id = chance.randint(1, len(market.pools))
        if market.pools[pool_id].is_concentrated and chance.random() < 0.3:
            move_liquidity(market, pool_id, int(10 ** chance.uniform(10, 16)))
        else:
            sell(market, pool_id, 10 ** chance.uniform(0, 5), chance.random() < 0.5)


def test_it_starts_at_the_chains_newest_block(watching, market):
    head = watching.mirror.head
    assert head.number == market.world.node.block_number()
    assert watching.states() == watching.chain()
    assert len(watching.mirror.book) == len(market.pools)
    assert watching.mirror.watched == market.watched()


def test_after_any_trading_it_equals_the_chain(watching, market):
    trade_at_random(market, random.Random(1), 60)
    changed = watching.follow()
    assert changed <= set(market.pools)
    assert watching.states() == watching.chain()
    assert watching.reconcile() == {}
    assert watching.mirror.book is watching.mirror.whole_book


@pytest.mark.parametrize("depth", [1, 7, 30])
def test_a_reorg_puts_every_state_back(watching, market, depth):
    trade_at_random(market, random.Random(2), 10)
    watching.follow()
    before, head = watching.states(), watching.mirror.head
    with market.undone():
        trade_at_random(market, random.Random(3), depth)
        watching.follow()
        assert watching.states() != before
    watching.follow()
    assert (watching.states(), watching.mirror.head) == (before, head)
    trade_at_random(market, random.Random(4), depth + 2)
    watching.follow()
    assert watching.states() == watching.chain()


def test_finality_changes_nothing(watching):
    before = watching.states()
    head = watching.mirror.head
    assert watching.mirror.apply(Final(head.number, head.hash)) == frozenset()
    assert watching.states() == before


def test_the_book_of_before_keeps_its_prices(watching, market):
    """A plan made on one block's book is not changed by the next block."""
    book = watching.mirror.book
    quote = book.quote(1, market.token("WETH"), 10**18)
    sell(market, 1, 50_000)
    watching.follow()
    assert book.quote(1, market.token("WETH"), 10**18) == quote
    assert watching.mirror.book.quote(1, market.token("WETH"), 10**18) != quote


class TestWhereItCannotFollow:
    """Then it stands nowhere, routes nothing, and is started again."""

    def lost(self, watching: Watching, step) -> None:
        with pytest.raises(MirrorLost, match="Start the mirror again"):
            watching.mirror.apply(step)
        assert len(watching.mirror.book) == 0
        with pytest.raises(MirrorLost, match="not started"):
            _ = watching.mirror.head
        assert watching.mirror.facts(datetime.now(UTC))["block_number"] is None
        assert not watching.mirror.is_reconcile_due
        watching.ask(lambda node: watching.mirror.start(node))
        assert watching.states() == watching.chain()

    def test_a_missing_block(self, watching, market):
        sell(market, 1, 1)
        sell(market, 1, 1)
        _, second = watching.followed.steps()
        self.lost(watching, second)

    def test_another_block_than_the_one_it_started_at(self, watching, market):
        head = watching.mirror.head
        self.lost(watching, Forward(replace(block_at(market.world.node, head.number), hash="0x" + "ab" * 32)))

    def test_a_reorg_of_the_block_it_started_at(self, watching, market):
        sell(market, 1, 1)
        watching.follow()
        step = watching.followed.told[-1]
        from executor.chain.blocks import Back

        watching.mirror.apply(Back(step))
        self.lost(watching, Back(watching.followed.told[-2]))

    def test_a_reorg_of_a_block_it_does_not_stand_at(self, watching, market):
        sell(market, 1, 1)
        watching.follow()
        from executor.chain.blocks import Back

        self.lost(watching, Back(replace(watching.followed.told[-1], hash="0x" + "cd" * 32)))

    def test_a_reorg_deeper_than_it_remembers(self, market):
        watching = Watching(market, keep=2)
        with market.undone():
            for _ in range(3):
                sell(market, 1, 1)
            watching.follow()
        *first_two, third = watching.followed.steps()
        for step in first_two:
            watching.mirror.apply(step)
        self.lost(watching, third)


def test_steps_from_before_its_start_are_passed_over(market):
    first = market.world.node.block_number()
    sell(market, 1, 100)
    sell(market, 3, 100)
    watching = Watching(market)
    watching.followed = Followed(market.world.node, first)
    before = watching.states()
    assert watching.follow() == set()
    assert watching.states() == before
    sell(market, 1, 100)
    assert watching.follow() == {1}
    assert watching.states() == watching.chain()


def test_a_reorg_below_its_start_is_passed_over_until_the_follower_arrives(watching, market):
    from executor.chain.blocks import Back

    assert watching.mirror.apply(Back(block_at(market.world.node, watching.mirror.head.number - 1))) == frozenset()


def test_a_lost_log_takes_the_venue_out_of_routing_until_it_is_equal_again(watching, market):
    """The next swap does not follow from the state that lacks the mint: nobody has to wait for a comparison."""
    mirror = watching.mirror
    move_liquidity(market, 1, 10**15)
    watching.follow(without(MINT))
    assert not mirror.suspended
    sell(market, 1, 20_000)
    watching.follow()
    assert "a swap does not follow" in mirror.suspended["uniswap_v3"]
    assert {booked.venue for booked in mirror.book} == {"sushiswap", "pancakeswap_v3"}
    assert len(mirror.whole_book) == len(market.pools)
    assert set(watching.reconcile()) == {market.pools[1].address}
    assert "uniswap_v3" in mirror.suspended  # read again, and believed only after a comparison at a later block
    assert mirror.is_reconcile_due is False
    sell(market, 3, 5)
    watching.follow()
    assert mirror.is_reconcile_due
    assert watching.reconcile() == {}
    assert not mirror.suspended
    assert mirror.book is mirror.whole_book
    assert watching.states() == watching.chain()
    assert [(notice.venue, notice.suspended) for notice in watching.notices][-1] == ("uniswap_v3", False)
    assert watching.notices[0].pool == market.pools[1].address


def test_a_lost_sync_is_found_by_comparing(watching, market):
    sell(market, 4, 20_000)
    watching.follow(without(SYNC))
    assert not watching.mirror.suspended
    told = watching.reconcile()
    assert "reserve0: we have" in told[market.pools[4].address]
    assert "its state differs from the chain's" in watching.mirror.suspended["sushiswap"]
    assert watching.mirror.facts(datetime.now(UTC))["mismatches"] == 1
    assert watching.states() == watching.chain()


def test_a_venue_out_of_routing_is_still_followed(watching, market):
    sell(market, 4, 20_000)
    watching.follow(without(SYNC))
    watching.reconcile()
    trade_at_random(market, random.Random(5), 25)
    watching.follow()
    assert {booked.venue for booked in watching.mirror.book} == {"uniswap_v3", "pancakeswap_v3"}
    for booked in watching.mirror.book:
        assert booked.pool == watching.mirror.whole_book.pool(booked.pool_id).pool
    assert watching.states() == watching.chain()


def test_a_log_that_is_not_whole_takes_the_venue_out(watching, market):
    sell(market, 3, 1_000)

    def cut(block):
        return replace(block, logs=tuple(replace(log, data=log.data[:-1]) for log in block.logs))

    watching.follow(cut)
    assert "a log could not be applied" in watching.mirror.suspended["pancakeswap_v3"]


def test_a_burn_of_what_was_never_seen_takes_the_venue_out(watching, market):
    move_liquidity(market, 2, 10**12)
    watching.follow(without(MINT))
    move_liquidity(market, 2, -(10**12))
    watching.follow()
    assert "a log could not be applied" in watching.mirror.suspended["uniswap_v3"]


def test_a_reorg_past_a_correction_is_not_trusted(watching, market):
    with market.undone():
        sell(market, 4, 20_000)
        watching.follow(without(SYNC))
        watching.reconcile()
        sell(market, 1, 1)
        watching.follow()
        watching.reconcile()
        assert not watching.mirror.suspended
    watching.follow()
    assert "a reorg went back past the block" in watching.mirror.suspended["sushiswap"]
    assert set(watching.reconcile()) == {market.pools[4].address}  # rightly so: the lost log left nothing to go back by
    sell(market, 1, 1)
    watching.follow()
    assert watching.reconcile() == {}
    assert not watching.mirror.suspended


def test_a_pool_joins_with_its_first_price_and_leaves_with_the_reorg_of_it(market):
    world = market.world
    pool = world.create_pool("new", "uniswap_v3", world.tokens["DAI"], world.tokens["WETH"], 3000, None)
    known = {one.address: Token(one.address, one.symbol, one.decimals) for one in world.tokens.values()}
    new = WatchedPool(99, "uniswap_v3", pool.address, known[pool.token0.address], known[pool.token1.address], 3000, 60)
    watching = Watching(market)
    watching.start([*market.watched(), new])
    assert 99 not in watching.mirror.book
    with market.undone():
        world.run("UniswapV3Pool", "initialize", 2**96, at=pool.address)
        assert watching.follow() == {99}
        assert watching.mirror.book.pool(99).pool.liquidity == 0
        assert watching.reconcile() == {}
    watching.follow()
    assert 99 not in watching.mirror.book
    world.run("UniswapV3Pool", "initialize", 2**97, at=pool.address)
    watching.follow(lambda block: replace(block, logs=()))
    assert "we have no price" in watching.reconcile()[pool.address]
    assert 99 in watching.mirror.whole_book


def test_pools_take_turns_at_being_compared(watching, market):
    sell(market, 4, 20_000)
    watching.follow(without(SYNC))
    assert watching.reconcile(3) == {}
    assert set(watching.reconcile(3)) == {market.pools[4].address}


def test_it_is_compared_every_so_many_blocks(market):
    watching = Watching(market, reconcile_every=3)
    due = []
    for _ in range(7):
        due.append(watching.mirror.is_reconcile_due)
        watching.ask(watching.mirror.keep_equal)
        sell(market, 1, 1)
        watching.follow()
    assert due == [True, False, False, True, False, False, True]


def test_a_node_that_cannot_tell_is_asked_again_later(watching):
    class Silent:
        async def call(self, method, *params):
            raise Unavailable("The node does not answer.")

        async def batch(self, calls):
            raise Unavailable("The node does not answer.")

    asyncio.run(watching.mirror.keep_equal(Silent()))
    assert watching.mirror.is_reconcile_due
    assert not watching.mirror.suspended
    with pytest.raises(Unavailable):
        asyncio.run(watching.mirror.start(Silent()))


def test_a_head_that_moves_while_the_chain_is_read_again_is_run_after(watching, market):
    sell(market, 4, 20_000)
    watching.follow(without(SYNC))

    @contextmanager
    def moving():
        """While the chain answers, two blocks arrive."""
        asked = HttpNode.batch
        left = iter((0, 1, 1))

        async def batch(node, calls):
            answers = await asked(node, calls)
            if len(calls) == 1 and calls[0][1][0]["data"] == "0x0902f1ac" and next(left, 0):
                sell(market, 1, 1)
                watching.follow()
            return answers

        HttpNode.batch = batch
        try:
            yield
        finally:
            HttpNode.batch = asked

    with moving():
        assert set(watching.reconcile()) == {market.pools[4].address}
    assert watching.states() == watching.chain()


def test_facts_tell_how_far_behind_it_is(watching, market):
    head = watching.mirror.head
    facts = watching.mirror.facts(datetime.fromtimestamp(head.timestamp, UTC) + timedelta(seconds=7))
    assert (facts["lag_seconds"], facts["block_number"], facts["block_hash"]) == (7.0, head.number, head.hash)
    assert (facts["pools"], facts["pools_routed"], facts["suspended"]) == (len(market.pools), len(market.pools), {})


def test_a_pool_of_no_venue_is_refused(watching, market):
    stranger = replace(market.watched()[0], venue="nonsense")
    with pytest.raises(BadInput, match="no venue"):
        watching.start([stranger])


def test_a_pair_named_as_a_concentrated_pool_is_refused(watching, market):
    from domain.problems import UnknownPool

    with pytest.raises(UnknownPool):
        watching.start([replace(market.watched()[3], venue="uniswap_v3")])


def test_pools_that_were_found_can_be_watched(market):
    async def found() -> list[FoundPool]:
        async with HttpNode(market.world.node.url) as node:
            factory = market.world.deployments["uniswap_v3"].factory
            return await every_venue()["uniswap_v3"].pools_of(node, factory)

    pools = asyncio.run(found())
    tokens = {one.address: Token(one.address, one.symbol, one.decimals) for one in market.world.tokens.values()}
    watched = watched_pools(pools, tokens, first_id=10)
    assert [one.pool_id for one in watched] == [10, 11, 12]
    assert {one.address for one in watched} == {market.pools[at].address for at in (1, 2, 5)}
    with pytest.raises(UnknownToken, match="describe the token"):
        watched_pools(pools, {})
