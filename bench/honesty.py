"""The honesty suite at size: how often a challenger that learned noise is promoted, and how much of the oracle a leak brings.

Each null run trains the real trainer on noise and judges the challenger by the real rule, at the end of its trial.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from rich.console import Console
from scipy.stats import beta

from models.execution import COSTS, saving_of
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.training import matrix, train
from tests.models import honest_worlds
from tests.models.order_book import orders

AIM_PROMOTED, AIM_ORACLE = 0.01, 0.95


def main() -> int:
    """Prints both figures; returns 1 when a leak was not learned, or noise was promoted too often to be within the aim."""
    parser = argparse.ArgumentParser(prog="python -m bench.honesty", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    chosen = parser.parse_args()
    console = Console()
    share = leak()
    console.print(f"Leak: the trainer earns {share:.1%} of the oracle's reward (aim {AIM_ORACLE:.0%}).")
    policy = PromotionPolicy.read()
    promoted = sum(decide(honest_worlds.null_trial(seed), policy)[0].verdict == "PROMOTE" for seed in range(chosen.runs))
    bound = float(beta.ppf(0.95, promoted + 1, chosen.runs - promoted)) if promoted < chosen.runs else 1.0
    console.print(f"Null: {promoted} of {chosen.runs} promoted; at most {bound:.2%} with 95 % (aim {AIM_PROMOTED:.0%}).")
    return int(share < AIM_ORACLE or promoted > max(AIM_PROMOTED * chosen.runs, 0))


def leak() -> float:
    """The share of the oracle's saving that a model with the outcome among its features earns on days it never saw."""
    trained = train(honest_worlds.leaked(orders(days=14, noise_bps=10)), timedelta(seconds=60), 1)
    assert trained is not None
    later = honest_worlds.leaked(honest_worlds.later(orders(days=9, seed=11, noise_bps=10), days=20))
    oracle = float((later[COSTS[0]].to_numpy() - later.select(COSTS).to_numpy().min(axis=1)).mean())
    return saving_of(later, trained.model.savings(matrix(later))) / oracle


if __name__ == "__main__":
    raise SystemExit(main())
