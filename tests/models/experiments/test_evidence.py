"""The anytime-valid test: right by quadrature, honest under the null in hard worlds, quick enough under a real gain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from models.experiments.evidence import blocks_needed, log_e_value, weigh

BAR = 50.0


def by_quadrature(n: int, t: float) -> float:
    """The Bayes factor itself: noncentral t against central t, the effect normal with variance one."""

    def likelihood(effect: float) -> float:
        return stats.nct.pdf(t, n - 1, math.sqrt(n) * effect) * stats.norm.pdf(effect)

    top, _ = integrate.quad(likelihood, -6, 6, epsabs=1e-14, points=[0.0, t / math.sqrt(n)], limit=200)
    return math.log(top / stats.t.pdf(t, n - 1))


@pytest.mark.parametrize("n", [3, 7, 10, 30])
@pytest.mark.parametrize("t", [0.0, 1.5, 4.0, -2.5])
def test_the_closed_form_is_the_integral_it_stands_for(n: int, t: float) -> None:
    assert log_e_value(n, t * t) == pytest.approx(by_quadrature(n, t), abs=1e-4)


def peeking_false_promotions(worlds: np.ndarray, hours: int) -> float:
    """The share of worlds without a difference in which some look at block means would have promoted."""
    runs, length = worlds.shape
    blocks = worlds[:, : length // hours * hours].reshape(runs, -1, hours).mean(axis=2)
    promoted = 0
    for savings in blocks:
        path = weigh(savings)
        means = np.cumsum(savings) / np.arange(1, len(savings) + 1)
        promoted += bool(((path.e_values >= BAR) & (means > 0))[6:].any())
    return promoted / runs


def noise(kind: str, runs: int, hours: int, rng: np.random.Generator) -> np.ndarray:
    shocks = rng.standard_normal((runs, hours)) if kind == "normal" else rng.standard_t(3, (runs, hours))
    if kind == "autocorrelated":
        for hour in range(1, hours):
            shocks[:, hour] += 0.6 * shocks[:, hour - 1]
    if kind == "clustered":
        level = np.repeat(np.exp(rng.normal(0, 0.7, (runs, hours // 24))), 24, axis=1)
        shocks *= level
    return shocks


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "autocorrelated", "clustered"])
def test_looking_after_every_block_promotes_noise_in_at_most_one_percent_of_worlds(kind: str) -> None:
    worlds = noise(kind, 400, 24 * 30, np.random.default_rng(7))
    # At 1 % each, 400 worlds give nine or fewer with 99 % probability.
    assert peeking_false_promotions(worlds, 24) <= 9 / 400


def test_blocks_shorter_than_the_autocorrelation_would_promote_noise() -> None:
    worlds = noise("autocorrelated", 60, 24 * 20, np.random.default_rng(7))
    assert peeking_false_promotions(worlds, 1) > 0.05


def test_a_real_gain_is_found_within_the_demo_s_nine_blocks() -> None:
    rng = np.random.default_rng(3)
    found = [weigh(rng.normal(3.0, 1.0, 9)).e_value >= BAR for _ in range(200)]
    assert np.mean(found) > 0.95


def test_evidence_against_the_challenger_bounds_nothing() -> None:
    worse = weigh(np.array([-1.0, -1.1, -0.9, -1.0, -1.2, -1.0]))
    assert worse.e_value > BAR
    assert worse.p_bound == 1.0


def test_equal_blocks_are_no_evidence() -> None:
    assert weigh(np.full(10, 2.0)).e_value == 1.0


def test_no_blocks_say_nothing() -> None:
    nothing = weigh(np.zeros(0))
    assert (nothing.e_value, nothing.p_bound, nothing.mean) == (1.0, 1.0, 0.0)


def test_the_planner_s_number_of_blocks_is_the_first_that_reaches_the_bar() -> None:
    needed = blocks_needed(1.0, 1.0, BAR)
    assert needed is not None
    assert log_e_value(needed, needed) >= math.log(BAR) > log_e_value(needed - 1, needed - 1)


def test_the_planner_refuses_a_trial_that_cannot_succeed() -> None:
    assert blocks_needed(0.0, 1.0, BAR) is None
    assert blocks_needed(0.01, 1.0, BAR, at_most=1000) is None
