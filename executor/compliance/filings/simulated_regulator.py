"""An authority that is not there: it takes documents, checks them, answers in its own words, and remembers what it holds.

It answers CARF with the OECD's CARF status message and everything else with ISO 20022 auth.031, so what the desk reads is what real
authorities' schemas allow. How it answers the next messages can be told: at once or late, twice, after or before saying that it
received them, in part, not at all, or with something that is no answer. Its register is what the tests compare with ours.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from domain.foreign_json import read_foreign
from domain.problems import MessageRejected, Unavailable
from executor.compliance.filings.answers.foreign_xml import Element, first_error, parsed, schema_at
from executor.compliance.filings.answers.reading import Schemas
from executor.compliance.filings.answers.writing import Said, carf_status, status_advice
from executor.compliance.filings.door import Delivery, Submission
from executor.compliance.filings.signing import is_signed
from executor.compliance.filings.submitted_records import (
    CARF,
    SCHEMAS,
    SubmittedRecord,
    message_reference_in,
    records_of_json,
    records_of_xml,
)
from executor.ports import Clock

MOST_BYTES = 64 * 1024 * 1024
Malformed = Literal["cut", "bomb", "foreign_namespace", "wrong_reference", "no_xml"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the authority beside the schema: the records it refuses, or with `whole` the whole message for one of them."""

    id: str
    text: str
    refuses: Callable[[SubmittedRecord], bool]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How it deals with a message.

    `after` is how long the answer takes, `times` how often it comes. `received` says when it also tells that it has the message.
    `malformed` comes in place of the answer, which is then only given to whoever asks. `lost` loses the connection before or after the
    message arrived. `silent` answers only when asked. `damaged` finds the message damaged on its way.
    """

    after: timedelta = timedelta(0)
    times: int = 1
    received: Literal["before", "after"] | None = None
    malformed: Malformed | None = None
    lost: Literal["before", "after"] | None = None
    silent: bool = False
    damaged: bool = False


@dataclass(slots=True)
class _Taken:
    """A message that arrived: the hash of its bytes, and the answer to it."""

    sha256: str
    answer: bytes


@dataclass(slots=True)
class _Post:
    """What lies in the outbox of the authority."""

    ready_at: datetime
    delivery: Delivery


@dataclass(slots=True)
class SimulatedRegulator:
    """Takes and answers messages as a `RegulatorDoor`; `schemas` are the official ones, `clock` may be virtual.

    `register` is what it holds: (report, record's name) → digest of the record's content. `rules` may be changed at any time. Nothing
    can be reached while `is_closed`.
    """

    schemas: Schemas
    clock: Clock
    rules: list[Rule] = field(default_factory=list)
    register: dict[tuple[str, str], str] = field(default_factory=dict)
    manners: deque[Manner] = field(default_factory=deque)
    accepted: list[str] = field(default_factory=list)
    is_closed: bool = False
    _taken: dict[str, _Taken] = field(default_factory=dict)
    _post: list[_Post] = field(default_factory=list)
    _sent: int = 0
    _compiled: dict[str, object] = field(default_factory=dict)

    def submit(self, submission: Submission) -> None:
        """Takes a document. The same reference and bytes again are only answered again; other bytes under it are refused."""
        self._reached()
        manner = self.manners.popleft() if self.manners else Manner()
        if manner.lost == "before":
            raise Unavailable("The connection to the authority was lost.")
        known, sha256 = self._taken.get(submission.reference), hashlib.sha256(submission.content).hexdigest()
        if known is not None and known.sha256 == sha256:
            answer = known.answer
        elif known is not None:
            answer = self._written(submission, Said(submission.reference, refused_whole=(("DUPL", "This reference was used before."),)))
        else:
            answer = self._written(submission, self._judged(submission, manner))
            self._taken[submission.reference] = _Taken(sha256, answer)
        self._answer(submission, answer, manner)
        if manner.lost == "after":
            raise Unavailable("The connection to the authority was lost.")

    def ask(self, reference: str) -> bool | None:
        """Whether it has the message; its answer comes again."""
        self._reached()
        known = self._taken.get(reference)
        if known is not None:
            self._send(known.answer, timedelta(0))
        return known is not None

    def deliveries(self) -> Sequence[Delivery]:
        """What is ready by now and was not taken."""
        self._reached()
        now = self.clock.now()
        return [post.delivery for post in sorted(self._post, key=lambda post: post.ready_at) if post.ready_at <= now]

    def done(self, name: str) -> None:
        """The delivery was taken."""
        self._post = [post for post in self._post if post.delivery.name != name]

    def send(self, content: bytes, after: timedelta = timedelta(0)) -> None:
        """Puts anything into its outbox: what a stranger would send."""
        self._send(content, after)

    @property
    def answered(self) -> frozenset[str]:
        """The references of the messages that arrived."""
        return frozenset(self._taken)

    def answer_again(self, reference: str) -> None:
        """Sends the answer to a message once more, unasked."""
        self._send(self._taken[reference].answer, timedelta(0))

    def _reached(self) -> None:
        if self.is_closed:
            raise Unavailable("The authority cannot be reached.")

    def _judged(self, submission: Submission, manner: Manner) -> Said:
        """What it says of a message that it sees for the first time; accepted records enter the register."""
        reference = submission.reference
        if manner.damaged:
            return Said(reference, damaged=True, refused_whole=(("DMGD", "The message arrived damaged."),))
        if not is_signed(submission.content, submission.signature):
            return Said(reference, refused_whole=(("SIGN", "The signature is not one of these bytes."),))
        fault, records = self._read(submission)
        if fault:
            return Said(reference, refused_whole=(fault,))
        refused: dict[str, tuple[str, str]] = {}
        for rule in self.rules:
            for record in records:
                if rule.refuses(record):
                    if rule.whole:
                        return Said(reference, refused_whole=((rule.id, rule.text),))
                    refused.setdefault(record.name, (rule.id, rule.text))
        report_id, names = submission.report_id, {record.name for record in records}
        places = {(report_id, name) for record in records for name in (record.name, record.corrects or record.name)}
        before = {place: self.register[place] for place in places if place in self.register}
        for record in records:  # the records of one name stand or fall together
            fault = self._enter(submission.report_id, record) if record.name not in refused else None
            if fault:
                refused[record.name] = fault
                self._take_back(submission.report_id, [one for one in records if one.name == record.name], before)
        if names and names <= refused.keys():
            return Said(reference, refused_whole=(("ALLR", "Every record is refused."),), refused=refused)
        self.accepted.append(reference)
        return Said(reference, refused=refused)

    def _read(self, submission: Submission) -> tuple[tuple[str, str] | None, list[SubmittedRecord]]:
        """The first fault of the document, or its records."""
        content = submission.content
        if content.lstrip()[:1] in (b"{", b"["):
            try:
                return None, records_of_json(read_foreign(content))
            except ValueError as error:
                return ("SCHM", f"It is no JSON: {error}"[:300]), []
        if content.lstrip()[:1] != b"<":
            return None, [SubmittedRecord(submission.reference, "NEW", None, hashlib.sha256(content).hexdigest())]
        try:
            root = parsed(content, MOST_BYTES)
        except MessageRejected as problem:
            return ("SCHM", problem.message[:300]), []
        schema = SCHEMAS.get(_namespace(root))
        if schema is not None:
            if schema not in self._compiled:
                self._compiled[schema] = schema_at(self.schemas.path(schema))
            if error := first_error(self._compiled[schema], root):
                return ("SCHM", error[:300]), []
        inside = message_reference_in(root)
        if inside is not None and inside != submission.reference:
            return ("REFR", f"The document calls itself {inside[:100]}."), []
        records = records_of_xml(root)
        if schema is None:  # it can only be told from others by its reference
            records = [SubmittedRecord(submission.reference, "NEW", None, one.digest) for one in records]
        return None, records

    def _enter(self, report_id: str, record: SubmittedRecord) -> tuple[str, str] | None:
        """Enters a record into the register, or says why it cannot stand there."""
        place = (report_id, record.name)
        corrected = (report_id, record.corrects or record.name)
        if record.action == "NEW":
            if place in self.register:
                return "HELD", f"A record {record.name} is held already."
        elif corrected not in self.register:
            return "NHLD", f"No record {corrected[1]} is held."
        else:
            del self.register[corrected]
        if record.action != "CANCEL":
            self.register[place] = record.digest
        return None

    def _take_back(self, report_id: str, records: Sequence[SubmittedRecord], before: dict[tuple[str, str], str]) -> None:
        for record in records:
            for name in {record.name, record.corrects or record.name}:
                self.register.pop((report_id, name), None)
                if (report_id, name) in before:
                    self.register[report_id, name] = before[report_id, name]

    def _answer(self, submission: Submission, answer: bytes, manner: Manner) -> None:
        received = None if _is_carf(submission) else status_advice(Said(submission.reference, received=True))
        if manner.received == "before" and received:
            self._send(received, timedelta(0))
        for _ in range(0 if manner.silent else manner.times):
            self._send(_spoilt(answer, manner.malformed), manner.after)
        if manner.received == "after" and received:
            self._send(received, manner.after)

    def _written(self, submission: Submission, said: Said) -> bytes:
        if not _is_carf(submission):
            return status_advice(said)
        return carf_status(said, f"{submission.reference[:140]}-answer", self.clock.now())

    def _send(self, content: bytes, after: timedelta) -> None:
        self._sent += 1
        self._post.append(_Post(self.clock.now() + after, Delivery(f"answer-{self._sent:06d}.xml", content)))


def _is_carf(submission: Submission) -> bool:
    return CARF.encode() in submission.content[:4096]


def _namespace(root: Element) -> str:
    return str(root.tag).partition("}")[0].lstrip("{")


def _spoilt(answer: bytes, how: Malformed | None) -> bytes:
    """The answer as it must not be believed."""
    match how:
        case "cut":
            return answer[: len(answer) // 2]
        case "bomb":
            bomb = (
                b'<!DOCTYPE a [<!ENTITY x "aaaaaaaaaa"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;&y;&y;">]><a>&z;</a>'
            )
            return b'<?xml version="1.0"?>' + bomb
        case "foreign_namespace":
            return answer.replace(b"urn:", b"urn:example:")
        case "wrong_reference":
            return answer.replace(b"-1<", b"-999<").replace(b"-2<", b"-998<").replace(b"-3<", b"-997<")
        case "no_xml":
            return b"503 Service Unavailable"
    return answer
