"""An order sold piece by piece into one exact pool while others trade in it: the episode a reinforcement learner plays.

The pool is the integers of `domain/amm`: what a piece pays is what the contract would pay. Between two pieces the market moves, and
arbitrage takes the pool part of the way back to it. No learning library is needed here; `environment.py` puts one around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from domain.amm.constant_product import ConstantProductPool
from domain.market import BPS
from domain.problems import BadInput
from models.reward import RewardSettings

# What may be sold at a step, in eighths of what is left.
EIGHTHS = (0, 1, 2, 4, 8)
OBSERVED = ("left", "steps_left", "deviation_bps", "move_bps")


@dataclass(frozen=True, slots=True)
class Terms:
    """The task: reserves of the pool (base units), what is to be sold of its token0, in how many steps, and how restless the market is."""

    reserve0: int = 10**24
    reserve1: int = 3_000 * 10**24
    fee_pips: int = 3_000
    amount: int = 2 * 10**22
    steps: int = 8
    volatility_bps: float = 12.0
    reversion: float = 0.7
    reward: RewardSettings = field(default_factory=RewardSettings)

    def __post_init__(self) -> None:
        if min(self.reserve0, self.reserve1, self.amount) <= 0 or self.steps < 1 or not 0 <= self.reversion <= 1:
            raise BadInput("Reserves and amount must be above 0, steps at least 1, reversion from 0 to 1.", field="terms")


class Liquidation:
    """One episode. What is left at the last step is sold there, so waiting cannot avoid the cost."""

    def __init__(self, terms: Terms, seed: int) -> None:
        self.terms = terms
        self.chance = np.random.default_rng(seed)
        self.pool = ConstantProductPool(terms.fee_pips, terms.reserve0, terms.reserve1)
        self.left, self.got, self.step_number = terms.amount, 0, 0
        self.market = self.arrival = terms.reserve1 / terms.reserve0
        self.moved_bps = 0.0

    @property
    def done(self) -> bool:
        return self.left == 0

    def observe(self) -> np.ndarray:
        """What is known before a piece is chosen, in the order of `OBSERVED`; the bps in hundreds."""
        terms = self.terms
        mid = self.pool.reserve1 / self.pool.reserve0
        told = [self.left / terms.amount, 1 - self.step_number / terms.steps, BPS * math.log(mid / self.market) / 100, self.moved_bps / 100]
        return np.array(told, dtype=np.float32)

    def sell(self, choice: int) -> float:
        """Sells that part of what is left and lets the market move; the reward in bps of the whole order."""
        if self.done:
            raise BadInput("The order is sold; start another episode.", field="choice")
        terms, self.step_number = self.terms, self.step_number + 1
        last = self.step_number >= terms.steps
        piece = self.left if last else self.left * EIGHTHS[choice] // 8
        earned = 0.0
        if piece:
            self.pool, swap = self.pool.swap(True, piece)
            self.left -= swap.amount_in
            self.got += swap.amount_out
            # Against the price at arrival; what the market did meanwhile is the seller's gain or loss.
            earned = BPS * (swap.amount_out - swap.amount_in * self.arrival) / (terms.amount * self.arrival)
        self._move()
        # Every step is a trade's share of the risk: a loss counts more than a gain of the same size.
        return earned - terms.reward.risk * max(-earned, 0.0) - terms.reward.turnover * piece / terms.amount

    def _move(self) -> None:
        before = self.market
        self.market *= math.exp(self.chance.normal(0, self.terms.volatility_bps) / BPS)
        self.moved_bps = BPS * math.log(self.market / before)
        pool, product = self.pool, self.pool.reserve0 * self.pool.reserve1
        mid = pool.reserve1 / pool.reserve0
        goal = mid * (self.market / mid) ** self.terms.reversion
        reserve0 = int(math.sqrt(product / goal))
        self.pool = ConstantProductPool(pool.fee_pips, reserve0, product // reserve0)
