"""Only a call that moves what was asked is passed, whatever routers and logs say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import InsufficientBalance, Refused, WouldMissOrder, WouldRevert
from executor.desk.preparation import refusal_facts
from executor.orders import OrderRequest, Routed
from executor.safety.call_bundle import Answered
from executor.safety.verdict import Change, Scene, judge

SELL, BUY, ACCOUNT, ROUTER = ("0x" + byte * 20 for byte in ("11", "22", "33", "44"))
REQUEST = OrderRequest("one", SELL, BUY, 100)
ROUTED = Routed((), 100, 200, 190, 0.0, 1, "0x", ROUTER, ROUTER, "0x", 10)
GOOD = Scene(Answered(True, 1, b""), ACCOUNT, 100, Change(100, 0), Change(5, 205), [Change(0, 60), Change(9, 49)], [Change(300, 100)])


def test_a_call_that_moves_what_was_asked_passes():
    assert judge(REQUEST, ROUTED, GOOD) == (100, 200)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"sold": Change(100, 1)}, "partial_fill"),
        ({"sold": Change(101, 0)}, "wrong_amount"),
        ({"bought": Change(5, 194), "paying_pools": [Change(300, 111)]}, "too_little_received"),
        ({"bought": Change(5, 5)}, "too_little_received"),
        ({"bought": Change(5, 0)}, "too_little_received"),
        ({"bought": Change(5, 204)}, "fee_on_transfer"),
        ({"paid_pools": [Change(0, 99)]}, "fee_on_transfer"),
    ],
)
def test_whatever_else_it_does_is_named(changed, rule):
    with pytest.raises(WouldMissOrder) as caught:
        judge(REQUEST, ROUTED, replace(GOOD, **changed))
    assert caught.value.facts["rule"] == rule
    assert json.loads(json.dumps(refusal_facts(caught.value)))["rule"] == rule


def test_a_revert_of_an_account_that_lacks_nothing_is_told_as_the_contract_told_it():
    failed = replace(GOOD, swap=Answered(False, 1, b"\x12\x34\x56\x78"))
    with pytest.raises(WouldRevert, match="0x12345678") as caught:
        judge(REQUEST, ROUTED, failed)
    assert type(caught.value) is WouldRevert
    with pytest.raises(InsufficientBalance):
        judge(REQUEST, ROUTED, replace(failed, sold=Change(99, 99), allowed=0))


changes = st.builds(Change, st.integers(0, 300), st.integers(0, 300))


@given(st.booleans(), changes, changes, st.lists(changes, max_size=3), st.lists(changes, max_size=3), st.integers(0, 200))
def test_for_any_balances_what_passes_took_all_and_gave_enough(ok, sold, bought, paid, paying, allowed):
    scene = Scene(Answered(ok, 1, b""), ACCOUNT, allowed, sold, bought, paid, paying)
    try:
        spent, received = judge(REQUEST, ROUTED, scene)
    except Refused as refused:
        assert refused.facts["rule"]
        return
    assert ok
    assert spent == sold.before - sold.after == 100
    assert received == bought.after - bought.before >= ROUTED.min_amount_out
    assert not paying or received >= sum(one.before - one.after for one in paying)
