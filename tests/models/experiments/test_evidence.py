"""The evidence: the t path is the integral it stands for, and says nothing where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from models.experiments.evidence import blocks_needed, log_e_value, weigh

BAR = 100.0


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


def test_evidence_against_the_challenger_bounds_nothing() -> None:
    worse = weigh(np.array([-1.0, -1.1, -0.9, -1.0, -1.2, -1.0]))
    assert worse.e_value < 1
    assert worse.p_bound == 1.0
    assert weigh(np.array([1.0, 1.1, 0.9, 1.0, 1.2, 1.0])).e_value > BAR


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
