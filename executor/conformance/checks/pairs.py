"""What only constant-product pairs do: reserves told by Sync, gifts, modest takers, and the product that never falls."""

from __future__ import annotations

from domain.amm.constant_product import UINT112_MAX, ConstantProductPool
from domain.events import PairSwap, Sync
from domain.problems import NotEnoughLiquidity
from executor.conformance.acting import from_logs
from executor.conformance.stage import Receipt, Stage, expect, expect_same, first

UNIT = 10**18


async def the_pair_refuses_one_unit_more_than_the_quote(stage: Stage) -> None:
    """For what was paid the pair itself gives the quoted amount, and not a base unit more."""
    value = await _value(stage)
    for zero_for_one in (True, False):
        for amount in (7, 999_999, UNIT, 12_345 * UNIT):
            out = value.quote(zero_for_one, amount).amount_out
            with stage.undone():
                expect(not _take(stage, zero_for_one, amount, out + 1).worked, f"The pair gives more than {out} for {amount}.")
                if out:
                    expect(_take(stage, zero_for_one, amount, out).worked, f"The pair does not give {out} for {amount}.")


async def what_buying_costs_is_what_the_pair_asks(stage: Stage) -> None:
    """The quoted cost of an exact output is accepted by the pair."""
    value = await _value(stage)
    for zero_for_one in (True, False):
        for out in (1, 12_347, UNIT, 999 * UNIT):
            with stage.undone():
                cost = value.quote(zero_for_one, out, exact_out=True).amount_in
                expect(_take(stage, zero_for_one, cost, out).worked, f"{cost} does not buy {out}.")


async def reserves_come_from_sync(stage: Stage) -> None:
    """Each swap tells the reserves it leaves, and they are the chain's."""
    receipt = stage.sell(stage.pool, True, 31 * UNIT)
    synced = [event for log in receipt.logs if isinstance(event := stage.venue.decode(log), Sync)]
    value = await _value(stage)
    expect_same("reserves", [(one.reserve0, one.reserve1) for one in synced], [(value.reserve0, value.reserve1)])


async def a_gift_counts_once_it_is_synced(stage: Stage) -> None:
    """Tokens sent to a pair change its state only when it is told to count them."""
    value = await _value(stage)
    stage.invoke(stage.pool.token0.address, "transfer(address,uint256)", stage.pool.address, 1_000 * UNIT)
    expect_same("state", value, await _value(stage))
    after = await _follows(stage, value, stage.invoke(stage.pool.address, "sync()"))
    expect_same("reserve", after.reserve0, value.reserve0 + 1_000 * UNIT)


async def a_gift_may_be_skimmed(stage: Stage) -> None:
    """Tokens beyond the reserves can be taken away again without a change of state."""
    value = await _value(stage)
    stage.invoke(stage.pool.token1.address, "transfer(address,uint256)", stage.pool.address, 17 * UNIT)
    expect(stage.invoke(stage.pool.address, "skim(address)", stage.stranger).worked, "The gift could not be skimmed.")
    expect_same("state", value, await _value(stage))
    expect_same("gift", 17 * UNIT, stage.balance(stage.pool.token1, stage.stranger))


async def who_takes_less_leaves_the_rest_to_the_pool(stage: Stage) -> None:
    """A swap that takes less than it could is told as it was, and the reserves follow."""
    value = await _value(stage)
    receipt = stage.swap_pair(stage.pool, (100 * UNIT, 0), (0, UNIT))
    await _follows(stage, value, receipt)
    swap = _swap(stage, receipt)
    expect_same("amounts", (swap.amount0_in, swap.amount1_in, swap.amount0_out, swap.amount1_out), (100 * UNIT, 0, 0, UNIT))
    expect(value.keeps_invariant(swap), "A swap that the pair accepted is said to break the product.")


async def both_tokens_may_be_paid(stage: Stage) -> None:
    """A swap that pays both tokens is told with both, and accepted where the product, fee counted, does not fall."""
    value = await _value(stage)
    receipt = stage.swap_pair(stage.pool, (10 * UNIT, 10 * UNIT), (0, 12 * UNIT))
    await _follows(stage, value, receipt)
    swap = _swap(stage, receipt)
    expect_same("paid", (swap.amount0_in, swap.amount1_in), (10 * UNIT, 10 * UNIT))


async def nobody_takes_a_whole_reserve(stage: Stage) -> None:
    """All of a reserve cannot be bought, at any price: refused here and there."""
    value = await _value(stage)
    for zero_for_one, reserve in ((True, value.reserve1), (False, value.reserve0)):
        try:
            value.quote(zero_for_one, reserve, exact_out=True)
        except NotEnoughLiquidity:
            expect(not _take(stage, zero_for_one, 10**28, reserve).worked, "The pair gave all of a reserve.")
        else:
            expect(False, "All of a reserve was quoted.")


async def a_reserve_past_112_bits_is_refused(stage: Stage) -> None:
    """A sale that would bring a reserve past 112 bits is refused here and there."""
    value = await _value(stage)
    too_much = UINT112_MAX - value.reserve0 + 1
    try:
        value.quote(True, too_much)
    except NotEnoughLiquidity:
        stage.invoke(stage.pool.token0.address, "mint(address,uint256)", stage.trader, too_much)
        expect(not _take(stage, True, too_much, 1).worked, "The pair took a reserve past 112 bits.")
    else:
        expect(False, "A reserve past 112 bits was quoted.")


async def liquidity_comes_and_goes_through_sync(stage: Stage) -> None:
    """Adding liquidity and taking a part out are told by Sync alone, and the reserves follow."""
    value = await _follows(stage, await _value(stage), stage.add(stage.pool, 10_000 * UNIT, 30_000 * UNIT))
    await _follows(stage, value, stage.remove(stage.pool, 2_500))


async def the_product_never_falls(stage: Stage) -> None:
    """Over a row of swaps both ways, the product of the reserves only grows."""
    value = await _value(stage)
    for zero_for_one in (True, False, True, False):
        before = value.reserve0 * value.reserve1
        value = await _follows(stage, value, stage.sell(stage.pool, zero_for_one, 2_000 * UNIT))
        expect(value.reserve0 * value.reserve1 > before, "The product of the reserves fell.")


async def the_fee_is_the_venues(stage: Stage) -> None:
    """The pair's state carries the one fee that the venue names."""
    expect_same("fee", (await _value(stage)).fee_pips, stage.venue.fee_pips)


def _swap(stage: Stage, receipt: Receipt) -> PairSwap:
    return first((event for log in receipt.logs if isinstance(event := stage.venue.decode(log), PairSwap)), "swap among the events")


def _take(stage: Stage, zero_for_one: bool, paid: int, taken: int) -> Receipt:
    return stage.swap_pair(stage.pool, (paid, 0) if zero_for_one else (0, paid), (0, taken) if zero_for_one else (taken, 0))


async def _value(stage: Stage) -> ConstantProductPool:
    value = await stage.state(stage.pool)
    assert isinstance(value, ConstantProductPool)
    return value


async def _follows(stage: Stage, value: ConstantProductPool, receipt: Receipt) -> ConstantProductPool:
    """The pair after the receipt's logs, which must be what the chain has."""
    expect(receipt.worked, "The transaction reverted.")
    after = from_logs(stage, value, list(receipt.logs))
    expect_same("state", after, await _value(stage))
    assert isinstance(after, ConstantProductPool)
    return after
