"""Paired orders added up by hour: all that the evidence needs, for one trial or for thousands at once.

Both arms answered the same order, so an order's saving is what the champion paid less what the challenger paid, in bps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.experiments.policy import PromotionPolicy

# The three claims that can be refuted: "no better", "no worse", and "a lift of at least the policy's".
BETTER, WORSE, SHORT = 0, 1, 2
# The share of its winnings that one accident of the assumed size costs a bet.
STAKE = 0.95


HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Orders that both arms answered, oldest first: arrival in microseconds since 1970 UTC, and what each arm paid, in bps."""

    at_us: np.ndarray
    champion: np.ndarray
    challenger: np.ndarray

    @classmethod
    def sort(cls, at_us: np.ndarray, champion: np.ndarray, challenger: np.ndarray) -> Pairs:
        """The orders in the order of their arrival; those of one moment by their costs, so that their rows' order tells nothing."""
        if len(at_us) > 1 and (np.diff(at_us) <= 0).any():
            rank = np.lexsort((challenger, champion, at_us))
            at_us, champion, challenger = at_us[rank], champion[rank], challenger[rank]
        return cls(at_us, champion, challenger)

    @property
    def begin_us(self) -> int:
        """When the first block begins: the hour of the first order, or the midnight that is less than two hours before it.

        A block that began at midnight whatever the first order's hour would hold a part of a day, and the day's pattern with it.
        """
        hour = int(self.at_us[0]) // HOUR_US
        return (hour - hour % 24 if hour % 24 <= 1 else hour) * HOUR_US

    def complete_at(self, policy: PromotionPolicy) -> np.ndarray:
        """When each block is known to be complete: at its end, or once an order came that is later than its last hour's beginning."""
        width = policy.block_hours * HOUR_US
        count = (int(self.at_us[-1]) + HOUR_US - self.begin_us) // width if len(self.at_us) else 0
        ends = self.begin_us + width * np.arange(1, count + 1, dtype=np.int64) if count else np.zeros(0, dtype=np.int64)
        following = np.searchsorted(self.at_us, ends - HOUR_US)
        ends, following = ends[following < len(self.at_us)], following[following < len(self.at_us)]
        return np.maximum(ends, self.at_us[following])

    def by_hour(self, policy: PromotionPolicy, blocks: int) -> HourSums:
        """The orders of the first so many blocks, added up by hour."""
        end = np.searchsorted(self.at_us, self.begin_us + blocks * policy.block_hours * HOUR_US) if blocks else 0
        hour = (self.at_us[:end] - (self.begin_us if blocks else 0)) // HOUR_US
        return add_up(hour, self.champion[:end], self.challenger[:end], policy, blocks)


@dataclass(frozen=True, slots=True)
class HourSums:
    """Trials by hour, each array runs × hours; `log_bets` is runs × claims × blocks, the logged winnings of the bets on single orders.

    `capped` is the saving with every gain cut at the policy's limit and every loss in full; `saved` is the saving as it is.
    """

    orders: np.ndarray
    paid: np.ndarray
    capped: np.ndarray
    saved: np.ndarray
    log_bets: np.ndarray

    @property
    def blocks(self) -> int:
        return self.log_bets.shape[2]


def add_up(hour: np.ndarray, champion: np.ndarray, challenger: np.ndarray, policy: PromotionPolicy, blocks: int, runs: int = 1) -> HourSums:
    """Orders in the order of their hours, added up; `hour` counts from the start of the first run, runs lie `blocks` blocks apart.

    Every hour must lie within its run. Costs are in bps.
    """
    hours = blocks * policy.block_hours
    saved = champion - challenger
    capped = np.minimum(saved, policy.clip_bps)
    first = np.flatnonzero(np.diff(hour, prepend=-1)) if len(hour) else np.zeros(0, dtype=np.int64)
    there = hour[first]

    def by_hour(values: np.ndarray) -> np.ndarray:
        summed = np.zeros(runs * hours)
        if len(first):
            summed[there] = np.add.reduceat(values, first)
        return summed.reshape(runs, hours)

    orders = np.zeros(runs * hours)
    orders[there] = np.diff(first, append=len(hour))
    paid, gained, raw = by_hour(champion), by_hour(capped), by_hour(saved)
    worst = np.zeros(runs * hours)
    if len(first):
        # An accident of the one arm may yet happen to the other.
        largest = np.maximum(np.abs(saved), np.maximum(np.abs(champion), np.abs(challenger)))
        worst[there] = np.maximum.reduceat(largest, first)
    record = _so_far(worst.reshape(runs, blocks, policy.block_hours).max(axis=2))
    stake = (STAKE / np.maximum(policy.accident_bps, record)).reshape(-1)[hour // policy.block_hours] if len(hour) else np.zeros(0)
    bets = [
        by_hour(_log_bet(stake * value)).reshape(runs, blocks, policy.block_hours).sum(axis=2)
        for value in (capped, -saved, policy.min_lift * champion - saved)
    ]
    return HourSums(orders.reshape(runs, hours), paid, gained, raw, np.stack(bets, axis=1))


def _so_far(largest: np.ndarray) -> np.ndarray:
    """The largest seen before each block; a stake may only rest on what was seen before it was set."""
    before = np.zeros_like(largest)
    before[:, 1:] = np.maximum.accumulate(largest, axis=1)[:, :-1]
    return before


def _log_bet(fraction: np.ndarray) -> np.ndarray:
    """The logged winnings of a stake; a loss beyond the assumed accident leaves 3 %, and is the one assumed from then on."""
    return np.log1p(np.maximum(fraction, -0.97))


def hour_bets(sums: HourSums, policy: PromotionPolicy) -> np.ndarray:
    """The logged winnings of bets on whole hours, runs × claims × blocks: against accidents that take all orders of an hour.

    The accident assumed is `accident_hour` times what the champion pays in an hour, or the worst hour seen, whichever is larger.
    The first block sets the first stake, so nothing is bet on it.
    """
    runs, blocks = sums.orders.shape[0], sums.blocks
    shape = (runs, blocks, policy.block_hours)
    hours_before = np.arange(blocks) * policy.block_hours
    orders_before, paid_before = (_sum_before(values.reshape(shape).sum(axis=2)) for values in (sums.orders, sums.paid))
    bets = np.zeros((runs, 3, blocks))
    for claim, total in ((BETTER, sums.capped), (WORSE, -sums.saved), (SHORT, policy.min_lift * sums.paid - sums.saved)):
        by_block = total.reshape(shape)
        record = _so_far(np.abs(by_block).max(axis=2))
        accident = np.maximum(policy.accident_hour * np.maximum(paid_before, 0) / np.maximum(hours_before, 1), record)
        stake = np.where((orders_before > 0) & (accident > 0), STAKE / np.maximum(accident, 1e-300), 0.0)
        bets[:, claim] = _log_bet(stake[:, :, None] * by_block).sum(axis=2)
    return bets


def _sum_before(values: np.ndarray) -> np.ndarray:
    before = np.zeros_like(values)
    before[:, 1:] = np.cumsum(values, axis=1)[:, :-1]
    return before
