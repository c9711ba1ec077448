"""The partitions of a report: the days of the recording, or the months, quarters or years they lie in."""

from __future__ import annotations

from datetime import date

import dagster as dg

from assets.partitions import days
from domain.regulation.calendar import Span, period_of
from domain.regulation.rulebook import Period, Report

_STARTS: dict[Period, str] = {"month": "0 0 1 * *", "quarter": "0 0 1 1,4,7,10 *", "calendar_year": "0 0 1 1 *"}


def partitions_of(report: Report) -> dg.TimeWindowPartitionsDefinition:
    """One partition a period, by its first day. The period that is not over is one too: its report is a draft that grows."""
    if report.timing.period == "day":
        return days
    first = period_of(report.timing.period, days.start.date()).first
    end = days.end.date() if days.end else None
    until = period_of(report.timing.period, end).end if end else None
    return dg.TimeWindowPartitionsDefinition(
        start=first.isoformat(),
        end=until.isoformat() if until else None,
        fmt="%Y-%m-%d",
        cron_schedule=_STARTS[report.timing.period],
        end_offset=1,
    )


def spans_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, report: Report) -> list[Span]:
    """The periods a run makes."""
    first, last = (date.fromisoformat(key) for key in context.partition_key_range)
    spans = [period_of(report.timing.period, first)]
    while spans[-1].last < last:
        spans.append(period_of(report.timing.period, spans[-1].end))
    return spans
