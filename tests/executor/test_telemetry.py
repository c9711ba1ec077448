"""What is counted: each thing once, from entries that are durable, and never without bound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from executor import telemetry as module
from executor.orders import FOREIGN_NONCE, GAP_FILLED, UNSEEN, Entry, OrderRequest, State, intent_entry
from executor.telemetry import Telemetry
from executor.virtual.loop import VirtualClock, VirtualLoop

NOON = datetime(2026, 1, 19, 12, tzinfo=UTC)
REQUEST = OrderRequest("one", "0xaa", "0xbb", 1_000)


class Story:
    """Telemetry that hears entries a second apart."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop, NOON)
        self.telemetry = Telemetry(self.clock)
        self.telemetry.begun("one", self.clock.monotonic())
        self.telemetry.heard(intent_entry(REQUEST, "live", "0xac", self.clock.now()))

    def hears(self, kind: str, **facts: object) -> None:
        self.loop._seconds += 1
        self.telemetry.heard(Entry(kind, "one", self.clock.now(), facts))

    @property
    def page(self) -> str:
        return self.telemetry.text().decode()


def test_an_order_is_timed_from_the_request_to_the_durable_signature_the_fill_and_the_end() -> None:
    story = Story()
    story.hears(State.ROUTED)
    story.hears(State.SIGNED, nonce=1)
    story.hears(State.BROADCAST)
    story.hears(State.SEEN, status=1)
    story.hears(UNSEEN)
    story.hears(State.SEEN, status=1)
    story.hears(State.FINAL, status=1)
    assert "grekko_intent_to_signed_seconds_sum 2.0" in story.page
    assert "grekko_order_to_fill_seconds_sum 4.0" in story.page
    assert "grekko_order_to_fill_seconds_count 1.0" in story.page
    assert "grekko_order_to_final_seconds_sum 7.0" in story.page
    assert 'grekko_orders_total{mode="live",state="seen"} 2.0' in story.page


def test_a_swap_that_reverted_is_no_fill() -> None:
    story = Story()
    story.hears(State.SEEN, status=0)
    story.hears(State.FINAL, status=0)
    assert "grekko_order_to_fill_seconds_count 0.0" in story.page
    assert "grekko_order_to_final_seconds_count 1.0" in story.page


def test_higher_fees_are_not_a_second_signature() -> None:
    story = Story()
    story.hears(State.SIGNED)
    story.hears(State.SIGNED)
    assert "grekko_intent_to_signed_seconds_count 1.0" in story.page


def test_refusals_are_counted_by_rule_and_those_of_gas_once_more() -> None:
    story = Story()
    story.hears(State.REFUSED, rule="gas_budget")
    assert 'grekko_rejects_total{rule="gas_budget"} 1.0' in story.page
    assert "grekko_gas_budget_refusals_total 1.0" in story.page


def test_foreign_use_of_the_key_is_counted() -> None:
    telemetry = Telemetry()
    telemetry.heard(Entry(FOREIGN_NONCE, None, NOON, {}))
    telemetry.heard(Entry(GAP_FILLED, None, NOON, {}))
    assert b"grekko_foreign_nonce_uses_total 1.0" in telemetry.text()


def test_an_order_from_before_a_restart_is_counted_and_not_timed() -> None:
    telemetry = Telemetry()
    telemetry.heard(Entry(State.SEEN, "old", NOON + timedelta(hours=1), {"status": 1}))
    page = telemetry.text().decode()
    assert 'grekko_orders_total{mode="live",state="seen"} 1.0' in page
    assert "grekko_order_to_fill_seconds_count 0.0" in page


def test_beginnings_are_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    telemetry = Telemetry()
    for number in range(10):
        telemetry.begun(str(number), 0.0)
    assert len(telemetry._begun) == 3
    telemetry.heard(Entry(State.REFUSED, "9", NOON, {"rule": "no_route"}))
    assert "9" not in telemetry._begun


def test_a_stage_is_timed_also_when_it_fails() -> None:
    telemetry = Telemetry()
    with pytest.raises(ValueError), telemetry.timing("route"):
        raise ValueError
    assert b'grekko_stage_seconds_count{stage="route"} 1.0' in telemetry.text()
