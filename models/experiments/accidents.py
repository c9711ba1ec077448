"""Accidents that may not have happened yet: bets that win slowly as long as a rare loss could still undo the saving.

A challenger that saves a little on most orders and loses much on a rare one looks better until the rare one comes, and no test of what
was seen can tell. So the evidence must also survive one more accident: a bet stakes nearly all of its winnings on there being none of an
assumed size, and only a total saving of some five such accidents wins it at one percent.
"""

from __future__ import annotations

import math

import numpy as np

from models.experiments.paired import HourSums
from models.experiments.policy import PromotionPolicy

# The three claims that can be refuted: "no better", "no worse", and "a lift of at least the policy's".
BETTER, WORSE, SHORT = 0, 1, 2
# The share of its winnings that one accident of the assumed size costs a bet.
STAKE = 0.95
# What a loss beyond the assumed accident leaves of the winnings; it is the accident assumed from then on.
LEAST = 0.03


def against(capped: np.ndarray, saved: np.ndarray, paid: np.ndarray, policy: PromotionPolicy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What speaks against each of the three claims, in bps: savings (gains capped), losses, and what is missing to the least lift."""
    return capped, -saved, policy.min_lift * paid - saved


def order_accident(sums: HourSums, policy: PromotionPolicy) -> np.ndarray:
    """The accident of a single order assumed after each block, bps, runs × blocks.

    The largest cost seen, or twice the largest difference, and at least `accident_bps`. Where orders are few, what they could rule out is
    enough: in `accident_days` if they saved the least lift, or in half as many at twice that lift or more.
    """
    paid, saved = (np.cumsum(sums.by_block(values).sum(axis=2), axis=1) for values in (sums.paid, sums.capped))
    days = np.arange(1, sums.blocks + 1) * policy.block_hours / 24
    a_day = np.maximum(policy.min_lift * np.maximum(paid, 0), np.abs(saved) / 2) / days
    affordable = policy.accident_days * a_day * STAKE / -math.log(policy.alpha)
    return np.maximum(_so_far(sums.by_block(sums.worst).max(axis=2, initial=0.0)), np.minimum(policy.accident_bps, affordable))


def hour_accident(sums: HourSums, policy: PromotionPolicy) -> np.ndarray:
    """The accident that takes all orders of an hour assumed after each block: `accident_hour` times what the champion pays in an hour,
    or the worst hour seen; in bps times orders, runs × claims × blocks."""
    paid = np.cumsum(sums.by_block(sums.paid).sum(axis=2), axis=1)
    usual = policy.accident_hour * np.maximum(paid, 0) / (np.arange(1, sums.blocks + 1) * policy.block_hours)
    told = [
        np.maximum(usual, _so_far(np.abs(sums.by_block(values)).max(axis=2, initial=0.0)))
        for values in against(sums.capped, sums.saved, sums.paid, policy)
    ]
    return np.stack(told, axis=1)


def ceiling(totals: np.ndarray, order: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """More than the bets can have won, logged, runs × claims × blocks: as if each small win were worth its stake in full.

    Cheap for all looks at once; only where it suffices are the bets themselves reckoned.
    """
    total = STAKE * np.cumsum(totals, axis=2)
    return np.minimum(_over(total, order[:, None, :]), _over(total, hour))


def log_bets(sums: HourSums, run: int, blocks: int, order: float, hour: np.ndarray, policy: PromotionPolicy) -> np.ndarray:
    """The logged winnings of the bets of that run after so many blocks, one for each claim: the lesser of orders and hours.

    All stakes are set by the accident known by then, those of the past as well: else an accident larger than any before would find
    winnings that were staked as if it could not happen.
    """
    champion, challenger = sums.orders_of(run, blocks)
    end = blocks * policy.block_hours
    saved = champion - challenger
    singles = against(np.minimum(saved, policy.clip_bps), saved, champion, policy)
    hours = against(sums.capped[run, :end], sums.saved[run, :end], sums.paid[run, :end], policy)
    return np.array([min(_won(singles[claim], order), _won(hours[claim], hour[claim])) for claim in (BETTER, WORSE, SHORT)])


def _won(values: np.ndarray, accident: float) -> float:
    return float(np.log1p(np.maximum(values * (STAKE / accident), LEAST - 1)).sum()) if accident > 0 else 0.0


def _over(total: np.ndarray, accident: np.ndarray) -> np.ndarray:
    return np.where(accident > 0, total / np.where(accident > 0, accident, 1.0), 0.0)


def _so_far(largest: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(largest, axis=1)
