"""Peeking: the first look at which a trial is decided, for one trial or thousands, exactly as if somebody had looked at every step.

Evidence changes only when a block completes, so a look between two completions sees what the one before it saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.experiments.blocks import block_hours, correlation_length
from models.experiments.evidence import claims, log_evidence, log_t_path
from models.experiments.paired import BETTER, SHORT, WORSE, HourSums
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
    """The evidence of each run after each block, before the data are asked for longer blocks, which can only lower it."""

    sums: HourSums
    log_e: np.ndarray
    full: np.ndarray
    paid: np.ndarray
    lift: np.ndarray


def paths(sums: HourSums, policy: PromotionPolicy) -> Paths:
    runs = sums.orders.shape[0]
    shape = (runs, sums.blocks, policy.block_hours)
    orders, paid, saved = (values.reshape(shape).sum(axis=2) for values in (sums.orders, sums.paid, sums.capped))
    seen, spent = np.maximum(np.cumsum(orders, axis=1), 1), np.cumsum(paid, axis=1)
    lift = np.where(spent > 0, np.cumsum(saved, axis=1) / np.where(spent > 0, spent, 1.0), 0.0)
    return Paths(sums, log_evidence(sums, policy), np.cumsum(orders > 0, axis=1), spent / seen, lift)


def first_decisions(sums: HourSums, policy: PromotionPolicy, looks: np.ndarray | None = None) -> list[Look | None]:
    """For each run the first look that decides it, None when none does; `looks` are the numbers of complete blocks at each look."""
    known = paths(sums, policy)
    bar = math.log(policy.bar)
    enough = known.full >= policy.min_blocks
    hope = known.paid > 0
    maybe = (
        ((known.log_e[:, BETTER] >= bar) & (known.lift >= policy.min_lift) & hope & enough)
        | ((known.log_e[:, WORSE] >= bar) & enough)
        | ((known.log_e[:, SHORT] >= bar) & hope & enough & (known.lift > -policy.min_lift / 2))
        | (np.arange(1, sums.blocks + 1) * policy.block_hours >= policy.max_days * 24)
    )
    if looks is not None:
        seen = np.zeros(sums.blocks, dtype=bool)
        seen[np.asarray(looks, dtype=np.int64)[np.asarray(looks) > 0] - 1] = True
        maybe &= seen
    decided: list[Look | None] = []
    for run in range(maybe.shape[0]):
        found = (look(known, run, int(at) + 1, policy) for at in np.flatnonzero(maybe[run]))
        decided.append(next((one for one in found if one.verdict != "HOLD"), None))
    return decided


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
    log_e = known.log_e[run, :, count - 1]
    blocks = int(known.full[run, count - 1])
    if length > 1:
        one = [values[run : run + 1, :end] for values in (sums.orders, sums.paid, sums.capped, sums.saved)]
        told = claims(HourSums(one[0], one[1], one[2], one[3], sums.log_bets[run : run + 1, :, :count]), policy, length)
        blocks = int((orders[: count // length * hours].reshape(-1, hours).sum(axis=1) > 0).sum())
        longer = log_t_path(told, policy.prior_scale)[0, :, -1] if blocks else np.zeros(3)
        log_e = np.minimum(log_e, longer)
    paid, lift = float(known.paid[run, count - 1]), float(known.lift[run, count - 1])
    late = count * policy.block_hours >= policy.max_days * 24
    return Look(
        _verdict(log_e, blocks, paid, lift, late, policy),
        (float(log_e[0]), float(log_e[1]), float(log_e[2])),
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
