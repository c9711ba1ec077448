"""Those who lend their money to the pools: yield farmers who keep a narrow range around the price, and small providers who come and go."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

import numpy as np

from domain.amm.ticks import sqrt_price_at_tick
from recordings import plan
from recordings.actions import AddRange, AddToPair, RemoveFromPair, RemoveRange, Request, SellExact
from recordings.mirror import Mirror, liquidity_for
from recordings.scene import Scene

REBALANCED = 0.4  # how often a farmer swaps when moving; otherwise the other token comes from the purse
TICK = log1p(0.0001)  # the logarithm of one tick's price step


def range_around(mirror: Mirror, key: str, width: float, shift: float = 0.0) -> tuple[int, int]:
    """Ticks a fraction `width` below and above the price, on the pool's grid. `shift` moves the middle by a part of the width."""
    pool = mirror.concentrated(key)
    middle = pool.tick + round(shift * width / TICK)
    reach = max(round(log1p(width) / TICK), pool.tick_spacing)
    lower = (middle - reach) // pool.tick_spacing * pool.tick_spacing
    upper = -(-(middle + reach) // pool.tick_spacing) * pool.tick_spacing
    return lower, upper


def liquidity_worth(scene: Scene, key: str, lower: int, upper: int, usd: float) -> int:
    """Liquidity between two ticks that costs so many dollars now."""
    fact, pool = scene.mirror.facts[key], scene.mirror.concentrated(key)
    values = scene.usd_per_unit(fact.token0.symbol), scene.usd_per_unit(fact.token1.symbol)
    return liquidity_for(pool.sqrt_price_x96, lower, upper, *values, usd)


@dataclass
class Position:
    """A range somebody holds."""

    lower: int
    upper: int
    liquidity: int
    opened: int
    harvested: int


class YieldFarmer:
    """Keeps one narrow position in a pool: moves it when the price leaves its middle, and collects the fees twice a day."""

    LOOK_EVERY = 75  # slots: a quarter of an hour
    OLD_AFTER = 20 * 300
    HARVEST_EVERY = 12 * 300

    def __init__(self, wallet: int, pool: str, width: float, usd: float, offset: int) -> None:
        self.wallet, self.pool, self.width, self.usd, self.offset = wallet, pool, width, usd, offset
        self.position: Position | None = None
        self.opens_at: int | None = None

    def act(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Look every quarter of an hour, and open again a few slots after closing."""
        if self.opens_at == scene.slot:
            return self._open(scene)
        moving = self.opens_at is not None and self.opens_at > scene.slot
        if scene.slot % self.LOOK_EVERY != self.offset or moving or self.pool not in scene.pools:
            return []
        if self.position is None:
            return self._open(scene)
        held, tick = self.position, scene.mirror.concentrated(self.pool).tick
        edge = (held.upper - held.lower) * 0.12
        if held.lower + edge < tick < held.upper - edge and scene.slot - held.opened < self.OLD_AFTER:
            if scene.slot - held.harvested < self.HARVEST_EVERY:
                return []
            held.harvested = scene.slot
            return [scene.request(self.wallet, RemoveRange(self.pool, held.lower, held.upper, 0), 0.3)]
        return self._close(scene, draw)

    def _open(self, scene: Scene) -> list[Request]:
        lower, upper = range_around(scene.mirror, self.pool, self.width)
        liquidity = liquidity_worth(scene, self.pool, lower, upper, self.usd)
        self.position, self.opens_at = Position(lower, upper, liquidity, scene.slot, scene.slot), None
        return [scene.request(self.wallet, AddRange(self.pool, lower, upper, liquidity), 0.5)]

    def _close(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Take everything out, and now and then swap a part of the side there is too much of, as opening in the middle needs both."""
        held = self.position
        assert held is not None
        self.position, self.opens_at = None, scene.slot + int(draw.integers(2, 6))
        requests = [scene.request(self.wallet, RemoveRange(self.pool, held.lower, held.upper, held.liquidity), 0.6)]
        fact, pool = scene.mirror.facts[self.pool], scene.mirror.concentrated(self.pool)
        lower, upper = sqrt_price_at_tick(held.lower), sqrt_price_at_tick(held.upper)
        now = min(max(pool.sqrt_price_x96, lower), upper)
        value0 = held.liquidity * (1 / now - 1 / upper) * 2**96 * scene.usd_per_unit(fact.token0.symbol)
        value1 = held.liquidity * (now - lower) / 2**96 * scene.usd_per_unit(fact.token1.symbol)
        surplus = (value0 - value1) / 2
        token = fact.token0 if surplus > 0 else fact.token1
        if abs(surplus) > 0.2 * self.usd and draw.random() < REBALANCED:
            amount = scene.units(token.symbol, abs(surplus) / 2)
            best = scene.best_leg(token.symbol, fact.other(token).symbol, amount)
            if best is not None:
                requests.append(scene.request(self.wallet, SellExact((best[0],), amount, best[1] * 99 // 100), 0.55))
        return requests


class SmallProvider:
    """Comes to a random pool with some thousand dollars, stays for a day or two, and leaves again."""

    ARRIVALS_PER_DAY = 9.0

    def __init__(self, wallet: int) -> None:
        self.wallet = wallet
        self.ranges: list[tuple[int, str, int, int, int]] = []
        self.pairs: list[tuple[int, str, int]] = []

    def act(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Leave where the time is up; perhaps arrive somewhere."""
        requests: list[Request] = []
        for stay in [stay for stay in self.ranges if stay[0] == scene.slot]:
            self.ranges.remove(stay)
            requests.append(scene.request(self.wallet, RemoveRange(*stay[1:]), 0.2))
        for stay in [stay for stay in self.pairs if stay[0] == scene.slot]:
            self.pairs.remove(stay)
            requests.append(scene.request(self.wallet, RemoveFromPair(stay[1], stay[2]), 0.2))
        if draw.random() < self.ARRIVALS_PER_DAY / plan.SLOTS_PER_DAY:
            requests += self._arrive(scene, draw)
        return requests

    def _arrive(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        keys = list(scene.pools)
        key = keys[int(draw.integers(len(keys)))]
        usd = round(float(draw.lognormal(np.log(25_000), 0.8)), 2)
        leaves = scene.slot + int(draw.integers(1500, 12_000))
        fact = scene.mirror.facts[key]
        if fact.is_concentrated:
            width = (0.004 if fact.fee_pips == 100 else 0.05) * (0.5 + round(float(draw.random()), 3))
            lower, upper = range_around(scene.mirror, key, width, shift=round(float(draw.normal(0, 0.5)), 3))
            liquidity = liquidity_worth(scene, key, lower, upper, usd)
            self.ranges.append((leaves, key, lower, upper, liquidity))
            return [scene.request(self.wallet, AddRange(key, lower, upper, liquidity), 0.4)]
        pair, shares = scene.mirror.pair(key), scene.mirror.shares[key]
        amount0 = int(usd / 2 / scene.usd_per_unit(fact.token0.symbol))
        amount1 = amount0 * pair.reserve1 // pair.reserve0
        # Its vault gets at least this many shares even if the price moves before the transaction is mined.
        expected = min(amount0 * shares // pair.reserve0, amount1 * shares // pair.reserve1)
        self.pairs.append((leaves, key, expected * 9 // 10))
        return [scene.request(self.wallet, AddToPair(key, amount0, amount1), 0.4)]
