"""The order flow: two weeks of transactions, block by block, decided on an exact mirror of the pools.

Slots of twelve seconds in which nobody wants anything have no block. The flow is deterministic: the same seed gives the same requests.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from recordings import plan
from recordings.actions import AddRange, CreatePool, Request, SetProtocolFee, StartPool
from recordings.arbitrage import CycleArbitrage, ReferenceArbitrage
from recordings.crowd import Wish, compose, wishes
from recordings.market import Market
from recordings.mirror import Mirror, Outcome, sqrt_price_of
from recordings.providers import SmallProvider, YieldFarmer, liquidity_worth, range_around
from recordings.scene import Scene
from recordings.speculators import Informed, TrendFollower


@dataclass(frozen=True, slots=True)
class Block:
    """A block to be mined: when, at what base fee, with which transactions in which order, and what each will do."""

    slot: int
    timestamp: int
    base_fee: int
    requests: tuple[Request, ...]
    outcomes: tuple[Outcome, ...]


class OrderFlow:
    """All traders at work. `run` yields the blocks; `branch` is a copy that can go another way without disturbing this one."""

    def __init__(self, seed: int, market: Market, mirror: Mirror, days: int) -> None:
        self.scene = Scene(market, mirror)
        self.days = days
        self.wishes: Mapping[int, list[Wish]] = wishes(seed, market.activity, days)
        self.draw = np.random.default_rng([seed, 3])
        self.waiting: dict[int, list[Request]] = {}
        self.moved: set[str] = set()
        self.reference_arbitrage, self.cycle_arbitrage = ReferenceArbitrage(), CycleArbitrage()
        self.others = [Informed(), *_trend_followers(), *_farmers(), *(SmallProvider(wallet) for wallet in plan.SMALL_PROVIDERS)]

    def __deepcopy__(self, memo: dict) -> OrderFlow:
        twin = object.__new__(OrderFlow)
        memo[id(self)] = twin
        memo[id(self.wishes)] = self.wishes
        for name, value in vars(self).items():
            setattr(twin, name, value.copy() if name == "scene" else copy.deepcopy(value, memo))
        return twin

    def branch(self, seed: int) -> OrderFlow:
        """A copy in the same state whose traders will decide differently."""
        twin = copy.deepcopy(self)
        twin.draw = np.random.default_rng([seed, 4])
        return twin

    def add_trade_of_a_passer_by(self) -> None:
        """Let somebody buy WETH in the present slot who was not going to."""
        wish = Wish(self.scene.slot, plan.CROWD[0], None, "WETH", "USDC", False, 2_500.0, 0.9, 50, 0, 0.5)
        request = compose(self.scene, wish)
        if request is not None:
            self.waiting.setdefault(self.scene.slot, []).append(request)

    def run(self, until_slot: int | None = None) -> Iterator[Block]:
        """The blocks from the present slot on, up to but without `until_slot`; the whole flow when that is None."""
        last = self.days * plan.SLOTS_PER_DAY if until_slot is None else until_slot
        while self.scene.slot < last:
            block = self.step()
            if block is not None:
                yield block

    def step(self) -> Block | None:
        """One slot: everybody decides on what they see at its start, then the block is built, dearest tip first."""
        scene = self.scene
        requests = self.waiting.pop(scene.slot, [])
        for wish in self.wishes.get(scene.slot, ()):
            request = compose(scene, wish)
            if request is not None:
                (requests if wish.delay_slots == 0 else self.waiting.setdefault(scene.slot + wish.delay_slots, [])).append(request)
        for trader in self.others:
            requests += trader.act(scene, self.draw)
        requests += self.reference_arbitrage.act(scene, self.draw)
        requests += self.cycle_arbitrage.act(scene, self.draw, self.moved)
        requests += self._new_pools()
        if scene.slot == plan.VOTE_DAY * plan.SLOTS_PER_DAY + 12 * 300:
            requests.append(scene.request(plan.GOVERNANCE, SetProtocolFee(plan.VOTED_POOL, plan.VOTED_SHARE), 1.0))
        block = self._build(requests) if requests else None
        scene.slot += 1
        return block

    def _build(self, requests: list[Request]) -> Block:
        # An account's transactions keep their order, as nonces make them; so the sort must be stable and by account first.
        best_tip = {request.wallet: 0 for request in requests}
        for request in requests:
            best_tip[request.wallet] = max(best_tip[request.wallet], request.priority_fee)
        ordered = sorted(requests, key=lambda request: (-best_tip[request.wallet], request.wallet))
        scene = self.scene
        outcomes = tuple(scene.mirror.apply(request.wallet, request.action) for request in ordered)
        self.moved = {key for outcome in outcomes for key in outcome.touched}
        return Block(scene.slot, scene.timestamp, scene.market.base_fees[scene.slot], tuple(ordered), outcomes)

    def _new_pools(self) -> list[Request]:
        """Pools that are born during the recording: created, given a price, and filled, a few slots apart."""
        requests: list[Request] = []
        for key, pool in plan.POOLS.items():
            if pool.created_on_day is None:
                continue
            age = self.scene.slot - pool.created_on_day * plan.SLOTS_PER_DAY - 9 * 300  # nine in the morning
            founder = plan.FOUNDERS[0]
            if age == 0:
                requests.append(self.scene.request(founder, CreatePool(key), 1.0))
            elif age == 2:
                price = sqrt_price_of(self.scene.reference(self.scene.mirror.facts[key]))
                requests.append(self.scene.request(founder, StartPool(key, price), 1.0))
            elif 4 <= age < 4 + len(pool.founders):
                requests.append(self.scene.request(founder, founding(self.scene, key, age - 4), 1.0))
        return requests


def founding(scene: Scene, key: str, number: int) -> AddRange:
    """One of the positions a pool's founders open."""
    position = plan.POOLS[key].founders[number]
    lower, upper = range_around(scene.mirror, key, position.width)
    return AddRange(key, lower, upper, liquidity_worth(scene, key, lower, upper, position.value_usd))


def _trend_followers() -> list[TrendFollower]:
    first, second = plan.TREND_FOLLOWING
    return [TrendFollower(first, "WETH", 100, 17), TrendFollower(second, "WETH", 140, 55), TrendFollower(second, "WBTC", 120, 83)]


def _farmers() -> list[YieldFarmer]:
    first, second, third = plan.DEFI_YIELD
    return [
        YieldFarmer(first, "uni-weth-usdc-5", 0.05, 80_000, 3),
        YieldFarmer(first, "uni-wbtc-weth-30", 0.03, 200_000, 29),
        YieldFarmer(second, "cake-weth-usdc-5", 0.06, 60_000, 11),
        YieldFarmer(second, "cake-wbtc-usdc-25", 0.03, 200_000, 41),
        YieldFarmer(third, "uni-weth-usdc-30", 0.04, 200_000, 19),
        YieldFarmer(third, "cake-weth-dai-25", 0.04, 120_000, 59),
        YieldFarmer(third, "uni-usdc-dai-1", 0.001, 500_000, 67),
    ]
