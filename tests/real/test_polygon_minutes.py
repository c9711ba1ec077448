"""Thirty-five days of a real pool on Polygon: the whole loop trains, shadows and decides; on null data of that shape it holds."""

from __future__ import annotations

import polars as pl
import pytest

from models.experiments.policy import PromotionPolicy
from models.minute_bars import sift
from models.minute_orders import PaperFlow
from pipelines import minute_learning
from pipelines.minute_learning import Course
from tests.untraced import untraced

FILE = "polygon_univ3_usdc_weth_005_minute_2022-07-19_2022-08-22.parquet"
# Thinner than the command's own pace, so that the test stays short.
FLOW = {"every_minutes": 20}


@pytest.fixture(scope="module")
def bars(real_data):
    if not (real_data / FILE).is_file():
        pytest.skip(f"the real minutes are not here: {FILE}")
    return sift(pl.read_parquet(real_data / FILE))


def test_every_published_minute_is_used_and_what_is_wrong_with_them_is_told(bars):
    assert (bars.frame.height, bars.set_aside.height) == (50_390, 0)
    assert sum(gap.minutes for gap in bars.gaps) == 10
    # 6.6 % of the closes lie outside of what their own minute saw.
    assert bars.strays == 3_316


def test_the_loop_decides_on_days_it_did_not_learn_from_and_shows_its_evidence(bars, tmp_path):
    outcome = minute_learning.run(bars, Course(flow=PaperFlow(**FLOW)), PromotionPolicy.read(), tmp_path)
    assert outcome.decision.verdict in {"PROMOTE", "HOLD", "FUTILE"}
    assert outcome.decision.blocks == len(outcome.by_block) == 25
    assert outcome.orders.unaskable.total() == 0
    assert outcome.lessons + outcome.trials.height + 6 == outcome.orders.frame.height  # the embargo's three pairs
    fresh = outcome.trained
    assert fresh is not None and outcome.challenger is not None
    simple = minute_learning.yardsticks(outcome)
    assert abs(simple["always_wait_bps"]) < 0.05  # buyers and sellers alike: the market's own way is nobody's merit
    # Not by a hundredth of a bp does a split save anything while the pool remembers our first half.
    assert simple["always_split_bps"] < 0


@pytest.mark.parametrize("seed", [7])
def test_on_null_data_of_the_same_shape_it_does_not_promote(bars, tmp_path, seed):
    with untraced():
        outcome = minute_learning.run(bars, Course(seed=seed, flow=PaperFlow(**FLOW), null=True), PromotionPolicy.read(), tmp_path)
    assert outcome.crossed_at is None and outcome.decision.verdict != "PROMOTE"
    assert len(outcome.by_block) == 25
