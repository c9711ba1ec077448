"""The crowd: people who trade because they want to, not because a price is wrong.

They come more in busy hours, and in company: one trade often draws others the same way within a few slots. Some go to the pool they know,
some to the pool that pays most. A few buy an exact amount, a few set a price limit, a few allow so little slippage that they fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import TypeVar

import numpy as np

from recordings import plan
from recordings.actions import Action, BuyExact, Request, SellExact, SellToPrice
from recordings.mirror import Reverts
from recordings.scene import Scene

ORDERS_PER_DAY = 320.0  # those who come on their own; company adds about two thirds
COMPANY = 0.42  # chance that a trade draws another one, which may draw the next
SAME_WAY = 0.85
LARGE_SIZE_USD, SMALL_SIZE_USD = 600_000.0, 60.0
SHOPPER_SIZE_USD = 6_500.0
SHOPPED_PAIRS: tuple[tuple[str, str, float], ...] = (
    ("WETH", "USDC", 0.50),
    ("WBTC", "USDC", 0.12),
    ("WBTC", "WETH", 0.11),
    ("WETH", "DAI", 0.16),
    ("USDC", "DAI", 0.05),
    ("UNI", "WETH", 0.06),
)
SHOPPER_SHARE = 0.36
DEAREST_GAS = 0.05  # of what is traded: those who would pay more for gas stay at home
TWO_HOP_PAIRS = (("UNI", "USDC"), ("WBTC", "DAI"), ("UNI", "DAI"))
TWO_HOPS_SHARE = 0.05  # of the shoppers: UNI or WBTC against dollars, through WETH

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody will want in a slot, before looking at any price."""

    slot: int
    wallet: int
    habit: str | None  # the pool they go to, None for those who compare
    token_a: str
    token_b: str
    sells_a: bool
    size_usd: float
    style: float  # decides exact output, limit or tight slippage
    tolerance_bps: int
    delay_slots: int
    tip_gwei: float


def wishes(seed: int, activity: list[float], days: int) -> dict[int, list[Wish]]:
    """Everything the crowd will want, by slot. The first days are the same however many days are asked for."""
    by_slot: dict[int, list[Wish]] = {}
    for day in range(days):
        draw = np.random.default_rng([seed, 2, day])
        first = day * plan.SLOTS_PER_DAY
        rates = np.array(activity[first : first + plan.SLOTS_PER_DAY]) * ORDERS_PER_DAY / plan.SLOTS_PER_DAY
        for slot in np.repeat(np.arange(first, first + plan.SLOTS_PER_DAY), draw.poisson(rates)).tolist():
            wish = _wish(draw, slot, day)
            by_slot.setdefault(wish.slot, []).append(wish)
            while draw.random() < COMPANY:
                wish = _follower(draw, wish, day)
                if wish.slot < (day + 1) * plan.SLOTS_PER_DAY:
                    by_slot.setdefault(wish.slot, []).append(wish)
    return by_slot


def _wish(draw: np.random.Generator, slot: int, day: int, like: Wish | None = None) -> Wish:
    habit: str | None = None
    median, spread = SHOPPER_SIZE_USD, 1.5
    token_a, token_b = (like.token_a, like.token_b) if like else ("WETH", "USDC")
    if draw.random() < SHOPPER_SHARE:
        if like is None and draw.random() < TWO_HOPS_SHARE:
            token_a, token_b = TWO_HOP_PAIRS[int(draw.integers(len(TWO_HOP_PAIRS)))]
        elif like is None:
            token_a, token_b = _pick(draw, [((first, second), weight) for first, second, weight in SHOPPED_PAIRS])
    elif known := _pools_open_on(day, like):
        habit = _pick(draw, [(key, plan.POOLS[key].habit) for key in known])
        token_a, token_b = plan.POOLS[habit].base, plan.POOLS[habit].quote
        median, spread = plan.POOLS[habit].retail_size_usd, 1.35
    size = min(max(median * exp(float(draw.normal()) * spread), SMALL_SIZE_USD), LARGE_SIZE_USD)
    tight = draw.random() < 0.07
    return Wish(
        slot=slot,
        wallet=int(draw.choice(plan.CROWD)),
        habit=habit,
        token_a=token_a,
        token_b=token_b,
        sells_a=bool(draw.random() < 0.5),
        size_usd=round(size, 2),
        style=round(float(draw.random()), 6),
        tolerance_bps=int(draw.integers(1, 6)) if tight else int(draw.choice([10, 30, 50, 100, 300], p=[0.05, 0.15, 0.45, 0.3, 0.05])),
        delay_slots=int(draw.choice([0, 1, 2, 3], p=[0.6, 0.25, 0.1, 0.05])),
        tip_gwei=round(0.1 + float(draw.exponential(1.2)), 2),
    )


def _pools_open_on(day: int, like: Wish | None) -> list[str]:
    """Pools people have heard of: those that existed the day before; of the leader's pair when there is one to follow."""
    return [
        key
        for key, pool in plan.POOLS.items()
        if (pool.created_on_day is None or pool.created_on_day < day)
        and (like is None or {pool.base, pool.quote} == {like.token_a, like.token_b})
    ]


def _follower(draw: np.random.Generator, leader: Wish, day: int) -> Wish:
    """Somebody who trades the same pair a few slots later, mostly the same way."""
    wish = _wish(draw, leader.slot + int(draw.geometric(0.4)), day, leader)
    aligned = wish.token_a == leader.token_a
    same = leader.sells_a == aligned
    sells_a = same if draw.random() < SAME_WAY else not same
    return replace(wish, sells_a=sells_a)


def _pick(draw: np.random.Generator, weighted: Sequence[tuple[Choice, float]]) -> Choice:
    weights = np.array([weight for _, weight in weighted])
    return weighted[int(draw.choice(len(weighted), p=weights / weights.sum()))][0]


def compose(scene: Scene, wish: Wish) -> Request | None:
    """The transaction somebody signs on the prices of this slot; None when gas is too dear or no pool can serve them."""
    if scene.gas_usd() > DEAREST_GAS * wish.size_usd:
        return None
    token_in, token_out = (wish.token_a, wish.token_b) if wish.sells_a else (wish.token_b, wish.token_a)
    amount = scene.units(token_in, wish.size_usd)
    action = _action(scene, wish, token_in, token_out, amount)
    return None if action is None else scene.request(wish.wallet, action, wish.tip_gwei)


def _action(scene: Scene, wish: Wish, token_in: str, token_out: str, amount: int) -> Action | None:
    slack = 10_000 - wish.tolerance_bps
    among = [wish.habit] if wish.habit in scene.pools else None
    best = scene.best_leg(token_in, token_out, amount, among)
    if best is None:
        return _through_weth(scene, token_in, token_out, amount, slack)
    leg, received = best
    if wish.style < 0.10:
        wanted = scene.units(token_out, wish.size_usd)
        try:
            quote = scene.mirror.quote(leg, wanted, exact_out=True)
        except Reverts:
            return None
        return None if quote.partial else BuyExact(leg, wanted, quote.amount_in * 10_000 // slack)
    if wish.style < 0.15 and scene.mirror.facts[leg.pool].is_concentrated:
        pool = scene.mirror.concentrated(leg.pool)
        # Somebody who will not let the price move by more than a few basis points, and takes what there is until then.
        step = 100_000 + (-1 if scene.mirror.zero_for_one(leg) else 1) * (1 + int(wish.style * 1000) % 12) * 5
        limit = pool.sqrt_price_x96 * step // 100_000
        return SellToPrice(leg, amount, limit, 0)
    return SellExact((leg,), amount, received * slack // 10_000)


def _through_weth(scene: Scene, token_in: str, token_out: str, amount: int, slack: int) -> Action | None:
    first = scene.best_leg(token_in, "WETH", amount)
    second = scene.best_leg("WETH", token_out, first[1]) if first else None
    if first is None or second is None:
        return None
    return SellExact((first[0], second[0]), amount, second[1] * slack // 10_000)
