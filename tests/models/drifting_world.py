"""A world for the bandit: actions with quotes and a hidden linear offset, noise with heavy tails, and one day all offsets change.

Five actions, eight dimensions, Student's t noise of three degrees and 15 bps. Quoting alone is about 4.5 bps above the best there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.bandit import QuoteOffsetBandit, Settings

ACTIONS, DIMENSIONS, DRIFT = 5, 8, 4_000
QUOTE_BPS, OFFSET_BPS, NOISE_BPS = 5.0, 7.0, 15.0


@dataclass(frozen=True, slots=True)
class World:
    """`drift` is the order from which everything learned before is wrong."""

    seed: int
    orders: int = 8_000
    drift: int = DRIFT


def excess_of(world: World, settings: Settings | None = None) -> tuple[np.ndarray, np.ndarray, QuoteOffsetBandit]:
    """What the bandit and the quote alone cost above the best action, order by order, noise left out; and the bandit."""
    chance = np.random.default_rng(world.seed)
    contexts = np.column_stack([np.ones(world.orders), chance.normal(size=(world.orders, DIMENSIONS - 1))])
    quoted = 10 + chance.normal(0, QUOTE_BPS, (world.orders, ACTIONS))
    before, after = (chance.normal(0, OFFSET_BPS / np.sqrt(DIMENSIONS), (ACTIONS, DIMENSIONS)) for _ in range(2))
    drifted = (np.arange(world.orders) >= world.drift)[:, None]
    offsets = np.where(drifted, contexts @ after.T, contexts @ before.T)
    noise = NOISE_BPS * chance.standard_t(3, offsets.shape)
    costs = quoted + offsets
    best = costs.min(axis=1)
    bandit = QuoteOffsetBandit(ACTIONS, DIMENSIONS, settings)
    taken = np.zeros(world.orders, dtype=int)
    for at in range(world.orders):
        taken[at] = np.argmax(bandit.propensities(contexts[at], quoted[at]))
        bandit.learn(contexts[at], int(taken[at]), float(offsets[at, taken[at]] + noise[at, taken[at]]))
    every = np.arange(world.orders)
    return costs[every, taken] - best, costs[every, quoted.argmin(axis=1)] - best, bandit
