"""What is due and what was missed: the calendar's filings against the store's.

A report is filed once a document of it was sent to the authority, or the store says why none is needed. A day on which nothing ran is
made good by the next round before the deadline; a deadline that passed is told once, as an urgent ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from domain.regulation.calendar import Filing as DueFiling
from domain.regulation.filing import FilingKey, State
from executor.compliance.filings.desk import FilingDesk
from executor.compliance.filings.filings import Filings


@dataclass(frozen=True, slots=True)
class Missed:
    """A report that was not sent by its day. `state` is how far its filing had come, None when it was not begun."""

    report_id: str
    period_start: date
    period_end: date
    due: date
    state: State | None

    @property
    def sentence(self) -> str:
        """The same for a person."""
        told = f"its filing is {self.state}" if self.state else "no filing was begun"
        return f"{self.report_id} about {self.period_start} to {self.period_end} was due on {self.due} and not sent: {told}."


def ready(due: Iterable[DueFiling], today: date) -> Iterator[DueFiling]:
    """What can be filed on a day: its period is over."""
    return (one for one in due if one.period.last < today)


def missed(due: Iterable[DueFiling], filings: Filings, formats: Iterable[str], today: date) -> list[Missed]:
    """The reports whose day has passed without a document that was sent by then, in any of the formats that are filed."""
    found = []
    formats = tuple(formats)
    for one in due:
        if one.due >= today:
            continue
        keys = [FilingKey(one.report_id, one.period.first, one.period.last, format_) for format_ in formats]
        first = [filings.of_key(key)[0] for key in keys if filings.of_key(key)]
        on_time = [filing for filing in first if filing.state is State.NOT_NEEDED or _sent_by(filing.first_submitted_at, one.due)]
        if not on_time:
            found.append(Missed(one.report_id, one.period.first, one.period.last, one.due, first[0].state if first else None))
    return found


def tell_missed(desk: FilingDesk, due: Iterable[DueFiling], formats: Iterable[str], today: date) -> list[Missed]:
    """Opens an urgent ticket for each deadline that passed; again and again gives one ticket."""
    found = missed(due, desk.store.filings, formats, today)
    for one in found:
        ticket_id = f"missed/{one.report_id}/{one.period_start}/{one.period_end}"
        desk.ticket(ticket_id, None, "urgent", one.sentence, "File it now, and tell the authority that and why it is late.")
    return found


def of_begun(due: Iterable[DueFiling], filings: Filings) -> Iterator[DueFiling]:
    """Those about periods from a report's first filing on: before it the firm filed in another way, or was not there."""
    began: dict[str, date] = {}
    for one in filings.filings.values():
        began[one.key.report_id] = min(one.key.period_start, began.get(one.key.report_id, date.max))
    return (one for one in due if one.period.first >= began.get(one.report_id, date.max))


def _sent_by(submitted_at: datetime | None, due: date) -> bool:
    return submitted_at is not None and submitted_at.date() <= due
