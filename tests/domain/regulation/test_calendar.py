"""When reports are due: business days of three calendars, and three years without a gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.calendar import (
    Span,
    add_business_days,
    check_calendar,
    check_deadline,
    due,
    filing_calendar,
    is_business_day,
    next_business_day,
    period_of,
    periods_between,
)
from domain.regulation.rulebook import Period, Report, Rulebook
from tests.domain.regulation.rulebooks import zedland

PERIODS: tuple[Period, ...] = ("day", "month", "quarter", "calendar_year")
CALENDARS = ("TARGET", "SG", "US", None)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def asked(deadline: str | None, period: Period = "day", calendar: str | None = "TARGET") -> tuple[Rulebook, Report]:
    """Zedland with another deadline."""
    rulebook = zedland()
    report = rulebook.reports["ZZ.ZMR.trades"]
    report = replace(report, timing=replace(report.timing, period=period, deadline=deadline))
    place = rulebook.jurisdictions["ZZ"]
    regimes = {"ZMR": replace(place.regimes["ZMR"], reports={"trades": report})}
    return replace(rulebook, jurisdictions={"ZZ": replace(place, regimes=regimes, holidays=calendar)}), report


@pytest.mark.parametrize(
    ("calendar", "day", "works"),
    [
        ("TARGET", date(2026, 4, 3), False),  # Good Friday
        ("TARGET", date(2026, 4, 6), False),  # Easter Monday
        ("TARGET", date(2026, 5, 1), False),
        ("TARGET", date(2026, 7, 14), True),  # France rests, TARGET does not
        ("TARGET", date(2026, 12, 26), False),
        ("SG", date(2026, 2, 17), False),  # Chinese New Year
        ("SG", date(2026, 8, 10), False),  # National Day was a Sunday
        ("SG", date(2026, 7, 3), True),
        ("US", date(2026, 7, 3), False),  # Independence Day is a Saturday
        ("US", date(2026, 11, 26), False),  # Thanksgiving
        ("US", date(2026, 5, 1), True),
        (None, date(2026, 12, 25), True),
        (None, date(2026, 12, 27), False),
    ],
)
def test_a_business_day_is_one_of_the_jurisdictions_calendar(calendar: str | None, day: date, works: bool) -> None:
    assert is_business_day(calendar, day) is works


@pytest.mark.parametrize(
    ("deadline", "period", "of", "calendar", "expected"),
    [
        ("T+1bd", "day", date(2026, 4, 2), "TARGET", date(2026, 4, 7)),  # over Easter
        ("T+2bd", "day", date(2026, 2, 13), "SG", date(2026, 2, 19)),  # over Chinese New Year
        ("T+1bd", "day", date(2026, 7, 2), "US", date(2026, 7, 6)),
        ("T+1bd", "day", date(2026, 1, 10), "US", date(2026, 1, 12)),  # a Saturday's
        ("T+0bd", "day", date(2026, 1, 10), "US", date(2026, 1, 12)),
        ("+5m", "calendar_year", date(2025, 3, 3), "TARGET", date(2026, 6, 1)),  # 31 May is a Sunday
        ("+1m", "month", date(2026, 2, 3), None, date(2026, 3, 31)),  # the end of a month stays one
        ("+1m", "day", date(2026, 1, 30), None, date(2026, 3, 2)),  # 28 February is a Saturday
        ("+1m", "day", date(2026, 1, 15), None, date(2026, 2, 16)),
        ("+2m", "quarter", date(2026, 11, 1), None, date(2027, 3, 1)),
        ("05-31", "calendar_year", date(2026, 6, 1), "TARGET", date(2027, 5, 31)),
        ("01-01", "calendar_year", date(2025, 6, 1), "TARGET", date(2026, 1, 2)),
        (None, "day", date(2026, 1, 1), "TARGET", None),
    ],
)
def test_a_deadline_is_a_business_day(deadline: str | None, period: Period, of: date, calendar: str | None, expected: date | None) -> None:
    rulebook, report = asked(deadline, period, calendar)
    assert due(report, rulebook.jurisdictions["ZZ"], period_of(period, of)) == expected


def test_a_deadline_that_is_none_is_refused() -> None:
    rulebook, report = asked("tomorrow")
    with pytest.raises(BadInput, match=r"ZZ.ZMR.trades: 'tomorrow' is no deadline"):
        due(report, rulebook.jurisdictions["ZZ"], period_of("day", date(2026, 1, 1)))
    assert check_deadline("13-01") and check_deadline("04-31") and not check_deadline("04-30")
    assert check_calendar("Atlantis") and not check_calendar("TARGET")


def test_periods_have_names() -> None:
    day = date(2026, 8, 9)
    assert [period_of(period, day).name for period in PERIODS] == ["2026-08-09", "2026-08", "2026-Q3", "2026"]
    assert period_of("month", date(2026, 2, 5)).name == "2026-02"
    assert period_of("quarter", day) == Span(date(2026, 7, 1), date(2026, 9, 30))


def test_only_whole_periods_are_between_two_days() -> None:
    between = periods_between("month", date(2026, 1, 2), date(2026, 4, 29))
    assert [span.name for span in between] == ["2026-02", "2026-03"]
    assert list(periods_between("day", date(2026, 1, 2), date(2026, 1, 1))) == []


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PERIODS), DAYS)
def test_for_any_day_it_lies_in_one_period_and_the_next_begins_when_it_ends(period: Period, day: date) -> None:
    span = period_of(period, day)
    assert span.first <= day <= span.last
    assert period_of(period, span.first) == period_of(period, span.last) == span
    assert period_of(period, span.end).first == span.end


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CALENDARS), DAYS, st.integers(0, 10))
def test_for_any_count_of_business_days_so_many_lie_between(calendar: str | None, day: date, count: int) -> None:
    reached = add_business_days(calendar, day, count)
    assert is_business_day(calendar, reached)
    between = [day + timedelta(days=number) for number in range(1, (reached - day).days + 1)]
    worked = sum(is_business_day(calendar, one) for one in between)
    assert worked == count if count else worked <= 1
    assert next_business_day(calendar, reached) == reached


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["T+0bd", "T+1bd", "T+2bd", "+1m", "+5m", "01-31", "05-31"]),
    st.sampled_from(PERIODS),
    st.sampled_from(CALENDARS),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
)
def test_for_any_three_years_every_period_is_due_once_on_a_business_day(
    deadline: str, period: Period, calendar: str | None, first: date
) -> None:
    rulebook, _ = asked(deadline, period, calendar)
    last = first + timedelta(days=3 * 365)
    filings = filing_calendar(rulebook, first, last + timedelta(days=800))
    assert [one.due for one in filings] == sorted(one.due for one in filings)
    assert all(is_business_day(calendar, one.due) and one.due >= one.period.last for one in filings)
    told = [one.period for one in filings]
    assert len(set(told)) == len(told)
    assert set(periods_between(period, first, last)) <= set(told)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["T+2bd", "+1m"]), st.dates(date(2025, 1, 1), date(2026, 12, 31)), st.integers(1, 60))
def test_for_any_two_windows_side_by_side_nothing_is_told_twice_or_missed(deadline: str, first: date, days: int) -> None:
    rulebook, _ = asked(deadline)
    middle, last = first + timedelta(days=days), first + timedelta(days=2 * days)
    parts = filing_calendar(rulebook, first, middle) + filing_calendar(rulebook, middle + timedelta(days=1), last)
    assert parts == filing_calendar(rulebook, first, last)


def test_what_is_sent_on_request_is_not_in_the_calendar() -> None:
    rulebook, _ = asked(None)
    assert filing_calendar(rulebook, date(2026, 1, 1), date(2026, 12, 31)) == []
