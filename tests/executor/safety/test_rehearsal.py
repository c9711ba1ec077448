"""A swap that would go wrong is never passed on to be signed, and the refusal names what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench._swap_stage import Case, SwapStage
from domain.problems import (
    CannotRehearse,
    InsufficientAllowance,
    InsufficientBalance,
    StaleState,
    Unavailable,
    WouldMissOrder,
    WouldRevert,
)
from executor.calls import ALL_X64, call_for
from executor.chain.local.anvil import CHAIN_ID
from executor.chain.node import NodeRefused
from executor.orders import Fees, OrderRequest, PlannedLeg, Routed
from executor.safety import STAND_IN, SafetySettings, SafetySimulation, TokenSlots
from tests.executor.safety.places import Meddler, not_offered

GWEI = 10**9


async def a_swap(stage: SwapStage, path: str = "WETH-USDC", venue: str = "uniswap_v3", **changes) -> Case:
    """One WETH for USDC through one pool by the venue's own router, planned on the newest block; `changes` to minimum, amount …"""
    symbol, other = path.split("-")
    sell, buy = stage.tokens[symbol], stage.tokens[other]
    pool = next(one for one in stage.pools if one.venue == venue and {one.token0, one.token1} == {sell, buy})
    leg = PlannedLeg(0, pool.address, venue, pool.is_concentrated, pool.fee_pips, sell.address, buy.address, ALL_X64, 0, 0)
    amount = changes.get("amount", sell.unit)
    least = changes.get("least", 1)
    deadline = changes.get("deadline", stage.clock.timestamp + 120)
    to = changes.get("to", changes.get("account", stage.trader) or STAND_IN)
    call = call_for([leg], stage.routers, recipient=to, amount_in=amount, min_amount_out=least, deadline=deadline)
    head = await stage.node.call("eth_getBlockByNumber", "latest", False)
    request = OrderRequest("one", sell.address, buy.address, amount, 50, None)
    routed = Routed((leg,), amount, 0, least, 0.0, int(head["number"], 16), head["hash"], *call, deadline)
    return Case(request, routed, stage.trader, "none")


def test_a_good_swap_passes_with_what_really_moves_and_enough_gas(tell):
    async def story(stage, safety):
        case = await a_swap(stage)
        rehearsed = await safety.rehearse(case.request, case.routed, stage.trader)
        return rehearsed, await stage.execute(case, rehearsed)

    rehearsed, truth = tell(story)
    assert (truth.status, truth.spent, truth.received) == (1, rehearsed.amount_in, rehearsed.amount_out)
    assert rehearsed.gas_used == truth.gas_used < rehearsed.gas_limit
    assert rehearsed.fees is None and rehearsed.max_cost_wei == 0


@pytest.mark.parametrize("venue", ["uniswap_v3", "sushiswap", "pancakeswap_v3"])
def test_without_an_account_a_stand_in_gets_what_an_account_would(tell, venue):
    async def story(stage, safety):
        live = await a_swap(stage, venue=venue)
        paper = await a_swap(stage, venue=venue, account=None)
        ours = await safety.rehearse(live.request, live.routed, stage.trader)
        return ours, await safety.rehearse(paper.request, paper.routed, None), await stage.held(paper.request.buy, STAND_IN)

    ours, stand_ins, held = tell(story)
    assert (ours.amount_in, ours.amount_out, ours.block_hash) == (stand_ins.amount_in, stand_ins.amount_out, stand_ins.block_hash)
    assert held == 0


def test_a_node_without_eth_simulatev1_gives_the_same_amounts(tell):
    async def story(stage, safety):
        older = Meddler(stage.node, eth_simulateV1=not_offered("eth_simulateV1"))
        other = SafetySimulation(older, stage.clock, TokenSlots(older, CHAIN_ID))
        live, paper = await a_swap(stage), await a_swap(stage, account=None)
        answers = [await one.rehearse(live.request, live.routed, stage.trader) for one in (safety, other, other)]
        answers += [await one.rehearse(paper.request, paper.routed, None) for one in (safety, other)]
        return answers, older.asked

    answers, asked = tell(story)
    assert len({(one.amount_in, one.amount_out) for one in answers}) == 1
    assert answers[0].gas_used <= answers[1].gas_used <= answers[0].gas_used * 1.6
    tries = [batch for batch in asked if "eth_simulateV1" in batch]
    assert len(tries) == 1, "what a node does not offer is asked once"


def test_a_node_that_cannot_set_a_blocks_time_is_asked_without(tell):
    class Oldest(Meddler):
        async def batch(self, calls):
            told = await super().batch(calls)
            refusal = NodeRefused("eth_call: too many arguments", method="eth_call", code=-32602, data=None)
            return [refusal if m == "eth_call" and len(p) > 3 else one for (m, p), one in zip(calls, told, strict=True)]

    async def story(stage, safety):
        case = await a_swap(stage)
        node = Oldest(stage.node, eth_simulateV1=not_offered("eth_simulateV1"))
        other = SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID))
        return [await one.rehearse(case.request, case.routed, stage.trader) for one in (safety, other)]

    newest, oldest = tell(story)
    assert newest.amount_out == oldest.amount_out


def test_a_bundle_that_is_cut_short_is_not_believed(tell):
    async def story(stage, _):
        case = await a_swap(stage)
        node = Meddler(stage.node, eth_simulateV1=not_offered("eth_simulateV1"), eth_call=lambda told: told[:-64])
        with pytest.raises(Unavailable, match="ran 0 of"):
            await SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID)).rehearse(case.request, case.routed, stage.trader)

    tell(story)


def test_an_account_with_too_little_is_told_how_much_it_lacks(tell):
    async def story(stage, safety):
        case = await a_swap(stage, account=stage.owner, amount=10**30)
        case = replace(case, trader=stage.owner)
        with pytest.raises(InsufficientBalance, match="more") as lacking:
            await safety.rehearse(case.request, case.routed, stage.anvil.accounts[5])
        return lacking.value.facts

    facts = tell(story)
    assert (facts["rule"], facts["held"], facts["needed"]) == ("insufficient_balance", 0, 10**30)


def test_an_account_that_did_not_approve_is_told_whom_to_approve_for_how_much(tell):
    async def story(stage, safety):
        await stage.send(stage.trader, stage.tokens["WETH"].address, stage.erc20.call_data("approve", stage.spenders[1], 5))
        await stage.settle()
        case = await a_swap(stage)
        case = replace(case, routed=replace(case.routed, spender=stage.spenders[1]))
        with pytest.raises(InsufficientAllowance, match=stage.spenders[1]) as lacking:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return lacking.value.facts

    facts = tell(story)
    assert (facts["rule"], facts["allowed"], facts["needed"]) == ("insufficient_allowance", 5, 10**18)


def test_an_account_that_could_not_pay_the_gas_is_refused(tell):
    dear = Fees(10**6 * 10**18, GWEI, GWEI, 0.9, 3)

    async def fees() -> Fees:
        return dear

    async def story(stage, _):
        safety = SafetySimulation(stage.node, stage.clock, TokenSlots(stage.node, CHAIN_ID), fees=fees)
        case = await a_swap(stage)
        with pytest.raises(InsufficientBalance, match="wei"):
            await safety.rehearse(case.request, case.routed, stage.trader)
        paper = await a_swap(stage, account=None)
        return await safety.rehearse(paper.request, paper.routed, None)

    rehearsed = tell(story)
    assert rehearsed.fees == dear
    assert rehearsed.max_cost_wei == rehearsed.gas_limit * dear.max_fee_per_gas


def test_a_pool_that_would_take_only_a_part_is_caught_although_the_call_succeeds(tell):
    async def story(stage, safety):
        case = await a_swap(stage, amount=10**7 * 10**18)
        with pytest.raises(WouldMissOrder) as caught:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return caught.value.facts, await stage.execute(case, None)

    facts, truth = tell(story)
    assert facts["rule"] == "partial_fill"
    assert truth.status == 1 and truth.spent == facts["consumed"] < 10**7 * 10**18


def test_a_price_that_moved_is_a_revert_in_the_routers_words_and_ours(tell):
    async def story(stage, safety):
        case = await a_swap(stage, least=10**12)
        with pytest.raises(WouldRevert, match="price moved") as caught:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return caught.value.facts

    facts = tell(story)
    assert (facts["rule"], facts["reason"]) == ("simulation_reverted", "Too little received")


@pytest.mark.parametrize("manner", [0, 1])
@pytest.mark.parametrize("path", ["WETH-SLY", "SLY-WETH"])
def test_a_token_that_keeps_a_part_of_each_transfer_is_refused(tell, path, manner):
    async def story(stage, safety):
        await stage.send(stage.owner, stage.tokens["SLY"].address, stage.sly.call_data("turn", 100, manner))
        await stage.settle()
        case = await a_swap(stage, path)
        with pytest.raises((WouldMissOrder, WouldRevert)) as caught:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return caught.value

    problem = tell(story)
    if path == "WETH-SLY":  # the venue's router believes its pool, and only balances tell
        assert problem.facts["rule"] == "fee_on_transfer"
        assert problem.facts["sent"] * 99 // 100 <= problem.facts["received"] < problem.facts["sent"]
    else:
        assert problem.facts["reason"] == "IIA"


def test_a_call_that_pays_somebody_else_is_refused(tell):
    async def story(stage, safety):
        case = await a_swap(stage, to=stage.whale)
        with pytest.raises(WouldMissOrder) as caught:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return caught.value.facts["rule"]

    assert tell(story) == "too_little_received"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"min_amount_out": 0}, "no_minimum"),
        ({"min_amount_out": 77}, "no_minimum"),  # not what the call says
        ({"amount_in": 5}, "wrong_amount"),
    ],
)
def test_a_plan_without_protection_is_refused_before_anything_runs(tell, changed, rule):
    async def story(stage, safety):
        case = await a_swap(stage, least=1)
        with pytest.raises(WouldMissOrder) as caught:
            await safety.rehearse(case.request, replace(case.routed, **changed), stage.trader)
        return caught.value.facts["rule"]

    assert tell(story) == rule


def test_the_callers_own_floor_holds_too(tell):
    async def story(stage, safety):
        case = await a_swap(stage)
        with pytest.raises(WouldMissOrder, match="999999"):
            await safety.rehearse(replace(case.request, min_amount_out=999_999), case.routed, stage.trader)

    tell(story)


def test_a_deadline_that_the_next_block_may_miss_is_refused(tell):
    async def story(stage, safety):
        case = await a_swap(stage, deadline=stage.clock.timestamp + 11)
        with pytest.raises(WouldRevert, match="11 seconds") as caught:
            await safety.rehearse(case.request, case.routed, stage.trader)
        return caught.value.facts["rule"]

    assert tell(story) == "deadline_passed"


def test_a_node_that_stands_still_is_stale(tell):
    async def story(stage, safety):
        stage.clock.timestamp += 3600
        case = await a_swap(stage)
        with pytest.raises(StaleState, match=r"360\d seconds old") as stale:
            await safety.rehearse(case.request, case.routed, stage.trader)
        assert stale.value.facts["rule"] == "stale_state"
        patient = SafetySimulation(stage.node, stage.clock, TokenSlots(stage.node, 1), SafetySettings(max_block_age_seconds=7200))
        await patient.rehearse(case.request, case.routed, stage.trader)

    tell(story)


@pytest.mark.parametrize("account", [True, False])
def test_a_node_that_does_not_answer_is_stale(tell, account):
    async def story(stage, _):
        silent = Meddler(stage.node, eth_simulateV1=Unavailable("nobody there"), eth_getCode=Unavailable("nobody there"))
        safety = SafetySimulation(silent, stage.clock, TokenSlots(silent, CHAIN_ID))
        case = await a_swap(stage, account=stage.trader if account else None)
        with pytest.raises(StaleState, match="nobody there") as stale:
            await safety.rehearse(case.request, case.routed, stage.trader if account else None)
        assert stale.value.facts["rule"] == "stale_state"

    tell(story)


def test_a_node_behind_the_block_that_the_order_was_planned_on_is_stale(tell):
    async def story(stage, safety):
        case = await a_swap(stage)
        with pytest.raises(StaleState, match="behind"):
            ahead = replace(case.routed, block_number=case.routed.block_number + 1)
            await safety.rehearse(case.request, ahead, stage.trader)
        with pytest.raises(StaleState, match="no longer part of the chain"):
            await safety.rehearse(case.request, replace(case.routed, block_hash="0x" + "12" * 32), stage.trader)

    tell(story)


def test_a_chain_that_moves_while_it_is_asked_is_asked_again(tell):
    async def story(stage, _):
        case = await a_swap(stage)
        heads = iter(range(100))

        def moving(block):
            return {**block, "hash": f"0x{next(heads):064x}"} if calm > next(heads) else block

        calm = 3
        node = Meddler(stage.node, eth_getBlockByNumber=moving)
        safety = SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID))
        await safety.rehearse(case.request, case.routed, stage.trader)
        asked = len(node.asked)
        calm = 10**9
        with pytest.raises(StaleState, match="changed each time"):
            await SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID)).rehearse(case.request, case.routed, stage.trader)
        return asked

    assert tell(story) > 1


def test_a_simulation_on_another_block_than_the_newest_is_not_believed(tell):
    async def story(stage, _):
        case = await a_swap(stage)
        node = Meddler(stage.node, eth_simulateV1=lambda told: [{**told[0], "parentHash": "0x" + "34" * 32}])
        with pytest.raises(StaleState):
            await SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID)).rehearse(case.request, case.routed, stage.trader)

    tell(story)


@pytest.mark.parametrize(
    ("method", "answer", "words"),
    [
        ("eth_simulateV1", NodeRefused("eth_simulateV1: out of memory", method="eth_simulateV1", code=-32000, data=None), "out of memory"),
        ("eth_simulateV1", "nonsense", "cannot be read"),
        ("eth_simulateV1", lambda told: [{**told[0], "calls": told[0]["calls"][1:]}], "ran 6 of 7|ran . of"),
        ("eth_getBlockByNumber", None, "no newest block"),
    ],
)
def test_an_answer_that_is_none_is_not_taken_for_one(tell, method, answer, words):
    async def story(stage, _):
        case = await a_swap(stage)
        node = Meddler(stage.node, **{method: answer})
        with pytest.raises(Unavailable, match=words):
            await SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID)).rehearse(case.request, case.routed, stage.trader)

    tell(story)


def test_a_token_whose_code_changed_is_looked_at_again(tell):
    async def story(stage, safety):
        case = await a_swap(stage, account=None)
        right = await safety.rehearse(case.request, case.routed, None)
        # Somebody told us wrong places before.
        slots = TokenSlots(stage.node, CHAIN_ID)
        place = await slots.balance(case.request.sell, STAND_IN)
        slots._places = {key: replace(place, key="0x" + "99" * 32) for key in slots._places}
        again = await SafetySimulation(stage.node, stage.clock, slots).rehearse(case.request, case.routed, None)
        return right, again

    right, again = tell(story)
    assert right == again


def test_a_token_that_will_not_be_planted_is_refused_for_nobody(tell):
    class Stubborn(TokenSlots):
        async def planted(self, token, owner, spender, amount):
            return await super().planted(token, owner, spender, amount - 1)

    async def story(stage, _):
        case = await a_swap(stage, account=None)
        with pytest.raises(CannotRehearse, match="cannot be given"):
            await SafetySimulation(stage.node, stage.clock, Stubborn(stage.node, CHAIN_ID)).rehearse(case.request, case.routed, None)

    tell(story)


def test_where_the_allowance_has_no_place_the_stand_in_approves(tell):
    class OnlyBalances(TokenSlots):
        async def allowance(self, token, owner, spender):
            return None

    async def story(stage, safety):
        case = await a_swap(stage, account=None)
        other = SafetySimulation(stage.node, stage.clock, OnlyBalances(stage.node, CHAIN_ID))
        return [await one.rehearse(case.request, case.routed, None) for one in (safety, other)]

    planted, approved = tell(story)
    assert planted.amount_out == approved.amount_out


def test_an_address_that_is_no_token_is_refused(tell):
    async def story(stage, safety):
        case = await a_swap(stage)
        nothing = replace(case.request, buy=stage.pools[0].address)
        with pytest.raises(CannotRehearse, match="does not tell balances"):
            await safety.rehearse(nothing, case.routed, stage.trader)

    tell(story)
