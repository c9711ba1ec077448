"""The record of a decision: one name for one set of facts, and another name when any of them changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.learning import challenger_model, champion_model, shadow_trials
from assets.learning.decision_record import DecisionRecord, record_of
from assets.warehouse import Warehouse
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy


@pytest.fixture
def record(tmp_path: Path) -> DecisionRecord:
    decision = decide(shadow_trials.TABLE.empty(), PromotionPolicy.read())[0]
    return record_of(decision, Warehouse(lake=str(tmp_path)))


def test_the_same_facts_have_the_same_name(record: DecisionRecord) -> None:
    assert replace(record).sha256 == record.sha256
    assert record.metadata() == {
        "decision_sha256": record.sha256,
        "policy_sha256": record.decision.policy_sha256,
        "data_sha256": record.data_sha256,
    }
    assert (record.champion_sha256, record.challenger_sha256) == (None, None)


@pytest.mark.parametrize("change", [{"champion_sha256": "a"}, {"challenger_sha256": "b"}, {"data_sha256": "c"}])
def test_other_facts_have_another_name(record: DecisionRecord, change: dict[str, str]) -> None:
    assert replace(record, **change).sha256 != record.sha256


def test_another_verdict_has_another_name(record: DecisionRecord) -> None:
    assert replace(record, decision=replace(record.decision, verdict="PROMOTE")).sha256 != record.sha256


def test_it_names_the_bundles_there_are(record: DecisionRecord, tmp_path: Path) -> None:
    warehouse = Warehouse(lake=str(tmp_path))
    for table, digest in ((champion_model.TABLE, "a" * 64), (challenger_model.TABLE, "b" * 64)):
        row = {name: None for name in table.names} | {"policy": "p", "version": 1, "bundle_sha256": digest}
        told = {name: (0 if value is None and not table.schema[name].is_temporal() else value) for name, value in row.items()}
        frame = pl.DataFrame([told], schema=table.schema, strict=False)
        warehouse.replace(
            table,
            frame.with_columns(
                pl.lit("1970-01-01").str.to_datetime("%Y-%m-%d", time_zone="UTC").alias(name)
                for name in table.names
                if table.schema[name].is_temporal()
            ),
        )
    found = record_of(record.decision, warehouse)
    assert (found.champion_sha256, found.challenger_sha256) == ("a" * 64, "b" * 64)
