"""The rules of jurisdictions over a simulated swap: what could not be traded for a client is not answered as if it could.

Nothing is traded and nothing is kept of a refused one, so no violation is written; sums over a day and positions are of orders alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from executor.activation import Activation
from executor.compliance.in_force import InForce
from executor.guards.client_books import ClientBooks
from executor.guards.exposure import Exposure
from executor.guards.limits import Limits
from executor.guards.rule import Case, Stage, every_rule
from executor.guards.switch import SwitchState
from executor.offline import HandedOverPrices, HandedOverTokens
from executor.orders import Order, OrderRequest, PlannedLeg, Routed
from executor.planner import Floor

ASKED = frozenset(("client_jurisdiction", "jurisdiction_order_limit", "jurisdiction_restricted", "sanctioned_address"))


class SwapRules:
    """Asks the rules that one swap by itself can break, on the hand-over in force."""

    def __init__(self, rules: InForce | None, activation: Activation) -> None:
        self._jurisdictions = rules.jurisdictions if rules else None
        self._activation = activation
        self._prices, self._tokens = HandedOverPrices(activation), HandedOverTokens(self._floor)
        self._books = ClientBooks(lambda other, order: False)

    def check(self, request: OrderRequest, now: datetime) -> None:
        """What is known before it is planned. Raises GuardRefused."""
        if self._jurisdictions is not None or request.client_id is not None:
            self._ask("intent", Order(request, "simulate", None, now, now))

    def check_legs(self, request: OrderRequest, answer: dict[str, Any], now: datetime) -> None:
        """The pools of an answer, and the tokens held on the way. Raises GuardRefused."""
        if self._jurisdictions is None:
            return
        legs = tuple(self._legs(answer["legs"]))
        routed = Routed(legs, request.amount_in, int(answer["amount_out"]), 0, 0.0, 0, "", "", "", "", 0)
        self._ask("routed", Order(request, "simulate", None, now, now, routed=routed))

    def _ask(self, stage: Stage, order: Order) -> None:
        jurisdictions, now = self._jurisdictions, order.accepted_at
        case = Case(
            stage=stage,
            order=order,
            now=now,
            limits=Limits(),
            exposure=Exposure(),
            switch=SwitchState(),
            newest=None,
            prices=self._prices,
            tokens=self._tokens,
            governing=jurisdictions.governing(order, {}, self._books, now) if jurisdictions else None,
        )
        for rule in every_rule():
            if rule.name in ASKED and stage in rule.stages:
                rule.check(case)

    def _legs(self, legs: Sequence[dict[str, Any]]) -> list[PlannedLeg]:
        """A kept answer tells tokens by symbol, pools by address: a pool that is still there says which tokens it is of."""
        book, planned = self._floor().book, []
        sides = {booked.address: (booked.token0.address, booked.token1.address) for booked in book}
        for leg in legs:
            one, other = sides.get(leg["pool"], ("", ""))
            planned.append(PlannedLeg(leg["pool_id"], leg["pool"], leg["venue"], False, leg["fee_pips"], one, other, 0, 0, 0))
        return planned

    def _floor(self) -> Floor:
        snapshot = self._activation.current
        return Floor(snapshot.chain_id, snapshot.book, snapshot.as_of)
