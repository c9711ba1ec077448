"""The features of a fee forecast: what the base fees of the last blocks say about the one that cannot be computed yet.

The next block's base fee is exact once its parent is known (`domain/base_fee.py`). A transaction that misses it pays the one after,
and that depends on how full the next block will be: this is what is left to forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.features import AT_BLOCK, Feature, refuse_later
from domain.market import BPS
from domain.problems import BadInput

BASE_FEES = "base fees"
# How many base fees a forecast looks at: the next block's, which is exact, and those of the blocks before it.
LOOK_BACK = 17


@dataclass(frozen=True, slots=True)
class FeeSituation:
    """The base fees in a row, wei per gas, oldest first; the last is the next block's, exact since its parent is known."""

    decided_at: datetime
    known_at: datetime  # the time of that parent
    base_fees_wei: Sequence[int]

    def __post_init__(self) -> None:
        refuse_later(self.known_at, self.decided_at)
        if len(self.base_fees_wei) < LOOK_BACK or min(self.base_fees_wei) <= 0:
            raise BadInput(
                f"A fee forecast needs {LOOK_BACK} base fees above 0 in a row, not {len(self.base_fees_wei)}; "
                "ask eth_feeHistory for more blocks.",
                field="base_fees_wei",
            )

    def change_bps(self, blocks_ago: int, over: int = 1) -> float:
        """How far the base fee moved over so many blocks, bps of a log; 0 blocks ago is the move to the next block's."""
        last = len(self.base_fees_wei) - 1 - blocks_ago
        return BPS * math.log(self.base_fees_wei[last] / self.base_fees_wei[last - over])


def _roughness(fees: FeeSituation) -> float:
    moves = [fees.change_bps(ago) for ago in range(LOOK_BACK - 1)]
    return math.sqrt(sum(move * move for move in moves) / len(moves))


FEE_FEATURES: tuple[Feature, ...] = (
    Feature(
        "log_base_fee",
        "ln gwei",
        "Base fee of the next block, exact.",
        BASE_FEES,
        AT_BLOCK,
        lambda s: math.log(s.base_fees_wei[-1] / 1e9),
    ),
    Feature(
        "change_1_bps", "bps", "Its move against the last block: how full that one was.", BASE_FEES, AT_BLOCK, lambda s: s.change_bps(0)
    ),
    Feature("change_2_bps", "bps", "The move one block before.", BASE_FEES, AT_BLOCK, lambda s: s.change_bps(1)),
    Feature("change_3_bps", "bps", "The move two blocks before.", BASE_FEES, AT_BLOCK, lambda s: s.change_bps(2)),
    Feature("trend_4_bps", "bps", "The move over the last four blocks.", BASE_FEES, AT_BLOCK, lambda s: s.change_bps(0, 4)),
    Feature("trend_16_bps", "bps", "The move over the last sixteen blocks.", BASE_FEES, AT_BLOCK, lambda s: s.change_bps(0, 16)),
    Feature("roughness_bps", "bps", "Root mean square of the last sixteen moves.", BASE_FEES, AT_BLOCK, _roughness),
)
