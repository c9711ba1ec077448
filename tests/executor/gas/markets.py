"""Seeded markets for block space: whoever offers most gets in, the base fee follows EIP-1559, demand comes in waves of several kinds.

Blocks have three hundred places. Each block also holds some transactions of its builder, which pay no tip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.base_fee import next_base_fee

GWEI = 10**9
GAS, LIMIT = 100_000, 30_000_000
PLACES = LIMIT // GAS
LEAST_TIP = 10**6  # what a builder takes a transaction for
# How long a wave of demand lasts, how high it is, and how the tips that people offer wander.
WEATHER = {"calm": (0.5, 0.25, 0.02), "busy": (0.8, 0.5, 0.05), "bursts": (0.9, 0.5, 0.08), "drifting": (0.98, 0.15, 0.1)}


@dataclass(frozen=True, slots=True)
class MarketBlock:
    """What a block's fees were: its base fee, the tip below which a tenth of its gas paid, and the least tip that would have got in."""

    base_fee: int
    level: int | None
    least_that_got_in: float
    used: int


def market(weather: str, seed: int, blocks: int) -> Sequence[MarketBlock]:
    """So many blocks in a row."""
    chance = np.random.default_rng(seed)
    memory, swing, wander = WEATHER[weather]
    base_fee, wave, mood = 20 * GWEI, 0.0, np.log(1.5)
    waiting = np.zeros((0, 2))
    found = []
    for _ in range(blocks):
        wave = memory * wave + chance.normal(0, swing)
        mood += 0.01 * (np.log(1.5) - mood) + chance.normal(0, wander)
        come = chance.poisson(150 * np.exp(wave - swing**2 / 2 / (1 - memory**2)))
        tips = np.exp(chance.normal(mood, 0.8, come)) * GWEI
        most = base_fee * np.exp(chance.normal(0.25, 0.25, come)) + tips
        waiting = np.concatenate([waiting, np.stack([tips, most], 1)])
        paying = np.minimum(waiting[:, 0], waiting[:, 1] - base_fee)
        own = int(chance.integers(0, 8))
        order = np.argsort(-paying, kind="stable")
        taken = order[paying[order] >= LEAST_TIP][: PLACES - own]
        got_in = np.sort(np.concatenate([np.zeros(own), paying[taken]]))
        level = int(got_in[int(np.ceil(0.1 * len(got_in))) - 1]) if len(got_in) else None
        is_full = len(got_in) == PLACES
        used = len(got_in) * GAS
        found.append(MarketBlock(base_fee, level, float(paying[taken].min()) if is_full else LEAST_TIP, used))
        stays = np.ones(len(waiting), bool)
        stays[taken] = False
        waiting = waiting[stays & (chance.random(len(waiting)) > 0.1)][-2000:]
        base_fee = next_base_fee(base_fee, used, LIMIT)
    return found


def as_fee_history(blocks: Sequence[MarketBlock], oldest: int = 0) -> dict[str, object]:
    """The blocks as a node tells them."""
    following = next_base_fee(blocks[-1].base_fee, blocks[-1].used, LIMIT)
    return {
        "oldestBlock": hex(oldest),
        "baseFeePerGas": [hex(block.base_fee) for block in blocks] + [hex(following)],
        "gasUsedRatio": [block.used / LIMIT for block in blocks],
        "reward": [[hex(block.level or 0)] for block in blocks],
    }
