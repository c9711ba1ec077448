"""Plans: proved by replay, protected by a minimum output that is never zero, and weighed with what a leg's gas costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.problems import BadInput, Broken, NoRoute, Refused, Unavailable
from executor import planner as module
from executor.calls import Routers
from executor.orders import OrderRequest
from executor.planner import Floor, SplitPlanner
from executor.routing.pool_book import PoolBook
from tests.executor.trading_floor import NOON, USDC, WEI, WETH

REQUEST = OrderRequest("one", WETH, USDC, 2_000 * WEI, slippage_bps=50)
SPLIT_ROUTER, STAND_IN, ACCOUNT = "0x" + "51" * 20, "0x" + "57" * 20, "0x" + "ac" * 20


@pytest.fixture
def floor(book: PoolBook) -> Floor:
    return Floor(31337, book, NOON, 7, "0x" + "ab" * 32)


def planner(floor: Floor, routers: Routers | None = None, gas: int = 0) -> SplitPlanner:
    return SplitPlanner(lambda: floor, lambda at, token: gas, routers, stand_in=STAND_IN)


def plan(of: SplitPlanner, request: OrderRequest = REQUEST, account: str | None = None):
    return asyncio.run(of.plan(request, account, 1_800_000_000))


def test_a_plan_takes_no_less_than_its_slippage_allows_and_says_on_which_block_it_was_made(floor: Floor) -> None:
    made = plan(planner(floor))
    assert made.min_amount_out == made.amount_out * 9950 // 10_000
    assert sum(leg.amount_in for leg in made.legs if leg.sell == WETH) == REQUEST.amount_in
    assert (made.block_number, made.block_hash, made.deadline) == (7, "0x" + "ab" * 32, 1_800_000_000)
    assert (made.to, made.spender, made.call_data) == ("", "", "")


def test_the_caller_s_own_floor_holds_when_it_is_higher(floor: Floor) -> None:
    most = plan(planner(floor)).amount_out
    assert plan(planner(floor), replace(REQUEST, min_amount_out=most)).min_amount_out == most
    assert plan(planner(floor), replace(REQUEST, min_amount_out=1)).min_amount_out == most * 9950 // 10_000
    with pytest.raises(Refused, match="lower min_amount_out") as refused:
        plan(planner(floor), replace(REQUEST, min_amount_out=most + 1))
    assert refused.value.facts["rule"] == "min_amount_out"


def test_a_minimum_is_never_zero(floor: Floor) -> None:
    made = plan(planner(floor), replace(REQUEST, amount_in=10**10, slippage_bps=9_999))
    assert made.amount_out > 0 and made.min_amount_out == 1


def test_gas_that_costs_more_than_a_second_pool_brings_keeps_the_plan_to_one(floor: Floor) -> None:
    assert len(planner(floor).route(WETH, USDC, REQUEST.amount_in).legs) > 1
    dear = planner(floor, gas=10**15).route(WETH, USDC, REQUEST.amount_in)
    assert (len(dear.legs), dear.gas_per_leg) == (1, 10**15)


def test_with_routers_the_plan_is_a_call_that_pays_the_account_or_the_stand_in(floor: Floor) -> None:
    of = planner(floor, Routers({}, SPLIT_ROUTER))
    for account, paid in ((ACCOUNT, ACCOUNT), (None, STAND_IN)):
        made = plan(of, account=account)
        assert made.to == made.spender == SPLIT_ROUTER
        assert paid[2:] in made.call_data and f"{made.min_amount_out:064x}" in made.call_data


def test_a_route_that_its_replay_contradicts_is_not_traded(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = module.split_route
    monkeypatch.setattr(module, "split_route", lambda *args, **more: replace(honest(*args, **more), amount_out=10**30))
    with pytest.raises(Broken, match="do not trade on it"):
        plan(planner(floor))


def test_what_cannot_be_routed_says_so(floor: Floor, book: PoolBook) -> None:
    with pytest.raises(NoRoute):
        plan(planner(floor), replace(REQUEST, amount_in=1 << 200))
    nameless = PoolBook([replace(book.pool(0), address=None)])
    with pytest.raises(BadInput, match="no address"):
        plan(planner(replace(floor, book=nameless)), replace(REQUEST, amount_in=WEI))

    def gone() -> Floor:
        raise Unavailable("The mirror is being read.")

    with pytest.raises(Unavailable):
        plan(SplitPlanner(gone, lambda at, token: 0))
