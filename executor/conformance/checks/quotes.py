"""Quotes are the chain's own, to the base unit: both directions, exact input and exact output, from dust to more than there is."""

from __future__ import annotations

from domain.problems import BadInput, NotEnoughLiquidity, Refused, UnknownToken
from executor.conformance.stage import Question, Stage, booked, expect, expect_same, sides
from executor.ports import Chance

UNIT = 10**18
ASKED = 120


async def selling_token0_is_quoted_exactly(stage: Stage) -> None:
    """Any amount of token0 sold buys what the chain says, and stops where it stops."""
    await _agree(stage, [Question(True, amount) for amount in _amounts(11)])


async def selling_token1_is_quoted_exactly(stage: Stage) -> None:
    """Any amount of token1 sold buys what the chain says, and stops where it stops."""
    await _agree(stage, [Question(False, amount) for amount in _amounts(12)])


async def buying_token1_is_quoted_exactly(stage: Stage) -> None:
    """Any amount of token1 bought costs what the chain says."""
    await _agree(stage, [Question(True, amount, True) for amount in _amounts(13)])


async def buying_token0_is_quoted_exactly(stage: Stage) -> None:
    """Any amount of token0 bought costs what the chain says."""
    await _agree(stage, [Question(False, amount, True) for amount in _amounts(14)])


async def dust_is_quoted_exactly(stage: Stage) -> None:
    """Amounts of one to forty base units are quoted as the chain rounds them."""
    await _agree(stage, [Question(way, amount, out) for amount in range(1, 41) for way in (True, False) for out in (True, False)])


async def more_than_there_is_is_told(stage: Stage) -> None:
    """More than the pool can take is filled in part and said so, or refused; never quoted as if it could be filled."""
    value = await stage.state(stage.pool)
    for zero_for_one, sold, _ in sides(stage.pool):
        for exact_out in (False, True):
            amount = 1 << 112
            try:
                quote = stage.venue.quote(booked(stage, stage.pool, value), sold.address, amount, exact_out)
            except NotEnoughLiquidity:
                continue
            expect(quote.partial, "The pool was said to fill more than it can.")
            told = (await stage.ask(stage.pool, [Question(zero_for_one, amount, exact_out)]))[0]
            expect_same("what it fills", quote[:2], told and told[:2])


async def quotes_stay_exact_while_the_pool_is_traded(stage: Stage) -> None:
    """After each of a row of swaps, the state it left quotes what the chain then quotes."""
    value = await stage.state(stage.pool)
    for zero_for_one, amount in ((True, 900 * UNIT), (False, 55), (False, 1_700 * UNIT + 1), (True, 3 * UNIT), (False, 1_999)):
        receipt = stage.sell(stage.pool, zero_for_one, amount)
        if not receipt.worked:
            continue
        value = value.swap(zero_for_one, amount)[0]
        expect_same("state", value, await stage.state(stage.pool))
        await _agree(stage, [Question(way, size) for way in (True, False) for size in _amounts(amount, 20)])


async def nothing_is_refused(stage: Stage) -> None:
    """A quote of nothing, or of less, is refused by name."""
    value = await stage.state(stage.pool)
    for amount in (0, -1):
        _refused(lambda amount=amount: stage.venue.quote(booked(stage, stage.pool, value), stage.pool.token0.address, amount), BadInput)


async def a_token_the_pool_does_not_trade_is_refused(stage: Stage) -> None:
    """Selling a token that the pool does not hold is refused by name."""
    value = await stage.state(stage.pool)
    _refused(lambda: stage.venue.quote(booked(stage, stage.pool, value), stage.split_router, UNIT), UnknownToken)


async def quoting_changes_nothing(stage: Stage) -> None:
    """A quote leaves the pool's value as it was, and the next quote gives the same."""
    value = await stage.state(stage.pool)
    pool = booked(stage, stage.pool, value)
    first = stage.venue.quote(pool, stage.pool.token0.address, 77 * UNIT)
    expect_same("the second quote", stage.venue.quote(pool, stage.pool.token0.address, 77 * UNIT), first)
    expect_same("state", value, await stage.state(stage.pool))


async def what_buying_costs_is_enough_to_buy_it(stage: Stage) -> None:
    """Selling what an exact output is quoted to cost gives at least that output."""
    value = await stage.state(stage.pool)
    pool = booked(stage, stage.pool, value)
    for _, sold, _ in sides(stage.pool):
        for amount in (1, 999, UNIT, 123 * UNIT):
            cost = stage.venue.quote(pool, sold.address, amount, exact_out=True).amount_in
            expect(stage.venue.quote(pool, sold.address, cost).amount_out >= amount, f"{cost} was said to buy {amount} and does not.")


async def there_and_back_gains_nothing(stage: Stage) -> None:
    """Selling and at once selling back never returns more than was sold."""
    value = await stage.state(stage.pool)
    for zero_for_one, _, _ in sides(stage.pool):
        for amount in (10**6, UNIT, 500 * UNIT):
            after, there = value.swap(zero_for_one, amount)
            if there.amount_out:
                back = after.quote(not zero_for_one, there.amount_out)
                expect(back.amount_out <= amount, f"Selling {amount} and back gave {back.amount_out}.")


async def more_is_never_less(stage: Stage) -> None:
    """Selling more never buys less."""
    value = await stage.state(stage.pool)
    pool = booked(stage, stage.pool, value)
    for _, sold, _ in sides(stage.pool):
        outs = [stage.venue.quote(pool, sold.address, amount).amount_out for amount in sorted(_amounts(15, 60, most=23))]
        expect(outs == sorted(outs), "A larger sale was quoted to buy less.")


def _amounts(seed: int, count: int = ASKED, most: float = 25.0) -> list[int]:
    """Amounts spread over the magnitudes, dust and more than there is among them."""
    chance = Chance(seed)
    return [int(10 ** chance.uniform(0, most)) + chance.randrange(10) for _ in range(count)]


async def _agree(stage: Stage, questions: list[Question]) -> None:
    """Raises Disagreement unless our quotes are the chain's, and we refuse what it refuses."""
    value = await stage.state(stage.pool)
    pool = booked(stage, stage.pool, value)
    for question, told in zip(questions, await stage.ask(stage.pool, questions), strict=True):
        if question.amount <= 0:
            continue
        sold = stage.pool.token0 if question.zero_for_one else stage.pool.token1
        try:
            quote = stage.venue.quote(pool, sold.address, question.amount, question.exact_out)
        except Refused:
            # A pair's router library answers with numbers that the pair itself, at 112 bits, would not hold.
            expect(told is None or max(told[:2]) >= 1 << 100, f"We refuse {question}, the chain answers {told}.")
            continue
        expect_same(f"{question}", quote[:2], told and told[:2])
        if told and told.sqrt_price_x96 is not None:
            expect_same(f"price after {question}", (quote.sqrt_price_x96_after, quote.tick_after), told[2:])


def _refused(ask, kind: type[Refused]) -> None:
    try:
        quote = ask()
    except kind:
        return
    expect(False, f"It was quoted as {quote}.")
