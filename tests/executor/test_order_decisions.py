"""Beside an order: what the models said, and how it fared, which is held against the arm that had it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.problems import Unavailable
from executor.activation import Activation
from executor.decisions import Decisions
from executor.order_decisions import OrderDecisions
from executor.orders import Entry, Order, OrderRequest, State
from executor.planning import Intent
from executor.ports import SystemClock
from executor.simulation import Priced, intent_of
from tests.executor.activation.shelves import opened
from tests.executor.trading_floor import USDC, WEI, WETH

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def activation(folder: Path) -> Activation:
    return opened(folder)


def beside(activation: Activation) -> OrderDecisions:
    return OrderDecisions(activation, Decisions(activation, SystemClock()), lambda: activation.current, SystemClock())


def order(state: State = State.SIGNED, name: str = "a") -> Order:
    return Order(OrderRequest(name, WETH, USDC, WEI), "live", None, AT, AT, state)


def intent(activation: Activation) -> Intent:
    return intent_of(activation.current.book, "WETH", "USDC", WEI)


def observed(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str, float]]:
    told: list[tuple[str, int, str, float]] = []
    monkeypatch.setattr(activation, "observed", lambda *values: told.append(values))
    return told


def test_a_refused_order_and_a_reverted_one_are_held_against_their_arm(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    told, recorder = observed(activation, monkeypatch), beside(activation)
    for name, state in (("a", State.SIGNED), ("b", State.REFUSED)):
        assert asyncio.run(recorder.record(order(state, name), intent(activation))) is not None
    assert [one for one in told if one[0] == "rejected"] == [("rejected", 1, "champion", 0.0), ("rejected", 1, "champion", 1.0)]
    told.clear()
    for name, kind, status in (("a", State.FINAL, 1), ("a", State.FINAL, 0), ("c", State.FINAL, 0), ("a", State.SEEN, 0)):
        recorder.heard(Entry(kind, name, AT, {"status": status}))
    assert told == [("reverted", 1, "champion", 0.0), ("reverted", 1, "champion", 1.0)]


def test_an_order_that_cannot_be_weighed_is_none_the_worse(activation: Activation) -> None:
    assert asyncio.run(beside(activation).record(order(), replace(intent(activation), amount_in=1 << 250))) is None

    def unpriced() -> Priced:
        raise Unavailable("No hand-over was loaded yet.")

    recorder = OrderDecisions(activation, Decisions(activation, SystemClock()), unpriced, SystemClock())
    assert asyncio.run(recorder.record(order(), intent(activation))) is None
