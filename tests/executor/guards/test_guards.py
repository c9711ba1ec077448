"""The guards over whole days: what is accepted never exceeds a limit, whatever comes, in which order, and however often we restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import GuardRefused
from executor.guards import AmountLimits, Newest, limits_entry, switch_entry
from executor.guards.exposure import Ledger
from executor.orders import Order, State
from tests.executor.guards.cases import (
    BLOCK,
    NOON,
    ONE,
    USDC,
    WETH,
    Floor,
    by_id,
    desk_limits,
    final,
    order,
    refused,
    rehearsed,
    signed,
)

MILLI = ONE // 1000


def ended(one: Order, how: str) -> Order:
    """A signed order after the chain said how it ended."""
    if how == "sold":
        return replace(final(one), attempts=one.attempts)
    if how == "reverted":
        return replace(final(one, status=0), attempts=one.attempts)
    return replace(one, state=State.ABANDONED if how == "abandoned" else State.REPLACED)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 3_000), st.tuples(st.booleans(), st.integers(1, 12 * 3600))),
        st.tuples(st.just("wait"), st.integers(1, 14 * 3600), st.none()),
        st.tuples(st.just("end"), st.sampled_from(["sold", "reverted", "abandoned", "replaced"]), st.integers(0, 50)),
        st.tuples(st.just("restart"), st.none(), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, sells_dollars=st.booleans())
def test_for_any_day_no_24_hours_sell_more_than_the_limits(steps, sells_dollars):
    with TemporaryDirectory() as folder:
        floor = Floor(Path(folder))
        floor.limits = desk_limits(
            max_notional_per_order_usd=None, max_open_orders=100, amounts={WETH: AmountLimits(max_per_day=4_500 * MILLI)}
        )
        now, orders, traded = NOON, {}, []
        for number, (what, how, which) in enumerate(steps):
            floor.newest = Newest(BLOCK, now)
            if what == "wait":
                now += timedelta(seconds=how)
            elif what == "restart":
                floor.guards = floor.fresh_guards()
            elif what == "end":
                going = [one for one in orders.values() if one.attempts and not one.is_terminal]
                if going:
                    one = going[which % len(going)]
                    orders[one.order_id] = ended(one, how)
                    if how == "sold":
                        # At the very last moment that the chain would have taken it.
                        traded.append((one.deadline, one.request.amount_in))
            else:
                other_way, valid_for = which
                asked = {"sell": USDC, "buy": WETH, "amount_in": how * 2_000_000} if other_way and sells_dollars else {}
                one = order(f"order {number}", how * MILLI, at=now, valid_for_seconds=valid_for, **asked)
                orders[one.order_id] = one
                try:
                    floor.guards.check("intent", one, orders, now)
                    orders[one.order_id] = rehearsed(one)
                    floor.guards.check("sign", orders[one.order_id], orders, now)
                except GuardRefused as no:
                    orders[one.order_id] = refused(one, str(no.facts["rule"]))
                    continue
                orders[one.order_id] = signed(one)
            under_way = [one for one in orders.values() if one.attempts and not one.is_terminal]
            for sell, worth, limit in ((WETH, Decimal(2000) / ONE, 8000), (USDC, Decimal(1) / 10**6, 8000)):
                live = [one for one in under_way if one.request.sell == sell]
                assert sum(one.request.amount_in for one in live) * worth <= limit
        ends = sorted(at for at, _ in traded)
        for begin in ends:
            within = [amount for at, amount in traded if begin <= at < begin + timedelta(hours=24)]
            assert sum(amount for amount in within if amount > 10**12) <= 4_500 * MILLI


def test_a_restart_does_not_reset_the_day(tmp_path: Path):
    floor = Floor(tmp_path)
    before = final(order("before", 4 * ONE, at=NOON - timedelta(hours=20)))
    asked = order("now", 2 * ONE)
    for guards in (floor.guards, floor.fresh_guards()):
        with pytest.raises(GuardRefused, match=r"8000\.00 USD were sold"):
            guards.check("intent", asked, by_id(before, asked), NOON)


def test_an_order_that_stays_open_for_days_keeps_its_part_of_the_limit(tmp_path: Path):
    stuck = signed(order("stuck", 4 * ONE, at=NOON - timedelta(days=3)))
    asked = order("now", 2 * ONE)
    with pytest.raises(GuardRefused, match="under way"):
        Floor(tmp_path).guards.check("intent", asked, by_id(stuck, asked), NOON)


def test_an_order_counts_until_a_day_after_the_last_moment_it_could_trade(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    before = final(order("before", 4 * ONE, valid_for_seconds=6 * 3600))
    for hours, passes in ((29, False), (31, True)):
        now = NOON + timedelta(hours=hours)
        floor.newest, asked = Newest(BLOCK, now), order("now", 2 * ONE, at=now)
        if passes:
            floor.guards.check("intent", asked, by_id(before, asked), now)
        else:
            with pytest.raises(GuardRefused):
                floor.guards.check("intent", asked, by_id(before, asked), now)


def test_what_is_signed_counts_whenever_it_was_accepted(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    early, late = order("early", 3 * ONE), signed(order("late", 3 * ONE, at=NOON + timedelta(seconds=1)))
    with pytest.raises(GuardRefused):
        floor.guards.check("intent", early, by_id(early, late), NOON)


def test_of_two_orders_at_once_the_earlier_goes_on(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    first, second = order("first", 3 * ONE), order("second", 3 * ONE, at=NOON + timedelta(milliseconds=1))
    both = by_id(first, second)
    floor.guards.check("intent", first, both, NOON)
    with pytest.raises(GuardRefused):
        floor.guards.check("intent", second, both, NOON)


def test_what_may_be_signed_counts_before_its_signature_is_written(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    late = rehearsed(order("late", 3 * ONE, at=NOON + timedelta(milliseconds=1)))
    floor.guards.check("sign", late, by_id(late), NOON)
    early = rehearsed(order("early", 3 * ONE))
    with pytest.raises(GuardRefused):
        floor.guards.check("sign", early, by_id(late, early), NOON)
    # It was given up instead, so its part is free again.
    given_up = replace(late, state=State.ABANDONED)
    floor.guards.check("sign", early, by_id(given_up, early), NOON)


def test_an_order_that_never_came_to_be_counts_no_more(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    first, second = order("first", 3 * ONE), order("second", 3 * ONE, at=NOON + timedelta(seconds=1))
    floor.guards.check("intent", first, by_id(first), NOON)
    floor.guards.check("intent", second, by_id(second), NOON)


def test_paper_orders_fill_the_limits_of_paper(tmp_path: Path):
    floor = Floor(tmp_path, limits=desk_limits(max_notional_per_order_usd=None))
    first, second = (rehearsed(order(name, 3 * ONE, mode="paper")) for name in ("a", "b"))
    floor.guards.check("simulated", first, by_id(first), NOON)
    with pytest.raises(GuardRefused):
        floor.guards.check("simulated", second, by_id(first, second), NOON)
    # The same an hour later, when the first has long been written down.
    with pytest.raises(GuardRefused):
        later = replace(second, accepted_at=NOON + timedelta(hours=1), deadline=NOON + timedelta(hours=1))
        floor.newest = Newest(BLOCK, NOON + timedelta(hours=1))
        floor.guards.check("simulated", later, by_id(first, later), NOON + timedelta(hours=1))
    live = order("live", 2 * ONE)
    floor.newest = Newest(BLOCK, NOON)
    floor.guards.check("intent", live, by_id(first, live), NOON)


def test_limits_that_tighten_between_route_and_signature_hold_at_the_signature(tmp_path: Path):
    floor = Floor(tmp_path)
    one = rehearsed(order())
    floor.guards.check("intent", one, by_id(one), NOON)
    floor.limits = desk_limits(max_notional_per_order_usd=Decimal(1))
    with pytest.raises(GuardRefused, match="max_notional_per_order"):
        floor.guards.check("sign", one, by_id(one), NOON)


class Counting(dict[str, Order]):
    """Orders that count how many of them were looked at; `unfinished` knows its own, as the journal does."""

    looked = 0

    def __getitem__(self, name: str) -> Order:
        self.looked += 1
        return super().__getitem__(name)

    def unfinished(self) -> list[Order]:
        return [one for one in self.values() if not one.is_terminal]


def test_a_long_history_is_not_read_through_and_an_old_open_order_is_found():
    old = [final(order(f"old {number}", at=NOON - timedelta(days=9))) for number in range(5_000)]
    stuck = signed(order("stuck", at=NOON - timedelta(days=10)))
    orders = Counting(by_id(stuck, *old, final(order("new", at=NOON - timedelta(hours=1)))))
    ledger = Ledger()
    ledger.read(orders, NOON)
    assert orders.looked < 400
    seen = ledger.exposure(order("asked"), orders)
    assert (seen.sold[WETH], seen.open_orders) == (2 * ONE, 1)


def test_the_day_s_sums_are_forgotten_with_the_day():
    ledger = Ledger()
    day = by_id(*(final(order(f"{number}", at=NOON + timedelta(seconds=number))) for number in range(600)))
    ledger.read(day, NOON + timedelta(hours=1))
    assert ledger.exposure(order("asked"), day).sold[WETH] == 600 * ONE
    ledger.read(day, NOON + timedelta(hours=25))
    assert ledger.exposure(order("asked"), day).sold[WETH] == 0
    assert ledger._ended == {}


def test_the_journal_is_told_of_the_switch_and_of_limits(tmp_path: Path):
    floor = Floor(tmp_path)
    state = floor.switch.trip("max_rejects", "too many", NOON, value=3, limit=Decimal(2))
    entry = switch_entry(state, "tripped", NOON)
    assert (entry.kind, entry.order_id) == ("kill_switch", None)
    assert entry.facts == {"what": "tripped", "rule": "max_rejects", "reason": "too many", "value": 3, "limit": "2"}
    entry = limits_entry(["max_slippage_bps"], floor.limits, NOON, "the desk file changed")
    assert entry.order_id is None
    assert entry.facts["limits"]["max_slippage_bps"] == 50
