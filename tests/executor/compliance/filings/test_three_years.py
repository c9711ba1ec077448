"""Three years of the filing calendar, with the holidays of the Union, Singapore and the United States: no deadline is missed."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.regulation.calendar import Filing as DueFiling
from domain.regulation.calendar import filing_calendar, is_business_day
from domain.regulation.filing import FilingKey, RecordMessage, Refusal, digest_of
from domain.regulation.rulebook import DocRef, Jurisdiction, Regime, Report, Rulebook, Source, Timing
from executor.compliance.filings.due import missed, ready, tell_missed
from tests.executor.compliance.filings.world import World

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
PLACES = {"EU": "TARGET", "SG": "SG", "US": "US", "OECD": None}
REPORTS = [
    ("EU.MiCA.transactions", "day", "T+1bd"),
    ("SG.SFRDC.derivatives", "day", "T+2bd"),
    ("US.CFTC.part45", "day", "T+1bd"),
    ("EU.MiCA.quarter", "quarter", "+1m"),
    ("OECD.CARF.annual", "calendar_year", "05-31"),
]


def a_rulebook() -> Rulebook:
    """The calendars and deadlines, without fields."""
    ref = DocRef("for the simulation")
    places = {}
    for code, calendar in PLACES.items():
        mine = {
            report_id.split(".")[2]: Report(report_id, "", Source("t", ("k",)), Timing(period, "", deadline), {}, (), ref)
            for report_id, period, deadline in REPORTS
            if report_id.startswith(f"{code}.")
        }
        places[code] = Jurisdiction(code, code, code, (), holidays=calendar, regimes={"R": Regime("R", (), mine)})
    return Rulebook(1, places)


@dataclass
class Period:
    """One period of a report, with one record, as JSON."""

    due: DueFiling
    nil: bool = True
    kinds_apart: bool = False
    becomes: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def key(self) -> FilingKey:
        return FilingKey(self.due.report_id, self.due.period.first, self.due.period.last, "json")

    def records(self) -> Mapping[str, str]:
        return {"one": digest_of({"period": self.due.period.first})}

    def record_reference(self, message: str, key: str, place: int) -> str:
        return f"{key}-{self.due.period.first}-{self.due.period.last}"

    def document(self, reference: str, records: Sequence[RecordMessage]) -> tuple[str, bytes]:
        told = ", ".join(f'{{"id": "{one.reference}", "action": "{one.action}"}}' for one in records)
        return "report.json", f'{{"records": [{told}]}}'.encode()

    def findings(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        return []

    def mend(self, refusals: Sequence[Refusal]) -> bool:
        return False


@pytest.fixture
def quick_world(schemas) -> Iterator[World]:
    """A world in memory where there is such a folder: three years are twenty thousand durable steps."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    made = World(schemas, folder / "filings")
    yield made
    made.store.close()
    shutil.rmtree(folder)


def work(world: World, due: Sequence[DueFiling], first: date, last: date, is_down=lambda day, hour: False) -> None:
    """The desk works at six and at fifteen o'clock UTC of each place's business days, where it is not down; after a stop it restarts."""
    waiting, ahead, was_down, day = [], sorted(due, key=lambda one: one.period.last), False, first
    while day <= last:
        while ahead and ahead[0].period.last < day:
            waiting.append(Period(ahead.pop(0)))
        open_places = {code for code, calendar in PLACES.items() if is_business_day(calendar, day)}
        for hour in (6, 15):
            if is_down(day, hour):
                was_down = True
                continue
            if was_down:
                world.restart()
                was_down = False
            now = datetime.combine(day, time(hour), UTC)
            world.clock.move(seconds=(now - world.clock.now()).total_seconds())
            world.rounds.run([one for one in waiting if one.due.report_id.split(".")[0] in open_places])
            known = {id(one): world.desk.current(one.key) for one in waiting}
            waiting = [one for one in waiting if (found := known[id(one)]) is None or found.state != "acked"]
        day += timedelta(days=1)


def test_three_years_miss_no_deadline_although_the_desk_stops_now_and_then(quick_world: World):
    due = filing_calendar(a_rulebook(), FIRST, LAST)
    chance = random.Random(11)
    stops = {(FIRST + timedelta(days=n), 6) for n in range(1096) if chance.random() < 0.005}
    # The last are due after the last day; those of the days before the first are late from the start.
    due = [one for one in due if one.period.last >= FIRST or (one.period.last.month == 12 and one.due > FIRST + timedelta(days=9))]
    work(quick_world, due, FIRST, LAST, lambda day, hour: (day, hour) in stops)
    filings = quick_world.store.filings
    assert len(due) > 3_000 and {one.report_id for one in due} == {report_id for report_id, *_ in REPORTS}
    assert missed(due, filings, ["json"], LAST + timedelta(days=1)) == []
    assert tell_missed(quick_world.desk, due, ["json"], LAST + timedelta(days=1)) == [] and filings.open_tickets() == []
    assert len(filings.filings) == len(due) == len(quick_world.regulator.accepted)
    assert {str(one.state) for one in filings.filings.values()} == {"acked"}


def test_a_week_without_the_desk_is_noticed_deadline_by_deadline(quick_world: World):
    due = [one for one in filing_calendar(a_rulebook(), date(2026, 3, 2), date(2026, 3, 31)) if one.period.last >= date(2026, 3, 1)]
    week = {date(2026, 3, 9) + timedelta(days=n) for n in range(5)}
    work(quick_world, due, date(2026, 3, 1), date(2026, 3, 31), lambda day, hour: day in week)
    late = tell_missed(quick_world.desk, due, ["json"], date(2026, 4, 1))
    assert {(one.report_id, one.due) for one in late} == {
        (one.report_id, one.due) for one in due if one.due in week and one.period.last >= date(2026, 3, 6)
    }
    assert all(one.state == "acked" for one in late), "filed late, and still late"
    tickets = quick_world.store.filings.open_tickets()
    assert len(tickets) == len(late) and {ticket.severity for ticket in tickets} == {"urgent"}
    assert "was due on 2026-03-09 and not sent" in tickets[0].what
    tell_missed(quick_world.desk, due, ["json"], date(2026, 4, 1))
    assert len(quick_world.store.filings.open_tickets()) == len(late)


def test_what_was_never_begun_is_missed_and_what_is_not_over_is_not_ready(quick_world: World):
    due = filing_calendar(a_rulebook(), date(2026, 3, 2), date(2026, 3, 3))
    (first, *_) = missed(due, quick_world.store.filings, ["json"], date(2026, 3, 4))
    assert first.state is None and "no filing was begun" in first.sentence
    assert missed(due, quick_world.store.filings, ["json"], date(2026, 3, 2)) == []
    assert [one for one in ready(due, date(2026, 3, 1)) if one.period.last >= date(2026, 3, 1)] == []
    assert list(ready(due, date(2026, 3, 4))) == due


def test_a_period_that_needs_no_filing_is_not_missed(quick_world: World):
    due = [one for one in filing_calendar(a_rulebook(), date(2026, 3, 3), date(2026, 3, 3)) if one.report_id == "US.CFTC.part45"]
    for one in due:
        quick_world.desk.not_needed(Period(one).key, "spot swaps are no swaps of Part 45")
    assert missed(due, quick_world.store.filings, ["json"], date(2026, 3, 4)) == []
