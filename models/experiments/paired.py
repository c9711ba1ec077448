"""Paired orders added up by hour: all that the evidence needs, for one trial or for thousands at once.

Both arms answered the same order, so an order's saving is what the champion paid less what the challenger paid, in bps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.experiments.policy import PromotionPolicy

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
        if (at_us[1:] < at_us[:-1]).any():
            rank = np.argsort(at_us)
            at_us, champion, challenger = at_us[rank], champion[rank], challenger[rank]
        if (at_us[1:] == at_us[:-1]).any():
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
    """Trials by hour, each array runs × hours, and the single orders they were added up from.

    `capped` is the saving with every gain cut at the policy's limit and every loss in full; `saved` is the saving as it is.
    `worst` is the largest cost of a single order, or twice the largest saving or loss. `hour` counts from the start of the first run;
    runs lie one after the other.
    """

    orders: np.ndarray
    paid: np.ndarray
    capped: np.ndarray
    saved: np.ndarray
    worst: np.ndarray
    hour: np.ndarray
    champion: np.ndarray
    challenger: np.ndarray
    block_hours: int

    @property
    def runs(self) -> int:
        return self.orders.shape[0]

    @property
    def blocks(self) -> int:
        return self.orders.shape[1] // self.block_hours

    def by_block(self, hourly: np.ndarray, length: int = 1) -> np.ndarray:
        """Hourly figures of every run by blocks of `length` times the policy's hours, runs × blocks × hours."""
        hours = length * self.block_hours
        whole = hourly.shape[1] // hours
        return hourly[:, : whole * hours].reshape(self.runs, whole, hours)

    def orders_of(self, run: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
        """What champion and challenger paid for the orders of that run's first so many blocks."""
        begin = run * self.orders.shape[1]
        first, end = np.searchsorted(self.hour, (begin, begin + blocks * self.block_hours))
        return self.champion[first:end], self.challenger[first:end]


def add_up(hour: np.ndarray, champion: np.ndarray, challenger: np.ndarray, policy: PromotionPolicy, blocks: int, runs: int = 1) -> HourSums:
    """Orders in the order of their hours, added up; `hour` counts from the start of the first run, runs lie `blocks` blocks apart.

    Every hour must lie within its run. Costs are in bps.
    """
    hours = blocks * policy.block_hours
    saved = champion - challenger
    first = np.flatnonzero(np.diff(hour, prepend=-1)) if len(hour) else np.zeros(0, dtype=np.int64)
    there = hour[first]

    def by_hour(values: np.ndarray, over: np.ufunc = np.add) -> np.ndarray:
        summed = np.zeros(runs * hours)
        if len(first):
            summed[there] = over.reduceat(values, first)
        return summed.reshape(runs, hours)

    orders = np.zeros(runs * hours)
    orders[there] = np.diff(first, append=len(hour))
    # An accident of the one arm may yet happen to the other, and the next difference be twice the largest so far.
    largest = np.maximum(2 * np.abs(saved), np.maximum(np.abs(champion), np.abs(challenger)))
    return HourSums(
        orders.reshape(runs, hours),
        by_hour(champion),
        by_hour(np.minimum(saved, policy.clip_bps)),
        by_hour(saved),
        by_hour(largest, np.maximum),
        hour,
        champion,
        challenger,
        policy.block_hours,
    )
