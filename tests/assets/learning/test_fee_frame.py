"""The base fee's training frame: only blocks in a row, and the fee that is told apart from the one that is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from assets.learning.forecast_models import fee_frame
from domain.block_features import LOOK_BACK

START = datetime(2026, 1, 5, tzinfo=UTC)
GWEI = 10**9


def blocks(fees: list[int], first: int = 100) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "block_number": list(range(first, first + len(fees))),
            "block_time": [START + timedelta(seconds=12 * at) for at in range(len(fees))],
            "base_fee_per_gas": [Decimal(fee) for fee in fees],
        },
        schema_overrides={"block_time": pl.Datetime("us", "UTC"), "base_fee_per_gas": pl.Decimal(38, 0)},
    )


def test_the_label_is_the_move_after_the_fee_that_is_exact() -> None:
    frame = fee_frame(blocks([GWEI] * LOOK_BACK + [GWEI * 9 // 8]))
    assert frame.height == 1
    assert frame["base_fee_change_bps"].item() == pytest.approx(1177.8, abs=0.1)
    assert frame["change_1_bps"].item() == 0.0
    # Known at the end of the parent of the block whose fee is exact.
    assert frame["arrived_at"].item() == START + timedelta(seconds=12 * (LOOK_BACK - 2))


def test_blocks_that_do_not_follow_each_other_teach_nothing() -> None:
    gap = pl.concat([blocks([GWEI] * LOOK_BACK), blocks([GWEI] * 2, first=500)])
    assert fee_frame(gap).is_empty()
    assert fee_frame(blocks([])).is_empty()
