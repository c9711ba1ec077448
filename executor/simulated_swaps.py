"""Simulated swaps that are decided once: the same client order id gets the same answer again, after a kill and a change of model too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from domain.problems import OrderConflict
from executor.activation import Activation, Snapshot
from executor.decisions import Decision, Decisions, decide_with
from executor.orders import Entry
from executor.ports import Chance, Clock
from executor.simulation import intent_of, simulate_swap

# The record of a simulated swap: what was asked and what was answered, the decision in it.
SWAP_DECIDED = "swap_decided"

# The order as it is compared; the amount is text, which no JSON reader rounds.
# For whom it is stands at the end, where it is for a client.
Asked = tuple[str | int | bool, ...]


class SimulatedSwaps:
    """Swaps by id. One without an id is decided as an order that nobody else has, and nothing of it is kept."""

    def __init__(self, activation: Activation, decisions: Decisions, clock: Clock, chance: Chance) -> None:
        self._activation, self._decisions, self._clock, self._chance = activation, decisions, clock, chance

    async def swap(self, asked: Asked, client_order_id: str | None) -> dict[str, Any]:
        """The answer, durable when it has an id; the wait for the disk is shared. Raises OrderConflict for another order of that id."""
        if client_order_id is None:
            return self.swap_now(asked, None)
        return _answer_of(await self._decisions.once(SWAP_DECIDED, client_order_id, self._made(asked, client_order_id)), asked)

    def swap_now(self, asked: Asked, client_order_id: str | None) -> dict[str, Any]:
        """The same for a caller without a loop."""
        if client_order_id is None:
            with self._activation.deciding() as snapshot:
                return self._swapped(snapshot, asked, None)
        return _answer_of(self._decisions.once_now(SWAP_DECIDED, client_order_id, self._made(asked, client_order_id)), asked)

    def _made(self, asked: Asked, order_id: str) -> Any:
        return lambda snapshot: {"asked": list(asked), "answer": self._swapped(snapshot, asked, order_id)}

    def _swapped(self, snapshot: Snapshot, asked: Asked, client_order_id: str | None) -> dict[str, Any]:
        sell, buy, amount_in, slippage_bps, may_wait = asked[:5]
        order_id = client_order_id or f"swap-{self._chance.getrandbits(96):024x}"

        def decide(features: Sequence[float], possible: Collection[str]) -> Decision:
            decision = decide_with(snapshot.deployment, order_id, features, self._clock, possible=possible)
            self._decisions.observe(decision)
            return decision

        handover = snapshot.handover
        answer = simulate_swap(
            handover, intent_of(handover.book, str(sell), str(buy), int(amount_in)), int(slippage_bps), bool(may_wait), decide=decide
        )
        decided = answer["decision"]
        self._activation.telemetry.decisions.labels(decided["action"], decided["model_version"]).inc()
        return {**answer, "client_order_id": client_order_id}


def asked_for(sell: str, buy: str, amount_in: int, slippage_bps: int, may_wait: bool, client_id: str | None = None) -> Asked:
    """The order as it is compared."""
    asked = (sell.lower(), buy.lower(), str(amount_in), slippage_bps, may_wait)
    return asked if client_id is None else (*asked, client_id)


def _answer_of(kept: Entry, asked: Asked) -> dict[str, Any]:
    if tuple(kept.facts["asked"]) != asked:
        raise OrderConflict(
            f"Order {kept.order_id} was another one; use a new client_order_id for a new order.", client_order_id=kept.order_id
        )
    return kept.facts["answer"]
