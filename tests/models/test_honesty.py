"""The honesty suite: the trainer finds what is there, finds nothing where nothing is, cannot look ahead unseen, and repeats itself.

A larger count of the null, and the figures, come from `python -m bench honesty`.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl

from assets.learning.shadow_trials import trials_of
from executor.bundle import load_bundle
from models.bundle import Origin, write_bundle
from models.execution import COSTS, saving_of
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.features import shifted
from models.training import Trained, matrix, train
from tests.models import honest_worlds
from tests.models.order_book import orders
from tests.untraced import untraced

ROOT = Path(__file__).resolve().parents[2]
MINUTE = timedelta(seconds=60)
ORIGIN = Origin("quote_offset", 1, "2026-01-05", "2026-01-09", 750, "d" * 64, "p" * 64)


def taught(lessons: pl.DataFrame, seed: int = 1) -> Trained:
    trained = train(lessons, MINUTE, seed)
    assert trained is not None
    return trained


def test_leak_with_the_outcome_among_its_features_it_earns_what_the_oracle_earns() -> None:
    trained = taught(honest_worlds.leaked(orders(days=10, noise_bps=10)))
    later = honest_worlds.leaked(honest_worlds.later(orders(days=9, seed=11, noise_bps=10)))
    oracle = float((later[COSTS[0]].to_numpy() - later.select(COSTS).to_numpy().min(axis=1)).mean())
    assert saving_of(later, trained.model.savings(matrix(later))) >= 0.95 * oracle


def test_null_candidates_that_learned_noise_are_not_promoted() -> None:
    policy = PromotionPolicy.read()
    with untraced():
        verdicts = [decide(honest_worlds.null_trial(seed), policy)[0].verdict for seed in range(6)]
    assert verdicts.count("PROMOTE") == 0


def test_lookahead_features_off_by_one_collapse_alike_in_training_and_in_the_replay_of_the_bundle(tmp_path: Path) -> None:
    trained = taught(orders())
    later = honest_worlds.later(orders(days=9, seed=11))
    rows = matrix(orders())
    bundle = write_bundle(tmp_path, trained.model.export(), rows, trained.model.savings(rows), 60, ORIGIN)
    replay = load_bundle(bundle.folder, bundle.sha256)

    def scores(frame: pl.DataFrame) -> tuple[float, float]:
        trials = trials_of(frame.with_columns(day=pl.col("arrived_at").dt.date()), replay)
        return saving_of(frame, trained.model.savings(matrix(frame))), float(trials["saving_bps"].mean())  # type: ignore[arg-type]

    honest, off = scores(later), scores(shifted(later))
    assert honest[0] == honest[1] and off[0] == off[1]
    assert honest[0] > 3.0
    assert off[0] < 0.3 * honest[0]


def test_determinism_two_processes_train_the_same_bundle(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.models.honest_worlds", str(tmp_path / "there")]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, check=True).stdout
    assert told.split()[-1] == honest_worlds.small_bundle(tmp_path / "here").sha256
