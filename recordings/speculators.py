"""Speculators: a few who know where the reference price will be in some minutes, and two who follow the trend."""

from __future__ import annotations

from math import exp, log

import numpy as np

from recordings import plan
from recordings.actions import Request, SellExact, SellToPrice
from recordings.mirror import sqrt_price_of
from recordings.scene import Scene

SLOTS_PER_HOUR = 3600 // plan.SLOT_SECONDS


class Informed:
    """Knows the reference price of the next minutes, and trades when that pays for fee and gas."""

    TIPS_PER_DAY = 170.0
    PAIRS = (("WETH", "USDC"), ("WETH", "USDC"), ("WBTC", "USDC"), ("WETH", "DAI"), ("WBTC", "WETH"), ("UNI", "WETH"))
    LARGEST_USD = 120_000.0
    LEAST_PROFIT_USD = 25.0

    def act(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Sometimes a tip arrives: trade on it in the pool where it is worth most."""
        rate = self.TIPS_PER_DAY / plan.SLOTS_PER_DAY * scene.market.activity[scene.slot]
        if draw.random() >= rate:
            return []
        token_a, token_b = self.PAIRS[int(draw.integers(len(self.PAIRS)))]
        later = scene.slot + int(draw.integers(25, 150))  # 5 to 30 minutes
        wallet = int(draw.choice(plan.INFORMED))
        greed = 0.35 + 0.4 * round(float(draw.random()), 3)
        best: tuple[float, SellToPrice] | None = None
        for key in scene.joining(token_a, token_b):
            pool = scene.mirror.facts[key]
            if not pool.is_concentrated:
                continue
            edge = log(scene.reference(pool, later) / scene.mirror.price(key))
            if abs(edge) < pool.fee_pips / 1e6 + 0.0008:
                continue
            token_in = (pool.token1 if edge > 0 else pool.token0).symbol
            limit = sqrt_price_of(scene.mirror.price(key) * exp(edge * greed))
            found = scene.sell_to(key, token_in, limit, scene.units(token_in, self.LARGEST_USD))
            if found is None:
                continue
            leg, amount_in, amount_out = found
            worth = amount_out * scene.usd_per_unit(leg.token_out, later) - amount_in * scene.usd_per_unit(leg.token_in, later)
            profit = worth - scene.gas_usd()
            if profit > self.LEAST_PROFIT_USD and (best is None or profit > best[0]):
                best = (profit, SellToPrice(leg, amount_in, limit, amount_out * 99 // 100))
        return [] if best is None else [scene.request(wallet, best[1], 2.5)]


class TrendFollower:
    """Goes long when the fast average of a price is above the slow one, and out when it is below. Never short."""

    FAST_HOURS, SLOW_HOURS = 1.5, 8.0
    ENTER, LEAVE = 0.0025, -0.0005
    POSITION_USD, STEP_USD = 120_000.0, 30_000.0

    def __init__(self, wallet: int, token: str, every_slots: int, offset: int) -> None:
        self.wallet, self.token, self.every, self.offset = wallet, token, every_slots, offset
        self.position = 0  # base units held
        self.fast = self.slow = 0.0
        self.long = False

    def act(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Update the averages every slot; now and then move a step towards the wanted position."""
        price = scene.market.price(self.token, scene.slot)
        if self.fast == 0.0:
            self.fast = self.slow = price
        self.fast += (price - self.fast) / (self.FAST_HOURS * SLOTS_PER_HOUR)
        self.slow += (price - self.slow) / (self.SLOW_HOURS * SLOTS_PER_HOUR)
        if scene.slot % self.every != self.offset:
            return []
        lead = log(self.fast / self.slow)
        self.long = lead > self.ENTER or (self.long and lead > self.LEAVE)
        held_usd = self.position * scene.usd_per_unit(self.token)
        wanted = self.POSITION_USD if self.long else 0.0
        gap = wanted - held_usd
        # A small gap is left alone, except that what is held is sold to the end.
        if abs(gap) < self.STEP_USD * 0.6 and (self.long or self.position == 0):
            return []
        size = self.STEP_USD * (0.7 + 0.6 * round(float(draw.random()), 3))
        if gap > 0:
            amount = scene.units("USDC", min(size, gap))
            best = scene.best_leg("USDC", self.token, amount)
        else:
            amount = self.position if not self.long and held_usd < size else min(self.position, scene.units(self.token, min(size, -gap)))
            best = scene.best_leg(self.token, "USDC", amount)
        if best is None:
            return []
        leg, received = best
        self.position += received if gap > 0 else -amount
        return [scene.request(self.wallet, SellExact((leg,), amount, received * 99 // 100), 1.5)]
