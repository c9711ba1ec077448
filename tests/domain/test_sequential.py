"""A guardrail is seldom breached by a challenger that is no worse, and soon by one that is."""

import random

import pytest

from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION, Guardrail


def told(guardrail: Guardrail, champion: float, challenger: float, share: float, orders: int, seed: int) -> int | None:
    """Orders until the breach, None when there was none; rates of an event in each arm, and the share of orders the challenger gets."""
    draw = random.Random(seed)
    for count in range(1, orders + 1):
        arm, rate = (CHALLENGER, challenger) if draw.random() < share else (CHAMPION, champion)
        guardrail.add(arm, float(draw.random() < rate))
        if guardrail.breached:
            return count
    return None


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_challenger_as_good_as_the_champion_seldom_breaches_whatever_its_share(share):
    breaches = sum(told(Guardrail(margin=0.0, alpha=0.05), 0.1, 0.1, share, 2_000, seed) is not None for seed in range(200))
    assert breaches <= 18  # 5 % of 200 and three standard deviations


def test_a_challenger_that_is_worse_by_less_than_the_margin_is_let_be():
    assert told(Guardrail(margin=0.05, alpha=0.01), 0.10, 0.13, 0.5, 5_000, seed=1) is None


def test_a_challenger_that_fails_every_second_order_is_found_soon():
    found = [told(Guardrail(margin=0.01, alpha=0.01), 0.02, 0.5, 0.5, 1_000, seed) for seed in range(50)]
    assert all(count is not None and count <= 200 for count in found)


def test_a_breach_stays_a_breach():
    guardrail = Guardrail(margin=0.0, alpha=0.05)
    for _ in range(50):
        guardrail.add(CHAMPION, 0.0)
        guardrail.add(CHALLENGER, 1.0)
    high = guardrail.e_value
    for _ in range(500):
        guardrail.add(CHAMPION, 1.0)
        guardrail.add(CHALLENGER, 0.0)
    assert guardrail.breached and guardrail.e_value == high


def test_one_arm_alone_is_no_evidence():
    guardrail = Guardrail(margin=0.0, alpha=0.05)
    for _ in range(100):
        guardrail.add(CHALLENGER, 1.0)
    assert guardrail.e_value == 1.0 and guardrail.pairs == 0


@pytest.mark.parametrize(("arm", "value"), [(CHAMPION, 1.5), (CHALLENGER, -0.1), ("somebody", 0.5), (CHAMPION, float("nan"))])
def test_what_is_no_value_or_no_arm_is_refused(arm, value):
    with pytest.raises(BadInput):
        Guardrail(margin=0.0, alpha=0.05).add(arm, value)


@pytest.mark.parametrize(("margin", "alpha"), [(-0.1, 0.05), (1.0, 0.05), (0.0, 0.0), (0.0, 1.0)])
def test_a_guardrail_that_could_not_mean_anything_is_refused(margin, alpha):
    with pytest.raises(BadInput):
        Guardrail(margin=margin, alpha=alpha)
