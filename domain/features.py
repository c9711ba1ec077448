"""The features of a decision: defined once, computed by the same function in training and in the executor.

Each names the facts it is made of. All of them are known when the decision falls; a situation that holds a later fact is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.problems import BadInput

LIMIT = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known about an order when it has to be decided how to execute it.

    Costs are in bps of the order's value at the reference price, gas included where `quoted` is said; positive is dear.
    """

    decided_at: datetime
    known_at: datetime  # when the youngest fact below became known
    value_usd: float
    quoted_now_bps: float
    quoted_split_bps: float  # as quoted_now_bps when the order cannot be split
    quoted_second_bps: float  # the next best path that shares no pool with the best; as quoted_now_bps when there is none
    fee_bps: float
    gas_bps: float
    impact_bps: float
    deviation_bps: float
    pair_deviation_bps: float
    hops: int
    volatility_bps: float
    move_5m_bps: float
    move_1h_bps: float

    def __post_init__(self) -> None:
        refuse_later(self.known_at, self.decided_at)


def refuse_later(known_at: datetime, decided_at: datetime) -> None:
    """Raises BadInput when a fact is younger than the decision that rests on it."""
    if known_at > decided_at:
        raise BadInput(
            f"A fact of {known_at} cannot decide at {decided_at}; use only what was known then.",
            field="known_at",
            known_at=known_at.isoformat(),
            decided_at=decided_at.isoformat(),
        )


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the vector: its name, unit, meaning, the facts it comes from and when they are known."""

    name: str
    unit: str
    description: str
    source: str
    known: str
    of: Callable[[Any], float]  # of the situation whose facts they are


POOLS, REFERENCE, ORDER = "pool states", "reference prices", "order"
AT_BLOCK, AT_PRICE, AT_ORDER = "at the end of the last block", "at the last reference price", "with the order"

FEATURES: tuple[Feature, ...] = (
    Feature("log_value", "ln USD", "Size of the order.", f"{ORDER}, {REFERENCE}", AT_ORDER, lambda s: math.log(max(s.value_usd, 1e-6))),
    Feature(
        "quoted_now_bps",
        "bps",
        "What the best single path costs now, fee, impact, deviation and gas.",
        POOLS,
        AT_BLOCK,
        lambda s: s.quoted_now_bps,
    ),
    Feature(
        "split_saving_bps",
        "bps",
        "What splitting over two paths saves on the quote, its gas counted.",
        POOLS,
        AT_BLOCK,
        lambda s: s.quoted_now_bps - s.quoted_split_bps,
    ),
    Feature(
        "second_gap_bps", "bps", "How much dearer the next best path is.", POOLS, AT_BLOCK, lambda s: s.quoted_second_bps - s.quoted_now_bps
    ),
    Feature("fee_bps", "bps", "Pool fees of the best path.", POOLS, AT_BLOCK, lambda s: s.fee_bps),
    Feature("gas_bps", "bps", "Gas of the best path over the order's value.", f"gas prices, {REFERENCE}", AT_BLOCK, lambda s: s.gas_bps),
    Feature("impact_bps", "bps", "How far the order's size worsens the best path's price.", POOLS, AT_BLOCK, lambda s: s.impact_bps),
    Feature(
        "deviation_bps",
        "bps",
        "How far the best path's mid price is worse than the reference for this side; negative when the pool is generous.",
        f"{POOLS}, {REFERENCE}",
        AT_PRICE,
        lambda s: s.deviation_bps,
    ),
    Feature(
        "pair_deviation_bps",
        "bps",
        "The same for the middle one of all pools of the pair: what the other pools say.",
        f"{POOLS}, {REFERENCE}",
        AT_PRICE,
        lambda s: s.pair_deviation_bps,
    ),
    Feature("hops", "pools", "Pools on the best path.", POOLS, AT_BLOCK, lambda s: float(s.hops)),
    Feature(
        "volatility_bps",
        "bps per hour",
        "Realised volatility of the reference rate over the last hour.",
        REFERENCE,
        AT_PRICE,
        lambda s: s.volatility_bps,
    ),
    Feature(
        "move_5m_bps",
        "bps",
        "How the reference rate moved in five minutes; positive is in the order's favour.",
        REFERENCE,
        AT_PRICE,
        lambda s: s.move_5m_bps,
    ),
    Feature(
        "move_1h_bps",
        "bps",
        "How the reference rate moved in an hour; positive is in the order's favour.",
        REFERENCE,
        AT_PRICE,
        lambda s: s.move_1h_bps,
    ),
    Feature("hour", "hours", "Hour of the day, UTC.", ORDER, AT_ORDER, lambda s: s.decided_at.hour + s.decided_at.minute / 60),
)
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def vector(situation: Any, features: Sequence[Feature] = FEATURES) -> tuple[float, ...]:
    """The features in order, each exactly as a 32-bit float holds it.

    A model's thresholds lie between such values: a vector of finer numbers would fall on the other side of one now and then, and the
    executor would decide otherwise than the training did. Raises BadInput naming the feature that is not a number.
    """
    return tuple(_single(feature.name, feature.of(situation)) for feature in features)


def schema(features: Sequence[Feature] = FEATURES) -> list[dict[str, str]]:
    """Order, names and units, as a bundle's manifest records them and the executor compares them."""
    return [{"name": feature.name, "unit": feature.unit, "known": feature.known} for feature in features]


def schema_sha256(features: Sequence[Feature] = FEATURES) -> str:
    """One hash over the schema."""
    return hashlib.sha256(json.dumps(schema(features), sort_keys=True).encode()).hexdigest()


def _single(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise BadInput(f"Feature {name} is {value}; the facts it is made of must be finite numbers.", field=name)
    return struct.unpack("<f", struct.pack("<f", min(max(value, -LIMIT), LIMIT)))[0]
