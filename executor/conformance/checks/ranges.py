"""What only pools with concentrated liquidity do: ticks and their edges, price limits, partial fills, loans, the first price."""

from __future__ import annotations

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, TICKS_PER_WORD, sqrt_price_at_tick
from domain.events import IncreaseObservationCardinality, Initialize
from domain.problems import NotEnoughLiquidity
from executor.conformance.acting import from_logs
from executor.conformance.stage import Question, Stage, booked, expect, expect_same, first
from executor.shapes import concentrated as of_ranges

UNIT = 10**18


async def a_pool_begins_as_its_first_price_says(stage: Stage) -> None:
    """The pool opened from its Initialize event equals the one read from the chain, the protocol's first part of the fee included."""
    pool = stage.create_pool(stage.pool.token0, _third(stage), stage.fees[0])
    receipt = stage.initialize(pool, sqrt_price_at_tick(-777) + 99)
    events = [stage.venue.decode(log) for log in receipt.logs if log.address == pool.address]
    opening = first((event for event in events if isinstance(event, Initialize)), "event of the first price")
    expect_same("pool", stage.venue.opened(opening, pool.fee_pips, pool.tick_spacing or 0), await stage.state(pool))


async def a_pool_without_a_price_is_refused(stage: Stage) -> None:
    """A pool that was created and not initialised has no state yet, and says so."""
    pool = stage.create_pool(stage.pool.token0, _third(stage), stage.fees[0])
    try:
        await stage.state(pool)
    except NotEnoughLiquidity:
        return
    expect(False, "A pool without a price was given a state.")


async def ticks_read_at_once_equal_ticks_read_one_by_one(stage: Stage) -> None:
    """The injected reader finds the same ticks as asking for each word of the bitmap and each tick."""
    value = await _value(stage)
    reader = of_ranges.reader_code
    try:
        of_ranges.reader_code = lambda: None
        one_by_one = await _value(stage)
    finally:
        of_ranges.reader_code = reader
    expect_same("ticks", value.ticks, one_by_one.ticks)
    expect(len(value.ticks) > 2, "The stage's pool has hardly a tick.")


async def a_falling_price_on_a_tick_is_quoted_exactly(stage: Stage) -> None:
    """With the price come down exactly onto an initialised tick, both directions are quoted as the chain does."""
    value = await _value(stage)
    tick = max(one for one in value.ticks if sqrt_price_at_tick(one) < value.sqrt_price_x96)
    await _at_price(stage, True, sqrt_price_at_tick(tick))


async def a_rising_price_on_a_tick_is_quoted_exactly(stage: Stage) -> None:
    """With the price come up exactly onto an initialised tick, both directions are quoted as the chain does."""
    value = await _value(stage)
    tick = min(one for one in value.ticks if sqrt_price_at_tick(one) > value.sqrt_price_x96)
    await _at_price(stage, False, sqrt_price_at_tick(tick))


async def a_price_beside_a_tick_is_quoted_exactly(stage: Stage) -> None:
    """With the price one unit before an initialised tick, both directions are quoted as the chain does."""
    value = await _value(stage)
    tick = max(one for one in value.ticks if sqrt_price_at_tick(one) < value.sqrt_price_x96)
    await _at_price(stage, True, sqrt_price_at_tick(tick) + 1)


async def a_price_at_the_end_of_a_word_is_quoted_exactly(stage: Stage) -> None:
    """With the price where a word of the tick bitmap ends, both directions are quoted as the chain does."""
    value = await _value(stage)
    word_ticks = TICKS_PER_WORD * value.tick_spacing
    await _at_price(stage, True, sqrt_price_at_tick(value.tick // word_ticks * word_ticks))


async def price_limits_are_quoted_exactly(stage: Stage) -> None:
    """A swap that stops at a price limit takes and gives what the chain says, in both directions."""
    value = await _value(stage)
    questions = []
    for parts in (1, 10, 100, 1_000, 9_000):
        low, high = value.sqrt_price_x96 * (10_000 - parts) // 10_000, value.sqrt_price_x96 * (10_000 + parts) // 10_000
        questions += [Question(True, 10**27, False, low), Question(False, 10**27, False, high), Question(True, 10**4, False, low)]
        questions += [Question(True, 10**27, True, low), Question(False, 10**27, True, high)]
    for question, told in zip(questions, await stage.ask(stage.pool, questions), strict=True):
        limit, exact_out = question.limit, question.exact_out
        ours = value.quote(question.zero_for_one, question.amount, exact_out=exact_out, sqrt_price_limit_x96=limit)
        expect_same(f"{question}", (*ours[:2], ours.sqrt_price_x96_after, ours.tick_after), told)


async def a_swap_to_a_price_stops_there(stage: Stage) -> None:
    """A swap with a price limit, once executed, leaves the state that the quote foretold."""
    value = await _value(stage)
    limit = value.sqrt_price_x96 * 995 // 1000
    after, quote = value.swap(True, 10**27, sqrt_price_limit_x96=limit)
    expect(quote.partial, "A swap that a limit stopped was not told to be partial.")
    expect(stage.sell(stage.pool, True, 10**27, limit).worked, "The swap to a price reverted.")
    expect_same("state", after, await _value(stage))


async def a_partial_fill_is_told(stage: Stage) -> None:
    """Selling more than the pool can take is quoted as partial, with exactly what the chain would take."""
    value = await _value(stage)
    for zero_for_one in (True, False):
        quote = value.quote(zero_for_one, 10**32)
        told = (await stage.ask(stage.pool, [Question(zero_for_one, 10**32)]))[0]
        expect(quote.partial and quote.amount_in < 10**32, "A sale that cannot be filled was not told to be partial.")
        expect_same("what it fills", quote[:2], told and told[:2])


async def buying_more_than_there_is_is_told(stage: Stage) -> None:
    """Buying more than the pool holds is quoted as partial, with exactly what the chain would give."""
    value = await _value(stage)
    for zero_for_one in (True, False):
        quote = value.quote(zero_for_one, 10**32, exact_out=True)
        told = (await stage.ask(stage.pool, [Question(zero_for_one, 10**32, True)]))[0]
        expect(quote.partial and quote.amount_out < 10**32, "A purchase that cannot be filled was not told to be partial.")
        expect_same("what it fills", quote[:2], told and told[:2])


async def an_emptied_pool_trades_back(stage: Stage) -> None:
    """With the price driven to its end, that direction is refused here and there, and the other is quoted as the chain does."""
    for zero_for_one in (True, False):
        with stage.undone():
            end = MIN_SQRT_PRICE_X96 + 1 if zero_for_one else MAX_SQRT_PRICE_X96 - 1
            expect(stage.sell(stage.pool, zero_for_one, 10**29, end).worked, "The price could not be driven to its end.")
            value = await _value(stage)
            expect_same("price", value.sqrt_price_x96, end)
            told = await stage.ask(stage.pool, [Question(not zero_for_one, UNIT), Question(zero_for_one, UNIT)])
            expect_same("quote back", value.quote(not zero_for_one, UNIT)[:2], told[0] and told[0][:2])
            try:
                value.quote(zero_for_one, UNIT)
            except NotEnoughLiquidity:
                expect(told[1] is None, "We refuse what the chain would do.")
            else:
                expect(told[1] is not None, "We quote what the chain refuses.")


async def a_gap_without_liquidity_is_crossed(stage: Stage) -> None:
    """Ticks between which nobody stands are crossed as the chain crosses them."""
    value = await _value(stage)
    lowest, spacing = min(value.ticks), value.tick_spacing
    far = (lowest - 700 * spacing) // spacing * spacing
    expect(stage.mint(stage.pool, far, far + spacing, 10**22).worked, "Liquidity could not be added beyond the gap.")
    value = await _value(stage)
    beyond = value.quote(True, 10**32, sqrt_price_limit_x96=sqrt_price_at_tick(far + spacing)).amount_in
    questions = [Question(True, beyond + more) for more in (1, 10**9, 10**18, 10**20)]
    for question, told in zip(questions, await stage.ask(stage.pool, questions), strict=True):
        ours = value.quote(True, question.amount)
        expect_same(f"{question}", (*ours[:2], ours.sqrt_price_x96_after, ours.tick_after), told)


async def a_tick_stays_while_a_position_needs_it(stage: Stage) -> None:
    """A tick that two positions share stays when one leaves, and goes with the other."""
    spacing = stage.pool.tick_spacing or 1
    lower = (1_234 // spacing + 200) * spacing
    value = await _value(stage)
    for liquidity in (10**20, 3 * 10**20):
        value = await _follows(stage, value, stage.mint(stage.pool, lower, lower + spacing, liquidity))
    value = await _follows(stage, value, stage.burn(stage.pool, lower, lower + spacing, 10**20))
    expect(lower in value.ticks, "A tick vanished that a position still needs.")
    value = await _follows(stage, value, stage.burn(stage.pool, lower, lower + spacing, 3 * 10**20))
    expect(lower not in value.ticks, "A tick stayed that no position needs.")


async def a_poke_changes_no_liquidity(stage: Stage) -> None:
    """A burn of zero liquidity, which only settles fees, leaves price, liquidity and ticks alone."""
    value = await _value(stage)
    lower, upper, _ = stage.positions(stage.pool)[0]
    await _follows(stage, value, stage.burn(stage.pool, lower, upper, 0))
    expect_same("state", value, await _value(stage))


async def a_loan_is_seen(stage: Stage) -> None:
    """A loan pays its fee to the liquidity, as the logs tell, and moves no price."""
    value = await _value(stage)
    after = await _follows(stage, value, stage.flash(stage.pool, (UNIT, 2 * UNIT), (UNIT, UNIT)))
    expect_same("price", after.sqrt_price_x96, value.sqrt_price_x96)
    expect(after.fee_growth_global0_x128 > value.fee_growth_global0_x128, "A loan's fee reached nobody.")


async def what_the_protocol_earned_is_counted(stage: Stage) -> None:
    """The protocol's earnings and their collection are told by the logs, to the base unit."""
    value = await _follows(stage, await _value(stage), stage.set_protocol_fee(stage.pool, True))
    for zero_for_one in (True, False):
        value = await _follows(stage, value, stage.sell(stage.pool, zero_for_one, 300 * UNIT))
    expect(value.protocol_fees0 > 0 and value.protocol_fees1 > 0, "The protocol earned nothing.")
    await _follows(stage, value, stage.collect_protocol(stage.pool))


async def a_longer_memory_of_prices_changes_no_quote(stage: Stage) -> None:
    """Remembering more past prices is an event of its own, and changes nothing that a swap can see."""
    value = await _value(stage)
    receipt = stage.invoke(stage.pool.address, "increaseObservationCardinalityNext(uint16)", 5)
    events = [stage.venue.decode(log) for log in receipt.logs]
    expect(any(isinstance(event, IncreaseObservationCardinality) for event in events), "The event was not told.")
    await _follows(stage, value, receipt)
    expect_same("state", value, await _value(stage))


async def pools_of_two_fees_are_kept_apart(stage: Stage) -> None:
    """Two pools of the same tokens with different fees have their own addresses, fees, spacings and states."""
    sibling = stage.sibling
    expect(sibling is not None and sibling.fee_pips != stage.pool.fee_pips, "The stage has one fee only.")
    assert sibling is not None
    one, other = await _value(stage), await stage.state(sibling)
    assert isinstance(other, ConcentratedPool)
    expect_same("fees and spacings", (one.fee_pips, other.fee_pips), (stage.pool.fee_pips, sibling.fee_pips))
    expect_same("spacing", other.tick_spacing, sibling.tick_spacing)
    expect(sibling.address != stage.pool.address, "Two pools stand at one address.")
    quoted = stage.venue.quote(booked(stage, sibling, other), sibling.token0.address, 5 * UNIT)
    told = (await stage.ask(sibling, [Question(True, 5 * UNIT)]))[0]
    expect_same("quote", quoted[:2], told and told[:2])


# --- words ------------------------------------------------------------------------------------------------------------


def _third(stage: Stage):
    ours = (stage.pool.token0, stage.pool.token1)
    return first((one for one in (stage.next_pool.token0, stage.next_pool.token1) if one not in ours), "third token on the stage")


async def _value(stage: Stage) -> ConcentratedPool:
    value = await stage.state(stage.pool)
    assert isinstance(value, ConcentratedPool)
    return value


async def _follows(stage: Stage, value: ConcentratedPool, receipt) -> ConcentratedPool:
    """The pool after the receipt's logs, which must be what the chain has."""
    expect(receipt.worked, "The transaction reverted.")
    after = from_logs(stage, value, list(receipt.logs))
    expect_same("state", after, await _value(stage))
    assert isinstance(after, ConcentratedPool)
    return after


async def _at_price(stage: Stage, zero_for_one: bool, limit: int) -> None:
    """Drives the price there, then compares quotes of many sizes in both directions."""
    expect(stage.sell(stage.pool, zero_for_one, 10**27, limit).worked, "The price could not be driven there.")
    value = await _value(stage)
    expect_same("price", value.sqrt_price_x96, limit)
    amounts = (1, 2, 1_000, 10**9, 10**15, UNIT, 50 * UNIT)
    questions = [Question(way, amount, out) for amount in amounts for way in (True, False) for out in (True, False)]
    for question, told in zip(questions, await stage.ask(stage.pool, questions), strict=True):
        ours = value.quote(question.zero_for_one, question.amount, exact_out=question.exact_out)
        expect_same(f"{question}", (*ours[:2], ours.sqrt_price_x96_after, ours.tick_after), told)
