"""All filings, tickets and answers as their events tell them: the fold that writer and readers share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from domain.problems import BadInput
from domain.regulation.filing import Filing, FilingKey, Version
from domain.regulation.filing.lifecycle import SET_ASIDE, TICKET, TICKET_CLOSED, Event
from domain.regulation.filing.lifecycle import State as S

TicketSeverity = Literal["notice", "act", "urgent"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a person must do. `urgent` is a deadline or an invariant, `act` blocks a filing, `notice` can wait."""

    ticket_id: str
    filing_id: str | None
    severity: TicketSeverity
    what: str
    todo: str
    opened_at: datetime
    closed_at: datetime | None = None
    closed_why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a flat document."""
        return {
            "ticket_id": self.ticket_id,
            "filing_id": self.filing_id,
            "severity": self.severity,
            "what": self.what,
            "todo": self.todo,
            "opened_at": self.opened_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
            "closed_why": self.closed_why,
        }


@dataclass(slots=True)
class Filings:
    """The fold of the events of a store."""

    filings: dict[str, Filing] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    set_aside: list[Event] = field(default_factory=list)
    _by_reference: dict[str, str] = field(default_factory=dict)
    _by_key: dict[FilingKey, list[str]] = field(default_factory=dict)

    def following(self, events: Iterable[Event]) -> dict[str, Filing]:
        """The filings that the events would change, after them. Raises IllegalTransition or BadInput; changes nothing."""
        changed: dict[str, Filing] = {}
        for event in events:
            name = event.filing_id
            if name is None:
                continue
            known = changed.get(name) or self.filings.get(name)
            filing = changed[name] = known.after(event) if known else Filing.begun(event)
            if event.kind in (S.DRAFT, S.FIXED):
                owner = self._by_reference.get(filing.version.reference)
                if owner is not None:
                    raise BadInput(
                        f"The reference {filing.version.reference} was used by {owner}; it is never used twice.", field="reference"
                    )
        return changed

    def take(self, events: Iterable[Event], changed: dict[str, Filing]) -> None:
        """Adds events that are durable, with what `following` said of them."""
        for event in events:
            self.events.append(event)
            facts = event.facts
            if event.kind in (S.DRAFT, S.FIXED):
                self._by_reference[facts["reference"]] = event.filing_id or ""
            elif event.kind == SET_ASIDE:
                self.set_aside.append(event)
            elif event.kind == TICKET:
                told = facts["ticket_id"], event.filing_id, facts["severity"], event.why, facts["todo"], event.at
                self.tickets[facts["ticket_id"]] = Ticket(*told)
            elif event.kind == TICKET_CLOSED:
                ticket = self.tickets[facts["ticket_id"]]
                self.tickets[ticket.ticket_id] = replace(ticket, closed_at=event.at, closed_why=event.why)
        for name, filing in changed.items():
            if name not in self.filings:
                self._by_key.setdefault(filing.key, []).append(name)
            self.filings[name] = filing

    def of_reference(self, reference: str) -> tuple[Filing, Version] | None:
        """The filing and the version that were sent under a reference."""
        name = self._by_reference.get(reference)
        if name is None:
            return None
        filing = self.filings[name]
        return filing, next(one for one in filing.versions if one.reference == reference)

    def of_key(self, key: FilingKey) -> list[Filing]:
        """The filings of a report, period and format, the first one first."""
        return [self.filings[name] for name in self._by_key.get(key, ())]

    def get(self, filing_id: str) -> Filing:
        """The filing with this id. Raises BadInput when there is none."""
        if filing_id not in self.filings:
            raise BadInput(f"There is no filing {filing_id}; `grekko filings list` names them.", field="filing_id")
        return self.filings[filing_id]

    def history(self, filing_id: str) -> list[Event]:
        """Everything that happened to a filing, in order."""
        self.get(filing_id)
        return [event for event in self.events if event.filing_id == filing_id]

    def latest(self, report_id: str, period_start: date, format_: str) -> tuple[Filing, Version] | None:
        """The newest version of the newest filing of a report, period (by its first day) and format; None when there is none."""
        found = [
            one
            for one in self.filings.values()
            if (one.key.report_id, one.key.period_start, one.key.format) == (report_id, period_start, format_)
        ]
        filing = max((one for one in found if one.versions), key=lambda one: one.number, default=None)
        return (filing, filing.version) if filing else None

    def open_tickets(self) -> list[Ticket]:
        """What people must do now, the most urgent first."""
        order = ("urgent", "act", "notice")
        return sorted(
            (one for one in self.tickets.values() if not one.closed_at), key=lambda one: (order.index(one.severity), one.opened_at)
        )
