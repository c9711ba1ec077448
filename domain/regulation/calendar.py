"""When reports are due: periods, business days, and the deadlines of the rulebook as dates.

A business day is a weekday that is no holiday of the jurisdiction's calendar: TARGET (the days on which the ECB's settlement system is
closed), a country's public holidays, or weekends only where none is named. A deadline that falls on another day moves to the next
business day, as Regulation 1182/71 Art 3(4) does for terms of the Union's law and most authorities do for theirs.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from domain.problems import BadInput
from domain.regulation.rulebook import Jurisdiction, Period, Report, Rulebook

TARGET = "TARGET"
_DAY = timedelta(days=1)
_MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "calendar_year": 12}
_BUSINESS_DAYS = re.compile(r"T\+([0-9]{1,3})bd")
_AFTER_MONTHS = re.compile(r"\+([0-9]{1,2})m")
_DAY_OF_YEAR = re.compile(r"([0-9]{2})-([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A period from its `first` to its `last` day, both in it."""

    first: date
    last: date

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.last + _DAY

    @property
    def name(self) -> str:
        """As people write it: 2026-01-05, 2026-01, 2026-Q1, 2026."""
        year, month, months = self.first.year, self.first.month, round((self.last - self.first).days / 30.4)
        if self.first == self.last:
            return self.first.isoformat()
        return {1: f"{year}-{month:02d}", 3: f"{year}-Q{(month + 2) // 3}"}.get(months, str(year))


@dataclass(frozen=True, slots=True)
class Filing:
    """A report about a period that is due on a day."""

    report_id: str
    period: Span
    due: date


def period_of(period: Period, day: date) -> Span:
    """The period that a day lies in."""
    if period == "day":
        return Span(day, day)
    months = _MONTHS[period]
    month = (day.month - 1) // months * months + 1
    until = month + months - 1
    return Span(date(day.year, month, 1), date(day.year, until, monthrange(day.year, until)[1]))


def periods_between(period: Period, first: date, last: date) -> Iterator[Span]:
    """The periods that lie wholly between the two days, both included, in order."""
    span = period_of(period, first)
    if span.first < first:
        span = period_of(period, span.end)
    while span.last <= last:
        yield span
        span = period_of(period, span.end)


def is_business_day(calendar: str | None, day: date) -> bool:
    """Whether work is done on that day. Raises BadInput for a calendar that is not known."""
    return day.weekday() < 5 and day not in _closed(calendar)


def next_business_day(calendar: str | None, day: date) -> date:
    """The day itself, or the first business day after it."""
    while not is_business_day(calendar, day):
        day += _DAY
    return day


def add_business_days(calendar: str | None, day: date, days: int) -> date:
    """So many business days after the day; with 0 the day itself or the first business day after it."""
    if days == 0:
        return next_business_day(calendar, day)
    for _ in range(days):
        day = next_business_day(calendar, day + _DAY)
    return day


def check_calendar(calendar: str) -> str | None:
    """None when the calendar is known, else the reason."""
    try:
        _closed(calendar)
    except BadInput as problem:
        return problem.message
    return None


def check_deadline(deadline: str) -> str | None:
    """None when the text is a deadline, else the reason."""
    if _BUSINESS_DAYS.fullmatch(deadline) or _AFTER_MONTHS.fullmatch(deadline):
        return None
    if found := _DAY_OF_YEAR.fullmatch(deadline):
        month, day = int(found[1]), int(found[2])
        # 02-29 is no deadline: three years out of four do not have it.
        if 1 <= month <= 12 and 1 <= day <= monthrange(2025, month)[1]:
            return None
    return f"{deadline!r} is no deadline; write T+1bd (business days), +5m (months), 05-31 (a day of the next year) or null."


def due(report: Report, jurisdiction: Jurisdiction, period: Span) -> date | None:
    """The business day on which a report about the period is due; None where it is kept and sent on request.

    `T+2bd` counts from the period's last day. `+5m` is the same day five months later: the end of a month stays one. `05-31` is that
    day of the year after the period's last day. The last two move to the next business day. Raises BadInput for another text.
    """
    text = report.timing.deadline
    if text is None:
        return None
    if fault := check_deadline(text):
        raise BadInput(f"{report.id}: {fault}", field="deadline", report=report.id)
    if found := _BUSINESS_DAYS.fullmatch(text):
        return add_business_days(jurisdiction.holidays, period.last, int(found[1]))
    if found := _AFTER_MONTHS.fullmatch(text):
        return next_business_day(jurisdiction.holidays, _months_after(period.last, int(found[1])))
    return next_business_day(jurisdiction.holidays, date.fromisoformat(f"{period.last.year + 1}-{text}"))


def filing_calendar(rulebook: Rulebook, first: date, last: date) -> list[Filing]:
    """What is due between the two days, both included, the soonest first. Reports that are sent on request are not in it."""
    found: list[Filing] = []
    for report in rulebook.reports.values():
        place = rulebook.jurisdictions[report.jurisdiction]
        span = period_of(report.timing.period, last)
        # A later period is never due before an earlier one, so the first that is too early ends the search.
        while (day := due(report, place, span)) is not None and day >= first:
            if day <= last:
                found.append(Filing(report.id, span, day))
            span = period_of(report.timing.period, span.first - _DAY)
    return sorted(found, key=lambda one: (one.due, one.report_id, one.period))


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    longest = monthrange(year, month + 1)[1]
    is_end = day.day == monthrange(day.year, day.month)[1]
    return date(year, month + 1, longest if is_end else min(day.day, longest))


@cache
def _closed(calendar: str | None) -> Container[date]:
    if calendar is None:
        return ()
    import holidays

    if calendar == TARGET:
        return holidays.financial_holidays("ECB")
    if calendar not in holidays.list_supported_countries(include_aliases=False):
        raise BadInput(
            f"There is no calendar {calendar!r}; write TARGET, or a country as ISO 3166-1 writes it, such as SG.", field="holidays"
        )
    return holidays.country_holidays(calendar)
