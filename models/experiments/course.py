"""One look at a running experiment: everything that is known, weighed together, and where the experiment goes from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from domain.sequential import CHALLENGER
from models.experiments.canary import CanaryReading, read_canary
from models.experiments.decision import Decision
from models.experiments.guardrails import Baseline, GuardrailReading, watch
from models.experiments.policy import PromotionPolicy
from models.experiments.rollout import RolloutPolicy
from models.experiments.sample_ratio import RatioReading, misassigned, sample_ratio
from models.experiments.stages import Experiment, StageVerdict, advance


@dataclass(frozen=True, slots=True)
class Look:
    """Where the experiment goes, why, and the evidence it rests on. `verdict` is the shadow trial's and the canary's together."""

    state: Experiment
    reason: str
    verdict: StageVerdict
    canary: CanaryReading
    guardrails: tuple[GuardrailReading, ...]
    sample_ratio: RatioReading


def look(
    state: Experiment,
    decision: Decision,
    orders: pl.DataFrame,
    baseline: Baseline,
    promotion: PromotionPolicy,
    rollout: RolloutPolicy,
    now: datetime,
) -> Look:
    """The next state of an experiment, from the shadow trial's decision and the live orders so far (a frame of `canary_orders`).

    A canary that proves the challenger dearer makes the verdict ROLLBACK; an order in another arm than its id and the salt say makes it
    INVALID; a shadow trial that no longer promotes (HOLD) stops the share from growing. Raises BadInput as `advance` does.
    """
    canary = read_canary(orders, promotion)
    guardrails, ratio = watch(orders, baseline, rollout), sample_ratio(orders, rollout)
    wrong = misassigned(orders, state.salt)
    verdict: StageVerdict = "ROLLBACK" if canary.dearer else "INVALID" if wrong else decision.verdict
    mine = orders.filter((pl.col("stage") == state.stage) & (pl.col("arm") == CHALLENGER)).height
    answered = decision.orders if state.share_bp == 0 else mine
    after, reason = advance(state, verdict, guardrails, ratio, orders=answered, now=now, policy=rollout)
    if after.status != state.status:
        # The state's sentence says that it went; these say by what.
        reason += (
            f" {canary.reason.capitalize()}"
            if canary.dearer
            else f" {len(wrong)} orders are in the wrong arm, such as {wrong[0]}."
            if wrong
            else ""
        )
    return Look(after, reason, verdict, canary, guardrails, ratio)
