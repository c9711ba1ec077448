"""What a trade's outcome says about the agents that advised on it: what each would have earned by itself, and what each is paid.

All of it follows from the record: the same proposals, weights and outcome give the same numbers on every machine. Moves are in basis
points, money in the base units that the question's amount is in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from domain.credit import Credits, decision_value, divided, explained, own_results
from domain.market import microseconds
from domain.negotiation import WHOLE, Call, Decision, Heard, Proposal, decide
from domain.problems import BadInput
from domain.shares import share, split

MOST_BPS = 1_000_000
_SIDES = {"BUY": 1, "SELL": -1}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trade's prices. Give `move_bps`, what base moved against quote, or `markout_bps`, what each action earned.

    `by_horizon` are other moves by horizon in seconds, for agents that looked further or less far. `pnl_units` is what the action taken
    earned beyond the safest, after costs; without it, its markout times the amount. `at` is the moment the prices are of, now when None.
    Raises BadInput.
    """

    move_bps: int | None = None
    markout_bps: Mapping[str, int] = field(default_factory=dict)
    by_horizon: Mapping[int, int] = field(default_factory=dict)
    pnl_units: int | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.move_bps is None) == (not self.markout_bps):
            raise BadInput("Give move_bps, or markout_bps for each action; not both and not neither.", field="move_bps")
        if self.by_horizon and self.move_bps is None:
            raise BadInput("by_horizon goes with move_bps; leave it out beside markout_bps.", field="by_horizon")
        moves = [self.move_bps or 0, *self.markout_bps.values(), *self.by_horizon.values()]
        if max(abs(move) for move in moves) > MOST_BPS:
            raise BadInput(f"A move is at most {MOST_BPS} bps either way.", field="move_bps")
        if self.at is not None and self.at.tzinfo is None:
            raise BadInput("at has no zone; give UTC, such as 2026-03-04T14:00:00Z.", field="at")

    def is_same(self, told: Mapping[str, Any]) -> bool:
        """Whether the record's document tells this outcome; without `at` any moment does."""
        mine = self.to_json()
        return all(mine[name] == told.get(name) for name in mine if name != "at" or self.at is not None)

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "move_bps": self.move_bps,
            "markout_bps": dict(sorted(self.markout_bps.items())),
            "by_horizon": {str(seconds): move for seconds, move in sorted(self.by_horizon.items())},
            "pnl_units": None if self.pnl_units is None else str(self.pnl_units),
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds") if self.at else None,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Outcome:
        """The inverse of `to_json`. Raises KeyError, TypeError, ValueError or BadInput for what is no such document."""
        pnl, at = told["pnl_units"], told["at"]
        horizons = {int(seconds): int(move) for seconds, move in told["by_horizon"].items()}
        moment = datetime.fromisoformat(at) if at else None
        return cls(told["move_bps"], dict(told["markout_bps"]), horizons, None if pnl is None else int(pnl), moment)


@dataclass(frozen=True, slots=True)
class Settlement:
    """An outcome, each agent's score for its weight (None: its horizon is not over, or is not told), and the credits."""

    outcome: Outcome
    scores: Mapping[str, int | None]
    credits: Credits

    def payload(self) -> bytes:
        """As bytes for the record: equal settlements have equal bytes. Money is decimal text."""
        credits = explained(self.credits)
        told = {
            "outcome": self.outcome.to_json(),
            "scores": dict(self.scores),
            "result": str(credits["result"]),
            "shapley": {name: str(units) for name, units in credits["shapley"].items()},
            "utility_share": {name: str(units) for name, units in credits["utility_share"].items()},
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def settlement(call: Call, decision: Decision, outcome: Outcome) -> Settlement:
    """Scores and credits of those who proposed. `outcome.at` must be known.

    A score is what the agent's own favourite would have earned, bps, times the utility that it saw in it. Credits divide `pnl_units`:
    a coalition earns what its own decision would have earned. Raises BadInput for an outcome that cannot be one of this call.
    """
    _check(call, decision, outcome)
    proposals = decision.heard.proposals
    alone = replace(call, quorum=1)  # a quorum would silence whoever is looked at alone

    def own(name: str) -> int | None:
        proposal = proposals[name]
        favourite = proposal.favourite(call)
        utility = next((one for one in proposal.utilities if one.action == favourite), proposal.utilities[0])
        move = _move(call, outcome, utility.horizon_seconds)
        if move is None:
            return None
        value = decision_value(
            {name: proposal},
            lambda present: decide(alone, Heard(present), dict.fromkeys(present, WHOLE)).action,
            lambda action: _earned(call, outcome, action, move),
        )
        return own_results([name], value)[name] * max(utility.utility_micro, 0)

    return Settlement(outcome, {name: own(name) for name in sorted(proposals)}, _credits(call, decision, outcome))


def _credits(call: Call, decision: Decision, outcome: Outcome) -> Credits:
    proposals, weights = decision.heard.proposals, decision.weights_ppm

    def tally(present: Mapping[str, Proposal]) -> str:
        names = sorted(present)
        ppm = dict(zip(names, split(WHOLE, [weights[name] for name in names]), strict=True)) if names else {}
        return decide(call, Heard(present), ppm).action

    def result(action: str) -> int:
        if action == decision.action and outcome.pnl_units is not None:
            return outcome.pnl_units
        return _units(call.amount_in, _earned(call, outcome, action, outcome.move_bps or 0))

    utilities = {name: dict(_utilities(proposal)).get(decision.action, 0) for name, proposal in proposals.items()}
    return divided(decision_value(proposals, tally, result), utilities)


def _utilities(proposal: Proposal) -> list[tuple[str, int]]:
    return [(one.action, one.utility_micro) for one in proposal.utilities]


def _check(call: Call, decision: Decision, outcome: Outcome) -> None:
    if outcome.at is None:
        raise BadInput("at is missing; give the time of the prices.", field="at")
    if microseconds(outcome.at) * 1_000 < call.as_of_ns:
        raise BadInput("at is before the moment that was asked about; give the time of the prices afterwards.", field="at")
    if unknown := sorted(set(outcome.markout_bps) - set(call.actions)):
        raise BadInput(f"markout_bps names {unknown[0]}; the call knew {', '.join(call.actions)}.", field="markout_bps")
    told = outcome.markout_bps or _SIDES
    if missing := [action for action in call.actions[1:] if action not in told]:
        raise BadInput(f"What {missing[0]} earned cannot be told from a move; give markout_bps for each action.", field="markout_bps")
    if outcome.pnl_units and decision.action == call.safest:
        raise BadInput(f"{call.safest} was decided, so nothing was earned by advice; leave pnl_units out.", field="pnl_units")


def _move(call: Call, outcome: Outcome, horizon_seconds: int) -> int | None:
    """What base moved over a horizon; None when that is not told and not over at `at`."""
    assert outcome.at is not None
    if horizon_seconds in outcome.by_horizon:
        return outcome.by_horizon[horizon_seconds]
    is_over = microseconds(outcome.at) * 1_000 >= call.as_of_ns + horizon_seconds * 10**9
    return (outcome.move_bps or 0) if is_over else None


def _earned(call: Call, outcome: Outcome, action: str, move_bps: int) -> int:
    """What an action earned beyond the safest, bps."""
    told = outcome.markout_bps or {side: sign * move_bps for side, sign in _SIDES.items()}
    return told.get(action, 0) - told.get(call.safest, 0)


def _units(amount: int, bps: int) -> int:
    """So many basis points of an amount, to the nearest unit; a loss is the exact opposite of the gain."""
    size = share(amount, abs(bps), 10_000)
    return size if bps >= 0 else -size
