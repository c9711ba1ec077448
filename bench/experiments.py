"""The rules around an experiment: how seldom they call a harmless challenger harmful, how soon a harmful one, how long a test takes.

Beside the sample-ratio check and the guardrails stands what is common elsewhere, read as people read dashboards, every 100 orders: the
chi-square test of the counts, the z test of two rates.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy.stats import chi2

from domain.sequential import CHALLENGER, CHAMPION, Guardrail
from models.experiments.canary import canary_orders, read_canary
from models.experiments.guardrails import GUARDRAILS
from models.experiments.planner import POWER, Wish, blocks_for
from models.experiments.policy import PromotionPolicy
from models.experiments.rollout import read_rollout
from models.experiments.sample_ratio import log_e_path

POLICY, ROLLOUT = PromotionPolicy.read(), read_rollout()
EVERY = 100
SEED = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.experiments", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--runs", type=int, default=100, help="experiments of each kind for the guardrails; five times as many for the ratio"
    )
    runs = parser.parse_args().runs
    console = Console()
    console.print(_ratios(5 * runs))
    console.print(_rates(runs))
    console.print(_days())
    console.print(_costs())
    return 0


def _ratios(runs: int, orders: int = 20_000) -> Table:
    table = Table(title=f"Sample ratio, alpha {ROLLOUT.sample_ratio_alpha:g}, {runs} runs of {orders:,} orders")
    for name in ("assigned", "arriving", "ours flags", "after orders (median)", f"χ² read every {EVERY} flags", "after orders (median)"):
        table.add_column(name, justify="right")
    bar = -np.log(ROLLOUT.sample_ratio_alpha)
    limit = float(chi2.isf(ROLLOUT.sample_ratio_alpha, 1))
    count = np.arange(1, orders + 1)
    for assigned, arriving in ((0.1, 0.1), (0.5, 0.5), (0.1, 0.12), (0.1, 0.15), (0.5, 0.52)):
        ours, theirs = [], []
        for run in range(runs):
            seen = np.random.default_rng((SEED, run)).random(orders) < arriving
            ours.append(_first(log_e_path(seen, round(assigned * 10_000), ROLLOUT.sample_ratio_concentration) >= bar))
            due = assigned * count
            squares = (np.cumsum(seen) - due) ** 2 / due + (due - np.cumsum(seen)) ** 2 / (count - due)
            theirs.append(_first((squares >= limit) & (count % EVERY == 0)))
        table.add_row(f"{assigned:.0%}", f"{arriving:.0%}", *_told(ours), *_told(theirs))
    return table


def _rates(runs: int, orders: int = 10_000) -> Table:
    alpha = ROLLOUT.guardrail_alpha / len(GUARDRAILS)
    table = Table(title=f"Reverts, margin {ROLLOUT.revert_margin:.1%}, alpha {alpha:g} of one guardrail, {runs} runs of {orders:,} orders")
    columns = (
        "share",
        "champion",
        "challenger",
        "ours breaches",
        "after orders (median)",
        f"z test read every {EVERY}",
        "after orders (median)",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for share in (0.1, 0.5):
        for champion, challenger in ((0.01, 0.01), (0.01, 0.011), (0.01, 0.03), (0.01, 0.1)):
            ours, theirs = [], []
            for run in range(runs):
                chance = np.random.default_rng((SEED, run))
                arms = chance.random(orders) < share
                reverted = chance.random(orders) < np.where(arms, challenger, champion)
                ours.append(_breach(arms, reverted, alpha))
                theirs.append(_first(_z(arms, reverted) >= NormalDist().inv_cdf(1 - alpha)))
            table.add_row(f"{share:.0%}", f"{champion:.1%}", f"{challenger:.1%}", *_told(ours), *_told(theirs))
    return table


def _breach(arms: np.ndarray, reverted: np.ndarray, alpha: float) -> int | None:
    guardrail = Guardrail(ROLLOUT.revert_margin, alpha)
    for place, (is_challenger, value) in enumerate(zip(arms.tolist(), reverted.tolist(), strict=True), 1):
        guardrail.add(CHALLENGER if is_challenger else CHAMPION, float(value))
        if guardrail.breached:
            return place
    return None


def _z(arms: np.ndarray, reverted: np.ndarray) -> np.ndarray:
    """The z of "the challenger reverts more, by over the margin", every 100 orders; very small between."""
    count = np.arange(1, len(arms) + 1)
    many = np.maximum(np.cumsum(arms), 1)
    few = np.maximum(count - many, 1)
    rate, other = np.cumsum(reverted & arms) / many, np.cumsum(reverted & ~arms) / few
    deviation = np.sqrt(rate * (1 - rate) / many + other * (1 - other) / few)
    z = np.divide(rate - other - ROLLOUT.revert_margin, deviation, out=np.full(len(arms), -np.inf), where=deviation > 0)
    return np.where(count % EVERY == 0, z, -np.inf)


def _days() -> Table:
    table = Table(title=f"Days for {POWER:.0%} power at alpha {POLICY.alpha:g}, by the mean of a day's saving in its standard deviations")
    lifts = (0.1, 1.5 * POLICY.min_lift, POLICY.min_lift)
    least = f"least lift {POLICY.min_lift:.0%}"
    for name in ("saving", "one look, its day fixed before", "read daily", *(f"read daily, {least}, true {lift:.1%}" for lift in lifts)):
        table.add_column(name, justify="right")
    z = NormalDist().inv_cdf(1 - POLICY.alpha) + NormalDist().inv_cdf(POWER)
    for signal in (2.0, 1.5, 1.0, 0.75, 0.5, 0.3):
        wishes = [Wish(lift=lift, base_cost_bps=100, orders_per_day=1, saving_sd_bps=100 * lift / signal) for lift in lifts]
        days = [blocks_for(wishes[0], replace(POLICY, min_lift=0.0))[0], *(blocks_for(wish, POLICY)[0] for wish in wishes)]
        table.add_row(f"{signal:g}", f"{(z / signal) ** 2:.1f}", *("-" if day is None else f"{day:,}" for day in days))
    return table


def _costs(days: int = 20, per_day: int = 1_000) -> Table:
    table = Table(title="What a canary of 20 days says the challenger saves, in bps")
    for name in ("world", "true", "fills pooled over all stages", "ours"):
        table.add_column(name, justify="right")
    chance = np.random.default_rng(SEED)
    count = days * per_day
    late = np.arange(count) >= count // 2
    share = np.where(late, 5_000, 1_000)
    arms = chance.random(count) < share / 10_000
    dear = chance.random(count) < 0.2
    nobody = np.zeros(count, dtype=bool)
    noise = chance.normal(0, 5, count)
    worlds: dict[str, tuple[float, np.ndarray, np.ndarray]] = {
        "refuses the fifth of orders that cost 80 instead of 20": (0.0, 20 + 60 * dear + noise, arms & dear),
        "saves 2 bps; the market doubles its price when the share grows": (2.0, np.where(late, 40, 20) - 2 * arms + noise, nobody),
        "refuses every second order": (0.0, 20 + noise, arms & (chance.random(count) < 0.5)),
    }
    for name, (true, cost, refused) in worlds.items():
        reading = read_canary(canary_orders(_frame(arms, share, late, cost, refused, per_day)), POLICY)
        table.add_row(name, f"{true:.1f}", f"{reading.naive_saving_bps:.1f}", f"{reading.saving_bps:.1f}")
    return table


def _frame(arms: np.ndarray, share: np.ndarray, late: np.ndarray, cost: np.ndarray, refused: np.ndarray, per_day: int) -> pl.DataFrame:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "order_id": [str(place) for place in range(len(arms))],
            "ts": [start + timedelta(seconds=86_400 / per_day * (place + 0.5)) for place in range(len(arms))],
            "stage": np.where(late, "canary_50", "canary_10"),
            "share_bp": share,
            "arm": np.where(arms, CHALLENGER, CHAMPION),
            "filled": np.where(refused, 0.0, 1.0),
            "cost_bps": cost,
            "opportunity_bps": 0.0,
            "finish_bps": cost,
            "rejected": refused,
            "reverted": False,
            "latency_ms": 80.0,
        }
    )


def _first(reached: np.ndarray) -> int | None:
    return int(reached.argmax()) + 1 if reached.any() else None


def _told(firsts: list[int | None]) -> tuple[str, str]:
    found = [first for first in firsts if first is not None]
    return f"{len(found) / len(firsts):.1%}", f"{np.median(found):,.0f}" if found else "-"


if __name__ == "__main__":
    raise SystemExit(main())
