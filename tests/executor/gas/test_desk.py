"""Nothing that could cost more than its budget gets past the gas desk, whatever the base fee does; and somebody hears of it."""

from __future__ import annotations

import asyncio
import logging
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base_fee import next_base_fee
from domain.problems import BadInput, OverGasBudget, Unavailable
from executor.chain.local.anvil import Anvil
from executor.chain.node import HttpNode, NodeRefused
from executor.gas import Budget, GasDesk, GasSettings, LoggedAlerts
from executor.orders import Fees
from tests.executor.gas.markets import GWEI, LIMIT, MarketBlock, as_fee_history, market
from tests.executor.safety.places import StandingClock

ETHER = 10**18
SPIKES = 10_000


class Notebook:
    """Alerts as they came."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict]] = []

    def raise_alert(self, name, facts):
        self.heard.append((name, dict(facts)))


class FeeNode:
    """A node that knows one fee history."""

    def __init__(self, blocks: list[MarketBlock]) -> None:
        self.blocks = blocks
        self.asked = 0

    async def call(self, method, *params):
        assert method == "eth_feeHistory"
        self.asked += 1
        if not self.blocks:
            raise Unavailable("no answer")
        return as_fee_history(self.blocks[-int(params[0], 16) :], oldest=len(self.blocks))

    async def batch(self, calls):
        return [await self.call(method, *params) for method, params in calls]


def desk(blocks=(), notebook=None, price=None, clock=None, **settings) -> GasDesk:
    return GasDesk(FeeNode(list(blocks)), clock or StandingClock(0), GasSettings(**settings), notebook or Notebook(), lambda: price)


def fees(max_fee: int) -> Fees:
    return Fees(max_fee, 1, max_fee - 1, 0.9, 3)


def test_the_offer_is_enough_even_if_every_block_until_then_is_full():
    found = market("busy", seed=4, blocks=150)
    offer = asyncio.run(desk(found).fees(within_blocks=4, probability=0.9))
    base_fee = offer.base_fee
    assert base_fee == next_base_fee(found[-1].base_fee, found[-1].used, LIMIT)
    for _ in range(3):
        base_fee = next_base_fee(base_fee, LIMIT, LIMIT)
    assert offer.max_fee_per_gas >= base_fee + offer.max_priority_fee_per_gas
    assert (offer.blocks, offer.inclusion_probability) == (4, pytest.approx(0.9, abs=0.02))


def test_more_blocks_to_get_in_need_a_smaller_tip():
    gas = desk(market("busy", seed=4, blocks=150))
    soon, later = (asyncio.run(gas.fees(within_blocks=blocks)) for blocks in (1, 6))
    assert later.max_priority_fee_per_gas <= soon.max_priority_fee_per_gas
    room = [one.max_fee_per_gas - one.max_priority_fee_per_gas for one in (soon, later)]
    assert room[0] == soon.base_fee < room[1], "and more room for the base fee to rise"


def test_the_node_is_asked_again_only_when_time_has_passed():
    clock, found = StandingClock(0), market("calm", seed=1, blocks=140)
    gas = desk(found[:130], clock=clock)
    node = gas._node

    async def story():
        first = await gas.fees()
        assert await gas.fees() is first
        assert node.asked == 1
        await clock.sleep(2)
        assert await gas.fees() is first, "no new block, no new forecast"
        node.blocks = found
        assert await gas.fees() is first
        await clock.sleep(2)
        return first, await gas.fees()

    first, second = asyncio.run(story())
    assert node.asked == 3
    assert first.base_fee != second.base_fee


def test_a_chain_that_has_just_begun_gets_a_plain_offer_and_no_claim():
    offer = asyncio.run(desk(market("calm", seed=1, blocks=3)).fees())
    assert offer.max_priority_fee_per_gas == GWEI
    assert offer.inclusion_probability == 0.0


def test_a_short_history_claims_what_it_can_bear():
    offer = asyncio.run(desk(market("calm", seed=1, blocks=12)).fees(within_blocks=1, probability=0.99))
    assert offer.inclusion_probability == pytest.approx(7 / 8)


def test_a_tip_is_never_below_the_least_that_was_set():
    quiet = [MarketBlock(GWEI, 0, 0.0, LIMIT // 2)] * 60
    assert asyncio.run(desk(quiet, least_priority_fee=77).fees()).max_priority_fee_per_gas == 77


def test_without_an_answer_there_is_no_offer():
    with pytest.raises(Unavailable):
        asyncio.run(desk().fees())


def test_over_the_budget_is_refused_with_the_numbers_and_raises_an_alert(caplog):
    kept = []
    with caplog.at_level(logging.WARNING):
        gas = desk(notebook=LoggedAlerts(lambda name, facts: kept.append((name, facts))), budgets={"ETH/USDC": Budget(15 * ETHER // 1000)})
        with pytest.raises(OverGasBudget, match=r"would cost 0.021 ETH in gas, the budget is 0.015 ETH") as refused:
            gas.check_budget("ETH/USDC", 210_000, fees(100 * GWEI))
    facts = refused.value.facts
    assert (facts["rule"], facts["symbol"]) == ("gas_budget", "ETH/USDC")
    assert (facts["cost_wei"], facts["budget_wei"]) == (21 * ETHER // 1000, 15 * ETHER // 1000)
    assert [name for name, _ in kept] == ["gas_budget"]
    assert "0.021 ETH" in caplog.text
    gas.check_budget("ETH/USDC", 150_000, fees(100 * GWEI))
    assert len(kept) == 1


def test_an_alert_nobody_keeps_is_logged_all_the_same(caplog):
    LoggedAlerts().raise_alert("something", {"a": 1})
    assert "something" in caplog.text


def test_a_budget_is_found_for_either_direction_and_else_for_all():
    gas = desk(budgets={"WETH/USDC": Budget(10), "*": Budget(100)})
    for symbol, cost in (("WETH/USDC", 11), ("USDC/WETH", 11), ("DAI/WETH", 101)):
        with pytest.raises(OverGasBudget):
            gas.check_budget(symbol, 1, fees(cost))
        gas.check_budget(symbol, 1, fees(cost - 1))
    desk().check_budget("DAI/WETH", 10**9, fees(10**18))


def test_a_budget_in_dollars_needs_a_price():
    budget = {"*": Budget(usd=Decimal("30"))}
    gas = desk(price=3000.0, budgets=budget)
    gas.check_budget("A/B", 1, fees(ETHER // 100))
    with pytest.raises(OverGasBudget, match=r"0\.01 ETH"):
        gas.check_budget("A/B", 1, fees(ETHER // 100 + 1))
    notebook = Notebook()
    for price in (None, 0.0):
        with pytest.raises(OverGasBudget, match="nobody knows the price"):
            desk(price=price, notebook=notebook, budgets=budget).check_budget("A/B", 1, fees(1))
    assert len(notebook.heard) == 2


@pytest.mark.parametrize("wrong", [{}, {"wei": 1, "usd": Decimal(1)}, {"wei": -1}, {"usd": Decimal(-1)}])
def test_a_budget_is_one_amount_from_zero_up(wrong):
    with pytest.raises(BadInput):
        Budget(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"within_blocks": 0}, {"probability": 1.0}, {"probability": 0.0}, {"history_blocks": 0}, {"history_blocks": 2000}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(BadInput):
        GasSettings(**wrong)


@given(st.integers(0, 10**9), st.integers(0, 10**14), st.integers(0, 10**22))
def test_for_any_offer_what_passes_can_never_cost_more_than_its_budget(gas_limit, max_fee, most):
    notebook = Notebook()
    gas = desk(notebook=notebook, budgets={"*": Budget(most)})
    try:
        gas.check_budget("A/B", gas_limit, fees(max_fee))
    except OverGasBudget:
        assert gas_limit * max_fee > most and len(notebook.heard) == 1
    else:
        assert gas_limit * max_fee <= most and not notebook.heard


def test_in_ten_thousand_spikes_nothing_over_budget_is_sent_and_each_refusal_is_heard():
    """Fees are asked, the base fee spikes up to fiftyfold before or after the budget is checked, and what passed is mined."""
    chance, notebook = random.Random(9), Notebook()
    found = market("bursts", seed=9, blocks=130)
    gas = desk(notebook=notebook, fresh_seconds=0.0, budgets={"*": Budget(ETHER // 100)})
    sent = refused = mined = 0

    async def story():
        nonlocal sent, refused, mined
        for _ in range(SPIKES):
            spike = chance.choice((1, 1, 1.125, 2, 10, 50))
            last = found[-1]
            gas._node.blocks = [*found[-20:-1], MarketBlock(int(last.base_fee * chance.choice((1, spike))), last.level, 0.0, last.used)]
            offer = await gas.fees()
            limit = chance.randrange(100_000, 900_000)
            try:
                gas.check_budget("WETH/USDC", limit, offer)
            except OverGasBudget:
                refused += 1
                continue
            sent += 1
            base_fee_then = int(offer.base_fee * chance.choice((1, spike)))
            if base_fee_then <= offer.max_fee_per_gas:
                mined += 1
                price = min(offer.max_fee_per_gas, base_fee_then + offer.max_priority_fee_per_gas)
                assert limit * price <= ETHER // 100
            assert limit * offer.max_fee_per_gas <= ETHER // 100

    asyncio.run(story())
    assert sent + refused == SPIKES
    assert len(notebook.heard) == refused
    assert refused > 1000 and mined > 1000


def test_spikes_on_a_real_chain_never_make_what_passed_cost_more_than_its_budget(node_modules: Path):
    """What passes the budget is signed and sent, then the next block's base fee jumps: it waits or is mined within the budget."""
    chance, budget = random.Random(5), 4 * ETHER // 1000
    with Anvil(start_timestamp=1_767_564_000, accounts=3) as anvil:
        sender, other = anvil.accounts[:2]

        async def story():
            mined = refused = waiting = 0
            async with HttpNode(anvil.url) as node:
                notebook = Notebook()
                gas = GasDesk(node, StandingClock(0), GasSettings(fresh_seconds=0.0, budgets={"*": Budget(budget)}), notebook)
                for _ in range(150):
                    await node.call("anvil_setNextBlockBaseFeePerGas", hex(int(10 ** chance.uniform(9, 11))))
                    await node.call("evm_mine")
                    offer, limit = await gas.fees(), chance.randrange(30_000, 300_000)
                    try:
                        gas.check_budget("WETH/USDC", limit, offer)
                    except OverGasBudget:
                        refused += 1
                        continue
                    transaction = {"from": sender, "to": other, "gas": hex(limit), "maxFeePerGas": hex(offer.max_fee_per_gas)}
                    transaction |= {"maxPriorityFeePerGas": hex(offer.max_priority_fee_per_gas)}
                    before = int(await node.call("eth_getBalance", sender, "latest"), 16)
                    if chance.random() < 0.5:
                        await node.call("anvil_setNextBlockBaseFeePerGas", hex(int(offer.base_fee * 10 ** chance.uniform(0, 2))))
                    try:
                        tx_hash = await node.call("eth_sendTransaction", transaction)
                    except NodeRefused:  # the node itself sees that the next block is too dear for it
                        waiting += 1
                        continue
                    await node.call("evm_mine")
                    receipt = await node.call("eth_getTransactionReceipt", tx_hash)
                    after = int(await node.call("eth_getBalance", sender, "latest"), 16)
                    assert before - after <= budget
                    if receipt is None:
                        waiting += 1
                        await node.call("anvil_dropAllTransactions")
                        continue
                    mined += 1
                    assert int(receipt["effectiveGasPrice"], 16) * limit <= budget
                assert len(notebook.heard) == refused
            return mined, refused, waiting

        mined, refused, waiting = asyncio.run(story())
    assert mined > 20 and refused > 20 and waiting > 5
