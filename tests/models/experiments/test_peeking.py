"""Peeking: the quick way is the slow way, noise is not promoted however often one looks, and a real lift is found."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench._trial_worlds import HOURS, lifted, null_worlds, play
from models.experiments.evidence import claims, log_t_path
from models.experiments.files import peek
from models.experiments.paired import HOUR_US, Pairs, add_up
from models.experiments.peeking import Look, first_decisions, look, paths
from models.experiments.policy import PromotionPolicy

POLICY = PromotionPolicy.read()
BEGIN = 1_767_225_600_000_000


def by_looking_at_every_step(pairs: Pairs, policy: PromotionPolicy, step: timedelta) -> tuple[Look, int]:
    """What `peek` stands for: at each step, everything anew from the orders up to then and from nothing else."""
    width = step // timedelta(microseconds=1)
    now = pairs.begin_us
    over = (int(pairs.at_us[-1]) // HOUR_US + 1) * HOUR_US
    while True:
        now += width
        until = int(np.searchsorted(pairs.at_us, now, side="right"))
        known = Pairs(pairs.at_us[:until], pairs.champion[:until], pairs.challenger[:until])
        blocks = int((known.complete_at(policy) <= now).sum()) if until else 0
        seen = look(paths(known.by_hour(policy, blocks), policy), 0, blocks, policy)
        if seen.verdict != "HOLD" or now >= over:
            return seen, now


def some_pairs(seed: int, days: int, per_hour: float, saving: float, noise: float, gap: bool) -> Pairs:
    rng = np.random.default_rng(seed)
    count = max(int(days * 24 * per_hour), 1)
    at = np.sort(rng.integers(rng.integers(0, 30 * HOUR_US), days * 24 * HOUR_US + 30 * HOUR_US, count))
    if gap:
        at = at[(at < 3 * 24 * HOUR_US) | (at > 5 * 24 * HOUR_US + 7 * HOUR_US)] if len(at) > 50 else at
    champion = 20 + 5 * rng.standard_normal(len(at))
    return Pairs.sort(BEGIN + at, champion, champion - saving + noise * rng.standard_t(3, len(at)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    days=st.integers(1, 14),
    per_hour=st.sampled_from([0.1, 0.7, 12.0]),
    saving=st.sampled_from([-15.0, 0.0, 12.0, 20.0]),
    noise=st.sampled_from([0.5, 20.0]),
    gap=st.booleans(),
    step=st.sampled_from([timedelta(minutes=30), timedelta(hours=1), timedelta(hours=7), timedelta(days=1), timedelta(days=3)]),
)
def test_for_any_experiment_and_step_the_decision_is_that_of_looking_at_every_step(
    seed: int, days: int, per_hour: float, saving: float, noise: float, gap: bool, step: timedelta
) -> None:
    pairs = some_pairs(seed, days, per_hour, saving, noise, gap)
    seen, at, _ = peek(pairs, POLICY, step)
    slow, slow_at = by_looking_at_every_step(pairs, POLICY, step)
    assert (seen.verdict, seen.blocks, seen.hours, at) == (slow.verdict, slow.blocks, slow.hours, slow_at)
    assert (seen.lift, *seen.log_e) == pytest.approx((slow.lift, *slow.log_e), rel=1e-9, abs=1e-9)


def test_what_comes_after_the_decision_changes_nothing() -> None:
    pairs = some_pairs(1, 14, 12.0, 12.0, 0.5, gap=False)
    seen, at, _ = peek(pairs, POLICY, timedelta(hours=1))
    assert seen.verdict == "PROMOTE" and seen.day_blocks < 12
    ruined = Pairs(pairs.at_us, pairs.champion, np.where(pairs.at_us > at, 500.0, pairs.challenger))
    assert peek(ruined, POLICY, timedelta(hours=1))[:2] == (seen, at)


def test_many_runs_at_once_are_decided_like_each_alone() -> None:
    rng = np.random.default_rng(4)
    champion, challenger = lifted(0.1, per_hour=12)(rng, 5)
    runs, hours, per_hour = champion.shape
    together = play(champion, challenger, POLICY)
    for run in range(runs):
        at = np.repeat(np.arange(hours), per_hour) * HOUR_US
        alone = peek(Pairs(BEGIN + at, champion[run].ravel(), challenger[run].ravel()), POLICY, timedelta(hours=1))[0]
        same = together[run]
        assert same is not None and (same.verdict, same.day_blocks) == (alone.verdict, alone.day_blocks)
        assert same.log_e == pytest.approx(alone.log_e, rel=1e-9)


def decided(draw, runs: int, seed: int, policy: PromotionPolicy = POLICY) -> list[str]:
    rng = np.random.default_rng(seed)
    return [found.verdict if found else "HOLD" for _ in range(runs // 50) for found in play(*draw(rng, 50), policy)]


@pytest.mark.parametrize("world", null_worlds(), ids=lambda world: world.name)
def test_looking_every_hour_promotes_a_challenger_that_is_no_better_in_at_most_one_percent_of_trials(world) -> None:
    # At 1 % each, 100 trials promote four or fewer with 99.6 % probability; the bench asks 10,000.
    assert decided(world.draw, 100, seed=7).count("PROMOTE") <= 4


def test_without_the_bets_rare_accidents_would_be_promoted() -> None:
    """The two tests beside each other: the bets are what holds it, not luck."""
    draw = next(world.draw for world in null_worlds() if world.name.startswith("rare reverts"))
    champion, challenger = draw(np.random.default_rng(7), 100)
    hour = np.repeat(np.arange(100 * HOURS), champion.shape[2])
    sums = add_up(hour, champion.ravel(), challenger.ravel(), POLICY, HOURS // 24, 100)
    t_alone = log_t_path(claims(sums, POLICY))[:, 0, 6:]
    assert (t_alone.max(axis=1) >= np.log(100)).mean() > 0.05
    assert [found.verdict for found in first_decisions(sums, POLICY) if found].count("PROMOTE") <= 4


def test_a_true_lift_of_ten_percent_is_found_and_one_of_five_is_hardly_ever_given_up_early() -> None:
    assert decided(lifted(0.1, per_hour=20), 50, seed=3).count("PROMOTE") >= 48
    rng = np.random.default_rng(5)
    five = [found for found in play(*lifted(0.05, per_hour=20)(rng, 50), POLICY) if found]
    assert sum(found.verdict == "FUTILE" and not found.late for found in five) <= 2
    assert sum(found.verdict == "ROLLBACK" for found in five) == 0
