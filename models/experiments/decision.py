"""The decision of a trial: PROMOTE, ROLLBACK, HOLD, FUTILE or INVALID, with everything it was decided on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import polars as pl

from models.experiments.accidents import BETTER, SHORT, WORSE, log_bets
from models.experiments.blocks import TRIALS
from models.experiments.evidence import MOST, Evidence, blocks_needed, claims, log_t_path, to_e_value
from models.experiments.paired import Pairs
from models.experiments.peeking import Look, Paths, Verdict, log_evidence, look, paths
from models.experiments.policy import PromotionPolicy


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its evidence. `reason` is the sentence a person reads; `more_days` is what the planner expects, None when hopeless.

    `e_value` is the evidence against "no better", `e_worse` that against "no worse", and `e_short` that against "a lift of at least the
    policy's"; each decides at the bar. `p_bound` bounds how often a challenger no better would meet such evidence, however often one looks.
    """

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
    e_worse: float = 1.0
    e_short: float = 1.0

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=lambda moment: moment.isoformat())


@dataclass(frozen=True, slots=True)
class Blocks:
    """The trial in blocks of equal length, oldest first, those without an order left out.

    `saving_bps` is what the challenger saved per order in each block (gains up to the policy's limit), `champion_cost_bps` what the
    champion paid. `clipped` counts the gains beyond the limit.
    """

    hours: int
    saving_bps: np.ndarray
    champion_cost_bps: np.ndarray
    orders: np.ndarray
    starts: list[datetime]
    clipped: int
    correlation_hours: float

    @property
    def count(self) -> int:
        return len(self.saving_bps)


def pair(trials: pl.DataFrame) -> Pairs:
    """A frame of trials (`arrived_at`, `champion_cost_bps`, `challenger_cost_bps`) as sorted pairs."""
    rows = trials.select(*TRIALS)
    return Pairs.sort(
        rows["arrived_at"].dt.epoch("us").to_numpy(), rows["champion_cost_bps"].to_numpy(), rows["challenger_cost_bps"].to_numpy()
    )


def decide(trials: pl.DataFrame, policy: PromotionPolicy, faults: tuple[str, ...] = ()) -> tuple[Decision, Blocks, Evidence]:
    """The verdict on paired trials (`arrived_at`, `champion_cost_bps`, `challenger_cost_bps`), with the blocks and the evidence path.

    The decision bears the time of the last order it rests on, so judging the same trials again gives the same record.
    """
    pairs = pair(trials)
    known = paths(pairs.by_hour(policy, len(pairs.complete_at(policy))), policy)
    seen = look(known, 0, known.sums.blocks, policy)
    blocks, evidence = in_blocks(pairs, known, seen, policy)
    verdict = "INVALID" if faults else seen.verdict
    e_better, e_worse, e_short = (to_e_value(log_e) for log_e in seen.log_e)
    more = more_days(known, 0, seen, policy)
    decision = Decision(
        verdict=verdict,
        reason=invalid(faults) if faults else explain(seen, more, policy),
        e_value=e_better,
        bar=policy.bar,
        p_bound=evidence.p_bound,
        lift=seen.lift,
        saving_bps=seen.saved_bps,
        champion_cost_bps=seen.paid_bps,
        blocks=seen.blocks,
        block_hours=seen.hours,
        correlation_hours=seen.correlation_hours,
        orders=int(blocks.orders.sum()) if blocks.count else 0,
        clipped_orders=blocks.clipped,
        more_days=more if verdict == "HOLD" else 0 if verdict == "PROMOTE" else None,
        decided_at=trials["arrived_at"].max() if trials.height else None,  # type: ignore[arg-type]
        policy_sha256=policy.sha256,
        e_worse=e_worse,
        e_short=e_short,
    )
    return decision, blocks, evidence


def in_blocks(pairs: Pairs, known: Paths, seen: Look, policy: PromotionPolicy) -> tuple[Blocks, Evidence]:
    """The trial in blocks of the length the data ask for; an incomplete block at the end is left for later."""
    length = seen.hours // policy.block_hours
    whole = known.sums.blocks // length
    shape = (whole, seen.hours)
    orders, paid, saved = (
        values[0, : whole * seen.hours].reshape(shape).sum(axis=1) for values in (known.sums.orders, known.sums.paid, known.sums.capped)
    )
    path = np.array([log_evidence(known, 0, (at + 1) * length, policy)[BETTER] for at in range(whole)])
    if length > 1 and whole:
        path = np.minimum(path, log_t_path(claims(known.sums, policy, length)[0, BETTER], policy.prior_scale))
    there = orders > 0
    starts = [pairs.begin_us + int(at) * seen.hours * 3_600_000_000 for at in np.flatnonzero(there)]
    firsts = pairs.at_us[np.searchsorted(pairs.at_us, starts)] if starts else np.zeros(0, dtype=np.int64)
    blocks = Blocks(
        seen.hours,
        saved[there] / orders[there],
        paid[there] / orders[there],
        orders[there],
        pl.Series(firsts, dtype=pl.Int64).cast(pl.Datetime("us", "UTC")).to_list(),
        int((pairs.champion - pairs.challenger > policy.clip_bps).sum()),
        seen.correlation_hours,
    )
    deviation = float(blocks.saving_bps.std(ddof=1)) if blocks.count > 1 else 0.0
    return blocks, Evidence(np.exp(np.minimum(path[there], MOST)), seen.saved_bps, deviation)


def evidence_of(seen: Look) -> float:
    """The e-value the verdict rests on: against "no worse" for ROLLBACK, against "enough" for an early FUTILE, else against "no better"."""
    claim = WORSE if seen.verdict == "ROLLBACK" else SHORT if seen.verdict == "FUTILE" and not seen.late else BETTER
    return to_e_value(seen.log_e[claim])


def more_days(known: Paths, run: int, seen: Look, policy: PromotionPolicy) -> int | None:
    """Days until the evidence is expected to suffice, the estimate taken at its word; None when it gives no hope of that."""
    day = seen.hours / 24
    missing = max(policy.min_blocks - seen.blocks, 0)
    if seen.day_blocks < 3:
        return math.ceil(missing * day)
    if seen.saved_bps <= 0:
        return None
    length = seen.hours // policy.block_hours
    totals = claims(known.sums, policy, length)[run, BETTER, : seen.day_blocks // length]
    waits = [missing * day]
    if len(totals) >= 2:
        needed = blocks_needed(float(totals.mean()), float(totals.std(ddof=1)), policy.bar, policy.prior_scale)
        if needed is None and totals.std() > 0:
            return None
        waits.append(((needed or 0) - len(totals)) * day)
    at = seen.day_blocks - 1
    won = log_bets(known.sums, run, at + 1, float(known.order_accident[run, at]), known.hour_accident[run, :, at], policy)[BETTER]
    if won <= 0:
        return None
    waits.append((math.log(policy.bar) / won - 1) * seen.day_blocks * policy.block_hours / 24)
    return math.ceil(max(waits))


def invalid(faults: tuple[str, ...]) -> str:
    return f"The trial does not count: {'; '.join(faults)}. Mend that and judge again."


def explain(seen: Look, more: int | None, policy: PromotionPolicy) -> str:
    """The sentence a person reads."""
    told = f"{seen.blocks} blocks of {seen.hours} h"
    saved = f"the challenger saves {seen.saved_bps:.2f} of {seen.paid_bps:.2f} bps ({seen.lift:+.1%})"
    e_value = evidence_of(seen)
    sure = f"e-value {e_value:.3g} ≥ {policy.bar:.3g}"
    often = f"in at most {min(1.0, 1 / e_value) if e_value else 1.0:.2g} of all trials, however often one looks"
    if seen.verdict == "PROMOTE":
        return f"After {told} {saved}; {sure}: a challenger no better would get this far {often}."
    if seen.verdict == "ROLLBACK":
        return f"After {told} the challenger is dearer: {saved}; {sure}: one that is no worse would look like this {often}."
    if seen.verdict == "FUTILE" and not seen.late:
        return f"After {told} {saved}; {sure}: one that brings {policy.min_lift:.0%} would look like this {often}."
    if seen.verdict == "FUTILE":
        return (
            f"After {told} {saved}, the e-value is {e_value:.3g} and {policy.bar:.3g} is needed; "
            f"the {policy.max_days} days the policy allows are over."
        )
    if seen.blocks < policy.min_blocks:
        longer = ""
        if seen.hours > policy.block_hours:
            alike = f"savings resemble each other over {seen.correlation_hours:.1f} h"
            longer = f" ({alike}, so blocks must be {seen.hours} h, not {policy.block_hours} h)"
        return f"{told}, {policy.min_blocks} are needed{longer}: about {max(more or 0, 1)} more days of orders."
    if seen.saved_bps <= 0:
        return f"After {told} the challenger is no cheaper: {saved}. There is nothing to promote."
    if seen.paid_bps <= 0:
        return f"After {told} the champion's orders cost {seen.paid_bps:.2f} bps on average: a relative lift has no meaning there."
    if seen.lift < policy.min_lift:
        return f"After {told} {saved}, less than the {policy.min_lift:.0%} a change must bring."
    wait = "no end is in sight" if more is None else f"about {max(more, 1)} more days of orders if the estimate holds"
    allowed = (
        ""
        if more is None or seen.day_blocks * policy.block_hours / 24 + more <= policy.max_days
        else (f", and the policy allows {policy.max_days} days in all")
    )
    return f"After {told} {saved}, but the e-value is {e_value:.3g} and {policy.bar:.3g} is needed: {wait}{allowed}."
