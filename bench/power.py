"""How often, and how soon, shadow-paired evidence finds a true lift under hourly looks; fifty trades an hour, or fewer.

`python -m bench power` plays 1,000 trials a row: base cost 20 bps, a common hourly shock of t3 with AR .3 and a deviation of
10 bps, each order's own shock of t3 with a deviation of 25 bps, nine tenths of its variance in both arms.
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

from bench._trial_worlds import BASE_BPS, DAYS, added_up, shadow_pairs, t_alone
from models.experiments.peeking import Look, first_decisions
from models.experiments.policy import PromotionPolicy

RATES = (50, 20, 10, 5, 1)
LIFTS = (0.05, 0.075, 0.10)
AT_ONCE = 10


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    runs = parser.parse_args().runs
    policy = PromotionPolicy.read()
    table = Table(title=f"true lifts, shadow-paired, hourly looks for {DAYS} days, {runs:,} trials a row")
    names = ("trades/h", "lift", "promoted, %", "median days", "90 % within, days", "given up early, %", "rolled back, %")
    for name in (*names, "t path alone, %", "its median days"):
        table.add_column(name, justify="right")
    for rate in RATES:
        rng = np.random.default_rng(20 + rate)
        found: dict[float, list[Look | None]] = {lift: [] for lift in LIFTS}
        alone: dict[float, list[int]] = {lift: [] for lift in LIFTS}
        for done in range(0, runs, AT_ONCE):
            champion, challenger = shadow_pairs(rng, min(AT_ONCE, runs - done), rate)
            for lift in LIFTS:
                sums = added_up(champion, challenger - lift * BASE_BPS, policy)
                found[lift] += first_decisions(sums, policy)
                alone[lift] += t_alone(sums, policy).tolist()
        for lift, looks in found.items():
            table.add_row(f"{rate}", f"{lift:.1%}", *_figures(looks, policy), *_figures_alone(alone[lift]))
        print(f"{rate} trades an hour done", flush=True)
    Console(width=150).print(table)
    return 0


def _figures(looks: list[Look | None], policy: PromotionPolicy) -> list[str]:
    days = sorted(one.day_blocks * policy.block_hours / 24 for one in looks if one and one.verdict == "PROMOTE")
    place = int(np.ceil(0.9 * len(looks))) - 1
    counts = [
        sum(one.verdict == "FUTILE" and not one.late for one in looks if one),
        sum(one.verdict == "ROLLBACK" for one in looks if one),
    ]
    return [
        f"{100 * len(days) / len(looks):.1f}",
        f"{np.median(days):.0f}" if days else "–",
        f"{days[place]:.0f}" if len(days) > place else "–",
        *(f"{100 * count / len(looks):.1f}" for count in counts),
    ]


def _figures_alone(days: list[int]) -> list[str]:
    found = [day for day in days if day]
    return [f"{100 * len(found) / len(days):.1f}", f"{np.median(found):.0f}" if found else "–"]


if __name__ == "__main__":
    raise SystemExit(main())
