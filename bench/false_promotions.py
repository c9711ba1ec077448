"""How often a challenger that is no better is promoted when somebody looks every hour for sixty days; the naive t test beside us.

`python -m bench false_promotions` plays 10,000 trials a world; `--runs 500` is a quick look, `--worlds AR` only those whose name has it.
"""

from __future__ import annotations

import argparse
import zlib

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from bench._trial_worlds import DAYS, added_up, beyond_reach, null_worlds, t_alone
from models.experiments.peeking import first_decisions
from models.experiments.policy import PromotionPolicy

AT_ONCE = 100
ALLOWED = 0.01


def naive(champion: np.ndarray, challenger: np.ndarray, policy: PromotionPolicy) -> int:
    """How many runs a t test on hourly savings would promote, read every hour from the first day's end on, at the same alpha and lift."""
    hours = champion.shape[1]
    saved, paid = (champion - challenger).mean(axis=2), champion.mean(axis=2)
    count = np.arange(1, hours + 1)
    mean = np.cumsum(saved, axis=1) / count
    spread = np.maximum(np.cumsum(saved**2, axis=1) - count * mean**2, 1e-12) / np.maximum(count - 1, 1)
    critical = stats.t.ppf(1 - policy.alpha, np.maximum(count - 1, 1))
    promoted = (mean > critical * np.sqrt(spread / count)) & (mean >= policy.min_lift * np.cumsum(paid, axis=1) / count)
    return int(promoted[:, 23:].any(axis=1).sum())


def upper_bound(found: int, runs: int) -> float:
    """The exact one-sided 99 % bound on a rate (Clopper and Pearson 1934)."""
    return 1.0 if found == runs else float(stats.beta.ppf(0.99, found + 1, runs - found))


def main() -> int:
    """Prints the table; returns 1 when a world within reach is above one percent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--worlds", default="", help="only worlds whose name contains this")
    asked = parser.parse_args()
    policy = PromotionPolicy.read()
    table = Table(title=f"no-better challengers, hourly looks for {DAYS} days, {asked.runs:,} trials a world; shares in percent")
    table.add_column("world")
    for name in ("promoted", "99 % bound", "naive t test", "t path alone", "rolled back", "futile before the end"):
        table.add_column(name, justify="right")
    held = True
    beyond = beyond_reach()
    for world in null_worlds() + beyond:
        if asked.worlds not in world.name:
            continue
        # Each world has a seed of its own, so one alone gives the same figures as all.
        rng = np.random.default_rng(zlib.crc32(world.name.encode()))
        promoted = rolled_back = futile = careless = alone = 0
        for done in range(0, asked.runs, AT_ONCE):
            champion, challenger = world.draw(rng, min(AT_ONCE, asked.runs - done))
            careless += naive(champion, challenger, policy)
            sums = added_up(champion, challenger, policy)
            alone += int((t_alone(sums, policy) > 0).sum())
            found = [one for one in first_decisions(sums, policy) if one]
            promoted += sum(one.verdict == "PROMOTE" for one in found)
            rolled_back += sum(one.verdict == "ROLLBACK" for one in found)
            futile += sum(one.verdict == "FUTILE" and not one.late for one in found)
        held = held and (world in beyond or promoted <= ALLOWED * asked.runs)
        shares = [count / asked.runs for count in (promoted, careless, alone, rolled_back)]
        shares.insert(1, upper_bound(promoted, asked.runs))
        table.add_row(world.name, *(f"{100 * share:.2f}" for share in shares), f"{100 * futile / asked.runs:.1f}")
        print(f"{world.name}: {promoted} of {asked.runs:,} promoted", flush=True)
    Console(width=150).print(table)
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
