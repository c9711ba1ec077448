"""The automatic brakes: losses and rejects trip the switch, and a release starts the count anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.problems import GuardRefused
from executor.guards import AmountLimits, Newest
from executor.orders import State
from tests.executor.guards.cases import BLOCK, NOON, ODD, ONE, USDC, WETH, Floor, by_id, desk_limits, final, order, refused, signed

PLANNED = 2_000_000_000


def lossy(name: str, less: int, minutes_ago: int = 5):
    return final(order(name, at=NOON - timedelta(minutes=minutes_ago)), got=PLANNED - less)


def submit(floor: Floor, *others, at=NOON, guards=None):
    asked = order("asked", ONE // 10, at=at)
    floor.newest = Newest(BLOCK, at)
    (guards or floor.guards).check("intent", asked, by_id(*others, asked), at)


def test_losses_beyond_the_limit_trip_the_switch_with_the_numbers(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10)))
    submit(floor, lossy("a", 6_000_000), lossy("b", 4_000_000))
    with pytest.raises(GuardRefused, match=r"10\.01 USD were lost") as said_no:
        submit(floor, lossy("a", 6_000_000), lossy("b", 4_000_000), lossy("c", 1))
    assert said_no.value.facts["tripped_by"] == "max_loss_per_day"
    assert floor.switch.look(NOON).facts == {"value": "10.01", "limit": "10", "unit": "USD"}


def test_gains_do_not_pay_for_losses(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10)))
    with pytest.raises(GuardRefused):
        submit(floor, lossy("a", 11_000_000), lossy("b", -50_000_000))


def test_gas_of_a_reverted_swap_is_a_loss(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10)))
    reverted = final(order("a", at=NOON - timedelta(minutes=1)), status=0, gas=100_000, price=60 * 10**9)
    with pytest.raises(GuardRefused, match=r"12\.00 USD were lost"):
        submit(floor, reverted)


def test_losses_of_a_token_have_a_limit_in_its_units(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(amounts={USDC: AmountLimits(max_loss_per_day=5_000_000), WETH: AmountLimits()}))
    floor.prices.told = {}
    floor.limits = replace(floor.limits, max_notional_per_order_usd=None, max_notional_per_day_usd=None, max_notional_per_symbol_usd={})
    submit(floor, lossy("a", 5_000_000))
    with pytest.raises(GuardRefused, match="5000001 base units of USDC less than planned"):
        submit(floor, lossy("a", 5_000_000), lossy("b", 1))


def test_a_loss_that_nothing_prices_refuses_and_trips_nothing(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10)))
    odd = final(order("a", buy=ODD, at=NOON - timedelta(minutes=1)), got=1)
    with pytest.raises(GuardRefused, match="nothing prices ODD"):
        submit(floor, odd)
    floor.guards.watch(order("asked"), by_id(odd), NOON)
    assert not floor.switch.look(NOON).tripped


def test_too_many_rejects_trip_the_switch_and_its_own_refusals_do_not_count(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_rejects=3, reject_window_minutes=10))
    recent = [refused(order(f"{number}", at=NOON - timedelta(minutes=number))) for number in (1, 2)]
    own = refused(order("own", at=NOON - timedelta(minutes=1)), "kill_switch")
    old = refused(order("old", at=NOON - timedelta(minutes=11)))
    submit(floor, old, *recent, own)
    reverted = final(order("reverted", at=NOON - timedelta(minutes=3)), status=0)
    with pytest.raises(GuardRefused, match="3 orders were refused or reverted within 10 minutes"):
        submit(floor, old, *recent, own, reverted)


def test_the_brakes_look_when_an_order_has_ended_too(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_rejects=1))
    one = refused(order())
    floor.guards.watch(one, by_id(one), NOON)
    assert floor.switch.look(NOON).rule == "max_rejects"
    floor.guards.watch(one, by_id(one), NOON)


def test_what_was_before_the_release_trips_nothing_again_even_after_a_restart(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10), max_rejects=2))
    before = (lossy("a", 11_000_000), refused(order("b", at=NOON - timedelta(minutes=1))), refused(order("c", at=NOON)))
    with pytest.raises(GuardRefused):
        submit(floor, *before)
    state = floor.switch.look(NOON)
    floor.switch.release(state.release_code or "", "a bad feed, mended", NOON)
    for guards in (floor.guards, floor.fresh_guards()):
        submit(floor, *before, at=NOON + timedelta(minutes=1), guards=guards)
    after = final(order("d", at=NOON + timedelta(minutes=2)), got=PLANNED - 11_000_000)
    with pytest.raises(GuardRefused, match=r"11\.00 USD were lost"):
        submit(floor, *before, after, at=NOON + timedelta(minutes=3))


def test_a_day_later_losses_are_forgotten(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(10)))
    floor.guards._ledger.read(by_id(lossy("a", 11_000_000), refused(order("b"))), NOON)
    submit(floor, lossy("a", 11_000_000), at=NOON + timedelta(hours=24))


def test_an_order_still_open_and_one_given_up_lose_nothing(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_loss_per_day_usd=Decimal(0), max_rejects=1))
    submit(floor, signed(order("a", ONE // 10)), replace(signed(order("b", ONE // 10)), state=State.ABANDONED))
