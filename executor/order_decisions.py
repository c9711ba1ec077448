"""What the models in force say about orders that are carried out: recorded beside each order, without a say in its life.

An order goes the way its desk plans. Its features and the models' answers are recorded once it was taken in, and how it fared tells the
guardrails: refused before it was signed, or reverted on the chain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from domain.bundles import ACTIONS, NOW, SPLIT
from domain.features import vector
from domain.problems import Problem
from executor.activation import REJECTED, REVERTED, Activation, Snapshot
from executor.decisions import Decisions, decide_with
from executor.orders import Entry, Order, State
from executor.planning import Intent, options_for, reference_rate, situation_of
from executor.ports import Clock
from executor.simulation import Priced

LOG = logging.getLogger(__name__)
ORDER_DECIDED = "order_decided"


class OrderDecisions:
    """Records what the models say about orders. `priced` gives the pools and the market as they stand."""

    def __init__(self, activation: Activation, decisions: Decisions, priced: Callable[[], Priced], clock: Clock) -> None:
        self._activation, self._decisions, self._priced, self._clock = activation, decisions, priced, clock

    async def record(self, order: Order, intent: Intent) -> Entry | None:
        """The record of this order; None where none can be made, and the log says why. Never raises a Problem: an order must not notice."""
        try:
            # Weighing the ways to go takes longer than the answers; it must not hold up other orders.
            features, possible = await asyncio.to_thread(self._situation, intent)

            def made(snapshot: Snapshot) -> Mapping[str, Any]:
                decision = decide_with(snapshot.deployment, order.order_id, features, self._clock, possible=possible)
                self._decisions.observe(decision)
                return {**decision.to_json(), "features": list(features)}

            entry = await self._decisions.once(ORDER_DECIDED, order.order_id, made)
        except Problem as problem:
            LOG.info("no decision is recorded for order %s: %s", order.order_id, problem.message)
            return None
        self._observe(REJECTED, entry, order.state is State.REFUSED)
        return entry

    def heard(self, entry: Entry) -> None:
        """Every entry of the journal: a final order tells whether it reverted."""
        if entry.kind != State.FINAL or entry.order_id is None:
            return
        if decided := self._activation.log.decided(ORDER_DECIDED, entry.order_id):
            self._observe(REVERTED, decided, entry.facts.get("status") != 1)

    def _observe(self, measure: str, decided: Entry, is_bad: bool) -> None:
        self._activation.observed(measure, decided.facts["generation"], decided.facts["arm"], float(is_bad))

    def _situation(self, intent: Intent) -> tuple[tuple[float, ...], frozenset[str]]:
        priced = self._priced()
        market = priced.history.at(priced.as_of)
        options = options_for(priced.book, intent, market)
        rate = reference_rate(priced.book, intent, market)
        possible = frozenset(ACTIONS) if options.split else frozenset(ACTIONS) - {SPLIT}
        return vector(situation_of(priced.book, intent, market, options, rate)), possible | {NOW}
