"""A round of the desk: take what came in, go on with what is unfinished, file what is due, correct what changed.

A round may be run at any time and as often as one likes: it does what is left to do and nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta

from domain.problems import Broken, JournalHeld, JournalUnavailable, Problem, Refused, Unavailable
from domain.regulation.filing import Change, Filing, RecordMessage, Refusal, State, decide, told_as
from domain.regulation.filing.lifecycle import DONE, WAITING
from executor.compliance.filings.desk import FilingDesk
from executor.compliance.filings.door import RegulatorDoor
from executor.compliance.filings.preparation import Preparation

MOST_AUTOMATIC_FIXES = 3  # of one filing without a change in its records: more would be arguing with the authority
MOST_TIMEOUTS = 3  # then a person asks by another way


def weekdays(day: date) -> bool:
    """Monday to Friday: business days where no calendar is given."""
    return day.weekday() < 5


def business_days_after(day: date, days: int, is_business_day: Callable[[date], bool]) -> date:
    """The day that lies so many business days after a day."""
    while days > 0:
        day += timedelta(1)
        days -= is_business_day(day)
    return day


class Rounds:
    """The rounds of one desk with one authority. Without a door documents are made and checked, and nothing is signed or sent.

    An answer may take `timeout_business_days`, counted by `is_business_day`.
    """

    def __init__(
        self,
        desk: FilingDesk,
        door: RegulatorDoor | None,
        *,
        timeout_business_days: int = 2,
        is_business_day: Callable[[date], bool] = weekdays,
    ) -> None:
        self.desk = desk
        self.door = door
        self._timeout = timeout_business_days
        self._is_business_day = is_business_day

    def run(self, preparations: Iterable[Preparation]) -> None:
        """One round. Where the authority cannot be reached, what was to be sent stays and the next round goes on with it."""
        if self.door is not None:
            with suppress(Unavailable):
                self.desk.collect(self.door)
        for preparation in preparations:
            self._tried_to_make(preparation)

    def _tried_to_make(self, preparation: Preparation) -> None:
        """One report of a round; what keeps it from being made becomes an urgent ticket, and the others go on."""
        about = f"cannot/{preparation.key.filing_id(0)}/"
        try:
            self.bring_up_to_date(preparation) if self.door is not None else self.draft(preparation)
        except (JournalHeld, JournalUnavailable):
            raise
        except Refused as problem:
            ticket_id = about + hashlib.sha256(problem.message.encode()).hexdigest()[:16]
            what = f"{preparation.key.report_id} about {preparation.key.period_start} cannot be filed: {problem.message}"
            self.desk.ticket(ticket_id, None, "urgent", what, "Mend what it names; the next round tries again.")
        else:
            for ticket in self.desk.store.filings.open_tickets():
                if ticket.ticket_id.startswith(about):
                    self.desk.close_ticket(ticket.ticket_id, "it was made")

    def bring_up_to_date(self, preparation: Preparation) -> Filing | None:
        """Takes the filing of a report and period as far as it can go now."""
        current = self.desk.current(preparation.key)
        if current is not None and current.state in WAITING:
            return self._waited(current)
        current = self._made(preparation, current)
        return self._sent(preparation, current) if current else None

    def draft(self, preparation: Preparation) -> Filing | None:
        """Makes the document of a report and period from the records of now and checks it; signs and sends nothing.

        None when there is nothing to tell. A filing that waits for its answer, or for a person, is left as it is.
        """
        current = self.desk.current(preparation.key)
        if current is not None and current.state in WAITING:
            return current
        made = self._made(preparation, current)
        if made is None:  # nothing new: what is left open is told as it stands
            left = self.desk.current(preparation.key)
            return left if left is not None and left.state not in DONE else None
        if made is current and self._is_overtaken(preparation, made):
            made = self._drafted(preparation, "the records changed since it was made")
        return self._checked(preparation, made)

    def _made(self, preparation: Preparation, current: Filing | None) -> Filing | None:
        """The filing with the version that is to be checked or sent next; None when nothing can or need be made."""
        if current is None or current.state in DONE:
            return self._begun(preparation, current)
        if current.state in (State.NACKED, State.PARTLY):
            return self._mended(preparation, current)
        return self._made_again(preparation, current) if current.version.errors else current

    def _is_overtaken(self, preparation: Preparation, filing: Filing) -> bool:
        """Whether the newest version, not sent yet, tells other records than those of now."""
        changes = {(one.key, one.digest) for one in self._changes(preparation)}
        return bool(changes) and changes != {(one.key, one.digest) for one in self.desk.store.records(filing.version)}

    def _begun(self, preparation: Preparation, current: Filing | None) -> Filing | None:
        """The first filing of a period, or one that corrects what is held; None when nothing is to be told."""
        records = preparation.records()
        if current is None and not records and not preparation.nil:
            self.desk.not_needed(preparation.key, "The period has no record, and this report knows no nil report.")
            return None
        changes = self._changes(preparation)
        if current is not None and not changes:
            return None
        correction = current is not None
        reference = self.desk.next_reference(preparation.key, correction=correction)
        told = told_as(changes, preparation.becomes, reference, preparation.record_reference)
        name, content = preparation.document(reference, told)
        why = f"corrects the period: {_counted(told)}" if correction else _counted(told)
        return self.desk.draft(preparation.key, name, content, told, why=why, correction=correction)

    def _mended(self, preparation: Preparation, filing: Filing) -> Filing | None:
        """The next version of a refused filing, where the fix is mechanical; else a ticket and None."""
        version = filing.version
        sent = {(one.key, one.digest): one for one in self.desk.store.records(version)}
        changes = self._changes(preparation)
        if not changes and (filing.state is State.PARTLY or not preparation.nil or self._was_held(filing)):
            self.desk.close_without_sending(filing.filing_id, "Nothing is left to tell: the refused records are gone from ours.")
            return None
        refused = {one.key for one in sent.values() if one.reference in version.refused}
        again = {(one.key, one.digest) for one in changes} & {pair for pair in sent if not refused or pair[0] in refused}
        touched = bool(refused and not again) or (not refused and {(one.key, one.digest) for one in changes} != set(sent))
        refusals = [Refusal(**one) for one in version.refusals]
        automatic = sum(one.why.startswith(_BY_ITSELF) for one in filing.versions)
        ticket_id = f"{filing.filing_id}/refused/{version.number}"
        why = "the records were mended at their source" if touched else self._was_told_to_go_on(ticket_id)
        if why is None and automatic < MOST_AUTOMATIC_FIXES:
            if version.damaged:
                why = f"{_BY_ITSELF}: it arrived damaged, the same is told again"
            elif preparation.mend(refusals):
                why = f"{_BY_ITSELF}: {', '.join(sorted({one.rule for one in refusals}))}"
        if why is None:
            self._ask_a_person(ticket_id, filing, refusals)
            return None
        return self._drafted(preparation, why)

    def _made_again(self, preparation: Preparation, filing: Filing) -> Filing | None:
        """A version whose own check found errors, made again once its records changed; None while they are as they were."""
        changes = self._changes(preparation)
        if not changes and not preparation.nil:
            self.desk.close_without_sending(filing.filing_id, "Nothing is left to tell: the records are gone from ours.")
            return None
        sent = {(one.key, one.digest) for one in self.desk.store.records(filing.version)}
        touched = {(one.key, one.digest) for one in changes} != sent
        told = self._was_told_to_go_on(f"{filing.filing_id}/findings/{filing.version.number}")
        why = "the records were mended at their source" if touched else told
        return self._drafted(preparation, why) if why else None

    def _changes(self, preparation: Preparation) -> tuple[Change, ...]:
        """What is to be told now. Where new records and corrections may not share a message, the new ones go first."""
        changes = decide(self.desk.held(preparation.key), preparation.records())
        new = tuple(one for one in changes if one.action == "NEW")
        return new if preparation.kinds_apart and new else changes

    def _was_told_to_go_on(self, ticket_id: str) -> str | None:
        """Why a person closed the ticket, which lets the desk try again; None while it is open or was never there."""
        ticket = self.desk.store.filings.tickets.get(ticket_id)
        return f"its ticket was closed: {ticket.closed_why}" if ticket and ticket.closed_at else None

    def _drafted(self, preparation: Preparation, why: str) -> Filing:
        reference = self.desk.next_reference(preparation.key)
        changes = self._changes(preparation)
        told = told_as(changes, preparation.becomes, reference, preparation.record_reference)
        name, content = preparation.document(reference, told)
        return self.desk.draft(preparation.key, name, content, told, why=why)

    def _was_held(self, filing: Filing) -> bool:
        """Whether the authority ever accepted something about the period."""
        return any(
            version.verdict in (State.ACKED, State.PARTLY) for one in self.desk.store.filings.of_key(filing.key) for version in one.versions
        )

    def _sent(self, preparation: Preparation, filing: Filing) -> Filing:
        """Validated, signed and sent, from wherever it stands."""
        filing = self._checked(preparation, filing)
        if filing.state is State.VALIDATED:
            filing = self.desk.sign(filing.filing_id)
        if filing.state is State.SIGNED:
            filing = self._tried(filing, self.desk.submit)
        return filing

    def _checked(self, preparation: Preparation, filing: Filing) -> Filing:
        """Validated, where the newest version was not checked yet."""
        if filing.state not in (State.DRAFT, State.FIXED) or filing.version.errors:
            return filing
        try:
            findings = preparation.findings(self.desk.store.document(filing.version.sha256))
        except Broken:  # a process that was killed before the check made it, and a preparation may know only what it made itself
            filing = self._drafted(preparation, "made again: its check was cut off")
            findings = preparation.findings(self.desk.store.document(filing.version.sha256))
        return self.desk.validate(filing.filing_id, findings)

    def _waited(self, filing: Filing) -> Filing:
        """What is done about a filing without an answer: sent again after a restart, asked about when the time is over."""
        if filing.version.handed_over_at is None and filing.state is not State.PENDING:
            return self._tried(filing, self.desk.resume)
        if filing.state is State.TIMED_OUT:  # the authority could not be reached then
            filing = self._tried(filing, self.desk.resume)
        assert filing.waiting_since is not None
        until = business_days_after(filing.waiting_since.date(), self._timeout, self._is_business_day)
        if self.desk.clock.now().date() <= until:
            return filing
        filing = self.desk.time_out(filing.filing_id, f"no answer until {until}")
        if filing.timeouts >= MOST_TIMEOUTS:
            what = f"No answer came, {filing.timeouts} times in a row."
            self.desk.ticket(f"{filing.filing_id}/silent", filing.filing_id, "urgent", what, "Reach the authority by another way.")
        return self._tried(filing, self.desk.resume)

    def _tried(self, filing: Filing, step: Callable[[str, RegulatorDoor], Filing]) -> Filing:
        """The step, when the door is open. Without a door nothing comes here. What the door refuses for good becomes a ticket."""
        assert self.door is not None
        try:
            return step(filing.filing_id, self.door)
        except Unavailable:
            pass
        except Refused as problem:
            self._cannot_send(filing, problem)
        return self.desk.store.filings.get(filing.filing_id)

    def _cannot_send(self, filing: Filing, problem: Problem) -> None:
        ticket_id = f"{filing.filing_id}/door/{filing.version.number}"
        self.desk.ticket(ticket_id, filing.filing_id, "urgent", f"The door refuses it: {problem.message}", "Mend the way to the authority.")

    def _ask_a_person(self, ticket_id: str, filing: Filing, refusals: Iterable[Refusal]) -> None:
        told = "; ".join(f"{one.record or 'the message'}: {one.rule} {one.text}".strip() for one in list(refusals)[:20])
        self.desk.ticket(
            ticket_id,
            filing.filing_id,
            "act",
            f"The authority refused {'some records' if filing.state is State.PARTLY else 'it'}: {told}",
            "Mend the records at their source: the desk then files again by itself. Or mend the rulebook and close this ticket.",
        )


_BY_ITSELF = "mended by itself"


def _counted(told: Iterable[RecordMessage]) -> str:
    """How many records of each action, for the history."""
    actions = [one.action for one in told]
    return ", ".join(f"{actions.count(action)} {action}" for action in ("NEW", "AMEND", "CORRECT", "CANCEL") if action in actions) or "nil"
