"""The desk that takes a filing through its life: draft, validate, sign, submit, take the answer, fix.

Each step is written down before what it announces is done, and a step that was done is not done again. A submission whose answer is
not known is asked about, or sent again under the same reference, never under another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from domain.problems import BadInput, MessageRejected
from domain.regulation.filing import (
    Answer,
    Filing,
    FilingKey,
    HeldRecord,
    RecordMessage,
    State,
    Verdict,
    Version,
    held_after,
    message_reference,
)
from domain.regulation.filing.lifecycle import (
    FINDINGS,
    HANDED_OVER,
    REMINDED,
    SET_ASIDE,
    TICKET,
    TICKET_CLOSED,
    WAITING,
    Event,
)
from executor.compliance.filings.answers import AnswerReader
from executor.compliance.filings.door import RegulatorDoor, Submission
from executor.compliance.filings.filings import TicketSeverity
from executor.compliance.filings.signing import DocumentSigner
from executor.compliance.filings.store import FilingStore
from executor.ports import Clock

MOST_FINDINGS_KEPT = 100
_HELD = (State.ACKED, State.PARTLY)


class FilingDesk:
    """Files for one firm. `firm` is its name in references (its LEI), `by` who files: written into every event."""

    def __init__(
        self, store: FilingStore, clock: Clock, signer: DocumentSigner, reader: AnswerReader, *, firm: str, by: str = "filing desk"
    ):
        self.store = store
        self.firm = firm
        self.by = by
        self.clock = clock
        self._signer = signer
        self._reader = reader

    # What is known

    def held(self, key: FilingKey) -> dict[str, HeldRecord]:
        """The records of a period that the authority holds, as its answers say, by row key."""
        answered = [
            (version.answered_at, filing.number, version)
            for filing in self.store.filings.of_key(key)
            for version in filing.versions
            if version.verdict in _HELD
        ]
        held: dict[str, HeldRecord] = {}
        for _, _, version in sorted(answered, key=lambda one: (one[1], one[2].number)):
            held = held_after(held, self.store.records(version), version.reference, frozenset(version.refused))
        return held

    def current(self, key: FilingKey) -> Filing | None:
        """The newest filing of a report, period and format; None when nothing was begun."""
        filings = self.store.filings.of_key(key)
        return filings[-1] if filings else None

    def next_reference(self, key: FilingKey, *, correction: bool = False) -> str:
        """The reference of the next version of the current filing, or with `correction` of a further filing of the period."""
        current = self.current(key)
        if current is None or correction:
            return message_reference(self.firm, key, 0 if current is None else current.number + 1, 1)
        return message_reference(self.firm, key, current.number, len(current.versions) + 1)

    # The steps

    def draft(
        self, key: FilingKey, name: str, content: bytes, records: Sequence[RecordMessage], *, why: str, correction: bool = False
    ) -> Filing:
        """Keeps a document as the next version of the current filing, or with `correction` as the first of a further one.

        The document is the one made for `next_reference`. A refused filing goes to FIXED, another one to DRAFT.
        """
        current = self.current(key)
        if current is not None and correction and current.state in WAITING:
            raise BadInput(f"{current.filing_id} waits for its answer; what it corrects is not known before.", field="correction")
        reference = self.next_reference(key, correction=correction)
        if current is None or correction:
            filing_id, version, state = key.filing_id(0 if current is None else current.number + 1), 1, State.DRAFT
        else:
            filing_id, version = current.filing_id, len(current.versions) + 1
            state = State.FIXED if current.was_submitted else State.DRAFT
        facts = {
            "version": version,
            "reference": reference,
            "name": name,
            "sha256": self.store.keep(content),
            "records_sha256": self.store.keep_records(records),
            "record_count": len(records),
        }
        self._append(state, filing_id, why, facts)
        return self.store.filings.get(filing_id)

    def not_needed(self, key: FilingKey, why: str) -> Filing:
        """Says that nothing is filed for a period. Raises IllegalTransition when something was begun."""
        self._append(State.NOT_NEEDED, key.filing_id(0), why)
        return self.store.filings.get(key.filing_id(0))

    def validate(self, filing_id: str, findings: Sequence[Mapping[str, Any]]) -> Filing:
        """Writes down what the check of the newest version found. Errors keep it where it is and open a ticket."""
        errors = [one for one in findings if one.get("severity", "error") == "error"]
        ordered = [*errors, *(one for one in findings if one not in errors)]
        kept = [{name: str(value) for name, value in one.items()} for one in ordered[:MOST_FINDINGS_KEPT]]
        if not errors:
            self._append(State.VALIDATED, filing_id, f"{len(findings)} warnings", {"findings": kept})
            return self.store.filings.get(filing_id)
        first = str(errors[0].get("message") or errors[0].get("rule_id") or "an error")
        self._append(FINDINGS, filing_id, f"{len(errors)} errors", {"errors": len(errors), "findings": kept})
        version = self.store.filings.get(filing_id).version
        self.ticket(
            f"{filing_id}/findings/{version.number}",
            filing_id,
            "act",
            f"The document has {len(errors)} errors and is not sent; the first: {first}",
            "Mend the records at their source; the desk makes the document again once they changed.",
        )
        return self.store.filings.get(filing_id)

    def sign(self, filing_id: str) -> Filing:
        """Signs the newest version."""
        version = self.store.filings.get(filing_id).version
        signature = dict(self._signer.sign(self.store.document(version.sha256)))
        self._append(State.SIGNED, filing_id, f"signed by key {signature['key_id']}", {"signature": signature})
        return self.store.filings.get(filing_id)

    def submit(self, filing_id: str, door: RegulatorDoor) -> Filing:
        """Says that the signed version is being sent, then sends it. Raises Unavailable when it is not known whether it arrived."""
        filing = self.store.filings.get(filing_id)
        state = State.RESUBMITTED if filing.was_submitted else State.SUBMITTED
        self._append(state, filing_id, "sent under this reference only", {"reference": filing.version.reference})
        return self.hand_over(filing_id, door)

    def hand_over(self, filing_id: str, door: RegulatorDoor) -> Filing:
        """Sends the submitted version, again when need be, always under its one reference."""
        filing = self.store.filings.get(filing_id)
        version = filing.version
        if filing.state not in WAITING or version.signature is None:
            raise BadInput(f"{filing_id} is {filing.state}, there is nothing to send.", field="filing_id", allowed=list(filing.allowed))
        key = filing.key
        told = key.report_id, key.period_start, key.period_end, version.name
        door.submit(Submission(version.reference, *told, self.store.document(version.sha256), version.signature))
        self._append(HANDED_OVER, filing_id, "the door took it")
        return self.store.filings.get(filing_id)

    def resume(self, filing_id: str, door: RegulatorDoor) -> Filing:
        """After a restart or a timeout: asks whether the authority has the message, and sends the same again when it may not have it."""
        if door.ask(self.store.filings.get(filing_id).version.reference):
            self._append(HANDED_OVER, filing_id, "the authority has it")
            return self.store.filings.get(filing_id)
        return self.hand_over(filing_id, door)

    def time_out(self, filing_id: str, why: str) -> Filing:
        """Says that no answer came in time. The filing goes on waiting."""
        self._append(State.TIMED_OUT, filing_id, why)
        return self.store.filings.get(filing_id)

    def close_without_sending(self, filing_id: str, why: str) -> Filing:
        """Ends a filing of which nothing is left to tell: refused records that are gone from ours, or a draft nobody needs."""
        state = State.CORRECTED if self.store.filings.get(filing_id).state is State.PARTLY else State.CANCELLED
        self._append(state, filing_id, why)
        self._close_tickets(filing_id, why)
        return self.store.filings.get(filing_id)

    def ticket(self, ticket_id: str, filing_id: str | None, severity: TicketSeverity, what: str, todo: str) -> None:
        """Opens a ticket, unless it was opened before."""
        if ticket_id not in self.store.filings.tickets:
            self._append(TICKET, filing_id, what, {"ticket_id": ticket_id, "severity": severity, "todo": todo})

    def close_ticket(self, ticket_id: str, why: str) -> None:
        """Closes a ticket. Raises BadInput when there is none."""
        ticket = self.store.filings.tickets.get(ticket_id)
        if ticket is None:
            raise BadInput(f"There is no ticket {ticket_id}.", field="ticket_id")
        if ticket.closed_at is None:
            self._append(TICKET_CLOSED, ticket.filing_id, why, {"ticket_id": ticket_id})

    # Answers

    def collect(self, door: RegulatorDoor) -> int:
        """Takes everything that came in, and tells the door once it is written down; returns how many there were."""
        deliveries = door.deliveries()
        for delivery in deliveries:
            self.take(delivery.content)
            door.done(delivery.name)
        return len(deliveries)

    def take(self, content: bytes) -> list[str]:
        """Takes an answer as it came in; says for each message it speaks of what became of it.

        What cannot be used (no XML, not valid, of another message, a second time) is set aside with the reason, and the filing waits on.
        """
        try:
            answers = self._reader.read(content)
        except MessageRejected as problem:
            return [self._set_aside(content, None, problem.facts["fault"], problem.message)]
        return [self._taken(content, answer) for answer in answers]

    def _taken(self, content: bytes, answer: Answer) -> str:
        found = self.store.filings.of_reference(answer.reference)
        if found is None or found[1].submitted_at is None:
            return self._set_aside(content, None, "foreign", f"No message was sent under {answer.reference[:160]}.")
        filing, version = found
        if answer.verdict is Verdict.REMINDER:
            self._append(REMINDED, filing.filing_id, "the authority asks for the message", {"answer_sha256": self.store.keep(content)})
            what = "The authority reminds us of this filing"
            self.ticket(f"{filing.filing_id}/reminded", filing.filing_id, "act", what, "See what it still waits for.")
            return "reminded"
        if version.verdict is not None:
            return self._answered_before(content, answer, filing, version)
        if answer.verdict is Verdict.PENDING:
            if filing.state is not State.PENDING:
                self._append(State.PENDING, filing.filing_id, "it has the message", {"answer_sha256": self.store.keep(content)})
            return "pending"
        names = {one.reference for one in self.store.records(version)}
        if unknown := sorted(answer.refused - names):
            told = f"It refuses record {unknown[0][:160]}, which is not in {answer.reference}."
            return self._set_aside(content, filing.filing_id, "foreign_record", told)
        return self._decided(content, answer, filing, names)

    def _decided(self, content: bytes, answer: Answer, filing: Filing, names: set[str]) -> str:
        whole = answer.verdict is Verdict.REJECTED or (bool(names) and names <= answer.refused)
        state = State.NACKED if whole else State.PARTLY if answer.verdict is Verdict.PARTLY else State.ACKED
        facts = {
            "answer_sha256": self.store.keep(content),
            "message": answer.message,
            "refused": sorted(answer.refused),
            "refusals": [asdict(one) for one in answer.refusals],
            "warnings": [asdict(one) for one in answer.warnings],
            "damaged": answer.damaged,
        }
        why = "; ".join(f"{one.rule} {one.text}".strip() for one in answer.refusals[:3]) or "as the authority answered"
        event = self._event(state, filing.filing_id, why, facts)
        self.store.append(event, *self._put_right(filing, event))
        if state is State.ACKED:
            self._close_tickets(filing.filing_id, "the authority accepted it")
        return str(state)

    def _put_right(self, filing: Filing, answer: Event) -> list[Event]:
        """The earlier filings of the period whose records this one corrected or cancelled."""
        if answer.kind == State.NACKED or filing.number == 0:
            return []
        refused = set(answer.facts["refused"])
        told = [one for one in self.store.records(filing.version) if one.reference not in refused]
        touched = {one.corrects_message for one in told if one.corrects_message}
        left = {one.message for one in held_after(self.held(filing.key), told, filing.version.reference).values()}
        events = []
        for earlier in self.store.filings.of_key(filing.key)[: filing.number]:
            references = {one.reference for one in earlier.versions if one.verdict in _HELD}
            if references & touched and earlier.state in (State.ACKED, State.CORRECTED):
                state = State.CORRECTED if references & left else State.CANCELLED
                events.append(self._event(state, earlier.filing_id, f"by {filing.filing_id}", {"by_filing": filing.filing_id}))
        return events

    def _answered_before(self, content: bytes, answer: Answer, filing: Filing, version: Version) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        refused = set(version.refused)
        said = {State.ACKED: Verdict.ACCEPTED, State.PARTLY: Verdict.PARTLY, State.NACKED: Verdict.REJECTED}[version.verdict or State.ACKED]
        same = answer.verdict is Verdict.PENDING or (answer.verdict is said and set(answer.refused) == refused)
        if sha256 == version.answer_sha256 or same or (answer.verdict is Verdict.PARTLY and set(answer.refused) == refused):
            return self._set_aside(content, filing.filing_id, "duplicate", f"{answer.reference} was answered before.")
        told = f"{answer.reference} was {version.verdict}, and another answer says {answer.verdict}."
        fault = self._set_aside(content, filing.filing_id, "contradiction", told)
        self.ticket(
            f"{filing.filing_id}/contradiction/{sha256[:16]}", filing.filing_id, "urgent", told, "Ask the authority which answer holds."
        )
        return fault

    def _set_aside(self, content: bytes, filing_id: str | None, fault: str, why: str) -> str:
        sha256 = self.store.keep(content)
        known = any(one.facts["answer_sha256"] == sha256 and one.facts["fault"] == fault for one in self.store.filings.set_aside)
        if not known:
            self._append(SET_ASIDE, filing_id, why, {"fault": fault, "answer_sha256": sha256})
            if fault not in ("duplicate", "contradiction"):
                todo = "Look at the answer (its sha256 is in the history) and ask the authority; the filing waits on."
                self.ticket(f"set_aside/{sha256[:16]}", filing_id, "notice", f"An answer was set aside: {why}", todo)
        return fault

    def _close_tickets(self, filing_id: str, why: str) -> None:
        for ticket in self.store.filings.open_tickets():
            if ticket.filing_id == filing_id and ticket.severity != "notice" and "/contradiction/" not in ticket.ticket_id:
                self.close_ticket(ticket.ticket_id, why)

    def _append(self, kind: str, filing_id: str | None, why: str, facts: Mapping[str, Any] | None = None) -> None:
        self.store.append(self._event(kind, filing_id, why, facts))

    def _event(self, kind: str, filing_id: str | None, why: str, facts: Mapping[str, Any] | None = None) -> Event:
        return Event(str(kind), filing_id, self.clock.now(), self.by, why, facts or {})
