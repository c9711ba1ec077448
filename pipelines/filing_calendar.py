"""Jobs and schedules of the reports, made from the rulebook: one of each a report, in the timezone and holidays of its jurisdiction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from assets.compliance.report_periods import partitions_of
from domain.regulation.calendar import is_business_day, next_business_day, period_of
from domain.regulation.rulebook import Jurisdiction, Report, Rulebook


def job_name(report: Report) -> str:
    """What the job of a report is called."""
    return f"report_{report.slug}"


def jobs_of(rulebook: Rulebook) -> list[Any]:
    """A job for each report: its table, its documents and what is promised of them."""
    return [
        dg.define_asset_job(
            job_name(report),
            selection=dg.AssetSelection.assets(report.slug) | dg.AssetSelection.checks_for_assets(report.slug),
            description=f"Make the report {report.id} ({report.title}) for the chosen periods, and hold it against its schema.",
        )
        for report in rulebook.reports.values()
    ]


def schedules_of(rulebook: Rulebook) -> list[dg.ScheduleDefinition]:
    """A schedule for each report, off until a person turns it on."""
    return [_schedule(report, rulebook.jurisdictions[report.jurisdiction]) for report in rulebook.reports.values()]


def _schedule(report: Report, place: Jurisdiction) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"when_{report.slug}_is_made",
        job_name=job_name(report),
        cron_schedule=report.timing.cron,
        execution_timezone=place.timezone,
        execution_fn=partial(_tick, report, place),
        description=(
            f"On each business day of {place.name}, make {report.id} for every period that is over and has no report yet. "
            f"Due: {report.timing.deadline or 'on request'}."
        ),
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )


def _tick(report: Report, place: Jurisdiction, context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    today = context.scheduled_execution_time.astimezone(ZoneInfo(place.timezone)).date()
    keys = partitions_of(report).get_partition_keys(current_time=context.scheduled_execution_time)
    made = context.instance.get_materialized_partitions(dg.AssetKey(report.slug))
    asked = what_to_make(report, place, keys, made, today)
    yield from (asked,) if isinstance(asked, dg.SkipReason) else asked


def what_to_make(
    report: Report, place: Jurisdiction, keys: Sequence[str], made: Collection[str], today: date
) -> list[dg.RunRequest] | dg.SkipReason:
    """The periods to make on a day: all that are over and not made, on a business day of the jurisdiction.

    A run that failed is asked for again on the next business day, so nothing is missed because one day went wrong.
    """
    if not is_business_day(place.holidays, today):
        return dg.SkipReason(f"{today} is no business day of {place.name}; the next is {next_business_day(place.holidays, today)}.")
    found = list(_over_and_not_made(report, keys, made, today))
    return found or dg.SkipReason(f"Every period of {report.id} that is over has its report.")


def _over_and_not_made(report: Report, keys: Sequence[str], made: Collection[str], today: date) -> Iterator[dg.RunRequest]:
    for key in keys:
        if key not in made and period_of(report.timing.period, date.fromisoformat(key)).end <= today:
            yield dg.RunRequest(run_key=f"{report.slug}:{key}:{today}", partition_key=key)
