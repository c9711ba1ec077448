"""The state read from the chain is whole, of the block asked for, and equal to what the logs tell."""

from __future__ import annotations

from domain.problems import Refused, UnknownPool
from executor.conformance.acting import act_at_random, empty_of, from_logs
from executor.conformance.stage import Question, Stage, booked, expect, expect_same, sides

UNIT = 10**18
NOBODY = "0x00000000000000000000000000000000deadbeef"


async def state_from_logs_equals_state_from_the_chain(stage: Stage) -> None:
    """After random operations the state told by the logs equals the one read from the chain, fees and ticks included."""
    before = await stage.state(stage.pool)
    logs = act_at_random(stage, seed=3, actions=40)
    expect_same("state", from_logs(stage, before, logs), await stage.state(stage.pool))


async def every_swap_follows_from_the_state_before_it(stage: Stage) -> None:
    """Each swap in the logs is derived again from the state before it, to the base unit."""
    before = await stage.state(stage.pool)
    logs = act_at_random(stage, seed=4, actions=30)
    from_logs(stage, before, logs)


async def the_state_is_that_of_the_block_asked_for(stage: Stage) -> None:
    """Asked about an earlier block, the state is the one from then."""
    before, block = await stage.state(stage.pool), stage.block_number
    stage.sell(stage.pool, True, 50 * UNIT)
    then = await stage.venue.get_pool_state(stage.node, stage.pool.address, block)
    expect_same("state then", then, before)
    expect(await stage.state(stage.pool) != before, "A swap left the state as it was.")


async def a_block_may_be_named_by_hash_number_or_tag(stage: Stage) -> None:
    """The newest block by its hash, its number and the tag latest gives one and the same state."""
    receipt = stage.sell(stage.pool, False, UNIT)
    read = stage.venue.get_pool_state
    by_tag = await read(stage.node, stage.pool.address, "latest")
    expect_same("state by number", await read(stage.node, stage.pool.address, receipt.block_number), by_tag)
    expect_same("state by hash", await read(stage.node, stage.pool.address, receipt.block_hash), by_tag)


async def an_address_without_code_is_no_pool(stage: Stage) -> None:
    """Asking an empty address for its state is refused as UnknownPool."""
    await _no_pool(stage, NOBODY)


async def a_token_is_no_pool(stage: Stage) -> None:
    """Asking a token for its state is refused as UnknownPool."""
    await _no_pool(stage, stage.pool.token0.address)


async def a_pool_that_is_not_there_yet_is_no_pool(stage: Stage) -> None:
    """A pool's address before its creation is refused as UnknownPool."""
    address = stage.venue.pool_address(stage.deployment, stage.pool.token0.address, NOBODY, stage.fees[0])
    await _no_pool(stage, address or NOBODY)


async def a_new_pool_trades_nothing(stage: Stage) -> None:
    """A pool just created has nothing to trade with: its state is refused, or its quotes are."""
    shared = {stage.next_pool.token0, stage.next_pool.token1}
    last = next(token for token in shared if token not in (stage.pool.token0, stage.pool.token1))
    pool = stage.create_pool(stage.pool.token0, last, stage.fees[0])
    try:
        quote = stage.venue.quote(booked(stage, pool, await stage.state(pool)), pool.token0.address, UNIT)
    except Refused:
        return
    expect_same("amounts", (quote.amount_in, quote.amount_out), (0, 0))


async def added_liquidity_is_seen(stage: Stage) -> None:
    """Liquidity that was added is in the state, and makes a large swap cheaper."""
    before = await stage.state(stage.pool)
    _add(stage)
    after = await stage.state(stage.pool)
    large = Question(True, 5_000 * UNIT)
    outs = [
        stage.venue.quote(booked(stage, stage.pool, one), stage.pool.token0.address, large.amount).amount_out for one in (before, after)
    ]
    expect(outs[1] > outs[0], "More liquidity gave no better price.")
    told = (await stage.ask(stage.pool, [large]))[0]
    expect_same("quote", outs[1], told and told.amount_out)


async def removed_liquidity_is_seen(stage: Stage) -> None:
    """When everybody has left, the state is empty and nothing can be traded, here and on the chain."""
    if stage.pool.is_concentrated:
        for position in stage.positions(stage.pool):
            expect(stage.burn(stage.pool, *position).worked, "Liquidity could not be removed.")
        value = await stage.state(stage.pool)
        expect(empty_of(value), "All liquidity was removed and the state still has some.")
    else:
        expect(stage.remove(stage.pool, 10_000).worked, "Liquidity could not be removed.")
        value = await stage.state(stage.pool)
    for zero_for_one, sold, _ in sides(stage.pool):
        told = (await stage.ask(stage.pool, [Question(zero_for_one, UNIT)]))[0]
        try:
            quote = stage.venue.quote(booked(stage, stage.pool, value), sold.address, UNIT)
        except Refused:
            expect(told is None or told.amount_out == 0, "We refuse what the chain would do.")
            continue
        expect_same("amounts", quote[:2], told and told[:2])


async def a_change_of_the_protocols_part_is_seen(stage: Stage) -> None:
    """Switching the protocol's part of the fee on and off keeps state and quotes equal to the chain's."""
    value = await stage.state(stage.pool)
    for on in (True, False):
        receipt = stage.set_protocol_fee(stage.pool, on)
        expect(receipt.worked, "The protocol's part could not be set.")
        value = from_logs(stage, value, list(receipt.logs))
        expect_same("state", value, await stage.state(stage.pool))
        receipt = stage.sell(stage.pool, on, 11 * UNIT)
        value = from_logs(stage, value, list(receipt.logs))
        expect_same("state after a swap", value, await stage.state(stage.pool))
        told = (await stage.ask(stage.pool, [Question(True, 3 * UNIT)]))[0]
        ours = stage.venue.quote(booked(stage, stage.pool, value), stage.pool.token0.address, 3 * UNIT)
        expect_same("quote", ours.amount_out, told and told.amount_out)


async def reading_a_state_changes_nothing(stage: Stage) -> None:
    """Reading the state twice gives it twice, and mines nothing."""
    block = stage.block_number
    expect_same("state", await stage.state(stage.pool), await stage.state(stage.pool))
    expect_same("block", block, stage.block_number)


def _add(stage: Stage) -> None:
    if stage.pool.tick_spacing is None:
        expect(stage.add(stage.pool, 500_000 * UNIT, 1_500_000 * UNIT).worked, "Liquidity could not be added.")
        return
    spacing = stage.pool.tick_spacing
    middle = 1_234 // spacing * spacing
    expect(stage.mint(stage.pool, middle - 20 * spacing, middle + 20 * spacing, 10**24).worked, "Liquidity could not be added.")


async def _no_pool(stage: Stage, address: str) -> None:
    try:
        await stage.venue.get_pool_state(stage.node, address)
    except UnknownPool:
        return
    expect(False, f"{address} was read as a pool.")
