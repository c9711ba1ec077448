"""The contract that every rule in the folder keeps: one order it refuses and one it lets through, and a refusal that says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.problems import Broken, GuardRefused
from domain.regulation.rulebook import Limit
from executor.calls import Routers, call_for
from executor.guards import AmountLimits, Jurisdictions, Newest, Rule, every_rule
from executor.guards.rule import in_order
from executor.orders import Order, PlannedLeg
from executor.venue import Deployment, every_venue
from tests.docs.pages import ROOT, Page
from tests.executor.compliance.rulebooks import Known, ListedHere, limit, rulebook
from tests.executor.guards.cases import (
    ACCOUNT,
    BLOCK,
    NOON,
    ODD,
    ONE,
    POOL,
    ROUTER,
    USDC,
    WETH,
    Floor,
    by_id,
    call,
    desk_limits,
    final,
    order,
    refused,
    rehearsed,
    routed,
    signed,
)

PAGE = Page(ROOT / "docs" / "running-live.md")


@dataclass(frozen=True)
class Example:
    """An order at a stage, among others, on a floor that `prepare` changed."""

    order: Order
    stage: Any = "intent"
    others: tuple[Order, ...] = ()
    prepare: Callable[[Floor], None] = lambda floor: None


def with_limits(**changed: object) -> Callable[[Floor], None]:
    def prepare(floor: Floor) -> None:
        floor.limits = desk_limits(**changed)

    return prepare


def at_block(number: int, seconds_ago: int = 0) -> Callable[[Floor], None]:
    def prepare(floor: Floor) -> None:
        floor.newest = Newest(number, NOON - timedelta(seconds=seconds_ago))

    return prepare


def without_chain(floor: Floor) -> None:
    floor.newest = None


def tripped(floor: Floor) -> None:
    floor.switch.trip("person", "prices look wrong", NOON)


def ruled(*limits: Limit, listed: str | None = None) -> Callable[[Floor], None]:
    """A rulebook whose EU has these limits, the clients it is for, and an address that is listed."""

    def prepare(floor: Floor) -> None:
        entries = {listed: "ofac 1"} if listed else {}
        floor.jurisdictions = Jurisdictions(rulebook(*limits), Known(), ListedHere(entries))
        floor.guards = floor.fresh_guards()

    return prepare


PAPER = order(mode="paper")
GERMAN = order(client_id="german")
UNCALLED = {"to": "", "spender": "", "call_data": "", "block_hash": "", "block_number": 0}
EARLIER = [order(f"earlier {number}", at=NOON - timedelta(minutes=number + 1)) for number in range(4)]
REFUSES: dict[str, list[Example]] = {
    "kill_switch": [Example(order(), prepare=tripped), Example(rehearsed(order()), "sign", prepare=tripped)],
    "max_open_orders": [
        Example(order(), others=tuple(EARLIER), prepare=with_limits(max_notional_per_day_usd=None, max_notional_per_symbol_usd={}))
    ],
    "restricted_token": [Example(order(buy=ODD)), Example(order(sell=ODD))],
    "restricted_pool": [
        Example(routed(order(), legs=(replace(routed(order()).routed.legs[0], pool="0x" + "66" * 20),)), "routed"),  # type: ignore[union-attr]
    ],
    "restricted_router": [
        Example(routed(order(), to="0x" + "66" * 20), "routed"),
        Example(routed(order(), spender="0x" + "66" * 20), "routed"),
        Example(rehearsed(order(), to=""), "sign"),
        Example(routed(PAPER, to="", spender=""), "routed"),
    ],
    "max_slippage": [
        Example(order(slippage_bps=51)),
        Example(routed(order(), min_amount_out=1_980_000_000), "routed"),
    ],
    "min_output": [
        Example(routed(order(), min_amount_out=0), "routed", prepare=with_limits(max_slippage_bps=9_999)),
        Example(routed(order(), min_amount_out=2_000_000_001), "routed"),
        Example(
            routed(order(min_amount_out=1_995_000_000), min_amount_out=1_994_000_000), "routed", prepare=with_limits(max_slippage_bps=9_999)
        ),
        Example(routed(order(), call_data=call(1, ACCOUNT)), "routed"),
        Example(routed(order(), call_data=call(1_990_000_000, "0x" + "ee" * 20)), "routed"),
    ],
    "max_certificate": [
        Example(routed(order(), certificate_bps=10.5), "routed"),
        Example(routed(order(), certificate_bps=float("nan")), "routed"),
        Example(routed(order(), certificate_bps=float("inf")), "routed"),
    ],
    "stale_state": [
        Example(order(), prepare=without_chain),
        Example(order(), prepare=at_block(BLOCK, seconds_ago=61)),
        Example(routed(order()), "routed", prepare=at_block(BLOCK + 3)),
        Example(routed(PAPER, block_hash=""), "routed"),
        Example(replace(rehearsed(order()), rehearsed=replace(rehearsed(order()).rehearsed, block_number=BLOCK + 3)), "sign"),  # type: ignore[type-var]
    ],
    "max_notional_per_order": [
        Example(order(amount=3 * ONE)),
        Example(order(amount=ONE + 1), prepare=with_limits(amounts={WETH: AmountLimits(max_per_order=ONE)})),
    ],
    "max_notional_per_day": [
        Example(order(amount=ONE), others=(final(order("before", 4 * ONE + 1)),), prepare=with_limits(max_notional_per_symbol_usd={})),
        Example(
            order(amount=ONE),
            others=(signed(order("before", ONE)),),
            prepare=with_limits(amounts={WETH: AmountLimits(max_per_day=2 * ONE - 1)}),
        ),
        Example(
            order(amount=ONE, mode="paper"),
            others=(rehearsed(order("before", 9 * ONE // 2, at=NOON - timedelta(hours=1), mode="paper")),),
            prepare=with_limits(max_notional_per_symbol_usd={}),
        ),
    ],
    "max_notional_per_symbol": [
        Example(order(amount=ONE), others=(final(order("before", 3 * ONE + 1)),)),
    ],
    "client_jurisdiction": [
        Example(GERMAN),
        Example(order(client_id="nobody"), prepare=ruled()),
        Example(order(client_id="nowhere"), prepare=ruled()),
        Example(GERMAN, prepare=ruled(limit("EU-LAW-1", "client_residence", None, "DE"))),
    ],
    "jurisdiction_order_limit": [Example(GERMAN, prepare=ruled(limit(most="1999.99")))],
    "jurisdiction_day_limit": [
        Example(GERMAN, others=(final(order("before", client_id="german")),), prepare=ruled(limit("A", "day_usd", "3999.99")))
    ],
    "jurisdiction_position_limit": [Example(routed(GERMAN), "routed", prepare=ruled(limit("A", "position_usd", "1999.99")))],
    "jurisdiction_restricted": [
        Example(GERMAN, prepare=ruled(limit("A", "restricted_tokens", None, WETH))),
        Example(routed(GERMAN), "routed", prepare=ruled(limit("A", "restricted_pools", None, POOL))),
    ],
    "sanctioned_address": [
        Example(order(), prepare=ruled(listed=WETH)),
        Example(routed(order()), "routed", prepare=ruled(listed=POOL)),
        Example(routed(order()), "sign", prepare=ruled(listed=ROUTER)),
    ],
}
PASSES: dict[str, list[Example]] = {
    "kill_switch": [Example(order())],
    "max_open_orders": [Example(order(amount=ONE // 10), others=tuple(replace(one) for one in EARLIER[:3]))],
    "restricted_token": [Example(order()), Example(order(buy=ODD), prepare=with_limits(allowed_tokens=None))],
    "restricted_pool": [
        Example(routed(order()), "routed"),
        Example(
            routed(order(), legs=(replace(routed(order()).routed.legs[0], pool="0x" + "66" * 20),)),
            "routed",
            prepare=with_limits(allowed_pools=None),
        ),  # type: ignore[union-attr]
    ],
    "restricted_router": [
        Example(routed(order(), to=ROUTER.upper().replace("0X", "0x")), "routed"),
        Example(routed(order(mode="simulate"), **UNCALLED), "routed"),
    ],
    "max_slippage": [Example(order(slippage_bps=50)), Example(routed(order(amount=ONE - 1)), "routed")],
    "min_output": [
        Example(routed(order()), "routed"),
        Example(routed(order(mode="simulate"), **UNCALLED), "routed"),
        Example(routed(PAPER), "routed"),
    ],
    "max_certificate": [
        Example(routed(order(), certificate_bps=10.0), "routed"),
        Example(routed(order(), certificate_bps=99.0), "routed", prepare=with_limits(max_certificate_bps=None)),
    ],
    "stale_state": [
        Example(routed(order()), "routed", prepare=at_block(BLOCK + 2, seconds_ago=60)),
        Example(routed(order(mode="simulate"), **UNCALLED), "routed", prepare=without_chain),
    ],
    "max_notional_per_order": [
        Example(order(amount=5 * ONE // 2)),
        Example(order(amount=ONE), prepare=with_limits(amounts={WETH: AmountLimits(max_per_order=ONE)})),
    ],
    "max_notional_per_day": [
        Example(order(amount=ONE), others=(final(order("before", 4 * ONE)),), prepare=with_limits(max_notional_per_symbol_usd={})),
        Example(
            order(amount=ONE),
            others=(signed(order("before", ONE)),),
            prepare=with_limits(amounts={WETH: AmountLimits(max_per_day=2 * ONE)}),
        ),
        Example(order(amount=ONE), others=(final(order("reverted", 9 * ONE), status=0),)),
        Example(order(amount=ONE), others=(refused(order("refused", 9 * ONE)),)),
        Example(order(amount=ONE), others=(final(order("paper", 9 * ONE, mode="paper")),)),
        Example(order(amount=ONE), others=(final(order("yesterday", 9 * ONE, at=NOON - timedelta(hours=24, seconds=120))),)),
    ],
    "max_notional_per_symbol": [
        Example(order(amount=ONE), others=(final(order("before", 3 * ONE)),)),
        Example(
            order(amount=ONE),
            others=(final(order("before", 9 * ONE)),),
            prepare=with_limits(max_notional_per_symbol_usd={}, max_notional_per_day_usd=None),
        ),
        Example(order(amount=ONE, sell=WETH, buy=ODD), others=(final(order("before", 4 * ONE)),), prepare=with_limits(allowed_tokens=None)),
    ],
}
PASSES |= {
    "client_jurisdiction": [Example(order()), Example(GERMAN, prepare=ruled())],
    "jurisdiction_order_limit": [Example(GERMAN, prepare=ruled(limit(most="2000"))), Example(GERMAN)],
    "jurisdiction_day_limit": [
        Example(GERMAN, others=(final(order("before", client_id="german")),), prepare=ruled(limit("A", "day_usd", "4000"))),
        Example(GERMAN, others=(final(order("anothers", client_id="both")),), prepare=ruled(limit("A", "day_usd", "2000"))),
    ],
    "jurisdiction_position_limit": [
        Example(routed(GERMAN), "routed", prepare=ruled(limit("A", "position_usd", "2000"))),
        Example(GERMAN, prepare=ruled(limit("A", "position_usd", "1"))),
    ],
    "jurisdiction_restricted": [
        Example(order(client_id="singaporean"), prepare=ruled(limit("A", "restricted_tokens", None, WETH))),
        Example(order(), prepare=ruled(limit("A", "restricted_tokens", None, WETH))),
    ],
    "sanctioned_address": [Example(routed(order()), "routed", prepare=ruled(listed=ODD)), Example(order())],
}
RULES = {rule.name: rule for rule in every_rule()}


def judge(rule: Rule, example: Example, folder: Path) -> None:
    floor = Floor(folder)
    example.prepare(floor)
    guards = floor.guards
    guards.rules = [rule]
    guards.check(example.stage, example.order, by_id(*example.others, example.order), NOON)


def cases(examples: dict[str, list[Example]]) -> list[Any]:
    return [pytest.param(name, one, id=f"{name}-{number}") for name, found in examples.items() for number, one in enumerate(found)]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_an_order_it_refuses_and_one_it_lets_through(name: str):
    assert REFUSES[name] and PASSES[name]


@pytest.mark.parametrize(("name", "example"), cases(REFUSES))
def test_a_refusal_names_its_rule_its_numbers_and_what_to_do(name: str, example: Example, tmp_path: Path):
    with pytest.raises(GuardRefused) as said_no:
        judge(RULES[name], example, tmp_path)
    problem = said_no.value
    assert problem.facts["rule"] == name
    assert problem.message.startswith(f"Refused by {name}: ")
    assert re.search(r"[;.] ?\w+|until an admin lets go", problem.message.removeprefix(f"Refused by {name}: "))
    if name != "kill_switch":
        assert {"value", "limit", "unit"} <= set(problem.facts)
    assert all(isinstance(value, str | int | float | bool | None) for value in problem.facts.values())


@pytest.mark.parametrize(("name", "example"), cases(PASSES))
def test_what_keeps_the_limit_goes_on(name: str, example: Example, tmp_path: Path):
    judge(RULES[name], example, tmp_path)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_why_it_exists_and_is_explained_to_operators(name: str):
    assert RULES[name].why.endswith(".")
    assert RULES[name].stages
    assert f"`{name}`" in PAGE.text


def test_every_limit_is_explained_to_operators():
    told = set(re.findall(r"`(\w+)`", PAGE.text))
    assert set(desk_limits().to_json()) <= told
    assert {"max_per_order", "max_per_day", "max_loss_per_day", "unpriced", "signer_policy"} <= told


def test_the_switch_is_asked_before_every_other_rule():
    assert every_rule()[0].name == "kill_switch"
    assert [rule.name for rule in every_rule()[1:]] == sorted(rule.name for rule in every_rule()[1:])


def test_two_rules_of_one_name_are_a_fault():
    one = RULES["max_slippage"]
    with pytest.raises(Broken, match="max_slippage"):
        in_order([one, replace(one, why="Another.")])


def test_a_package_brings_a_rule_by_entry_point(monkeypatch: pytest.MonkeyPatch):
    theirs = Rule("no_mondays", ("intent",), "Nothing good was ever traded on a Monday.", lambda case: None)
    point = type("Point", (), {"load": staticmethod(lambda: theirs)})
    monkeypatch.setattr("executor.guards.rule.entry_points", lambda group: [point] if group == "grekko.guards" else [])
    every_rule.cache_clear()
    try:
        assert theirs in every_rule()
    finally:
        every_rule.cache_clear()


def test_an_order_is_weighed_only_where_a_limit_is_in_dollars(tmp_path: Path):
    floor = Floor(tmp_path)
    floor.prices.told = {}
    limits = {"max_notional_per_order_usd": None, "max_notional_per_day_usd": None, "max_notional_per_symbol_usd": {}}
    floor.limits = desk_limits(**limits)
    floor.guards.check("intent", order(), by_id(order()), NOON)
    for name, value in (("max_notional_per_order_usd", Decimal(5000)), ("max_notional_per_symbol_usd", {"*": Decimal(1)})):
        floor.limits = desk_limits(**{**limits, name: value})
        with pytest.raises(GuardRefused) as said_no:
            floor.guards.check("intent", order(), by_id(order()), NOON)
        assert said_no.value.facts["rule"] == "unpriced"


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_price_that_is_none_prices_nothing(price: float | None, tmp_path: Path):
    floor = Floor(tmp_path)
    floor.prices.told[WETH] = price
    with pytest.raises(GuardRefused, match="nothing prices WETH"):
        floor.guards.check("intent", order(), by_id(order()), NOON)


@pytest.mark.parametrize("venue", ["uniswap_v3", "pancakeswap_v3", "sushiswap", "uniswap_v2", "several"])
def test_the_calls_of_every_venue_and_of_our_router_carry_what_min_output_looks_for(venue: str, tmp_path: Path):
    one = order()
    shape = "sushiswap" if venue == "several" else venue
    concentrated = every_venue()[shape].shape == "concentrated"
    leg = PlannedLeg(1, POOL, shape, concentrated, every_venue()[shape].fee_pips or 500, WETH, USDC, 1 << 64, ONE, 2_000_000_000)
    deployments = {} if venue == "several" else {venue: every_venue()[venue].deployments.get(1) or Deployment("0x" + "66" * 20, ROUTER)}
    deployments = {name: replace(place, init_code_hash=None, router=ROUTER) for name, place in deployments.items()}
    call_data = call_for(
        [leg], Routers(deployments, ROUTER), recipient=ACCOUNT, amount_in=ONE, min_amount_out=1_990_000_000, deadline=1
    ).call_data
    judge(RULES["min_output"], Example(routed(one, call_data=call_data), "routed"), tmp_path)
    with pytest.raises(GuardRefused):
        judge(RULES["min_output"], Example(routed(one, call_data=call_data, min_amount_out=1_991_000_000), "routed"), tmp_path)
