"""The bandit: it learns offsets from its own orders, and finds back to the quote when they stop being true."""

from __future__ import annotations

import numpy as np
import pytest

from models.bandit import QuoteOffsetBandit, Settings
from models.change_point import ChangePoint, log_ratio
from tests.models.drifting_world import DRIFT, World, excess_of


@pytest.fixture(scope="module")
def excess() -> tuple[np.ndarray, np.ndarray, list[int]]:
    """What the bandit and the quote alone cost above the best, averaged over two worlds that change after 2,000 orders."""
    runs = [excess_of(World(seed, orders=3_500, drift=DRIFT // 2)) for seed in range(2)]
    return np.mean([run[0] for run in runs], axis=0), np.mean([run[1] for run in runs], axis=0), [len(run[2].fallbacks) for run in runs]


def test_after_a_thousand_orders_it_is_close_to_the_best_and_the_quote_is_not(excess) -> None:
    bandit, quote, _ = excess
    assert bandit[1_000:2_000].mean() < 1.2 < 3.5 < quote[1_000:2_000].mean()


def test_after_a_drift_it_is_never_much_worse_than_the_quote(excess) -> None:
    bandit, quote, fallbacks = excess
    after = (bandit - quote)[2_000:]
    windows = [after[start : start + 500].mean() for start in range(0, 1_000, 50)]
    assert max(windows) < 0.5
    assert min(fallbacks) >= 1


def test_without_the_fallback_the_same_drift_costs_more(excess) -> None:
    stubborn = excess_of(World(0, orders=3_500, drift=DRIFT // 2), Settings(false_alarm=1e-300))
    watchful = excess_of(World(0, orders=3_500, drift=DRIFT // 2))
    assert watchful[2].fallbacks and not stubborn[2].fallbacks
    assert stubborn[0][2_000:2_500].mean() > watchful[0][2_000:2_500].mean()


def test_before_it_has_learned_anything_it_takes_the_best_quote() -> None:
    bandit = QuoteOffsetBandit(3, 2)
    assert bandit.propensities(np.array([1.0, 0.0]), np.array([5.0, 4.0, 6.0])).tolist() == [0.0, 1.0, 0.0]


def test_an_explorer_leaves_every_action_a_propensity() -> None:
    bandit = QuoteOffsetBandit(4, 2, Settings(explore=0.2))
    likely = bandit.propensities(np.array([1.0, 0.0]), np.array([5.0, 4.0, 6.0, 7.0]))
    assert likely.tolist() == pytest.approx([0.05, 0.85, 0.05, 0.05])


def test_one_accident_moves_it_less_than_ten_honest_orders() -> None:
    honest, hit = QuoteOffsetBandit(1, 1), QuoteOffsetBandit(1, 1)
    for _ in range(10):
        honest.learn(np.ones(1), 0, 10.0)
    hit.learn(np.ones(1), 0, 1_000.0)
    assert hit.offsets(np.ones(1))[0] < honest.offsets(np.ones(1))[0]


def test_evidence_for_the_quote_adds_up_and_tells_how_far_back_it_began() -> None:
    test = ChangePoint(false_alarm=1e-2)
    # The model says 20 bps and is right for a while: no level is kept.
    assert [test.add(20.0, 20.0, 15.0) for _ in range(50)] == [None] * 50
    assert test.level == 0.0
    alarms = [test.add(20.0, 0.0, 15.0) for _ in range(20)]
    first = next(at for at, alarm in enumerate(alarms) if alarm)
    assert alarms[first] == first + 1


def test_a_residual_between_both_predictions_says_nothing() -> None:
    assert log_ratio(10.0, 5.0, 15.0) == pytest.approx(0.0)
    assert log_ratio(10.0, 0.0, 15.0) == pytest.approx(-log_ratio(10.0, 10.0, 15.0))
