"""Peeking: the first look at which a trial is decided, for one trial or thousands, exactly as if somebody had looked at every step.

Evidence changes only when a block completes, so a look between two completions sees what the one before it saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.experiments.accidents import BETTER, SHORT, WORSE, ceiling, hour_accident, log_bets, order_accident
from models.experiments.blocks import block_hours, correlation_length
from models.experiments.evidence import claims, log_t_path
from models.experiments.paired import HourSums
from models.experiments.policy import PromotionPolicy

Verdict = Literal["PROMOTE", "ROLLBACK", "HOLD", "FUTILE", "INVALID"]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known once `day_blocks` blocks of the policy's length are in, and the verdict that follows.

    `hours` is the block length the data ask for, `blocks` how many of these are complete; `log_e` is the logged evidence against
    "no better", "no worse" and "a lift of at least the policy's". `late` says that the days the policy allows are over.
    """

    verdict: Verdict
    log_e: tuple[float, float, float]
    lift: float
    paid_bps: float
    saved_bps: float
    day_blocks: int
    blocks: int
    hours: int
    correlation_hours: float
    late: bool


@dataclass(frozen=True, slots=True)
class Paths:
    """What is known of each run after each block before a single look is taken: the t path, and accidents assumed.

    `most` is more than the evidence can be, runs × claims × blocks: no verdict where it is below the bar.
    """

    sums: HourSums
    log_t: np.ndarray
    order_accident: np.ndarray
    hour_accident: np.ndarray
    most: np.ndarray
    full: np.ndarray
    paid: np.ndarray
    lift: np.ndarray


def paths(sums: HourSums, policy: PromotionPolicy) -> Paths:
    orders, paid, saved = (sums.by_block(values).sum(axis=2) for values in (sums.orders, sums.paid, sums.capped))
    seen, spent = np.maximum(np.cumsum(orders, axis=1), 1), np.cumsum(paid, axis=1)
    lift = np.where(spent > 0, np.cumsum(saved, axis=1) / np.where(spent > 0, spent, 1.0), 0.0)
    totals = claims(sums, policy)
    log_t = log_t_path(totals, policy.prior_scale)
    order, hour = order_accident(sums, policy), hour_accident(sums, policy)
    most = np.minimum(log_t, ceiling(totals, order, hour))
    return Paths(sums, log_t, order, hour, most, np.cumsum(orders > 0, axis=1), spent / seen, lift)


def first_decisions(sums: HourSums, policy: PromotionPolicy, looks: np.ndarray | None = None) -> list[Look | None]:
    """For each run the first look that decides it, None when none does; `looks` are the numbers of complete blocks at each look."""
    known = paths(sums, policy)
    # A hair below the bar, for what rounding may take from the ceiling.
    refuted = known.most >= math.log(policy.bar) - 1e-9
    hope, enough = known.paid > 0, known.full >= policy.min_blocks
    maybe = enough & (
        (refuted[:, BETTER] & (known.lift >= policy.min_lift) & hope)
        | refuted[:, WORSE]
        | (refuted[:, SHORT] & hope & (known.lift > -policy.min_lift / 2))
    )
    maybe |= np.arange(1, sums.blocks + 1) * policy.block_hours >= policy.max_days * 24
    if looks is not None:
        taken = np.zeros(sums.blocks, dtype=bool)
        taken[np.asarray(looks, dtype=np.int64) - 1] = True
        maybe &= taken
    decided: list[Look | None] = []
    for run in range(sums.runs):
        found = (look(known, run, int(at) + 1, policy) for at in np.flatnonzero(maybe[run]))
        decided.append(next((one for one in found if one.verdict != "HOLD"), None))
    return decided


def log_evidence(known: Paths, run: int, count: int, policy: PromotionPolicy) -> np.ndarray:
    """The logged evidence against each claim after so many blocks of the policy's length: the lesser of t path and bets."""
    at = count - 1
    bets = log_bets(known.sums, run, count, float(known.order_accident[run, at]), known.hour_accident[run, :, at], policy)
    return np.minimum(known.log_t[run, :, at], bets)


def look(known: Paths, run: int, count: int, policy: PromotionPolicy) -> Look:
    """The verdict on a run with its first `count` blocks in."""
    if count == 0:
        return Look("HOLD", (0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 0, 0, policy.block_hours, 0.0, False)
    sums = known.sums
    end = count * policy.block_hours
    orders = sums.orders[run, :end]
    correlation = correlation_length(_without_the_day(sums.capped[run, :end], orders))
    hours = block_hours(correlation, policy)
    length = hours // policy.block_hours
    log_e = log_evidence(known, run, count, policy)
    blocks = int(known.full[run, count - 1])
    if length > 1:
        whole = count // length
        blocks = int((orders[: whole * hours].reshape(whole, hours).sum(axis=1) > 0).sum())
        longer = log_t_path(claims(sums, policy)[run, :, : whole * length].reshape(3, whole, length).sum(axis=2), policy.prior_scale)
        log_e = np.minimum(log_e, longer[:, -1]) if whole else np.minimum(log_e, 0.0)
    paid, lift = float(known.paid[run, count - 1]), float(known.lift[run, count - 1])
    late = count * policy.block_hours >= policy.max_days * 24
    return Look(
        _verdict(log_e, blocks, paid, lift, late, policy),
        (float(log_e[BETTER]), float(log_e[WORSE]), float(log_e[SHORT])),
        lift,
        paid,
        float(sums.capped[run, :end].sum() / max(orders.sum(), 1)),
        count,
        blocks,
        hours,
        correlation,
        late,
    )


def _without_the_day(saved: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Hourly savings less their usual value at that hour of the day: blocks hold whole days, in which a daily pattern cancels."""
    busy = orders > 0
    hourly = saved[busy] / orders[busy]
    hour = np.flatnonzero(busy) % 24
    count = np.bincount(hour, minlength=24)
    return hourly - (np.bincount(hour, hourly, minlength=24) / np.maximum(count, 1))[hour]


def _verdict(log_e: np.ndarray, blocks: int, paid: float, lift: float, late: bool, policy: PromotionPolicy) -> Verdict:
    refuted = log_e >= math.log(policy.bar)
    if blocks >= policy.min_blocks:
        if refuted[WORSE]:
            return "ROLLBACK"
        if refuted[BETTER] and paid > 0 and lift >= policy.min_lift:
            return "PROMOTE"
        # A challenger that looks clearly dearer is ROLLBACK's to judge; it would come too late if "not enough" ended the trial first.
        if refuted[SHORT] and paid > 0 and lift > -policy.min_lift / 2:
            return "FUTILE"
    return "FUTILE" if late else "HOLD"
