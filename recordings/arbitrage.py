"""Arbitrageurs: two who trade pools back to the reference market, and one who closes gaps between pools in one transaction.

They need a few slots to notice and to be included, they pay for gas, and they leave alone what does not cover both. So after a large
trade a pool stays off its price for a moment, and then comes back.
"""

from __future__ import annotations

from itertools import permutations
from math import exp, log, sqrt

import numpy as np

from recordings import plan
from recordings.actions import Leg, Request, SellExact, SellToPrice
from recordings.mirror import sqrt_price_of
from recordings.scene import Scene

MARGIN = 0.0002  # what is left on the table at the pool's new price
LEAST_PROFIT_USD = 10.0
LOOK_AGAIN_SLOTS = 4
RIVALRY = 0.12  # how often a second arbitrageur sends the same trade, and loses the race
HUGE = 10**30
LOOKED_AT, LEAST_GAIN = 4, 0.0010
SMALLEST_CYCLE_USD, LARGEST_CYCLE_USD = 20.0, 400_000.0
GOLDEN = 0.618


def reaction(draw: np.random.Generator) -> int:
    """Slots between seeing a chance and being included: mostly two or three, sometimes more."""
    return 1 + min(int(draw.geometric(0.45)), 6)


class ReferenceArbitrage:
    """Trades a pool to the reference price when what is beyond the fee pays for the gas."""

    def __init__(self) -> None:
        self.due: dict[str, int] = {}
        self.rests: dict[str, int] = {}

    def act(self, scene: Scene, draw: np.random.Generator) -> list[Request]:
        """Notice chances, and send for those noticed a moment ago."""
        requests: list[Request] = []
        for key, pool in scene.pools.items():
            if key in self.due:
                if self.due[key] == scene.slot:
                    del self.due[key]
                    requests += self._send(scene, key, draw)
                continue
            if abs(scene.deviation(key)) < pool.fee_pips / 1e6 + 2 * MARGIN or self.rests.get(key, 0) > scene.slot:
                continue
            if self._chance(scene, key) is None:
                self.rests[key] = scene.slot + LOOK_AGAIN_SLOTS
            else:
                self.due[key] = scene.slot + reaction(draw)
        return requests

    def _send(self, scene: Scene, key: str, draw: np.random.Generator) -> list[Request]:
        chance = self._chance(scene, key)
        if chance is None:
            return []
        action, profit = chance
        first, second = (1, 2) if draw.random() < 0.6 else (2, 1)
        tip = 1 + min(profit * 0.04, 12)  # those who expect more bid more
        requests = [scene.request(first, action, tip)]
        if draw.random() < RIVALRY:
            requests.append(scene.request(second, action, tip * 0.8))
        return requests

    def _chance(self, scene: Scene, key: str) -> tuple[SellToPrice | SellExact, float] | None:
        """The trade to the price where nothing more is to be earned, and its profit in dollars; None when gas eats it."""
        pool = scene.mirror.facts[key]
        deviation, cost = scene.deviation(key), pool.fee_pips / 1e6 + MARGIN
        token_in = (pool.token0 if deviation > 0 else pool.token1).symbol
        target = scene.reference(pool) * ((1 + cost) if deviation > 0 else (1 - cost))
        if abs(deviation) <= cost:
            return None
        action: SellToPrice | SellExact
        if pool.is_concentrated:
            limit = sqrt_price_of(target)
            found = scene.sell_to(key, token_in, limit, HUGE)
            if found is None:
                return None
            leg, amount_in, amount_out = found
            action = SellToPrice(leg, amount_in * 21 // 20, limit, amount_out * 98 // 100)
        else:
            leg = scene.leg(key, token_in)
            pair = scene.mirror.pair(key)
            reserve_in = pair.reserve0 if deviation > 0 else pair.reserve1
            move = sqrt(scene.mirror.price(key) / target)
            amount_in = int(reserve_in * abs((move if deviation > 0 else 1 / move) - 1))
            amount_out = scene.mirror.out_of_path((leg,), amount_in) if amount_in > 0 else 0
            if amount_out == 0:
                return None
            action = SellExact((leg,), amount_in, amount_out * 998 // 1000)
        paid = amount_in * scene.usd_per_unit(leg.token_in)
        profit = amount_out * scene.usd_per_unit(leg.token_out) - paid - scene.gas_usd()
        return (action, profit) if profit > LEAST_PROFIT_USD else None


class CycleArbitrage:
    """Buys in one pool and sells in another, or goes around three tokens, all or nothing."""

    WALLET = plan.ARBITRAGE[2]

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self.cycles: list[tuple[Leg, ...]] = []
        self.due: dict[tuple[Leg, ...], int] = {}

    def act(self, scene: Scene, draw: np.random.Generator, moved: set[str]) -> list[Request]:
        """Look at the cycles through pools that moved in the last block; send for those seen a moment ago."""
        keys = tuple(scene.pools)
        if keys != self.known:
            self.known, self.cycles = keys, cycles(scene)
        requests: list[Request] = []
        for cycle in [cycle for cycle, slot in self.due.items() if slot == scene.slot]:
            del self.due[cycle]
            action = self._best(scene, cycle)
            if action is not None:
                requests.append(scene.request(self.WALLET, action, 3.0))
        if moved:
            busy = {leg.pool for cycle in self.due for leg in cycle}
            for cycle in self._promising(scene, moved):
                pools = {leg.pool for leg in cycle}
                if not pools & busy and self._best(scene, cycle) is not None:
                    self.due[cycle] = scene.slot + int(draw.integers(1, 3))
                    busy |= pools
        return requests

    def _promising(self, scene: Scene, moved: set[str]) -> list[tuple[Leg, ...]]:
        """The cycles through a pool that moved which gain most on a small amount, best first."""
        through = [cycle for cycle in self.cycles if any(leg.pool in moved for leg in cycle)]
        gains = sorted(((gain(scene, cycle), number) for number, cycle in enumerate(through)), reverse=True)
        return [through[number] for found, number in gains[:LOOKED_AT] if found > LEAST_GAIN]

    @staticmethod
    def _best(scene: Scene, cycle: tuple[Leg, ...]) -> SellExact | None:
        """The most profitable size, found by narrowing down; None when it does not pay for the gas."""
        unit = scene.usd_per_unit(cycle[0].token_in)

        def earned(power: float) -> tuple[int, int]:
            amount = int(SMALLEST_CYCLE_USD * exp(power) / unit)
            return scene.mirror.out_of_path(cycle, amount) - amount, amount

        low, high = 0.0, log(LARGEST_CYCLE_USD / SMALLEST_CYCLE_USD)
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = earned(left), earned(right)
        for _ in range(14):
            if at_left < at_right:
                low, left, at_left = left, right, at_right
                right = low + GOLDEN * (high - low)
                at_right = earned(right)
            else:
                high, right, at_right = right, left, at_left
                left = high - GOLDEN * (high - low)
                at_left = earned(left)
        profit, amount = max(at_left, at_right)
        cost = scene.gas_usd(gas_of_cycle(len(cycle)), 3 * 10**9)
        if profit * unit < cost + LEAST_PROFIT_USD:
            return None
        return SellExact(cycle, amount, amount + int(cost * 0.5 / unit))


def gas_of_cycle(legs: int) -> int:
    """Gas a cycle of so many legs is expected to burn."""
    return 60_000 + 110_000 * legs


def gain(scene: Scene, cycle: tuple[Leg, ...]) -> float:
    """What an infinitely small amount gains on its way around, as a logarithm, fees paid."""
    total = 0.0
    for leg in cycle:
        price = scene.mirror.price(leg.pool)
        total += log(price if scene.mirror.zero_for_one(leg) else 1 / price) + log(1 - scene.mirror.facts[leg.pool].fee_pips / 1e6)
    return total


def cycles(scene: Scene) -> list[tuple[Leg, ...]]:
    """Every way around two or three different pools that starts and ends in the same token, each once."""
    found: list[tuple[Leg, ...]] = []
    start_order = {symbol: rank for rank, symbol in enumerate(("USDC", "WETH", "DAI", "WBTC", "UNI"))}
    for size in (2, 3):
        for keys in permutations(scene.pools, size):
            for start in (scene.mirror.facts[keys[0]].token0.symbol, scene.mirror.facts[keys[0]].token1.symbol):
                cycle = _around(scene, keys, start)
                # A cycle can start at each of its tokens: keep the start people hold most of.
                if cycle and start == min((leg.token_in for leg in cycle), key=start_order.__getitem__):
                    found.append(cycle)
    return found


def _around(scene: Scene, keys: tuple[str, ...], start: str) -> tuple[Leg, ...] | None:
    token, legs = start, []
    for key in keys:
        if token not in (scene.mirror.facts[key].token0.symbol, scene.mirror.facts[key].token1.symbol):
            return None
        legs.append(scene.leg(key, token))
        token = legs[-1].token_out
    tokens = [leg.token_in for leg in legs]
    return tuple(legs) if token == start and len(set(tokens)) == len(tokens) else None
