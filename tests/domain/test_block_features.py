"""The features of a fee forecast: from base fees that are known, and from enough of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.block_features import FEE_FEATURES, LOOK_BACK, FeeSituation
from domain.features import vector
from domain.problems import BadInput

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
GWEI = 10**9


def test_a_steady_fee_moves_nothing() -> None:
    told = dict(zip([one.name for one in FEE_FEATURES], vector(FeeSituation(NOON, NOON, [GWEI] * LOOK_BACK), FEE_FEATURES), strict=True))
    assert set(told.values()) == {0.0}  # the log of one gwei, and no move


def test_a_full_last_block_is_an_eighth_more_in_the_newest_move_and_in_every_trend() -> None:
    fees = [GWEI] * (LOOK_BACK - 1) + [GWEI * 9 // 8]
    told = dict(zip([one.name for one in FEE_FEATURES], vector(FeeSituation(NOON, NOON, fees), FEE_FEATURES), strict=True))
    assert told["change_1_bps"] == told["trend_4_bps"] == told["trend_16_bps"] == pytest.approx(1177.8, abs=0.1)
    assert told["change_2_bps"] == told["change_3_bps"] == 0.0
    assert told["roughness_bps"] == pytest.approx(1177.8 / 4, abs=0.1)


def test_a_parent_of_the_future_is_refused() -> None:
    with pytest.raises(BadInput, match="use only what was known then"):
        FeeSituation(NOON, NOON + timedelta(seconds=1), [GWEI] * LOOK_BACK)


@pytest.mark.parametrize("fees", [[GWEI] * (LOOK_BACK - 1), [0] + [GWEI] * LOOK_BACK])
def test_too_few_fees_or_one_of_nothing_are_refused(fees: list[int]) -> None:
    with pytest.raises(BadInput, match="eth_feeHistory"):
        FeeSituation(NOON, NOON, fees)
