"""The days: every daily table has one partition for each UTC day of the recording it is built from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from assets.chosen_recording import recording_path


def days_of(recording: Path) -> dg.DailyPartitionsDefinition:
    """One partition per day of the recording; without one there, open-ended from the start of 2026."""
    manifest = recording / "manifest.json"
    if not manifest.is_file():
        return dg.DailyPartitionsDefinition(start_date="2026-01-01")
    told = json.loads(manifest.read_text())
    after_last = date.fromisoformat(told["last_day"]) + timedelta(days=1)
    return dg.DailyPartitionsDefinition(start_date=told["first_day"], end_date=after_last.isoformat())


days = days_of(recording_path())

# One run may rebuild many days at once; a day that needs the day before says so with `the_day_before`.
in_one_run = dg.BackfillPolicy.single_run()
the_day_before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True)
the_day_and_the_one_before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=0, allow_nonexistent_upstream_partitions=True)


@dataclass(frozen=True, slots=True)
class Span:
    """The days a run rebuilds, first and last included."""

    first: date
    last: date

    @staticmethod
    def of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Span | None:
        """The run's days; None when the asset is not partitioned."""
        if not context.has_partition_key and not context.has_partition_key_range:
            return None
        keys = context.partition_key_range
        return Span(date.fromisoformat(keys.start), date.fromisoformat(keys.end))

    def dates(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def day_before(self) -> Span:
        """The single day before the first: where a running total is carried from."""
        eve = self.first - timedelta(days=1)
        return Span(eve, eve)

    def widened(self, before: int = 0, after: int = 0) -> Span:
        """The span with some days added at either end."""
        return Span(self.first - timedelta(days=before), self.last + timedelta(days=after))
