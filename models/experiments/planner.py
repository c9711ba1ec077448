"""How long an experiment will take, before anybody waits for it; and which ones are not worth starting.

Power comes from a seeded simulation of the rule itself: block means drawn from a normal distribution of the size and spread that are
planned with, judged by the e-value after every block as the real trial would be, with the policy's least number of blocks and least lift.
The bets against accidents are followed to the second order of their stakes: the saving wins them, its variance costs them.
Where the answer is far away (over 2,000 blocks) it is worked out for a single look at the end, which is a little pessimistic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np

from domain.assignment import BUCKETS
from domain.problems import BadInput, HopelessTrial
from models.experiments.accidents import STAKE
from models.experiments.evidence import log_e_value
from models.experiments.policy import PromotionPolicy
from models.experiments.rollout import RolloutPolicy, Stage

Design = Literal["shadow", "split"]
POWER = 0.8
RUNS = 2_000
FARTHEST = 2_000  # blocks that are simulated
_BATCH = 400_000  # numbers drawn at a time, which bounds the memory


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be shown, and with what. Costs in bps of an order.

    `saving_sd_bps` is the standard deviation of the saving of one order that both arms answered. `correlation` is between the costs of the
    two arms for one order; a split needs it to know the spread of a single cost. `likeness` is the correlation between the savings of two
    orders of one block: whatever the number of orders, it does not average out.
    """

    lift: float
    base_cost_bps: float
    orders_per_day: float
    saving_sd_bps: float
    correlation: float = 0.9
    likeness: float = 0.0
    design: Design = "shadow"
    share: float = 0.5

    def __post_init__(self) -> None:
        ranges = {"lift": (0, 1), "base_cost_bps": (0, 1e4), "orders_per_day": (0, 1e9), "saving_sd_bps": (0, 1e5)}
        for field, (low, high) in ranges.items():
            if not low < getattr(self, field) <= high:
                raise BadInput(f"{field} must be above {low} and at most {high:g}, it is {getattr(self, field)}.", field=field)
        if not -1 <= self.correlation < 1:
            raise BadInput(f"correlation must be from -1 to below 1, it is {self.correlation}.", field="correlation")
        if not 0 <= self.likeness <= 1:
            raise BadInput(f"likeness must be from 0 to 1, it is {self.likeness}.", field="likeness")
        if self.design not in get_args(Design):
            raise BadInput(f"design must be shadow or split, it is {self.design!r}.", field="design")
        if not 0 < self.share < 1:
            raise BadInput(f"share must be between 0 and 1, it is {self.share}.", field="share")

    def spread(self, block_hours: float) -> float:
        """The standard deviation of the saving between two blocks, in bps."""
        orders = self.orders_per_day * block_hours / 24
        variance = self.saving_sd_bps**2
        if self.design == "split":
            # Different orders in each arm: pairing no longer takes out what makes an order dear for both.
            single = variance / (2 * (1 - self.correlation))
            return math.sqrt(single / (orders * self.share) + single / (orders * (1 - self.share)) + self.likeness * variance)
        return math.sqrt(variance * (self.likeness + (1 - self.likeness) / max(orders, 1.0)))

    def signal(self, block_hours: float) -> float:
        """The saving of a block in standard deviations."""
        return self.lift * self.base_cost_bps / self.spread(block_hours)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it takes. `days` until the evidence suffices with the planned power; `canary_days` are the least that follow."""

    days: int
    blocks: int
    block_hours: int
    signal: float
    power: float
    lift: float
    design: str
    canary_days: int
    max_days: int
    method: str
    policy_sha256: str


def plan(wish: Wish, promotion: PromotionPolicy, rollout: RolloutPolicy) -> Plan:
    """The plan for a wish under a policy.

    Raises HopelessTrial when it would take longer than the policy allows or could never succeed, naming the cheapest change that helps.
    """
    if wish.lift < promotion.min_lift:
        raise HopelessTrial(
            f"A lift of {wish.lift:.2%} is too small: the policy asks for {promotion.min_lift:.0%}. Look for a better challenger.",
            needed_days=None,
            max_days=promotion.max_days,
            change="lift",
        )
    blocks, method = blocks_for(wish, promotion)
    days = None if blocks is None else math.ceil(blocks * promotion.block_hours / 24)
    if days is None or days > promotion.max_days:
        told = "has no end in sight" if days is None else f"needs {days:,} days"
        change, sentence = _cheapest_change(wish, promotion)
        raise HopelessTrial(
            f"The test {told} for {POWER:.0%} power; the policy allows {promotion.max_days}. {sentence}",
            needed_days=days,
            max_days=promotion.max_days,
            change=change,
        )
    assert blocks is not None
    return Plan(
        days=days,
        blocks=blocks,
        block_hours=promotion.block_hours,
        signal=wish.signal(promotion.block_hours),
        power=POWER,
        lift=wish.lift,
        design=wish.design,
        canary_days=math.ceil(sum(_stage_hours(stage, wish.orders_per_day) for stage in rollout.stages if stage.share_bp) / 24),
        max_days=promotion.max_days,
        method=method,
        policy_sha256=promotion.sha256,
    )


def _stage_hours(stage: Stage, orders_per_day: float) -> float:
    return max(stage.least_hours, stage.least_orders / (orders_per_day * stage.share_bp / BUCKETS) * 24)


def blocks_for(wish: Wish, promotion: PromotionPolicy) -> tuple[int | None, str]:
    """Blocks until the rule promotes with the planned power, and whether that was simulated or worked out; None beyond a million."""
    single_look = _single_look(wish, promotion)
    if single_look is None or single_look > FARTHEST:
        return single_look, "single look"
    # The least lift may hold a trial back that has the evidence already, so the search goes on beyond the single look.
    near = min(max(2 * single_look, 4 * promotion.min_blocks, _max_blocks(promotion)), FARTHEST)
    for furthest in (near, min(10 * near, FARTHEST)):
        promoted = np.cumsum(np.bincount(_first_promotions(wish, promotion, furthest), minlength=furthest + 1)[:furthest])
        enough = np.flatnonzero(promoted >= POWER * RUNS)
        if len(enough):
            return int(enough[0]) + 1, "simulated"
    return None, "simulated"


@dataclass(frozen=True, slots=True)
class _Bet:
    """The logged winnings of a block: `gain` for each standard deviation that it saves, less `drag`; nothing in the first `idle` blocks."""

    gain: float
    drag: float
    idle: int


def _bets(wish: Wish, promotion: PromotionPolicy) -> tuple[_Bet, _Bet]:
    """The bets on single orders and on whole hours (models/experiments/accidents.py), whose stake is what an accident may cost.

    The largest that was seen without an accident is taken as four standard deviations.
    """
    hours = promotion.block_hours
    hourly = wish.orders_per_day / 24
    saving, deviation = wish.lift * wish.base_cost_bps, wish.saving_sd_bps
    a_day = wish.orders_per_day * max(promotion.min_lift * wish.base_cost_bps, saving / 2)
    affordable = promotion.accident_days * a_day * STAKE / -math.log(promotion.alpha)
    of_order = STAKE / max(min(promotion.accident_bps, affordable), 4 * deviation)
    hour_variance = deviation**2 * (hourly * (1 - wish.likeness) + hourly**2 * wish.likeness)
    of_hour = STAKE / max(promotion.accident_hour * hourly * wish.base_cost_bps, 4 * math.sqrt(hour_variance))
    # A block's total saving, for each standard deviation of its mean.
    unit = hourly * hours * wish.spread(hours)
    return (
        _Bet(of_order * unit, of_order**2 / 2 * hourly * hours * (deviation**2 + saving**2), 0),
        _Bet(of_hour * unit, of_hour**2 / 2 * hours * (hour_variance + (hourly * saving) ** 2), 1),
    )


def _first_promotions(wish: Wish, promotion: PromotionPolicy, blocks: int) -> np.ndarray:
    """In which block, from 0, each simulated trial is promoted; `blocks` when it never is. The seed is fixed: a plan is a plan."""
    chance = np.random.default_rng(20_260_101)
    bars = _t_bars(blocks, promotion)
    signal, bets = wish.signal(promotion.block_hours), _bets(wish, promotion)
    least_mean = signal * promotion.min_lift / wish.lift
    count = np.arange(1, blocks + 1)
    firsts = []
    batch = max(_BATCH // blocks, 1)
    for start in range(0, RUNS, batch):
        drawn = chance.standard_normal((min(batch, RUNS - start), blocks)) + signal
        mean = np.cumsum(drawn, axis=1) / count
        deviation = np.sqrt(np.maximum(np.cumsum(drawn**2, axis=1) - count * mean**2, 1e-300) / np.maximum(count - 1, 1))
        reached = (mean * np.sqrt(count) >= bars * deviation) & (mean >= least_mean)
        for bet in bets:
            won = bet.gain * drawn - bet.drag
            won[:, : bet.idle] = 0
            reached &= np.cumsum(won, axis=1) >= math.log(promotion.bar)
        firsts.append(np.where(reached.any(axis=1), reached.argmax(axis=1), blocks))
    return np.concatenate(firsts)


def _t_bars(blocks: int, promotion: PromotionPolicy) -> np.ndarray:
    """The t statistic that promotes after each number of blocks; infinite before the policy's least."""
    bars = [math.inf] * min(promotion.min_blocks - 1, blocks)
    return np.array(bars + [_t_bar(n, promotion) for n in range(len(bars) + 1, blocks + 1)])


def _t_bar(blocks: int, promotion: PromotionPolicy) -> float:
    """The t at which the e-value reaches the bar, which is its closed form solved for t; infinite when no t would do."""
    shrink = promotion.prior_scale / (promotion.prior_scale + blocks)
    ratio = math.exp((2 * math.log(promotion.bar) - math.log(shrink)) / blocks)
    # (1 + t²/ν) / (1 + shrink·t²/ν) = ratio, and it never exceeds 1 / shrink.
    if ratio * shrink >= 1:
        return math.inf
    return math.sqrt((blocks - 1) * (ratio - 1) / (1 - ratio * shrink))


def _single_look(wish: Wish, promotion: PromotionPolicy, at_most: int = 1_000_000) -> int | None:
    """Blocks for the planned power with one look at their end: a sum of blocks as low as one in five must still be enough."""
    signal, bets = wish.signal(promotion.block_hours), _bets(wish, promotion)
    margin = NormalDist().inv_cdf(POWER)
    bar = math.log(promotion.bar)

    def low(blocks: int) -> float:
        return blocks * signal - margin * math.sqrt(blocks)

    def enough(blocks: int) -> bool:
        total = low(blocks)
        if total <= 0 or log_e_value(blocks, total**2 / blocks, promotion.prior_scale) < bar:
            return False
        return all(bet.gain * low(blocks - bet.idle) - bet.drag * (blocks - bet.idle) >= bar for bet in bets)

    return _least(enough, promotion.min_blocks, at_most)


def _least(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The least whole number from `low` to `high` that is enough, if more never is too much; None when even `high` is not."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _max_blocks(promotion: PromotionPolicy) -> int:
    return int(promotion.max_days * 24 // promotion.block_hours)


def _in_time(wish: Wish, promotion: PromotionPolicy) -> bool:
    furthest = _max_blocks(promotion)
    firsts = _first_promotions(wish, promotion, furthest)
    return bool((firsts < furthest).sum() >= POWER * RUNS)


def _cheapest_change(wish: Wish, promotion: PromotionPolicy) -> tuple[str, str]:
    """What to change so that the test can succeed, cheapest first: the design costs nothing, more orders some, a bolder challenger work."""

    def possible(**changed: Any) -> bool:
        told = {name: getattr(wish, name) for name in Wish.__slots__}
        return _in_time(Wish(**told | changed), promotion)

    # A split is never clearer than pairing, whatever its share, so where shadow does not help no share does.
    if wish.design == "split" and possible(design="shadow"):
        return (
            "design",
            "The cheapest change is the design: in shadow both arms answer the same orders, and time suffices (--design shadow).",
        )
    # Ten times the orders is about what more pairs or chains can bring.
    hundredths = _least(lambda hundredth: possible(orders_per_day=wish.orders_per_day * hundredth / 100), 100, 1_000)
    if hundredths is not None:
        orders = math.ceil(wish.orders_per_day * hundredths / 100)
        return "orders_per_day", f"The cheapest change is more orders: {orders:,} a day are enough (more pairs, or chains)."
    thousandths = _least(lambda thousandth: possible(lift=thousandth / 1_000), math.ceil(wish.lift * 1_000), 1_000)
    if thousandths is None:
        return (
            "saving_sd_bps",
            "No lift would show amid so much noise: clip what one order may count, or choose a KPI nearer to the decision.",
        )
    return "lift", f"The cheapest change is a bolder challenger: a lift of {thousandths / 1_000:.1%} would show in time."


def refuse_profit(kpi: str, lift: float, promotion: PromotionPolicy, yearly_sharpe: float = 3.0, correlation: float = 0.9) -> HopelessTrial:
    """Why profit or its Sharpe ratio is no KPI for a promotion, worked out for this lift: the market's own swings drown it.

    A daily Sharpe ratio is the yearly one / √365. The daily results of two arms correlated ρ differ with √(2(1 − ρ)) of their deviation.
    One test at the end of n days with the planned power needs n = ((z₁₋α + z_power) / d)², d being the difference in its own deviations.
    """
    daily = yearly_sharpe / math.sqrt(365)
    signal = lift * daily / math.sqrt(2 * (1 - correlation))
    z = NormalDist().inv_cdf(1 - promotion.alpha) + NormalDist().inv_cdf(POWER)
    days = math.ceil((z / signal) ** 2)
    return HopelessTrial(
        f"The KPI {kpi} needs {days:,} days ({days / 365.25:.0f} years); the policy allows {promotion.max_days}. "
        f"A Sharpe ratio of {yearly_sharpe:g} a year is {daily:.3f} a day; {lift:+.0%} of that, between arms correlated {correlation:g}, "
        f"is {signal:.4f} standard deviations a day, "
        f"and a single test at {promotion.alpha:g} with {POWER:.0%} power needs ({z:.3f} / {signal:.4f})² days. "
        f"The cheapest change is the KPI: {promotion.kpi}, which the decision itself moves.",
        needed_days=days,
        max_days=promotion.max_days,
        change="kpi",
    )
