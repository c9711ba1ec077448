"""The guards: every rule of a stage, asked in a fixed order, before an order goes on.

The first rule that says no ends the order, and says which it was, what it compared and what to do. Before any rule is asked, the
automatic brakes look at what became of earlier orders, and trip the kill switch when it is too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.problems import GuardRefused
from executor.guards.brakes import brake_for
from executor.guards.client_books import ClientBooks
from executor.guards.exposure import Ledger
from executor.guards.jurisdictions import Jurisdictions
from executor.guards.limits import Limits
from executor.guards.rule import Case, Newest, Prices, Rule, Stage, every_rule
from executor.guards.switch import KillSwitch, SwitchState
from executor.orders import Entry, Order
from executor.routing.pool_book import Token

KILL_SWITCH = "kill_switch"


class Guards:
    """The rules over one desk. `limits` gives those in force at each check, `newest` the newest state that is known of the chain.

    `tokens` are those the desk trades, by address; `wrapped_native` prices gas that was paid for nothing. `jurisdictions` are the
    rulebook, clients and lists; without any an order for a client is refused, because nobody knows the client.
    """

    def __init__(
        self,
        *,
        limits: Callable[[], Limits],
        switch: KillSwitch,
        prices: Prices,
        tokens: Mapping[str, Token],
        newest: Callable[[], Newest | None],
        wrapped_native: str | None = None,
        rules: Sequence[Rule] | None = None,
        jurisdictions: Jurisdictions | None = None,
    ) -> None:
        self.switch = switch
        self.rules = every_rule() if rules is None else rules
        self._limits = limits
        self._prices, self._tokens, self._newest, self._wrapped_native = prices, tokens, newest, wrapped_native
        self._ledger = Ledger()
        self._jurisdictions, self._books = jurisdictions, ClientBooks(self._ledger.goes_before)

    def replay(self, orders: Mapping[str, Order], now: datetime) -> None:
        """Read a journal's orders before the first is taken: in a long one this takes longer than an order should wait."""
        self._ledger.read(orders, now)
        if self._jurisdictions is not None:
            self._books.read(orders, now)

    def check(self, stage: Stage, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        """Ask every rule of the stage. Raises GuardRefused, whose facts name the `rule` and what it compared."""
        case = self._case(stage, order, orders, now)
        if self._brake(case):
            case = replace(case, switch=self.switch.look(now))
        for rule in self.rules:
            if stage in rule.stages:
                rule.check(case)
        if stage == ("sign" if order.mode == "live" else "simulated"):
            self._ledger.passed(order)

    def watch(self, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        """Let the automatic brakes look when an order has ended, instead of at the next order. Never raises."""
        with suppress(GuardRefused):  # nothing prices a loss: the next order is refused for it
            self._brake(self._case("intent", order, orders, now))

    def _brake(self, case: Case) -> bool:
        """Whether the switch was tripped just now."""
        brake = None if case.switch.tripped else brake_for(case, self._ledger, self._wrapped_native)
        if brake is None:
            return False
        self.switch.trip(brake.rule, brake.reason, case.now, **brake.facts)
        return True

    def _case(self, stage: Stage, order: Order, orders: Mapping[str, Order], now: datetime) -> Case:
        self._ledger.read(orders, now)
        return Case(
            stage=stage,
            order=order,
            now=now,
            limits=self._limits(),
            exposure=self._ledger.exposure(order, orders),
            switch=self.switch.look(now),
            newest=self._newest(),
            prices=self._prices,
            tokens=self._tokens,
            governing=self._jurisdictions.governing(order, orders, self._books, now) if self._jurisdictions else None,
        )


def switch_entry(state: SwitchState, what: str, at: datetime) -> Entry:
    """What the journal says when the switch trips or is let go; it is about no order."""
    facts: dict[str, Any] = {"what": what, "rule": state.rule, "reason": state.reason}
    return Entry(KILL_SWITCH, None, at, {**facts, **{name: _plain(value) for name, value in state.facts.items()}})


def limits_entry(changed: Sequence[str], limits: Limits, at: datetime, reason: str) -> Entry:
    """What the journal says when the limits in force change; it is about no order."""
    return Entry("limits", None, at, {"changed": list(changed), "limits": limits.to_json(), "reason": reason})


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None) else str(value)
