"""The course of an experiment: shadow → canary 1, 5, 10, 50, 100 % → champion, as a machine without a clock or memory of its own.

Every step up needs evidence; every step down happens at once and is final. What was decided stands in the state, so that any process
can take over from the table it is kept in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Literal, get_args

from domain.assignment import BUCKETS
from domain.problems import BadInput
from models.experiments.guardrails import GuardrailReading, breached
from models.experiments.rollout import RolloutPolicy
from models.experiments.sample_ratio import RatioReading

Status = Literal["running", "frozen", "champion", "rolled_back", "futile"]
StageVerdict = Literal["PROMOTE", "HOLD", "FUTILE", "INVALID", "ROLLBACK"]
OVER = ("champion", "rolled_back", "futile")


@dataclass(frozen=True, slots=True)
class Experiment:
    """Where an experiment stands. `share_bp` of 10,000 orders are the challenger's; `steps` counts the changes, to order rows by."""

    experiment: str
    salt: str
    policy_sha256: str
    status: Status
    stage: str
    share_bp: int
    entered_at: datetime
    steps: int

    @property
    def over(self) -> bool:
        """Whether nothing moves it any more."""
        return self.status in OVER

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=lambda moment: moment.isoformat())

    @classmethod
    def from_json(cls, text: str) -> Experiment:
        """The state that `to_json` wrote; raises BadInput naming the field that can't be one."""
        try:
            told = json.loads(text)
        except ValueError as error:
            raise BadInput(f"The experiment's state is not JSON: {error}", field="state") from error
        names = {field.name for field in fields(cls)}
        if not isinstance(told, dict) or set(told) != names:
            raise BadInput(f"The experiment's state must have exactly the fields {', '.join(sorted(names))}.", field="state")
        for name, kind in (("experiment", str), ("salt", str), ("policy_sha256", str), ("stage", str), ("share_bp", int), ("steps", int)):
            if type(told[name]) is not kind:
                raise BadInput(f"The experiment's {name} must be a {kind.__name__}, it is {told[name]!r}.", field=name)
        if told["status"] not in get_args(Status):
            raise BadInput(
                f"The experiment's status must be one of {', '.join(get_args(Status))}, it is {told['status']!r}.", field="status"
            )
        if not 0 <= told["share_bp"] <= BUCKETS:
            raise BadInput(f"The experiment's share_bp must be from 0 to {BUCKETS}, it is {told['share_bp']}.", field="share_bp")
        try:
            told["entered_at"] = datetime.fromisoformat(told["entered_at"])
        except (TypeError, ValueError) as error:
            raise BadInput(f"The experiment's entered_at must be a time, it is {told['entered_at']!r}.", field="entered_at") from error
        return cls(**told)


def begin(experiment: str, salt: str, policy: RolloutPolicy, now: datetime) -> Experiment:
    """A new experiment, in shadow: the challenger answers every order and decides none."""
    return Experiment(experiment, salt, policy.sha256, "running", policy.stages[0].name, 0, now, 0)


def advance(
    state: Experiment,
    verdict: StageVerdict,
    guardrails: Sequence[GuardrailReading],
    sample_ratio: RatioReading | None,
    *,
    orders: int,
    now: datetime,
    policy: RolloutPolicy,
) -> tuple[Experiment, str]:
    """The state after a look at the evidence, and the sentence that says why it is so.

    `verdict` is the evidence's; `orders` are the challenger's in this stage (in shadow: its answers). Looking twice at the same evidence
    changes nothing more, save that a stage long enough is left at the next look. Raises BadInput for a verdict that is none, or when the
    time goes back.
    """
    if verdict not in get_args(StageVerdict):
        raise BadInput(f"A verdict is one of {', '.join(get_args(StageVerdict))}, not {verdict!r}.", field="verdict")
    if now < state.entered_at:
        raise BadInput(f"The time goes back: {state.stage} was entered at {state.entered_at}, it is said to be {now}.", field="now")
    if state.over:
        return state, f"The experiment ended: {state.status}. Another try is another experiment, with its own name and salt."
    down = _step_down(state, verdict, guardrails)
    if down is not None:
        status, reason = down
        return _ended(state, status, 0, now), f"{reason}. The champion has every order again; this experiment does not restart."
    if state.status == "frozen":
        return state, "The experiment is frozen; a person must find the cause and resume it, in shadow."
    fault = _fault(state, verdict, sample_ratio, policy)
    if fault is not None:
        frozen = replace(state, status="frozen", steps=state.steps + 1)
        return frozen, f"Frozen at {state.share_bp / 100:g} %: {fault}"
    return _step_up(state, verdict, orders, now, policy)


def resume(state: Experiment, salt: str, policy: RolloutPolicy, now: datetime) -> Experiment:
    """A frozen experiment, begun again in shadow by a person. What it gathered is void, so it takes a salt it did not have.

    Raises BadInput when it is not frozen, or for the old salt: the same orders would meet the same arms again.
    """
    if state.status != "frozen":
        raise BadInput(f"Only a frozen experiment can be resumed; {state.experiment} is {state.status}.", field="status")
    if salt == state.salt:
        raise BadInput("Resume with a new salt: the old one would divide the orders as they were divided before.", field="salt")
    return replace(begin(state.experiment, salt, policy, now), steps=state.steps + 1)


def _step_down(state: Experiment, verdict: str, guardrails: Sequence[GuardrailReading]) -> tuple[Status, str] | None:
    """Even a frozen experiment is taken back when it does harm."""
    broken = breached(guardrails)
    if broken:
        return "rolled_back", f"Rolled back from {state.stage}: {'; '.join(reading.reason for reading in broken)}"
    if verdict == "ROLLBACK":
        return "rolled_back", f"Rolled back from {state.stage}: the verdict is ROLLBACK"
    if verdict == "FUTILE":
        return "futile", f"Given up in {state.stage}: the verdict is FUTILE"
    return None


def _fault(state: Experiment, verdict: str, sample_ratio: RatioReading | None, policy: RolloutPolicy) -> str | None:
    if policy.sha256 != state.policy_sha256:
        return f"the policy was changed on the way ({state.policy_sha256[:12]} → {policy.sha256[:12]})."
    if sample_ratio is not None and sample_ratio.mismatch:
        return sample_ratio.reason
    return "the verdict is INVALID." if verdict == "INVALID" else None


def _step_up(state: Experiment, verdict: str, orders: int, now: datetime, policy: RolloutPolicy) -> tuple[Experiment, str]:
    stage, following = policy.stage(state.stage), policy.after(state.stage)
    if verdict != "PROMOTE":
        return state, f"{stage.name} goes on: the verdict is {verdict}."
    hours = (now - state.entered_at).total_seconds() / 3600
    if hours < stage.least_hours:
        return state, f"{stage.name} goes on for {math.ceil(stage.least_hours - hours)} more hours; {stage.least_hours:g} are the least."
    if orders < stage.least_orders:
        return state, f"{stage.name} goes on for {stage.least_orders - orders:,} more orders; {stage.least_orders:,} are the least."
    if following is None:
        return _ended(state, "champion", BUCKETS, now), f"{stage.name} held over {orders:,} orders: the challenger is the champion."
    grown = replace(state, stage=following.name, share_bp=following.share_bp, entered_at=now, steps=state.steps + 1)
    return grown, f"{stage.name} held over {orders:,} orders: {following.name}, {following.share_bp / 100:g} % of orders."


def _ended(state: Experiment, status: Status, share_bp: int, now: datetime) -> Experiment:
    return replace(state, status=status, share_bp=share_bp, entered_at=now, steps=state.steps + 1)
