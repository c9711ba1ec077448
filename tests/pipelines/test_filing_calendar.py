"""When reports are made: each period once, on the first business day after it, in the jurisdiction's own calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.regulation.calendar import is_business_day, period_of, periods_between
from domain.regulation.rulebook import Jurisdiction, Period, Report
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines.filing_calendar import job_name, jobs_of, schedules_of, what_to_make

RULEBOOK = load_rulebook(SHIPPED)
REPORT = RULEBOOK.reports["EU.MiCA.transactions"]
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
CALENDARS = ("TARGET", "SG", "US", "AT", None)


def of(period: Period, calendar: str | None) -> tuple[Report, Jurisdiction]:
    """A report by that period in a jurisdiction with that calendar."""
    place = replace(RULEBOOK.jurisdictions["EU"], holidays=calendar)
    return replace(REPORT, timing=replace(REPORT.timing, period=period)), place


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(("day", "month", "quarter", "calendar_year")),
    st.sampled_from(CALENDARS),
    st.sets(st.integers(0, 3 * 365), max_size=8),
)
def test_for_any_calendar_every_period_is_asked_for_once_on_the_first_business_day_after_it(
    period: Period, calendar: str | None, out_of_order: set[int]
):
    """Three years of ticks. On some days nothing could be made: then it is asked for again on the next business day."""
    report, place = of(period, calendar)
    keys = [span.first.isoformat() for span in periods_between(period, FIRST, LAST)]
    made: dict[str, date] = {}
    late: set[str] = set()
    for number in range((LAST - FIRST).days + 30):
        today = FIRST + timedelta(number)
        asked = what_to_make(report, place, keys, made.keys(), today)
        if isinstance(asked, dg.SkipReason):
            continue
        assert is_business_day(calendar, today)
        wanted = [str(one.partition_key) for one in asked]
        assert len(set(wanted)) == len(wanted) and not made.keys() & set(wanted)
        assert len({one.run_key for one in asked}) == len(wanted)
        if number in out_of_order:
            late |= set(wanted)
        else:
            made |= dict.fromkeys(wanted, today)
    assert sorted(made) == keys
    for key, day in made.items():
        end = period_of(period, date.fromisoformat(key)).end
        between = [end + timedelta(n) for n in range((day - end).days)]
        assert day >= end
        assert key in late or not any(is_business_day(calendar, one) for one in between)


def test_a_day_that_is_no_business_day_is_skipped_and_the_next_one_is_named():
    skipped = what_to_make(*of("day", "TARGET"), ["2026-04-30"], (), date(2026, 5, 1))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "2026-05-01 is no business day of European Union; the next is 2026-05-04."


def test_when_everything_is_made_nothing_is_asked_for():
    skipped = what_to_make(*of("day", None), ["2026-04-30"], {"2026-04-30"}, date(2026, 5, 4))
    assert isinstance(skipped, dg.SkipReason) and "has its report" in str(skipped.skip_message)


def test_a_run_that_failed_is_asked_for_again_under_another_name():
    [first] = what_to_make(*of("day", None), ["2026-04-30"], (), date(2026, 5, 4))
    [second] = what_to_make(*of("day", None), ["2026-04-30"], (), date(2026, 5, 5))
    assert first.partition_key == second.partition_key and first.run_key != second.run_key


@pytest.mark.parametrize("report", RULEBOOK.reports.values(), ids=lambda one: one.id)
def test_each_report_has_a_job_and_a_schedule_that_is_off_until_a_person_turns_it_on(report: Report):
    assert job_name(report) in {job.name for job in jobs_of(RULEBOOK)}
    [schedule] = [one for one in schedules_of(RULEBOOK) if one.job_name == job_name(report)]
    assert schedule.cron_schedule == report.timing.cron
    assert schedule.execution_timezone == RULEBOOK.jurisdictions[report.jurisdiction].timezone
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
