"""The decision of a trial: PROMOTE, HOLD, FUTILE or INVALID, with everything it was decided on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from models.experiments.blocks import Blocks, in_blocks
from models.experiments.evidence import Evidence, blocks_needed, weigh
from models.experiments.policy import PromotionPolicy

Verdict = Literal["PROMOTE", "HOLD", "FUTILE", "INVALID"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its evidence. `reason` is the sentence a person reads; `more_days` is what the planner expects, None when hopeless."""

    verdict: Verdict
    reason: str
    e_value: float
    bar: float
    p_bound: float
    lift: float
    saving_bps: float
    champion_cost_bps: float
    blocks: int
    block_hours: int
    correlation_hours: float
    orders: int
    clipped_orders: int
    more_days: int | None
    decided_at: datetime | None
    policy_sha256: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=lambda moment: moment.isoformat())


def decide(trials: pl.DataFrame, policy: PromotionPolicy, faults: tuple[str, ...] = ()) -> tuple[Decision, Blocks, Evidence]:
    """The verdict on paired trials (`arrived_at`, `champion_cost_bps`, `challenger_cost_bps`), with the blocks and the evidence path.

    PROMOTE when "no better" is rejected at alpha and the estimate is a lift of at least the policy's.
    HOLD says what is missing and how many more days that is expected to take; FUTILE that it is more than the policy allows;
    INVALID names the faults that make the trial worthless. The decision bears the time of the last order it rests on, so judging
    the same trials again gives the same record.
    """
    blocks = in_blocks(trials, policy)
    evidence = weigh(blocks.saving_bps, policy.prior_scale)
    paid = float(blocks.champion_cost_bps.mean()) if blocks.count else 0.0
    lift = evidence.mean / paid if paid > 0 else 0.0
    more = _more_days(blocks, evidence, policy)
    verdict, reason = _verdict(blocks, evidence, paid, lift, more, policy, faults)
    decision = Decision(
        verdict=verdict,
        reason=reason,
        e_value=evidence.e_value,
        bar=policy.bar,
        p_bound=evidence.p_bound,
        lift=lift,
        saving_bps=evidence.mean,
        champion_cost_bps=paid,
        blocks=blocks.count,
        block_hours=blocks.hours,
        correlation_hours=blocks.correlation_hours,
        orders=int(blocks.orders.sum()) if blocks.count else 0,
        clipped_orders=blocks.clipped,
        more_days=more if verdict == "HOLD" else 0 if verdict == "PROMOTE" else None,
        decided_at=trials["arrived_at"].max() if trials.height else None,  # type: ignore[arg-type]
        policy_sha256=policy.sha256,
    )
    return decision, blocks, evidence


def _more_days(blocks: Blocks, evidence: Evidence, policy: PromotionPolicy) -> int | None:
    """Days until the evidence is expected to suffice; None when the estimate gives no hope of that."""
    day = blocks.hours / 24
    missing = max(policy.min_blocks - blocks.count, 0)
    if blocks.count < 3:
        return math.ceil(missing * day)
    needed = blocks_needed(evidence.mean, evidence.deviation, policy.bar, policy.prior_scale)
    if needed is None:
        return None
    return math.ceil(max(needed - blocks.count, missing, 0) * day)


def _verdict(
    blocks: Blocks, evidence: Evidence, paid: float, lift: float, more: int | None, policy: PromotionPolicy, faults: tuple[str, ...]
) -> tuple[Verdict, str]:
    seen = f"{blocks.count} blocks of {blocks.hours} h"
    saved = f"the challenger saves {evidence.mean:.2f} of {paid:.2f} bps ({lift:+.1%})"
    if faults:
        return "INVALID", f"The trial does not count: {'; '.join(faults)}. Mend that and judge again."
    if blocks.count < policy.min_blocks:
        longer = ""
        if blocks.hours > policy.block_hours:
            alike = f"savings resemble each other over {blocks.correlation_hours:.1f} h"
            longer = f" ({alike}, so blocks must be {blocks.hours} h, not {policy.block_hours} h)"
        return "HOLD", f"{seen}, {policy.min_blocks} are needed{longer}: about {max(more or 0, 1)} more days of orders."
    if evidence.mean > 0 and evidence.e_value >= policy.bar and lift >= policy.min_lift:
        return "PROMOTE", (
            f"After {seen} {saved}; e-value {evidence.e_value:.3g} ≥ {policy.bar:.3g}: a challenger no better would get this far "
            f"in at most {evidence.p_bound:.2g} of all trials, however often one looks."
        )
    days = blocks.count * blocks.hours / 24
    if evidence.mean <= 0:
        reason = f"After {seen} the challenger is no cheaper: {saved}. There is nothing to promote."
        return ("FUTILE" if days >= policy.max_days else "HOLD"), reason
    if paid <= 0:
        return "HOLD", f"After {seen} the champion's orders cost {paid:.2f} bps on average: a relative lift has no meaning there."
    if lift < policy.min_lift:
        reason = f"After {seen} {saved}, less than the {policy.min_lift:.0%} a change must bring."
        return ("FUTILE" if days >= policy.max_days else "HOLD"), reason
    told = f"After {seen} {saved}, but the e-value is {evidence.e_value:.3g} and {policy.bar:.3g} is needed"
    if more is None or days + more > policy.max_days:
        wait = "no end is in sight" if more is None else f"that would take about {more} more days"
        return "FUTILE", f"{told}; {wait}, the policy allows {policy.max_days} days in all."
    return "HOLD", f"{told}: about {max(more, 1)} more days of orders if the estimate holds."
