"""Settles a negotiation when its outcome is known: credits into the record, the agents told, and their weights moved.

The credits are durable before a weight moves, so that an outcome counts at most once whatever breaks in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from domain.problems import BadInput, Broken
from executor.agents.coordinator import Coordinator
from executor.agents.host import now_ns
from executor.agents.settlement import Outcome, Settlement, settlement
from executor.agents.transcript import Kind, Row, replay, weights_payload

# Clocks of two machines differ; prices of later than this have not been yet.
FURTHEST_AHEAD = timedelta(seconds=5)


async def settle(coordinator: Coordinator, rows: Sequence[Row], outcome: Outcome) -> Settlement:
    """Scores, credits and weights of one conversation, from its rows.

    Scores that come later than an hour after their prices leave the weights as they are. Raises UnknownNegotiation when nothing was
    decided, Broken when the decision does not follow from the record, BadInput, JournalUnavailable.
    """
    now = coordinator.clock.now()
    if outcome.at is not None and outcome.at > now + FURTHEST_AHEAD:
        raise BadInput("at is in the future; give the time of the prices.", field="at")
    again = replay(rows)
    negotiation = coordinator.recall(rows, again)
    if not again.is_equal:
        raise Broken(f"The decision about {negotiation.call.trade_id} does not follow from its record; nobody is paid by it.")
    at = outcome.at or now
    found = settlement(negotiation.call, negotiation.decision, replace(outcome, at=at))
    about = (negotiation.conversation_id, negotiation.call.trade_id)
    coordinator.transcript.add(now_ns(coordinator.clock), about, Kind.CREDITED, payload=found.payload())
    await coordinator.transcript.commit()
    weights = await coordinator.weights.change(lambda weights: weights.scored(found.scores, at, now=now))
    told = weights_payload(weights.ppm(weights.names), weights.to_json())
    coordinator.transcript.add(now_ns(coordinator.clock), about, Kind.LEARNT, note=weights.frozen, payload=told)
    await coordinator.inform(negotiation, _sentence(found))
    return found


def _sentence(found: Settlement) -> str:
    """The outcome as agents are told it."""
    outcome = found.outcome
    moved = "markouts " + ", ".join(f"{action} {bps} bps" for action, bps in sorted(outcome.markout_bps.items()))
    if outcome.move_bps is not None:
        moved = f"base moved {outcome.move_bps} bps"
    return f"{moved}; {found.credits.result} units earned"
