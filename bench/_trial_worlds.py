"""Worlds in which a challenger is tried: what both arms pay for the same orders over sixty days, seeded, with or without a true lift.

`draw(rng, runs)` gives the champion's and the challenger's cost in bps, runs × hours × orders an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.experiments.accidents import BETTER
from models.experiments.paired import HourSums, add_up
from models.experiments.peeking import Look, first_decisions, paths
from models.experiments.policy import PromotionPolicy

DAYS = 60
HOURS = DAYS * 24
BASE_BPS = 20.0
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class World:
    """A world by name, in which the challenger is no better than the champion on average."""

    name: str
    draw: Draw


def added_up(champion: np.ndarray, challenger: np.ndarray, policy: PromotionPolicy) -> HourSums:
    """Many runs as the evidence takes them."""
    runs, hours, per_hour = champion.shape
    hour = np.repeat(np.arange(runs * hours), per_hour)
    return add_up(hour, champion.ravel(), challenger.ravel(), policy, hours // policy.block_hours, runs)


def play(champion: np.ndarray, challenger: np.ndarray, policy: PromotionPolicy) -> list[Look | None]:
    """For each run the decision that looking every hour comes to: the code behind `grekko evidence --peek 1h`, many runs at once."""
    return first_decisions(added_up(champion, challenger, policy), policy)


def t_alone(sums: HourSums, policy: PromotionPolicy) -> np.ndarray:
    """The day on which the t path alone would promote each run, without a thought for accidents; zero when it never does."""
    known = paths(sums, policy)
    promoted = (known.log_t[:, BETTER] >= -np.log(policy.alpha)) & (known.lift >= policy.min_lift) & (known.full >= policy.min_blocks)
    return np.where(promoted.any(axis=1), promoted.argmax(axis=1) + 1, 0)


def t3(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Student's t with three degrees of freedom, scaled to a deviation of one."""
    return rng.standard_t(3, shape) / np.sqrt(3)


def sticky(shocks: np.ndarray, phi: float) -> np.ndarray:
    """An AR(1) along the last axis with the deviation of the shocks; two days of them come first, so that it begins anywhere."""
    along = np.ascontiguousarray(np.concatenate([shocks[:, -48:], shocks], axis=1).T)
    along[1:] *= np.sqrt(1 - phi**2)
    for hour in range(1, len(along)):
        along[hour] += phi * along[hour - 1]
    return np.ascontiguousarray(along[48:].T)


def clusters(rng: np.random.Generator, runs: int, sway: float = 0.12, memory: float = 0.97) -> np.ndarray:
    """Volatility that comes in clusters: the exponential of a slow AR(1), with a mean of about one."""
    level = sticky(rng.standard_normal((runs, HOURS)), memory) * sway / np.sqrt(1 - memory**2)
    return np.exp(level - sway**2 / (1 - memory**2) / 2)


def _costs(rng: np.random.Generator, saving: np.ndarray, per_hour: int) -> tuple[np.ndarray, np.ndarray]:
    champion = BASE_BPS + 5 * rng.standard_normal((*saving.shape[:2], per_hour), dtype=np.float32).astype(float)
    return champion, champion - saving


def common(noise: Callable[[np.random.Generator, int], np.ndarray], deviation: float = 30.0, per_hour: int = 6) -> Draw:
    """All orders of an hour share its shock, of that deviation in bps, and have a smaller one of their own."""

    def draw(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
        own = 5 * rng.standard_normal((runs, HOURS, per_hour), dtype=np.float32)
        return _costs(rng, deviation * noise(rng, runs)[:, :, None] + own, per_hour)

    return draw


def rare(
    chance: float,
    size: float,
    per_hour: int = 6,
    whole_hours: bool = False,
    lucky: bool = False,
    spread: bool = False,
    steady: bool = False,
) -> Draw:
    """Every order saves a little and a rare one loses `size` bps, so that nothing is saved on average.

    `whole_hours` lets it hit all orders of an hour, `lucky` turns the signs around, `spread` draws the size from an exponential,
    `steady` leaves the single orders hardly any noise to hide the saving in.
    """

    def draw(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
        hit = rng.random((runs, HOURS, 1 if whole_hours else per_hour), dtype=np.float32) < chance
        loss = hit * (size * rng.standard_exponential(hit.shape, dtype=np.float32) if spread else np.float32(size))
        own = (0.5 if steady else 5.0) * rng.standard_normal((runs, HOURS, per_hour), dtype=np.float32)
        return _costs(rng, (-1 if lucky else 1) * (chance * size - loss) + own, per_hour)

    return draw


def both_ways(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """One order in two hundred loses or gains 400 bps, as likely either way."""
    shape = (runs, HOURS, 6)
    jump = (rng.random(shape, dtype=np.float32) < 0.005) * np.where(rng.random(shape, dtype=np.float32) < 0.5, 400.0, -400.0)
    return _costs(rng, jump + 5 * rng.standard_normal(shape, dtype=np.float32), 6)


def daily_pattern(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """The challenger saves 15 bps by day and loses them by night; the first order comes at any hour, so the runs begin at any."""
    begin = rng.integers(0, 24, (runs, 1))
    wave = 15.0 * np.sqrt(2) * np.sin(2 * np.pi * (np.arange(HOURS) + begin) / 24)
    return _costs(rng, (wave + 10 * t3(rng, runs, HOURS))[:, :, None] + np.zeros((1, 1, 6)), 6)


def null_worlds() -> list[World]:
    """Worlds without a difference: noise of every kind, and savings that a rare loss undoes."""
    return [
        World("normal", common(lambda rng, runs: rng.standard_normal((runs, HOURS)))),
        World("t3", common(lambda rng, runs: t3(rng, runs, HOURS))),
        World("t3, AR .3", common(lambda rng, runs: sticky(t3(rng, runs, HOURS), 0.3))),
        World("t3, AR .6", common(lambda rng, runs: sticky(t3(rng, runs, HOURS), 0.6))),
        World("t3, AR .8", common(lambda rng, runs: sticky(t3(rng, runs, HOURS), 0.8))),
        World("t3, volatility clusters", common(lambda rng, runs: t3(rng, runs, HOURS) * clusters(rng, runs))),
        World("t3, AR .8, volatility clusters", common(lambda rng, runs: sticky(t3(rng, runs, HOURS) * clusters(rng, runs), 0.8))),
        World("daily pattern of 15 bps, t3", daily_pattern),
        World("reverts: 1 % lose 150 bps", rare(0.01, 150)),
        World("rare reverts: 0.1 % lose 1,000 bps", rare(0.001, 1000, steady=True)),
        World("gas spikes: 1 % of hours, 100 bps", rare(0.01, 100, whole_hours=True, steady=True)),
        World("gas spikes: 0.5 % of orders, exponential, 300 bps", rare(0.005, 300, spread=True)),
        World("reverts: 1 % lose an exponential of 500 bps, 5 orders/h", rare(0.01, 500, 5, spread=True)),
        World("reverts: 5 % lose an exponential of 100 bps, 5 orders/h", rare(0.05, 100, 5, spread=True)),
        World("rare reverts: 1 % lose 300 bps, 1 order/h", rare(0.01, 300, 1, steady=True)),
        World("lucky strikes: 0.3 % gain 500 bps", rare(0.003, 500, lucky=True)),
        World("both ways: 0.5 % lose or gain 400 bps", both_ways),
    ]


def lognormal_gas(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """The challenger pays more gas, whose price is lognormal (sigma 1.5) and sticky (AR .9 by the hour), and saves 4 bps elsewhere."""
    price = np.exp(1.5 * sticky(rng.standard_normal((runs, HOURS)), 0.9) - 1.5**2 / 2)
    return _costs(rng, 4 * (1 - price)[:, :, None] + 5 * rng.standard_normal((runs, HOURS, 5), dtype=np.float32), 5)


def beyond_reach() -> list[World]:
    """Worlds in which sixty days are too few to meet the losses: no test can hold one percent here and still find a lift elsewhere."""
    return [
        World("beyond reach: 0.2 % lose an exponential of 1,500 bps, 5 orders/h", rare(0.002, 1500, 5, spread=True)),
        World("beyond reach: lognormal sticky gas, 5 orders/h", lognormal_gas),
    ]


def lifted(lift: float, per_hour: int = 50) -> Draw:
    """Shadow-paired orders with that lift: hourly shock t3, AR .3, 10 bps; own shock t3, 25 bps, .9 of its variance shared."""

    def draw(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, np.ndarray]:
        champion, challenger = shadow_pairs(rng, runs, per_hour)
        return champion, challenger - lift * BASE_BPS

    return draw


def shadow_pairs(rng: np.random.Generator, runs: int, per_hour: int) -> tuple[np.ndarray, np.ndarray]:
    """The orders of `lifted` before the lift, so that several lifts can be tried on the same draws."""
    shared = 10 * sticky(t3(rng, runs, HOURS), 0.3)[:, :, None]
    both = np.sqrt(0.9) * 25 * t3(rng, runs, HOURS, per_hour)
    own = [np.sqrt(0.1) * 25 * t3(rng, runs, HOURS, per_hour) for _ in range(2)]
    return BASE_BPS + shared + both + own[0], BASE_BPS + shared + both + own[1]
