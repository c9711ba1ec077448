"""How several agents' utilities become one action: values, and the rule that decides, in integers only, so that a replay is exact.

Utilities are whole millionths in [-1,000,000, 1,000,000] of the best an agent can imagine, above or below doing the safest thing.
Confidences and weights are parts per million. An action's score is the sum of weight x confidence x utility over the agents that
proposed. One that refused or said nothing is in neither the sum nor what it is divided by: the weights of the others add up to the
whole, so silence moves nobody's score towards zero (the rule of ai-hedge-fund's records, for whole numbers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.problems import BadInput, Broken, MessageRejected

WHOLE = 1_000_000
RULE = "weighted-utility/1"
TRADE_ACTIONS = ("HOLD", "BUY", "SELL")
EXECUTION_ACTIONS = ("WAIT", "NOW", "SPLIT", "PRIVATE")
LONGEST_HORIZON_SECONDS = 30 * 24 * 3600
MOST_ACTIONS = 16
NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
ACTION = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
TRADE_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")


@dataclass(frozen=True, slots=True)
class ActionUtility:
    """What one agent gives for one action: utility in millionths, confidence in ppm, over how many seconds, and what it rests on.

    Raises MessageRejected naming the field that is out of range.
    """

    action: str
    utility_micro: int
    confidence_ppm: int = WHOLE
    horizon_seconds: int = 3600
    evidence_ref: str = ""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("utility_micro", -WHOLE, WHOLE),
            ("confidence_ppm", 0, WHOLE),
            ("horizon_seconds", 1, LONGEST_HORIZON_SECONDS),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise MessageRejected(
                    "out_of_range",
                    f"{name} of {self.action} is {value}; give {low} to {high}.",
                    field=name,
                    value=value,
                    action=self.action,
                )

    @property
    def weight(self) -> int:
        """Utility times confidence: what the agent puts on the scale, in 10^-12."""
        return self.utility_micro * self.confidence_ppm


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of the agents. `actions` begins with the safest one; times are nanoseconds since 1970; amounts are base units.

    `as_of_ns` is the moment whose knowledge counts, `quorum` the least number of proposals that can move anything. Raises BadInput.
    """

    trade_id: str
    base: str
    quote: str
    as_of_ns: int
    deadline_ns: int
    amount_in: int = 0
    actions: tuple[str, ...] = TRADE_ACTIONS
    quorum: int = 1
    input_sha256: str = ""

    def __post_init__(self) -> None:
        if not TRADE_ID.fullmatch(self.trade_id):
            raise BadInput(f"trade_id {self.trade_id!r} is not 1 to 64 letters, digits or _ . : -.", field="trade_id")
        if not 2 <= len(self.actions) <= MOST_ACTIONS or len(set(self.actions)) < len(self.actions):
            raise BadInput("actions: give two to sixteen different ones, the safest first.", field="actions")
        if bad := [one for one in self.actions if not ACTION.fullmatch(one)]:
            raise BadInput(f"actions: {bad[0]!r} is not a word in capitals.", field="actions")
        if self.quorum < 1:
            raise BadInput(f"quorum is {self.quorum}; at least one agent must propose.", field="quorum")
        if self.deadline_ns <= 0 or self.as_of_ns <= 0 or self.amount_in < 0:
            raise BadInput("deadline_ns and as_of_ns must be after 1970, amount_in at least 0.", field="deadline_ns")

    @property
    def safest(self) -> str:
        """What is done when nothing better was shown."""
        return self.actions[0]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An agent's answer. An action it does not name counts nothing: as good as the safest."""

    agent: str
    utilities: tuple[ActionUtility, ...]
    model_version: str
    prompt_version: str = ""
    bundle_sha256: str = ""

    def check(self, call: Call) -> None:
        """Raises MessageRejected for an action the call does not know or one that is given twice, and for no action at all."""
        named = [one.action for one in self.utilities]
        if not named or len(set(named)) < len(named):
            raise MessageRejected("unclear", f"{self.agent} gives no utility, or two for one action; give one for each.", agent=self.agent)
        if unknown := sorted(set(named) - set(call.actions)):
            raise MessageRejected(
                "unknown_action", f"{self.agent} proposes {unknown[0]}; the call knows {', '.join(call.actions)}.", agent=self.agent
            )

    def weight_of(self, action: str) -> int:
        """What it puts on the scale for an action, in 10^-12."""
        return next((one.weight for one in self.utilities if one.action == action), 0)

    def favourite(self, call: Call) -> str:
        """The action it gives most for; the safest one on a tie."""
        return _best({action: self.weight_of(action) for action in call.actions}, call.safest)


@dataclass(frozen=True, slots=True)
class Tally:
    """How an action came out: the exact sum in 10^-18, the same in millionths rounded down, and whose favourite it was."""

    action: str
    numerator: int
    score_micro: int
    favoured_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a decision rests on besides the call: who proposed what, who refused or failed and why, who said nothing, who was late."""

    proposals: Mapping[str, Proposal]
    refused: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    down: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One action, the tally of each, the weights it was made with, who took no part, and why, in a sentence."""

    trade_id: str
    action: str
    is_quorate: bool
    reason: str
    tallies: tuple[Tally, ...]
    weights_ppm: Mapping[str, int]
    heard: Heard
    rule: str = RULE

    def tally(self, action: str) -> Tally:
        """How this action came out; raises KeyError when it was not asked about."""
        return {one.action: one for one in self.tallies}[action]

    def to_json(self) -> dict[str, Any]:
        """As a document; sums are decimal text, they pass 53 bits."""
        return {
            "trade_id": self.trade_id,
            "action": self.action,
            "is_quorate": self.is_quorate,
            "reason": self.reason,
            "rule": self.rule,
            "tallies": [
                {
                    "action": one.action,
                    "score_micro": one.score_micro,
                    "numerator": str(one.numerator),
                    "favoured_by": list(one.favoured_by),
                }
                for one in self.tallies
            ],
            "weights_ppm": dict(self.weights_ppm),
            "proposed": sorted(self.heard.proposals),
            "refused": dict(self.heard.refused),
            "failed": dict(self.heard.failed),
            "silent": list(self.heard.silent),
            "late": list(self.heard.late),
            "down": list(self.heard.down),
        }

    def canonical(self) -> bytes:
        """The document as bytes: sorted keys, no spaces, ASCII. Equal decisions have equal bytes."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def decide(call: Call, heard: Heard, weights_ppm: Mapping[str, int]) -> Decision:
    """The action with the greatest weighted utility; the safest one on a tie, without a quorum, and when nothing beats it.

    `weights_ppm` are of exactly the agents that proposed and add up to the whole; raises Broken when they do not.
    """
    names = sorted(heard.proposals)
    if sorted(weights_ppm) != names or (names and sum(weights_ppm.values()) != WHOLE) or any(one < 0 for one in weights_ppm.values()):
        raise Broken(f"The weights {dict(weights_ppm)} are not those of {', '.join(names) or 'nobody'}, or do not add up to {WHOLE}.")
    favourites = {name: heard.proposals[name].favourite(call) for name in names}
    sums = {action: sum(weights_ppm[name] * heard.proposals[name].weight_of(action) for name in names) for action in call.actions}
    tallies = tuple(
        Tally(action, sums[action], sums[action] // (WHOLE * WHOLE), tuple(name for name in names if favourites[name] == action))
        for action in call.actions
    )
    is_quorate = len(names) >= call.quorum
    best = _best(sums, call.safest)
    action = best if is_quorate else call.safest
    weights = {name: weights_ppm[name] for name in names}
    return Decision(call.trade_id, action, is_quorate, _reason(call, sums, action, is_quorate, len(names)), tallies, weights, heard)


def _best(sums: Mapping[str, int], safest: str) -> str:
    """The action with the greatest sum; the safest when several share it."""
    top = max(sums.values())
    leading = [action for action, one in sums.items() if one == top]
    return leading[0] if len(leading) == 1 else safest


def _reason(call: Call, sums: Mapping[str, int], action: str, is_quorate: bool, proposals: int) -> str:
    if not is_quorate:
        return f"{action}: {_counted(proposals)} came in time and the quorum is {call.quorum}."
    top = max(sums.values())
    leading = [one for one in call.actions if sums[one] == top]
    if len(leading) > 1:
        return f"{action}: {' and '.join(leading)} tie at {_shown(top)}, and a tie goes to the safest."
    second = max((one for one in call.actions if one != action), key=lambda one: sums[one])
    return f"{action}: {_shown(top)} of 1 after {_counted(proposals)}, before {second} with {_shown(sums[second])}."


def _counted(proposals: int) -> str:
    return f"{proposals} proposal" if proposals == 1 else f"{proposals} proposals"


def _shown(numerator: int) -> str:
    """A sum as a decimal of the whole, six places, towards minus infinity like the tally."""
    micro = numerator // (WHOLE * WHOLE)
    return f"{'-' if micro < 0 else ''}{abs(micro) // WHOLE}.{abs(micro) % WHOLE:06d}"
