"""The calls that trade do on the chain exactly what was quoted, or nothing at all."""

from __future__ import annotations

from domain.events import PairSwap, Swap
from domain.problems import BadInput
from executor.calls import Routers, call_for, replay
from executor.chain.local.world import Token
from executor.conformance.stage import Hop, Stage, booked, expect, expect_same, hop, sides
from executor.routing.pool_book import PoolBook
from executor.venue import Call

UNIT = 10**18
SOON = 600


async def a_swap_pays_what_was_quoted(stage: Stage) -> None:
    """Through the venue's own router, selling either token moves exactly the quoted amounts; the minimum may be the quote itself."""
    for _, sold, bought in sides(stage.pool):
        quoted = await _quoted(stage, sold, 9 * UNIT)
        paid, got = _moved(stage, _call(stage, sold, 9 * UNIT, quoted), sold, bought)
        expect_same("amounts", (9 * UNIT, quoted), (paid, got))


async def a_swap_of_dust_pays_what_was_quoted(stage: Stage) -> None:
    """A sale of a few thousand base units moves exactly the quoted amounts too."""
    quoted = await _quoted(stage, stage.pool.token0, 5_000)
    expect_same("amounts", (5_000, quoted), _moved(stage, _call(stage, stage.pool.token0, 5_000, quoted), *_tokens(stage)))


async def a_path_of_two_pools_pays_what_was_replayed(stage: Stage) -> None:
    """Along a path of two of its pools the venue's router gives what their quotes, one after the other, give."""
    path, book, first, last = await _two_hops(stage)
    (_, there), (_, out) = replay(book, path, 4 * UNIT)
    call = stage.venue.swap(
        path, router=_router(stage), amount_in=4 * UNIT, min_amount_out=out, recipient=stage.trader, deadline=stage.now + SOON
    )
    expect(there > 0, "The first pool gives nothing.")
    expect_same("amounts", (4 * UNIT, out), _moved(stage, call, first, last))


async def the_minimum_is_enforced(stage: Stage) -> None:
    """Asked for one base unit more than the pool gives, the router reverts and nothing moves."""
    sold, bought = _tokens(stage)
    await _nothing_moves(stage, _call(stage, sold, 9 * UNIT, await _quoted(stage, sold, 9 * UNIT) + 1), sold, bought)


async def a_price_that_moved_first_is_caught_by_the_minimum(stage: Stage) -> None:
    """When somebody trades ahead, the minimum of the old quote makes the swap revert."""
    sold, bought = _tokens(stage)
    call = _call(stage, sold, 9 * UNIT, await _quoted(stage, sold, 9 * UNIT))
    expect(stage.sell(stage.pool, sold == stage.pool.token0, 40 * UNIT).worked, "The trade ahead did not work.")
    await _nothing_moves(stage, call, sold, bought)


async def the_deadline_is_enforced(stage: Stage) -> None:
    """After its deadline the swap reverts and nothing moves."""
    sold, bought = _tokens(stage)
    await _nothing_moves(stage, _call(stage, sold, UNIT, 1, deadline=stage.now), sold, bought)


async def the_deadline_itself_is_in_time(stage: Stage) -> None:
    """In the very second of its deadline the swap still works."""
    sold, bought = _tokens(stage)
    next_block = stage.now + 12
    paid, _ = _moved(stage, _call(stage, sold, UNIT, 1, deadline=next_block), sold, bought)
    expect_same("paid", UNIT, paid)


async def the_recipient_gets_the_output(stage: Stage) -> None:
    """What is bought goes to the named recipient and to nobody else."""
    sold, bought = _tokens(stage)
    quoted = await _quoted(stage, sold, 2 * UNIT)
    before = stage.balance(bought, stage.stranger), stage.balance(bought, stage.trader)
    expect(stage.send(_call(stage, sold, 2 * UNIT, quoted, recipient=stage.stranger)).worked, "The swap reverted.")
    after = stage.balance(bought, stage.stranger), stage.balance(bought, stage.trader)
    expect_same("received", (quoted, 0), (after[0] - before[0], after[1] - before[1]))


async def without_allowance_nothing_moves(stage: Stage) -> None:
    """A router that may not take the sold token reverts."""
    sold, bought = _tokens(stage)
    stage.approve(sold, _router(stage), 0)
    await _nothing_moves(stage, _call(stage, sold, UNIT, 1), sold, bought)


async def an_allowance_is_used_by_what_is_sold(stage: Stage) -> None:
    """An allowance of exactly the amount is enough, and is used up."""
    sold, bought = _tokens(stage)
    stage.approve(sold, _router(stage), UNIT)
    paid, _ = _moved(stage, _call(stage, sold, UNIT, 1), sold, bought)
    expect_same("paid", UNIT, paid)
    expect_same("allowance left", 0, stage.allowance(sold, _router(stage)))


async def without_balance_nothing_moves(stage: Stage) -> None:
    """Who does not have the tokens cannot sell them."""
    sold, bought = _tokens(stage)
    all_but_one = stage.balance(sold, stage.trader) - UNIT
    expect(stage.invoke(sold.address, "transfer(address,uint256)", stage.stranger, all_but_one).worked, "The tokens did not move.")
    await _nothing_moves(stage, _call(stage, sold, 2 * UNIT, 1), sold, bought)


async def somebody_else_cannot_spend_the_traders_tokens(stage: Stage) -> None:
    """The trader's call, sent by a stranger, takes nothing from the trader."""
    sold, bought = _tokens(stage)
    before = stage.balance(sold, stage.trader), stage.balance(bought, stage.trader)
    expect(not stage.send(_call(stage, sold, UNIT, 1), stage.stranger).worked, "A stranger's call worked.")
    expect_same("balances", before, (stage.balance(sold, stage.trader), stage.balance(bought, stage.trader)))


async def a_swap_without_a_minimum_is_never_made(stage: Stage) -> None:
    """A minimum of zero, or an amount of zero, is refused before there is a call."""
    for amount_in, least in ((UNIT, 0), (0, 1)):
        _refused(lambda amount_in=amount_in, least=least: _call(stage, stage.pool.token0, amount_in, least))


async def a_broken_path_is_refused(stage: Stage) -> None:
    """A path that does not hang together, or is empty, is refused before there is a call."""
    one = hop(stage, stage.pool, stage.pool.token0)
    for path in ([], [one, one]):
        _refused(lambda path=path: _path_call(stage, path, UNIT, 1))


async def a_swap_sends_no_ether(stage: Stage) -> None:
    """The call goes to the router it was made for, and carries no ether."""
    call = _call(stage, stage.pool.token0, UNIT, 1)
    expect_same("call", (call.to, call.value), (_router(stage), 0))


async def the_swaps_event_tells_the_quote(stage: Stage) -> None:
    """The event of the swap, decoded, says the amounts that were quoted."""
    sold, _ = _tokens(stage)
    quoted = await _quoted(stage, sold, 6 * UNIT)
    events = [stage.venue.decode(log) for log in stage.send(_call(stage, sold, 6 * UNIT, quoted)).logs if log.address == stage.pool.address]
    swaps = [event for event in events if isinstance(event, Swap | PairSwap)]
    told = [(one.amount0, -one.amount1) if isinstance(one, Swap) else (one.amount0_in, one.amount1_out) for one in swaps]
    expect_same("events", [(6 * UNIT, quoted)], told)


async def two_swaps_in_one_block_follow_each_other(stage: Stage) -> None:
    """The second of two swaps in a block trades on what the first one left."""
    sold, bought = _tokens(stage)
    value = await stage.state(stage.pool)
    middle, first = value.swap(True, 20 * UNIT)
    second = middle.quote(True, 20 * UNIT)
    before = stage.balance(bought, stage.trader)
    receipts = stage.send_together([_call(stage, sold, 20 * UNIT, 1)] * 2)
    expect(all(receipt.worked for receipt in receipts), "Two swaps in one block did not both work.")
    expect_same("received", first.amount_out + second.amount_out, stage.balance(bought, stage.trader) - before)


async def one_path_goes_through_the_venues_own_router(stage: Stage) -> None:
    """A plan of one path within the venue becomes a call of the venue's own router."""
    path, _, _, _ = await _two_hops(stage)
    routers = Routers({stage.venue.name: stage.deployment}, stage.split_router)
    execution = call_for(
        path, routers, recipient=stage.trader, amount_in=UNIT, min_amount_out=1, deadline=stage.now + SOON, venues=_venues(stage)
    )
    expect_same("spender", execution.spender, _router(stage))


async def our_router_pays_the_same(stage: Stage) -> None:
    """Through our own router the same path pays, to the base unit, what the venue's router pays."""
    path, book, first, last = await _two_hops(stage)
    out = replay(book, path, 4 * UNIT)[-1].amount_out
    routers = Routers({}, stage.split_router)
    execution = call_for(path, routers, recipient=stage.trader, amount_in=4 * UNIT, min_amount_out=out, deadline=stage.now + SOON)
    expect_same("amounts", (4 * UNIT, out), _moved(stage, Call(execution.to, execution.call_data), first, last))


async def our_router_enforces_the_minimum(stage: Stage) -> None:
    """Through our own router one base unit more than the pools give reverts, and nothing moves."""
    path, book, first, last = await _two_hops(stage)
    out = replay(book, path, 4 * UNIT)[-1].amount_out
    routers = Routers({}, stage.split_router)
    execution = call_for(path, routers, recipient=stage.trader, amount_in=4 * UNIT, min_amount_out=out + 1, deadline=stage.now + SOON)
    await _nothing_moves(stage, Call(execution.to, execution.call_data), first, last)


# --- words ------------------------------------------------------------------------------------------------------------


def _tokens(stage: Stage) -> tuple[Token, Token]:
    return stage.pool.token0, stage.pool.token1


def _venues(stage: Stage):
    return {stage.venue.name: stage.venue}


def _router(stage: Stage) -> str:
    router = stage.deployment.router
    expect(router is not None, "The venue's deployment names no router of its own.")
    return router or ""


async def _quoted(stage: Stage, sold: Token, amount: int) -> int:
    return stage.venue.quote(booked(stage, stage.pool, await stage.state(stage.pool)), sold.address, amount).amount_out


def _call(stage: Stage, sold: Token, amount: int, least: int, *, recipient: str | None = None, deadline: int | None = None) -> Call:
    return _path_call(stage, [hop(stage, stage.pool, sold)], amount, least, recipient, deadline)


def _path_call(stage: Stage, path: list[Hop], amount: int, least: int, recipient: str | None = None, deadline: int | None = None) -> Call:
    return stage.venue.swap(
        path,
        router=_router(stage),
        amount_in=amount,
        min_amount_out=least,
        recipient=recipient or stage.trader,
        deadline=stage.now + SOON if deadline is None else deadline,
    )


async def _two_hops(stage: Stage) -> tuple[list[Hop], PoolBook, Token, Token]:
    """The path through both pools of the stage, the book of the two, and the tokens at its ends."""
    pool, other = stage.pool, stage.next_pool
    shared = pool.token0 if pool.token0 in (other.token0, other.token1) else pool.token1
    first, last = pool.other(shared), other.other(shared)
    book = PoolBook([booked(stage, pool, await stage.state(pool), 1), booked(stage, other, await stage.state(other), 2)])
    return [hop(stage, pool, first, pool_id=1), hop(stage, other, shared, pool_id=2)], book, first, last


def _moved(stage: Stage, call: Call, sold: Token, bought: Token) -> tuple[int, int]:
    """What the trader paid and received; raises Disagreement when the call reverts."""
    before = stage.balance(sold, stage.trader), stage.balance(bought, stage.trader)
    expect(stage.send(call).worked, "The swap reverted.")
    return before[0] - stage.balance(sold, stage.trader), stage.balance(bought, stage.trader) - before[1]


async def _nothing_moves(stage: Stage, call: Call, sold: Token, bought: Token) -> None:
    state, held = await stage.state(stage.pool), (stage.balance(sold, stage.trader), stage.balance(bought, stage.trader))
    expect(not stage.send(call).worked, "The swap worked and should have reverted.")
    expect_same("balances", held, (stage.balance(sold, stage.trader), stage.balance(bought, stage.trader)))
    expect_same("state", state, await stage.state(stage.pool))


def _refused(make) -> None:
    try:
        call = make()
    except BadInput:
        return
    expect(False, f"It became the call {call}.")
