"""Features: known in time, finite, and the very same numbers wherever they are computed."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.features import FEATURES, NAMES, Situation, schema, schema_sha256, vector
from domain.problems import BadInput

NOON = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
SITUATION = Situation(
    decided_at=NOON,
    known_at=NOON,
    value_usd=math.e**10,
    quoted_now_bps=12.0,
    quoted_split_bps=9.0,
    quoted_second_bps=20.0,
    fee_bps=5.0,
    gas_bps=1.0,
    impact_bps=4.0,
    deviation_bps=2.0,
    pair_deviation_bps=1.5,
    hops=1,
    volatility_bps=50.0,
    move_5m_bps=-3.0,
    move_1h_bps=7.0,
)


def test_a_fact_younger_than_the_decision_is_refused() -> None:
    with pytest.raises(BadInput, match="use only what was known then"):
        replace(SITUATION, known_at=NOON + timedelta(microseconds=1))


def test_the_vector_is_the_catalogue_s_numbers_in_order() -> None:
    told = dict(zip(NAMES, vector(SITUATION), strict=True))
    assert told["log_value"] == pytest.approx(10.0)
    assert told["split_saving_bps"] == 3.0
    assert told["second_gap_bps"] == 8.0
    assert told["hour"] == 12.5
    assert len(told) == len(FEATURES)


@given(st.floats(-1e9, 1e9, allow_nan=False), st.floats(1e-9, 1e15))
def test_for_any_facts_each_number_is_one_that_32_bits_hold(deviation: float, value: float) -> None:
    for number in vector(replace(SITUATION, deviation_bps=deviation, value_usd=value)):
        assert struct.unpack("<f", struct.pack("<f", number))[0] == number
        assert abs(number) <= 1e6


def test_a_feature_that_is_not_a_number_is_refused_by_name() -> None:
    with pytest.raises(BadInput) as refused:
        vector(replace(SITUATION, impact_bps=math.nan))
    assert refused.value.facts["field"] == "impact_bps"


def test_each_feature_says_its_unit_its_meaning_its_source_and_when_it_is_known() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for feature in FEATURES:
        assert feature.unit and feature.source and feature.known
        assert feature.description.endswith(".")


def test_another_order_of_features_is_another_schema() -> None:
    assert schema_sha256(FEATURES) == schema_sha256()
    assert schema_sha256(FEATURES[::-1]) != schema_sha256()
    assert schema()[0] == {"name": "log_value", "unit": "ln USD", "known": "with the order"}
