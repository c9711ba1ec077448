"""The partitions are the recording's days."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from assets.chosen_recording import SHIPPED_RECORDING, recording_path
from assets.partitions import Span, days_of


def test_a_recording_has_one_partition_for_each_of_its_days(tmp_path: Path):
    (tmp_path / "manifest.json").write_text(json.dumps({"first_day": "2024-01-05", "last_day": "2024-01-07"}))
    assert days_of(tmp_path).get_partition_keys() == ["2024-01-05", "2024-01-06", "2024-01-07"]


def test_without_a_recording_the_days_are_open_ended(tmp_path: Path):
    assert days_of(tmp_path).end is None


def test_the_setting_names_the_recording_and_the_shipped_one_is_the_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_RECORDING", "/somewhere")
    assert recording_path() == Path("/somewhere")
    monkeypatch.delenv("GREKKO_RECORDING")
    assert recording_path() == SHIPPED_RECORDING


def test_a_span_counts_its_days_and_knows_its_neighbours():
    span = Span(date(2026, 1, 31), date(2026, 2, 1))
    assert span.dates() == [date(2026, 1, 31), date(2026, 2, 1)]
    assert span.day_before() == Span(date(2026, 1, 30), date(2026, 1, 30))
    assert span.widened(before=1, after=2) == Span(date(2026, 1, 30), date(2026, 2, 3))
