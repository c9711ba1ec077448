"""What a bundle may be asked: the kinds of answers the executor understands, each with its features and outputs.

A bundle says its kind; the executor compares the bundle's features and outputs with the kind's, to the letter. A new kind is a line here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from domain.block_features import FEE_FEATURES
from domain.bundles import ACTIONS, MEANING, OUTPUT
from domain.features import FEATURES, Feature


@dataclass(frozen=True, slots=True)
class Output:
    """One number of an answer."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A question: what is put in, and what comes out. `tensor` is the name of the graph's output; `low` and `high` bound every number."""

    name: str
    tensor: str
    features: tuple[Feature, ...]
    outputs: tuple[Output, ...]
    low: float = -math.inf
    high: float = math.inf

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in order."""
        return tuple(feature.name for feature in self.features)

    def told(self) -> list[dict[str, str]]:
        """The outputs, as a bundle's manifest records them."""
        return [{"name": output.name, "unit": output.unit, "meaning": output.meaning} for output in self.outputs]


def _picked(*names: str) -> tuple[Feature, ...]:
    return tuple(feature for feature in FEATURES if feature.name in names)


EXECUTION = Kind(
    "execution",
    OUTPUT,
    FEATURES,
    tuple(Output(action, "bps", f"saving against executing now: {MEANING[action]}") for action in ACTIONS),
)
MARKOUT = Kind(
    "markout",
    "markout_bps",
    _picked(
        "log_value",
        "quoted_now_bps",
        "impact_bps",
        "deviation_bps",
        "pair_deviation_bps",
        "volatility_bps",
        "move_5m_bps",
        "move_1h_bps",
        "hour",
    ),
    (
        Output("markout_1m_bps", "bps", "median gain of what was bought on what was sold, by the reference, one minute after the order"),
        Output("markout_5m_bps", "bps", "the same five minutes after the order"),
    ),
)
MISS = Kind(
    "miss",
    "miss_probability",
    _picked("log_value", "fee_bps", "impact_bps", "deviation_bps", "pair_deviation_bps", "hops", "volatility_bps", "move_5m_bps"),
    (Output("miss_probability", "1", "probability that the plan gives less than its minimum one block later, so that it would revert"),),
    low=0.0,
    high=1.0,
)
BASE_FEE = Kind(
    "base_fee",
    "base_fee_change_bps",
    FEE_FEATURES,
    (
        Output("change_p50_bps", "bps", "median of the base fee's log change from the next block to the one after"),
        Output("change_p90_bps", "bps", "what that change exceeds once in ten times"),
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (EXECUTION, MARKOUT, MISS, BASE_FEE)}
