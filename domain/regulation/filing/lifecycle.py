"""A filing's life, as a value: what was made, checked, signed and sent, and what the authority said.

    DRAFT → VALIDATED → SIGNED → SUBMITTED → ACKED → CORRECTED | CANCELLED
                                    │ ├──── PENDING, TIMED_OUT, and from there as from SUBMITTED
                                    │ └──── NACKED, PARTLY → FIXED → VALIDATED → SIGNED → RESUBMITTED, which goes on as SUBMITTED

A filing is the fold of its events, nothing else. Nothing is overwritten: every version of a document stays, with its sha256, who or
what made it, when and why, as Delegated Regulation (EU) 2025/1140 Art 2 asks of records that are corrected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from domain.problems import Broken, IllegalTransition
from domain.regulation.filing.references import FilingKey


class State(StrEnum):
    """How far a filing has come."""

    DRAFT = "draft"  # a document was made
    VALIDATED = "validated"  # it was checked, without an error
    SIGNED = "signed"  # the firm's key signed it
    SUBMITTED = "submitted"  # it is being sent, or was; the answer is not known
    PENDING = "pending"  # the authority has it and has not decided
    TIMED_OUT = "timed_out"  # no answer came in time; one that comes later still counts
    ACKED = "acked"  # the authority holds its records
    PARTLY = "partly"  # it holds some of them
    NACKED = "nacked"  # it holds none of them
    FIXED = "fixed"  # a further version was made after a refusal
    RESUBMITTED = "resubmitted"  # that version is being sent, or was
    CORRECTED = "corrected"  # a later filing of the period corrected some of its records
    CANCELLED = "cancelled"  # nothing of it is held any more, or it was given up before it was sent
    NOT_NEEDED = "not_needed"  # the period has no record, and the report knows no nil report


# Events beside the states themselves.
FINDINGS = "findings"  # the check found errors; the version is not sent
HANDED_OVER = "handed_over"  # the door took the document, or said that the authority has it
SET_ASIDE = "set_aside"  # an answer that is not used, with the reason
REMINDED = "reminded"  # the authority asks for the message
TICKET = "ticket"  # a person must do something
TICKET_CLOSED = "ticket_closed"

WAITING = frozenset({State.SUBMITTED, State.RESUBMITTED, State.PENDING, State.TIMED_OUT})
DONE = frozenset({State.ACKED, State.CORRECTED, State.CANCELLED, State.NOT_NEEDED})
_UNSENT = frozenset({State.DRAFT, State.VALIDATED, State.SIGNED})
_ANYWHERE = frozenset({SET_ASIDE, REMINDED, TICKET, TICKET_CLOSED})

_MAY_FOLLOW: Mapping[str, frozenset[State]] = {
    State.DRAFT: _UNSENT,
    FINDINGS: frozenset({State.DRAFT, State.FIXED}),
    State.VALIDATED: frozenset({State.DRAFT, State.FIXED}),
    State.SIGNED: frozenset({State.VALIDATED}),
    State.SUBMITTED: frozenset({State.SIGNED}),
    State.RESUBMITTED: frozenset({State.SIGNED}),
    HANDED_OVER: WAITING,
    State.PENDING: WAITING,
    State.TIMED_OUT: WAITING,
    State.ACKED: WAITING,
    State.PARTLY: WAITING,
    State.NACKED: WAITING,
    State.FIXED: frozenset({State.NACKED, State.PARTLY, State.FIXED, State.VALIDATED, State.SIGNED}),
    State.CORRECTED: frozenset({State.ACKED, State.PARTLY, State.CORRECTED}),
    State.CANCELLED: frozenset({*_UNSENT, State.NACKED, State.PARTLY, State.FIXED, State.ACKED, State.CORRECTED}),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a filing (`filing_id` None: to none that we know): `by` whom, `why`, and the facts as JSON values."""

    kind: str
    filing_id: str | None
    at: datetime
    by: str
    why: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a filing's document.

    `sha256` is of the document, `records_sha256` of the list of the records in it (JSON). `signature` holds its algorithm, the key's id
    and the signature. `verdict` is the state that the authority's answer led to, `refused` the records that are not held.
    """

    number: int
    reference: str
    name: str
    sha256: str
    records_sha256: str
    record_count: int
    made_at: datetime
    made_by: str
    why: str
    errors: int | None = None
    signature: Mapping[str, str] | None = None
    submitted_at: datetime | None = None
    handed_over_at: datetime | None = None
    verdict: State | None = None
    answer_sha256: str | None = None
    answered_at: datetime | None = None
    refused: tuple[str, ...] = ()
    refusals: tuple[Mapping[str, Any], ...] = ()
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing as its events tell it."""

    filing_id: str
    key: FilingKey
    number: int
    state: State
    versions: tuple[Version, ...] = ()
    waiting_since: datetime | None = None
    timeouts: int = 0
    corrected_by: tuple[str, ...] = ()

    @property
    def version(self) -> Version:
        """The newest version. Raises IllegalTransition where nothing was filed."""
        if not self.versions:
            raise IllegalTransition(f"{self.filing_id} has no document: {self.state}.", filing_id=self.filing_id, allowed=[])
        return self.versions[-1]

    @property
    def was_submitted(self) -> bool:
        """Whether a version of it was ever sent."""
        return any(one.submitted_at for one in self.versions)

    @property
    def first_submitted_at(self) -> datetime | None:
        """When the authority was first sent something."""
        return min((one.submitted_at for one in self.versions if one.submitted_at), default=None)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The steps that it may take now."""
        steps = {str(kind) for kind, states in _MAY_FOLLOW.items() if self.state in states}
        if self.was_submitted:
            steps -= {str(State.DRAFT), str(State.SUBMITTED)}
        else:
            steps -= {str(State.FIXED), str(State.RESUBMITTED)}
        return tuple(sorted(steps))

    @classmethod
    def begun(cls, event: Event) -> Self:
        """The filing that a DRAFT or NOT_NEEDED event begins. Raises IllegalTransition for another kind."""
        assert event.filing_id is not None
        key, number = FilingKey.of(event.filing_id)
        if event.kind not in (State.DRAFT, State.NOT_NEEDED):
            first = [str(State.DRAFT), str(State.NOT_NEEDED)]
            raise IllegalTransition(
                f"{event.filing_id}: {event.kind} cannot be the first step; draft it.", filing_id=event.filing_id, allowed=first
            )
        versions = (_version(1, event),) if event.kind == State.DRAFT else ()
        return cls(event.filing_id, key, number, State(event.kind), versions)

    def after(self, event: Event) -> Filing:
        """The filing after one more event. Raises IllegalTransition, with the steps that are allowed, when it cannot follow."""
        kind = event.kind
        if kind in _ANYWHERE:
            return self
        if kind not in self.allowed:
            told = ", ".join(self.allowed) or "none"
            raise IllegalTransition(
                f"{self.filing_id}: {kind} cannot follow {self.state}; allowed: {told}.",
                filing_id=self.filing_id,
                allowed=list(self.allowed),
            )
        facts, at = event.facts, event.at
        match kind:
            case State.DRAFT | State.FIXED:
                return replace(self, state=State(kind), versions=(*self.versions, _version(len(self.versions) + 1, event)))
            case "findings":
                return self._with(self.state, errors=facts["errors"])
            case State.VALIDATED:
                return self._with(State.VALIDATED, errors=0)
            case State.SIGNED:
                return self._with(State.SIGNED, signature=dict(facts["signature"]))
            case State.SUBMITTED | State.RESUBMITTED:
                return replace(self._with(State(kind), submitted_at=at), waiting_since=at, timeouts=0)
            case "handed_over":
                sent = State.RESUBMITTED if any(one.submitted_at for one in self.versions[:-1]) else State.SUBMITTED
                after = State.PENDING if self.state is State.PENDING else sent
                return replace(self._with(after, handed_over_at=at), waiting_since=at)
            case State.PENDING:
                return replace(self, state=State.PENDING, waiting_since=at)
            case State.TIMED_OUT:
                return replace(self, state=State.TIMED_OUT, timeouts=self.timeouts + 1, waiting_since=at)
            case State.ACKED | State.PARTLY | State.NACKED:
                return replace(self._answered(State(kind), event), waiting_since=None)
        by = facts.get("by_filing")
        return replace(self, state=State(kind), corrected_by=(*self.corrected_by, by) if by else self.corrected_by)

    def _answered(self, state: State, event: Event) -> Filing:
        facts = event.facts
        return self._with(
            state,
            verdict=state,
            answered_at=event.at,
            answer_sha256=facts["answer_sha256"],
            refused=tuple(facts["refused"]),
            refusals=tuple(facts["refusals"]),
            damaged=facts["damaged"],
        )

    def _with(self, state: State, **changes: Any) -> Filing:
        """This filing in a state, with facts about its newest version."""
        return replace(self, state=state, versions=(*self.versions[:-1], replace(self.versions[-1], **changes)))


def _version(number: int, event: Event) -> Version:
    facts = event.facts
    if facts["version"] != number:
        raise Broken(f"{event.filing_id}: version {facts['version']} stands where {number} should.", filing_id=event.filing_id)
    return Version(
        number,
        facts["reference"],
        facts["name"],
        facts["sha256"],
        facts["records_sha256"],
        facts["record_count"],
        event.at,
        event.by,
        event.why,
    )
