"""Guardrails of a live canary: five ways to be worse that no saving excuses, each watched order by order and without a price for watching.

Each is a test of "the challenger is no worse than the champion by more than the margin" (domain/sequential.py) between orders that the
hash of their id sent to one arm or the other at the same time: what the market does to both drops out, so single orders will do here.
The total alpha is divided equally over the five (Bonferroni), so a harmless challenger is sent home in at most that share of experiments.
With every order on the challenger there is nobody to compare with, and no guardrail moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from domain.assignment import bucket_of
from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION, Guardrail
from models.experiments.rollout import RolloutPolicy

GUARDRAILS = ("latency", "revert_rate", "reject_rate", "drawdown", "canary_bias")

# What one order says: arm, value from 0 to 1 (None: nothing), its stage and its time.
_Answer = tuple[str, float | None, str, datetime]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the champion did in shadow, fixed there and then: later comparisons may not choose their own yardstick."""

    champion_p95_ms: float
    champion_cost_bps: float

    def __post_init__(self) -> None:
        if not 0 < self.champion_p95_ms < float("inf"):
            raise BadInput(f"The champion's p95 must be above 0 ms, it is {self.champion_p95_ms}.", field="champion_p95_ms")
        if not abs(self.champion_cost_bps) < float("inf"):
            raise BadInput(f"The champion's cost must be a number, it is {self.champion_cost_bps}.", field="champion_cost_bps")

    @classmethod
    def of(cls, orders: pl.DataFrame) -> Baseline:
        """From the champion's orders (a frame of `canary_orders`) before the canary. Raises BadInput when there are none with a latency."""
        mine = orders.filter(pl.col("arm") == CHAMPION)
        slow, cost = mine["latency_ms"].quantile(0.95), mine["itt_cost_bps"].mean()
        if slow is None or not isinstance(cost, float):
            raise BadInput("A baseline needs orders of the champion's with their latency.", field="latency_ms")
        return cls(float(slow), cost)


@dataclass(frozen=True, slots=True)
class GuardrailReading:
    """One guardrail: its e-value at its highest, the bar, the orders heard, and after how many of them and when it was breached."""

    name: str
    e_value: float
    bar: float
    breached: bool
    orders: int
    breached_after: int | None
    breached_at: datetime | None

    @property
    def reason(self) -> str:
        """The sentence a person reads."""
        if self.breached:
            return f"{self.name} breached after {self.breached_after:,} orders (e-value {self.e_value:.3g} ≥ {self.bar:.3g})"
        return f"{self.name} holds over {self.orders:,} orders (e-value {self.e_value:.3g} < {self.bar:.3g})"


def watch(orders: pl.DataFrame, baseline: Baseline, policy: RolloutPolicy) -> tuple[GuardrailReading, ...]:
    """Every guardrail over a canary so far (a frame of `canary_orders`), in the order of `GUARDRAILS`.

    The same orders give the same readings, so they can be computed again from the table at any time.
    """
    limit_ms = baseline.champion_p95_ms * policy.latency_factor
    # No answer at all is the slowest answer.
    slow = (pl.col("latency_ms") > limit_ms).fill_null(True)
    width = 2 * policy.bias_limit_bps
    broken = (pl.col("cost_bps") - pl.col("shadow_cost_bps")).clip(-policy.bias_limit_bps, policy.bias_limit_bps)
    return (
        _read("latency", policy.latency_margin, _values(orders, slow.cast(pl.Float64)), policy),
        _read("revert_rate", policy.revert_margin, _values(orders, pl.col("reverted").cast(pl.Float64)), policy),
        _read("reject_rate", policy.reject_margin, _values(orders, pl.col("rejected").cast(pl.Float64)), policy),
        _read("drawdown", 0.0, _drawdowns(orders, baseline, policy), policy),
        # Both arms' promises are held against what came, so an error that the quotes of both share drops out.
        _read("canary_bias", policy.bias_margin_bps / width, _values(orders, (broken / width + 0.5).clip(0, 1)), policy),
    )


def breached(readings: Iterable[GuardrailReading]) -> tuple[GuardrailReading, ...]:
    """Those that were."""
    return tuple(reading for reading in readings if reading.breached)


def _values(orders: pl.DataFrame, value: pl.Expr) -> Iterator[_Answer]:
    return orders.select("arm", value.alias("value"), "stage", "ts").iter_rows()


def _drawdowns(orders: pl.DataFrame, baseline: Baseline, policy: RolloutPolicy) -> Iterator[_Answer]:
    """The worst run of cost of each arm, block by block, over equally many orders of both.

    A block ends when the smaller arm has enough orders; of the larger arm as many are taken, chosen by the hash of their id, because a
    longer series has a deeper drawdown by length alone. The challenger's is divided by `factor`, which is the margin.
    """
    size, limit = policy.drawdown_block_orders, policy.drawdown_limit_bps
    excess = (pl.col("itt_cost_bps") - baseline.champion_cost_bps).clip(-limit, limit)
    factor = {CHAMPION: 1.0, CHALLENGER: 1 / policy.drawdown_factor}
    open_block: dict[str, list[tuple[str, float]]] = {CHAMPION: [], CHALLENGER: []}
    open_stage = None
    for order, arm, value, stage, moment in orders.select("order_id", "arm", excess.alias("value"), "stage", "ts").iter_rows():
        if stage != open_stage:
            open_block, open_stage = {CHAMPION: [], CHALLENGER: []}, stage
        open_block[arm].append((order, value))
        if min(map(len, open_block.values())) < size:
            continue
        for side, seen in open_block.items():
            chosen = set(sorted((bucket_of(name, "drawdown"), name) for name, _ in seen)[:size])
            run = [cost for name, cost in seen if (bucket_of(name, "drawdown"), name) in chosen]
            yield side, factor[side] * _worst_run(run) / (size * limit), stage, moment
        open_block = {CHAMPION: [], CHALLENGER: []}


def _worst_run(costs: list[float]) -> float:
    """The deepest fall of the cumulated result: the largest sum of costs in a row."""
    worst = run = 0.0
    for cost in costs:
        run = max(run + cost, 0.0)
        worst = max(worst, run)
    return worst


def _read(name: str, margin: float, answers: Iterator[_Answer], policy: RolloutPolicy) -> GuardrailReading:
    alpha = policy.guardrail_alpha / len(GUARDRAILS)
    guardrail = Guardrail(margin, alpha)
    open_stage = None
    orders = 0
    after: int | None = None
    at: datetime | None = None
    for arm, value, stage, moment in answers:
        if value is None:
            continue
        if open_stage not in (None, stage):
            # No bet spans two stages: their shares differ. The winnings so far are carried along.
            guardrail = Guardrail(margin, alpha, guardrail.log_e, guardrail.peak)
        open_stage = stage
        guardrail.add(arm, value)
        orders += 1
        if after is None and guardrail.breached:
            after, at = orders, moment
    return GuardrailReading(name, guardrail.e_value, 1 / alpha, after is not None, orders, after, at)
