"""The reward: what it adds up, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from domain.problems import BadInput
from models.reward import RewardSettings, cvar_of, reward_of


def test_the_reward_is_the_sum_of_its_weighted_parts() -> None:
    settings = RewardSettings(risk=0.5, tail=0.25, turnover=2.0, credit=0.1)
    told = reward_of(np.array([-10.0, 2.0, 4.0, 8.0]), settings, turnover=1.5, credit_bps=np.array([3.0, 5.0, 4.0, 4.0]))
    assert (told.net_bps, told.cvar_bps, told.turnover, told.credit_bps) == (1.0, 10.0, 1.5, 4.0)
    assert told.total == pytest.approx(1.0 - 0.5 * 10 - 2.0 * 1.5 + 0.1 * 4)


def test_the_tail_has_at_least_one_trade_and_nothing_has_no_tail() -> None:
    assert cvar_of(np.array([1.0, -3.0]), 0.01) == 3.0
    assert cvar_of(np.zeros(0), 0.05) == 0.0
    assert reward_of(np.zeros(0), RewardSettings()).net_bps == 0.0


@pytest.mark.parametrize("part", ["risk", "tail", "turnover", "credit"])
def test_a_weight_out_of_its_range_is_refused_by_name(part: str) -> None:
    with pytest.raises(BadInput) as problem:
        RewardSettings(**{part: -0.1})
    assert problem.value.facts["field"] == part
